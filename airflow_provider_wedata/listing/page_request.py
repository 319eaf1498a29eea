"""The request for one page of a list: which list, which range of schedule times, in which order.

Also what both ways of reading a list share: the default order, and how task ids are grouped. When to request what
is left to planner.py and paginator.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import UnreadableField
from airflow_provider_wedata.api.models import PAGE_SIZE
from airflow_provider_wedata.api.operations import list_task_instances
from airflow_provider_wedata.api.times import OPEN, TimeWindow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page
    from airflow_provider_wedata.api.query import InstanceQuery

    Order = tuple[str, str]

#: Rows that are added during a reading then come last and move no row that was read.
OLDEST_FIRST = ("SCHEDULE_DATE", "ASC")
NEWEST_FIRST = ("SCHEDULE_DATE", "DESC")
#: Ids in one Keyword. How many WeData accepts is documented nowhere. [U]
IDS_TOGETHER = 50
#: Pages. Similar services refuse pages beyond 10,000 rows or stop counting there; what WeData does is unknown. [U]
DEEPEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at once.

    :param page: rows per page; at least 3.
    :param whole: pages; a range with at least as many is split before it is read.
    :param begin: pages; the target size of the pieces of such a range.
    :param deepest: the last page that may be requested.
    :param held: pages that may wait in memory for an earlier one.
    """

    page: int = PAGE_SIZE
    whole: int = DEEPEST_PAGE
    begin: int = 48
    deepest: int = DEEPEST_PAGE
    held: int = 40

    def pages(self, rows: int) -> int:
        """Return how many pages this many rows take."""
        return -(-rows // self.page)

    def is_round(self, total: int) -> bool:
        """Return whether services may stop counting at this total [U]: 1,000, 2,000 and so on."""
        return total > 0 and total % (10 * self.page) == 0

    def pages_to_read(self, total: int) -> int:
        """Return how many pages to read: for a round total one more, to check that there are no further rows.

        That check is best effort: an instance that is removed meanwhile can hide a further one.
        """
        return self.pages(total) + self.is_round(total)

    def is_long(self, total: int) -> bool:
        """Return whether this many rows must be split before they are read."""
        return self.pages(total) > 1 and total >= self.whole * self.page

    def is_deep(self, total: int) -> bool:
        """Return whether some of this many rows may lie beyond the deepest page, if pages have two rows fewer."""
        return total >= self.deepest * (self.page - 2)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of schedule times in seconds since the epoch, inclusive at both ends; None is an open end."""

    first: int | None = None
    last: int | None = None

    @property
    def window(self) -> TimeWindow:
        """The range as a filter."""
        return TimeWindow(_moment(self.first), _moment(self.last))

    @property
    def unbounded(self) -> bool:
        """True if it excludes nothing, so that it contains instances without a schedule time too."""
        return self.first is None and self.last is None

    @property
    def single_second(self) -> bool:
        """True if it can't be split."""
        return self.first is not None and self.first == self.last

    def split(self, starts: Iterable[int]) -> list[TimeRange]:
        """Split the range at those seconds that lie in it; each starts a new range."""
        ranges, first = [], self.first
        for start in sorted(set(starts)):
            if (first is None or start > first) and (self.last is None or start <= self.last):
                ranges.append(TimeRange(first, start - 1))
                first = start
        return [*ranges, TimeRange(first, self.last)]

    @staticmethod
    def of(window: TimeWindow) -> TimeRange:
        """Return the range of a filter."""
        return TimeRange(_second(window.start), _second(window.end))


@dataclass(frozen=True, slots=True)
class ResultSet:
    """A list at WeData: the rows that match the query, or one keyword of it.

    :param query: the user's query.
    :param keyword: replaces the query's own.
    :param widened: request it without the filters whose match changes as an instance runs; `wants` applies them.
    """

    query: InstanceQuery
    keyword: str | None = None
    widened: bool = False

    @property
    def can_be_left(self) -> bool:
        """True if an instance can leave the list and come back."""
        query = self.query
        return not self.widened and bool(
            query.instance_state
            or query.executor_group_id
            or query.start != OPEN
            or query.last_update != OPEN
        )

    def wants(self, row: TaskInstance) -> bool:
        """Return whether the row matches the query.

        :raises UnreadableField: if a field that a filter needs can't be parsed.
        """
        query = self.query
        if not (self.widened and query.matches(row)):
            return query.matches(row)
        if unreadable := self._deciding & row.unreadable:
            raise UnreadableField(
                f"{', '.join(sorted(unreadable))} of {row.identity} can't be parsed, but a filter needs it"
            )
        return (
            query.instance_state in (None, row.state)
            and query.executor_group_id in (None, row.executor_group_id)
            and _within(row.start_time, query.start)
            and _within(row.last_update_time, query.last_update)
        )

    @property
    def _deciding(self) -> frozenset[str]:
        query = self.query
        filtered = {
            "ExecutorGroupId": query.executor_group_id is not None,
            "StartTime": query.start != OPEN,
            "LastUpdateTime": query.last_update != OPEN,
        }
        return frozenset(name for name, by in filtered.items() if by)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page of a range of a result set.

    :param page: its number, from 1.
    :param size: rows per page.
    :param order: None: the query's own.
    """

    result_set: ResultSet
    time_range: TimeRange
    page: int
    size: int
    order: Order | None = OLDEST_FIRST

    @property
    def start(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.size

    def operation(self) -> Operation[Page]:
        """Return the operation to send."""
        query = replace(self.result_set.query, schedule=self.time_range.window)
        if self.result_set.widened:
            query = replace(query, instance_state=None, executor_group_id=None, start=OPEN, last_update=OPEN)
        return list_task_instances(
            query, page=self.page, size=self.size, keyword=self.result_set.keyword, sort=self.order
        )


def order_of(query: InstanceQuery) -> Order | None:
    """Return the order in which a list is read: oldest first, or None if the query has its own."""
    return None if query.sort_column or query.sort_type else OLDEST_FIRST


def id_groups(query: InstanceQuery) -> list[tuple[str, ...]]:
    """Return the groups of ids that are requested together; one empty group if the query has none."""
    ids = query.keywords
    return [ids[at : at + IDS_TOGETHER] for at in range(0, len(ids), IDS_TOGETHER)] or [()]


def second_of(row: TaskInstance) -> int | None:
    """Return the row's schedule time in seconds since the epoch."""
    return _second(row.scheduler_time)


def _second(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, tz=UTC)


def _within(moment: datetime | None, window: TimeWindow) -> bool:
    return window == OPEN or (moment is not None and moment in window)
