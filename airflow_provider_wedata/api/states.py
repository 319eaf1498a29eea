"""The words in which WeData tells the state of a task instance, and what each one means.

The set is open: a word that is not here is kept as it came and counts as "not finished".
Source: https://www.tencentcloud.com/document/product/1174/73817 (InstanceState).
"""

from __future__ import annotations

from enum import StrEnum


class InstanceState(StrEnum):
    """The eight documented states of a task instance."""

    WAIT_EVENT = "WAIT_EVENT"  # waits for an event
    WAIT_UPSTREAM = "WAIT_UPSTREAM"  # waits for the tasks before it
    WAIT_RUN = "WAIT_RUN"  # waits for a free executor
    RUNNING = "RUNNING"
    FAILED_RETRY = "FAILED_RETRY"  # failed, and WeData will run it again: not the end
    SKIP_RUNNING = "SKIP_RUNNING"  # ended without running: its branch was skipped
    EXPIRED = "EXPIRED"  # failed for good, whatever the word says
    COMPLETED = "COMPLETED"  # succeeded, was run dry, or was set to success by hand


KNOWN = frozenset(InstanceState)
