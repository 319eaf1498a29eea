"""Reading a list of any length, each row once, with several questions under way. A plan without I/O.

Knows which questions may go out next, the oldest part of the list first, and in which order rows are given out:
part after part, page after page, each row as it was when it was first read. Takes answers in any order. What
makes a part whole is known in time_range.py and indivisible.py.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from airflow_provider_wedata.listing.key_set import Seen
from airflow_provider_wedata.listing.page_request import OLDEST_FIRST, Scope, Sizes, Span
from airflow_provider_wedata.listing.paginator import IDS_TOGETHER
from airflow_provider_wedata.listing.partition import Pace, Part
from airflow_provider_wedata.listing.time_range import Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.instance import InstanceQuery, TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page
    from airflow_provider_wedata.listing.page_request import Question


class Windows:
    """The plan of one reading: ask `next()`, `feed()` the answers, `take()` the rows, until `ended`.

    No row is given out twice, by its key. Every row that matches from the first question to the last, and
    whose schedule time does not change, is given out; or `feed` raises `ListNotAtRest`.

    :param under_way: questions at once.
    """

    def __init__(self, query: InstanceQuery, *, under_way: int = 10, sizes: Sizes | None = None) -> None:
        self.total: int | None = None
        self.rows = 0
        self._query = query
        self._under_way = under_way
        self._sizes = sizes or Sizes()
        self._seen = Seen()
        self._found: set[str | None] = set()
        self._flying: dict[int, tuple[_Place, int, Question]] = {}
        self._tickets = 0
        self._held = 0
        self._places = [_Place(part) for part in self._parts()]

    @property
    def ended(self) -> bool:
        """True if all rows were given out."""
        return not self._places

    def next(self) -> list[tuple[int, Operation[Page]]]:
        """Return the questions that may go out now, each with the ticket to feed its answer with."""
        asked = []
        while len(self._flying) < self._under_way and (place := self._next_place()):
            self._tickets += 1
            question = place.ask()
            self._flying[self._tickets] = (place, place.asked, question)
            asked.append((self._tickets, question.operation()))
        return asked

    def feed(self, ticket: int, page: Page, calm: datetime) -> None:
        """Take an answer.

        :param calm: what WeData updated last before this moment did not change since the question was sent.
        :raises ListNotAtRest: if some rows keep coming and going; it names them.
        """
        place, number, question = self._flying.pop(ticket)
        if self.total is None and not self._query.exact:
            self.total = page.total
        place.answers[number] = place.part.feed(question, page, calm)
        self._held += 1
        if place.part.ended:
            at = self._places.index(place) + 1
            self._places[at:at] = [_Place(part) for part in place.part.heirs]

    def take(self) -> list[TaskInstance]:
        """Return the rows that are there, in order, and new."""
        rows: list[TaskInstance] = []
        while self._places:
            place = self._places[0]
            for answer in place.given():
                self._held -= 1
                rows.extend(row for row in answer if place.part.scope.wants(row) and self._is_new(row))
            if place.part.ended and place.over:
                del self._places[0]
            elif not self._unfolded(0):
                break
        self.rows += len(rows)
        return rows

    def _is_new(self, row: TaskInstance) -> bool:
        if self._query.exact:
            self._found.add(row.task_id)
        return self._seen.add(row.identity)

    def _next_place(self) -> _Place | None:
        at = 0
        while at < len(self._places):
            place = self._places[at]
            # Rows wait in memory for those before them; so do not run too far ahead of what is missing.
            if self._held >= self._sizes.held and (at or place.part.under_way):
                return None
            if place.part.pending:
                return place
            if not self._unfolded(at):
                at += 1
        return None

    def _unfolded(self, at: int) -> bool:
        parts = self._places[at].part.unfold(head=at == 0)
        if parts is None:
            return False
        self._places[at : at + 1] = [_Place(part) for part in parts]
        return True

    def _parts(self) -> list[Part]:
        ids = self._query.keywords
        if not ids:
            return [self._outset(Scope(self._query))]
        parts: list[Part] = []
        for at in range(0, len(ids), IDS_TOGETHER):
            together = ids[at : at + IDS_TOGETHER]
            parts.append(self._outset(Scope(self._query, ",".join(together))))
            if len(together) > 1:
                parts.append(_Alone(self, together))
        return parts

    def _outset(self, scope: Scope) -> Part:
        query = self._query
        sort = None if query.sort_column or query.sort_type else OLDEST_FIRST
        pace = Pace(self._sizes, self._sizes.begin)
        return Stretch(scope, Span.of(query.schedule), pace, sort=sort, outset=True)

    def alone(self, ids: Sequence[str]) -> list[Part]:
        """Return the parts that ask for each of the ids of which no instance was found yet."""
        return [self._outset(Scope(self._query, one)) for one in ids if one not in self._found]


class _Alone(Part):
    """Ids that were asked for together, and of which some may have to be asked for alone.

    That several ids in a Keyword are joined by OR is documented nowhere. [I]
    """

    def __init__(self, plan: Windows, ids: Sequence[str]) -> None:
        super().__init__(Scope(plan._query))  # noqa: SLF001 - of this module
        self._plan = plan
        self._ids = ids

    def unfold(self, *, head: bool) -> list[Part] | None:
        """Return them, once all that came of the joint question was given out."""
        return self._plan.alone(self._ids) if head else None


class _Place:
    """Where a part stands in the order, with the answers to it that are not given out yet."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.asked = 0
        self.answers: dict[int, Sequence[TaskInstance]] = {}
        self._given = 0

    def ask(self) -> Question:
        self.asked += 1
        self.part.under_way += 1
        return self.part.pending.popleft()

    def given(self) -> deque[Sequence[TaskInstance]]:
        """Take the answers that come next in the order of the questions."""
        ready: deque[Sequence[TaskInstance]] = deque()
        while self._given + 1 in self.answers:
            self._given += 1
            ready.append(self.answers.pop(self._given))
        return ready

    @property
    def over(self) -> bool:
        return self._given == self.asked
