"""CSV as in RFC 4180, UTF-8, with a header: the documented fields.

A null is an empty cell and an empty text is a quoted one (`""`), so that nulls stay nulls. In a file with a single
column a null is `""` too, because most readers skip an empty line. A value that can't be parsed is null. Times are
texts, `yyyy-MM-dd HH:mm:ss`, in the zone that the summary of the export names; a comment line in the file would
break most readers. Lists are JSON.
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

#: Texts to quote: those with a special character, with whitespace at either end, or empty.
_QUOTED = re.compile(r'[",\r\n]|\A\s|\s\Z|\A\Z')


def writer(file: BinaryIO, compression: str | None, columns: Sequence[Column], zone: WireZone) -> LineWriter:
    """Return a writer of rows as CSV; `zone` is the time zone of the times in it."""
    formatters: dict[Kind, Callable[[Any], str]] = {
        "text": _quoted,
        "number": str,
        "texts": lambda values: _quoted(json.dumps(values, ensure_ascii=False)),
        "time": zone.write,
    }
    cells = [(attrgetter(column.attribute), formatters[column.kind]) for column in columns]
    null = '""' if len(cells) == 1 else ""
    names = frozenset(column.name for column in columns)
    unreadable: Counter[str] = Counter()

    def line(row: TaskInstance) -> bytes:
        unreadable.update(row.unreadable & names)
        values = ((get(row), text_of) for get, text_of in cells)
        return _line([null if value is None else text_of(value) for value, text_of in values])

    header = _line([column.name for column in columns])
    return LineWriter(file, compression, line, header, unreadable)


def _line(cells: Sequence[str]) -> bytes:
    # A lone surrogate, valid in WeData's JSON but not in UTF-8, is escaped: \ud83d.
    return (",".join(cells) + "\n").encode(errors="backslashreplace")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
