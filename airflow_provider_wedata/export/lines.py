"""A file of lines, compressed or not. Knows bytes and codecs, and not what a line says.

Compressed output depends on what went in and on nothing else: no time, no name in the header.
"""

from __future__ import annotations

import gzip
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_wedata.api.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.api.models import TaskInstance

#: Lines that go to the codec together: one call for each is slow.
_TOGETHER = 500
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3


class LineWriter:
    """Writes a line for each row.

    :param file: stays open at the end.
    :param line: makes the line, with its end.
    :param header: the first line.
    :param unreadable: where `line` counts the values of each field that it left out.
    """

    def __init__(
        self,
        file: BinaryIO,
        compression: str | None,
        line: Callable[[TaskInstance], bytes],
        header: bytes = b"",
        unreadable: Counter[str] | None = None,
    ) -> None:
        self.unreadable = Counter() if unreadable is None else unreadable
        self._out = _COMPRESSIONS[compression](file)
        self._close = self._out.close if compression else file.flush
        self._line = line
        self._lines = [header]

    def write(self, row: TaskInstance) -> None:
        """Add a row."""
        self._lines.append(self._line(row))
        if len(self._lines) >= _TOGETHER:
            self._flush()

    def finish(self) -> None:
        """Write what is left, and the codec's end mark."""
        self._flush()
        self._close()

    def _flush(self) -> None:
        self._out.write(b"".join(self._lines))
        self._lines.clear()


def needed(module: str, extra: str, field: str, value: str) -> Any:
    """Return a module that an extra brings.

    :raises InvalidRequest: naming the extra, if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InvalidRequest(
            field,
            f"{value!r} needs {module.partition('.')[0]}, which is not installed here; install "
            f"airflow-provider-wedata[{extra}]",
        ) from error


def zstandard() -> Any:
    """Return the library of zstd."""
    return needed("zstandard", "zstd", "compression", "zstd")


def _gzip(file: BinaryIO) -> Any:
    return gzip.GzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0)


def _zstd(file: BinaryIO) -> Any:
    codec = zstandard().ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
    return codec.stream_writer(file, closefd=False)


_COMPRESSIONS: dict[str | None, Callable[[BinaryIO], Any]] = {
    None: lambda file: file,
    "gzip": _gzip,
    "zstd": _zstd,
}
