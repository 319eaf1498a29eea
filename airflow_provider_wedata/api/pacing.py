"""How long to wait before a request, and before the same request again. Pure arithmetic: no clock, no sleep.

WeData takes 20 requests a second (https://www.tencentcloud.com/document/product/1174/73817) and says no to
the rest. A slot for each of them, held from its sending until a second after WeData must have counted it,
keeps to that limit whatever the latency does.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import Lock

#: A second, and a little for two clocks that disagree.
_SECOND = 1.005
#: Slots regained a second after the last throttled answer was one second ago.
_RECOVERY = 0.3
#: Several throttled answers within this many seconds are one event.
_ONE_EVENT = 0.5


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When the same request is sent again.

    :param retries: attempts after the first.
    :param base: seconds; the first delay is at most this.
    :param cap: seconds; no delay is longer.
    """

    retries: int = 5
    base: float = 1.0
    cap: float = 30.0

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds before the attempt after `attempt` (from 0): full jitter, to spread many.

        :param chance: a random number from 0 to 1.
        """
        return chance * min(self.cap, self.base * 2.0 ** min(attempt, 30))


@dataclass(slots=True)
class RequestBudget:
    """The requests that may still go out, shared by every client of a process. Times: monotonic seconds.

    :param limit: requests a second.
    """

    limit: float = 20.0
    _slots: float = field(init=False)
    _fastest: float = field(default=math.inf, init=False)
    _flying: dict[int, float] = field(default_factory=dict, init=False)
    _held: list[float] = field(default_factory=list, init=False)  # a heap
    _accepted: deque[float] = field(default_factory=deque, init=False)
    _next_send: float = field(default=-math.inf, init=False)
    _throttled: float = field(default=-math.inf, init=False)
    _shrunk: float = field(default=-math.inf, init=False)
    _grown: float = field(default=-math.inf, init=False)
    _tickets: int = field(default=0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._slots = self.limit

    def narrow(self, limit: float) -> None:
        """Take the smaller limit where two connections name different ones."""
        with self._lock:
            self.limit = min(self.limit, limit)
            self._slots = min(self._slots, self.limit)

    def reserve(self, now: float) -> tuple[int | None, float]:
        """Return a ticket and 0.0, or no ticket and the seconds after which to ask again."""
        with self._lock:
            self._recover(now)
            if now < self._next_send:
                return None, self._next_send - now
            while self._held and self._free_at(self._held[0]) <= now:
                heappop(self._held)
            if len(self._flying) + len(self._held) >= math.ceil(self._slots):
                return None, self._wait(now)
            self._tickets += 1
            self._flying[self._tickets] = now
            # Arrivals bunch on the way; a little space between them keeps a strict limit content.
            self._next_send = now + 0.8 / self.limit
            return self._tickets, 0.0

    def answered(self, ticket: int, now: float) -> None:
        """Give the slot back a second after its answer came."""
        with self._lock:
            self._fastest = min(self._fastest, now - self._flying.pop(ticket))
            heappush(self._held, now)
            self._accepted.append(now)
            while now - self._accepted[0] > 1:
                self._accepted.popleft()

    def throttled(self, now: float) -> None:
        """Use fewer slots for a while: the last answer was "too many"; others may share the limit."""
        with self._lock:
            if self._accepted:  # it was no acceptance
                self._accepted.pop()
            if now - self._shrunk >= _ONE_EVENT:
                self._shrink(now)
            self._throttled = self._grown = now

    def lost(self, ticket: int, now: float) -> None:
        """Give the slot back a second from now, for WeData may have counted it; but learn nothing.

        :param now: when it was lost; or when it was sent, if nobody waits for its answer any more.
        """
        with self._lock:
            del self._flying[ticket]
            heappush(self._held, now + self._trip)

    def _free_at(self, answered: float) -> float:
        # WeData counted the request at the latest one fastest round trip before its answer arrived. What is
        # missing to a whole slot is made up by holding each a little longer.
        stretch = math.ceil(self._slots) / self._slots
        return answered - self._trip + _SECOND * stretch

    @property
    def _trip(self) -> float:
        return self._fastest if math.isfinite(self._fastest) else 0.0

    def _wait(self, now: float) -> float:
        if self._held:
            return max(self._free_at(self._held[0]) - now, 0.001)
        return 0.8 / self.limit  # every slot is on its way: no telling when the first comes back

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
