"""What else changes in an instance when its state does: times, tries and runs, as plausible values.

Knows the rules the documentation tells (a rerun resets Tries, TotalRunNum adds up, a wait has no times).
Decides nothing about when a state changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator.instance import Instance

Changes = dict[str, Any]
WAITING = {"start_time": None, "end_time": None, "cost_ms": 0}


def enter(instance: Instance, state: str, second: int) -> Changes:
    """Return the fields that change when an instance enters a state at a second.

    A state never heard of changes nothing else.
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
    """Return the fields that a rerun changes: it waits, and its tries start anew."""
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
    """End the run under way; without one, a run began and ended in this second."""
    if instance.state == "RUNNING":
        return _end(instance.start_time, second)
    return _begin(instance, second) | _end(second, second)


def _end(start: int | None, second: int) -> Changes:
    return {"end_time": second, "cost_ms": 0 if start is None else (second - start) * 1000}
