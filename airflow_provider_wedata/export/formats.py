"""The file formats and what each supports. Imports a format's library only when the format is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.export import csv, jsonl, lines, parquet
from airflow_provider_wedata.export.columns import choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.times import WireZone
    from airflow_provider_wedata.export.columns import Column

FORMATS = ("jsonl", "csv", "parquet")
COMPRESSIONS = ("gzip", "zstd")
_ENDINGS = {None: "", "gzip": ".gz", "zstd": ".zst"}


class Writer(Protocol):
    """Takes rows one by one; the file is complete only after `finish`.

    `unreadable` then counts, by field, the values that are null in the file but not null in WeData.
    """

    @property
    def unreadable(self) -> Mapping[str, int]:
        """The counts, by WeData's field name."""

    def write(self, row: TaskInstance) -> None:
        """Add a row."""

    def finish(self) -> None:
        """Write the remaining rows and complete the file."""


@dataclass(frozen=True, slots=True)
class Format:
    """The format of a file.

    :param compression: of the whole file; for parquet, the codec of its columns.
    :param columns: None means whole rows in jsonl, and all documented fields in the other formats.
    """

    name: str
    compression: str | None
    columns: tuple[Column, ...] | None

    @staticmethod
    def parse(file_format: object, compression: object, fields: Iterable[str] | None) -> Format:
        """Return the format for the values of a user.

        :raises InvalidRequest: naming the parameter, its value and what was expected.
        """
        _expect("file_format", file_format, FORMATS)
        if compression is not None:
            _expect("compression", compression, COMPRESSIONS)
        return Format(
            str(file_format),
            str(compression) if compression else None,
            None if fields is None else choose(fields),
        )

    def require(self) -> None:
        """Import the libraries that the format needs.

        :raises InvalidRequest: naming the extra, if it is not installed.
        """
        if self.name == "parquet":
            parquet.pyarrow()
        elif self.compression == "zstd":
            lines.zstandard()

    def misnamed(self, path: str) -> str:
        """Return what the file holds if its suffix, such as ``.csv.gz``, suggests another format, else ``''``."""
        outside = None if self.name == "parquet" else self.compression
        matching = f".{self.name}{_ENDINGS[outside]}"
        suffixes = [f".{name}{ending}" for name in FORMATS for ending in _ENDINGS.values()]
        found = [suffix for suffix in suffixes if path.endswith(suffix)]
        if not found or max(found, key=len) == matching:
            return ""
        return f"will hold {self.name}, {f'compressed as {outside}' if outside else 'not compressed'}"

    def writer(self, file: BinaryIO, zone: WireZone) -> Writer:
        """Return a writer to the file; `zone` is the time zone of the times in csv."""
        if self.name == "jsonl":
            return jsonl.writer(file, self.compression, self.columns)
        columns = self.columns or choose(None)
        if self.name == "csv":
            return csv.writer(file, self.compression, columns, zone)
        return parquet.ParquetWriter(file, self.compression, columns)


def _expect(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidRequest(field, f"{value!r} is not known; expected {' or '.join(known)}")
