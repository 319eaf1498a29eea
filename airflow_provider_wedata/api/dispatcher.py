"""Hands out the slots of one budget to threads and to the tasks of any event loop, from a thread of its own.

That thread alone runs the queue (request_queue.py). It is there while requests wait, and for a moment after.
"""

from __future__ import annotations

import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.exchange import Now
from airflow_provider_wedata.api.request_queue import RequestQueue

if TYPE_CHECKING:
    from airflow_provider_wedata.api.rate_limit import RateLimiter, Ticket
    from airflow_provider_wedata.api.request_queue import Waiter


class Dispatcher:
    """The queue in front of one budget, for use from any thread.

    Safe against signals, whose handlers run, and raise, in the main thread between any two steps of it:

    - The order of the queue changes in the dispatcher's thread only, where no handler ever runs, and no other
      thread waits for a lock that it holds.
    - The others put a waiter into `_inbox`, take a ticket out of a dictionary, or set a flag. Each is one step,
      which is done or not done, and needs no lock: a handler may do the same in the midst of it.
    - A waiter whose thread was interrupted before it could leave is offered one slot in vain, for a second.
    - A ticket that was taken and got lost before its request went out is no longer counted by the budget.
    - If the start of the thread is interrupted, the next who joins starts it. `_running` is only tried, never
      waited for: it tells whether the thread is there. The thread gives it back before it looks into `_inbox` for
      the last time, so nobody who relied on it is overlooked.

    :param idle: seconds for which the thread stays without work.
    """

    def __init__(self, budget: RateLimiter, *, idle: float = 5.0) -> None:
        self._idle = idle
        self._queue = RequestQueue(budget)
        self._inbox: SimpleQueue[Waiter] = SimpleQueue()
        self._running = Lock()

    def join(self, waiter: Waiter) -> None:
        """Let it wait for its turn: it is woken to `take` its slot."""
        self._inbox.put(waiter)
        if not self._running.locked():
            Thread(target=self._run, name="wedata-requests", daemon=True).start()

    def take(self, waiter: Waiter, now: Now) -> Ticket | None:
        """Return the waiter's slot; or None, and it waits on."""
        ticket = self._queue.take(waiter, now.ticks)
        if ticket is None:
            self.join(waiter)
        return ticket

    def leave(self, waiter: Waiter) -> None:
        """End its waiting, in whatever state it is."""
        if self._queue.leave(waiter):
            self.join(waiter)

    def _run(self) -> None:
        more = True
        while more and self._running.acquire(blocking=False):
            try:
                self._serve()
            finally:
                self._running.release()
            more = not self._inbox.empty()

    def _serve(self) -> None:
        seconds = 0.0
        while True:
            try:
                self._queue.join(self._inbox.get(timeout=min(seconds, self._idle)), now())
            except Empty:
                if seconds == float("inf"):
                    return
            with suppress(Empty):
                while True:
                    self._queue.join(self._inbox.get_nowait(), now())
            seconds = self._queue.serve(now())


def now() -> Now:
    """Return this moment."""
    return Now(time.time(), time.monotonic())
