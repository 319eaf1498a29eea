"""A task instance of WeData: the names, types and order of its 25 fields, and its states.

The set of states is open: an unknown one is kept unchanged and counts as "not finished". How a single value is
parsed is left to values.py.
Source: https://www.tencentcloud.com/document/product/1174/73817.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.errors import UnreadableField, describe
from airflow_provider_wedata.api.values import (
    parse_number,
    parse_text,
    parse_texts,
    parse_time,
    parse_word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider_wedata.api.times import WireZone

#: Rows; the largest page of WeData.
PAGE_SIZE = 100

CYCLE_TYPES = (
    "ONEOFF_CYCLE",
    "YEAR_CYCLE",
    "MONTH_CYCLE",
    "WEEK_CYCLE",
    "DAY_CYCLE",
    "HOUR_CYCLE",
    "MINUTE_CYCLE",
    "CRONTAB_CYCLE",
)
INSTANCE_TYPES = {"backfill": 0, "cyclic": 1, "non_cyclic": 2}
SORT_COLUMNS = ("SCHEDULE_DATE", "START_TIME", "END_TIME", "COST_TIME")
SORT_TYPES = ("ASC", "DESC")


class InstanceState(StrEnum):
    """The eight documented states of a task instance."""

    WAIT_EVENT = "WAIT_EVENT"  # waits for an event
    WAIT_UPSTREAM = "WAIT_UPSTREAM"  # waits for upstream tasks
    WAIT_RUN = "WAIT_RUN"  # waits for a free executor
    RUNNING = "RUNNING"
    FAILED_RETRY = "FAILED_RETRY"  # failed, and WeData will run it again: not final
    SKIP_RUNNING = "SKIP_RUNNING"  # ended without running: its branch was skipped
    EXPIRED = "EXPIRED"  # failed for good, despite the word
    COMPLETED = "COMPLETED"  # succeeded, was a dry run, or was set to success manually


KNOWN = frozenset(InstanceState)


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One row of ListTaskInstances: the documented fields, typed and in documented order, and the raw row.

    Every field may be null. Times are aware; `cost_time` is in milliseconds. `cur_run_date` is the data time
    as text, because WeData does not convert it to the time zone. `state` is kept unchanged, known or not.

    Decisions rest on identity, state and schedule time, so the response is rejected if one can't be parsed. Any
    other field that can't be parsed is None, and `unreadable` names it.
    """

    project_id: str | None = None
    instance_key: str | None = None
    folder_id: str | None = None
    folder_name: str | None = None
    workflow_id: str | None = None
    workflow_name: str | None = None
    task_id: str | None = None
    task_name: str | None = None
    cur_run_date: str | None = None
    state: str | None = None
    instance_type: int | None = None
    owner_uin_list: tuple[str, ...] | None = None
    total_run_num: int | None = None
    task_type: str | None = None
    task_type_id: int | None = None
    cycle_type: str | None = None
    try_limit: int | None = None
    tries: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    cost_time: int | None = None
    scheduler_time: datetime | None = None
    last_update_time: datetime | None = None
    executor_group_id: str | None = None
    executor_group_name: str | None = None
    #: The row as received, including unknown fields.
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    #: WeData's names of the fields that are None because they could not be parsed.
    unreadable: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @property
    def identity(self) -> str:
        """A unique id of the instance: its key, or the parts of a key if that is null."""
        return self.instance_key or f"{self.task_id}_{self.cur_run_date}"

    @staticmethod
    def parse(raw: Mapping[str, Any], zone: WireZone) -> TaskInstance:
        """Parse a row.

        :param zone: the TimeZone of the request, in which the response's times are.
        :raises UnreadableField: if an essential field can't be parsed.
        """
        if not isinstance(raw, dict):
            raise UnreadableField(f"an item of the list is {describe(raw)}; expected an object")
        values: dict[str, Any] = {}
        unreadable = []
        for name, wire, parse in _FIELDS:
            try:
                values[name] = parse(raw.get(wire), zone)
            except ValueError as error:
                if wire in _STRICT:
                    raise _unreadable(raw, wire, error) from None
                unreadable.append(wire)
        return TaskInstance(**values, raw=raw, unreadable=frozenset(unreadable))


def _unreadable(raw: Mapping[str, Any], name: str, expected: ValueError) -> UnreadableField:
    return UnreadableField(f"{name} is {describe(raw.get(name))}; expected {expected}")


#: The essential fields: identity, state and window of an instance. No gate may open on a guess at them.
_STRICT = frozenset({"InstanceKey", "TaskId", "CurRunDate", "InstanceState", "SchedulerTime"})

_PARSERS: dict[str, Callable[[Any, WireZone], Any]] = {
    "str | None": lambda value, _zone: parse_text(value),
    "int | None": lambda value, _zone: parse_number(value),
    "tuple[str, ...] | None": lambda value, _zone: parse_texts(value),
    "datetime | None": parse_time,
}
#: Fields that decisions compare as words. A number, as in WeData's older API, is invalid here.
_WORDS = frozenset({"InstanceState", "CycleType"})


def _wire_name(name: str) -> str:
    return "InstanceState" if name == "state" else name.title().replace("_", "")


def _parser(name: str, kind: str) -> Callable[[Any, WireZone], Any]:
    return (lambda value, _zone: parse_word(value)) if name in _WORDS else _PARSERS[kind]


# Derived from the class, so that each field is defined once.
_FIELDS = tuple(
    (item.name, wire, _parser(wire, str(item.type)))
    for item in fields(TaskInstance)
    if item.compare
    for wire in [_wire_name(item.name)]
)
#: The documented fields of TaskInstance in WeData's own names and order.
FIELD_NAMES = tuple(wire for _, wire, _ in _FIELDS)
