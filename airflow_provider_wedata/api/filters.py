"""What a user writes as a filter, read into an `InstanceQuery`, or refused with a reason.

Knows the users' names and how forgiving to be: numbers as text, lists as text, times of every kind. A filter
that was given but turns out empty is an error, never "no filter": it would let the wrong instances count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from airflow_provider_wedata.api import clock
from airflow_provider_wedata.api.clock import Window, Zone
from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.instance import (
    CYCLE_TYPES,
    INSTANCE_TYPES,
    SORT_COLUMNS,
    SORT_TYPES,
    InstanceQuery,
    task_of,
)
from airflow_provider_wedata.api.states import KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

#: The most that an int64 takes in any case.
_DIGITS = 18
#: Filters that cannot stand together, and why.
_EXCLUSIVE = (
    ("keyword", "task_ids", "both are sent as WeData's Keyword"),
    ("keyword", "instance_keys", "both are sent as WeData's Keyword"),
    ("schedule_date", "schedule_time_from", "the day is the whole window"),
    ("schedule_date", "schedule_time_to", "the day is the whole window"),
    ("schedule_date", "schedule_time_before", "the day is the whole window"),
    ("schedule_time_to", "schedule_time_before", "a window has one end, inclusive or exclusive"),
)


def check_together(names: Collection[str]) -> None:
    """Refuse filters that contradict each other, whatever their values.

    :raises InvalidRequest: naming both and the reason.
    """
    for one, other, why in _EXCLUSIVE:
        if one in names and other in names:
            raise InvalidRequest(one, f"cannot be used together with {other}: {why}. Give one of them")


def read_query(given: Mapping[str, object], *, project_id: str, time_zone: Zone) -> InstanceQuery:
    """Return the query that the given filters mean.

    :param given: only the filters that the user gave, by name.
    :param project_id: the connection's, used if no filter names one.
    :param time_zone: the connection's, likewise; naive times are read in it.
    :raises InvalidRequest: naming the filter, its value and what was expected.
    """
    for name in given:
        if name not in FILTERS:
            raise InvalidRequest(name, f"no such filter; expected some of {', '.join(sorted(FILTERS))}")
    check_together(given)
    zone = Zone.read(given["time_zone"]) if "time_zone" in given else time_zone
    values = {name: read(given[name], name) for name, read in _READERS.items() if name in given}
    query = InstanceQuery(
        **{"project_id": project_id, **values},  # type: ignore[arg-type]  # each reader returns its field's type
        zone=zone,
        schedule=_schedule(given, zone),
        start=_window(given, zone, "start_time"),
        last_update=_window(given, zone, "last_update_time"),
    )
    _check_keys(query)
    return query


def read_text(value: object, field: str) -> str:
    """Return an id or a word as text; a number is accepted.

    :raises InvalidRequest: if nothing is left of it, as of a template that rendered to nothing.
    """
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text in {"", "None"}:
        raise InvalidRequest(
            field, f"given, but it is {value!r}; expected text. Leave the filter out or mend it"
        )
    return text


def read_texts(value: object, field: str) -> tuple[str, ...]:
    """Return several ids: a list, text with commas, or a list as text, as templates render it."""
    items = _split(value.strip(), field) if isinstance(value, str) else value
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        items = [items]
    texts = tuple(dict.fromkeys(read_text(item, field) for item in items))
    if not texts:
        raise InvalidRequest(
            field, f"given, but it is {value!r}; expected at least one. Leave it out or mend it"
        )
    for text in texts:
        if "," in text:
            raise InvalidRequest(field, f"{text!r} has a comma, which separates ids; expected one id an item")
    return texts


def read_number(value: object, field: str, least: int = 0) -> int:
    """Return a whole number that may have been given as text."""
    text = read_text(value, field)
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < least:
        raise InvalidRequest(field, f"{value!r} is not valid; expected a whole number from {least} up")
    return int(text)


def one_of(words: Iterable[str]) -> Callable[[object, str], str]:
    """Return a reader for a word of a documented set."""
    known = tuple(words)

    def read(value: object, field: str) -> str:
        text = read_text(value, field)
        if text not in known:
            raise InvalidRequest(field, f"{text!r} is not known; expected one of {', '.join(known)}")
        return text

    return read


def _instance_type(value: object, field: str) -> int:
    numbers = INSTANCE_TYPES | {str(number): number for number in INSTANCE_TYPES.values()}
    number = numbers.get(read_text(value, field))
    if number is None:
        raise InvalidRequest(
            field, f"{value!r} is not known; expected 0 or backfill, 1 or cyclic, 2 or non_cyclic"
        )
    return number


def _split(text: str, field: str) -> object:
    if not text.startswith("["):
        return text.split(",")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise InvalidRequest(field, f"{text!r} begins like a list but is none") from None


def _schedule(given: Mapping[str, object], zone: Zone) -> Window:
    if "schedule_date" in given:
        return clock.whole_day(given["schedule_date"], zone, "schedule_date")
    window = _window(given, zone, "schedule_time")
    if "schedule_time_before" not in given:
        return window
    end = clock.second_before(given["schedule_time_before"], zone, "schedule_time_before")
    return _forward(Window(window.start, end), given, "schedule_time_from", "schedule_time_before")


def _window(given: Mapping[str, object], zone: Zone, name: str) -> Window:
    start, end = f"{name}_from", f"{name}_to"
    return _forward(
        Window(
            clock.first_second(given[start], zone, start) if start in given else None,
            clock.last_second(given[end], zone, end) if end in given else None,
        ),
        given,
        start,
        end,
    )


def _forward(window: Window, given: Mapping[str, object], start: str, end: str) -> Window:
    if window.start and window.end and window.start > window.end:
        raise InvalidRequest(
            start, f"{given[start]} leaves nothing up to {end}, {given[end]}; expected {start} before {end}"
        )
    return window


def _check_keys(query: InstanceQuery) -> None:
    for key in query.instance_keys:
        if not task_of(key):
            raise InvalidRequest(
                "instance_keys", f"{key!r} is no InstanceKey; expected <TaskId>_<yyyy-MM-dd HH:mm:ss>"
            )
        if query.task_ids and task_of(key) not in query.task_ids:
            raise InvalidRequest(
                "instance_keys", f"{key!r} belongs to none of task_ids {list(query.task_ids)}"
            )


_READERS: dict[str, Callable[[object, str], object]] = {
    "project_id": read_text,
    "keyword": read_text,
    "task_ids": read_texts,
    "instance_keys": read_texts,
    "workflow_id": read_text,
    "folder_id": read_text,
    "owner_uin": read_text,
    "executor_group_id": read_text,
    "task_type_id": read_number,
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
#: Every filter by the name that users know.
FILTERS = (*_READERS, *_TIMES, "time_zone")
#: What a wait cannot take: a row can leave these by living, and an unfinished row would be overlooked.
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
