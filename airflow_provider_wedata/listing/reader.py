"""Streams every instance that a query matches, once: a few threads send what planner.py plans.

The thread that iterates plans and gives out the rows. Knows which rows cannot have changed since a request was
sent, by the clock of its answer, and how to end at once.
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

#: Seconds by which WeData's own clocks may differ: the one that dates an answer, the one that dates an update.
_MARGIN = 10
#: Seconds by which ours may differ from WeData's: its signature check allows 300.
_MARGIN_WITHOUT_DATE = 310
#: Requests at once: enough for 20 a second where an answer takes half a second.
_UNDER_WAY = 10
#: Seconds to wait for threads at the end. Only one that still connects needs longer; it then ends by itself.
_LAST_WAIT = 2.0

_Task = tuple[int, "Operation[Page]"]
_Outcome = tuple[int, "Answer[Page] | BaseException"]


class ConcurrentReader:
    """The instances that a query matches, each once, as it was when it was first read. To be iterated once.

    In the order of schedule time where nothing moves meanwhile (of the query's own sort, if it names one and
    the list has fewer than 10,000). Use it with ``with``, or close it: that closes its client too.

    A gate does not read by this, but by `paginator.ConsistentListing`: these rows may be of different moments.

    :param under_way: requests at once.
    :raises ApiError: while it is iterated; `ListNotAtRest` names the instances that kept coming and going.
    """

    def __init__(self, client: Client, query: InstanceQuery, *, under_way: int = _UNDER_WAY) -> None:
        #: How often WeData was asked, and how often it answered "too many".
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
        """How many there are by WeData's first count; None before it is there, and where ids are named."""
        return self._plan.total

    @property
    def rows(self) -> int:
        """How many were read so far."""
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
        """End now, whatever is under way; from another thread too: whoever iterates then gets `NoAnswer`."""
        self.stop()
        self._client.close()
        for thread in list(self._threads):
            if thread.ident is not None:  # or it was interrupted while it started, and ends by itself
                thread.join(_LAST_WAIT)

    def stop(self) -> None:
        """Let whoever iterates get `NoAnswer`, and close this.

        Takes no lock and waits for nobody: a signal handler may call it in the midst of anything, also of `close`.
        """
        self._tasks.put(None)
        self._outcomes.put((0, NoAnswer("the reading was closed")))
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
            except BaseException as error:  # noqa: BLE001 - it is raised again where the rows are awaited
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
    """Return a time on WeData's clock that is certainly before the request was sent."""
    if answer.date is None:
        seconds = answer.sent.utc - _MARGIN_WITHOUT_DATE
    else:
        seconds = answer.date - answer.trip - _MARGIN
    return datetime.fromtimestamp(seconds, tz=UTC)
