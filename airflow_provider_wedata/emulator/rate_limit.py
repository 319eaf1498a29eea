"""The rate limit: at most so many requests in any one second, for each account and action.

A strict sliding window, counted on arrival; a refused request does not count. Knows no clock: the time is an
argument.
"""

from __future__ import annotations

from collections import defaultdict, deque
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

SECOND = 1.0


class RateLimit:
    """Lets `limit` requests through in any one second for each key; None lets all through."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._lock = Lock()
        self._arrivals: dict[Hashable, deque[float]] = defaultdict(deque)

    def admit(self, key: Hashable, now: float) -> bool:
        """Count an arrival, and say whether it is within the limit."""
        if self.limit is None:
            return True
        with self._lock:
            recent = self._arrivals[key]
            while recent and recent[0] <= now - SECOND:
                recent.popleft()
            if len(recent) >= self.limit:
                return False
            recent.append(now)
            return True
