"""Rows with undocumented values are written in every format, and the values left out are counted."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import UnreadableAnswer
from airflow_provider_wedata.api.models import FIELD_NAMES, TaskInstance
from airflow_provider_wedata.api.times import WireZone
from airflow_provider_wedata.export.columns import COLUMNS
from airflow_provider_wedata.waiting.condition import Condition

if TYPE_CHECKING:
    from collections.abc import Callable

    Written = Callable[..., tuple[bytes, dict[str, int]]]

ZONE = WireZone(8)
DECIDING = ("InstanceKey", "TaskId", "CurRunDate", "InstanceState", "SchedulerTime")
OTHERS = tuple(name for name in FIELD_NAMES if name not in DECIDING)
NAN, INFINITY = float("nan"), float("inf")
#: A number with more digits than Python converts to text.
TOO_LONG = 10**5000

ODD_TEXTS = st.sampled_from(
    [
        "",
        "-",
        "8",
        "8.0",
        "8000.5",
        "NaN",
        "Infinity",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
        "0002-01-01 00:00:00",
        "9998-12-31 23:59:59",
        "9999-12-31 23:59:59",
        "2026-03-01 00:30:00",
        "2026-03-01T00:30:00+14:00",
        "9" * 5000,
    ]
)
ODD_NUMBERS = st.integers() | st.sampled_from([2**63, -(2**63) - 1, 2**64, 10**30]) | st.floats()
JUNK = st.recursive(
    st.none() | st.booleans() | ODD_NUMBERS | ODD_TEXTS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ODD_ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys((*OTHERS, "FieldOfTomorrow"), JUNK)), max_size=3)


def strictly(data: bytes) -> list[Any]:
    """Parse JSON Lines as a strict JSON parser does."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return [json.loads(line, parse_constant=refuse) for line in data.splitlines()]


def spelled(value: Any) -> Any:
    """Return the value with every number that JSON does not allow as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return {name: spelled(item) for name, item in value.items()} if isinstance(value, dict) else value


def is_too_large(value: object) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def stored(value: Any) -> Any:
    """Return the value as parquet stores it."""
    return None if is_too_large(value) else list(value) if isinstance(value, tuple) else value


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@settings(max_examples=60)
@given(odd=ODD_ROWS)
def test_rows_of_junk_are_written_in_every_format(
    odd: list[dict[str, Any]], raw: Callable[..., Any], written: Written
) -> None:
    raws = [raw(number) | junk for number, junk in enumerate(odd)]
    before = repr(raws)
    rows = [TaskInstance.parse(one, ZONE) for one in raws]
    left_out = Counter(name for row in rows for name in row.unreadable)

    data, counts = written(raws)
    assert ([spelled(one) for one in raws], {}) == (strictly(data), counts)

    data, counts = written(raws, "csv")
    header, *lines = csv.reader(io.StringIO(data.decode(), newline=""))
    assert (list(FIELD_NAMES), left_out) == (header, Counter(counts))
    assert [row.instance_key for row in rows] == [line[FIELD_NAMES.index("InstanceKey")] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert {""} >= {line[FIELD_NAMES.index(name)] for name in row.unreadable}

    data, counts = written(raws, "parquet")
    values = [{column.name: getattr(row, column.attribute) for column in COLUMNS} for row in rows]
    too_large = Counter(name for row in values for name, value in row.items() if is_too_large(value))
    assert left_out + too_large == Counter(counts)
    assert [{name: stored(value) for name, value in row.items()} for row in values] == pq.read_table(
        io.BytesIO(data)
    ).to_pylist()
    assert before == repr(raws)  # the rows are unchanged


@settings(max_examples=200)
@given(name=st.sampled_from(DECIDING), junk=JUNK)
def test_a_deciding_field_is_parsed_or_refused_and_no_junk_is_done(
    name: str, junk: Any, raw: Callable[..., Any]
) -> None:
    try:
        row = TaskInstance.parse(raw() | {name: junk}, ZONE)
    except UnreadableAnswer:
        return
    assert junk is row.raw[name]
    assert name not in row.unreadable
    if name == "InstanceState":
        assert junk == row.state
        assert Condition().label(row) != "COMPLETED"


@pytest.mark.parametrize(
    "bad",
    [
        {"CostTime": ""},
        {"CostTime": 8000.5},
        {"OwnerUinList": "100028448903"},
        {"TaskTypeId": "Shell"},
        {"EndTime": "-"},
        {"EndTime": "0000-00-00 00:00:00"},
        {"EndTime": "0001-01-01 00:00:00"},
        {"CostTime": TOO_LONG},
    ],
)
@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_a_value_that_can_not_be_parsed_is_null_and_counted(
    name: str, bad: dict[str, Any], raw: Callable[..., Any], written: Written
) -> None:
    (field,) = bad
    data, counts = written([raw(1), raw(2) | bad, raw(3) | bad], name)
    nulls, none = written([raw(1), raw(2) | {field: None}, raw(3) | {field: None}], name)
    assert (nulls, {field: 2}, {}) == (data, counts, none)


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_what_is_not_written_is_not_counted(name: str, raw: Callable[..., Any], written: Written) -> None:
    _, counts = written([raw(CostTime="", EndTime="-")], name, fields=["InstanceKey", "EndTime"])
    assert {"EndTime": 1} == counts


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_too_large_for_parquet_is_null_there_only(
    number: int, raw: Callable[..., Any], written: Written
) -> None:
    rows = [raw(CostTime=number), raw(CostTime=2**63 - 1), raw(CostTime=None), raw(CostTime=-(2**63))]
    data, counts = written(rows, "parquet", fields=["CostTime"])
    assert [None, 2**63 - 1, None, -(2**63)] == pq.read_table(io.BytesIO(data))["CostTime"].to_pylist()
    assert {"CostTime": 1} == counts
    data, counts = written(rows, "csv", fields=["CostTime", "Tries"])
    assert (f"{number},1", {}) == (data.decode().splitlines()[1], counts)


class TestStrictJson:
    def test_what_json_does_not_allow_is_text(self, raw: Callable[..., Any], written: Written) -> None:
        row = raw(CostTime=INFINITY, Tries=NAN, New={"deep": [-INFINITY, 1.5, 10**30]}, TaskName="\ud83d")
        expected = row | {"CostTime": "Infinity", "Tries": "NaN", "New": {"deep": ["-Infinity", 1.5, 10**30]}}
        data, counts = written([row])
        assert ([expected], {}) == (strictly(data), counts)
        data, counts = written([row], fields=["CostTime"])
        assert (b'{"CostTime":"Infinity"}\n', {}) == (data, counts)

    @pytest.mark.parametrize(
        "value", [TOO_LONG, {"New": [TOO_LONG]}, nested(sys.getrecursionlimit())], ids=type
    )
    def test_what_can_not_be_written_at_all_is_null_and_counted(
        self, value: Any, raw: Callable[..., Any], written: Written
    ) -> None:
        data, counts = written([raw(1), raw(2) | {"New": value, "CostTime": INFINITY}])
        assert [raw(1), raw(2) | {"New": None, "CostTime": "Infinity"}] == strictly(data)
        assert {"New": 1} == counts

    @pytest.mark.parametrize("depth", range(0, sys.getrecursionlimit(), 100))
    def test_no_depth_is_an_error(self, depth: int, raw: Callable[..., Any], written: Written) -> None:
        data, counts = written([raw() | {"New": nested(depth)}])
        written_whole = {} == counts
        assert [raw() | {"New": nested(depth) if written_whole else None}] == strictly(data)
        assert written_whole or depth > 100
