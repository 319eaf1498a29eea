"""Reading a list page after page, so that what was read can be taken for one moment. A plan without I/O.

Knows which page to ask for next, which rows are new, and whether what was read is the whole list.

An export does not read by this plan, but by planner.py, which reads any number of rows in parts and reads again
only what changed; its rows may be of different moments. A gate needs all rows of one moment, so it reads all pages
of one list in a row, and again from the start if anything moved.
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

#: How often a list is read again because it changed meanwhile.
MOST_PASSES = 3
#: Rows of several ids; where there are as many, fewer ids are asked for together. Pages behind may be refused [U].
MOST_ROWS = DEEPEST_PAGE * PAGE_SIZE


class Paginator:
    """One pass over a list: `operation()` is the page to ask for, `feed()` takes it; until `ended`.

    `whole` tells whether the pass saw the list: every page counted as many rows in all as different keys were
    seen, and had as many rows as its place in that count says. A list that moved under the reading shows in a
    total that changed, or in a row that came twice. What does not show is a row that went and another that came
    between the same two pages: it takes two passes that agree to notice that.
    """

    def __init__(self, query: InstanceQuery, *, keyword: str | None = None) -> None:
        self._query = query
        self._keyword = keyword
        self.keys: set[str] = set()
        self.totals: set[int] = set()
        #: False if a page had more or fewer rows than its place in what it counts allows.
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
        """Take the answer and return its rows that are new and match."""
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
    """A list read until the whole of it was seen; each row is given out once, as first seen.

    Seen whole is what one pass saw whole, or what several passes saw together, if all of them counted as many
    rows as that: rows of one second have no order that they must keep from one request to the next.

    Named ids are asked for together, as one Keyword. An id that the joint answer lacks is asked for alone
    before it counts as absent: that several ids in a Keyword are joined by OR is documented nowhere. [I] Where
    that finds it, they are not, and the others of the joint answer are asked for alone, too.

    :param passes: how often each part is read at the most.
    """

    def __init__(self, query: InstanceQuery, *, passes: int = MOST_PASSES) -> None:
        self._query = query
        self._passes = passes
        self._seen: set[str] = set()
        self._found: set[str | None] = set()
        #: Of ids that are asked for alone: what they were asked for with before.
        self._joint: dict[str, tuple[str, ...]] = {}
        self._parts = deque(id_groups(query))
        self._begin(self._parts.popleft())
        self._states: dict[str, str | None] = {}
        self.requests = 0
        #: Which instance was seen in two states; empty if none was.
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
        """Take the answer and return the rows not given out before."""
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
        """Ask for half of the ids at a time: so many rows are hardly ever read in one moment."""
        middle = len(self._part) // 2
        self._parts.appendleft(self._part[middle:])
        self._begin(self._part[:middle])

    def _ask_alone(self) -> None:
        part, self._part = self._part, ()
        lacking = [one for one in part if one not in self._found] if len(part) > 1 else []
        self._joint |= dict.fromkeys(lacking, part)
        if len(part) == 1 and part[0] in self._found:  # the joint answer lacked it, and it is there
            together = self._joint.get(part[0], ())
            lacking = [one for one in together if one not in self._joint]
            self._joint |= dict.fromkeys(together, ())
        self._parts.extend((one,) for one in lacking)
