"""Format the progress lines of a running export. Reads the clock; leaves logging to the operator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two log lines.
EVERY = 5.0


class Progress:
    """Returns a progress line every few seconds.

    :param every: seconds between two lines.
    :param clock: a monotonic clock, in seconds.
    """

    def __init__(self, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._every = every
        self._began = clock()
        self._next = self._began + every

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def line(self, rows: int, total: int | None, throttled: int) -> str | None:
        """Return a progress line if one is due, else None.

        :param rows: the number of rows written so far.
        :param total: the expected number of rows; None if it is not known yet.
        :param throttled: the number of throttled responses so far.
        """
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + self._every
        rate = rows / (now - self._began)
        line = f"{rows} of {'?' if total is None else total} rows, {rate:.0f} rows/s, {throttled} throttled"
        if total is None or not rows:
            return line
        return f"{line}, {_duration(max(total - rows, 0) / rate)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
