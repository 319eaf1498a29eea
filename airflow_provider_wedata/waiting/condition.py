"""When a wait for WeData ends, and how: the one rule, which poke, trigger and watcher all ask.

    failed > skipped > met > waiting

Nothing here asks WeData anything (waiting/poll.py does) or knows what Airflow makes of a verdict (the sensor does).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ContradictoryAnswer, Refused
from airflow_provider_wedata.api.models import KNOWN, InstanceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from airflow_provider_wedata.api.errors import ApiError
    from airflow_provider_wedata.api.models import TaskInstance

#: Cycles that add no instance to a day that has one. Of every other word, and of none, a window may hold many, so
#: that nobody knows if the last one is there yet.
ONE_A_DAY = frozenset({"ONEOFF_CYCLE", "YEAR_CYCLE", "MONTH_CYCLE", "WEEK_CYCLE", "DAY_CYCLE"})
#: How many instances a message names.
NAMED = 5


class Outcome(StrEnum):
    """What a look found."""

    MET = "met"
    WAITING = "waiting"
    FAILED = "failed"  # an instance is in a failed state
    SKIPPED = "skipped"  # an instance is in one of the user's skipped states
    STUCK = "stuck"  # all ended, some as SKIP_RUNNING, of which the user said nothing: it would never end
    MISSING = "missing"  # nothing appeared in time
    TIMEOUT = "timeout"
    REFUSED = "refused"  # WeData or we refuse the question itself


@dataclass(frozen=True, slots=True)
class Census:
    """What one look saw of the instances asked for.

    :param states: how many are in each state; a row done before `completed_after` counts under its own label.
    :param total: how many there are.
    :param examples: some rows of the states that a message may have to name.
    :param unsure: why this may not be the whole truth of one moment; empty if it is. A failure stays one.
    :param per_id: how many there are of each named task or instance; empty if none is named.
    :param cycles: the CycleType of the rows, where they were read.
    :param last_end: the latest EndTime, where known.
    """

    states: Mapping[str, int]
    total: int
    examples: tuple[TaskInstance, ...] = ()
    unsure: str = ""
    per_id: Mapping[str, int] = field(default_factory=dict)
    cycles: frozenset[str | None] = frozenset()
    last_end: datetime | None = None

    def count(self, states: Iterable[str]) -> int:
        """Return how many are in one of the states."""
        return sum(self.states.get(state, 0) for state in states)

    def describe(self, first: Iterable[str] = ()) -> str:
        """Return the counts in words, `first` before the others: ``12 of 15 COMPLETED, 3 RUNNING``."""
        leading = [(state, self.states.get(state, 0)) for state in sorted(first)]
        others = sorted((state, n) for state, n in self.states.items() if n and state not in dict(leading))
        parts = [f"{n} of {self.total} {state}" for state, n in leading] + [
            f"{n} {state}" for state, n in others
        ]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look means for the wait, in one word and in one sentence.

    :param asked_at: when the first request of the look was sent, seconds since the epoch; None if unknown.
    """

    outcome: Outcome
    message: str
    census: Census | None = None
    error: ApiError | None = None
    asked_at: float | None = None

    @staticmethod
    def of_error(error: ApiError) -> Verdict:
        """Return what it means for the wait that WeData could not be asked: mostly, to look again later."""
        if error.final or isinstance(error, ContradictoryAnswer):
            return Verdict(Outcome.REFUSED, str(error), error=error)
        return Verdict(Outcome.WAITING, f"WeData could not be asked: {error}", error=error)

    @property
    def refused_by_wedata(self) -> bool:
        """True if WeData refused for good, which a connection that was mended meanwhile may change."""
        return self.outcome is Outcome.REFUSED and isinstance(self.error, Refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must be true of the instances for the wait to end.

    :param allowed, failed, skipped: states, disjoint.
    :param per_id: so many at least of each named task; None: one, and the user gave no count.
    :param at_least, exactly: how many in all; None: the user did not say.
    :param completed_after: a row that was done before this is an old life of an instance that is run again.
    :param counted: True if the user said how many there must be, in whatever way.
    """

    allowed: frozenset[str] = frozenset({InstanceState.COMPLETED})
    failed: frozenset[str] = frozenset({InstanceState.EXPIRED})
    skipped: frozenset[str] = frozenset()
    per_id: int | None = None
    at_least: int | None = None
    exactly: int | None = None
    completed_after: datetime | None = None
    counted: bool = False

    def judge(self, census: Census, *, window_over: bool) -> Verdict:
        """Return what the census means.

        :param window_over: whether the window asked for lies in the past, so that no instance can be added to it.
        """
        if census.count(self.failed):
            return Verdict(Outcome.FAILED, f"failed in WeData: {_named(census, self.failed)}", census)
        if census.count(self.skipped):
            return Verdict(Outcome.SKIPPED, f"in a skipped state: {_named(census, self.skipped)}", census)
        seen = census.describe(self.allowed)
        reason = census.unsure or self._lacking(census)
        if reason:
            return Verdict(Outcome.WAITING, f"{seen}; {reason}", census)
        done, unrun = census.count(self.allowed), census.count(self.unclaimed)
        if done + unrun < census.total:
            return Verdict(Outcome.WAITING, seen + _unknown(census), census)
        if unrun:
            return Verdict(
                Outcome.STUCK, f"{seen}, which never completes: {_named(census, self.unclaimed)}", census
            )
        growing = sorted(str(cycle or "an unknown cycle") for cycle in census.cycles - ONE_A_DAY)
        if growing and not self.counted and not window_over:
            return Verdict(
                Outcome.WAITING,
                f"{seen}; but the window is not over and {', '.join(growing)} may add more (a count would end "
                "this wait)",
                census,
            )
        return Verdict(Outcome.MET, seen, census)

    @property
    def unclaimed(self) -> frozenset[str]:
        """SKIP_RUNNING, unless the user said what it means: an end that is neither success nor failure."""
        return frozenset({InstanceState.SKIP_RUNNING}) - self.allowed - self.failed - self.skipped

    def label(self, row: TaskInstance) -> str:
        """Return under which name the row is counted: its state, or that it was done too early."""
        state = row.state or "NO_STATE"
        if self.completed_after is None or state not in self.allowed:
            return state
        if row.end_time is None:  # set to success by hand, perhaps; but nobody knows when
            return f"{state} at an unknown time"
        return state if row.end_time >= self.completed_after else f"{state} before {self.completed_after}"

    def census(self, rows: Iterable[TaskInstance], *, named: Iterable[str] = (), unsure: str = "") -> Census:
        """Count the rows, each once.

        :param named: the task ids or instance keys that were asked for.
        """
        rows = list({row.identity: row for row in rows}.values())
        ids = Counter(found for row in rows for found in (row.task_id, row.instance_key))
        telling = self.failed | self.skipped | self.unclaimed
        return Census(
            states=Counter(self.label(row) for row in rows),
            total=len(rows),
            examples=tuple(row for row in rows if row.state in telling),
            unsure=unsure,
            per_id={name: ids[name] for name in named},
            cycles=frozenset(row.cycle_type for row in rows),
            last_end=max((row.end_time for row in rows if row.end_time), default=None),
        )

    def _lacking(self, census: Census) -> str:
        """Return what is missing to the number asked for; empty if nothing is. No instance is never enough."""
        if not census.total:
            return "no instance yet"
        each = self.per_id or 1
        few = [f"{name} ({n} of {each})" for name, n in census.per_id.items() if n < each]
        if few:
            return f"not there yet: {', '.join(few[:NAMED])}" + (
                f" and {len(few) - NAMED} more" * (len(few) > NAMED)
            )
        if self.at_least is not None and census.total < self.at_least:
            return f"expected at least {self.at_least}, {self.at_least - census.total} missing"
        if self.exactly is not None and census.total != self.exactly:
            more = census.total - self.exactly
            return (
                f"expected exactly {self.exactly}, {f'{more} too many' if more > 0 else f'{-more} missing'}"
            )
        return ""


def _named(census: Census, states: frozenset[str]) -> str:
    found = [row for row in census.examples if row.state in states][:NAMED]
    texts = [
        f"{row.task_name or row.task_id} ({row.instance_key}) {row.state}, try {row.tries} of {row.try_limit}, "
        f"last update {row.last_update_time}"
        for row in found
    ]
    more = census.count(states) - len(found)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _unknown(census: Census) -> str:
    words = {state.partition(" ")[0] for state, n in census.states.items() if n}
    strange = sorted(words - KNOWN)
    return f" (unknown to this provider, so not finished: {', '.join(strange)})" if strange else ""
