"""The project's pages as a reader takes them: their code blocks, their links and the places that these lead to."""

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
#: Every page that a user or a contributor reads.
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FILE = re.compile(r"# (?P<path>[\w./-]+\.\w+)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    :param line: on which it begins, from 1.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block is to be saved as, if its first line is a comment that names one."""
        found = _FILE.match(self.text.partition("\n")[0])
        return found["path"] if found else None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the page's blocks of code, in order."""
    return [
        Block(page, token.map[0] + 1 if token.map else 0, token.info.strip(), token.content)
        for token in _read(page)
        if token.type == "fence"
    ]


def links(page: Path) -> Iterator[str]:
    """Give what the page's links and pictures lead to."""
    for token in _read(page):
        for child in token.children or ():
            for name in ("href", "src"):
                if isinstance(target := child.attrs.get(name), str):
                    yield target
            if child.type == "html_inline":
                yield from re.findall(r'(?:href|src)="([^"]+)"', child.content)
        if token.type == "html_block":
            yield from re.findall(r'(?:href|src)="([^"]+)"', token.content)


def anchors(page: Path) -> set[str]:
    """Return the names by which links reach the page's headings, as GitHub and the site make them."""
    headings = [after.content for token, after in pairwise(_read(page)) if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _read(page: Path) -> list[Token]:
    return MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text())
