"""The rate limit: a maximum number of requests in any one second, for each account and action.

A strict sliding window, counted on arrival; a refused request does not count. The time is an argument.
"""

from __future__ import annotations

from collections import defaultdict, deque
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

SECOND = 1.0


class RateLimit:
    """Admits `limit` requests in any one second for each key; None admits all."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._lock = Lock()
        self._arrivals: dict[Hashable, deque[float]] = defaultdict(deque)

    def admit(self, key: Hashable, now: float) -> bool:
        """Count an arrival, and return whether it is within the limit."""
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
