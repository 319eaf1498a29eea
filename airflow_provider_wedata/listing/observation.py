"""What several answers about the same rows show together: how many there are, which, and whether any changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_wedata.listing.key_set import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_wedata.api.models import TaskInstance


class Observation:
    """The answers about some rows.

    :param by_update: a row that was updated counts as another row, for it may have left and come back meanwhile.
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
        """Add an answer.

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
        """True if no row changed since the first of the requests was sent.

        Then all of them were there at that moment. That LastUpdateTime is set whenever a row is made or comes
        to match is documented nowhere. [I] Only readings of more than one page rest on it.
        """
        if self._undated or self._unchanged_before is None:
            return False
        return self._newest is None or self._newest < self._unchanged_before

    @property
    def complete(self) -> bool:
        """True if all answers count the same number of rows, and so many different ones were seen."""
        return self.totals == {len(self.keys)}

    @property
    def versions(self) -> set[int]:
        """What two readings of the same rows have in common if nothing happened between them."""
        return self._versions if self._by_update else self.keys
