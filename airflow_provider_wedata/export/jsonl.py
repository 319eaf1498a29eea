"""JSON Lines, UTF-8: each row as WeData sent it, one object per line, undocumented fields included.

Times are WeData's texts, in the zone of the request. With chosen fields a line has these, in that order; a field
that WeData omitted is null. Values that Python parses but JSON does not allow become texts: see strict_json.py.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_wedata.export.lines import LineWriter
from airflow_provider_wedata.export.strict_json import strict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.export.columns import Column

_SEPARATORS = (",", ":")
_legible = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=_SEPARATORS).encode
_escaped = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=_SEPARATORS).encode


def writer(file: BinaryIO, compression: str | None, columns: Sequence[Column] | None) -> LineWriter:
    """Return a writer of rows as JSON Lines; without columns it writes whole rows."""
    unreadable: Counter[str] = Counter()
    names = None if columns is None else [column.name for column in columns]

    def line(row: TaskInstance) -> bytes:
        values = row.raw if names is None else {name: row.raw.get(name) for name in names}
        try:
            return _line(values)
        except (ValueError, RecursionError):
            return _line(strict(values, unreadable))

    return LineWriter(file, compression, line, unreadable=unreadable)


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        return (_legible(row) + "\n").encode()
    except UnicodeEncodeError:  # a lone surrogate, valid in JSON but not in UTF-8
        return (_escaped(row) + "\n").encode()
