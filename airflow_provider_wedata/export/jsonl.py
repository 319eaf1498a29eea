"""JSON Lines, UTF-8: each row as WeData gave it, one object a line, fields never heard of included.

Times are WeData's texts, in the zone that was sent. With chosen fields a line has these, in their order; one
that WeData left out is null. What is no JSON, though Python reads it as such, is spelled out: see strict_json.py.
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
    """Return what writes rows as JSON Lines; without columns, whole rows."""
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
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can say and UTF-8 can't
        return (_escaped(row) + "\n").encode()
