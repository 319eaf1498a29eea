"""Which task instances are requested: the 21 parameters of ListTaskInstances.

Parsing a user's filters is left to filters.py; paging and sending to others.

Source: https://www.tencentcloud.com/document/product/1174/73817.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.errors import NAMED, ContradictoryAnswer
from airflow_provider_wedata.api.times import OPEN, TimeWindow, WireZone, Zone

if TYPE_CHECKING:
    from airflow_provider_wedata.api.models import TaskInstance


@dataclass(frozen=True, kw_only=True)
class InstanceQuery:
    """Which instances are requested: every filter of ListTaskInstances, validated, with aware times.

    `task_ids` and `instance_keys` are exact. WeData only has the fuzzy `Keyword`, so they are sent as keywords
    and `matches` filters the rows.

    It has no slots, so that it can cache its ids as sets: otherwise each row is compared with 10,000 ids.
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
        """True if task ids or instance keys are set, so that rows must be filtered by `matches`."""
        return bool(self.task_ids or self.instance_keys)

    @property
    def keywords(self) -> tuple[str, ...]:
        """The task ids to request; empty without task ids and instance keys."""
        return self.task_ids or tuple(dict.fromkeys(task_of(key) for key in self.instance_keys))

    def check(self, row: TaskInstance) -> None:
        """Check that a row does not contradict the request.

        :raises ContradictoryAnswer: if its SchedulerTime lies outside the window.
        """
        if row.scheduler_time is not None and row.scheduler_time not in self.schedule:
            raise ContradictoryAnswer(
                f"WeData returned instance {row.instance_key!r} with SchedulerTime {row.scheduler_time} for the "
                f"window {self.schedule.describe(self.zone)} (TimeZone {self.zone.wire}): a time zone was "
                "misread. Check time_zone; if it is right, report this"
            )

    def matches(self, row: TaskInstance) -> bool:
        """Return whether the row has a requested task id and key, and does not just match the fuzzy keyword."""
        if self.instance_keys and row.instance_key not in self._key_set:
            return False
        return not self.task_ids or row.task_id in self._task_set

    @cached_property
    def _key_set(self) -> frozenset[str]:
        return frozenset(self.instance_keys)

    @cached_property
    def _task_set(self) -> frozenset[str]:
        return frozenset(self.task_ids)

    def to_filters(self) -> dict[str, Any]:
        """Return the query as the user's filters, in JSON types: the inverse of `filters.parse_query`."""
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
        """Describe the query for a message, with times in the user's time zone."""
        filters = [
            f"{name} {_few(value)}"
            for name, value in self.to_filters().items()
            if not name.endswith(("_from", "_to", "_zone"))
        ]
        windows = {"scheduled": self.schedule, "started": self.start, "last updated": self.last_update}
        when = [f"{name} {window.describe(self.zone)}" for name, window in windows.items() if window != OPEN]
        return f"instances {', '.join([*when, *filters])}"

    def parameters(self) -> dict[str, str | int]:
        """Return the parameters of ListTaskInstances. Exact ids are left to the caller, as keywords."""
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
    """Return the task id in an InstanceKey, which is ``<TaskId>_<CurRunDate>`` in every official sample."""
    return instance_key.rpartition("_")[0]


def _few(value: object) -> str:
    if isinstance(value, list) and len(value) > NAMED:
        return f"{value[:NAMED]} and {len(value) - NAMED} more"
    return str(value)


def _window(name: str, window: TimeWindow, zone: WireZone) -> dict[str, str | None]:
    return {
        f"{name}From": zone.write(window.start) if window.start else None,
        f"{name}To": zone.write(window.end) if window.end else None,
    }
