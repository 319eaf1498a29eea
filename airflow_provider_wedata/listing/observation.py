"""Combines several responses about the same rows: how many rows there are, which, and whether any changed.

What follows from that is left to the partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_wedata.listing.key_set import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_wedata.api.models import TaskInstance


class Observation:
    """The responses about some rows.

    :param by_update: count an updated row as another row, because it may have left and come back meanwhile.
    """

    def __init__(self, *, by_update: bool = False) -> None:
        self.rows = 0
        self.totals: set[int] = set()
        self.keys: set[int] = set()
        self._by_update = by_update
        self._versions: set[int] = set()
        self._newest: datetime | None = None
        self._undated = False
        self._unchanged_before: datetime | None = None

    def add(self, rows: Iterable[TaskInstance], total: int, unchanged_before: datetime) -> None:
        """Add a response.

        :param rows: its rows.
        :param total: its TotalCount.
        :param unchanged_before: rows last updated before this time cannot have changed since the request was sent.
        """
        self.totals.add(total)
        self._unchanged_before = min(self._unchanged_before or unchanged_before, unchanged_before)
        for row in rows:
            self.rows += 1
            self.keys.add(fingerprint(row.identity))
            if self._by_update:
                self._versions.add(fingerprint(f"{row.identity} {row.last_update_time}"))
            if row.last_update_time is None:
                self._undated = True
            elif self._newest is None or row.last_update_time > self._newest:
                self._newest = row.last_update_time

    @property
    def unchanged(self) -> bool:
        """True if no row changed since the first request was sent; then all rows existed at that moment.

        That LastUpdateTime is set whenever a row is created or starts to match is documented nowhere. [I] Only
        readings of more than one page rest on it.
        """
        if self._undated or self._unchanged_before is None:
            return False
        return self._newest is None or self._newest < self._unchanged_before

    @property
    def complete(self) -> bool:
        """True if all responses have the same total, and as many different rows were seen."""
        return self.totals == {len(self.keys)}

    @property
    def versions(self) -> set[int]:
        """Equal for two readings of the same rows if nothing changed between them."""
        return self._versions if self._by_update else self.keys
