"""Temporary files: beside the final name, under a name derived from it, locked while the writer runs.

The lock distinguishes a leftover from a file that is being written: the system releases it when a process ends,
however it ends. So the leftovers of dead writers can be removed, and no other file is touched. On a file system
without locks nothing is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from airflow_provider_wedata.export.errors import named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import ReadableBuffer

#: A temporary name is a dot, the final name, a dot, 16 hex digits and this suffix: it belongs to one final name.
_SUFFIX = ".part"
_TOKEN = 8
_LONGEST_NAME = 255 - len("..") - 2 * _TOKEN - len(_SUFFIX)
_BLOCK = 1 << 18


class _Sink(io.RawIOBase):
    """Writes to disk; once abandoned it discards the data, because closing a codec still writes its end."""

    def __init__(self, descriptor: int, given_path: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._given_path = given_path
        self.abandoned = False

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as many of the bytes as the system takes, and return their number."""
        if self.abandoned:
            return memoryview(data).nbytes
        with named(self._given_path):
            return os.write(self._descriptor, data)


class Staged:
    """A temporary file that is being written.

    :param path: its current path.

    Its `file` is the file object to write to.
    """

    def __init__(self, descriptor: int, path: Path, given_path: str) -> None:
        self._descriptor = descriptor
        self._given_path = given_path
        self._sink = _Sink(descriptor, given_path)
        self.path = path
        self.file = io.BufferedWriter(self._sink, _BLOCK)

    def settle(self) -> int:
        """Sync the file to disk, and return its size in bytes."""
        self.file.flush()
        with named(self._given_path):
            os.fsync(self._descriptor)
            return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file; buffered bytes are discarded."""
        self._sink.abandoned = True
        os.close(self._descriptor)


@contextmanager
def staged(final: Path, *, mode: int | None, given_path: str) -> Iterator[Staged]:
    """Remove leftovers of dead writers and yield a temporary file, which is removed after the block unless moved.

    :param final: the final path, from which the temporary one is derived.
    :param mode: its permissions; None for the default of this process.
    :param given_path: the path as the user gave it, for errors.
    :raises ExportError: if the file can't be created or written.
    """
    stem = _stem(final.name)
    _clear(final.parent, stem)
    with named(given_path):
        descriptor, path = _create(final.parent, stem, mode)
    part = Staged(descriptor, path, given_path)
    try:
        yield part
    finally:
        with suppress(OSError):
            path.unlink()
        part.close()


def _stem(final: str) -> str:
    """Return the final name, or a hash of it if the temporary name would be too long."""
    encoded = os.fsencode(final)
    return final if len(encoded) <= _LONGEST_NAME else hashlib.sha256(encoded).hexdigest()


def _create(directory: Path, stem: str, mode: int | None) -> tuple[int, Path]:
    while True:
        path = directory / f".{stem}.{secrets.token_hex(_TOKEN)}{_SUFFIX}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o666 if mode is None else 0o600)
        if _take(descriptor):
            if mode is not None:
                os.fchmod(descriptor, mode)
            return descriptor, path
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    """Lock the new file; return False if another writer removed it before it was locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # without locks nobody removes files either
        return True
    return os.fstat(descriptor).st_nlink > 0


def _clear(directory: Path, stem: str) -> None:
    """Remove the leftovers of earlier writers of the same final name that no longer run."""
    leftover = re.compile(rf"\.{re.escape(stem)}\.[0-9a-f]{{{2 * _TOKEN}}}{re.escape(_SUFFIX)}")
    with suppress(OSError, ValueError):  # an unreadable directory is reported when the file is created
        for path in directory.iterdir():
            if leftover.fullmatch(path.name):
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # not ours, removed already, or being written
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
