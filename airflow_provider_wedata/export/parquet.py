"""Parquet: the documented fields, each in its own type; times as timestamps in UTC. Needs the extra `parquet`.

A value that can't be read is null, and so is a number that a column of 64 bits can't hold.

Rows are turned into row groups of a fixed size as they come, so that memory does not grow with the file but by
the few bytes that its footer keeps of each group. pyarrow is imported when a file is begun.
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
    """Return the library of parquet."""
    return needed("pyarrow", "parquet", "file_format", "parquet")


def schema(columns: Sequence[Column]) -> Any:
    """Return the columns as Arrow's schema."""
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

    :param file: stays open at the end.
    :param compression: the codec of the columns; None leaves them as they are.
    """

    def __init__(self, file: BinaryIO, compression: str | None, columns: Sequence[Column]) -> None:
        self._pa = pyarrow()
        parquet = needed("pyarrow.parquet", "parquet", "file_format", "parquet")
        self._schema = schema(columns)
        self._writer = parquet.ParquetWriter(file, self._schema, compression=compression or "none")
        self._reads = [attrgetter(column.attribute) for column in columns]
        self._values: list[list[Any]] = [[] for _ in columns]
        self._names = frozenset(column.name for column in columns)
        self.unreadable: Counter[str] = Counter()

    def write(self, row: TaskInstance) -> None:
        """Add a row."""
        self.unreadable.update(row.unreadable & self._names)
        for values, read in zip(self._values, self._reads, strict=True):
            values.append(read(row))
        if len(self._values[0]) >= GROUP:
            self._flush()

    def finish(self) -> None:
        """Write what is left, and the footer."""
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
        except UnicodeEncodeError:  # half a surrogate pair, which WeData's JSON can say and UTF-8 can't
            return self._pa.array([_spelled_out(value) for value in values], type=field.type)
        except OverflowError:
            held = [None if value is None or value not in _INT64 else value for value in values]
            self.unreadable[field.name] += held.count(None) - values.count(None)
            return self._pa.array(held, type=field.type)


def _spelled_out(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_spelled_out(item) for item in value)
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
