"""Hands out the slots of a rate limiter to threads and to tasks of any event loop, from a thread of its own.

Only that thread runs the queue; request_queue.py decides who is next. It ends soon after the queue is empty.
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
    """The queue in front of one rate limiter. Thread-safe and signal-safe.

    Signal handlers run, and may raise, between any two bytecodes of the main thread. Hence:

    - Only the dispatcher's thread changes the order of the queue. No handler runs there, and no other thread
      waits for a lock that it holds.
    - Other threads put a waiter into `_inbox`, take a ticket out of a dictionary, or set a flag. Each of these is
      atomic and needs no lock, so a handler may do the same at any moment.
    - A waiter whose thread was interrupted before it could leave blocks one offered slot, for one second.
    - A ticket that is lost before its request is sent no longer counts in the rate limiter.
    - If the start of the thread is interrupted, the next waiter that joins starts it. `_running` shows whether the
      thread is there; it is never waited for. The thread releases it before its last check of `_inbox`, so no
      waiter that relied on the thread is overlooked.

    :param budget: the rate limiter.
    :param idle: seconds after which the thread ends if it has no work.
    """

    def __init__(self, budget: RateLimiter, *, idle: float = 5.0) -> None:
        self._idle = idle
        self._queue = RequestQueue(budget)
        self._inbox: SimpleQueue[Waiter] = SimpleQueue()
        self._running = Lock()

    def join(self, waiter: Waiter) -> None:
        """Add the waiter to the queue. It is woken when it can `take` its slot."""
        self._inbox.put(waiter)
        if not self._running.locked():
            Thread(target=self._run, name="wedata-requests", daemon=True).start()

    def take(self, waiter: Waiter, now: Now) -> Ticket | None:
        """Return the waiter's slot, or None if it must keep waiting."""
        ticket = self._queue.take(waiter, now.ticks)
        if ticket is None:
            self.join(waiter)
        return ticket

    def leave(self, waiter: Waiter) -> None:
        """Remove the waiter, in whatever state it is."""
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
    """Return the current time on both clocks."""
    return Now(time.time(), time.monotonic())
