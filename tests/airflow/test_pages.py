"""What the pages show as Python is accepted as it stands, by every Airflow; `make pages` runs the quickstart's.

A block may use the names of the blocks before it on its page, as a reader does who keeps them in one file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.markdown import PAGES, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.markdown import Block

#: All but what asks the emulator that the page has started.
SHOWN = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "python" and "/emulator/" not in block.text
]


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_a_block_can_be_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    names = {"__name__": "shown", "__file__": str(tmp_path / "dags" / "shown.py")}
    for shown in SHOWN:
        if shown.page == block.page and shown.line <= block.line:
            exec(compile(shown.text, str(shown), "exec"), names)  # noqa: S102 - our own pages
