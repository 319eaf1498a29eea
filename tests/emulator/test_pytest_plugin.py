"""The fixtures, as in a project that opts in."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = 'pytest_plugins = ["airflow_provider_wedata.emulator.pytest_plugin"]\n'
TESTS = """
import json, os

def test_each_test_has_its_own(wedata_emulator):
    assert len(wedata_emulator.world) == 0
    wedata_emulator.world.add()

def test_indeed(wedata_emulator):
    assert len(wedata_emulator.world) == 0

def test_the_connection_is_set(wedata_connection, wedata_emulator):
    assert wedata_connection is wedata_emulator
    assert json.loads(os.environ["AIRFLOW_CONN_WEDATA_DEFAULT"])["host"] == wedata_emulator.url

def test_and_gone_again():
    assert "AIRFLOW_CONN_WEDATA_DEFAULT" not in os.environ
"""


def test_a_project_opts_in_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
    assert "4 passed" in result.stdout, result.stdout + result.stderr
