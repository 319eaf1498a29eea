"""What the pages show as Python is accepted as it stands, by every Airflow; `make pages` runs the quickstart's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow.versions import AIRFLOW_3
from tests.markdown import PAGES, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.markdown import Block

#: All but what asks the stand-in that the page has started.
SHOWN = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "python" and "/standin/" not in block.text
]


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_a_block_can_be_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "airflow.sdk" in block.text and not AIRFLOW_3:
        pytest.skip("it is written for Airflow 3 and says what it would be in Airflow 2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    names = {"__name__": "shown", "__file__": str(tmp_path / "dags" / "shown.py")}
    exec(compile(block.text, str(block), "exec"), names)  # noqa: S102 - our own pages
