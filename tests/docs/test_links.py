"""Links between the pages in the repository, which the documentation builder does not check."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.markdown import PAGES, ROOT, anchors, links

if TYPE_CHECKING:
    from pathlib import Path


def broken(page: Path, link: str) -> bool:
    """Return whether a link is broken; external links are only required to use https."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return parts.scheme != "https"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return True
    return bool(parts.fragment) and parts.fragment not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [] == [link for link in links(page) if broken(page, link)]


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page) if "images/" in link}
    assert set((ROOT / "docs" / "images").iterdir()) == shown


def test_a_broken_link_would_be_found() -> None:
    page = ROOT / "README.md"
    there = ["README.md", "#quickstart", "docs/gating.md#several-projects", "https://airflow.apache.org"]
    gone = ["docs/gone.md", "#gone", "docs/gating.md#gone", "../elsewhere.md", "http://airflow.apache.org"]
    assert gone == [link for link in there + gone if broken(page, link)]
