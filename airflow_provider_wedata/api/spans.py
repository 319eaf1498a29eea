"""Stretches of schedule time, each read in the belief that nothing moves meanwhile, and what is done if it did.

Knows when a stretch was read whole, and how to cut it where it was not: until each piece fits on one page, which
is one moment and needs no belief.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.crowds import Nulls, Second
from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.api.parts import Pace, Part, Tally
from airflow_provider_wedata.api.scopes import OLDEST_FIRST, Question, Span, second_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.instance import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.api.scopes import Scope, Sizes

_NEWEST_FIRST = ("SCHEDULE_DATE", "DESC")
#: How often the last page is asked for until it is the last one.
_MOST_TAILS = 8
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
                f"WeData counts {self.total} instances in {self.span.window} and shows none of them"
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
