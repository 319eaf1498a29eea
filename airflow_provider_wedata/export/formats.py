"""Which kinds of file there are, and what each can do. Loads a format's library only when it is asked for."""

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
    """Takes rows one by one; what was written is a whole file only after `finish`.

    `unreadable` then tells how many values of each field are null in the file, and are not null at WeData.
    """

    @property
    def unreadable(self) -> Mapping[str, int]:
        """By WeData's name of the field."""

    def write(self, row: TaskInstance) -> None:
        """Add a row."""

    def finish(self) -> None:
        """Write what is left."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a file is to be.

    :param compression: of the whole file; of parquet, the codec of its columns.
    :param columns: None for whole rows in jsonl, for all documented fields elsewhere.
    """

    name: str
    compression: str | None
    columns: tuple[Column, ...] | None

    @staticmethod
    def parse(file_format: object, compression: object, fields: Iterable[str] | None) -> Format:
        """Return the format that a user asks for.

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
        """Load what the format needs.

        :raises InvalidRequest: naming the extra that is not installed.
        """
        if self.name == "parquet":
            parquet.pyarrow()
        elif self.compression == "zstd":
            lines.zstandard()

    def misnamed(self, path: str) -> str:
        """Return what a file will hold, if the end of its name, such as ``.csv.gz``, says something else."""
        outside = None if self.name == "parquet" else self.compression
        usual = f".{self.name}{_ENDINGS[outside]}"
        named = [f".{name}{ending}" for name in FORMATS for ending in _ENDINGS.values()]
        ends = [ending for ending in named if path.endswith(ending)]
        if not ends or max(ends, key=len) == usual:
            return ""
        return f"will hold {self.name}, {f'compressed as {outside}' if outside else 'not compressed'}"

    def writer(self, file: BinaryIO, zone: WireZone) -> Writer:
        """Begin a file of this format; `zone` is that of the texts in csv."""
        if self.name == "jsonl":
            return jsonl.writer(file, self.compression, self.columns)
        columns = self.columns or choose(None)
        if self.name == "csv":
            return csv.writer(file, self.compression, columns, zone)
        return parquet.ParquetWriter(file, self.compression, columns)


def _expect(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidRequest(field, f"{value!r} is not known; expected {' or '.join(known)}")
