"""Decides what an answer of WeData proves; no verdict rests on an answer that contradicts itself.

Pure functions. Those that check something return a text for the log that says why there is no proof, and an empty
text if there is one. Requests are made in waiting/counts.py and waiting/poll.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.times import SECOND, TimeWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_wedata.api.exchange import Answer
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.operations import Page

#: A count at which services are known to stop counting. The official sample shows a larger one, so WeData does
#: not seem to stop there. [I]
COUNTING_LIMIT = 10_000
MOVED = "rows came, went or changed while they were counted"
#: The fields that change when a row runs again.
_PROOF = frozenset({"TotalRunNum", "LastUpdateTime"})
#: Seconds by which this clock may be wrong while WeData still accepts its signatures.
_LARGEST_ERROR = 300.0
#: Seconds that must have passed since a window's end before it counts as over.
_MARGIN = 10.0


class ContradictionError(Exception):
    """An answer contradicts itself, so no verdict may rest on it."""


def contradiction(page: Page, size: int) -> str:
    """Return how the first page of a list contradicts itself; empty if it does not.

    :param size: the requested page size.
    """
    states: dict[str, str | None] = {}
    for row in page.rows:
        if states.setdefault(row.identity, row.state) != row.state:
            return f"it shows {row.identity} as {states[row.identity]} and as {row.state}"
    fits = len(states) == page.total if page.total <= size else page.rows
    return "" if fits else _shown(page, len(states))


def runs_of(rows: Iterable[TaskInstance]) -> dict[str, tuple[object, ...]]:
    """Return, by identity, the fields of which one changes when a row runs again, changes state or is replaced."""
    return {row.identity: _run(row) for row in rows}


def changed(before: Mapping[str, tuple[object, ...]], again: Iterable[TaskInstance]) -> str:
    """Return why two fetches of the same rows do not prove that nothing changed in between; empty if they do.

    :param before: `runs_of` the rows of the first fetch.
    """
    runs = dict(before)
    for row in again:
        if row.unreadable & _PROOF or (row.total_run_num is None and row.last_update_time is None):
            return (
                f"TotalRunNum and LastUpdateTime of {row.identity} don't show whether it ran again meanwhile"
            )
        if runs.pop(row.identity, None) != _run(row):
            return "rows changed while they were read"
    return "rows changed while they were read" if runs else ""


def updated(page: Page, since: float) -> str:
    """Return why a row may have been updated since then; empty if none was.

    :param page: the answer for rows updated since then; its rows decide, not its total.
    :param since: seconds since the epoch.
    """
    times = [row.last_update_time for row in page.rows]
    if any(time is None or time.timestamp() < since for time in times):
        return "WeData's filter by LastUpdateTime can't be relied on"
    return MOVED if times else ""


def earliest(answer: Answer[Any]) -> float:
    """Return the earliest time at which the request can have been sent, in seconds since the epoch.

    Uses the earlier of WeData's clock and ours; without WeData's, ours less its largest possible error.
    """
    if answer.date is None:
        return answer.sent.utc - _LARGEST_ERROR
    return min(answer.date - answer.trip, answer.sent.utc)


def is_over(window: TimeWindow, now: float) -> bool:
    """Return True if the window is over, so that no instance can be added to it.

    :param now: seconds since the epoch.
    """
    return window.end is not None and now - _MARGIN > window.end.timestamp()


def halves(window: TimeWindow) -> list[TimeWindow]:
    """Return the two halves of a closed window; an empty list if it can't be split."""
    start, end = window.start, window.end
    if start is None or end is None or end - start < SECOND:
        return []
    middle = start + (end - start) // (2 * SECOND) * SECOND
    return [TimeWindow(start, middle), TimeWindow(middle + SECOND, end)]


def _shown(page: Page, shown: int) -> str:
    return f"it counts {page.total} instance{'s' * (page.total != 1)} and shows {shown}"


def _run(row: TaskInstance) -> tuple[object, ...]:
    return row.state, row.total_run_num, row.last_update_time
