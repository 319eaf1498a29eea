"""What is waited for crosses the database exactly, and rows of the release before are understood."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, Zone
from airflow_provider_wedata.waiting.condition import Condition
from airflow_provider_wedata.waiting.encoding import UnknownVersion, decode_moment, encode_moment
from airflow_provider_wedata.waiting.parameters import parse_watch
from airflow_provider_wedata.waiting.rows import decode_watch, encode_watch, known_deadline
from airflow_provider_wedata.waiting.watch import Watch

ZONES = [
    UTC,
    timezone(timedelta(hours=8)),
    timezone(timedelta(hours=-12)),
    timezone(timedelta(hours=5, minutes=30), "IST"),
    timezone(timedelta(hours=8, minutes=5, seconds=43, microseconds=7)),
    ZoneInfo("UTC"),
    ZoneInfo("Asia/Shanghai"),
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/St_Johns"),
]
EDGES = [
    "0001-01-01T00:00:00",
    "0001-01-01T08:00:00",
    "9999-12-31T23:59:59.999999",
    "9998-12-31T23:59:59",
    "2026-10-25T02:30:00",  # twice in Berlin
    "2026-03-29T02:30:00",  # never in Berlin
    "1900-12-31T23:54:17",
]
moments = st.builds(
    lambda naive, zone, fold: naive.replace(tzinfo=zone, fold=fold),
    st.datetimes() | st.sampled_from(EDGES).map(datetime.fromisoformat),
    st.sampled_from(ZONES),
    st.sampled_from([0, 1]),
)
texts = st.text(max_size=6) | st.sampled_from(
    ["None", " x ", "a,b", "", "null", "\ud83d", "\x00", "[1]", "5"]
)
windows = st.builds(TimeWindow, st.none() | moments, st.none() | moments)
numbers = st.none() | st.integers(-(2**70), 2**70)
names = st.lists(texts, max_size=4).map(tuple)
states = st.frozensets(texts | st.sampled_from(["COMPLETED", "PAUSED_BY_TOMORROW"]), max_size=3)
queries = st.builds(
    InstanceQuery,
    project_id=texts,
    zone=st.sampled_from(["UTC+8", "utc-5", "UTC+05:30", "UTC", "Europe/Berlin", "Asia/Shanghai"]).map(Zone),
    schedule=windows,
    start=windows,
    last_update=windows,
    keyword=st.none() | texts,
    task_ids=names,
    instance_keys=names,
    workflow_id=st.none() | texts,
    folder_id=st.none() | texts,
    owner_uin=st.none() | texts,
    executor_group_id=st.none() | texts,
    task_type_id=numbers,
    cycle_type=st.none() | texts,
    instance_type=numbers,
    instance_state=st.none() | texts,
    sort_column=st.none() | texts,
    sort_type=st.none() | texts,
)
conditions = st.builds(
    Condition,
    allowed=states,
    failed=states,
    skipped=states,
    per_id=numbers,
    at_least=numbers,
    exactly=numbers,
    completed_after=st.none() | moments,
    counted=st.booleans(),
)
BEIJING = Zone("UTC+8")
WATCH = parse_watch(
    {"task_ids": ["20250714200130207"], "schedule_date": "2026-03-01", "completed_after": "2026-03-01"},
    project_id="1460947878944567296",
    time_zone=BEIJING,
)
ROW = encode_watch(WATCH)


def stored(row: Any) -> Any:
    """Return what comes out of the database for it."""
    return json.loads(json.dumps(row, allow_nan=False))


@settings(max_examples=200, deadline=None)
@given(query=queries, condition=conditions)
def test_whatever_can_be_built_comes_out_as_it_went_in(query: InstanceQuery, condition: Condition) -> None:
    watch = Watch(query, condition)
    assert watch == decode_watch(stored(encode_watch(watch)))


@settings(max_examples=300, deadline=None)
@given(moments)
def test_a_moment_comes_out_with_its_offset_and_its_zone(moment: datetime) -> None:
    out = decode_moment(encode_moment(moment))
    assert moment == out
    assert (moment.utcoffset(), str(moment)) == (out.utcoffset(), str(out))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-03-01T00:00:00",
        "20260301T000000+08:00",
        "2026-03-01 00:00:00+08:00",
        "2026-03-01T00:00:00Z",
        "2026-03-01T00:00:00+08:00]",
        "2026-03-01T00:00:00+08:00[]",
        "2026-03-01T00:00:00+08:00[Mars/Olympus]",
        "2026-13-01T00:00:00+08:00",
        1772337600,
        None,
    ],
)
def test_what_was_never_written_is_no_moment(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_moment(text)


def test_where_zone_data_differ_the_offset_rules() -> None:
    assert datetime(2026, 3, 1, tzinfo=UTC) == decode_moment("2026-03-01T05:00:00+05:00[Europe/Berlin]")


def test_a_time_without_an_offset_is_not_written() -> None:
    query = InstanceQuery(project_id="1", zone=BEIJING, schedule=TimeWindow(datetime(2026, 3, 1), None))  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone"):
        encode_watch(Watch(query, Condition()))


def test_a_field_never_heard_of_is_ignored_in_the_same_version() -> None:
    more = {"new": 1}
    row = ROW | more | {"query": ROW["query"] | more, "condition": ROW["condition"] | more}
    assert decode_watch(stored(row)) == WATCH


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None])
def test_another_version_is_refused_as_such(version: object) -> None:
    with pytest.raises(UnknownVersion, match="knows only version 1"):
        decode_watch(ROW | {"version": version})


@pytest.mark.parametrize("part", ["query", "condition"])
def test_a_field_that_is_missing_or_odd_is_refused_by_name(part: str) -> None:
    for name in ROW[part]:
        rest = {key: value for key, value in ROW[part].items() if key != name}
        for odd in ({}, {name: {"no": "such"}}, {name: 1.5}):
            with pytest.raises(ValueError, match=name):
                decode_watch(ROW | {part: rest | odd})


@pytest.mark.parametrize("row", [None, [], "row", {"version": 1}, {"version": 1, "query": None}, {}])
def test_what_is_no_row_is_refused(row: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_watch(row)


# As the release before wrote it, which had no version

FILTERS = {
    "project_id": "1460947878944567296",
    "workflow_id": "1f0911b9",
    "owner_uin": "100",
    "task_type_id": 35,
    "cycle_type": "DAY_CYCLE",
    "instance_type": 1,
    "schedule_time_from": "2026-03-01T01:00:00+00:00",
    "schedule_time_to": "2026-03-01T22:59:59+00:00",
    "time_zone": "Europe/Berlin",
    "allowed_states": ["COMPLETED", "SKIP_RUNNING"],
    "failed_states": [],
    "skipped_states": [],
    "min_instances": 3,
    "expected_instances": 4,
    "completed_after": "2026-03-01T03:00:00+01:00",
}


def test_a_row_of_the_release_before_is_understood() -> None:
    query = InstanceQuery(
        project_id="1460947878944567296",
        zone=Zone("Europe/Berlin"),
        schedule=TimeWindow(
            datetime(2026, 3, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC)
        ),
        workflow_id="1f0911b9",
        owner_uin="100",
        task_type_id=35,
        cycle_type="DAY_CYCLE",
        instance_type=1,
    )
    condition = Condition(
        allowed=frozenset({"COMPLETED", "SKIP_RUNNING"}),
        failed=frozenset(),
        at_least=3,
        exactly=4,
        completed_after=datetime(2026, 3, 1, 2, tzinfo=UTC),
        counted=True,
    )
    assert Watch(query, condition) == decode_watch(stored(FILTERS))


def test_a_row_of_the_release_before_that_it_could_not_read_is_refused_not_crashed_on() -> None:
    with pytest.raises(ValueError, match="project_id"):
        decode_watch(FILTERS | {"project_id": "None"})


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"version": 2, "started": 5, "timeout": 7.5, "pauses": []}, 12.5),
        ({"version": 2, "started": 5, "timeout": "inf"}, float("inf")),
        ({"started": 5}, 0.0),
        ({"started": 5, "timeout": "long"}, 0.0),
        (None, 0.0),
    ],
)
def test_the_deadline_is_found_in_what_is_not_understood_otherwise(schedule: Any, expected: float) -> None:
    assert expected == known_deadline(schedule)
