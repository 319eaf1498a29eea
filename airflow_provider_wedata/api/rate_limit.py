"""When the next request may be sent. Pure arithmetic: no clock, no sleep.

WeData accepts 20 requests per second (https://www.tencentcloud.com/document/product/1174/73817) and rejects the
rest. Each request holds one of 20 slots from its sending until one second after WeData must have counted it. That
keeps the limit at any latency. Who gets the next slot is left to request_queue.py, retries to retry.py.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from heapq import heappop, heappush
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds; slightly more than one, because clocks differ.
_SECOND = 1.005
#: Slots regained per second, from one second after the last throttled response.
_RECOVERY = 0.3
#: Seconds within which several throttled responses count as one event.
_ONE_EVENT = 0.5
#: Seconds for which a limit stays in use after its last request.
_IN_USE = 60.0


class Priority(IntEnum):
    """The classes of requests, which take turns for the slots of a rate limiter."""

    LAST_LOOK = 0
    CONFIRMATION = 1
    GATE = 2
    BULK = 3


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a request in the queue for a slot.

    :param priority: its class.
    :param urgent_from: seconds since the epoch; from then on the request counts as `Priority.LAST_LOOK`, even if
        it is already waiting.
    """

    priority: Priority = Priority.BULK
    urgent_from: float = math.inf

    def priority_at(self, now: float) -> Priority:
        """Return the class at this time, in seconds since the epoch."""
        return Priority.LAST_LOOK if now >= self.urgent_from else self.priority


class Ticket:
    """Permission to send one request. The rate limiter forgets it once nothing refers to it."""

    __slots__ = ("__weakref__",)


class RateLimiter:
    """Limits the requests of all clients of a process. Times are monotonic seconds.

    Only `reserve` takes the lock, and only a dispatcher's thread calls it, where no signal handler runs. Every
    other method queues its news for the next `reserve`. So a signal handler or a finalizer never blocks, even
    during `reserve`. What it interrupts may count one slot twice or not at all, as long as the
    ticket is referenced.

    If clients use different limits, the smallest limit used within the last minute applies.

    :param limit: requests per second.
    """

    def __init__(self, limit: float = 20.0) -> None:
        self.limit = limit
        self._limits = {limit: math.inf}  # when it was last used; infinity: since the last `reserve`
        self._slots = limit
        self._fastest = math.inf
        self._flying: WeakKeyDictionary[Ticket, float] = WeakKeyDictionary()
        self._held: list[float] = []  # a heap
        self._accepted: deque[float] = deque()
        self._next_send = -math.inf
        self._throttled = -math.inf
        self._shrunk = -math.inf
        self._grown = -math.inf
        self._news: deque[Callable[[], None]] = deque()
        self._lock = Lock()

    def use_limit(self, limit: float) -> None:
        """Add this limit, in requests per second, to those in use."""
        self._limits[limit] = math.inf
        self.limit = min(list(self._limits))

    def reserve(self, now: float) -> tuple[Ticket | None, float]:
        """Return a ticket and 0.0, or None and the seconds after which to try again."""
        with self._lock:
            while self._news:
                self._news.popleft()()
            self._choose_limit(now)
            self._recover(now)
            if now < self._next_send:
                return None, self._next_send - now
            while self._held and self._free_at(self._held[0]) <= now:
                heappop(self._held)
            if len(self._flying) + len(self._held) >= math.ceil(self._slots):
                return None, self._wait(now)
            ticket = Ticket()
            self._flying[ticket] = now
            # Requests bunch up on the way; a small gap between them keeps a strict limit.
            self._next_send = now + 0.8 / self.limit
            return ticket, 0.0

    def sent(self, ticket: Ticket, now: float) -> None:
        """Set the time at which the request was sent, if it is not that of `reserve`."""
        self._flying[ticket] = now

    def unused(self, ticket: Ticket) -> None:
        """Release the slot at once, because no request was sent."""
        del self._flying[ticket]
        self._next_send = -math.inf

    def answered(self, ticket: Ticket, now: float) -> None:
        """Release the slot one second after its response was received."""
        self._news.append(partial(self._count_answer, now - self._flying[ticket], now))
        del self._flying[ticket]

    def throttled(self, now: float) -> None:
        """Use fewer slots for a while: the last request was throttled, so others may share the limit."""
        self._news.append(partial(self._count_throttled, now))

    def lost(self, ticket: Ticket, now: float) -> None:
        """Release the slot one second from now, because WeData may have counted the request.

        :param now: when it was lost; or when it was sent, if nothing waits for its response any more.
        """
        self._news.append(partial(self._count_lost, now))
        del self._flying[ticket]

    def _count_answer(self, trip: float, now: float) -> None:
        self._fastest = min(self._fastest, trip)
        heappush(self._held, now)
        self._accepted.append(now)
        while now - self._accepted[0] > 1:
            self._accepted.popleft()

    def _count_throttled(self, now: float) -> None:
        if self._accepted:  # `answered` counted it as accepted
            self._accepted.pop()
        if now - self._shrunk >= _ONE_EVENT:
            self._shrink(now)
        self._throttled = self._grown = now

    def _count_lost(self, now: float) -> None:
        heappush(self._held, now + self._trip)

    def _choose_limit(self, now: float) -> None:
        for limit, asked_for in list(self._limits.items()):
            if asked_for == math.inf:
                self._limits[limit] = now
        latest = max(self._limits.values())
        for limit, asked_for in list(self._limits.items()):
            if asked_for < latest - _IN_USE:
                del self._limits[limit]
        self.limit = min(list(self._limits))
        self._slots = min(self._slots, self.limit)

    def _free_at(self, answered: float) -> float:
        # WeData counted the request at least one fastest round trip before its response arrived. If the number of
        # slots is not whole, it is rounded up and each slot is held longer.
        factor = math.ceil(self._slots) / self._slots
        return answered - self._trip + _SECOND * factor

    @property
    def _trip(self) -> float:
        return self._fastest if math.isfinite(self._fastest) else 0.0

    def _wait(self, now: float) -> float:
        if self._held:
            return max(self._free_at(self._held[0]) - now, 0.001)
        return 0.8 / self.limit  # all slots are in use; when the first becomes free is unknown

    def _shrink(self, now: float) -> None:
        accepted = sum(1.0 for at in self._accepted if now - at <= 1)
        fewer = min(0.97 * self._slots, max(accepted, 0.7 * self._slots))
        self._slots = max(min(1.0, self.limit), fewer)
        self._shrunk = now

    def _recover(self, now: float) -> None:
        if self._slots < self.limit and now - self._throttled > 1:
            seconds = now - max(self._grown, self._throttled + 1)
            self._slots = min(self.limit, self._slots + _RECOVERY * max(seconds, 0))
            self._grown = now
