"""One wait: which instances, under which condition, and how to look at them without being fooled.

Between two requests a row can be run again, deleted, added or leave the filter. So a look is one request where
one page holds all; otherwise what it sees must hold together, and a look that would end the wait is made twice.
What no counting can notice: rows deleted and others added, in the right number, in the midst of both looks. And
where rows of several states are counted as ended, only WeData's LastUpdateTime shows that none was counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.clock import Window
from airflow_provider_wedata.api.errors import ListNotAtRest, UnreadableAnswer
from airflow_provider_wedata.api.instance import PAGE_SIZE
from airflow_provider_wedata.api.operations import list_task_instances
from airflow_provider_wedata.api.paging import Listing
from airflow_provider_wedata.waiting import NAMED, Census, Condition, Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.api.flow import Flow
    from airflow_provider_wedata.api.instance import InstanceQuery, TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page

    Ask = Callable[[Operation[Any]], Flow[Any]]

#: Verdicts that need a second look if the first took several requests.
_CONFIRMED = (Kind.MET, Kind.STUCK)
_LATEST_END_FIRST = ("END_TIME", "DESC")


@dataclass(frozen=True, slots=True)
class Watch:
    """A query and the condition that its instances must meet."""

    query: InstanceQuery
    condition: Condition

    def look(self, ask: Ask) -> Flow[Verdict]:
        """Look at WeData once and judge what is there.

        :param ask: from an operation to the flow that answers it, `Channel.exchange`.
        :raises ApiError: if WeData can't be asked.
        """
        from airflow_provider_wedata.api.flow import Now, Sleep  # noqa: PLC0415 - half of what a DAG file would load

        now = yield Sleep(0.0)
        if not isinstance(now, Now):
            raise TypeError(f"a flow that sleeps is woken with the time, not with {now!r}")
        began = datetime.fromtimestamp(int(now.utc), UTC)
        end = self.query.schedule.end
        over = end is not None and now.utc > end.timestamp()
        if self.query.exact:
            return (yield from self._look_at_rows(ask, over=over))
        first: Page = yield from ask(list_task_instances(self.query))
        if first.total <= PAGE_SIZE and first.total == len({row.identity for row in first.rows}):
            return self.condition.judge(self.condition.census(first.rows), window_over=over)
        if self.condition.completed_after is not None:  # no filter can count it
            return (yield from self._look_at_rows(ask, over=over))
        return (yield from self._look_at_counts(ask, first.total, began, over=over))

    def told(self) -> str:
        """Return what is waited for, in words."""
        return self.query.told()

    def summary(self) -> dict[str, str]:
        """Return what is waited for, in JSON's types: in words, and the window's ends on the user's clock."""
        window, zone = self.query.schedule, self.query.zone.tzinfo
        ends = {"schedule_time_from": window.start, "schedule_time_to": window.end}
        told = {name: end.astimezone(zone).isoformat() for name, end in ends.items() if end}
        return {"about": self.told(), **told}

    def _look_at_rows(self, ask: Ask, *, over: bool) -> Flow[Verdict]:
        rows, requests, unsure = yield from self._read(ask)
        verdict = self._judge_rows(rows, unsure, over=over)
        if requests == 1 or verdict.kind not in _CONFIRMED:
            return verdict
        again, _, unsure = yield from self._read(ask)
        if not unsure and _lives(again) != _lives(rows):
            unsure = "rows changed while they were read"
        return self._judge_rows(again, unsure, over=over)

    def _read(self, ask: Ask) -> Flow[tuple[list[TaskInstance], int, str]]:
        listing = Listing(self.query)
        rows: list[TaskInstance] = []
        try:
            while operation := listing.operation():
                rows += listing.feed((yield from ask(operation)))
        except ListNotAtRest:
            return rows, listing.requests, "rows came or went while they were read"
        return rows, listing.requests, ""

    def _judge_rows(self, rows: list[TaskInstance], unsure: str, *, over: bool) -> Verdict:
        named = self.query.instance_keys or self.query.task_ids
        return self.condition.judge(self.condition.census(rows, named=named, unsure=unsure), window_over=over)

    def _look_at_counts(self, ask: Ask, total: int, began: datetime, *, over: bool) -> Flow[Verdict]:
        census = yield from self._count(ask, total)
        verdict = self.condition.judge(census, window_over=over)
        if verdict.kind not in _CONFIRMED:
            return verdict
        again = yield from self._count(ask, total, unmoved_since=began)
        if not again.unsure and again.states != census.states:
            again = replace(again, unsure="counts changed while they were taken")
        return self.condition.judge(again, window_over=over)

    def _count(self, ask: Ask, total: int, *, unmoved_since: datetime | None = None) -> Flow[Census]:
        """Count the rows of each state that matters, and the total last; as few requests as the answer needs.

        A row that stands in no count, or came or went, shows in a sum that differs from the total before or after.
        """
        condition = self.condition
        states: dict[str, int] = {}
        examples: list[TaskInstance] = []
        for ending in (condition.failed, condition.skipped):
            for state in sorted(ending):
                page = yield from self._in_state(ask, state, NAMED)
                states[state] = page.total
                examples += page.rows
            if sum(states.values()):
                return Census(states, total, tuple(examples))
        for state in sorted(condition.allowed):
            states[state] = (yield from self._in_state(ask, state, 1)).total
        if sum(states.values()) < total:
            for state in sorted(condition.unclaimed):
                page = yield from self._in_state(ask, state, NAMED)
                states[state] = page.total
                examples += page.rows
        if sum(states.values()) < total:
            return Census(states, total, tuple(examples))
        moved = False
        if unmoved_since is not None and sum(map(bool, states.values())) > 1:
            moved = yield from self._moved(ask, unmoved_since)
        last: Page = yield from ask(list_task_instances(self.query, size=1, sort=_LATEST_END_FIRST))
        held = sum(states.values()) == total == last.total and not moved
        return Census(
            states,
            total,
            tuple(examples),
            unsure="" if held else "rows came, went or changed while they were counted",
            last_end=last.rows[0].end_time if last.rows else None,
        )

    def _in_state(self, ask: Ask, state: str, size: int) -> Flow[Page]:
        """Ask for the rows of one state; a server that did not heed the filter would count all of them as done."""
        page: Page = yield from ask(list_task_instances(self.query, state=state, size=size))
        if strange := sorted({str(row.state) for row in page.rows} - {state}):
            raise UnreadableAnswer(f"asked for instances that are {state}, got {', '.join(strange)}")
        return page

    def _moved(self, ask: Ask, since: datetime) -> Flow[bool]:
        """Return whether a row changed since then.

        Of two states one is counted first, so a row that hops from the one to the other in between counts twice,
        and hides one that is not done. The rows themselves decide, not their number, so that a server that
        ignores the filter, or a clock of ours that is ahead of WeData's, costs this check and no more.
        """
        query = replace(self.query, last_update=Window(start=since))
        page: Page = yield from ask(list_task_instances(query))
        return any(row.last_update_time is not None and row.last_update_time >= since for row in page.rows)


def _lives(rows: list[TaskInstance]) -> dict[str, tuple[object, ...]]:
    """Return what changes when a row is run again, moves on or is replaced."""
    return {row.identity: (row.state, row.total_run_num, row.last_update_time) for row in rows}
