"""One page of a list, as it is asked for: which list, which range of schedule time, in which order.

Here stands, too, what both ways of reading a list share: the order, who chooses it, and how named ids are grouped.
When to ask for what is left to the planner and the paginator.
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

#: What is added while a list is read then comes last, and moves no row that was read.
OLDEST_FIRST = ("SCHEDULE_DATE", "ASC")
NEWEST_FIRST = ("SCHEDULE_DATE", "DESC")
#: Ids in one Keyword. How many WeData takes is documented nowhere. [U]
IDS_TOGETHER = 50
#: Pages. Services like this refuse a page behind 10,000 rows, or stop counting there; WeData's way is unknown. [U]
DEEPEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at once.

    :param page: rows a page; 3 at least.
    :param whole: pages; a range that has as many is split before it is read.
    :param begin: pages that a piece of such a range is meant to have.
    :param deepest: no page beyond this one is asked for.
    :param held: pages that wait in memory for one that comes before them.
    """

    page: int = PAGE_SIZE
    whole: int = DEEPEST_PAGE
    begin: int = 48
    deepest: int = DEEPEST_PAGE
    held: int = 40

    def pages(self, rows: int) -> int:
        """Return how many pages so many rows take."""
        return -(-rows // self.page)

    def is_round(self, total: int) -> bool:
        """Return whether it is a number at which services stop counting [U]: 1,000, 2,000 and so on."""
        return total > 0 and total % (10 * self.page) == 0

    def pages_to_read(self, total: int) -> int:
        """Return how many pages show that the total is right: of a round one, one more than it takes.

        That one is best effort: an instance that goes meanwhile hides that there was one more.
        """
        return self.pages(total) + self.is_round(total)

    def is_long(self, total: int) -> bool:
        """Return whether so many rows must be split before they are read."""
        return self.pages(total) > 1 and total >= self.whole * self.page

    def is_deep(self, total: int) -> bool:
        """Return whether some of so many rows may lie behind the deepest page, if pages have two rows fewer."""
        return total >= self.deepest * (self.page - 2)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of schedule time, from a second since the epoch to another, inclusive; None is an open end."""

    first: int | None = None
    last: int | None = None

    @property
    def window(self) -> TimeWindow:
        """The same as a filter has it."""
        return TimeWindow(_moment(self.first), _moment(self.last))

    @property
    def unbounded(self) -> bool:
        """True if it leaves out nothing, so that instances without a schedule time are in it too."""
        return self.first is None and self.last is None

    @property
    def single_second(self) -> bool:
        """True if it can't be split."""
        return self.first is not None and self.first == self.last

    def split(self, starts: Iterable[int]) -> list[TimeRange]:
        """Return the ranges that begin at those of the seconds that lie in it, and what is before the first."""
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
    """A list at WeData: what the query, or one keyword of it, finds.

    :param widened: without the filters that an instance enters and leaves as it runs; `wants` applies them.
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
        """Return whether the row, as it came, is one of those asked for.

        :raises UnreadableField: if a field that decides it can't be read.
        """
        query = self.query
        if not (self.widened and query.matches(row)):
            return query.matches(row)
        if unreadable := self._deciding & row.unreadable:
            raise UnreadableField(
                f"{', '.join(sorted(unreadable))} of {row.identity} can't be read, and a filter on it was given"
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

    :param order: None is the query's own.
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
        """Return it as it is sent."""
        query = replace(self.result_set.query, schedule=self.time_range.window)
        if self.result_set.widened:
            query = replace(query, instance_state=None, executor_group_id=None, start=OPEN, last_update=OPEN)
        return list_task_instances(
            query, page=self.page, size=self.size, keyword=self.result_set.keyword, sort=self.order
        )


def order_of(query: InstanceQuery) -> Order | None:
    """Return the order in which a list is read: oldest first, or None where the query names its own."""
    return None if query.sort_column or query.sort_type else OLDEST_FIRST


def id_groups(query: InstanceQuery) -> list[tuple[str, ...]]:
    """Return the ids that are asked for together; one empty group if the query names none."""
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
