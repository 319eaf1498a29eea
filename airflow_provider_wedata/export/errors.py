"""Errors of writing an export to its file. Each names the path and the reason.

The classes separate what a retry may fix from what it can't.

    ExportError
    ├── BadPath         no file can be written there, and a retry does not help
    ├── AlreadyThere    the file exists and must not be replaced
    └── NotWritten      the disk is full or the store is unavailable: a retry may succeed
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: System errors, by errno, that are caused by the path, its directories or their permissions.
_BAD_PATH = {
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there",
    errno.EROFS: "it is on a read-only file system",
    errno.ENOENT: "its directory does not exist, and exports create none; check the path for a typo",
    errno.ENOTDIR: "a part of it is a file, not a directory",
    errno.EISDIR: "it is a directory; name a file in it",
    errno.ENAMETOOLONG: "it is too long",
    errno.ELOOP: "its symbolic links form a loop",
}


class ExportError(Exception):
    """A file could not be written.

    :param path: the path as the user gave it.
    :param reason: why it failed, and what to do.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)  # these args make the error picklable
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class BadPath(ExportError):
    """No file can be written there."""


class AlreadyThere(ExportError):
    """The file already exists and must not be replaced."""


class NotWritten(ExportError):
    """The file was not written; a previous file at the path is unchanged."""


@contextmanager
def named(path: str) -> Iterator[None]:
    """Translate system errors in the block into export errors that name the user's path."""
    try:
        yield
    except OSError as error:
        reason = _BAD_PATH.get(error.errno or 0)
        if reason:
            raise BadPath(path, f"{reason} ({error.strerror})") from error
        raise NotWritten(path, f"not written: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the path
        raise BadPath(path, f"not a valid path: {error}") from error
