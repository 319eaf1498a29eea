"""All or nothing: under the final name is what was there before, or the whole new file, whenever we die.

On this machine a file is written beside its final name, brought to the disk, and renamed. For an object store it
is written here first, in the directory for temporary files, and uploaded when it is whole. A store could take the
bytes as they come, by a multipart upload. But fsspec's files complete their upload when they are closed, and a
`with` block that ends in an error, or the garbage collector, closes them: half a file would get the final name.
And a store that is lost for a minute would cost the whole reading instead of another try. So a store only ever
gets one call with a whole file, which shows it at once or, cut off, not at all. The price is room on this disk.

Stores in which a file that is being uploaded can be seen (sftp, hdfs, smb) are refused. Knows no Airflow: what an
object store is, it is handed in.
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

#: Stores that show an upload when it is complete, and not before; with how theirs is held in bounds. s3fs would
#: keep ten parts of 50 MB in memory.
_SHOW_AT_ONCE: dict[str, dict[str, Any]] = {
    **{name: {"chunksize": 8 << 20, "max_concurrency": 2} for name in ("s3", "s3a", "s3n")},
    **{name: {} for name in ("gs", "gcs", "abfs", "abfss", "az")},
}


class Place(Protocol):
    """Where a file is to be."""

    #: As the user gave it.
    told: str
    #: As lineage names it.
    uri: str

    def begin(self) -> tuple[Path, int | None]:
        """Return the path from which a temporary one is made, and the file's mode, if it is special.

        :raises BadPath: if no file can be there.
        """

    def exists(self) -> bool:
        """Return whether there is a file."""

    def take(self, path: Path, *, replace: bool) -> None:
        """Put the whole file there, at once."""


class Publication:
    """A file under way to its final name.

    :param file: to write to.
    :param size: in bytes, once it is published.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = 0


@contextmanager
def published(place: Place, *, replace: bool = True) -> Iterator[Publication]:
    """Give a file to write, which is at its place after the block; if the block fails, nothing has changed.

    :raises AlreadyThere: if there is a file and it is not to be replaced: before the block or, if it came
        meanwhile, after it.
    :raises ExportError: naming the path and the reason.
    """
    final, mode = place.begin()
    if not replace and place.exists():
        raise already_there(place)
    with staged(final, mode=mode, told=place.told) as part:
        publication = Publication(part.file)
        yield publication
        publication.size = part.settle()
        place.take(part.path, replace=replace)


def already_there(place: Place) -> AlreadyThere:
    """Return the error that says so."""
    return AlreadyThere(place.told, "there is a file already, and only if_exists='replace' would replace it")


class LocalFile:
    """A path on this machine; its directory must exist. A symbolic link is followed."""

    def __init__(self, told: str) -> None:
        self.told = told
        with named(told):
            self._path = Path(os.path.realpath(_without_scheme(told)))
        self.uri = self._path.as_uri()

    def begin(self) -> tuple[Path, int | None]:
        """Return where the new file is written, with the mode of the one that it replaces."""
        with named(self.told):
            before = self._stat()
        if self.told.endswith("/") or (before and stat.S_ISDIR(before.st_mode)):
            raise BadPath(self.told, "it is a directory; name a file in it")
        if before and not stat.S_ISREG(before.st_mode):
            raise BadPath(self.told, "it is no regular file, and a file would take its place")
        return self._path, stat.S_IMODE(before.st_mode) if before else None

    def exists(self) -> bool:
        """Return whether there is a file."""
        with named(self.told):
            return self._stat() is not None

    def take(self, path: Path, *, replace: bool) -> None:
        """Rename the file to its final name."""
        with named(self.told):
            if replace:
                path.replace(self._path)
            else:
                self._link(path)
        self._remember()

    def _stat(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def _link(self, path: Path) -> None:
        """Give the file its final name only if nobody has it: of two who try at once, one is refused."""
        try:
            self._path.hardlink_to(path)
        except FileExistsError:
            raise already_there(self) from None
        except OSError:  # no hard links here
            if self.exists():
                raise already_there(self) from None
            path.replace(self._path)

    def _remember(self) -> None:
        """Bring the new name to the disk; it is there for everybody in any case, unless the machine fails."""
        with suppress(OSError):
            descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class StoredFile:
    """An object in a store.

    What a killed upload left in the store has no name and is not listed, but takes room; a lifecycle rule of the
    bucket (AbortIncompleteMultipartUpload) clears it. If a file is not to be replaced, that is checked before
    and after reading: of two writers in the same second the later one wins. A stop ends an upload between two of
    its parts of 8 MB; what fits in one call is stored, whole, or not.

    :param told: its URL, as the user gave it.
    :param scheme: of the URL.
    :param files: the store, an fsspec file system.
    :param path: of the object in it.
    :param check: called between the parts of an upload; what it raises ends it.
    """

    def __init__(
        self, told: str, scheme: str, files: Any, path: str, check: Callable[[], None] = lambda: None
    ) -> None:
        check_scheme(told, scheme)
        self.told = told
        self.uri = f"{scheme}://{quote(path)}"
        self._options = _SHOW_AT_ONCE[scheme]
        self._files = files
        self._path = path
        self._check = check

    def begin(self) -> tuple[Path, int | None]:
        """Return where the file is written before it is uploaded, for nobody else to read."""
        if self.told.endswith("/") or "/" not in self._path.strip("/"):
            raise BadPath(self.told, "it names no object; expected a bucket and a key")
        name = f"wedata-{hashlib.sha256(self.told.encode()).hexdigest()}"
        return Path(tempfile.gettempdir(), name), 0o600

    def exists(self) -> bool:
        """Return whether there is an object."""
        with self._lost("look there"):
            return bool(self._files.exists(self._path))

    def take(self, path: Path, *, replace: bool) -> None:
        """Upload the file."""
        if not replace and self.exists():
            raise already_there(self)
        callback, ended = _callback(self._check)
        try:
            with self._lost("upload"):
                self._files.put_file(str(path), self._path, callback=callback, **self._options)
        finally:
            ended.set()

    @contextmanager
    def _lost(self, doing: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._check()  # the error may only say that we were stopped
            reason = f"the store did not {doing}: {type(error).__name__}: {error}"
            raise NotWritten(self.told, reason) from error


def check_scheme(told: str, scheme: str) -> None:
    """Refuse a store in which a part of a file could be seen.

    :raises BadPath: naming those that can be used.
    """
    if scheme not in _SHOW_AT_ONCE:
        raise BadPath(
            without_secrets(told),
            f"in {scheme}:// a file can be seen before it is whole; expected a local path, file:// or one of "
            f"{', '.join(f'{name}://' for name in _SHOW_AT_ONCE)}",
        )


def _callback(check: Callable[[], None]) -> tuple[Any, threading.Event]:
    """Return what an upload calls after each part, so that it ends when its caller does.

    fsspec uploads in a thread of its own, which would go on, and might finish, after an error (a time-out, a
    signal) has ended the waiting for it.
    """
    from fsspec.callbacks import Callback  # noqa: PLC0415 - only with a store

    ended = threading.Event()

    class Leash(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if ended.is_set():
                raise InterruptedError
            try:
                check()
            except BaseException as stop:  # which no Exception is, fsspec loses, and s3fs does not abort for
                raise InterruptedError from stop

    return Leash(), ended


def _without_scheme(path: str) -> str:
    if not path.startswith("file:"):
        return path
    local = path.removeprefix("file://")
    if not local.startswith("/"):
        raise ValueError("after file:// comes the whole path, such as file:///data/instances.jsonl")
    return local
