"""What an answer proves, and what it does not: no verdict rests on an answer that contradicts itself.

Pure. Each function says why there is no proof, in words for the log, or an empty text where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_wedata.api.exchange import Answer
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Page
    from airflow_provider_wedata.api.times import TimeWindow

#: A count at which services are known to stop counting. The official sample shows a larger one, so WeData's
#: does not seem to stop there. [I]
COUNTING_LIMIT = 10_000
MOVED = "rows came, went or changed while they were counted"
#: The fields that change when a row runs again.
_PROOF = frozenset({"TotalRunNum", "LastUpdateTime"})
#: Seconds by which a clock may be wrong whose signatures WeData accepts.
_LARGEST_ERROR = 300.0
#: Seconds that a window must be over by the clocks, for it to be over.
_MARGIN = 10.0


class ContradictionError(Exception):
    """An answer contradicts itself, so that nothing in it decides."""


def contradiction(page: Page, size: int) -> str:
    """Return how the first page of a list contradicts itself; empty if it does not.

    :param size: how many rows were asked for.
    """
    states: dict[str, str | None] = {}
    for row in page.rows:
        if states.setdefault(row.identity, row.state) != row.state:
            return f"it shows {row.identity} as {states[row.identity]} and as {row.state}"
    fits = len(states) == page.total if page.total <= size else page.rows
    return "" if fits else _shown(page, len(states))


def changed(first: Iterable[TaskInstance], again: Iterable[TaskInstance]) -> str:
    """Return why two readings of the same rows do not prove that nothing happened in between; or empty."""
    lives = {row.identity: _life(row) for row in first}
    for row in again:
        if row.unreadable & _PROOF or (row.total_run_num is None and row.last_update_time is None):
            return (
                f"TotalRunNum and LastUpdateTime of {row.identity} don't tell whether it ran again meanwhile"
            )
        if lives.pop(row.identity, None) != _life(row):
            return "rows changed while they were read"
    return "rows changed while they were read" if lives else ""


def updated(page: Page, since: float) -> str:
    """Return what speaks against it that no row was updated since then; empty if nothing does.

    :param page: the answer for rows that were updated since then; the rows themselves decide, not their number.
    :param since: seconds since the epoch.
    """
    times = [row.last_update_time for row in page.rows]
    if any(time is None or time.timestamp() < since for time in times):
        return "WeData's filter by LastUpdateTime can't be relied on"
    return MOVED if times else ""


def earliest(answer: Answer[Any]) -> float:
    """Return the earliest time at which the request can have been sent, seconds since the epoch.

    By the earlier of WeData's clock and ours; without WeData's, by ours with the largest error that it may have.
    """
    if answer.date is None:
        return answer.sent.utc - _LARGEST_ERROR
    return min(answer.date - answer.trip, answer.sent.utc)


def is_over(window: TimeWindow, now: float) -> bool:
    """Return whether the window is over, so that no instance can be added to it."""
    return window.end is not None and now - _MARGIN > window.end.timestamp()


def halves(window: TimeWindow) -> list[TimeWindow]:
    """Return the two halves of a closed window; none if it can't be cut."""
    start, end = window.start, window.end
    if start is None or end is None or end - start < SECOND:
        return []
    middle = start + (end - start) // (2 * SECOND) * SECOND
    return [type(window)(start, middle), type(window)(middle + SECOND, end)]


def _shown(page: Page, shown: int) -> str:
    return f"it counts {page.total} instance{'s' * (page.total != 1)} and shows {shown}"


def _life(row: TaskInstance) -> tuple[object, ...]:
    """Return what changes when a row is run again, moves on or is replaced."""
    return row.state, row.total_run_num, row.last_update_time
