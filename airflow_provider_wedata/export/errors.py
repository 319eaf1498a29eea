"""What can go wrong between an export and its file. Each error names the path and the reason.

What a retry may mend is told from what it can't.

    ExportError
    ├── BadPath         no file can be written there, now or at a retry
    ├── AlreadyThere    there is a file, and it is not to be replaced
    └── NotWritten      the disk is full, the store is lost: a retry may do better
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What the path, its directories or their rights are to blame for, by the system's own number.
_BAD_PATH = {
    errno.EACCES: "no right to write there",
    errno.EPERM: "no right to write there",
    errno.EROFS: "it lies on a read-only file system",
    errno.ENOENT: "its directory does not exist, and is not created here: it may be a typing error",
    errno.ENOTDIR: "a part of it is a file, no directory",
    errno.EISDIR: "it is a directory; name a file in it",
    errno.ENAMETOOLONG: "it is too long",
    errno.ELOOP: "its symbolic links lead in a circle",
}


class ExportError(Exception):
    """A file could not be written.

    :param path: the path as the user gave it.
    :param reason: why, and what to do.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)  # what a pickle is made from, so that it can be read again
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class BadPath(ExportError):
    """No file can be written there."""


class AlreadyThere(ExportError):
    """There is a file already, and it is to stay."""


class NotWritten(ExportError):
    """What was to be written did not get there; what was there before still is."""


@contextmanager
def named(path: str) -> Iterator[None]:
    """Translate the system's errors in the block into ours, with the path that the user knows."""
    try:
        yield
    except OSError as error:
        reason = _BAD_PATH.get(error.errno or 0)
        if reason:
            raise BadPath(path, f"{reason} ({error.strerror})") from error
        raise NotWritten(path, f"not written: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the path
        raise BadPath(path, f"no path: {error}") from error
