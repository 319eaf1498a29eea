"""Fields that change with an instance's state: times, tries and runs, with plausible values.

Follows the documentation (a rerun resets Tries, TotalRunNum accumulates, a waiting instance has no times). When
a state changes is left to world.py and scenarios.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator.instance import Instance

Changes = dict[str, Any]
WAITING = {"start_time": None, "end_time": None, "cost_ms": 0}


def enter(instance: Instance, state: str, second: int) -> Changes:
    """Return the fields that change when an instance enters a state at a second.

    An unknown state changes nothing else.
    """
    changes: Changes = {"state": state}
    if state == "RUNNING":
        return changes | _begin(instance, second)
    if state in {"COMPLETED", "FAILED_RETRY"}:
        return changes | _end_of_run(instance, second)
    if state == "EXPIRED":
        # An instance can fail without ever running: StartTime is null then, EndTime is not.
        return changes | _end(instance.start_time, second)
    if state == "SKIP_RUNNING":
        return changes | WAITING | {"end_time": second}
    return changes | WAITING if state.startswith("WAIT_") else changes


def again() -> Changes:
    """Return the fields that a rerun changes: the instance waits, and its tries restart at 0."""
    return {"state": "WAIT_RUN", "tries": 0} | WAITING


def _begin(instance: Instance, second: int) -> Changes:
    return {
        "start_time": second,
        "end_time": None,
        "cost_ms": 0,
        "tries": (instance.tries or 0) + 1,
        "total_run_num": (instance.total_run_num or 0) + 1,
    }


def _end_of_run(instance: Instance, second: int) -> Changes:
    """End the current run; without one, a run starts and ends in this second."""
    if instance.state == "RUNNING":
        return _end(instance.start_time, second)
    return _begin(instance, second) | _end(second, second)


def _end(start: int | None, second: int) -> Changes:
    return {"end_time": second, "cost_ms": 0 if start is None else (second - start) * 1000}
