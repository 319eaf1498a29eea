"""What each step of an event loop costs: a step is a callback that runs while all others wait."""

from __future__ import annotations

import gc
import time
from asyncio import Handle
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Steps:
    """The steps so far, on the CPU of the loop's own thread.

    :param most: seconds of the longest, not counting Python's garbage collection. That goes through everything
        in the process, most of it Airflow's, in whatever step it falls.
    :param largest: what that step was.
    :param collection: seconds of the longest garbage collection.
    """

    number: int = 0
    most: float = 0.0
    largest: str = ""
    collection: float = 0.0


@contextmanager
def measured_steps() -> Iterator[Steps]:
    """Measure every step of any loop."""
    steps, run = Steps(), Handle._run
    collected = began_to_collect = 0.0
    loop_thread = 0

    def measure(handle: Handle) -> None:
        nonlocal collected, loop_thread
        loop_thread = get_ident()
        began, collected = time.thread_time(), 0.0
        run(handle)
        seconds = time.thread_time() - began - collected
        steps.number += 1
        steps.collection = max(steps.collection, collected)
        if seconds > steps.most:
            steps.most, steps.largest = seconds, repr(handle)

    def count_collection(phase: str, _info: Any) -> None:
        nonlocal collected, began_to_collect
        if get_ident() != loop_thread:
            return
        if phase == "start":
            began_to_collect = time.thread_time()
        else:
            collected += time.thread_time() - began_to_collect

    Handle._run = measure  # type: ignore[method-assign]  # asyncio has no hook for it
    gc.callbacks.append(count_collection)
    try:
        yield steps
    finally:
        Handle._run = run  # type: ignore[method-assign]
        gc.callbacks.remove(count_collection)
