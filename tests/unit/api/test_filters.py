"""What a user writes as a filter: what it means, and every way in which it is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api import filters
from airflow_provider_wedata.api.clock import OPEN, Window, Zone
from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import FILTERS, LEAVING, read_query
from airflow_provider_wedata.api.operations import list_task_instances

if TYPE_CHECKING:
    from airflow_provider_wedata.api.instance import InstanceQuery

UTC8 = Zone("UTC+8")
DAY = Window(datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC))
FULL: dict[str, object] = {
    "project_id": 1460947878944567296,
    "keyword": "orders",
    "workflow_id": "w",
    "folder_id": "f",
    "owner_uin": 100039182306,
    "executor_group_id": "e",
    "task_type_id": "35",
    "cycle_type": "DAY_CYCLE",
    "instance_type": "cyclic",
    "instance_state": "COMPLETED",
    "schedule_time_from": "2026-03-01",
    "schedule_time_to": date(2026, 3, 1),
    "start_time_from": datetime(2026, 3, 1, tzinfo=UTC),
    "start_time_to": "2026-03-02T00:00:00+00:00",
    "last_update_time_from": "2026-03-01 01:02:03.5",
    "last_update_time_to": "2026-03-01 01:02:04.5",
    "sort_column": "SCHEDULE_DATE",
    "sort_type": "ASC",
    "time_zone": "UTC+8",
}


def read(**given: object) -> InstanceQuery:
    return read_query(given, project_id="of the connection", time_zone=UTC8)


def refused(**given: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        read(**given)
    return error.value


def test_a_query_with_everything_sends_every_parameter() -> None:
    assert list_task_instances(read(**FULL)).parameters == {
        "ProjectId": "1460947878944567296",
        "PageNumber": 1,
        "PageSize": 100,
        "Keyword": "orders",
        "TimeZone": "UTC+8",
        "InstanceType": 1,
        "InstanceState": "COMPLETED",
        "TaskTypeId": 35,
        "CycleType": "DAY_CYCLE",
        "OwnerUin": "100039182306",
        "FolderId": "f",
        "WorkflowId": "w",
        "ExecutorGroupId": "e",
        "ScheduleTimeFrom": "2026-03-01 00:00:00",
        "ScheduleTimeTo": "2026-03-01 23:59:59",
        "StartTimeFrom": "2026-03-01 08:00:00",
        "StartTimeTo": "2026-03-02 08:00:00",
        "LastUpdateTimeFrom": "2026-03-01 01:02:04",
        "LastUpdateTimeTo": "2026-03-01 01:02:04",
        "SortColumn": "SCHEDULE_DATE",
        "SortType": "ASC",
    }


def test_without_filters_only_project_and_time_zone_are_sent() -> None:
    assert read().parameters() == {"ProjectId": "of the connection", "TimeZone": "UTC+8"}
    assert read().schedule == OPEN


def test_what_a_wait_cannot_take_are_filters() -> None:
    assert set(FILTERS) > LEAVING


EXACT = {name: value for name, value in FULL.items() if name != "keyword"} | {
    "task_ids": ["7", "8"],
    "instance_keys": ["7_2026-03-01 00:00:00"],
}


@given(
    chosen=st.sets(st.sampled_from(sorted({*FULL, *EXACT}))),
    zone=st.sampled_from(["UTC+8", "UTC-5", "UTC+05:30", "Europe/Berlin"]),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  # wall-clock times
    length=st.timedeltas(timedelta(hours=3), timedelta(days=99)),
    whole=st.booleans(),
)
def test_what_a_query_says_of_itself_is_read_as_the_same_query(
    chosen: set[str], zone: str, start: datetime, length: timedelta, whole: bool
) -> None:
    given = {
        name: value for name, value in (FULL if "keyword" in chosen else EXACT).items() if name in chosen
    }
    if whole and not chosen & {"schedule_time_from", "schedule_time_to"}:
        given["schedule_date"] = start.date()
    given |= {name: start for name in given if name.endswith("_from")}
    given |= {name: start + length for name in given if name.endswith("_to")}
    query = read_query(given, project_id="1", time_zone=Zone(zone))
    told = json.loads(json.dumps(query.given()))
    assert query == read_query(told, project_id="another", time_zone=Zone("UTC+3"))


TEXTS = ("project_id", "keyword", "workflow_id", "folder_id", "owner_uin", "executor_group_id")
WORDS = ("cycle_type", "instance_state", "sort_column", "sort_type")
NOTHING = ["", " ", "None", None, [], {}, False, True, 1.5, b"7"]


@pytest.mark.parametrize("value", NOTHING, ids=repr)
@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_that_rendered_to_nothing_or_to_nonsense_is_refused_by_name(
    name: str, value: object
) -> None:
    assert name == refused(**{name: value}).field


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("value", "read_as"), [("7", "7"), (7, "7"), (" a b ", "a b"), ("0", "0")])
def test_an_id_is_text_or_a_number(name: str, value: object, read_as: str) -> None:
    assert read_as == getattr(read(**{name: value}), name)


LISTS = [["7", "8"], ("7", 8), [7, "8", "7"], (item for item in ("7", "8"))]
TEXT_LISTS = ["7,8", " 7 , 8 ", "['7', '8']", '["7", "8"]', "[7, 8]", "[7, 8,]"]


@pytest.mark.parametrize("value", [*LISTS, *TEXT_LISTS], ids=str)
def test_several_ids_may_be_given_as_a_list_or_as_text(value: object) -> None:
    assert read(task_ids=value).task_ids == ("7", "8")


@pytest.mark.parametrize("value", [7, "7", "[7]", ["7"]])
def test_one_id_is_a_list_of_one(value: object) -> None:
    assert read(task_ids=value).task_ids == ("7",)


BAD_TEXTS = [
    "[]",
    "[7",
    "[None]",
    "[7, '']",
    "[[7]]",
    "[{[]: 1}]",
    "[" * 3000,
    "[7] + [8]",
    "[7],[8]",
    "7,,8",
    ",",
]
BAD_LISTS = [["7", None], ["7", "None"], ["7,8"], "['7,8']", [["7"]], [True], [1.0], {"7": 8}, b"7"]


@pytest.mark.parametrize("name", ["task_ids", "instance_keys"])
@pytest.mark.parametrize("value", [*BAD_TEXTS, *BAD_LISTS], ids=lambda value: str(value)[:20])
def test_ids_of_any_other_shape_are_refused(name: str, value: object) -> None:
    assert name == refused(**{name: value}).field


@pytest.mark.parametrize("value", ["-1", -1, "1.0", "x", "1e3", "9" * 5000], ids=lambda value: str(value)[:9])
def test_a_task_type_is_a_whole_number(value: object) -> None:
    assert refused(task_type_id=value).field == "task_type_id"
    assert read(task_type_id="35").task_type_id == read(task_type_id=35).task_type_id == 35


def test_a_number_may_have_a_least_value() -> None:
    assert filters.read_number("3", "n", least=3) == 3
    with pytest.raises(InvalidRequest, match="a whole number from 3 up"):
        filters.read_number(2, "n", least=3)


NUMBERS = [("backfill", 0), ("cyclic", 1), ("non_cyclic", 2), (0, 0), ("1", 1), (2, 2)]


@pytest.mark.parametrize(("value", "number"), NUMBERS)
def test_an_instance_type_is_a_number_or_a_word(value: object, number: int) -> None:
    assert number == read(instance_type=value).instance_type


@pytest.mark.parametrize("value", [3, "-1", "CYCLIC", "9" * 5000])
def test_another_instance_type_is_refused(value: object) -> None:
    assert "expected 0 or backfill, 1 or cyclic, 2 or non_cyclic" in refused(instance_type=value).problem


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("value", ["day", "completed", "COMPLETED,EXPIRED", "0"])
def test_a_word_of_no_documented_set_is_refused_with_the_set(name: str, value: str) -> None:
    assert "is not known; expected one of " in refused(**{name: value}).problem


EXCLUSIVE = {
    "keyword": ("task_ids", "instance_keys"),
    "schedule_date": ("schedule_time_from", "schedule_time_to", "schedule_time_before"),
    "schedule_time_to": ("schedule_time_before",),
}


@pytest.mark.parametrize(
    ("one", "other"), [(one, other) for one, others in EXCLUSIVE.items() for other in others]
)
def test_two_filters_that_contradict_each_other_are_refused_whatever_their_values(
    one: str, other: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"^{one}: cannot be used together with {other}: "):
        read(**{other: "", one: ""})


@pytest.mark.parametrize("name", ["schedule_time", "start_time", "last_update_time"])
def test_a_reversed_window_is_refused(name: str) -> None:
    error = refused(**{f"{name}_from": "2026-03-02", f"{name}_to": "2026-03-01"})
    assert error.field == f"{name}_from"
    assert f"expected {name}_from before {name}_to" in error.problem


@pytest.mark.parametrize("before", ["2026-03-01", "2026-02-28"])
def test_a_window_that_ends_before_it_begins_is_refused(before: str) -> None:
    error = refused(schedule_time_from="2026-03-01", schedule_time_before=before)
    assert "expected schedule_time_from before schedule_time_before" in error.problem


@pytest.mark.parametrize(
    ("given", "window"),
    [
        ({"schedule_date": "2026-03-01"}, DAY),
        ({"schedule_date": datetime(2026, 2, 28, 16, tzinfo=UTC)}, DAY),
        ({"schedule_date": "2026-03-01T15:59:59+00:00"}, DAY),
        ({"schedule_date": "2026-03-01T23:00:00"}, DAY),
        ({"schedule_time_from": "2026-03-01", "schedule_time_to": "2026-03-01"}, DAY),
        ({"schedule_time_from": "2026-03-01", "schedule_time_before": "2026-03-02"}, DAY),
        ({"schedule_time_from": "2026-03-01 00:00:00"}, Window(DAY.start)),
        ({"schedule_time_to": "2026-03-01 23:59:59"}, Window(None, DAY.end)),
        ({"schedule_time_before": date(2026, 3, 2)}, Window(None, DAY.end)),
        (
            {"schedule_time_from": "2026-02-28", "time_zone": "UTC-8"},
            Window(datetime(2026, 2, 28, 8, tzinfo=UTC)),
        ),
    ],
)
def test_a_window_may_be_said_in_many_ways(given: dict[str, object], window: Window) -> None:
    assert window == read(**given).schedule


@pytest.mark.parametrize("key", ["20250714", "_2026-03-01 00:00:00"])
def test_a_key_without_a_task_is_refused(key: str) -> None:
    assert "is no InstanceKey" in refused(instance_keys=key).problem


def test_a_key_of_another_task_than_those_asked_for_is_refused() -> None:
    assert "belongs to none of task_ids ['8']" in refused(instance_keys="7_2026-03-01", task_ids="8").problem


def test_named_instances_are_asked_for_by_task_and_matched_exactly() -> None:
    keys = ["7_2026-03-01 00:00:00", "7_2026-03-02 00:00:00", "8_2026-03-01 00:00:00"]
    query = read(instance_keys=",".join(keys))
    assert query.exact
    assert (query.keywords, query.instance_keys) == (("7", "8"), tuple(keys))
    assert not read(keyword="a").exact
    assert "Keyword" not in query.parameters()


def test_a_filter_that_does_not_exist_is_refused() -> None:
    assert refused(workfow_id="w").field == "workfow_id"
