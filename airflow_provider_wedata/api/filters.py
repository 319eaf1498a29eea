"""Parses a user's filters into an `InstanceQuery`, or rejects them with the reason.

Knows the filters' names and which forms are accepted: numbers and lists as text, times in several forms. A filter
that is present but empty is an error, never "no filter": the wrong instances would count. Times are left to
times.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api import times
from airflow_provider_wedata.api.errors import InvalidRequest, describe
from airflow_provider_wedata.api.models import CYCLE_TYPES, INSTANCE_TYPES, KNOWN, SORT_COLUMNS, SORT_TYPES
from airflow_provider_wedata.api.query import InstanceQuery, task_of
from airflow_provider_wedata.api.times import TimeWindow, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

_DIGITS = re.compile("[0-9]{1,18}")
#: Floats and JSON hold every whole number up to here; a larger one may have lost its last digits.
_LARGEST = 2**53
#: Characters that no id or word has, and that events, logs and databases can't store.
_UNENCODABLE = re.compile("[\0\ud800-\udfff]")
# A list as templates render it. Checked before parsing: Python would parse ['7' '8'], as numpy writes it, as the
# single id 78, and [7_0] as 70.
_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[0-9]+)\s*"""
_LIST = re.compile(rf"\[\s*(?:{_ITEM}(?:,\s*{_ITEM})*(?:,\s*)?)?\]")
#: Filters that exclude each other, and why.
_EXCLUSIVE = (
    ("keyword", "task_ids", "both are sent as WeData's Keyword"),
    ("keyword", "instance_keys", "both are sent as WeData's Keyword"),
    ("schedule_date", "schedule_time_from", "the day is the whole window"),
    ("schedule_date", "schedule_time_to", "the day is the whole window"),
    ("schedule_date", "schedule_time_before", "the day is the whole window"),
    ("schedule_time_to", "schedule_time_before", "a window has one end, inclusive or exclusive"),
)


def check_together(names: Collection[str]) -> None:
    """Check that no two filters contradict each other, whatever their values.

    :raises InvalidRequest: if two do; it names both and the reason.
    """
    for one, other, why in _EXCLUSIVE:
        if one in names and other in names:
            raise InvalidRequest(one, f"cannot be used together with {other}: {why}. Give one of them")


def parse_query(filters: Mapping[str, object], *, project_id: str, time_zone: Zone) -> InstanceQuery:
    """Parse a user's filters into a query.

    :param filters: only those that the user set, by name.
    :param project_id: the connection's project, used if no filter names one.
    :param time_zone: the connection's time zone, used for naive times if no filter names one.
    :raises InvalidRequest: if a filter is invalid; it names the filter, its value and what was expected.
    """
    for name in filters:
        if name not in FILTERS:
            raise InvalidRequest(name, f"no such filter; expected some of {', '.join(sorted(FILTERS))}")
    check_together(filters)
    zone = Zone.parse(filters["time_zone"]) if "time_zone" in filters else time_zone
    values = {name: parse(filters[name], name) for name, parse in _PARSERS.items() if name in filters}
    if project_id:  # empty where there is no connection yet
        values = {"project_id": parse_text(project_id, "project_id"), **values}
    query = InstanceQuery(
        **{"project_id": "", **values},  # type: ignore[arg-type]  # each parser returns its field's type
        zone=zone,
        schedule=_schedule(filters, zone),
        start=_window(filters, zone, "start_time"),
        last_update=_window(filters, zone, "last_update_time"),
    )
    _check_keys(query)
    return query


def parse_text(value: object, field: str) -> str:
    """Parse an id or a word. Accepts whole numbers but no floats, which may have lost digits.

    :raises InvalidRequest: if it is anything else or empty, such as a template that rendered to nothing.
    """
    text = _text(value)
    if text in {"", "None"}:
        raise InvalidRequest(
            field,
            f"{describe(value)} is not valid; expected non-empty text or an int. Correct it or leave it out",
        )
    if _UNENCODABLE.search(text):
        raise InvalidRequest(
            field, f"{describe(value)} is not valid; expected text without U+0000 and half surrogates"
        )
    return text


def parse_texts(value: object, field: str) -> tuple[str, ...]:
    """Parse several ids: a list, text with commas, or a list as text, as templates render it.

    :raises InvalidRequest: if there is none, or if one is invalid.
    """
    items = _split(value.strip(), field) if isinstance(value, str) else _each(value)
    texts = tuple(dict.fromkeys(parse_text(item, field) for item in items))
    if not texts:
        raise InvalidRequest(
            field, f"{describe(value)} is empty; expected at least one item. Correct it or leave it out"
        )
    for text in texts:
        if "," in text:
            raise InvalidRequest(
                field, f"{describe(text)} has a comma, which separates ids; expected one id per item"
            )
    return texts


def parse_number(value: object, field: str, least: int = 0) -> int:
    """Parse a whole number of any numeric type, or as text.

    :param least: the smallest accepted number.
    :raises InvalidRequest: if it is anything else or too small.
    """
    number = _whole(value)
    if number is None or number < least:
        raise InvalidRequest(
            field, f"{describe(value)} is not valid; expected a whole number from {least} up"
        )
    return number


def one_of(words: Iterable[str]) -> Callable[[object, str], str]:
    """Return a parser for a word of a documented set."""
    known = tuple(words)

    def parse(value: object, field: str) -> str:
        text = parse_text(value, field)
        if text not in known:
            raise InvalidRequest(field, f"{describe(text)} is not known; expected one of {', '.join(known)}")
        return text

    return parse


def _instance_type(value: object, field: str) -> int:
    number = INSTANCE_TYPES.get(_text(value), _whole(value))
    if number is None or number not in INSTANCE_TYPES.values():
        raise InvalidRequest(
            field, f"{describe(value)} is not known; expected 0 or backfill, 1 or cyclic, 2 or non_cyclic"
        )
    return number


def _text(value: object) -> str:
    """Return text or a whole number as text; empty if the value is neither."""
    if isinstance(value, str):
        return value.strip()
    try:
        if isinstance(value, Integral) and not isinstance(value, bool):
            return str(int(value))
    except ValueError:  # Python refuses to print over 4,300 digits
        return ""
    # 1.46E+18 and 8.00 may have been rounded, and an id needs all its digits.
    return str(value) if isinstance(value, Decimal) and str(value).isdecimal() else ""


def _whole(value: object) -> int | None:
    """Return the value as a whole number from 0 up, whatever its type; None if it is not one."""
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, Number):
        return None
    number: Any = value
    try:
        return int(number) if 0 <= number <= _LARGEST and number == int(number) else None
    except (TypeError, ValueError, ArithmeticError):  # a complex number; a Decimal that is not a number
        return None


def _each(value: Any) -> Iterator[object]:
    if isinstance(value, bytes | Mapping):
        return iter([value])
    try:
        return iter(value)
    except TypeError:  # a number, or a numpy array without dimensions
        return iter([value])


def _split(text: str, field: str) -> Iterable[object]:
    if not text.startswith("["):
        return text.split(",")
    try:
        items: list[object] | None = ast.literal_eval(text) if _LIST.fullmatch(text) else None
    except (ValueError, SyntaxError):
        items = None
    if items is None:
        raise InvalidRequest(
            field, f"{describe(text)} begins like a list but is not one; expected ['7', '8'] or 7,8"
        )
    return items


def _schedule(filters: Mapping[str, object], zone: Zone) -> TimeWindow:
    if "schedule_date" in filters:
        return times.whole_day(filters["schedule_date"], zone, "schedule_date")
    window = _window(filters, zone, "schedule_time")
    if "schedule_time_before" not in filters:
        return window
    end = times.second_before(filters["schedule_time_before"], zone, "schedule_time_before")
    return _forward(TimeWindow(window.start, end), filters, "schedule_time_from", "schedule_time_before")


def _window(filters: Mapping[str, object], zone: Zone, name: str) -> TimeWindow:
    start, end = f"{name}_from", f"{name}_to"
    return _forward(
        TimeWindow(
            times.first_second(filters[start], zone, start) if start in filters else None,
            times.last_second(filters[end], zone, end) if end in filters else None,
        ),
        filters,
        start,
        end,
    )


def _forward(window: TimeWindow, filters: Mapping[str, object], start: str, end: str) -> TimeWindow:
    if window.start and window.end and window.start > window.end:
        raise InvalidRequest(
            start,
            f"{describe(filters[start])} leaves no time up to {end}, {describe(filters[end])}; "
            f"expected {start} before {end}",
        )
    return window


def _check_keys(query: InstanceQuery) -> None:
    tasks = frozenset(query.task_ids)
    for key in query.instance_keys:
        if not task_of(key):
            raise InvalidRequest(
                "instance_keys",
                f"{describe(key)} is not an InstanceKey; expected <TaskId>_<yyyy-MM-dd HH:mm:ss>",
            )
        if tasks and task_of(key) not in tasks:
            raise InvalidRequest(
                "instance_keys",
                f"{describe(key)} belongs to none of task_ids {describe(list(query.task_ids))}",
            )


_PARSERS: dict[str, Callable[[object, str], object]] = {
    "project_id": parse_text,
    "keyword": parse_text,
    "task_ids": parse_texts,
    "instance_keys": parse_texts,
    "workflow_id": parse_text,
    "folder_id": parse_text,
    "owner_uin": parse_text,
    "executor_group_id": parse_text,
    "task_type_id": parse_number,
    "cycle_type": one_of(CYCLE_TYPES),
    "instance_type": _instance_type,
    "instance_state": one_of(sorted(KNOWN)),
    "sort_column": one_of(SORT_COLUMNS),
    "sort_type": one_of(SORT_TYPES),
}
_TIMES = (
    "schedule_date",
    "schedule_time_from",
    "schedule_time_to",
    "schedule_time_before",
    "start_time_from",
    "start_time_to",
    "last_update_time_from",
    "last_update_time_to",
)
#: The names of all filters.
FILTERS = (*_PARSERS, *_TIMES, "time_zone")
#: Filters that a wait refuses: an instance can stop matching them as it runs, so an unfinished one could be
#: missed.
LEAVING = frozenset(
    {
        "instance_state",
        "executor_group_id",
        "start_time_from",
        "start_time_to",
        "last_update_time_from",
        "last_update_time_to",
    }
)
