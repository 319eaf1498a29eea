"""How often a wait looks, and for how long: the part of a wait that only knows the time.

The intervals are those of Airflow's sensors, so that a wait goes on in the triggerer as it began on the worker.
All times are seconds since the epoch, absolute, so that a restart of the triggerer neither shortens nor lengthens
a wait.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.waiting import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

#: After so many doublings an interval is longer than any wait.
_ENOUGH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """When to look and when to give up.

    :param started: when the wait began.
    :param timeout, appear_timeout, poke_interval, max_wait: seconds.
    :param seed: spreads the looks of many tasks, where the interval grows.
    """

    started: float
    timeout: float
    appear_timeout: float | None = None
    poke_interval: float = 60.0
    exponential_backoff: bool = False
    max_wait: float | None = None
    seed: str = ""

    @property
    def deadline(self) -> float:
        """When the wait ends in any case."""
        return self.started + self.timeout

    def interval(self, look: int) -> float:
        """Return the seconds between look number `look`, from 1, and the next."""
        if not self.exponential_backoff:
            return self.poke_interval
        least = max(int(self.poke_interval * 2.0 ** (min(look, _ENOUGH) - 2)), 1)
        digest = sha1(f"{self.seed}#{self.started}#{look}".encode(), usedforsecurity=False).hexdigest()
        grown = float(least + int(digest, 16) % least)
        return min(grown, self.max_wait) if self.max_wait else grown  # Airflow takes 0 for none, too

    def looks_by(self, now: float) -> int:
        """Return how many looks there were by now, for a wait that has lost count."""
        look, at = 1, self.started
        while look < _ENOUGH and at + self.interval(look) <= now:
            at += self.interval(look)
            look += 1
        return look

    def next_look(self, look: int, now: float) -> float:
        """Return when to look after look number `look`, which ended now; at the deadline at the latest."""
        return min(now + self.interval(look), max(self.deadline, now))

    def judge(self, verdict: Verdict, now: float) -> Verdict:
        """Return the verdict, or, of a wait that is not over, that nothing appeared in time or time is over."""
        if verdict.kind is not Kind.WAITING:
            return verdict
        nothing = verdict.census is not None and not verdict.census.total and not verdict.census.unsure
        if nothing and self.appear_timeout is not None and now >= self.started + self.appear_timeout:
            message = (
                f"no instance appeared in {self.appear_timeout:g} s (appear_timeout); are ids, window and time "
                "zone right, and does WeData plan it so early?"
            )
            return replace(verdict, kind=Kind.MISSING, message=message)
        if now >= self.deadline:
            message = f"not met in {self.timeout:g} s (timeout); last seen: {verdict.message}"
            return replace(verdict, kind=Kind.TIMEOUT, message=message, error=None)
        return verdict

    def to_json(self) -> dict[str, Any]:
        """Return the same in JSON's types."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Patience:
        """Return what `to_json` was made of."""
        return Patience(**values)
