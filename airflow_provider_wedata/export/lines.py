"""Write files of lines, compressed or not. Handles bytes and codecs, and does not interpret the lines.

Compressed output depends on the input only: the header holds neither a time nor a name.
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

#: Lines passed to the codec at once: a call per line is slow.
_TOGETHER = 500
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3


class LineWriter:
    """Writes a line for each row.

    :param file: is left open.
    :param line: returns the line for a row, with its newline.
    :param header: the first line.
    :param unreadable: the counter in which `line` counts, by field, the values that it replaces by null.
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
        """Write the remaining lines and the end of the compressed stream."""
        self._flush()
        self._close()

    def _flush(self) -> None:
        self._out.write(b"".join(self._lines))
        self._lines.clear()


def needed(module: str, extra: str, field: str, value: str) -> Any:
    """Return a module that an extra installs.

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
    """Return the zstd library."""
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
