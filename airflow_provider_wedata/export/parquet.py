"""Parquet: the documented fields, each with its own type; times as timestamps in UTC. Needs the extra `parquet`.

A value that can't be parsed is null, and so is a number that does not fit into a 64-bit column.

Rows are written in row groups of a fixed size, so that memory grows only by the few bytes that the footer keeps
per group. pyarrow is imported when the first file is opened.
"""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_wedata.export.lines import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.export.columns import Column

#: Rows in a row group.
GROUP = 10_000
_INT64 = range(-(2**63), 2**63)


def pyarrow() -> Any:
    """Return the parquet library."""
    return needed("pyarrow", "parquet", "file_format", "parquet")


def schema(columns: Sequence[Column]) -> Any:
    """Return the Arrow schema of the columns."""
    pa = pyarrow()
    types = {
        "text": pa.string(),
        "number": pa.int64(),
        "texts": pa.list_(pa.string()),
        "time": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(column.name, types[column.kind]) for column in columns])


class ParquetWriter:
    """Writes rows in groups.

    :param file: is left open.
    :param compression: the codec of the columns; None leaves them uncompressed.
    """

    def __init__(self, file: BinaryIO, compression: str | None, columns: Sequence[Column]) -> None:
        self._pa = pyarrow()
        parquet = needed("pyarrow.parquet", "parquet", "file_format", "parquet")
        self._schema = schema(columns)
        self._writer = parquet.ParquetWriter(file, self._schema, compression=compression or "none")
        self._getters = [attrgetter(column.attribute) for column in columns]
        self._values: list[list[Any]] = [[] for _ in columns]
        self._names = frozenset(column.name for column in columns)
        self.unreadable: Counter[str] = Counter()

    def write(self, row: TaskInstance) -> None:
        """Add a row."""
        self.unreadable.update(row.unreadable & self._names)
        for values, get in zip(self._values, self._getters, strict=True):
            values.append(get(row))
        if len(self._values[0]) >= GROUP:
            self._flush()

    def finish(self) -> None:
        """Write the remaining rows and the footer."""
        if self._values[0]:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        arrays = [
            self._array(values, field) for values, field in zip(self._values, self._schema, strict=True)
        ]
        self._writer.write_batch(self._pa.record_batch(arrays, schema=self._schema), row_group_size=GROUP)
        for values in self._values:
            values.clear()

    def _array(self, values: list[Any], field: Any) -> Any:
        try:
            return self._pa.array(values, type=field.type)
        except UnicodeEncodeError:  # a lone surrogate, valid in WeData's JSON but not in UTF-8
            return self._pa.array([_escaped(value) for value in values], type=field.type)
        except OverflowError:
            fitting = [None if value is None or value not in _INT64 else value for value in values]
            self.unreadable[field.name] += fitting.count(None) - values.count(None)
            return self._pa.array(fitting, type=field.type)


def _escaped(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_escaped(item) for item in value)
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
