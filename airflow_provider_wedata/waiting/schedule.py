"""How often a wait looks, and for how long: the part of a wait that only knows the time.

The intervals are those of Airflow's sensors, so that a wait goes on in the triggerer as it began on the worker.
All times are seconds since the epoch, absolute, so that a restart of the triggerer neither shortens nor lengthens
a wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from hashlib import sha1
from typing import Any

from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.encoding import VERSION, check_version, decode, encode, exactly

#: After so many doublings an interval is longer than any wait.
_ENOUGH = 64
#: Twice as much is still a float, and a whole number.
_HUGE = 1e300
#: Seconds: some thirty years. No clock, calendar or sleep overflows, and no wait takes so long.
LONGEST = 1e9
#: Seconds that a look under way at the deadline may still take, not counting the time in the queue.
LAST_LOOK = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSchedule:
    """When to look and when to give up.

    :param started: when the wait began.
    :param timeout, appear_timeout, poke_interval, max_wait: seconds.
    :param seed: spreads the looks of many tasks.
    :param execution_timeout: seconds after which Airflow ends the task, where Airflow leaves that to the wait.
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
        """When the wait ends in any case."""
        return self.started + self.timeout

    @property
    def appear_deadline(self) -> float:
        """When the wait ends if nothing appeared."""
        return self.started + (math.inf if self.appear_timeout is None else self.appear_timeout)

    def interval(self, look: int) -> float:
        """Return the seconds between look number `look`, from 1, and the next."""
        if not self.exponential_backoff:
            return self.poke_interval
        least = int(max(min(self.poke_interval * 2.0 ** (min(look, _ENOUGH) - 2), _HUGE), 1))
        grown = float(least + self._hash(str(look)) % least)
        return min(grown, self.max_wait) if self.max_wait else grown  # Airflow takes 0 for none, too

    def looks_by(self, now: float) -> int:
        """Return how many looks there were by now.

        A wait does not count them: a process that goes on with it could not know, and all modes shall agree.
        """
        look, at = 1, self.started
        while look < _ENOUGH and at + self.interval(look) <= now:
            at += self.interval(look)
            look += 1
        return look

    def first_look(self, now: float, seen: Verdict | None = None) -> float:
        """Return when to look next where many waits may begin at one moment, so that they do not look in step.

        Each has a phase of its own, so the next look is at most an interval away, and the same after a restart.
        """
        interval = self.interval(self.looks_by(now))
        phase = interval * (self._hash("phase") / 2**160)
        return self._in_time(now + interval - ((now - phase) % interval if interval else 0.0), now, seen)

    def next_look(self, look: int, now: float, seen: Verdict | None = None) -> float:
        """Return when to look after look number `look`, which ended now; at a deadline at the latest.

        :param seen: what it saw, if `appear_timeout` is to be heeded.
        """
        return self._in_time(now + self.interval(look), now, seen)

    def judge(self, verdict: Verdict, began: float) -> Verdict:
        """Return the verdict, or, of a wait that is not over, that nothing appeared in time or time is over.

        A deadline only counts if WeData was asked at or after it: what it said before may have changed since.

        :param began: when the look began, for a verdict that does not say when WeData was asked.
        """
        if verdict.outcome is not Outcome.WAITING:
            return verdict
        asked = began if verdict.asked_at is None else verdict.asked_at
        if _is_nothing(verdict) and asked >= self.appear_deadline:
            message = (
                f"no instance appeared in {self.appear_timeout:g} s (appear_timeout); are ids, window and time "
                "zone right, and does WeData plan it so early?"
            )
            return replace(verdict, outcome=Outcome.MISSING, message=message)
        if asked >= self.deadline:
            message = f"not met in {self.timeout:g} s (timeout); last seen: {verdict.message}"
            return replace(verdict, outcome=Outcome.TIMEOUT, message=message, error=None)
        return verdict

    def to_json(self) -> dict[str, Any]:
        """Return the same in JSON's types.

        :raises ValueError: if a number is none.
        """
        return {"version": VERSION, **encode(self)}

    @staticmethod
    def from_json(values: Any) -> PollSchedule:
        """Return what `to_json` was made of, in this release or in the one before, which wrote no version.

        :raises UnknownVersion: if another release wrote it.
        :raises ValueError: if a field is missing or odd.
        """
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
    """Return the seconds that a look may take from its first request on."""
    return max(deadline - now, 0.0) + LAST_LOOK


def unanswered(seconds: float) -> Verdict:
    """Return what it means for the wait that a look took longer."""
    return Verdict(Outcome.WAITING, f"WeData did not answer all requests of this look in {seconds:.0f} s")


def _is_nothing(verdict: Verdict) -> bool:
    return verdict.census is not None and not verdict.census.total and not verdict.census.unsure
