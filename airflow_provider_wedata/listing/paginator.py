"""Plans reading a list page by page so that all rows are of one moment, as a gate needs. No I/O.

Knows which page to request next, which rows are new, and whether the whole list was read. It reads all pages in a
row, and again from the start if anything changed.

An export uses planner.py instead, which reads any number of rows in parts and repeats only what changed; its rows
may be of different moments.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.api.models import PAGE_SIZE
from airflow_provider_wedata.api.operations import list_task_instances
from airflow_provider_wedata.listing.page_request import DEEPEST_PAGE, id_groups, order_of

if TYPE_CHECKING:
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page
    from airflow_provider_wedata.api.query import InstanceQuery

#: How often a list is read at most, if it changes meanwhile.
MOST_PASSES = 3
#: Rows; if several ids together have as many, they are split. Pages beyond may be refused. [U]
MOST_ROWS = DEEPEST_PAGE * PAGE_SIZE


class Paginator:
    """One pass over a list: `operation()` returns the next request, `feed()` takes its page; until `ended`.

    `whole` is True if the pass saw the list: every page had a total equal to the number of different keys seen,
    and as many rows as its place in that total requires. A list that changes during the pass
    shows in a changed total or a repeated row. A row removed and another added between the same two pages do not
    show: two passes that agree are needed to notice that.
    """

    def __init__(self, query: InstanceQuery, *, keyword: str | None = None) -> None:
        self._query = query
        self._keyword = keyword
        self.keys: set[str] = set()
        self.totals: set[int] = set()
        #: False if a page had more or fewer rows than its place in its total requires.
        self.consistent = True
        self._length = 0
        self.page = 1
        self.ended = False

    @property
    def whole(self) -> bool:
        """True if the pass has ended and saw every row once."""
        return self.ended and self.consistent and self.totals == {len(self.keys)}

    def operation(self) -> Operation[Page]:
        """Return the request for the next page."""
        order = order_of(self._query)
        return list_task_instances(self._query, page=self.page, keyword=self._keyword, sort=order)

    def feed(self, page: Page) -> list[TaskInstance]:
        """Take the response and return its rows that are new and match."""
        new = {row.identity: row for row in page.rows if row.identity not in self.keys}
        self.keys.update(new)
        self.totals.add(page.total)
        left = max(0, page.total - (self.page - 1) * PAGE_SIZE)
        self.consistent = self.consistent and len(page.rows) == min(PAGE_SIZE, left)
        self._length += len(page.rows)
        self.ended = len(page.rows) < PAGE_SIZE or self._length >= page.total
        self.page += 1
        return [row for row in new.values() if self._query.matches(row)]


class ConsistentListing:
    """Reads a list until it was seen completely; returns each row once, as first seen.

    A list was seen completely if one pass saw it whole, or if several passes together saw as many rows as each of
    them counted: rows of one second have no fixed order between requests.

    Task ids are requested together, as one Keyword. An id without rows in that list is requested alone before it
    counts as absent, because it is documented nowhere that several ids in a Keyword are joined by OR. [I] If it is
    found alone, they are not joined by OR, and the other ids of the group are requested alone too.

    :param passes: how often each part is read at most.
    """

    def __init__(self, query: InstanceQuery, *, passes: int = MOST_PASSES) -> None:
        self._query = query
        self._passes = passes
        self._seen: set[str] = set()
        self._found: set[str | None] = set()
        #: For each id that is requested alone: the group it was requested with before.
        self._joint: dict[str, tuple[str, ...]] = {}
        self._parts = deque(id_groups(query))
        self._begin(self._parts.popleft())
        self._states: dict[str, str | None] = {}
        self.requests = 0
        #: Describes an instance that was seen in two states; empty if there is none.
        self.torn = ""

    def operation(self) -> Operation[Page] | None:
        """Return the next request, or None at the end.

        :raises ListNotAtRest: if the list changed in every pass.
        """
        if len(self._part) > 1 and max(self._pages.totals, default=0) >= MOST_ROWS:
            self._split()
        elif self._pages.ended and not self._whole:
            self._again()
        elif self._pages.ended:
            self._ask_alone()
            if not self._parts:
                return None
            self._begin(self._parts.popleft())
        return self._pages.operation()

    def feed(self, page: Page) -> list[TaskInstance]:
        """Take the response and return the rows not returned before."""
        self.requests += 1
        for row in page.rows:
            if self._states.setdefault(row.identity, row.state) != row.state:
                self.torn = f"{row.identity} was {self._states[row.identity]}, then {row.state}"
        new = [row for row in self._pages.feed(page) if row.identity not in self._seen]
        self._seen.update(row.identity for row in new)
        self._found.update(row.task_id for row in new)
        return new

    @property
    def _whole(self) -> bool:
        together = self._keys | self._pages.keys
        consistent = self._consistent and self._pages.consistent
        return self._pages.whole or (consistent and self._totals | self._pages.totals == {len(together)})

    def _begin(self, part: tuple[str, ...]) -> None:
        self._part = part
        self._pass = 1
        self._keys: set[str] = set()
        self._totals: set[int] = set()
        self._consistent = True
        self._pages = Paginator(self._query, keyword=",".join(part) or None)

    def _again(self) -> None:
        if self._pass >= self._passes:
            raise ListNotAtRest(
                f"the result set changed during each of {self._passes} attempts to read the window "
                f"{self._query.schedule.describe(self._query.zone)}; "
                "narrow the filters, or retry when fewer instances are being updated"
            )
        self._pass += 1
        self._keys |= self._pages.keys
        self._totals |= self._pages.totals
        self._consistent = self._consistent and self._pages.consistent
        self._pages = Paginator(self._query, keyword=",".join(self._part) or None)

    def _split(self) -> None:
        """Request half of the ids at a time: this many rows can hardly be read in one moment."""
        middle = len(self._part) // 2
        self._parts.appendleft(self._part[middle:])
        self._begin(self._part[:middle])

    def _ask_alone(self) -> None:
        part, self._part = self._part, ()
        lacking = [one for one in part if one not in self._found] if len(part) > 1 else []
        self._joint |= dict.fromkeys(lacking, part)
        if len(part) == 1 and part[0] in self._found:  # it exists, but the joint list lacked it
            together = self._joint.get(part[0], ())
            lacking = [one for one in together if one not in self._joint]
            self._joint |= dict.fromkeys(together, ())
        self._parts.extend((one,) for one in lacking)
