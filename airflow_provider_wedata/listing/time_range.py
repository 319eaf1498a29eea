"""Reads a range of schedule times optimistically; if the result set changed while it was read, splits the range.

Knows when a range was read completely and where to split it, until each piece fits on one page. A page shows one
moment and needs no proof. When each request is sent is left to planner.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.listing.observation import Observation
from airflow_provider_wedata.listing.page_request import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    PageRequest,
    TimeRange,
    second_of,
)
from airflow_provider_wedata.listing.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.listing.page_request import Limits, Order, ResultSet

#: The share of a page that a piece may fill, so that it still fits when a few rows are added.
_ROOM = 0.95


class TimeRangePartition(Partition):
    """The instances of a range of schedule times, with concurrent requests for its pages.

    Complete if every page has the same total, as many different rows were read, and none of them changed since the
    first page was requested: then they all existed at that moment, and there were no others. A single page shows
    one moment and needs no proof.

    :param order: None: the query's own; then its successor is the same range, oldest first.
    """

    def __init__(
        self,
        result_set: ResultSet,
        limits: Limits,
        time_range: TimeRange,
        *,
        order: Order | None = OLDEST_FIRST,
    ) -> None:
        super().__init__(result_set, limits)
        self.time_range = time_range
        self.order = order
        self.total = 0
        self.unchanged_before: datetime | None = None
        #: The first page in both orders, if requested: it shows where rows without a schedule time are.
        self.oldest: Sequence[TaskInstance] = ()
        self.newest: Sequence[TaskInstance] = ()
        self._begin = time_range.first
        self._stop = time_range.last
        self._observation = Observation()
        self._times: Counter[int] = Counter()
        self._answered = 0
        self._miscounted = False
        self._ask(1, order)

    def _ask(self, page: int, order: Order | None) -> None:
        self.pending.append(PageRequest(self.result_set, self.time_range, page, self.limits.page, order))

    def _take(self, request: PageRequest, page: Page, unchanged_before: datetime) -> Sequence[TaskInstance]:
        if request.order == NEWEST_FIRST:
            self.newest = page.rows
            self._stop = max(_seconds(page.rows), default=int(unchanged_before.timestamp()))
            return ()  # out of order; they are read again in their place
        self._answered += 1
        self._miscounted = self._miscounted or request.start + len(page.rows) > page.total
        self._observation.add(page.rows, page.total, unchanged_before)
        self._times.update(_seconds(page.rows))
        if request.page == 1:
            self._open(page, unchanged_before)
        if not self._undisturbed:
            self.pending.clear()
        return page.rows

    def _open(self, page: Page, unchanged_before: datetime) -> None:
        self.oldest, self.total, self.unchanged_before = page.rows, page.total, unchanged_before
        if not self.limits.is_long(page.total):
            for number in range(2, self.limits.pages_to_read(page.total) + 1):
                self._ask(number, self.order)
        # The page shows all rows before its last second. That SCHEDULE_DATE sorts by the second and not by the day
        # is inferred from its name in the response [I]; if rows are out of order, this is not relied on.
        times = _seconds(page.rows)
        if self.order == OLDEST_FIRST and times and times == sorted(times):
            self._begin = times[-1]

    @property
    def deep(self) -> bool:
        """True if the far end of the range is out of reach or unknown."""
        return self.limits.is_deep(self.total) or self._miscounted

    @property
    def _undisturbed(self) -> bool:
        seen = self._observation
        return len(seen.totals) == 1 and len(seen.keys) == seen.rows and seen.unchanged

    @property
    def _complete(self) -> bool:
        seen = self._observation
        return seen.complete and (self.limits.pages(self.total) <= 1 or seen.unchanged)

    @property
    def _unread(self) -> int:
        return self.total - self._observation.rows

    def _conclude(self) -> None:
        if self._complete:
            self._end()
        elif self.order is None:
            self._end([self.time_range])
        elif self._stop is None and (self._unread > 0 or self.deep):
            self._ask(1, NEWEST_FIRST)
        else:
            self._end(self._split())

    def _split(self) -> list[TimeRange]:
        """Return ranges of one page each for what was read, and longer ones for the rest."""
        ranges = TimeRange(self._begin, self.time_range.last).split(self._page_starts())
        if self._unread > 0:
            ranges[-1:] = ranges[-1].split(self._even_starts(ranges[-1]))
        if ranges == [self.time_range]:
            return self.time_range.split(self._any_starts())
        return ranges

    def _page_starts(self) -> list[int]:
        """Return where to split so that each piece fits on a page. A second that does not fit is its own piece."""
        starts, filled, room = [], 0, max(1, int(_ROOM * self.limits.page))
        for second, rows in sorted(self._times.items()):
            if self._begin is not None and second < self._begin:
                continue
            if filled and filled + rows > room:
                starts.append(second)
                filled = 0
            filled += rows
            if filled > room:
                starts += [second, second + 1]
                filled = 0
        return starts

    def _even_starts(self, rest: TimeRange) -> list[int]:
        """Return where to split the unread rest into pieces of equal length, if its ends are known."""
        first = rest.first if rest.first is not None else min(self._times, default=None)
        if first is None or self._stop is None:
            return []
        pieces = self._unread // (self._pages_at_once * self.limits.page) + 1
        return [first + (self._stop - first + 1) * piece // pieces for piece in range(1, pieces)]

    @property
    def _pages_at_once(self) -> int:
        """The target size of the next pieces, in pages: as many as were read before this range changed."""
        return self.limits.begin if self._observation.unchanged else min(self._answered, self.limits.begin)

    def _any_starts(self) -> list[int]:
        """Return where to split a range that would otherwise stay the same: around its median second."""
        if self._times:
            middle = sorted(self._times.elements())[self._times.total() // 2]
        elif self.time_range.unbounded and self.unchanged_before:  # no row read has a schedule time
            middle = int(self.unchanged_before.timestamp())
        else:
            window = self.time_range.window.describe(self.result_set.query.zone)
            raise ListNotAtRest(
                f"WeData counts {self.total} instances from {window} but returns none of them"
            )
        return [middle, middle + 1]


class RecentlyUpdated(Partition):
    """Reads what was updated since the first page of a list, to find instances whose schedule time changed.

    They may have moved from an unread range into one that was already read. Best effort: it reads only one page.
    """

    def __init__(self, result_set: ResultSet, limits: Limits, since: datetime | None) -> None:
        query = result_set.query
        window = query.last_update
        if since is not None and (window.start is None or window.start < since):
            window = replace(window, start=since.replace(microsecond=0))
        super().__init__(replace(result_set, query=replace(query, last_update=window)), limits)
        if window.start is None or window.end is None or window.start <= window.end:
            time_range = TimeRange.of(query.schedule)
            self.pending.append(PageRequest(self.result_set, time_range, 1, limits.page))
        else:
            self._end()

    def _take(
        self,
        request: PageRequest,  # noqa: ARG002 - there is only one
        page: Page,
        unchanged_before: datetime,  # noqa: ARG002 - one page shows one moment
    ) -> Sequence[TaskInstance]:
        return page.rows

    def _conclude(self) -> None:
        self._end()


def _seconds(rows: Iterable[TaskInstance]) -> list[int]:
    return [second for row in rows if (second := second_of(row)) is not None]
