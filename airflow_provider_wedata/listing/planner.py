"""Plans reading a list of any length, each row once, with concurrent requests. No I/O.

Knows which requests to send next, oldest partition first, and in which order to return rows: by partition and
page, each row as first read. Takes responses in any order. When a partition is complete is left to time_range.py
and indivisible.py.

A gate uses paginator.py instead. An export must not miss a row that matched all the time, and its rows may be of
different moments. A gate that saw the start of a list before a change and its end after the change would count
instances as done together that never were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import UnreadableField
from airflow_provider_wedata.listing.indivisible import SameSecond, search_null_schedule
from airflow_provider_wedata.listing.key_set import KeySet
from airflow_provider_wedata.listing.page_request import (
    OLDEST_FIRST,
    Limits,
    ResultSet,
    TimeRange,
    id_groups,
    order_of,
)
from airflow_provider_wedata.listing.time_range import RecentlyUpdated, TimeRangePartition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.listing.page_request import Order, PageRequest
    from airflow_provider_wedata.listing.partition import Partition

#: No list is this long: the official sample of a large one counts 176,022 rows. Planning the pages of far more
#: rows would exhaust memory. [I]
MOST_ROWS = 100_000_000


class ListingPlanner:
    """The plan of one reading: send `next()`, `feed()` the responses, `take()` the rows, until `ended`.

    No key is returned twice. Every row that matches from the first request to the last, and whose schedule time
    does not change, is returned; otherwise `feed` raises `ListNotAtRest`.

    :param query: the instances to read.
    :param under_way: concurrent requests.
    :param limits: page sizes and bounds.
    """

    def __init__(self, query: InstanceQuery, *, under_way: int = 10, limits: Limits | None = None) -> None:
        self.total: int | None = None
        self.rows = 0
        self._query = query
        self._under_way = under_way
        self._limits = limits or Limits()
        self._given_out = KeySet()
        self._found: set[str | None] = set()
        self._flying: dict[int, tuple[Partition, int, PageRequest]] = {}
        self._tickets = 0
        self._held = 0
        self._whole = TimeRange.of(query.schedule)
        self._partitions: list[Partition] = [self._list(ids, order_of(query)) for ids in id_groups(query)]

    @property
    def ended(self) -> bool:
        """True if all rows were returned."""
        return not self._partitions

    def next(self) -> list[tuple[int, Operation[Page]]]:
        """Return the requests to send now, each with the ticket to pass to `feed`."""
        asked = []
        while len(self._flying) < self._under_way and (partition := self._next_partition()):
            self._tickets += 1
            request = partition.ask()
            self._flying[self._tickets] = (partition, partition.asked, request)
            asked.append((self._tickets, request.operation()))
        return asked

    def feed(self, ticket: int, page: Page, unchanged_before: datetime) -> None:
        """Take a response.

        :param ticket: the ticket of its request.
        :param unchanged_before: rows last updated before this time cannot have changed since the request was sent.
        :raises ListNotAtRest: if some rows keep changing or can't be reached; it names them.
        :raises UnreadableField: if the total is impossibly large.
        """
        partition, number, request = self._flying.pop(ticket)
        if page.total > MOST_ROWS:
            raise UnreadableField(
                f"TotalCount is {page.total}, with {len(page.rows)} items; expected at most {MOST_ROWS}"
            )
        if self.total is None and not self._query.exact:
            self.total = page.total
        partition.feed(number, request, page, unchanged_before)
        self._held += 1
        if partition.ended:
            at = self._partitions.index(partition) + 1
            self._partitions[at:at] = self._successors(partition)

    def take(self) -> list[TaskInstance]:
        """Return the new rows that are available, in order."""
        rows: list[TaskInstance] = []
        while self._partitions:
            partition = self._partitions[0]
            for answer in partition.answers():
                self._held -= 1
                rows.extend(row for row in answer if partition.result_set.wants(row) and self._is_new(row))
            if not partition.given_out:
                break
            self._partitions[:1] = self._not_found(partition)
        self.rows += len(rows)
        return rows

    def _is_new(self, row: TaskInstance) -> bool:
        if self._query.exact:
            self._found.add(row.task_id)
        return self._given_out.add(row.identity)

    def _next_partition(self) -> Partition | None:
        for at, partition in enumerate(self._partitions):
            # Rows wait in memory for earlier ones, so do not read too far ahead.
            if self._held >= self._limits.held and (at or partition.under_way):
                return None
            if partition.pending:
                return partition
        return None

    def _list(self, ids: Sequence[str], order: Order | None) -> Partition:
        """Return a partition that reads all rows of these ids, or all rows without ids."""
        result_set = ResultSet(self._query, ",".join(ids) or None)
        partition = TimeRangePartition(result_set, self._limits, self._whole, order=order)
        partition.ids = ids
        return partition

    def _successors(self, partition: Partition) -> list[Partition]:
        """Return the partitions that read what this partition could not."""
        if not isinstance(partition, TimeRangePartition) or not partition.successors:
            return []
        ids, partition.ids = partition.ids, ()
        if partition.order is None:
            return [self._list(ids, OLDEST_FIRST)]
        successors = self._split(partition)
        successors[-1].ids = ids
        return successors

    def _split(self, partition: TimeRangePartition) -> list[Partition]:
        result_set, limits = partition.result_set, self._limits
        pieces: list[Partition] = [
            (SameSecond if piece.single_second else TimeRangePartition)(result_set, limits, piece)
            for piece in partition.successors
        ]
        if partition.time_range.unbounded:
            pieces[:0] = search_null_schedule(
                result_set,
                limits,
                total=partition.total,
                deep=partition.deep,
                oldest=partition.oldest,
                newest=partition.newest,
            )
        if partition.time_range == self._whole:
            pieces.append(RecentlyUpdated(result_set, limits, partition.unchanged_before))
        return pieces

    def _not_found(self, partition: Partition) -> list[Partition]:
        """Return a partition for each id of a group without instances so far, to request it alone.

        That several ids in a Keyword are joined by OR is documented nowhere. [I]
        """
        ids = partition.ids if len(partition.ids) > 1 else ()
        return [self._list((one,), order_of(self._query)) for one in ids if one not in self._found]
