"""A world: projects, instances and planned changes, on a clock.

Applies changes and selects instances by a `Filter`. HTTP, parameters and rendering are left to other modules.
Each method may be called from any thread; hold `lock` to make several calls atomic.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from heapq import heappop, heappush
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.emulator import transitions
from airflow_provider_wedata.emulator.clock import (
    Clock,
    Moment,
    RealClock,
    SteppedClock,
    epoch,
    midnight,
    text,
)
from airflow_provider_wedata.emulator.instance import FIRST_TASK_ID, PROJECT_ID, Instance
from airflow_provider_wedata.emulator.query import Filter, ScheduleIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Change = Callable[["World"], object]

__all__ = ["Clock", "Filter", "Instance", "RealClock", "SteppedClock", "World"]

TIMES = ("schedule_time", "start_time", "end_time", "last_update_time")
CHANGEABLE = {field.name for field in fields(Instance)} - {"task_id", "cur_run_date", "project_id", "key"}
REMEMBERED_LISTINGS = 16  # each may hold every row


class World:
    """Task instances, which change by calls or by the agenda.

    Moments are epoch seconds, aware datetimes, or text `yyyy-MM-dd HH:mm:ss` in UTC+8.
    """

    def __init__(self, clock: Clock, project_ids: Iterable[str] = (PROJECT_ID,)) -> None:
        self.clock = clock
        self.lock = RLock()
        self.version = 0
        self.project_ids = tuple(project_ids)
        self._instances: dict[str, Instance] = {}
        self._indexes = {project: ScheduleIndex() for project in self.project_ids}
        self._agenda: list[tuple[float, int, Change]] = []
        self._moment: float | None = None
        self._tasks = count(FIRST_TASK_ID)
        self._turns = (
            count()
        )  # changes due at the same time are applied in the order in which they were planned
        self._listings: dict[Filter, list[Instance]] = {}

    # Reading

    def now(self) -> float:
        """Return the time; during a change on the agenda, the time at which it was due."""
        return self.clock.now() if self._moment is None else self._moment

    def __len__(self) -> int:
        with self.lock:
            self.settle()
            return len(self._instances)

    def __contains__(self, key: object) -> bool:
        with self.lock:
            self.settle()
            return key in self._instances

    @property
    def keys(self) -> list[str]:
        """Return all keys, in the order in which they were added."""
        with self.lock:
            self.settle()
            return list(self._instances)

    def get(self, key: str) -> Instance:
        """Return the instance itself; change it only by the methods here, which update the index."""
        with self.lock:
            self.settle()
            return self._instances[key]

    def select(self, wanted: Filter) -> Sequence[Instance]:
        """Return the instances that match, in order; the result is cached until something changes."""
        with self.lock:
            self.settle()
            found = self._listings.pop(wanted, None)
            if found is None:
                rows = self._indexes[wanted.project_id].within(wanted.schedule)
                found = wanted.sort(wanted.narrow(rows))
            self._listings[wanted] = found
            if len(self._listings) > REMEMBERED_LISTINGS:
                del self._listings[next(iter(self._listings))]
            return found

    # Adding and removing

    def add(self, **values: Any) -> Instance:
        """Add an instance; by default of a new task, planned for today, and waiting to run.

        One that is added in an ended state ran for the minute until now.
        """
        with self.lock:
            instance = Instance(**self._defaults(values) | _in_seconds(values))
            if instance.key in self._instances:
                raise ValueError(f"the instance {instance.key} exists")
            self._indexes[instance.project_id].add(instance)
            self._instances[instance.key] = instance
            self._changed()
            return instance

    def load(self, instances: Iterable[Instance]) -> None:
        """Add many instances at once, unchanged."""
        with self.lock:
            self._instances |= (new := {instance.key: instance for instance in instances})
            for project, index in self._indexes.items():
                index.load(instance for instance in new.values() if instance.project_id == project)
            self._changed()

    def delete(self, key: str) -> None:
        """Delete an instance, as WeData does after three months."""
        with self.lock:
            instance = self.get(key)
            self._indexes[instance.project_id].remove(instance)
            del self._instances[key]
            self._changed()

    # Changing

    def update(self, key: str, *, touch: bool = True, **values: Any) -> Instance:
        """Change fields, and LastUpdateTime too unless `touch` is False or it is passed."""
        with self.lock:
            instance = self.get(key)
            changes = _in_seconds(values)
            if touch:
                changes = {"last_update_time": epoch(self.now())} | changes
            if refused := changes.keys() - CHANGEABLE:
                raise TypeError(f"{sorted(refused)} can't be changed; expected some of {sorted(CHANGEABLE)}")
            index = self._indexes[instance.project_id]
            index.remove(instance)
            for name, value in changes.items():
                setattr(instance, name, value)
            index.add(instance)
            self._changed()
            return instance

    def set_state(self, key: str, state: str, *, touch: bool = True) -> Instance:
        """Set the state of an instance, known or not, with matching times, tries and runs."""
        with self.lock:
            return self.update(key, touch=touch, **transitions.enter(self.get(key), state, epoch(self.now())))

    def start(self, key: str) -> Instance:
        """Start a run."""
        return self.set_state(key, "RUNNING")

    def finish(self, key: str) -> Instance:
        """Complete the instance."""
        return self.set_state(key, "COMPLETED")

    def fail(self, key: str) -> Instance:
        """Fail the instance without another retry; WeData calls that EXPIRED."""
        return self.set_state(key, "EXPIRED")

    def fail_retry(self, key: str) -> Instance:
        """Fail the current try; a retry follows."""
        return self.set_state(key, "FAILED_RETRY")

    def skip(self, key: str) -> Instance:
        """Skip the instance."""
        return self.set_state(key, "SKIP_RUNNING")

    def rerun(self, key: str) -> Instance:
        """Rerun the instance manually: the same key waits again, with no tries."""
        return self.update(key, **transitions.again())

    def move(self, key: str, schedule_time: Moment | None) -> Instance:
        """Change the schedule time."""
        return self.update(key, schedule_time=schedule_time)

    # Planned changes

    def later(self, seconds: float, change: Change) -> None:
        """Call `change(world)` this many seconds from now."""
        with self.lock:
            heappush(self._agenda, (self.now() + seconds, next(self._turns), change))

    def script(self, key: str, steps: Iterable[tuple[float, str]]) -> None:
        """Plan the states of an instance, as `(seconds from now, state)`; ignored once it is deleted."""

        def enter(world: World, *, state: str) -> None:
            if key in world:
                world.set_state(key, state)

        for seconds, state in steps:
            self.later(seconds, partial(enter, state=state))

    def settle(self) -> None:
        """Apply the changes that are due, each at its own time; every read does so first."""
        with self.lock:
            if self._moment is not None:
                return
            now = self.clock.now()
            while self._agenda and self._agenda[0][0] <= now:
                self._moment, _, change = heappop(self._agenda)
                try:
                    change(self)
                finally:
                    self._moment = None

    def _defaults(self, values: dict[str, Any]) -> dict[str, Any]:
        second = epoch(self.now())
        planned = values.get("schedule_time", midnight(second))
        data_time = midnight(second) if planned is None else epoch(planned)
        defaults = {
            "project_id": self.project_ids[0],
            "schedule_time": data_time,
            "last_update_time": second,
            "cur_run_date": text(data_time),
        }
        if "task_id" not in values:
            defaults["task_id"] = str(next(self._tasks))
        if values.get("state") in {"COMPLETED", "EXPIRED", "FAILED_RETRY"}:
            run = {
                "start_time": second - 60,
                "end_time": second,
                "cost_ms": 60_000,
                "tries": 1,
                "total_run_num": 1,
            }
            return defaults | run
        return defaults

    def _changed(self) -> None:
        self.version += 1
        self._listings.clear()


def _in_seconds(values: dict[str, Any]) -> dict[str, Any]:
    times = {name: epoch(values[name]) for name in TIMES if values.get(name) is not None}
    return values | times
