"""What an export says of itself while it runs. Reads a clock, and no more often than it is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two lines.
EVERY = 5.0


class Progress:
    """Says every few seconds how far an export has come.

    :param every: seconds between two lines.
    :param clock: in seconds, that only goes forward.
    """

    def __init__(self, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._every = every
        self._began = clock()
        self._next = self._began + every

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began

    def line(self, rows: int, total: int | None, throttled: int) -> str | None:
        """Return what there is to say, if it is time.

        :param total: of the rows that are to come; None if nobody knows yet.
        :param throttled: how often WeData said that we are too fast.
        """
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + self._every
        rate = rows / (now - self._began)
        told = f"{rows} of {'?' if total is None else total} rows, {rate:.0f} rows/s, {throttled} throttled"
        if total is None or not rows:
            return told
        return f"{told}, {_told(max(total - rows, 0) / rate)} left"


def _told(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
