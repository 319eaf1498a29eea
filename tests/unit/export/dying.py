"""A writer that kills itself: as a script, it reports what a kill at each of many moments leaves behind.

A moment is a line of publish.py or staging.py that is about to run, or one of `write` below; with a store, also a
line of the upload in s3fs, in any thread. Every writer is a process of its own, killed with SIGKILL. Prints one
JSON object for each moment.

    dying.py local <directory> <old|nothing> <replace|keep> <most moments>
    dying.py s3    <endpoint>  <old|nothing> <replace|keep> <most moments> <bytes to write>
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.export import publish, staging
from airflow_provider_wedata.export.publish import LocalFile, Place, StoredFile, published

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WATCHED = {publish.__file__, staging.__file__, __file__}
UPLOAD = {"_put_file", "_upload_file_part_concurrent", "_upload_chunk"}
OLD = b"old"
LEFTOVER = ".{}.????????????????.part"


class Disk:
    """A directory on this machine."""

    new = b"x" * 600_000  # more than the writer buffers

    def __init__(self, where: str) -> None:
        self.directory = self.staging = Path(where)
        self._path = self.directory / "a.jsonl"
        self.leftovers = LEFTOVER.format("a.jsonl")

    def place(self) -> Place:
        return LocalFile(str(self._path))

    def put(self, data: bytes | None) -> None:
        self._path.unlink(missing_ok=True)
        if data is not None:
            self._path.write_bytes(data)

    def get(self) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


class Bucket:
    """A bucket `wedata` in a store that speaks S3."""

    def __init__(self, endpoint: str, size: str) -> None:
        self.new = b"x" * int(size)
        self.staging = Path(tempfile.gettempdir())
        self.leftovers = LEFTOVER.format("wedata-*")
        self._endpoint = endpoint
        self._client = _client(endpoint)
        import_module("s3fs")  # once, before the forks

    def _store(self) -> Any:
        from s3fs import S3FileSystem  # noqa: PLC0415 - not for the disk

        return S3FileSystem(key="k", secret="s", endpoint_url=self._endpoint, use_listings_cache=False)

    def place(self) -> Place:
        return StoredFile("s3://wedata/a.jsonl", "s3", self._store(), "wedata/a.jsonl")

    def put(self, data: bytes | None) -> None:
        if data is None:
            self._client.delete_object(Bucket="wedata", Key="a.jsonl")
        else:
            self._client.put_object(Bucket="wedata", Key="a.jsonl", Body=data)

    def get(self) -> bytes | None:
        if "a.jsonl" not in self.files():
            return None
        data: bytes = self._client.get_object(Bucket="wedata", Key="a.jsonl")["Body"].read()
        return data

    def files(self) -> list[str]:
        return [item["Key"] for item in self._client.list_objects_v2(Bucket="wedata").get("Contents", [])]


def _client(endpoint: str) -> Any:
    """Return a client that has no thread, unlike s3fs, and so survives a fork."""
    import botocore.session  # noqa: PLC0415 - not for the disk

    session = botocore.session.get_session()
    session.set_credentials("k", "s")
    return session.create_client("s3", endpoint_url=endpoint, region_name="us-east-1")


def write(where: Disk | Bucket, data: bytes, *, replace: bool) -> None:
    third = len(data) // 3
    with published(where.place(), replace=replace) as publication:
        publication.file.write(data[:third])
        publication.file.write(data[third : 2 * third])
        publication.file.write(data[2 * third :])


def moments(act: Callable[[], None], die_at: int = 0) -> int:
    """Run `act` and die at the given moment; otherwise return the number of moments."""
    count = 0

    def tick(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        code = frame.f_code
        if code.co_filename not in WATCHED and code.co_name not in UPLOAD:
            return None
        if event == "line":
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return tick

    threading.settrace(tick)
    sys.settrace(tick)
    try:
        act()
    finally:
        sys.settrace(None)
    return count


def in_child(act: Callable[[], Any]) -> tuple[int, str]:
    """Run `act` in a child process; return its status as from `os.waitpid`, and its result as text."""
    read, written = os.pipe()
    child = os.fork()
    if child:
        os.close(written)
        with os.fdopen(read) as answer:
            result = answer.read()
        return os.waitpid(child, 0)[1], result
    status = 1
    try:
        os.write(written, str(act()).encode())
        status = 0
    finally:
        os._exit(status)


def word(where: Disk | Bucket) -> str:
    """Return one word for what the destination holds."""
    data = where.get()
    known = {None: "nothing", OLD: "old", where.new: "new", b"next": "next"}
    return known.get(data) or f"a part: {len(data or b'')} bytes"


def die_and_report(
    where: Disk | Bucket, moment: int, before: bytes | None, *, replace: bool
) -> dict[str, Any]:
    where.put(before)
    status, _ = in_child(lambda: moments(lambda: write(where, where.new, replace=replace), moment))
    report = {"killed": os.WTERMSIG(status), "final": word(where)}
    report["left"] = len(list(where.staging.glob(where.leftovers)))
    if replace or report["final"] == "nothing":
        report["next"] = in_child(lambda: write(where, b"next", replace=replace))[0]
        report["then"] = word(where)
        report["left then"] = len(list(where.staging.glob(where.leftovers)))
        report["files"] = where.files()
    return report


def main(kind: str, place: str, before: str, how: str, most: str, *size: str) -> None:
    where: Disk | Bucket = Bucket(place, *size) if kind == "s3" else Disk(place)
    first, replace = OLD if before == "old" else None, how == "replace"
    where.put(first)
    last = int(in_child(lambda: moments(lambda: write(where, where.new, replace=replace)))[1])
    step = max(1, last // int(most))
    for moment in sorted({*range(1, last, step), last}):
        print(json.dumps(die_and_report(where, moment, first, replace=replace)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
