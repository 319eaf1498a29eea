"""The stand-in as its own process: it says where it is, serves, and stops when told."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from airflow_provider_wedata.standin.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_wedata.standin"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([*COMMAND, "--seconds", "60"], stdout=-1, stderr=-1, text=True) as running:  # noqa: S603
        yield running
        running.kill()


def test_it_says_where_it_is_and_stops_when_told(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    where, export = process.stdout.readline(), process.stdout.readline()
    url = where.split()[-1]
    assert where == f"WeData stand-in, scenario daily, at {url}\n"
    word, assignment = shlex.split(export)
    name, _, connection = assignment.partition("=")
    assert (word, name, json.loads(connection)["host"]) == ("export", "AIRFLOW_CONN_WEDATA_DEFAULT", url)
    with urlopen(url) as response:  # noqa: S310  # always http
        assert response.status == 200
    os.kill(process.pid, signal.SIGTERM)
    assert (process.wait(10), process.stderr.read()) == (0, "")


def test_it_ends_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        assert main(["--seconds", "0", "--scenario", "empty", "--quiet"]) == 0
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
            signal.signal(number, handler)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_help_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(
        name in text for name in ("daily", "hourly", "failing", "large", "empty", "--speed", "--limit")
    )
