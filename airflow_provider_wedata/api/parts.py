"""What the parts of a long list have in common: questions that may go out, and a tally of what came of them.

A part asks for some of the list and says from the answers whether it saw all of it. What each kind of part
believes is in spans.py and crowds.py; what is asked when, and what is given out in which order, in windows.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import UnreadableField
from airflow_provider_wedata.api.seen import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.instance import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.api.scopes import Question, Scope, Sizes

#: No list is so long: the official sample of a large one counts 176,022 rows. To plan the pages of many more, of
#: one second, would take all memory. [I]
MOST_ROWS = 100_000_000


class Tally:
    """What several answers about the same rows told: how many there are, which, and how old.

    :param strict: a row that was updated is another row, for it may have left and come back meanwhile.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.rows = 0
        self.totals: set[int] = set()
        self.keys: set[int] = set()
        self._strict = strict
        self._marks: set[int] = set()
        self._newest: datetime | None = None
        self._undated = False
        self._calm: datetime | None = None

    def add(self, rows: Iterable[TaskInstance], total: int, calm: datetime) -> None:
        """Count an answer. `calm`: what was last updated before then did not change since it was asked for."""
        self.totals.add(total)
        self._calm = calm if self._calm is None else min(self._calm, calm)
        for row in rows:
            self.rows += 1
            self.keys.add(mark(row.identity))
            if self._strict:
                self._marks.add(mark(f"{row.identity} {row.last_update_time}"))
            if row.last_update_time is None:
                self._undated = True
            elif self._newest is None or row.last_update_time > self._newest:
                self._newest = row.last_update_time

    @property
    def at_rest(self) -> bool:
        """True if no row changed since the first of the answers was asked for.

        Then all of them were there at that moment. That LastUpdateTime is set whenever a row is made or comes
        to match is documented nowhere. [I] Only readings of more than one page rest on it.
        """
        if self._undated or self._calm is None:
            return False
        return self._newest is None or self._newest < self._calm

    @property
    def marks(self) -> set[int]:
        """What two readings of the same rows have in common."""
        return self._marks if self._strict else self.keys


@dataclass
class Pace:
    """How wide the next window is, from how dense and how quiet the list was so far.

    :param pages: that it is meant to hold.
    :param density: rows a second.
    """

    sizes: Sizes
    pages: float
    density: float = 1.0

    @property
    def seconds(self) -> int:
        """How many seconds wide."""
        return max(1, int(self.pages * self.sizes.page / self.density))

    def met(self, rows: int, seconds: int | None) -> None:
        """Learn how many rows a window had."""
        if not rows:
            self.density = max(self.density / 4, 1e-9)
        elif seconds is not None:
            self.density = (self.density + rows / seconds) / 2

    def quiet(self) -> None:
        """Learn that nothing moved in a window."""
        self.pages = min(self.pages * 1.3, self.sizes.most)

    def restless(self) -> None:
        """Learn that something moved in a window."""
        self.pages = max(self.pages / 2, self.sizes.least)


class Part:
    """A part of the list: questions that may go out, in any number at once, until it has ended.

    `heirs` are the parts that read what it could not, in its place.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.pending: deque[Question] = deque()
        self.under_way = 0
        self.ended = False
        self.heirs: list[Part] = []

    def unfold(self, *, head: bool) -> list[Part] | None:  # noqa: ARG002 - for the parts that do
        """Return the parts to put in its place, if it stands for some; `head`: all before it is given out."""
        return None

    def feed(self, question: Question, page: Page, calm: datetime) -> Sequence[TaskInstance]:
        """Take an answer, and return the rows that it gives out.

        :raises UnreadableField: if it counts more rows than there can be.
        """
        self.under_way -= 1
        if page.total > MOST_ROWS:
            raise UnreadableField(
                f"TotalCount is {page.total}, beside {len(page.rows)} items; expected at most {MOST_ROWS}"
            )
        rows = self._take(question, page, calm)
        if not self.pending and not self.under_way:
            self._conclude()
        return rows

    def _take(self, question: Question, page: Page, calm: datetime) -> Sequence[TaskInstance]:
        raise NotImplementedError

    def _conclude(self) -> None:
        raise NotImplementedError

    def _end(self, heirs: Iterable[Part] = ()) -> None:
        self.ended = True
        self.heirs = list(heirs)
