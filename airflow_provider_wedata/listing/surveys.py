"""Looks at the whole of a list, beside the windows: where it ends, what no window finds, what was updated since.

Knows what the pages at its ends show. Leaves the reading of what is there to others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.listing.indivisible import Nulls
from airflow_provider_wedata.listing.page_request import OLDEST_FIRST, Question, Span, second_of
from airflow_provider_wedata.listing.partition import Part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.instance import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.listing.page_request import Scope, Sizes
    from airflow_provider_wedata.listing.time_range import Stretch

_NEWEST_FIRST = ("SCHEDULE_DATE", "DESC")
#: How often the last page is asked for until it is the last one.
_MOST_TAILS = 8


class Survey(Part):
    """Where the list of a stretch ends, and whether there are instances without a schedule time.

    Those stand at one end of the order; at which, and whether it is the same end in both directions, is
    documented nowhere [U]: so it looks at all ends. On a page together with others they are all there are, at
    that moment.
    """

    def __init__(self, origin: Stretch) -> None:
        super().__init__(origin.scope)
        self._origin = origin
        self._sizes = origin.pace.sizes
        self._total = origin.total
        self._end_second: int | None = None
        self._tails = 0
        self._nulls: list[Part] | None = None
        if origin.span.open:
            self._judge(origin.nulls, "ASC", head=True)
        else:
            self._nulls = []
        self._ask(1, _NEWEST_FIRST)

    def _ask(self, page: int, sort: tuple[str, str]) -> None:
        self.pending.append(Question(self.scope, self._origin.span, page, self._sizes.page, sort))

    def _take(self, question: Question, page: Page, calm: datetime) -> Sequence[TaskInstance]:
        self._total = page.total
        found = shape(page.rows)
        if question.sort == _NEWEST_FIRST:
            times = [second for row in page.rows if (second := second_of(row)) is not None]
            self._end_second = max(times, default=int(calm.timestamp()))
            self._judge(found, "DESC", head=True)
        elif page.rows and question.start + len(page.rows) == page.total:
            self._judge(found, "ASC", head=False)
        return [row for row in page.rows if row.scheduler_time is None]

    def _judge(self, found: str, direction: str, *, head: bool) -> None:
        """Say what is still to be read, from what a page at the head or the tail of the order shows."""
        if self._nulls is not None or (head and not found):
            return
        if found in {"", "before" if head else "after"}:
            self._nulls = []
        else:
            first = found == "before" or (head and found != "after")
            nulls = Nulls(self.scope, self._sizes, direction=direction, first=first, total=self._total)
            self._nulls = [nulls]

    def _conclude(self) -> None:
        if self._nulls is None and self._total:
            self._tails += 1
            if self._tails > _MOST_TAILS:
                raise ListNotAtRest("instances came and went so fast that the end of the list was not found")
            self._ask(self._sizes.pages(self._total), OLDEST_FIRST)
        else:
            self._end([*(self._nulls or []), *self._origin.rest(self._end_second)])


class Updated(Part):
    """What was updated since the scope's first page: one page, for instances whose schedule time was moved.

    From a window that is still to be read into one that was read. More than a page of them is not looked for.
    """

    def __init__(self, scope: Scope, calm: datetime | None, sizes: Sizes) -> None:
        window = scope.query.last_update
        if calm is not None and (window.start is None or window.start < calm):
            window = replace(window, start=calm.replace(microsecond=0))
        super().__init__(replace(scope, query=replace(scope.query, last_update=window)))
        if window.start is None or window.end is None or window.start <= window.end:
            span = Span.of(scope.query.schedule)
            self.pending.append(Question(self.scope, span, 1, sizes.page, OLDEST_FIRST))
        else:
            self._end()

    def _take(self, question: Question, page: Page, calm: datetime) -> Sequence[TaskInstance]:  # noqa: ARG002
        return page.rows

    def _conclude(self) -> None:
        self._end()


def shape(rows: Sequence[TaskInstance]) -> str:
    """Return where on a page the rows without a schedule time are: nowhere, all, before or after the others."""
    nulls = [row.scheduler_time is None for row in rows]
    if not any(nulls):
        return ""
    if all(nulls):
        return "all"
    if nulls == sorted(nulls, reverse=True):
        return "before"
    return "after" if nulls == sorted(nulls) else "mixed"
