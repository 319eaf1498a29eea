"""Counts more instances than a page holds by WeData's totals by state, with at most eight requests.

A count is trusted only if WeData was seen to apply the state filter: the response for a state that must be absent
held no row of another state, and the counts add up to the total. The verdict is up to waiting/condition.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.errors import NAMED, UnreadableField, describe_some
from airflow_provider_wedata.api.models import KNOWN
from airflow_provider_wedata.api.operations import list_task_instances
from airflow_provider_wedata.api.rate_limit import Place, Priority
from airflow_provider_wedata.api.times import TimeWindow
from airflow_provider_wedata.waiting.condition import Census
from airflow_provider_wedata.waiting.evidence import (
    COUNTING_LIMIT,
    MOVED,
    ContradictionError,
    contradiction,
    earliest,
    halves,
    updated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_wedata.api.exchange import Answer, Flow
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.waiting.condition import Condition

    Ask = Callable[[Operation[Any], Place], Flow[Answer[Any]]]

#: The maximum of requests in a poll that counts; if the sets hold many states, fewer of them are counted twice.
MOST_REQUESTS = 8
#: How many requests of a poll may go ahead of other gates' requests because they confirm its counts.
CONFIRMING = 4
_LATEST_END_FIRST = ("END_TIME", "DESC")


@dataclass(slots=True)
class Requests:
    """The requests of one poll: how many there were, and when the first one was sent.

    :param place: their place in the request queue.
    """

    query: InstanceQuery
    ask: Ask
    place: Place
    made: int = field(default=0, init=False)
    first: Answer[Page] | None = field(default=None, init=False)
    _confirming: int = field(default=-1, init=False)

    @property
    def asked_at(self) -> float:
        """When the first request was sent, in seconds since the epoch."""
        return self._first.sent.utc

    @property
    def began(self) -> float:
        """The earliest time at which the first request can have been sent, in seconds since the epoch."""
        return earliest(self._first)

    def page(self, operation: Operation[Page]) -> Flow[Page]:
        """Request a page.

        :raises ContradictionError: if it is the first page of a list and contradicts itself.
        """
        if self._confirming == 0:
            self.place = replace(self.place, priority=Priority.GATE)
        self._confirming -= 1
        answer: Answer[Page] = yield from self.ask(operation, self.place)
        self.made += 1
        self.first = self.first or answer
        if operation.parameters["PageNumber"] == 1:
            reason = contradiction(answer.value, operation.parameters["PageSize"])
            if reason:
                raise ContradictionError(reason)
        return answer.value

    def confirm(self) -> None:
        """Give the next few requests the priority of a confirmation, which may end a wait soon."""
        self.place = replace(self.place, priority=Priority.CONFIRMATION)
        self._confirming = CONFIRMING

    def beyond_limit(self, keyword: str | None = None) -> Flow[str]:
        """Return why a total of `COUNTING_LIMIT` may be cut off; empty if the window's halves add up to it."""
        counts = []
        for half in halves(self.query.schedule):
            operation = list_task_instances(replace(self.query, schedule=half), size=1, keyword=keyword)
            counts.append((yield from self.page(operation)).total)
        if sum(counts) == COUNTING_LIMIT and COUNTING_LIMIT not in counts:
            return ""
        parts = " and ".join(map(str, counts)) or "no fewer"
        return (
            f"WeData counts {COUNTING_LIMIT} instances and {parts} in the halves of the window, so it may stop "
            "counting there; use shorter windows"
        )

    @property
    def _first(self) -> Answer[Page]:
        assert self.first  # noqa: S101 - no caller comes here before the first answer
        return self.first


@dataclass(slots=True)
class StateCounts:
    """The counts by state of one poll.

    :param first: the first page of all rows.
    """

    requests: Requests
    condition: Condition
    first: Page
    states: dict[str, int] = field(default_factory=dict, init=False)
    examples: list[TaskInstance] = field(default_factory=list, init=False)
    last_end: datetime | None = field(default=None, init=False)

    @property
    def total(self) -> int:
        """The number of rows in all states."""
        return self.first.total

    def count(self) -> Flow[Census]:
        """Count the rows of each state that matters, with as few requests as the verdict needs."""
        condition = self.condition
        for ending in (condition.failed, condition.skipped):
            yield from self._count(sorted(ending))
            if sum(self.states.values()):
                return self._census()
        if not self.states:
            yield from self._count([self._absent])
        for state in [*sorted(condition.allowed), *sorted(condition.unclaimed)]:
            if state not in self.states and not self._all_counted:
                yield from self._count([state])
        return self._census(MOVED if sum(self.states.values()) + self._shown_besides > self.total else "")

    def confirm(self) -> Flow[Census]:
        """Count again as many states as the remaining requests allow, and the total last.

        A row that was added, removed or counted nowhere makes the sum differ from the total before or after.
        One state is counted before the other, so a row that moves from the first to the second in between counts
        twice and hides one that is not done. Only LastUpdateTime shows that.
        """
        self.requests.confirm()
        populated = [state for state, n in self.states.items() if n]
        several = len(populated) > 1
        full = self.total == COUNTING_LIMIT
        reason = "" if several else (yield from self._compare_total())
        reason = reason or (yield from self._recount(populated, closing=1 + several + full))
        if several:
            reason = reason or (yield from self._updated())
        if full:
            reason = reason or (yield from self.requests.beyond_limit())
        else:
            reason = reason or (yield from self._compare_total())
        return self._census(reason)

    @property
    def _all_counted(self) -> bool:
        """True if the counts add up, and the count of an absent state showed that they can be trusted."""
        return sum(self.states.values()) >= self.total and 0 in self.states.values()

    @property
    def _shown_besides(self) -> int:
        """The number of rows on the first page whose state was not counted."""
        return sum(row.state not in self.states for row in self.first.rows)

    def _compare_total(self) -> Flow[str]:
        operation = list_task_instances(self.requests.query, size=1, sort=_LATEST_END_FIRST)
        page = yield from self.requests.page(operation)
        self.last_end = page.rows[0].end_time if page.rows else None
        return "" if page.total == self.total else MOVED

    def _recount(self, populated: list[str], *, closing: int) -> Flow[str]:
        left = max(MOST_REQUESTS - self.requests.made - closing, 0)
        first = dict(self.states)
        states = next(some for some in (list(first), populated, []) if len(some) <= left)
        yield from self._count(states)
        return "" if first == self.states else "counts changed while they were taken"

    def _updated(self) -> Flow[str]:
        since = int(self.requests.began)
        window = TimeWindow(start=datetime.fromtimestamp(since, UTC))
        operation = list_task_instances(replace(self.requests.query, last_update=window))
        return updated((yield from self.requests.page(operation)), since)

    @property
    def _absent(self) -> str:
        """A state that must be absent: shows whether WeData applies the filter if no state fails or skips."""
        condition = self.condition
        return [*sorted(condition.unclaimed), *sorted(KNOWN - condition.allowed), *sorted(KNOWN)][0]

    def _count(self, states: Iterable[str]) -> Flow[None]:
        for state in states:
            size = 1 if state in self.condition.allowed else NAMED
            operation = list_task_instances(self.requests.query, state=state, size=size)
            page = yield from self.requests.page(operation)
            if strange := sorted({str(row.state) for row in page.rows} - {state}):
                raise UnreadableField(f"asked for instances that are {state}, got {describe_some(strange)}")
            self.states[state] = page.total
            self.examples += page.rows

    def _census(self, unsure: str = "") -> Census:
        return Census(
            dict(self.states), self.total, tuple(self.examples), unsure=unsure, last_end=self.last_end
        )
