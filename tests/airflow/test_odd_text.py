"""Text with characters that break encoders or databases (half surrogates, U+0000) arrives escaped everywhere."""

from __future__ import annotations

import csv
import io
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_wedata.cli import definition as cli
from airflow_provider_wedata.emulator.messages import error_reply
from airflow_provider_wedata.operators.wedata import (
    WeDataExportTaskInstancesOperator,
    WeDataListTaskInstancesOperator,
)
from tests.airflow.conftest import TASK_ID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_wedata.emulator import Instance, faults

MODES = ("poke", "reschedule", "deferrable")
DAY = "2026-03-01"
ODD = pytest.mark.parametrize(
    ("odd", "spelled"), [("\ud83d", r"\ud83d"), ("\0", r"\u0000"), ("\ud83d\ude00\udfff", "😀\\udfff")]
)


def is_carried(text: str) -> bool:
    text.encode()  # or it raises
    return "\0" not in text


def refused(text: str) -> faults.Fault:
    return lambda regular: error_reply(f"AuthFailure.{text}", text, text).with_headers(
        date=regular.headers["Date"]
    )


@ODD
@pytest.mark.parametrize("mode", MODES)
def test_a_failed_instance_is_reported(
    *, wait: Any, instance: Instance, log_text: Callable[[], str], mode: str, odd: str, spelled: str
) -> None:
    wait.wedata.world.update(instance.key, state="EXPIRED", extra={"TaskName": f"a {odd} z", odd: odd})
    outcome = wait.run(mode)
    assert "WeDataInstanceFailed" == outcome.ended
    assert f"a {spelled} z" in str(outcome.error)
    assert all(
        map(is_carried, [str(outcome.error), *map(str, wait.events), log_text(), *map(str, outcome.ti.xcoms)])
    )


@ODD
@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_reported(
    *, wait: Any, instance: Instance, log_text: Callable[[], str], mode: str, odd: str, spelled: str
) -> None:
    wait.wedata.faults.when(lambda _: True, refused(odd))
    outcome = wait.run(mode)
    assert "WeDataAuthError" == outcome.ended
    assert f"AuthFailure.{spelled}: {spelled} (RequestId {spelled})" in str(outcome.error)
    assert is_carried(str(outcome.error) + log_text())
    assert str(outcome.error) == str(pickle.loads(pickle.dumps(outcome.error)))  # noqa: S301 - ours


@ODD
@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_state_is_waited_for_and_counted(
    *, wait: Any, instance: Instance, log_text: Callable[[], str], mode: str, odd: str, spelled: str
) -> None:
    wait.wedata.world.update(instance.key, extra={"InstanceState": odd})
    outcome = wait.run(mode, timeout=0.05)
    assert "AirflowSensorTimeout" == outcome.ended
    assert spelled in str(outcome.error)
    assert is_carried(str(outcome.error) + log_text() + json.dumps(wait.events, ensure_ascii=False))


@ODD
@pytest.mark.parametrize("mode", MODES)
def test_a_gate_opens_beside_it(wait: Any, instance: Instance, mode: str, odd: str, spelled: str) -> None:
    wait.wedata.world.update(instance.key, state="COMPLETED", extra={"TaskName": odd, odd: [odd]})
    outcome = wait.run(mode)
    assert "done" == outcome.ended
    assert is_carried(json.dumps([outcome.result, wait.events], ensure_ascii=False))


@ODD
def test_a_list_is_an_xcom(wait: Any, instance: Instance, odd: str, spelled: str) -> None:
    wait.wedata.world.update(instance.key, extra={"TaskName": odd, "OwnerUinList": [odd]})
    found = WeDataListTaskInstancesOperator(task_id="list", fields=["TaskName", "OwnerUinList"]).execute({})
    assert [{"TaskName": spelled, "OwnerUinList": [spelled]}] == found


@ODD
@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_file_holds_it(
    *, wait: Any, instance: Instance, tmp_path: Path, file_format: str, odd: str, spelled: str
) -> None:
    wait.wedata.world.update(instance.key, extra={"TaskName": odd})
    path = tmp_path / "a"
    WeDataExportTaskInstancesOperator(
        task_id="export", output_path=str(path), file_format=file_format, fields=["TaskName", "TaskId"]
    ).execute({})
    read: dict[str, Callable[[], Any]] = {
        "jsonl": lambda: [json.loads(line) for line in path.read_text().splitlines()],
        "csv": lambda: list(csv.DictReader(path.read_text().splitlines())),
        "parquet": lambda: pq.read_table(path).to_pylist(),
    }
    assert [{"TaskName": spelled, "TaskId": TASK_ID}] == read[file_format]()


@ODD
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("output", ["json", "table"])
def test_a_terminal_shows_it(
    *,
    wait: Any,
    instance: Instance,
    terminal: Callable[[str], Any],
    output: str,
    encoding: str,
    odd: str,
    spelled: str,
) -> None:
    wait.wedata.world.update(instance.key, extra={"TaskName": f"é任😀 {odd}"})
    shown = terminal(encoding)
    cli.main(["instances", "--schedule-date", DAY, "--fields", "TaskName", "--output", output])
    text = shown()
    if output == "json":
        assert [{"TaskName": f"é任😀 {spelled}"}] == json.loads(text)
    else:
        whole = f"é任😀 {spelled}".encode(encoding, "backslashreplace").decode(encoding)
        assert ["TaskName", whole] == text.splitlines()


@ODD
def test_a_refusal_is_shown_too(
    wait: Any, capsys: pytest.CaptureFixture[str], odd: str, spelled: str
) -> None:
    wait.wedata.faults.when(lambda _: True, refused(odd))
    with pytest.raises(SystemExit):
        cli.main(["instances", "--schedule-date", DAY])
    assert f"AuthFailure.{spelled}: {spelled} (RequestId {spelled})" in capsys.readouterr().err


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Give a function that sets stdout's encoding, and returns a function that returns what was written."""

    def of(encoding: str) -> Callable[[], str]:
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, "stdout", stream)
        return lambda: written.getvalue().decode(encoding)

    return of
