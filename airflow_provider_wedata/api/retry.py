"""When the same request is sent again. Pure arithmetic: no clock, no sleep."""

from __future__ import annotations

from dataclasses import dataclass


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
