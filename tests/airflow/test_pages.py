"""The pages' Python blocks run unchanged on every Airflow; `make pages` runs those of the quickstart.

A block may use names from the blocks before it on its page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.markdown import PAGES, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.markdown import Block

#: All blocks except those that need the emulator that the page starts.
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
