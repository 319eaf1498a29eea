"""Clocks for a world: one that runs and one that is stepped; and conversions of moments.

A moment is epoch seconds. The `TimeZone` parameter is left to rendering.py.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from math import floor
from typing import Protocol

BEIJING = timezone(timedelta(hours=8))  # WeData's default zone, and the schedule zone of all tasks here
TEXT = "%Y-%m-%d %H:%M:%S"
Moment = float | datetime | str


class Clock(Protocol):
    """A source of the time in epoch seconds."""

    def now(self) -> float:
        """Return the time in epoch seconds."""
        ...


class SteppedClock:
    """A clock that only moves when it is advanced, for tests that must not wait."""

    def __init__(self, start: Moment) -> None:
        self._now = start if isinstance(start, float) else float(epoch(start))

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Step forward.

        :raises ValueError: if `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock goes forward only, not by {seconds} seconds")
        self._now += seconds


class RealClock:
    """The computer's clock, from its time at the start, `speed` times as fast."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._start = time.time()
        self._ticks = time.monotonic()

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return self._start + (time.monotonic() - self._ticks) * self._speed


def epoch(moment: Moment) -> int:
    """Return a moment in whole epoch seconds, the resolution of the API; text is UTC+8."""
    if isinstance(moment, str):
        moment = datetime.strptime(moment, TEXT).replace(tzinfo=BEIJING)
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone")
        moment = moment.timestamp()
    return floor(moment)


def text(moment: float, zone: timezone = BEIJING) -> str:
    """Return `yyyy-MM-dd HH:mm:ss` in a zone."""
    return datetime.fromtimestamp(moment, zone).strftime(TEXT)


def midnight(moment: float) -> int:
    """Return the start of the day in UTC+8 that contains a moment."""
    day = datetime.fromtimestamp(moment, BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    return epoch(day.astimezone(UTC))
