"""The emulator as a process: it prints its address, serves, and stops on a signal."""

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

from airflow_provider_wedata.emulator import Emulator
from airflow_provider_wedata.emulator.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-W", "error", "-m", "airflow_provider_wedata.emulator"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "--seconds", "60", "--stepped"]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as running:  # noqa: S603  # our own
        yield running
        running.kill()


def test_it_prints_its_address_and_stops_on_a_signal(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    where, export = process.stdout.readline(), process.stdout.readline()
    url = where.split()[-1]
    assert where == f"WeData emulator, scenario daily, at {url}\n"
    word, assignment = shlex.split(export)
    name, _, connection = assignment.partition("=")
    assert (word, name, json.loads(connection)["host"]) == ("export", "AIRFLOW_CONN_WEDATA_DEFAULT", url)
    with urlopen(url) as response:  # noqa: S310  # always http
        assert response.status == 200
    with urlopen(f"{url}/emulator/advance", b'{"seconds": 25}') as response:  # noqa: S310  # likewise
        assert response.status == 200
    with urlopen(url) as response:  # noqa: S310  # likewise
        assert b"16 COMPLETED" in response.read()
    os.kill(process.pid, signal.SIGTERM)
    assert (process.wait(10), process.stderr.read()) == (0, "")


def test_it_runs_in_the_background(tmp_path: Path) -> None:
    started = f'eval "$({sys.executable} -m airflow_provider_wedata.emulator --detach --seconds 60)"; env'
    ran = subprocess.run(  # noqa: S603  # our own
        ["/bin/sh", "-c", started], capture_output=True, text=True, check=True, timeout=30, cwd=tmp_path
    )
    known = dict(line.split("=", 1) for line in ran.stdout.splitlines() if "WEDATA" in line)
    pid = int(known["WEDATA_EMULATOR_PID"])
    url = json.loads(known["AIRFLOW_CONN_WEDATA_DEFAULT"])["host"]
    with urlopen(url) as response:  # noqa: S310  # always http
        assert response.status == 200
    assert f"WeData emulator, scenario daily, at {url}, for 60 s or until: kill {pid}\n" == ran.stderr
    os.kill(pid, signal.SIGTERM)


def test_a_failed_start_in_the_background_is_reported() -> None:
    with Emulator() as wedata:
        port = wedata.host.partition(":")[2]
        ran = subprocess.run(  # noqa: S603  # our own
            [*COMMAND, "--port", port, "--detach"], capture_output=True, text=True, check=False, timeout=30
        )
    assert (2, "") == (ran.returncode, ran.stdout)
    assert "Address already in use" in ran.stderr.splitlines()[-1]


@pytest.fixture(autouse=True)
def _same_signal_handlers() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_it_stops_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "0", "--scenario", "empty", "--quiet"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_port_in_use_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Emulator() as wedata, pytest.raises(SystemExit):
        main(["--port", wedata.host.partition(":")[2], "--scenario", "empty"])
    assert "Address already in use" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--speed", "0", "'0' is not valid; expected a number above 0"),
        ("--speed", "fast", "'fast' is not valid; expected a number above 0"),
        ("--port", "80000", "'80000' is not a port; expected 0 to 65535"),
        ("--port", "http", "'http' is not a port; expected 0 to 65535"),
    ],
)
def test_an_invalid_number_is_reported_in_one_line(
    option: str, value: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([option, value])
    assert capsys.readouterr().err.endswith(f"argument {option}: {expected}\n")


def test_help_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("daily", "hourly", "failing", "large", "empty", "--stepped"))
