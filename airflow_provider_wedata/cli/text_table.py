"""Format rows as aligned text with rich, which every Airflow installs. Does not interpret the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Wide enough that nothing is truncated or wrapped in a narrow terminal: the output is also read by `grep`.
_WIDTH = 1_000_000


def aligned(rows: Iterable[Sequence[object]]) -> str:
    """Return one line per row with aligned columns; None becomes an empty cell."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(_cell, row))
    console = Console(width=_WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _cell(value: object) -> Text:
    """Return a cell without rich markup and with control characters escaped."""
    text = "" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
    # A name must not move the cursor or color the terminal.
    plain = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return Text(plain, no_wrap=True)
