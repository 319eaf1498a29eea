"""Parse the project's pages: their code blocks, their links, and the anchors that links point to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
#: Every page for users and contributors.
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FILE = re.compile(r"# (?P<path>[\w./-]+\.\w+)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    :param line: its first line, from 1.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name under which the block is to be saved, if its first line is a comment that names a file."""
        found = _FILE.match(self.text.partition("\n")[0])
        return found["path"] if found else None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the page's code blocks, in order."""
    return [
        Block(page, token.map[0] + 1 if token.map else 0, token.info.strip(), token.content)
        for token in _parse(page)
        if token.type == "fence"
    ]


def links(page: Path) -> Iterator[str]:
    """Yield the targets of the page's links and images."""
    for token in _parse(page):
        for child in token.children or ():
            for name in ("href", "src"):
                if isinstance(target := child.attrs.get(name), str):
                    yield target
            if child.type == "html_inline":
                yield from re.findall(r'(?:href|src)="([^"]+)"', child.content)
        if token.type == "html_block":
            yield from re.findall(r'(?:href|src)="([^"]+)"', token.content)


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings, as GitHub and the site generate them."""
    headings = [after.content for token, after in pairwise(_parse(page)) if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _parse(page: Path) -> list[Token]:
    return MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text())
