"""A file in the making: beside the final name, under a name made from it, locked as long as its writer lives.

The lock tells a leaving from a file that somebody is writing: the system lets go of it when a process ends,
however it ends. So leavings of dead writers can be cleared and nobody else's files are touched. Where a file
system has no locks, nothing is cleared.
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

#: What follows the final name: a dot, 16 hex digits, and this. So one name's files are never another's.
_SUFFIX = ".part"
_TOKEN = 8
_LONGEST_NAME = 255 - len("..") - 2 * _TOKEN - len(_SUFFIX)
_BLOCK = 1 << 18


class _Sink(io.RawIOBase):
    """The bytes' way to the disk; once abandoned, a way to nowhere, for codecs still have an end to write."""

    def __init__(self, descriptor: int, told: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._told = told
        self.abandoned = False

    def writable(self) -> bool:
        """Return True: that is what it is for."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what fits."""
        if self.abandoned:
            return memoryview(data).nbytes
        with named(self._told):
            return os.write(self._descriptor, data)


class Staged:
    """A file that is being written, under a name of its own.

    :param path: where it is now.
    :param file: to write to.
    """

    def __init__(self, descriptor: int, path: Path, told: str) -> None:
        self._descriptor = descriptor
        self._told = told
        self._sink = _Sink(descriptor, told)
        self.path = path
        self.file = io.BufferedWriter(self._sink, _BLOCK)

    def settle(self) -> int:
        """Bring everything to the disk, and return the number of bytes."""
        self.file.flush()
        with named(self._told):
            os.fsync(self._descriptor)
            return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Let go of it; what is not on the disk by now is lost."""
        self._sink.abandoned = True
        os.close(self._descriptor)


@contextmanager
def staged(final: Path, *, mode: int | None, told: str) -> Iterator[Staged]:
    """Give a file that is gone after the block, unless it was moved in it; and clear what dead writers left.

    :param final: the path that it will have, from which its own is made.
    :param mode: its rights; None for what is usual in this process.
    :param told: the path as the user knows it, for errors.
    :raises ExportError: if it can't be made or written.
    """
    stem = _stem(final.name)
    _clear(final.parent, stem)
    with named(told):
        descriptor, path = _create(final.parent, stem, mode)
    part = Staged(descriptor, path, told)
    try:
        yield part
    finally:
        with suppress(OSError):
            path.unlink()
        part.close()


def _stem(final: str) -> str:
    """Return what stands for the final name: itself, unless that would make a name too long."""
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
    """Lock the new file; False if somebody found it without a lock just before, and cleared it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here, so nobody clears either
        return True
    return os.fstat(descriptor).st_nlink > 0


def _clear(directory: Path, stem: str) -> None:
    """Remove what earlier writers of the same final name left, if they are no more."""
    leaving = re.compile(rf"\.{re.escape(stem)}\.[0-9a-f]{{{2 * _TOKEN}}}{re.escape(_SUFFIX)}")
    with suppress(OSError, ValueError):  # a directory that can't be read is told of by who writes to it
        for path in directory.iterdir():
            if leaving.fullmatch(path.name):
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # not ours, or gone already, or somebody is writing it
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
