"""Streams every instance that a query matches, once. A few threads send the requests of planner.py.

The iterating thread runs the plan and yields the rows. Knows how to stop at once, and which rows cannot have
changed since a request was sent, by the Date of its response.
"""

from __future__ import annotations

from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Self

from airflow_provider_wedata.api.errors import NoAnswer
from airflow_provider_wedata.listing.planner import ListingPlanner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from airflow_provider_wedata.api.client import Client
    from airflow_provider_wedata.api.exchange import Answer
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Operation, Page
    from airflow_provider_wedata.api.query import InstanceQuery

#: Seconds by which WeData's own clocks may differ: that of the Date header and that of LastUpdateTime.
_MARGIN = 10
#: Seconds by which our clock may differ from WeData's: its signature check allows 300, plus the margin above.
_MARGIN_WITHOUT_DATE = 310
#: Concurrent requests: enough for 20 per second if a response takes half a second.
_UNDER_WAY = 10
#: Seconds to wait for each thread at the end. Only one that is still connecting needs longer; it ends by itself.
_LAST_WAIT = 2.0

_Task = tuple[int, "Operation[Page]"]
_Outcome = tuple[int, "Answer[Page] | BaseException"]


class ConcurrentReader:
    """Iterates over the instances that match a query, each once, as first read. Can be iterated only once.

    They come in the order of schedule time if nothing changes meanwhile (in the query's own order, if it has one
    and the list has fewer than 10,000 rows). Use it with ``with``, or close it; that also closes its client.

    A gate uses `paginator.ConsistentListing` instead: these rows may be of different moments.

    :param client: sends the requests; closed with this reader.
    :param query: the instances to read.
    :param under_way: concurrent requests.
    :raises ApiError: during iteration; `ListNotAtRest` names the instances that kept changing.
    """

    def __init__(self, client: Client, query: InstanceQuery, *, under_way: int = _UNDER_WAY) -> None:
        #: The number of requests so far, and of those that were throttled.
        self.requests = 0
        self.throttled = 0
        self._client = client
        self._plan = ListingPlanner(query, under_way=under_way)
        self._most = under_way
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._outcomes: SimpleQueue[_Outcome] = SimpleQueue()
        self._threads: list[Thread] = []

    @property
    def total(self) -> int | None:
        """The total of the first response; None before it is there, and if the query has ids."""
        return self._plan.total

    @property
    def rows(self) -> int:
        """How many rows were read so far."""
        return self._plan.rows

    def __iter__(self) -> Iterator[TaskInstance]:
        try:
            self._ask()
            while not self._plan.ended:
                self._feed(*self._outcomes.get())
                rows = self._plan.take()
                self._ask()
                yield from rows
        finally:
            self.close()

    def close(self) -> None:
        """Stop at once. May be called from another thread: the iterator then raises `NoAnswer`."""
        self.stop()
        self._client.close()
        for thread in list(self._threads):
            if thread.ident is not None:  # None: it was interrupted while it started, and ends by itself
                thread.join(_LAST_WAIT)

    def stop(self) -> None:
        """Make the iterator raise `NoAnswer` and close this reader.

        Takes no lock and never blocks, so a signal handler may call it at any moment, even during `close`.
        """
        self._tasks.put(None)
        self._outcomes.put((0, NoAnswer("the reader was closed")))
        self._client.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self) -> None:
        for task in self._plan.next():
            self._tasks.put(task)
            if len(self._threads) < self._most:
                thread = Thread(target=self._work, name="wedata-reading", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            ticket, operation = task
            outcome: Answer[Page] | BaseException
            try:
                outcome = self._client.run(self._client.channel.answered(operation))
            except BaseException as error:  # noqa: BLE001 - the iterating thread raises it again
                outcome = error
            self._outcomes.put((ticket, outcome))
        self._tasks.put(None)  # for the next thread

    def _feed(self, ticket: int, outcome: Answer[Page] | BaseException) -> None:
        if isinstance(outcome, BaseException):
            raise outcome
        self.requests += outcome.attempts
        self.throttled += outcome.throttled
        self._plan.feed(ticket, outcome.value, _unchanged_before(outcome))


def _unchanged_before(answer: Answer[Page]) -> datetime:
    """Return a time, on WeData's clock, that is certainly before the request was sent."""
    if answer.date is None:
        seconds = answer.sent.utc - _MARGIN_WITHOUT_DATE
    else:
        seconds = answer.date - answer.trip - _MARGIN
    return datetime.fromtimestamp(seconds, tz=UTC)
