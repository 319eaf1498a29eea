"""Who gets the next slot of a rate limiter: four classes take turns, first come first served within each.

Pure decisions, without a thread, a lock or a clock. Only the thread of dispatcher.py calls `join` and `serve`; any
thread may call `take` and `leave` at any time.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.rate_limit import Place, Priority, RateLimiter, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from airflow_provider_wedata.api.exchange import Now

#: Seconds after which a slot that was offered but not taken is offered to another waiter.
OFFER_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Waiter:
    """One request that waits for its turn.

    :param place: its place in the queue.
    :param wake: called when a slot is offered; raises RuntimeError if the owner is gone.
    :param owner: what runs this waiter and perhaps others: an event loop, or the waiting thread.
    """

    place: Place
    wake: Callable[[], object]
    owner: Hashable
    line: Priority | None = None
    joined: bool = False
    left: bool = False


class RequestQueue:
    """The queue in front of one rate limiter.

    A slot is offered to the waiter whose turn it is. If the waiter does not take it within a second (its event
    loop is blocked, its thread is dead), all slots offered to its owner go to others. The owner's waiters are then
    passed over until one of them joins, takes or leaves. They keep their places meanwhile.

    Threads share only `_offers`. Both sides remove a ticket from it atomically, so it is never used twice.
    """

    def __init__(self, budget: RateLimiter) -> None:
        self._budget = budget
        self._lines: dict[Priority, deque[Waiter]] = {priority: deque() for priority in Priority}
        self._served = Priority.BULK
        self._urgent: list[tuple[float, int, Waiter]] = []  # a heap
        self._order = count()
        self._most_urgent = 64
        self._offers: dict[Waiter, Ticket] = {}
        self._offered: deque[tuple[float, Waiter]] = deque()
        self._away: dict[Hashable, deque[Waiter]] = {}

    def join(self, waiter: Waiter, now: Now) -> None:
        """Add the waiter at the end of its class. If it joined before, only note that its owner is responsive."""
        for parked in reversed(self._away.pop(waiter.owner, deque())):
            if parked.line is not None:
                self._lines[parked.line].appendleft(parked)
        if waiter.joined or waiter.left:
            return
        waiter.joined = True
        self._enter(waiter, waiter.place.priority_at(now.utc))
        if now.utc < waiter.place.urgent_from < math.inf:
            self._remember(waiter)

    def serve(self, now: Now) -> float:
        """Offer the free slots; return the seconds until the next call, or infinity if nobody waits."""
        self._withdraw(now)
        self._promote(now.utc)
        while (waiter := self._next()) is not None:
            ticket, seconds = self._budget.reserve(now.ticks)
            if ticket is None:
                return min(seconds, self._seconds_to_withdraw(now.ticks))
            self._offer(waiter, ticket, now.ticks)
        return math.inf

    def take(self, waiter: Waiter, now: float) -> Ticket | None:
        """Return the slot offered to the waiter; None if there is none any more: then it must `join` again.

        :param now: monotonic seconds.
        """
        ticket = self._offers.pop(waiter, None)
        if ticket is not None:
            waiter.left = True
            self._budget.sent(ticket, now)
        return ticket

    def leave(self, waiter: Waiter) -> bool:
        """Remove the waiter, in any state; return whether it must `join` so that its slot or owner is noticed."""
        waiter.left = True
        ticket = self._offers.pop(waiter, None)
        if ticket is not None:
            self._budget.unused(ticket)
        return ticket is not None or waiter.owner in self._away

    def _enter(self, waiter: Waiter, line: Priority) -> None:
        waiter.line = line
        self._lines[line].append(waiter)

    def _next(self) -> Waiter | None:
        """Return the first waiter of the class whose turn it is. Each class with waiters gets one slot in four."""
        for step in range(1, len(Priority) + 1):
            line = Priority((self._served + step) % len(Priority))
            if (first := self._first(line)) is not None:
                return first
        return None

    def _first(self, line: Priority) -> Waiter | None:
        waiters = self._lines[line]
        while waiters:
            first = waiters[0]
            if first.left or first.line is not line:
                waiters.popleft()
            elif first.owner in self._away:
                self._away[first.owner].append(waiters.popleft())
            else:
                return first
        return None

    def _offer(self, waiter: Waiter, ticket: Ticket, now: float) -> None:
        line, waiter.line = waiter.line, None
        if line is not None:
            self._lines[line].popleft()
            self._served = line
        self._offers[waiter] = ticket
        self._offered.append((now, waiter))
        try:
            waiter.wake()
        except RuntimeError:  # its event loop is closed
            waiter.left = True
        # It may have left just before the offer, and so could not give it back.
        if waiter.left and self._offers.pop(waiter, None) is not None:
            self._budget.unused(ticket)

    def _withdraw(self, now: Now) -> None:
        while self._offered:
            offered_at, waiter = self._offered[0]
            if waiter not in self._offers:
                self._offered.popleft()
            elif now.ticks - offered_at >= OFFER_SECONDS:
                self._pass_over(waiter.owner, now.utc)
            else:
                return

    def _pass_over(self, owner: Hashable, now: float) -> None:
        # Mark the owner as away first, so that a waiter that leaves or tries to take meanwhile notices it.
        parked = self._away.setdefault(owner, deque())
        for waiter in [waiter for _, waiter in self._offered if waiter.owner == owner]:
            ticket = self._offers.pop(waiter, None)
            if ticket is not None:
                self._budget.unused(ticket)
                waiter.line = waiter.place.priority_at(now)
                parked.append(waiter)
        self._offered = deque(offer for offer in self._offered if offer[1].owner != owner)
        if not parked:
            del self._away[owner]

    def _seconds_to_withdraw(self, now: float) -> float:
        return max(self._offered[0][0] + OFFER_SECONDS - now, 0.0) if self._offered else math.inf

    def _remember(self, waiter: Waiter) -> None:
        heappush(self._urgent, (waiter.place.urgent_from, next(self._order), waiter))
        if len(self._urgent) > self._most_urgent:  # many left long before they became urgent
            self._urgent = [entry for entry in self._urgent if not entry[2].left]
            heapify(self._urgent)
            self._most_urgent = 2 * len(self._urgent) + 64

    def _promote(self, now: float) -> None:
        while self._urgent and self._urgent[0][0] <= now:
            _, _, waiter = heappop(self._urgent)
            if not waiter.left and waiter.line not in (None, Priority.LAST_LOOK):
                self._enter(waiter, Priority.LAST_LOOK)
