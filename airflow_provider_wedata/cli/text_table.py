"""Rows as aligned text, by rich, which every Airflow has; knows nothing of what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Nothing is cut or wrapped, however narrow the terminal is: lines are for `grep` too.
_WIDTH = 1_000_000


def aligned(rows: Iterable[Sequence[object]]) -> str:
    """Return one line for each row, its cells below each other; None is empty."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(_cell, row))
    console = Console(width=_WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _cell(value: object) -> Text:
    """Return a cell whose brackets are no markup, and whose control characters are spelled out."""
    text = "" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
    # What moves the cursor or colors the terminal has no business in a name.
    plain = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return Text(plain, no_wrap=True)
