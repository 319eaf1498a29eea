"""When and how a wait for WeData ends: the one rule, which poke, reschedule and trigger all use.

    failed > skipped > met > waiting

Sends no requests: waiting/poll.py does. What a verdict means in Airflow is in sensors/wedata.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import (
    NAMED,
    ContradictoryAnswer,
    InvalidRequest,
    Refused,
    describe_some,
)
from airflow_provider_wedata.api.models import KNOWN, InstanceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from airflow_provider_wedata.api.errors import ApiError
    from airflow_provider_wedata.api.models import TaskInstance

#: Cycles with at most one instance a day. With any other cycle, or none, a window may hold many instances, and
#: nothing shows whether the last one exists yet.
ONE_A_DAY = frozenset({"ONEOFF_CYCLE", "YEAR_CYCLE", "MONTH_CYCLE", "WEEK_CYCLE", "DAY_CYCLE"})
#: How many states a message counts: all that WeData documents, and some unknown ones.
MOST_STATES = 12


class Outcome(StrEnum):
    """What a poll found."""

    MET = "met"
    WAITING = "waiting"
    FAILED = "failed"  # an instance is in a failed state
    SKIPPED = "skipped"  # an instance is in one of the user's skipped states
    STUCK = (
        "stuck"  # all ended, some as SKIP_RUNNING, which is in none of the user's sets: it would never end
    )
    MISSING = "missing"  # nothing appeared in time
    TIMEOUT = "timeout"
    REFUSED = "refused"  # WeData, or this provider, refuses the request itself


@dataclass(frozen=True, slots=True)
class Census:
    """The instances that one poll found, counted by state.

    :param states: the count for each state; a row done before `completed_after` counts under a label of its own.
    :param total: the number of instances.
    :param examples: some rows in the states that a message may have to name.
    :param unsure: why the counts may not be consistent; empty if they are. A failure counts all the same.
    :param per_id: the count for each named task or instance; empty if none is named.
    :param cycles: the CycleType values of the rows, where rows were fetched.
    :param last_end: the latest EndTime, if known.
    """

    states: Mapping[str, int]
    total: int
    examples: tuple[TaskInstance, ...] = ()
    unsure: str = ""
    per_id: Mapping[str, int] = field(default_factory=dict)
    cycles: frozenset[str | None] = frozenset()
    last_end: datetime | None = None

    def count(self, states: Iterable[str]) -> int:
        """Return the number of instances in any of the states."""
        return sum(self.states.get(state, 0) for state in states)

    def describe(self, first: Iterable[str] = ()) -> str:
        """Return the counts as text, the states in `first` leading: ``12 of 15 COMPLETED, 3 RUNNING``."""
        leading = [(state, self.states.get(state, 0)) for state in sorted(first)]
        others = sorted((state, n) for state, n in self.states.items() if n and state not in dict(leading))
        parts = [f"{n} of {self.total} {state}" for state, n in leading] + [
            f"{n} {state}" for state, n in others
        ]
        return describe_some(parts, MOST_STATES)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a poll means for the wait.

    :param message: the same as a sentence, for logs and errors.
    :param asked_at: when the first request of the poll was sent, in seconds since the epoch; None if unknown.
    """

    outcome: Outcome
    message: str
    census: Census | None = None
    error: ApiError | None = None
    asked_at: float | None = None

    @staticmethod
    def of_error(error: ApiError) -> Verdict:
        """Return what a failed poll means for the wait: usually, to poll again later."""
        if error.final or isinstance(error, ContradictoryAnswer):
            return Verdict(Outcome.REFUSED, str(error), error=error)
        return Verdict(Outcome.WAITING, f"Polling WeData failed: {error}", error=error)

    @property
    def correctable(self) -> bool:
        """True for a refusal that a corrected connection may change: it is read again before that is final."""
        return self.outcome is Outcome.REFUSED and isinstance(self.error, Refused | InvalidRequest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must be true of the instances for the wait to end.

    :param allowed, failed, skipped: disjoint sets of states.
    :param per_id: the minimum for each named task; None: one, and the user gave no count.
    :param at_least, exactly: the required total; None if the user gave none.
    :param completed_after: a row that was done before this time shows an earlier run of its instance.
    :param counted: True if the user gave a count in any way.
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

        :param window_over: True if the requested window is over, so that no instance can be added to it.
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
                f"{seen}; but the window is not over and {describe_some(growing)} may add more (a count would end "
                "this wait)",
                census,
            )
        return Verdict(Outcome.MET, seen, census)

    @property
    def unclaimed(self) -> frozenset[str]:
        """SKIP_RUNNING, unless it is in one of the user's sets: it is neither success nor failure."""
        return frozenset({InstanceState.SKIP_RUNNING}) - self.allowed - self.failed - self.skipped

    def label(self, row: TaskInstance) -> str:
        """Return the label under which the row is counted: its state, or that it was done too early."""
        state = row.state or "NO_STATE"
        if self.completed_after is None or state not in self.allowed:
            return state
        if row.end_time is None:  # perhaps set to success by hand, at a time that WeData does not show
            return f"{state} at an unknown time"
        return state if row.end_time >= self.completed_after else f"{state} before {self.completed_after}"

    def census(self, rows: Iterable[TaskInstance], *, named: Iterable[str] = (), unsure: str = "") -> Census:
        """Count the rows, each once.

        :param named: the requested task ids or instance keys.
        """
        rows = list({row.identity: row for row in rows}.values())
        ids = Counter(found for row in rows for found in (row.task_id, row.instance_key))
        notable = self.failed | self.skipped | self.unclaimed
        return Census(
            states=Counter(self.label(row) for row in rows),
            total=len(rows),
            examples=tuple(row for row in rows if row.state in notable),
            unsure=unsure,
            per_id={name: ids[name] for name in named},
            cycles=frozenset(row.cycle_type for row in rows),
            last_end=max((row.end_time for row in rows if row.end_time), default=None),
        )

    def _lacking(self, census: Census) -> str:
        """Return how the count misses the required one; empty if it does not. Zero instances are never enough."""
        if not census.total:
            return "no instance yet"
        each = self.per_id or 1
        few = [f"{name} ({n} of {each})" for name, n in census.per_id.items() if n < each]
        if few:
            return f"not there yet: {describe_some(few)}"
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
    labels = {state.partition(" ")[0] for state, n in census.states.items() if n}
    strange = sorted(labels - KNOWN)
    return f" (unknown to this provider, so not finished: {describe_some(strange)})" if strange else ""
