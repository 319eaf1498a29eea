"""Rows as aligned text. Knows how wide a character is on a terminal; nothing of what the rows say.

Not Airflow's console: that reads square brackets in a name as markup and swallows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "  "


def aligned(rows: Iterable[Sequence[object]]) -> str:
    """Return one line for each row, its cells below each other; None is empty."""
    cells = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    lines = (
        _GAP.join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _shown(cell: object) -> str:
    text = "" if cell is None else ",".join(map(str, cell)) if isinstance(cell, list) else str(cell)
    # What moves the cursor or colours the terminal has no business in a name.
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _width(text: str) -> int:
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
