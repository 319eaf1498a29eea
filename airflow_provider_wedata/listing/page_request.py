"""What is asked of a long list: scopes, spans of schedule time, and questions for one page of them.

Knows how a question becomes an operation, and which rows of the answer were asked for. When to ask is decided in
planner.py and by its parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.clock import OPEN, Window
from airflow_provider_wedata.api.instance import PAGE_SIZE
from airflow_provider_wedata.api.operations import list_task_instances

if TYPE_CHECKING:
    from airflow_provider_wedata.api.instance import InstanceQuery, TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page

#: Oldest first: what is added while we read comes last, and moves nothing that was read.
OLDEST_FIRST = ("SCHEDULE_DATE", "ASC")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much at once.

    :param page: rows a page; 3 at least.
    :param whole: pages; a longer stretch is not begun as one.
    :param begin, least, most: pages that a window is meant to hold: the first, in a restless and a quiet list.
    :param held: pages that wait in memory for one that comes before them.
    """

    page: int = PAGE_SIZE
    whole: int = 256
    begin: float = 32
    least: float = 0.9
    most: float = 128
    held: int = 40

    def pages(self, rows: int) -> int:
        """Return how many pages so many rows take."""
        return -(-rows // self.page)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of schedule time, from a second since the epoch to another, inclusive; None is an open end."""

    first: int | None = None
    last: int | None = None

    @property
    def window(self) -> Window:
        """The same as a filter has it."""
        return Window(_moment(self.first), _moment(self.last))

    @property
    def open(self) -> bool:
        """True if it leaves out nothing, so that instances without a schedule time are in it too."""
        return self.first is None and self.last is None

    @property
    def seconds(self) -> int | None:
        """How long it is; None if it has an open end."""
        return None if self.first is None or self.last is None else self.last - self.first + 1

    @staticmethod
    def of(window: Window) -> Span:
        """Return the span of a filter."""
        return Span(_second(window.start), _second(window.end))

    def around(self, second: int) -> list[Span]:
        """Return what is before the second, the second, and what is after it, as far as it is in the span."""
        spans = [Span(self.first, second - 1), Span(second, second), Span(second + 1, self.last)]
        return [span for span in spans if span.first is None or span.last is None or span.first <= span.last]


@dataclass(frozen=True, slots=True)
class Scope:
    """A list at WeData: the query's, of all that a keyword finds.

    :param wide: without the filters that a row can enter and leave by living; `wants` sees to them.
    """

    query: InstanceQuery
    keyword: str | None = None
    wide: bool = False

    @property
    def leaving(self) -> bool:
        """True if a row can leave the list and come back."""
        query = self.query
        return not self.wide and bool(
            query.instance_state
            or query.executor_group_id
            or query.start != OPEN
            or query.last_update != OPEN
        )

    def wants(self, row: TaskInstance) -> bool:
        """Return whether the row, as it came, is one of those asked for."""
        query = self.query
        return query.matches(row) and (
            not self.wide
            or (
                query.instance_state in (None, row.state)
                and query.executor_group_id in (None, row.executor_group_id)
                and _within(row.start_time, query.start)
                and _within(row.last_update_time, query.last_update)
            )
        )

    def operation(self, span: Span, page: int, size: int, sort: tuple[str, str] | None) -> Operation[Page]:
        """Return the question for one page of what lies in the span."""
        query = replace(self.query, schedule=span.window)
        if self.wide:
            query = replace(query, instance_state=None, executor_group_id=None, start=OPEN, last_update=OPEN)
        return list_task_instances(query, page=page, size=size, keyword=self.keyword, sort=sort)


@dataclass(frozen=True, slots=True)
class Question:
    """One page of a span of a scope, in an order; None is the query's own."""

    scope: Scope
    span: Span
    page: int
    size: int
    sort: tuple[str, str] | None = OLDEST_FIRST

    @property
    def start(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.size

    def operation(self) -> Operation[Page]:
        """Return it as it is asked."""
        return self.scope.operation(self.span, self.page, self.size, self.sort)


def second_of(row: TaskInstance) -> int | None:
    """Return the row's schedule time in seconds since the epoch."""
    return _second(row.scheduler_time)


def _second(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, tz=UTC)


def _within(moment: datetime | None, window: Window) -> bool:
    return window == OPEN or (moment is not None and moment in window)
