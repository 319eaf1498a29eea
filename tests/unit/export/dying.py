"""A writer that kills itself: run as a script, it tells what its death left behind, at every moment there is.

A moment is a line of publish.py or staging.py that is about to run, or a line of the writing below. Every writer
is a process of its own, killed with -9. Prints one JSON object for each moment.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.export import publish, staging
from airflow_provider_wedata.export.publish import LocalFile, published

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WATCHED = {publish.__file__, staging.__file__, __file__}
LINE = b"x" * 1000 + b"\n"
NEW = LINE * 600  # more than the writer keeps in memory


def write_new(place: publish.Place, *, replace: bool) -> None:
    with published(place, replace=replace) as publication:
        for _ in range(3):
            publication.file.write(LINE * 200)


def moments(act: Callable[[], None], die_at: int = 0) -> int:
    """Act, die when the moment has come, else return how many moments there were."""
    count = 0

    def tick(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return tick

    sys.settrace(tick)
    try:
        act()
    finally:
        sys.settrace(None)
    return count


def in_child(act: Callable[[], Any]) -> int:
    """Act in a process of its own; return its status as `os.waitpid` has it."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        act()
        status = 0
    finally:
        os._exit(status)


def content(path: Path) -> str:
    """Return what is there, in a word."""
    if not path.exists():
        return "nothing"
    data = path.read_bytes()
    return {b"old": "old", NEW: "new"}.get(data, f"a part: {len(data)} bytes")


def main(directory: Path, before: str, how: str) -> None:
    final, replace = directory / "a.jsonl", how == "replace"

    def start_anew() -> None:
        final.unlink(missing_ok=True)
        if before == "old":
            final.write_bytes(b"old")

    def write() -> None:
        write_new(LocalFile(str(final)), replace=replace)

    start_anew()
    last = moments(write)
    for moment in range(1, last + 1):
        start_anew()
        killed = in_child(lambda moment=moment: moments(write, moment))
        found = {"moment": moment, "killed": os.WTERMSIG(killed), "final": content(final)}
        found["left"] = len(list(directory.glob(".a.jsonl.????????????????.part")))
        if replace or found["final"] == "nothing":
            found["next"] = in_child(write)
        found["then"] = content(final)
        found["files"] = sorted(path.name for path in directory.iterdir())
        print(json.dumps(found))  # noqa: T201 - its answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
