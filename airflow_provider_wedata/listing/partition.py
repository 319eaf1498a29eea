"""What all partitions of a list share: requests to send, and rows to return in order.

A partition requests a part of the list and knows from the responses whether it saw all of it. How it proves that
is in time_range.py and indivisible.py; when each request is sent is left to planner.py.
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
    """A part of the list. Its pending requests may be sent concurrently, until it has ended.

    `successors` are the ranges that must be read because this partition could not read them.
    """

    def __init__(self, result_set: ResultSet, limits: Limits) -> None:
        self.result_set = result_set
        self.limits = limits
        self.pending: deque[PageRequest] = deque()
        self.asked = 0
        self.under_way = 0
        self.ended = False
        #: Ids that were requested together in the list that ends with this partition.
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
        """Take the response to the request of this number."""
        self.under_way -= 1
        self._answers[number] = self._take(request, page, unchanged_before)
        if not self.pending and not self.under_way:
            self._conclude()

    def answers(self) -> Iterable[Sequence[TaskInstance]]:
        """Remove and return the rows that are next in the order of the requests."""
        while (answer := self._answers.pop(self._given + 1, None)) is not None:
            self._given += 1
            yield answer

    @property
    def given_out(self) -> bool:
        """True if it has ended and all its rows were returned."""
        return self.ended and self._given == self.asked

    def _take(self, request: PageRequest, page: Page, unchanged_before: datetime) -> Sequence[TaskInstance]:
        """Process a response and return the rows to give out."""
        raise NotImplementedError

    def _conclude(self) -> None:
        """End, or add requests; called when no request is pending or under way."""
        raise NotImplementedError

    def _end(self, successors: Iterable[TimeRange] = ()) -> None:
        self.ended = True
        self.successors = list(successors)
