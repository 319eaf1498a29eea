"""One consistent poll of the instances that a wait is for. What it means is up to waiting/condition.py.

Between two requests a row can run again, be deleted, be added or leave the filter. So a poll is one request if one
page holds all rows. Otherwise its responses must be consistent, and a result that would end the wait is fetched
twice. What no count can show: rows deleted and as many added during both fetches. And if rows of several states
count as ended, only WeData's LastUpdateTime shows that no row was counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest, ParameterRefused
from airflow_provider_wedata.api.models import PAGE_SIZE
from airflow_provider_wedata.api.operations import list_task_instances
from airflow_provider_wedata.api.rate_limit import Place, Priority
from airflow_provider_wedata.listing.page_request import DEEPEST_PAGE
from airflow_provider_wedata.listing.paginator import ConsistentListing
from airflow_provider_wedata.waiting.condition import Census, Condition, Outcome, Verdict
from airflow_provider_wedata.waiting.counts import Requests, StateCounts
from airflow_provider_wedata.waiting.evidence import (
    COUNTING_LIMIT,
    ContradictionError,
    changed,
    is_over,
    runs_of,
)

if TYPE_CHECKING:
    from airflow_provider_wedata.api.exchange import Flow
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.waiting.counts import Ask

#: Outcomes that must be confirmed by a second fetch if the first took several requests.
_CONFIRMED = (Outcome.MET, Outcome.STUCK)


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll of the instances that a query matches, under a condition.

    :param ask: returns the flow that performs an operation: `Channel.answered`.
    :param deadline: when the wait ends, in seconds since the epoch; from then on its requests go first.
    """

    query: InstanceQuery
    condition: Condition
    ask: Ask
    deadline: float

    def verdict(self) -> Flow[Verdict]:
        """Fetch the instances and judge them.

        :raises ApiError: if a request fails.
        """
        requests = Requests(self.query, self.ask, Place(Priority.GATE, urgent_from=self.deadline))
        try:
            verdict = self._judge((yield from self._census(requests)), requests)
        except ContradictionError as contradiction:
            verdict = Verdict(Outcome.WAITING, f"WeData's answer contradicts itself: {contradiction}")
        return replace(verdict, asked_at=requests.asked_at)

    def _census(self, requests: Requests) -> Flow[Census]:
        if self.query.exact:
            return (yield from self._read_rows(requests))
        page = yield from requests.page(list_task_instances(self.query))
        if page.total <= PAGE_SIZE:
            return self.condition.census(page.rows)
        if self.condition.completed_after is not None:  # no filter can count those
            return (yield from self._read_rows(requests))
        counts = StateCounts(requests, self.condition, page)
        census = yield from counts.count()
        if self._judge(census, requests).outcome not in _CONFIRMED:
            return census
        return (yield from counts.confirm())

    def _read_rows(self, requests: Requests) -> Flow[Census]:
        before = requests.made
        rows, unsure = yield from self._read(requests)
        census = self._census_of(rows, unsure)
        if requests.made == before + 1 or self._judge(census, requests).outcome not in _CONFIRMED:
            return census
        first = runs_of(rows)
        del rows  # now, and not with all else at the end of the look: freeing 10,000 takes its time
        requests.confirm()
        again, unsure = yield from self._read(requests)
        return self._census_of(again, unsure or changed(first, again))

    def _read(self, requests: Requests) -> Flow[tuple[list[TaskInstance], str]]:
        listing = ConsistentListing(self.query)
        rows: list[TaskInstance] = []
        full: set[str | None] = set()
        try:
            while operation := listing.operation():
                page = yield from requests.page(operation)
                if page.total == COUNTING_LIMIT:
                    full.add(operation.parameters.get("Keyword"))
                # Without the rows as they came: to free 10,000 of them at once would hold a triggerer's loop.
                rows += [replace(row, raw={}) for row in listing.feed(page)]
        except ListNotAtRest:
            return rows, "rows came or went while they were read"
        except ParameterRefused as refusal:  # whether WeData refuses deep pages is unknown [U]
            if not operation or operation.parameters["PageNumber"] <= DEEPEST_PAGE:
                raise
            return (
                rows,
                f"WeData refuses pages after page {DEEPEST_PAGE} ({refusal.code}); use shorter windows",
            )
        unsure = listing.torn
        for keyword in full:
            unsure = unsure or (yield from requests.beyond_limit(keyword))
        return rows, unsure

    def _census_of(self, rows: list[TaskInstance], unsure: str) -> Census:
        named = self.query.instance_keys or self.query.task_ids
        return self.condition.census(rows, named=named, unsure=unsure)

    def _judge(self, census: Census, requests: Requests) -> Verdict:
        return self.condition.judge(census, window_over=is_over(self.query.schedule, requests.began))
