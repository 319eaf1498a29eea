"""More rows than a page that no window tells apart: those of one second, and those without a schedule time.

They are read again and again until they rest. What that means is known here; a row's fields are not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.listing.page_request import OLDEST_FIRST, Question, Span
from airflow_provider_wedata.listing.partition import Part, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.instance import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.listing.page_request import Scope, Sizes
    from airflow_provider_wedata.listing.partition import Pace

#: How often a crowd is read from the start.
MOST_READINGS = 8
#: Passes over the pages in one reading, while nothing shows but that rows with equal times change places.
MOST_PASSES = 16
#: Questions until the end of the rows without a schedule time is found.
MOST_PROBES = 64
#: Rows that tie in one column may differ in the next.
_SORTS = (OLDEST_FIRST, *((column, "ASC") for column in ("COST_TIME", "START_TIME", "END_TIME")))


class Crowd(Part):
    """Rows of which only the number is known at a moment; read until as many different ones were seen.

    A reading is one or more passes over all pages. It is whole if it saw as many keys as there were rows at
    one of its moments, before or while it saw them. Then it is the list of that moment, if either

    - no row changed since the first page was asked for (`Tally.at_rest`): all were there then; or
    - the reading before was whole too and saw the same: all were there at a moment between the two, unless one
      left and came back. (Where rows can do that by living, it shows in their LastUpdateTime.)
    """

    def __init__(self, scope: Scope, sizes: Sizes) -> None:
        super().__init__(scope)
        self._sizes = sizes
        self._readings = 0
        self._before: set[int] | None = None
        self._begin()

    def _begin(self) -> None:
        self._tally = Tally(strict=self.scope.leaving)
        self._number: int | None = None
        self._torn = False
        self._passes = 0
        self._first_pass()

    def _tear(self) -> None:
        self._torn = True
        self.pending.clear()

    def _conclude(self) -> None:
        seen, number = len(self._tally.keys), self._number
        if number is None and not self._torn:
            self._first_pass()
        elif number == seen and not self._torn:
            if self._one_moment or self._tally.at_rest or self._tally.marks == self._before:
                self._end()
            else:
                self._again(self._tally.marks)
        elif number is not None and seen < number and not self._torn and self._passes < MOST_PASSES:
            self._next_pass()
        else:
            self._again(None)

    def _again(self, before: set[int] | None) -> None:
        self._before = before
        self._readings += 1
        if self._readings < MOST_READINGS:
            self._begin()
        elif self.scope.leaving:
            self._end([self._widened()])
        else:
            raise ListNotAtRest(
                f"{len(self._tally.keys)} or more instances {self._told} kept coming and going: each of "
                f"{MOST_READINGS} readings saw others. Narrow the filters, or read when WeData is quieter"
            )

    @property
    def _one_moment(self) -> bool:
        raise NotImplementedError

    @property
    def _told(self) -> str:
        raise NotImplementedError

    def _first_pass(self) -> None:
        raise NotImplementedError

    def _next_pass(self) -> None:
        raise NotImplementedError

    def _widened(self) -> Part:
        raise NotImplementedError


class Second(Crowd):
    """The instances of one second. Each page tells how many there are; if they differ, rows came or went."""

    def __init__(self, scope: Scope, second: int, pace: Pace, *, walked: bool = False) -> None:
        self._span = Span(second, second)
        self._pace = pace
        self._walked = walked
        self._turn = -1
        super().__init__(scope, pace.sizes)

    def _first_pass(self) -> None:
        self._turn += 1
        self._ask(range(1, 2))

    def _next_pass(self) -> None:
        self._turn += 1
        self._ask(range(1, self._sizes.pages(self._number or 0) + 1))
        self._passes += 1

    def _ask(self, pages: range) -> None:
        sort = _SORTS[self._turn % len(_SORTS)]
        self.pending.extend(Question(self.scope, self._span, page, self._sizes.page, sort) for page in pages)

    def _take(
        self,
        question: Question,  # noqa: ARG002 - the order of pages does not matter here
        page: Page,
        calm: datetime,
    ) -> Sequence[TaskInstance]:
        self._tally.add(page.rows, page.total, calm)
        if self._number is None:
            self._number = page.total
            self._passes = 1
            if self._walked and page.total <= self._sizes.page:  # a crowd tells nothing of its neighbours
                self._pace.met(page.total, 1)
            self._ask(range(2, self._sizes.pages(page.total) + 1))
        elif page.total != self._number:
            self._tear()
        return page.rows

    @property
    def _one_moment(self) -> bool:
        return self._sizes.pages(self._number or 0) <= 1

    @property
    def _told(self) -> str:
        second = self._span.window.start
        zone = self.scope.query.zone.wire
        return f"of the second {zone.write(second) if second else ''} ({zone})"

    def _widened(self) -> Part:
        return Second(replace(self.scope, wide=True), self._span.first or 0, self._pace)


class Nulls(Crowd):
    """The instances without a schedule time, which no window finds. They stand at one end of the order.

    Only the page with the edge between them and the others tells how many there are. So a reading asks for
    that page first: what is then seen, and did not change since, was there at its moment. Asked for last, rows
    that left before would count.

    :param direction: of the order by schedule time; :param first: whether they come first in it.
    :param total: how many rows the whole list has, about.
    """

    def __init__(self, scope: Scope, sizes: Sizes, *, direction: str, first: bool, total: int) -> None:
        self._sort = (OLDEST_FIRST[0], direction)
        self._first = first
        self._low, self._high = 0, total  # the edge is in between, as a number of rows
        self._total = total
        self._probes = 0
        super().__init__(scope, sizes)

    def _first_pass(self) -> None:
        if self._probes >= MOST_PROBES:
            raise ListNotAtRest(
                f"instances {self._told} came and went so fast that their number could not be found"
            )
        self._probes += 1
        guess = (self._low + self._high + 1) // 2
        # A page of a size that does not divide the guess has rows from both sides of it. (Every number that all
        # sizes divide but 0 has more than 40 digits, if pages are of 100 rows.)
        sizes = range(self._sizes.page, 2, -1)
        size = next((size for size in sizes if guess % size), self._sizes.page)
        self._ask(max(guess - 1, 0) // size + 1, size)

    def _next_pass(self) -> None:
        low, high = self._nulls
        size = self._sizes.page
        for page in range(low // size + 1, self._sizes.pages(high) + 1):
            self._ask(page, size)
        self._passes += 1

    def _ask(self, page: int, size: int) -> None:
        self.pending.append(Question(self.scope, Span(), page, size, self._sort))

    def _take(self, question: Question, page: Page, calm: datetime) -> Sequence[TaskInstance]:
        nulls = [row for row in page.rows if row.scheduler_time is None]
        if self._number is None:
            self._probe(question, page)
            if self._number is None:
                return nulls
        elif len(nulls) != self._expected(question):
            self._tear()
        self._tally.add(nulls, page.total, calm)
        return nulls

    def _probe(self, question: Question, page: Page) -> None:
        """Find the edge on the page, or on which side of the page it is."""
        before = [(row.scheduler_time is None) == self._first for row in page.rows]
        edge = question.start + sum(before)
        end = question.start + len(before)
        if not before and question.start:
            self._narrow(0, min(question.start, page.total), page.total)
        elif before != sorted(before, reverse=True):
            self._low, self._high = 0, page.total
        elif question.start < edge < end or (edge == end == page.total) or edge == question.start == 0:
            self._low = self._high = edge
            self._total = page.total
            low, high = self._nulls
            self._number = high - low
        elif edge == end:
            self._narrow(end, page.total, page.total)
        else:
            self._narrow(0, question.start, page.total)

    def _narrow(self, low: int, high: int, total: int) -> None:
        # If the edge moved across what was known of it, or is not where it had to be, the newer side holds.
        sure = self._low == self._high
        self._low, self._high = max(low, self._low), min(high, self._high)
        if sure or self._low > self._high:
            self._low, self._high = (low, max(low, total)) if low else (0, high)

    @property
    def _nulls(self) -> tuple[int, int]:
        return (0, self._low) if self._first else (self._low, self._total)

    def _expected(self, question: Question) -> int:
        low, high = self._nulls
        return max(0, min(high, question.start + question.size) - max(low, question.start))

    @property
    def _one_moment(self) -> bool:
        return self._passes == 0  # all on the page with the edge

    @property
    def _told(self) -> str:
        return "without a schedule time"

    def _widened(self) -> Part:
        return Nulls(
            replace(self.scope, wide=True),
            self._sizes,
            direction=self._sort[1],
            first=self._first,
            total=self._total,
        )
