"""A task instance as WeData tells it, and the question that asks for some of them.

Knows the 25 fields of TaskInstance and the 21 parameters of ListTaskInstances, by name, type and order.
Source: https://www.tencentcloud.com/document/product/1174/73817.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.errors import ContradictoryAnswer, UnreadableField, describe
from airflow_provider_wedata.api.times import OPEN, TimeWindow, WireZone, Zone
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


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceQuery:
    """Which instances are asked for: every filter of ListTaskInstances, checked, its times aware.

    `task_ids` and `instance_keys` are exact. WeData only has the fuzzy `Keyword`, so they are sent as keywords
    and `matches` decides.
    """

    project_id: str
    zone: Zone
    schedule: TimeWindow = OPEN
    start: TimeWindow = OPEN
    last_update: TimeWindow = OPEN
    keyword: str | None = None
    task_ids: tuple[str, ...] = ()
    instance_keys: tuple[str, ...] = ()
    workflow_id: str | None = None
    folder_id: str | None = None
    owner_uin: str | None = None
    executor_group_id: str | None = None
    task_type_id: int | None = None
    cycle_type: str | None = None
    instance_type: int | None = None
    instance_state: str | None = None
    sort_column: str | None = None
    sort_type: str | None = None

    @property
    def exact(self) -> bool:
        """True if instances are named, so that their rows must be read and compared."""
        return bool(self.task_ids or self.instance_keys)

    @property
    def keywords(self) -> tuple[str, ...]:
        """The task ids to ask for; empty where no instance is named."""
        return self.task_ids or tuple(dict.fromkeys(task_of(key) for key in self.instance_keys))

    def check(self, row: TaskInstance) -> None:
        """Refuse a row that contradicts the question.

        :raises ContradictoryAnswer: if its SchedulerTime lies outside the window.
        """
        if row.scheduler_time is not None and row.scheduler_time not in self.schedule:
            raise ContradictoryAnswer(
                f"WeData answered with instance {row.instance_key!r}, SchedulerTime {row.scheduler_time}, for the "
                f"window {self.schedule.describe(self.zone)} (TimeZone {self.zone.wire}): a time zone was "
                "misread. Check time_zone, and report it if it is right"
            )

    def matches(self, row: TaskInstance) -> bool:
        """Return whether the row is one of those asked for, and no chance find of the keyword."""
        if self.instance_keys and row.instance_key not in self.instance_keys:
            return False
        return not self.task_ids or row.task_id in self.task_ids

    def to_filters(self) -> dict[str, Any]:
        """Return the query as the filters that a user would give for it, in JSON's types."""
        plain = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name not in {"zone", "schedule", "start", "last_update"}
        }
        windows = {
            "schedule_time": self.schedule,
            "start_time": self.start,
            "last_update_time": self.last_update,
        }
        ends = {f"{name}_from": window.start for name, window in windows.items()} | {
            f"{name}_to": window.end for name, window in windows.items()
        }
        return {
            **{
                name: list(value) if isinstance(value, tuple) else value
                for name, value in plain.items()
                if value not in (None, ())
            },
            **{name: moment.isoformat() for name, moment in ends.items() if moment},
            "time_zone": self.zone.name,
        }

    def describe(self) -> str:
        """Return the question in words, times on the user's clock."""
        filters = [
            f"{name} {value}"
            for name, value in self.to_filters().items()
            if not name.endswith(("_from", "_to", "_zone"))
        ]
        windows = {"scheduled": self.schedule, "started": self.start, "last updated": self.last_update}
        when = [f"{name} {window.describe(self.zone)}" for name, window in windows.items() if window != OPEN]
        return f"instances {', '.join([*when, *filters])}"

    def parameters(self) -> dict[str, str | int]:
        """Return the filters as ListTaskInstances has them; exact ids are left to the caller's keyword."""
        zone = self.zone.wire
        filters = {
            "ProjectId": self.project_id,
            "Keyword": self.keyword,
            "TimeZone": str(zone),
            "InstanceType": self.instance_type,
            "InstanceState": self.instance_state,
            "TaskTypeId": self.task_type_id,
            "CycleType": self.cycle_type,
            "OwnerUin": self.owner_uin,
            "FolderId": self.folder_id,
            "WorkflowId": self.workflow_id,
            "ExecutorGroupId": self.executor_group_id,
            **_window("ScheduleTime", self.schedule, zone),
            **_window("StartTime", self.start, zone),
            **_window("LastUpdateTime", self.last_update, zone),
            "SortColumn": self.sort_column,
            "SortType": self.sort_type,
        }
        return {name: value for name, value in filters.items() if value is not None}


def task_of(instance_key: str) -> str:
    """Return the task's id in an InstanceKey, which is ``<TaskId>_<CurRunDate>`` in every official sample."""
    return instance_key.rpartition("_")[0]


def _window(name: str, window: TimeWindow, zone: WireZone) -> dict[str, str | None]:
    return {
        f"{name}From": zone.write(window.start) if window.start else None,
        f"{name}To": zone.write(window.end) if window.end else None,
    }


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
