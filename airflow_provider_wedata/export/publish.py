"""Publish files all-or-nothing: the final name holds the previous file or the complete new one, even after a kill.

A local file is written beside its final name, synced to disk, and renamed. For an object store the file is
written to the local directory for temporary files first, and uploaded when it is complete. Streaming it with a
multipart upload would not be safe: fsspec's files complete their upload when they are closed, and a `with` block
that ends in an error, or the garbage collector, closes them, so that half a file would get the final name. And a
store that is unavailable for a minute would cost the whole read instead of another attempt. So a store only gets
one call with a complete file, which becomes visible at once or, if cut off, not at all. The cost is local disk
space.

Stores that show a file during its upload (sftp, hdfs, smb) are refused. No Airflow: the caller passes the object
store's file system.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import quote

from airflow_provider_wedata.api.errors import without_secrets
from airflow_provider_wedata.export.errors import AlreadyThere, BadPath, NotWritten, named
from airflow_provider_wedata.export.staging import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Stores that show an upload only when it is complete, with the options that bound an upload's memory: by default
#: s3fs keeps ten parts of 50 MB.
_SHOW_AT_ONCE: dict[str, dict[str, Any]] = {
    **{name: {"chunksize": 8 << 20, "max_concurrency": 2} for name in ("s3", "s3a", "s3n")},
    **{name: {} for name in ("gs", "gcs", "abfs", "abfss", "az")},
}


class Place(Protocol):
    """The destination of a file."""

    #: The path or URL as the user gave it.
    given_path: str
    #: The URI for lineage.
    uri: str

    def begin(self) -> tuple[Path, int | None]:
        """Return the path from which the temporary one is derived, and the file's mode; None is the default mode.

        :raises BadPath: if no file can be written there.
        """

    def exists(self) -> bool:
        """Return whether the file exists."""

    def take(self, path: Path, *, replace: bool) -> None:
        """Move or upload the complete file to its destination, atomically."""


class Publication:
    """A file that is being written and not yet published.

    :param file: the file object to write to.

    Its `size` is the number of bytes once it is published.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = 0


@contextmanager
def published(place: Place, *, replace: bool = True) -> Iterator[Publication]:
    """Yield a file to write, and publish it after the block; if the block fails, nothing has changed.

    :param replace: whether an existing file is replaced.
    :raises AlreadyThere: if a file exists that must not be replaced; before the block or, if the file appeared
        during the block, after it.
    :raises ExportError: if the file can't be written; names the path and the reason.
    """
    final, mode = place.begin()
    if not replace and place.exists():
        raise already_there(place)
    with staged(final, mode=mode, given_path=place.given_path) as part:
        publication = Publication(part.file)
        yield publication
        publication.size = part.settle()
        place.take(part.path, replace=replace)


def already_there(place: Place) -> AlreadyThere:
    """Return the error for a file that exists and must not be replaced."""
    return AlreadyThere(place.given_path, "the file exists; set if_exists='replace' to replace it")


class LocalFile:
    """A local path; its directory must exist. Symbolic links are followed."""

    def __init__(self, given_path: str) -> None:
        self.given_path = given_path
        with named(given_path):
            self._path = Path(os.path.realpath(_without_scheme(given_path)))
        self.uri = self._path.as_uri()

    def begin(self) -> tuple[Path, int | None]:
        """Return the resolved path, and the mode of the file that will be replaced."""
        with named(self.given_path):
            before = self._stat()
        if self.given_path.endswith("/") or (before and stat.S_ISDIR(before.st_mode)):
            raise BadPath(self.given_path, "it is a directory; name a file in it")
        if before and not stat.S_ISREG(before.st_mode):
            raise BadPath(self.given_path, "it is not a regular file, and the export would replace it")
        return self._path, stat.S_IMODE(before.st_mode) if before else None

    def exists(self) -> bool:
        """Return whether the file exists."""
        with named(self.given_path):
            return self._stat() is not None

    def take(self, path: Path, *, replace: bool) -> None:
        """Rename the file to its final name."""
        with named(self.given_path):
            if replace:
                path.replace(self._path)
            else:
                self._link(path)
        self._sync_directory()

    def _stat(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def _link(self, path: Path) -> None:
        """Give the file its final name only if the name is free: of two concurrent writers, one fails."""
        try:
            self._path.hardlink_to(path)
        except FileExistsError:
            raise already_there(self) from None
        except OSError:  # this file system has no hard links
            if self.exists():
                raise already_there(self) from None
            path.replace(self._path)

    def _sync_directory(self) -> None:
        """Sync the directory entry to disk; without it the new name is lost only if the machine crashes."""
        with suppress(OSError):
            descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class StoredFile:
    """An object in a store.

    The parts of a killed upload have no name and are not listed, but use storage; a lifecycle rule of the bucket
    (AbortIncompleteMultipartUpload) removes them. With `replace=False` the existence of the object is checked
    before and after the read: of two writers in the same second the later one wins. A stop ends an upload between
    two of its 8 MB parts; a file that fits into one call is stored completely or not at all.

    :param given_path: the URL as the user gave it.
    :param scheme: the scheme of the URL.
    :param files: the store, an fsspec file system.
    :param path: the path of the object in the store.
    :param check: called between the parts of an upload; an exception that it raises ends the upload.
    """

    def __init__(
        self, given_path: str, scheme: str, files: Any, path: str, check: Callable[[], None] = lambda: None
    ) -> None:
        check_scheme(given_path, scheme)
        self.given_path = given_path
        self.uri = f"{scheme}://{quote(path)}"
        self._options = _SHOW_AT_ONCE[scheme]
        self._files = files
        self._path = path
        self._check = check

    def begin(self) -> tuple[Path, int | None]:
        """Return the path of the temporary file, and a mode that lets only its owner read it."""
        if self.given_path.endswith("/") or "/" not in self._path.strip("/"):
            raise BadPath(self.given_path, "it names no object; expected a bucket and a key")
        name = f"wedata-{hashlib.sha256(self.given_path.encode()).hexdigest()}"
        return Path(tempfile.gettempdir(), name), 0o600

    def exists(self) -> bool:
        """Return whether the object exists."""
        with self._lost("check for the file"):
            return bool(self._files.exists(self._path))

    def take(self, path: Path, *, replace: bool) -> None:
        """Upload the file."""
        if not replace and self.exists():
            raise already_there(self)
        callback, ended = _callback(self._check)
        try:
            with self._lost("take the upload"):
                self._files.put_file(str(path), self._path, callback=callback, **self._options)
        finally:
            ended.set()

    @contextmanager
    def _lost(self, action: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._check()  # the error may be the result of a stop
            reason = f"the store did not {action}: {type(error).__name__}: {error}"
            raise NotWritten(self.given_path, reason) from error


def check_scheme(given_path: str, scheme: str) -> None:
    """Refuse a store that shows a file before it is complete.

    :raises BadPath: listing the supported schemes.
    """
    if scheme not in _SHOW_AT_ONCE:
        raise BadPath(
            without_secrets(given_path),
            f"{scheme}:// shows a file before it is complete; expected a local path, file:// or one of "
            f"{', '.join(f'{name}://' for name in _SHOW_AT_ONCE)}",
        )


def _callback(check: Callable[[], None]) -> tuple[Any, threading.Event]:
    """Return a callback that an upload calls after each part, and an event that ends the upload.

    fsspec uploads in its own thread, which would continue, and might finish, after an error in the caller (a
    timeout, a signal).
    """
    from fsspec.callbacks import Callback  # noqa: PLC0415 - only with a store

    ended = threading.Event()

    class StopUpload(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if ended.is_set():
                raise InterruptedError
            try:
                check()
            except (
                BaseException
            ) as stop:  # fsspec loses one that is no Exception, and s3fs does not abort for it
                raise InterruptedError from stop

    return StopUpload(), ended


def _without_scheme(path: str) -> str:
    if not path.startswith("file:"):
        return path
    local = path.removeprefix("file://")
    if not local.startswith("/"):
        raise ValueError("expected an absolute path after file://, such as file:///data/instances.jsonl")
    return local
