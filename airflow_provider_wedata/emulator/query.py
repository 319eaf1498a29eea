"""Query a world: filters, the sort order, and an index by schedule time.

Only compares and sorts; never changes an instance. Parameter names, zones and pages are left to actions.py.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_wedata.emulator.instance import Instance

SORT_COLUMNS = {
    "SCHEDULE_DATE": "schedule_time",
    "START_TIME": "start_time",
    "END_TIME": "end_time",
    "COST_TIME": "cost_ms",
}
EQUALS = (
    "instance_type",
    "state",
    "task_type_id",
    "cycle_type",
    "folder_id",
    "workflow_id",
    "executor_group_id",
)


@dataclass(frozen=True, slots=True)
class Window:
    """A range of seconds, inclusive; None is open. An instance without a time is in the open window only."""

    first: int | None = None
    last: int | None = None

    @property
    def is_open(self) -> bool:
        """Return whether it has no ends."""
        return self.first is None and self.last is None

    def holds(self, second: int | None) -> bool:
        """Return whether the window contains a second."""
        if second is None:
            return self.is_open
        return (self.first is None or self.first <= second) and (self.last is None or second <= self.last)


OPEN = Window()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filters and the sort order of one listing; None means any. Ties are sorted by key."""

    project_id: str
    keywords: tuple[str, ...] = ()
    every_keyword: bool = False
    instance_type: int | None = None
    state: str | None = None
    task_type_id: int | None = None
    cycle_type: str | None = None
    owner_uin: str | None = None
    folder_id: str | None = None
    workflow_id: str | None = None
    executor_group_id: str | None = None
    schedule: Window = OPEN
    start: Window = OPEN
    last_update: Window = OPEN
    sort_column: str = "SCHEDULE_DATE"
    descending: bool = True
    nulls_last: bool = False

    def narrow(self, rows: list[Instance]) -> list[Instance]:
        """Return the rows that match; project and schedule time were applied by the index."""
        for name in EQUALS:
            wanted = getattr(self, name)
            if wanted is not None:
                get = attrgetter(name)
                rows = [row for row in rows if get(row) == wanted]
        if self.owner_uin is not None:
            rows = [row for row in rows if self.owner_uin in (row.owner_uins or ())]
        if not self.start.is_open:
            rows = [row for row in rows if self.start.holds(row.start_time)]
        if not self.last_update.is_open:
            rows = [row for row in rows if self.last_update.holds(row.last_update_time)]
        return [row for row in rows if self._is_named(row)] if self.keywords else rows

    def sort(self, rows: list[Instance]) -> list[Instance]:
        """Return rows, which are in the order of the index, in the requested order; rows with null at one end."""
        name = SORT_COLUMNS[self.sort_column]
        if name == "schedule_time":
            split = next((at for at, row in enumerate(rows) if row.schedule_time is not None), len(rows))
            nulls, valued = rows[:split], rows[split:]
        else:
            get = attrgetter(name)
            nulls = [row for row in rows if get(row) is None]
            valued = sorted((row for row in rows if get(row) is not None), key=attrgetter(name, "key"))
            nulls.sort(key=attrgetter("key"))
        ordered = valued + nulls if self.nulls_last else nulls + valued
        return ordered[::-1] if self.descending else ordered

    def _is_named(self, row: Instance) -> bool:
        hits = (word in (row.task_name or "") or word in row.task_id for word in self.keywords)
        return all(hits) if self.every_keyword else any(hits)


class ScheduleIndex:
    """The instances of one project sorted by (schedule time, key), those without a time first."""

    def __init__(self) -> None:
        self._timed: list[Instance] = []
        self._untimed: list[Instance] = []

    def load(self, instances: Iterable[Instance]) -> None:
        """Add many instances with a single sort."""
        for instance in instances:
            self._list_of(instance).append(instance)
        self._timed.sort(key=_sort_key)
        self._untimed.sort(key=_sort_key)

    def add(self, instance: Instance) -> None:
        """Add one instance."""
        insort(self._list_of(instance), instance, key=_sort_key)

    def remove(self, instance: Instance) -> None:
        """Remove an instance, by the schedule time with which it was added."""
        instances = self._list_of(instance)
        del instances[bisect_left(instances, _sort_key(instance), key=_sort_key)]

    def within(self, window: Window) -> list[Instance]:
        """Return those with a schedule time in the window; an open window includes those without a time."""
        if window.is_open:
            return self._untimed + self._timed
        first = 0 if window.first is None else bisect_left(self._timed, window.first, key=_time)
        last = len(self._timed) if window.last is None else bisect_right(self._timed, window.last, key=_time)
        return self._timed[first:last]

    def _list_of(self, instance: Instance) -> list[Instance]:
        return self._untimed if instance.schedule_time is None else self._timed


_time = attrgetter("schedule_time")


def _sort_key(instance: Instance) -> Any:
    """Return the sort key; a list holds instances either all with or all without a time, so times compare."""
    return instance.schedule_time, instance.key
