"""A task instance as WeData shows it: the 25 fields of TaskInstance, by name, type and order, and its states.

The set of states is open: a word that is not here is kept as it came and counts as "not finished".
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

#: The largest page that WeData gives.
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
    WAIT_UPSTREAM = "WAIT_UPSTREAM"  # waits for the tasks before it
    WAIT_RUN = "WAIT_RUN"  # waits for a free executor
    RUNNING = "RUNNING"
    FAILED_RETRY = "FAILED_RETRY"  # failed, and WeData will run it again: not the end
    SKIP_RUNNING = "SKIP_RUNNING"  # ended without running: its branch was skipped
    EXPIRED = "EXPIRED"  # failed for good, whatever the word says
    COMPLETED = "COMPLETED"  # succeeded, was run dry, or was set to success by hand


KNOWN = frozenset(InstanceState)


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One row of ListTaskInstances: the documented fields, typed, in documented order, and the row itself.

    Every field may be null. Times are aware; `cost_time` is in milliseconds. `cur_run_date` is the data time
    as text, for WeData does not move it with the time zone. `state` is kept as it came, known or not.

    Identity, state and schedule time decide, so they are read or the answer is refused. Any other field that can't
    be read is None, and `unreadable` names it.
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
    #: The row as it came, fields never heard of included.
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    #: WeData's names of the fields that are None because their values could not be read.
    unreadable: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @property
    def identity(self) -> str:
        """What tells this instance from every other: its key, or what a key is made of if it is null."""
        return self.instance_key or f"{self.task_id}_{self.cur_run_date}"

    @staticmethod
    def parse(raw: Mapping[str, Any], zone: WireZone) -> TaskInstance:
        """Return the row with its fields typed; `zone` is the TimeZone that was sent.

        :raises UnreadableField: if a field that decides can't be read.
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


#: What tells instances apart, whether they are done, and which window they are of. No gate opens on a guess at it.
_STRICT = frozenset({"InstanceKey", "TaskId", "CurRunDate", "InstanceState", "SchedulerTime"})

_PARSERS: dict[str, Callable[[Any, WireZone], Any]] = {
    "str | None": lambda value, _zone: parse_text(value),
    "int | None": lambda value, _zone: parse_number(value),
    "tuple[str, ...] | None": lambda value, _zone: parse_texts(value),
    "datetime | None": parse_time,
}
#: Words that a decision compares: a number, such as WeData's older API had here, is not one of them.
_WORDS = frozenset({"InstanceState", "CycleType"})


def _wire_name(name: str) -> str:
    return "InstanceState" if name == "state" else name.title().replace("_", "")


def _parser(name: str, kind: str) -> Callable[[Any, WireZone], Any]:
    return (lambda value, _zone: parse_word(value)) if name in _WORDS else _PARSERS[kind]


# Derived from the class, so that a field is written down once.
_FIELDS = tuple(
    (item.name, wire, _parser(wire, str(item.type)))
    for item in fields(TaskInstance)
    if item.compare
    for wire in [_wire_name(item.name)]
)
#: The documented fields of TaskInstance in WeData's own names and order.
FIELD_NAMES = tuple(wire for _, wire, _ in _FIELDS)
