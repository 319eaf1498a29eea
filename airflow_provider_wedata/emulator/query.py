"""A question to the world: which instances, in which order. And the order of schedule time, kept sorted.

Knows comparing and sorting. Knows nothing of parameter names, zones or pages, and never changes an instance.
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
    """From a second to a second, both included; None is open. An instance without the time is in no other."""

    first: int | None = None
    last: int | None = None

    @property
    def is_open(self) -> bool:
        """Say whether it lets everything through."""
        return self.first is None and self.last is None

    def holds(self, second: int | None) -> bool:
        """Say whether a second lies in it."""
        if second is None:
            return self.is_open
        return (self.first is None or self.first <= second) and (self.last is None or second <= self.last)


OPEN = Window()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filters and the order of one listing; None means any. Ties are in the order of keys."""

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
        """Return the rows that match all but project and schedule time, which the index has seen to."""
        for name in EQUALS:
            wanted = getattr(self, name)
            if wanted is not None:
                read = attrgetter(name)
                rows = [row for row in rows if read(row) == wanted]
        if self.owner_uin is not None:
            rows = [row for row in rows if self.owner_uin in (row.owner_uins or ())]
        if not self.start.is_open:
            rows = [row for row in rows if self.start.holds(row.start_time)]
        if not self.last_update.is_open:
            rows = [row for row in rows if self.last_update.holds(row.last_update_time)]
        return [row for row in rows if self._is_named(row)] if self.keywords else rows

    def sort(self, rows: list[Instance]) -> list[Instance]:
        """Return rows, given in the order of the index, in the order asked for: null rows at one end."""
        name = SORT_COLUMNS[self.sort_column]
        if name == "schedule_time":
            split = next((at for at, row in enumerate(rows) if row.schedule_time is not None), len(rows))
            nulls, valued = rows[:split], rows[split:]
        else:
            read = attrgetter(name)
            nulls = [row for row in rows if read(row) is None]
            valued = sorted((row for row in rows if read(row) is not None), key=attrgetter(name, "key"))
            nulls.sort(key=attrgetter("key"))
        ordered = valued + nulls if self.nulls_last else nulls + valued
        return ordered[::-1] if self.descending else ordered

    def _is_named(self, row: Instance) -> bool:
        hits = (word in (row.task_name or "") or word in row.task_id for word in self.keywords)
        return all(hits) if self.every_keyword else any(hits)


class ScheduleIndex:
    """The instances of one project in the order of (schedule time, key), those without a time first."""

    def __init__(self) -> None:
        self._timed: list[Instance] = []
        self._untimed: list[Instance] = []

    def load(self, instances: Iterable[Instance]) -> None:
        """Add many at the price of one sort."""
        for instance in instances:
            self._home(instance).append(instance)
        self._timed.sort(key=_place)
        self._untimed.sort(key=_place)

    def add(self, instance: Instance) -> None:
        """Add one."""
        insort(self._home(instance), instance, key=_place)

    def remove(self, instance: Instance) -> None:
        """Take one out, by the schedule time that it was put in with."""
        home = self._home(instance)
        del home[bisect_left(home, _place(instance), key=_place)]

    def within(self, window: Window) -> list[Instance]:
        """Return those whose schedule time lies in a window; an open window has the timeless too."""
        if window.is_open:
            return self._untimed + self._timed
        first = 0 if window.first is None else bisect_left(self._timed, window.first, key=_time)
        last = len(self._timed) if window.last is None else bisect_right(self._timed, window.last, key=_time)
        return self._timed[first:last]

    def _home(self, instance: Instance) -> list[Instance]:
        return self._untimed if instance.schedule_time is None else self._timed


_time = attrgetter("schedule_time")


def _place(instance: Instance) -> Any:
    """Return the place in the order: lists hold either timed or timeless instances, so times compare."""
    return instance.schedule_time, instance.key
