"""Reads rows that fill several pages but can't be split by time: those of one second, and those without a time.

They are read repeatedly until a reading is proven complete. The proof is defined here; when each request is sent
is left to planner.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.listing.observation import Observation
from airflow_provider_wedata.listing.page_request import NEWEST_FIRST, OLDEST_FIRST, PageRequest, TimeRange
from airflow_provider_wedata.listing.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.listing.page_request import Limits, Order, ResultSet

#: How often the rows are read from the start.
MOST_READINGS = 8
#: Passes over the pages in one reading, while rows with equal times only change places.
MOST_PASSES = 16
#: Requests to find the end of the rows without a schedule time.
MOST_PROBES = 64
#: Rows that tie in one column may differ in the next.
_ORDERS = (OLDEST_FIRST, *((column, "ASC") for column in ("COST_TIME", "START_TIME", "END_TIME")))
#: Earlier than every schedule time: a range from here on excludes only instances without one.
_LONG_AGO = 0


class Indivisible(Partition):
    """Rows of which a response only proves the number; read until as many different rows were seen.

    A reading is one or more passes over all pages. It is complete if it saw as many keys as there were rows at
    one moment, before or while it saw them. It then shows the list of that moment, if either

    - no row changed since the first page was requested (`Observation.unchanged`): all existed then; or
    - the previous reading was complete too and saw the same rows: all existed at a moment between the two, unless
      one left and came back. (If rows can do that by running, their LastUpdateTime shows it.)

    If rows can leave the result set and come back, and it keeps changing, it is read without the filters that
    they leave by (`ResultSet.widened`).
    """

    _subject: str

    def __init__(self, result_set: ResultSet, limits: Limits) -> None:
        super().__init__(result_set, limits)
        self._readings = 0
        self._before: set[int] | None = None
        self._begin()

    def _begin(self) -> None:
        self._observation = Observation(by_update=self.result_set.can_be_left)
        self._number: int | None = None
        self._disturbed = False
        self._passes = 0
        self._first_pass()

    def _disturb(self) -> None:
        self._disturbed = True
        self.pending.clear()

    def _conclude(self) -> None:
        seen, number = len(self._observation.keys), self._number
        if self._disturbed:
            self._again(None)
        elif number is None:
            self._first_pass()
        elif seen < number and self._passes < MOST_PASSES:
            self._next_pass()
        elif seen != number:
            self._again(None)
        elif self._one_moment or self._observation.unchanged or self._observation.versions == self._before:
            self._end()
        else:
            self._again(self._observation.versions)

    def _again(self, before: set[int] | None) -> None:
        self._before = before
        self._readings += 1
        if self._readings == MOST_READINGS and self.result_set.can_be_left:
            self.result_set = replace(self.result_set, widened=True)
            self._readings, self._before = 0, None
        if self._readings == MOST_READINGS:
            raise ListNotAtRest(
                f"the result set changed during each of {MOST_READINGS} attempts to read "
                f"{len(self._observation.keys)} or more instances {self._subject}; "
                "narrow the filters, or retry when fewer instances are being updated"
            )
        self._begin()

    def _too_many(self, number: int) -> ListNotAtRest:
        return ListNotAtRest(
            f"{number} or more instances {self._subject} are too many to read: they can't be split, and no page "
            f"beyond {self.limits.deepest} is requested; narrow the filters, for example by workflow_id"
        )

    @property
    def _one_moment(self) -> bool:
        raise NotImplementedError

    def _first_pass(self) -> None:
        raise NotImplementedError

    def _next_pass(self) -> None:
        raise NotImplementedError


class SameSecond(Indivisible):
    """The instances of one second. Each page has their total; if it changes, rows were added or removed."""

    def __init__(self, result_set: ResultSet, limits: Limits, time_range: TimeRange) -> None:
        zone, second = result_set.query.zone.wire, time_range.window.start
        self._subject = f"of the second {zone.write(second) if second else ''} ({zone})"
        self._time_range = time_range
        self._turn = -1
        super().__init__(result_set, limits)

    def _first_pass(self) -> None:
        self._turn += 1
        self._ask(range(1, 2))

    def _next_pass(self) -> None:
        self._turn += 1
        self._ask(range(1, self.limits.pages_to_read(self._number or 0) + 1))
        self._passes += 1

    def _ask(self, pages: range) -> None:
        order = _ORDERS[self._turn % len(_ORDERS)]
        size = self.limits.page
        self.pending.extend(
            PageRequest(self.result_set, self._time_range, page, size, order) for page in pages
        )

    def _take(
        self,
        request: PageRequest,  # noqa: ARG002 - the order of pages does not matter here
        page: Page,
        unchanged_before: datetime,
    ) -> Sequence[TaskInstance]:
        self._observation.add(page.rows, page.total, unchanged_before)
        if self._number is None:
            self._number = page.total
            self._passes = 1
            pages = self.limits.pages_to_read(page.total)
            if pages > self.limits.deepest:
                raise self._too_many(page.total)
            self._ask(range(2, pages + 1))
        elif page.total != self._number:
            self._disturb()
        return page.rows

    @property
    def _one_moment(self) -> bool:
        return self.limits.pages(self._number or 0) <= 1


class NullSchedule(Indivisible):
    """The instances without a schedule time, which no range finds. They are at one end of the sort order.

    Only the page with the edge between them and the others shows how many there are. So a reading requests that
    page first: rows that are seen later and did not change since existed at its moment. If it came last, rows that
    left before would count.

    :param order: a sort order by schedule time.
    :param first: whether the instances come first in it.
    :param total: the approximate number of rows of the whole list.
    """

    _subject = "without a schedule time"

    def __init__(
        self, result_set: ResultSet, limits: Limits, *, order: Order, first: bool, total: int
    ) -> None:
        self._order = order
        self._first = first
        self._low, self._high = 0, total  # the edge is in between, as a number of rows
        self._total = total
        self._probes = 0
        super().__init__(result_set, limits)

    def _first_pass(self) -> None:
        if self._probes >= MOST_PROBES:
            raise ListNotAtRest(
                f"the number of instances {self._subject} was not found in {MOST_PROBES} requests, because the "
                "result set kept changing; narrow the filters, or retry when fewer instances are being updated"
            )
        # Search from their end of the order in growing steps, because usually there are few of them.
        step = self.limits.page * 4**self._probes // 2 if self._probes else 0
        self._probes += 1
        middle = (self._low + self._high + 1) // 2
        guess = min(middle, self._low + max(step, 1)) if self._first else max(middle, self._high - step)
        # If the page size does not divide the guess, the page has rows from both sides of it.
        sizes = range(self.limits.page, self.limits.page - 3, -1)
        size = next((size for size in sizes if guess % size), self.limits.page)
        self._ask(max(guess - 1, 0) // size + 1, size)

    def _next_pass(self) -> None:
        low, high = self._nulls
        size = self.limits.page
        for page in range(low // size + 1, self.limits.pages(high) + 1):
            self._ask(page, size)
        self._passes += 1

    def _ask(self, page: int, size: int) -> None:
        if page > self.limits.deepest:
            raise self._too_many(page * size)
        self.pending.append(PageRequest(self.result_set, TimeRange(), page, size, self._order))

    def _take(self, request: PageRequest, page: Page, unchanged_before: datetime) -> Sequence[TaskInstance]:
        nulls = [row for row in page.rows if row.scheduler_time is None]
        if self._number is None:
            self._probe(request, page)
            if self._number is None:
                return nulls
        elif len(nulls) != self._expected(request):
            self._disturb()
        self._observation.add(nulls, page.total, unchanged_before)
        return nulls

    def _probe(self, request: PageRequest, page: Page) -> None:
        """Find the edge on the page, or the side of the page where it is."""
        before = [(row.scheduler_time is None) == self._first for row in page.rows]
        edge = request.start + sum(before)
        end = request.start + len(before)
        ends = len(before) < request.size or not self.limits.is_round(end)
        if not before and request.start:
            self._narrow(0, min(request.start, page.total), page.total)
        elif before != sorted(before, reverse=True):
            self._low, self._high = 0, page.total
        elif request.start < edge < end or (edge == end == page.total and ends) or edge == request.start == 0:
            self._low = self._high = edge
            self._total = page.total
            low, high = self._nulls
            self._number = high - low
        elif edge == end:
            self._narrow(end, page.total, page.total)
        else:
            self._narrow(0, request.start, page.total)

    def _narrow(self, low: int, high: int, total: int) -> None:
        # If the edge left its known bounds, or is not where it must be, the newer bound counts.
        exact = self._low == self._high
        self._low, self._high = max(low, self._low), min(high, self._high)
        if exact or self._low > self._high:
            self._low, self._high = (low, max(low, total)) if low else (0, high)

    @property
    def _nulls(self) -> tuple[int, int]:
        return (0, self._low) if self._first else (self._low, self._total)

    def _expected(self, request: PageRequest) -> int:
        low, high = self._nulls
        return max(0, min(high, request.start + request.size) - max(low, request.start))

    @property
    def _one_moment(self) -> bool:
        return self._passes == 0  # all on the page with the edge


class NullScheduleOutOfReach(Partition):
    """Checks for instances without a schedule time that no page can show, because too many others come first.

    They can't be read, only detected: a range that excludes only them counts fewer instances than the whole list.
    This is best effort: it misses one that is swapped between two counts, and fails if the service stops counting.

    :param total: the number of rows that the whole list had before.
    """

    def __init__(self, result_set: ResultSet, limits: Limits, *, total: int) -> None:
        super().__init__(result_set, limits)
        self._before = total
        self._rounds = 0
        self._ask(TimeRange(first=_LONG_AGO))

    def _ask(self, time_range: TimeRange) -> None:
        self.pending.append(PageRequest(self.result_set, time_range, 1, 1))

    def _take(
        self,
        request: PageRequest,
        page: Page,
        unchanged_before: datetime,  # noqa: ARG002 - only counts matter here
    ) -> Sequence[TaskInstance]:
        if not request.time_range.unbounded:
            self._with_time = page.total
            self._ask(TimeRange())
        elif self._with_time < max(self._before, page.total):
            self._before = page.total
            self._again()
        return ()

    def _again(self) -> None:
        self._rounds += 1
        if self._rounds == MOST_READINGS:
            raise ListNotAtRest(
                f"WeData counts {self._before} instances, {self._with_time} of them with a schedule time; the "
                "others can't be read after so many. Exclude them with a window of schedule time"
            )
        self._ask(TimeRange(first=_LONG_AGO))

    def _conclude(self) -> None:
        self._end()


def search_null_schedule(
    result_set: ResultSet,
    limits: Limits,
    *,
    total: int,
    deep: bool,
    oldest: Sequence[TaskInstance],
    newest: Sequence[TaskInstance],
) -> list[Partition]:
    """Return the partitions that find the instances without a schedule time, judging by the ends of the list.

    At which end they are, and whether it is the same end in both orders, is documented nowhere. [U]

    :param total: the number of rows of the whole list.
    :param deep: True if the far end of the list is out of reach.
    :param oldest: its first page, oldest first.
    :param newest: its first page, newest first; empty if that was not requested.
    """
    nulls = [row.scheduler_time is None for row in oldest]
    if any(nulls):
        if not all(nulls) and nulls == sorted(nulls, reverse=True):
            return []  # the page shows all that existed at its moment
        first = nulls != sorted(nulls) or all(nulls)
        return [NullSchedule(result_set, limits, order=OLDEST_FIRST, first=first, total=total)]
    if not deep:
        return [NullSchedule(result_set, limits, order=OLDEST_FIRST, first=False, total=total)]
    if any(row.scheduler_time is None for row in newest):
        return [NullSchedule(result_set, limits, order=NEWEST_FIRST, first=True, total=total)]
    return [NullScheduleOutOfReach(result_set, limits, total=total)]
