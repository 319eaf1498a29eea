"""What all partitions of a list have in common: requests that may go out, and answers to give out in order.

A partition asks for some of the list and knows from the answers whether it saw all of it. What each kind rests on
is in time_range.py and indivisible.py; what is asked when is decided in planner.py.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.listing.page_request import Limits, PageRequest, ResultSet, TimeRange


class Partition:
    """A part of the list: requests that may go out, in any number at once, until it has ended.

    `successors` are the ranges that must be read because this partition could not.
    """

    def __init__(self, result_set: ResultSet, limits: Limits) -> None:
        self.result_set = result_set
        self.limits = limits
        self.pending: deque[PageRequest] = deque()
        self.asked = 0
        self.under_way = 0
        self.ended = False
        #: Ids that were asked for together in what ends with this partition.
        self.ids: Sequence[str] = ()
        self.successors: list[TimeRange] = []
        self._given = 0
        self._answers: dict[int, Sequence[TaskInstance]] = {}

    def ask(self) -> PageRequest:
        """Return the next request; its number is then `asked`."""
        self.asked += 1
        self.under_way += 1
        return self.pending.popleft()

    def feed(self, number: int, request: PageRequest, page: Page, unchanged_before: datetime) -> None:
        """Take the answer to the request of this number."""
        self.under_way -= 1
        self._answers[number] = self._take(request, page, unchanged_before)
        if not self.pending and not self.under_way:
            self._conclude()

    def answers(self) -> Iterable[Sequence[TaskInstance]]:
        """Take the rows that come next in the order of the requests."""
        while (answer := self._answers.pop(self._given + 1, None)) is not None:
            self._given += 1
            yield answer

    @property
    def given_out(self) -> bool:
        """True if it has ended and all its rows were taken."""
        return self.ended and self._given == self.asked

    def _take(self, request: PageRequest, page: Page, unchanged_before: datetime) -> Sequence[TaskInstance]:
        """Look at an answer, and return the rows that it gives out."""
        raise NotImplementedError

    def _conclude(self) -> None:
        """End, or ask on: nothing is under way."""
        raise NotImplementedError

    def _end(self, successors: Iterable[TimeRange] = ()) -> None:
        self.ended = True
        self.successors = list(successors)
