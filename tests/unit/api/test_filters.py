"""Filters as users write them: what they mean, and every way in which they are refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Never

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_wedata.api import filters
from airflow_provider_wedata.api.errors import InvalidRequest, describe
from airflow_provider_wedata.api.filters import FILTERS, LEAVING, parse_query
from airflow_provider_wedata.api.operations import list_task_instances
from airflow_provider_wedata.api.times import OPEN, TimeWindow, Zone

if TYPE_CHECKING:
    from airflow_provider_wedata.api.query import InstanceQuery

UTC8 = Zone("UTC+8")
DAY = TimeWindow(datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC))
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


def short(value: object) -> str:
    return describe(value)[:20]


def read(**filters: object) -> InstanceQuery:
    return parse_query(filters, project_id="of the connection", time_zone=UTC8)


def refused(**filters: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        read(**filters)
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
def test_the_filters_of_a_query_are_parsed_as_the_same_query(
    chosen: set[str], zone: str, start: datetime, length: timedelta, whole: bool
) -> None:
    filters = {
        name: value for name, value in (FULL if "keyword" in chosen else EXACT).items() if name in chosen
    }
    if whole and not chosen & {"schedule_time_from", "schedule_time_to"}:
        filters["schedule_date"] = start.date()
    filters |= {name: start for name in filters if name.endswith("_from")}
    filters |= {name: start + length for name in filters if name.endswith("_to")}
    query = parse_query(filters, project_id="1", time_zone=Zone(zone))
    written = json.loads(json.dumps(query.to_filters()))
    assert query == parse_query(written, project_id="another", time_zone=Zone("UTC+3"))


TEXTS = ("project_id", "keyword", "workflow_id", "folder_id", "owner_uin", "executor_group_id")
WORDS = ("cycle_type", "instance_state", "sort_column", "sort_type")
NOTHING: list[object] = ["", " ", "None", None, [], {}, False, True, 1.5, b"7"]


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


@Integral.register
class Int64:
    """A whole number that is not an int, as in numpy."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __int__(self) -> int:
        return self._value

    def __eq__(self, other: object) -> bool:
        return self._value == other

    def __hash__(self) -> int:
        return hash(self._value)

    def __ge__(self, other: int) -> bool:
        return self._value >= other

    def __le__(self, other: int) -> bool:
        return self._value <= other

    def __repr__(self) -> str:
        return f"Int64({self._value})"


class Array:
    """An array without dimensions, as in numpy: it claims to be iterable but is not."""

    def __iter__(self) -> Never:
        raise TypeError("iteration over a 0-d array")


LONG_ID = 1460947878944567296
NO_IDS = [float(LONG_ID), 7.0, Decimal("1.46E+18"), Decimal("7.0"), Decimal("NaN"), Fraction(7), 7j, Array()]
ROUNDED_ONCE = [*NO_IDS, 10**5000, "a\0b", "\ud83d", "None\n"]


@pytest.mark.parametrize("name", [*TEXTS, "task_ids", "instance_keys"])
def test_an_id_has_all_its_digits_or_is_refused(name: str) -> None:
    for value in ROUNDED_ONCE:
        assert name == refused(**{name: value}).field
        assert name == refused(**{name: [value]}).field


@pytest.mark.parametrize("value", [LONG_ID, Int64(LONG_ID), Decimal(LONG_ID), f" {LONG_ID} "])
def test_an_id_may_be_a_whole_number_of_any_type_that_has_all_digits(value: object) -> None:
    assert str(LONG_ID) == read(project_id=value).project_id
    assert (str(LONG_ID),) == read(task_ids=value).task_ids == read(task_ids=[value]).task_ids


@pytest.mark.parametrize("project_id", ["None", " None", "\ud800", 10**5000, 7.5, True], ids=short)
def test_the_connections_project_is_read_like_the_filter(project_id: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^project_id: "):
        parse_query({}, project_id=project_id, time_zone=UTC8)  # type: ignore[arg-type]  # as a hook may be given it
    assert parse_query({}, project_id=7, time_zone=UTC8).project_id == "7"  # type: ignore[arg-type]
    assert parse_query({"project_id": "8"}, project_id="7", time_zone=UTC8).project_id == "8"


LISTS = [["7", "8"], ("7", 8), [7, "8", "7"], (item for item in ("7", "8"))]
TEXT_LISTS = ["7,8", " 7 , 8 ", "['7', '8']", '["7", "8"]', "[7, 8]", "[7, 8,]"]


@pytest.mark.parametrize("value", [*LISTS, *TEXT_LISTS], ids=str)
def test_several_ids_may_be_given_as_a_list_or_as_text(value: object) -> None:
    assert read(task_ids=value).task_ids == ("7", "8")


READ_AS_OTHER_IDS_ONCE = ["['7' '8']", "['7''8']", "['1',\n '7' '8']", "[7_0]", "[0x10]", "[7 8]"]


@pytest.mark.parametrize(
    "text", [*READ_AS_OTHER_IDS_ONCE, "['7', b'8']", "[u'7']", "['7'", "[7]]", "[['7']]"]
)
def test_a_list_as_text_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    assert "begins like a list but is not one; expected ['7', '8'] or 7,8" in refused(task_ids=text).problem


names = st.lists(
    st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()), min_size=1, max_size=4
)


@given(names=names)
@example(names=["it's", 'a "b"', "c\\", "[d]", "'", "é", "\U0001f600"])
def test_a_list_as_text_is_the_list(names: list[str]) -> None:
    try:
        ids = read(task_ids=names).task_ids
    except InvalidRequest:
        return
    assert ids == read(task_ids=str(names)).task_ids
    assert ids == read(task_ids=json.dumps(names, ensure_ascii=False)).task_ids


def test_a_long_and_ragged_text_is_refused_at_once() -> None:
    texts = ["[7" + " " * 100_000, "[" + "7, " * 100_000, "['" + "\\" * 100_001, "[" * 100_000]
    assert {"task_ids"} == {refused(task_ids=text).field for text in texts}


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


WHOLE = [8, 8.0, "8", " 8\n", "08", Decimal(8), Decimal("8.0"), Fraction(8), Int64(8)]
NO_NUMBERS = [
    8.5,
    "8.0",
    Decimal("8.5"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("1e999999999"),
    Decimal("-1e999999999"),
]
NOR_THESE = [
    float("nan"),
    float("inf"),
    -1.0,
    2.0**60,
    10**5000,
    8j,
    Fraction(17, 2),
    Int64(-8),
    True,
    "",
    None,
    [8],
]
NO_DIGITS = ["\uff18", "\u0668", "+8", "8e0", "8_0", "0x8", "\u00b2"]


@pytest.mark.parametrize("value", WHOLE, ids=repr)
def test_a_whole_number_may_be_of_any_type(value: object) -> None:
    number = filters.parse_number(value, "n")
    assert (8, int) == (number, type(number))


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOR_THESE, *NO_DIGITS], ids=short)
def test_what_is_no_whole_number_is_refused_as_such(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^n: .* is not valid; expected a whole number from 1 up$"):
        filters.parse_number(value, "n", least=1)


@given(st.integers(0, 10**19) | st.floats(0, 1e19))
def test_an_accepted_number_is_read_again(value: float) -> None:
    accepted: list[int] = []
    for form in (value, str(value)):
        with suppress(InvalidRequest):
            accepted.append(filters.parse_number(form, "n"))
    for number in accepted:
        assert number == value
        assert number == filters.parse_number(json.loads(json.dumps(number)), "n")


def test_a_number_may_have_a_least_value() -> None:
    assert filters.parse_number("3", "n", least=3) == 3
    with pytest.raises(InvalidRequest, match="a whole number from 3 up"):
        filters.parse_number(2, "n", least=3)


NUMBERS = [("backfill", 0), ("cyclic", 1), ("non_cyclic", 2), (0, 0), ("1", 1), (2, 2)]
NUMBERS += [(" cyclic ", 1), (1.0, 1), (Decimal(2), 2), (Int64(0), 0)]


@pytest.mark.parametrize(("value", "number"), NUMBERS)
def test_an_instance_type_is_a_number_or_a_word(value: object, number: int) -> None:
    assert number == read(instance_type=value).instance_type


@pytest.mark.parametrize("value", [3, "-1", "CYCLIC", "9" * 5000, 0.5, 3.0, True, None, Int64(3)])
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
def test_a_window_at_the_edge_of_the_calendar_can_be_described_written_and_parsed(name: str) -> None:
    for start, end in (("0002-01-01T00:00:00Z", "0002-01-02"), ("9998-12-30", "9998-12-31T23:59:59Z")):
        for zone in ("UTC-12", "UTC+14", "Europe/Berlin"):
            query = read(**{f"{name}_from": start, f"{name}_to": end, "time_zone": zone})
            assert "UTC" in query.describe() or "Berlin" in query.describe()
            assert query.parameters().keys() > {"TimeZone"}
            assert query == read(**query.to_filters())


@pytest.mark.parametrize(
    ("day", "zone"), [("9998-12-31", "UTC-12"), ("0002-01-01", "UTC+14"), ("9999-12-31", "UTC")]
)
def test_a_day_beyond_the_calendar_is_refused(day: str, zone: str) -> None:
    assert refused(schedule_date=day, time_zone=zone).problem == (
        f"{day!r} is beyond the calendar; expected a year from 2 to 9998 in UTC"
    )


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
    ("filters", "window"),
    [
        ({"schedule_date": "2026-03-01"}, DAY),
        ({"schedule_date": datetime(2026, 2, 28, 16, tzinfo=UTC)}, DAY),
        ({"schedule_date": "2026-03-01T15:59:59+00:00"}, DAY),
        ({"schedule_date": "2026-03-01T23:00:00"}, DAY),
        ({"schedule_time_from": "2026-03-01", "schedule_time_to": "2026-03-01"}, DAY),
        ({"schedule_time_from": "2026-03-01", "schedule_time_before": "2026-03-02"}, DAY),
        ({"schedule_time_from": "2026-03-01 00:00:00"}, TimeWindow(DAY.start)),
        ({"schedule_time_to": "2026-03-01 23:59:59"}, TimeWindow(None, DAY.end)),
        ({"schedule_time_before": date(2026, 3, 2)}, TimeWindow(None, DAY.end)),
        (
            {"schedule_time_from": "2026-02-28", "time_zone": "UTC-8"},
            TimeWindow(datetime(2026, 2, 28, 8, tzinfo=UTC)),
        ),
    ],
)
def test_a_window_may_be_written_in_many_ways(filters: dict[str, object], window: TimeWindow) -> None:
    assert window == read(**filters).schedule


@pytest.mark.parametrize("key", ["20250714", "_2026-03-01 00:00:00"])
def test_a_key_without_a_task_is_refused(key: str) -> None:
    assert "is not an InstanceKey" in refused(instance_keys=key).problem


def test_a_key_of_another_task_than_those_asked_for_is_refused() -> None:
    assert "belongs to none of task_ids ['8']" in refused(instance_keys="7_2026-03-01", task_ids="8").problem


def test_many_keys_and_tasks_are_checked_in_one_pass() -> None:
    compared = 0

    class Id(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    tasks = [str(number) for number in range(2000)]
    query = read(task_ids=tasks, instance_keys=[f"{task}_2026-03-01 00:00:00" for task in tasks])
    assert (2000, 2000) == (len(query.task_ids), len(query.instance_keys))
    filters._check_keys(replace(query, task_ids=tuple(map(Id, tasks))))
    assert compared < 2 * len(tasks)


def test_a_message_shows_no_more_of_a_value_than_it_needs() -> None:
    assert len(refused(task_ids=list(range(10_000)), instance_keys="x_1").problem) < 500
    assert len(refused(schedule_date="9" * 10_000).problem) < 500
    assert refused(task_type_id=10**5000).problem == "<int> is not valid; expected a whole number from 0 up"


def test_named_instances_are_asked_for_by_task_and_matched_exactly() -> None:
    keys = ["7_2026-03-01 00:00:00", "7_2026-03-02 00:00:00", "8_2026-03-01 00:00:00"]
    query = read(instance_keys=",".join(keys))
    assert query.exact
    assert (query.keywords, query.instance_keys) == (("7", "8"), tuple(keys))
    assert not read(keyword="a").exact
    assert "Keyword" not in query.parameters()


def test_a_filter_that_does_not_exist_is_refused() -> None:
    assert refused(workfow_id="w").field == "workfow_id"
