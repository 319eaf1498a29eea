"""Stretches of schedule time, each read in the belief that nothing moves meanwhile, and what is done if it did.

Knows when a stretch was read whole, and how to cut it where it was not: until each piece fits on one page, which
is one moment and needs no belief.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.listing.indivisible import Second
from airflow_provider_wedata.listing.page_request import OLDEST_FIRST, Question, Span, second_of
from airflow_provider_wedata.listing.partition import Pace, Part, Tally
from airflow_provider_wedata.listing.surveys import Survey, Updated, shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.instance import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.listing.page_request import Scope

#: Of a page, so that a window that is meant for one page still is when a few rows come.
_ROOM = 0.9


class Stretch(Part):
    """The instances of a span of schedule time, page by page, several at once.

    Read whole, if every page told the same number, as many different keys came, and no row changed since the
    first page was asked for: then all of them were there at that moment, and there were as many. One page
    alone is one moment and needs no proof.

    :param sort: None: the query's own order.
    :param outset: the first of its scope; what comes after it ends with a look for what was updated meanwhile.
    """

    def __init__(
        self,
        scope: Scope,
        span: Span,
        pace: Pace,
        *,
        sort: tuple[str, str] | None = OLDEST_FIRST,
        outset: bool = False,
        walked: bool = False,
    ) -> None:
        super().__init__(scope)
        self.span = span
        self.pace = pace
        self.total = 0
        self.nulls = ""
        self._sort = sort
        self._outset = outset
        self._walked = walked
        self._sizes = pace.sizes
        self._tally = Tally()
        self._times = array("q")
        self._answers = 0
        self._cut: int | None = None
        self._calm: datetime | None = None
        self._ask(1)

    def _ask(self, page: int) -> None:
        self.pending.append(Question(self.scope, self.span, page, self._sizes.page, self._sort))

    def _take(self, question: Question, page: Page, calm: datetime) -> Sequence[TaskInstance]:
        times = [second for row in page.rows if (second := second_of(row)) is not None]
        self._tally.add(page.rows, page.total, calm)
        self._times.extend(times)
        self._answers += 1
        if question.page == 1:
            self._open(page, times, calm)
        if self._restless:
            self.pending.clear()
        return page.rows

    def _open(self, page: Page, times: list[int], calm: datetime) -> None:
        self.total = page.total
        self._calm = calm
        if self._sort == OLDEST_FIRST:
            self.nulls = shape(page.rows)
            # Page 1 is one moment: it shows all there is before its last second. That SCHEDULE_DATE sorts by the
            # second and not by the day is inferred from its name in the answer [I]; out of order, it is not used.
            self._cut = times[-1] if times and times == sorted(times) else None
        if not self._long:
            for number in range(2, self._pages + 1):
                self._ask(number)

    @property
    def _pages(self) -> int:
        return self._sizes.pages(self.total)

    @property
    def _long(self) -> bool:
        return self._pages > self._sizes.whole

    @property
    def _restless(self) -> bool:
        tally = self._tally
        return len(tally.totals) > 1 or len(tally.keys) < tally.rows or not tally.at_rest

    @property
    def _whole(self) -> bool:
        tally = self._tally
        return tally.totals == {len(tally.keys)} and (self._pages <= 1 or tally.at_rest)

    def _conclude(self) -> None:
        if self._walked or self._outset:
            self._teach()
        if self._whole:
            self._end()
        elif self._sort is None:
            self._end([Stretch(self.scope, self.span, self.pace, outset=True)])
        else:
            heirs: list[Part] = [Survey(self)] if self._unknown else self.rest(self.span.last)
            self._end([*heirs, Updated(self.scope, self._calm, self._sizes)] if self._outset else heirs)

    def _teach(self) -> None:
        self.pace.met(self.total, self.span.seconds)
        if not self._whole and not self._long:
            self.pace.restless()
        elif self._tally.at_rest:
            self.pace.quiet()

    @property
    def _unknown(self) -> bool:
        """True if its end must be looked for: to walk there, or to find the instances without a time."""
        return self.span.open or (self._long and self.span.last is None)

    def rest(self, end: int | None) -> list[Part]:
        """Return the parts that read what this one could not.

        :param end: the last second where anything is known to be; None if nothing is known.
        """
        begin = self.span.first if self._cut is None else self._cut
        if end is None:
            end = max(self._times, default=begin)
        if begin is None or end is None:
            return self._halves(end)
        if self._long:
            return self._unless_same([self._walk(begin, end, self.total)])
        return self._unless_same(self._packed(begin, end))

    def _packed(self, begin: int, end: int) -> list[Part]:
        """Cut by the schedule times that were read, into windows of one page; walk through what was not."""
        counts = sorted(Counter(time for time in self._times if time >= begin).items())
        unread = self._answers < self._pages
        stop = counts.pop()[0] if unread and counts else None
        spans = _spans(begin, counts, max(1, int(_ROOM * self._sizes.page)))
        begin, spans = spans[-1][0], spans[:-1]
        if unread and stop is not None and begin < stop:
            spans.append((begin, stop - 1))
            begin = stop
        parts = [part_of(self.scope, Span(*span), self.pace) for span in spans]
        if self.span.last is not None and begin > self.span.last:
            return parts
        if unread:
            return [*parts, self._walk(begin, end, max(self.total - self._tally.rows, 1))]
        return [*parts, part_of(self.scope, Span(begin, self.span.last), self.pace)]

    def _walk(self, begin: int, end: int, rows: int) -> Part:
        self.pace.density = rows / max(end - begin + 1, 1)
        return Walk(self.scope, Span(begin, self.span.last), end, self.pace)

    def _halves(self, end: int | None) -> list[Part]:
        """Cut a span with an open beginning of which nothing is known but perhaps the end."""
        if end is None and self._calm is not None:
            end = int(self._calm.timestamp())
        if end is None or (self.span.last is not None and end >= self.span.last):
            return self._unless_same([])
        spans = [Span(None, end), Span(end + 1, self.span.last)]
        return [part_of(self.scope, span, self.pace) for span in spans]

    def _unless_same(self, parts: list[Part]) -> list[Part]:
        """Cut in three around a second where rows are, if what is left is the whole again."""
        if parts and all(getattr(part, "span", None) != self.span for part in parts):
            return parts
        if self._times:
            middle = sorted(self._times)[len(self._times) // 2]
        elif self.span.first is not None and self.span.last is not None:
            middle = (self.span.first + self.span.last) // 2
        else:
            raise ListNotAtRest(
                f"WeData counts {self.total} instances from "
                f"{self.span.window.told(self.scope.query.zone)} and shows none of them"
            )
        return [part_of(self.scope, span, self.pace) for span in self.span.around(middle)]


class Walk(Part):
    """A span too long for one stretch: window after window, each as wide as what came before it suggests."""

    def __init__(self, scope: Scope, span: Span, end: int, pace: Pace) -> None:
        super().__init__(scope)
        self.span = span
        self._stop = end
        self._pace = pace

    def unfold(self, *, head: bool) -> list[Part]:  # noqa: ARG002 - as the base has it
        """Return the next window and the rest of the walk."""
        begin = self.span.first or 0
        last = begin + self._pace.seconds - 1
        if last >= self._stop:
            return [part_of(self.scope, self.span, self._pace, walked=True)]
        return [
            part_of(self.scope, Span(begin, last), self._pace, walked=True),
            Walk(self.scope, Span(last + 1, self.span.last), self._stop, self._pace),
        ]


def part_of(scope: Scope, span: Span, pace: Pace, *, walked: bool = False) -> Part:
    """Return the part that reads the span."""
    if span.first is not None and span.first == span.last:
        return Second(scope, span.first, pace, walked=walked)
    return Stretch(scope, span, pace, walked=walked)


def _spans(begin: int, counts: Iterable[tuple[int, int]], room: int) -> list[tuple[int, int]]:
    """Return spans that hold as many rows as there is room for, of the last only the beginning.

    A second that has more stands alone.
    """
    spans, filled = [], 0
    for second, rows in counts:
        if begin < second and filled + rows > room:
            spans.append((begin, second - 1))
            begin, filled = second, 0
        filled += rows
        if filled > room:
            spans.append((second, second))
            begin, filled = second + 1, 0
    return [*spans, (begin, begin)]
