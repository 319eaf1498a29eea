"""A user's parameters become a wait, or are refused with the name of the wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import FILTERS
from airflow_provider_wedata.api.models import CYCLE_TYPES, KNOWN
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.waiting.condition import Condition
from airflow_provider_wedata.waiting.parameters import TERMS, check_names, parse_watch
from airflow_provider_wedata.waiting.rows import decode_watch, encode_watch

if TYPE_CHECKING:
    from airflow_provider_wedata.waiting.watch import Watch

BEIJING = Zone("UTC+8")
DAY = {"schedule_date": "2026-03-01"}
TASKS = DAY | {"task_ids": "7,8"}
KEYS = DAY | {"instance_keys": ["7_2026-03-01 00:00:00", "8_2026-03-01 00:00:00"]}
FLOW = DAY | {"workflow_id": "1f0911b9", "expected_instances": 3}
WINDOW = {"schedule_time_from": "2026-03-01", "schedule_time_to": "2026-03-02", "task_ids": ["7"]}


def watch_of(terms: dict[str, Any]) -> Watch:
    return parse_watch(terms, project_id="1460947878944567296", time_zone=BEIJING)


def without(terms: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in terms.items() if key != name}


class TestWhatAWaitNeeds:
    @pytest.mark.parametrize(
        "terms",
        [
            TASKS,
            KEYS,
            FLOW,
            WINDOW,
            DAY | {"min_instances": "2"},
            DAY | {"keyword": "orders", "expected_instances": 2},
            without(WINDOW, "schedule_time_to") | {"schedule_time_before": "2026-03-02"},
            TASKS | {"instances_per_task": 2, "min_instances": 5, "expected_instances": 6},
            TASKS | KEYS | {"expected_instances": 2},
        ],
    )
    def test_this_is_enough(self, terms: dict[str, Any]) -> None:
        check_names(terms)
        assert watch_of(terms).query.schedule.closed

    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            ({"task_ids": "7"}, "schedule_date"),
            ({"task_ids": "7", "schedule_time_from": "2026-03-01"}, "schedule_time_to"),
            ({"task_ids": "7", "schedule_time_to": "2026-03-01"}, "schedule_time_from"),
            ({"task_ids": "7", "schedule_time_before": "2026-03-01"}, "schedule_time_from"),
            (DAY, "expected_instances"),
            (DAY | {"workflow_id": "1f0911b9"}, "expected_instances"),
            (DAY | {"keyword": "orders"}, "keyword"),
            (DAY | {"keyword": "orders", "min_instances": 2}, "keyword"),
            (DAY | {"instances_per_task": 2}, "instances_per_task"),
            (FLOW | {"instances_per_task": 2}, "instances_per_task"),
        ],
    )
    def test_this_is_not(self, terms: dict[str, Any], field: str) -> None:
        for read in (check_names, watch_of):
            with pytest.raises(InvalidRequest) as refused:
                read(terms)
            assert refused.value.field == field


class TestWhatAWaitCanNotTake:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("instance_state", "COMPLETED"),
            ("executor_group_id", "1"),
            ("start_time_from", "2026-03-01"),
            ("start_time_to", "2026-03-01"),
            ("last_update_time_from", "2026-03-01"),
            ("last_update_time_to", "2026-03-01"),
            ("sort_column", "END_TIME"),
            ("sort_type", "ASC"),
            ("colour", "red"),
            ("task_id", "7"),
        ],
    )
    def test_is_refused_by_its_name_whatever_its_value(self, name: str, value: str) -> None:
        for read in (check_names, watch_of):
            with pytest.raises(InvalidRequest) as refused:
                read(TASKS | {name: value})
            assert refused.value.field == name

    def test_every_other_filter_and_term_is_known(self) -> None:
        refused = set()
        for name in (*FILTERS, *TERMS):
            try:
                check_names({**FLOW, "task_ids": "7", name: None})
            except InvalidRequest as error:
                refused.add(error.field)
        assert refused == {
            "instance_state",
            "executor_group_id",
            "start_time_from",
            "start_time_to",
            "last_update_time_from",
            "last_update_time_to",
            "sort_column",
            "sort_type",
        }


class TestContradictions:
    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            (TASKS | {"keyword": "orders", "expected_instances": 2}, "keyword"),
            (KEYS | {"keyword": "orders", "expected_instances": 2}, "keyword"),
            (TASKS | {"schedule_time_from": "2026-03-01"}, "schedule_date"),
            (TASKS | {"schedule_time_to": "2026-03-01"}, "schedule_date"),
            (TASKS | {"schedule_time_before": "2026-03-01"}, "schedule_date"),
            (WINDOW | {"schedule_time_before": "2026-03-02"}, "schedule_time_to"),
            (WINDOW | {"schedule_time_from": "2026-03-03"}, "schedule_time_from"),
            (
                without(WINDOW, "schedule_time_to") | {"schedule_time_before": "2026-03-01"},
                "schedule_time_from",
            ),
            (TASKS | {"allowed_states": ["EXPIRED"]}, "allowed_states"),
            (TASKS | {"allowed_states": ["RUNNING"], "skipped_states": ["RUNNING"]}, "allowed_states"),
            (TASKS | {"skipped_states": ["EXPIRED"]}, "failed_states"),
            (TASKS | {"min_instances": 4, "expected_instances": 3}, "min_instances"),
            (TASKS | {"expected_instances": 1}, "expected_instances"),
            (TASKS | {"instances_per_task": 2, "expected_instances": 3}, "expected_instances"),
            (KEYS | {"expected_instances": 1}, "expected_instances"),
            (KEYS | {"expected_instances": 3}, "expected_instances"),
            (KEYS | {"min_instances": 3}, "min_instances"),
            (TASKS | KEYS | {"instances_per_task": 1}, "instances_per_task"),
            (TASKS | KEYS | {"task_ids": ["7"]}, "instance_keys"),
            (TASKS | KEYS | {"task_ids": ["7", "8", "9"]}, "task_ids"),
        ],
    )
    def test_are_refused_by_name(self, terms: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            watch_of(terms)
        assert refused.value.field == field


class TestBadValues:
    @pytest.mark.parametrize("name", ["allowed_states", "failed_states", "skipped_states"])
    @pytest.mark.parametrize(
        "value",
        [["DONE"], ["completed"], "COMPLETED,EXPIRED", [None], [""], None, 7, {"RUNNING": 1}, [["RUNNING"]]],
    )
    def test_what_is_no_set_of_known_states(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidRequest) as refused:
            watch_of(TASKS | {name: value})
        assert refused.value.field == name

    def test_a_wait_for_no_state_could_never_end(self) -> None:
        with pytest.raises(InvalidRequest, match="allowed_states: empty"):
            watch_of(TASKS | {"allowed_states": []})

    @pytest.mark.parametrize("name", ["instances_per_task", "min_instances", "expected_instances"])
    @pytest.mark.parametrize("value", [0, "0", -1, "-1", 1.5, "two", "", None, True, [2]])
    def test_what_is_no_count(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidRequest) as refused:
            watch_of(TASKS | {name: value})
        assert refused.value.field == name

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("cycle_type", "DAILY"),
            ("instance_type", "7"),
            ("instance_type", "weekly"),
            ("task_type_id", "Shell"),
            ("task_ids", ""),
            ("task_ids", []),
            ("task_ids", None),
            ("task_ids", "['7'"),
            ("instance_keys", "7"),
            ("instance_keys", ""),
            ("workflow_id", "None"),
            ("workflow_id", ""),
            ("folder_id", None),
            ("owner_uin", " "),
            ("project_id", ""),
            ("time_zone", "Middle/Earth"),
            ("time_zone", ""),
            ("schedule_date", ""),
            ("schedule_date", None),
            ("schedule_date", "tomorrow"),
            ("completed_after", None),
            ("completed_after", "soon"),
        ],
    )
    def test_what_is_no_value_for_a_filter(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidRequest) as refused:
            watch_of(TASKS | {"min_instances": 1} | {name: value})
        assert refused.value.field == name

    def test_what_rendered_to_nothing_is_never_no_filter(self) -> None:
        with pytest.raises(InvalidRequest, match="workflow_id: '' is not valid"):
            watch_of(FLOW | {"workflow_id": ""})


class TestWhatItMeans:
    def test_by_default_completed_ends_it_and_expired_fails_it(self) -> None:
        condition = Condition(allowed=frozenset({"COMPLETED"}), failed=frozenset({"EXPIRED"}))
        assert condition == watch_of(TASKS).condition

    @pytest.mark.parametrize(
        ("terms", "counted"),
        [
            (TASKS, False),
            (TASKS | {"instances_per_task": 1}, True),
            (TASKS | {"min_instances": 1}, True),
            (TASKS | {"expected_instances": 2}, True),
            (KEYS, True),
            (FLOW, True),
        ],
    )
    def test_who_names_keys_or_a_number_gave_a_count(self, terms: dict[str, Any], counted: bool) -> None:
        assert counted == watch_of(terms).condition.counted

    def test_states_may_be_one_word_or_any_collection(self) -> None:
        values = [["RUNNING"], ("RUNNING",), {"RUNNING"}, frozenset({"RUNNING"}), "RUNNING", " RUNNING "]
        allowed = [watch_of(TASKS | {"allowed_states": value}).condition.allowed for value in values]
        assert allowed == [frozenset({"RUNNING"})] * len(values)

    def test_counts_may_be_text(self) -> None:
        terms = TASKS | {"instances_per_task": "2", "min_instances": " 3 ", "expected_instances": "4"}
        condition = watch_of(terms).condition
        assert (condition.per_id, condition.at_least, condition.exactly) == (2, 3, 4)

    def test_or_whole_numbers_of_any_type(self) -> None:
        terms = TASKS | {"instances_per_task": 2.0, "min_instances": Decimal(3), "expected_instances": 4.0}
        condition = watch_of(terms).condition
        assert (condition.per_id, condition.at_least, condition.exactly) == (2, 3, 4)
        with pytest.raises(
            InvalidRequest, match=r"^min_instances: 3\.5 is not valid; expected a whole number from 1"
        ):
            watch_of(TASKS | {"min_instances": 3.5})

    @pytest.mark.parametrize("after", ["20260301100000+0800", 1770123100000, "2026030112", "2026-W09", 1.5])
    def test_completed_after_is_a_time_or_refused(self, after: Any) -> None:
        with pytest.raises(InvalidRequest, match=r"^completed_after: .* is not a time; expected"):
            watch_of(TASKS | {"completed_after": after})

    @pytest.mark.parametrize(
        ("after", "zone", "moment"),
        [
            ("2026-03-01 12:00:00", "UTC+8", datetime(2026, 3, 1, 4, tzinfo=UTC)),
            ("2026-03-01T12:00:00+01:00", "UTC+8", datetime(2026, 3, 1, 11, tzinfo=UTC)),
            ("2026-03-01", "UTC-5", datetime(2026, 3, 1, 5, tzinfo=UTC)),
            (
                datetime(2026, 3, 1, 4, 0, 0, 1, tzinfo=UTC),
                "UTC+8",
                datetime(2026, 3, 1, 4, 0, 1, tzinfo=UTC),
            ),
        ],
    )
    def test_completed_after_is_read_in_the_zone_of_the_wait(
        self, after: Any, zone: str, moment: datetime
    ) -> None:
        terms = TASKS | {"completed_after": after, "time_zone": zone}
        assert moment == watch_of(terms).condition.completed_after

    @pytest.mark.parametrize(
        ("after", "moment"),
        [
            ("2026-10-25 02:30:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
            ("2026-10-25T02:30:00+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
            ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ],
    )
    def test_where_the_clock_is_put_back_or_forward_the_later_moment_counts(
        self, after: str, moment: datetime
    ) -> None:
        read = watch_of(TASKS | {"completed_after": after, "time_zone": "Europe/Berlin"})
        assert moment == (read.condition.completed_after or moment.max).astimezone(UTC)


# There and back

ids = st.text("0123456789", min_size=1, max_size=20)
words = st.text("abcdef-0123456789", min_size=1, max_size=36)
zones = st.sampled_from(["UTC+8", "UTC", "UTC-5", "UTC+05:30", "Europe/Berlin", "Asia/Shanghai"])
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@st.composite
def what_users_write(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(moments)
    sets = draw(st.permutations(sorted(KNOWN)))
    first, second, third = sorted(draw(st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))))
    some: dict[str, st.SearchStrategy[Any]] = {
        "workflow_id": words,
        "folder_id": words,
        "owner_uin": ids,
        "project_id": ids,
        "task_type_id": st.integers(0, 99),
        "cycle_type": st.sampled_from(CYCLE_TYPES),
        "instance_type": st.sampled_from([0, 1, 2, "backfill", "cyclic", "non_cyclic"]),
        "time_zone": zones,
        "completed_after": moments,
        "min_instances": st.integers(1, 9),
    }
    window = draw(
        st.sampled_from(
            [
                {"schedule_date": start},
                {"schedule_date": f"{start:%Y-%m-%d}"},
                {"schedule_time_from": start, "schedule_time_to": start + timedelta(hours=5)},
                {"schedule_time_from": start, "schedule_time_before": start + timedelta(hours=5)},
                {"schedule_time_from": start.date(), "schedule_time_to": start.date()},
            ]
        )
    )
    named = draw(
        st.one_of(
            st.fixed_dictionaries(
                {"task_ids": st.lists(ids, min_size=1, max_size=4)},
                optional={"instances_per_task": st.integers(1, 3), "expected_instances": st.integers(50, 60)},
            ),
            st.fixed_dictionaries({"keyword": words, "expected_instances": st.integers(50, 60)}),
            st.fixed_dictionaries({"expected_instances": st.integers(50, 60)}),
        )
    )
    states = {
        "allowed_states": sets[:first],
        "failed_states": sets[first:second],
        "skipped_states": sets[second:third],
    }
    return {**draw(st.fixed_dictionaries({}, optional=some)), **window, **named, **states}


class TestThereAndBack:
    @given(what_users_write())
    @settings(max_examples=300, deadline=None)
    def test_a_wait_survives_being_written_down_as_json(self, terms: dict[str, Any]) -> None:
        watch = watch_of(terms)
        written = json.loads(json.dumps(encode_watch(watch)))
        assert watch == decode_watch(written)

    @pytest.mark.parametrize(
        "terms",
        [
            {"schedule_date": "9998-12-30", "time_zone": "UTC-12"},
            {"schedule_date": "0002-01-02", "time_zone": "UTC+14"},
            {"schedule_time_from": "0002-01-01T00:00:00Z", "schedule_time_to": "9998-12-31T23:59:59Z"},
            DAY | {"completed_after": "9998-12-31T23:59:59Z", "time_zone": "UTC+14"},
            DAY | {"completed_after": "0002-01-01T00:00:00Z", "time_zone": "UTC-12"},
            DAY
            | {"completed_after": "1850-01-01", "time_zone": "Europe/Berlin"},  # its offset then had seconds
        ],
    )
    def test_so_does_one_at_the_edge_of_the_calendar(self, terms: dict[str, Any]) -> None:
        watch = watch_of({"task_ids": "7"} | terms)
        assert watch.summary()["about"] == watch.describe()
        written = json.loads(json.dumps(encode_watch(watch)))
        assert watch == decode_watch(written)

    @pytest.mark.parametrize("terms", [TASKS, KEYS, TASKS | KEYS, FLOW, WINDOW])
    def test_so_do_named_instances(self, terms: dict[str, Any]) -> None:
        watch = watch_of(terms)
        written = json.loads(json.dumps(encode_watch(watch)))
        assert watch == decode_watch(written)
