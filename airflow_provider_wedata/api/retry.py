"""When a failed request is sent again. Pure arithmetic: no clock, no sleep.

Which errors are worth a retry is left to errors.py and exchange.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed request is sent again, and when.

    :param retries: attempts after the first.
    :param base: seconds; the maximum of the first delay.
    :param cap: seconds; the maximum of any delay.
    """

    retries: int = 5
    base: float = 1.0
    cap: float = 30.0

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait after a failed attempt, with full jitter to spread many clients.

        :param attempt: the number of the failed attempt, from 0.
        :param chance: a random number from 0 to 1.
        """
        return chance * min(self.cap, self.base * 2.0 ** min(attempt, 30))
