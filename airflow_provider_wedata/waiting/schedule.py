"""When a wait polls, and when it gives up. Knows only the time; what a poll means is in waiting/condition.py.

The intervals are those of Airflow's sensors, so that a wait continues in the triggerer as it began on the worker.
All times are absolute, in seconds since the epoch, so that a restart of the triggerer neither shortens nor
lengthens a wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from hashlib import sha1
from typing import Any

from airflow_provider_wedata.waiting.condition import Outcome, Verdict

#: After this many doublings an interval is longer than any wait.
_ENOUGH = 64
#: Twice as much is still a finite float, and a whole number.
_HUGE = 1e300
#: Seconds: some thirty years. No clock, calendar or sleep overflows with it, and no wait takes that long.
LONGEST = 1e9
#: Seconds that a poll under way at the deadline may still take, without its time in the request queue.
LAST_LOOK = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSchedule:
    """When to poll and when to give up.

    :param started: when the wait began, in seconds since the epoch.
    :param timeout, appear_timeout, poke_interval, max_wait: seconds.
    :param seed: spreads the polls of many tasks over time.
    :param execution_timeout: Airflow's, in seconds, where Airflow leaves it to the wait to enforce it.
    """

    started: float
    timeout: float
    appear_timeout: float | None = None
    poke_interval: float = 60.0
    exponential_backoff: bool = False
    max_wait: float | None = None
    seed: str = ""
    execution_timeout: float | None = None

    @property
    def deadline(self) -> float:
        """When the wait ends in any case, in seconds since the epoch."""
        return self.started + self.timeout

    @property
    def appear_deadline(self) -> float:
        """When the wait ends if no instance appeared, in seconds since the epoch."""
        return self.started + (math.inf if self.appear_timeout is None else self.appear_timeout)

    def interval(self, look: int) -> float:
        """Return the seconds between poll number `look`, counted from 1, and the next."""
        if not self.exponential_backoff:
            return self.poke_interval
        least = int(max(min(self.poke_interval * 2.0 ** (min(look, _ENOUGH) - 2), _HUGE), 1))
        grown = float(least + self._hash(str(look)) % least)
        return min(grown, self.max_wait) if self.max_wait else grown  # 0 means none, as in Airflow

    def looks_by(self, now: float) -> int:
        """Return the number of polls by now.

        Computed, not counted: a process that takes over a wait knows no count, and all modes must agree.
        """
        look, at = 1, self.started
        while look < _ENOUGH and at + self.interval(look) <= now:
            at += self.interval(look)
            look += 1
        return look

    def first_look(self, now: float, seen: Verdict | None = None) -> float:
        """Return when to poll next if many waits may begin at the same moment, so that they don't poll in step.

        Each wait has its own phase, so the next poll is at most one interval away, and the same after a restart.
        """
        interval = self.interval(self.looks_by(now))
        phase = interval * (self._hash("phase") / 2**160)
        return self._in_time(now + interval - ((now - phase) % interval if interval else 0.0), now, seen)

    def next_look(self, look: int, now: float, seen: Verdict | None = None) -> float:
        """Return when to poll after poll number `look`, which ended now; at a deadline at the latest.

        :param seen: the verdict of that poll; without it `appear_timeout` does not apply.
        """
        return self._in_time(now + self.interval(look), now, seen)

    def judge(self, verdict: Verdict, began: float) -> Verdict:
        """Return the verdict, or MISSING or TIMEOUT if a wait that is not over has reached a deadline.

        A deadline only counts if the request was sent at or after it: an earlier answer may be out of date.

        :param began: when the poll began, for a verdict that does not say when its first request was sent.
        """
        if verdict.outcome is not Outcome.WAITING:
            return verdict
        asked = began if verdict.asked_at is None else verdict.asked_at
        if _is_nothing(verdict) and asked >= self.appear_deadline:
            message = (
                f"no instance appeared in {self.appear_timeout:g} s (appear_timeout); check ids, window and time "
                "zone, and whether WeData plans the instances that early"
            )
            return replace(verdict, outcome=Outcome.MISSING, message=message)
        if asked >= self.deadline:
            message = f"not met in {self.timeout:g} s (timeout); last seen: {verdict.message}"
            return replace(verdict, outcome=Outcome.TIMEOUT, message=message, error=None)
        return verdict

    def to_json(self) -> dict[str, Any]:
        """Return the schedule in JSON's types.

        :raises ValueError: if a number is NaN.
        """
        from airflow_provider_wedata.waiting.encoding import VERSION, encode  # noqa: PLC0415 - a DAG file needs none

        return {"version": VERSION, **encode(self)}

    @staticmethod
    def from_json(values: Any) -> PollSchedule:
        """Return the schedule that `to_json` wrote, in this release or in the one before, which wrote no version.

        :raises UnknownVersion: if another release wrote it.
        :raises ValueError: if a field is missing or invalid.
        """
        from airflow_provider_wedata.waiting.encoding import check_version, decode, exactly  # noqa: PLC0415

        found = exactly(dict, values)
        if "version" not in found:
            return decode(PollSchedule, {"execution_timeout": None, **found})
        check_version(found)
        return decode(PollSchedule, found)

    def _in_time(self, at: float, now: float, seen: Verdict | None) -> float:
        end = self.deadline
        if seen is not None and _is_nothing(seen):
            end = min(end, self.appear_deadline)
        return min(at, max(end, now), now + LONGEST)

    def _hash(self, what: str) -> int:
        digest = sha1(f"{self.seed}#{self.started}#{what}".encode(), usedforsecurity=False)
        return int(digest.hexdigest(), 16)


def look_timeout(deadline: float, now: float) -> float:
    """Return the seconds that a poll may take from its first request on."""
    return max(deadline - now, 0.0) + LAST_LOOK


def unanswered(seconds: float) -> Verdict:
    """Return what it means for the wait that a poll took longer."""
    return Verdict(Outcome.WAITING, f"WeData did not answer all requests of this poll in {seconds:.0f} s")


def _is_nothing(verdict: Verdict) -> bool:
    return verdict.census is not None and not verdict.census.total and not verdict.census.unsure
