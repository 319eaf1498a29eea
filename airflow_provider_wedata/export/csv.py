"""CSV as in RFC 4180, UTF-8, with a header: the documented fields.

A null is an empty cell, an empty text is a quoted one (`""`), so that nulls stay nulls. Of a single column, a
null is `""` too: most readers take an empty line for none. A value that can't be read is null. Times are texts,
`yyyy-MM-dd HH:mm:ss`, in the zone that the summary of the export names; a line about it in the file would break
most readers. Lists are JSON.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_wedata.export.lines import LineWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.times import WireZone
    from airflow_provider_wedata.export.columns import Column, Kind

#: Texts that must be quoted: with a mark of the format, a blank at an edge, or nothing in them.
_QUOTED = re.compile(r'[",\r\n]|\A\s|\s\Z|\A\Z')


def writer(file: BinaryIO, compression: str | None, columns: Sequence[Column], zone: WireZone) -> LineWriter:
    """Return what writes rows as CSV; `zone` is the zone of its times."""
    tell: dict[Kind, Callable[[Any], str]] = {
        "text": _quoted,
        "number": str,
        "texts": lambda values: _quoted(json.dumps(values, ensure_ascii=False)),
        "time": zone.write,
    }
    cells = [(attrgetter(column.attribute), tell[column.kind]) for column in columns]
    null = '""' if len(cells) == 1 else ""
    names = frozenset(column.name for column in columns)
    unreadable: Counter[str] = Counter()

    def line(row: TaskInstance) -> bytes:
        unreadable.update(row.unreadable & names)
        values = ((read(row), told) for read, told in cells)
        return _line([null if value is None else told(value) for value, told in values])

    header = _line([column.name for column in columns])
    return LineWriter(file, compression, line, header, unreadable)


def _line(cells: Sequence[str]) -> bytes:
    # Half a surrogate pair, which WeData's JSON can say and UTF-8 can't, is spelled out: \ud83d.
    return (",".join(cells) + "\n").encode(errors="backslashreplace")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
