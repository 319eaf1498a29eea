"""JSON Lines, UTF-8: each row as WeData gave it, one object a line, fields never heard of included.

Times are WeData's texts, in the zone that was sent. With chosen fields a line has these, in their order; one
that WeData left out is null.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_wedata.export.lines import LineWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_wedata.export.columns import Column

_SEPARATORS = (",", ":")
_legible = json.JSONEncoder(ensure_ascii=False, separators=_SEPARATORS).encode
_escaped = json.JSONEncoder(ensure_ascii=True, separators=_SEPARATORS).encode


def writer(file: BinaryIO, compression: str | None, columns: Sequence[Column] | None) -> LineWriter:
    """Return what writes rows as JSON Lines; without columns, whole rows."""
    if columns is None:
        return LineWriter(file, compression, lambda row: _line(row.raw))
    names = [column.name for column in columns]
    return LineWriter(file, compression, lambda row: _line({name: row.raw.get(name) for name in names}))


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        return (_legible(row) + "\n").encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can say and UTF-8 can't
        return (_escaped(row) + "\n").encode()
