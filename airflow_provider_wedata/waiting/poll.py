"""One wait: which instances, under which condition, and how to look at them without being fooled.

Between two requests a row can be run again, deleted, added or leave the filter. So a look is one request where
one page holds all; otherwise what it sees must hold together, and a look that would end the wait is made twice.
What no counting can notice: rows deleted and others added, in the right number, in the midst of both looks. And
where rows of several states are counted as ended, only WeData's LastUpdateTime shows that none was counted twice.
"""

from __future__ import annotations

import math
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
from airflow_provider_wedata.waiting.evidence import COUNTING_LIMIT, ContradictionError, changed, is_over

if TYPE_CHECKING:
    from airflow_provider_wedata.api.exchange import Flow
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.waiting.counts import Ask

#: Verdicts that need a second look if the first took several requests.
_CONFIRMED = (Outcome.MET, Outcome.STUCK)


@dataclass(frozen=True, slots=True)
class Watch:
    """A query and the condition that its instances must meet."""

    query: InstanceQuery
    condition: Condition

    def poll(self, ask: Ask, *, deadline: float = math.inf) -> Flow[Verdict]:
        """Look at WeData once and judge what is there.

        :param ask: from an operation to the flow that answers it, `Channel.answered`.
        :param deadline: when the wait ends, seconds since the epoch; from then on its requests go first.
        :raises ApiError: if WeData can't be asked.
        """
        requests = Requests(self.query, ask, Place(Priority.GATE, urgent_from=deadline))
        try:
            verdict = self._judge((yield from self._census(requests)), requests)
        except ContradictionError as contradiction:
            verdict = Verdict(Outcome.WAITING, f"WeData's answer contradicts itself: {contradiction}")
        return replace(verdict, asked_at=requests.asked_at)

    def describe(self) -> str:
        """Return what is waited for, in words."""
        return self.query.describe()

    def summary(self) -> dict[str, str]:
        """Return what is waited for, in JSON's types: in words, and the window's ends on the user's clock."""
        window, zone = self.query.schedule, self.query.zone.tzinfo
        ends = {"schedule_time_from": window.start, "schedule_time_to": window.end}
        told = {name: end.astimezone(zone).isoformat() for name, end in ends.items() if end}
        return {"about": self.describe(), **told}

    def _census(self, requests: Requests) -> Flow[Census]:
        if self.query.exact:
            return (yield from self._read_rows(requests))
        page = yield from requests.page(list_task_instances(self.query))
        if page.total <= PAGE_SIZE:
            return self.condition.census(page.rows)
        if self.condition.completed_after is not None:  # no filter can count it
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
        requests.confirm()
        again, unsure = yield from self._read(requests)
        return self._census_of(again, unsure or changed(rows, again))

    def _read(self, requests: Requests) -> Flow[tuple[list[TaskInstance], str]]:
        listing = ConsistentListing(self.query)
        rows: list[TaskInstance] = []
        full: set[str | None] = set()
        try:
            while operation := listing.operation():
                page = yield from requests.page(operation)
                if page.total == COUNTING_LIMIT:
                    full.add(operation.parameters.get("Keyword"))
                rows += listing.feed(page)
        except ListNotAtRest:
            return rows, "rows came or went while they were read"
        except ParameterRefused as refusal:  # whether WeData refuses deep pages is unknown [U]
            if not operation or operation.parameters["PageNumber"] <= DEEPEST_PAGE:
                raise
            return rows, f"WeData refuses pages behind {DEEPEST_PAGE} ({refusal.code}); use shorter windows"
        unsure = listing.torn
        for keyword in full:
            unsure = unsure or (yield from requests.beyond_limit(keyword))
        return rows, unsure

    def _census_of(self, rows: list[TaskInstance], unsure: str) -> Census:
        named = self.query.instance_keys or self.query.task_ids
        return self.condition.census(rows, named=named, unsure=unsure)

    def _judge(self, census: Census, requests: Requests) -> Verdict:
        return self.condition.judge(census, window_over=is_over(self.query.schedule, requests.began))
