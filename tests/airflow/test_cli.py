from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.filters import FILTERS
from airflow_provider_wedata.api.models import FIELD_NAMES
from airflow_provider_wedata.cli import commands
from airflow_provider_wedata.cli import definition as cli
from airflow_provider_wedata.cli.text_table import aligned
from airflow_provider_wedata.connection.check import STEPS
from airflow_provider_wedata.emulator import Emulator, SteppedClock, faults, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = "2026-03-01"
TODAY = ("--schedule-date", DAY)
CONNECTION = "AIRFLOW_CONN_WEDATA_DEFAULT"


class Ran:
    """The result of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def marks(self) -> dict[str, str]:
        return {line.split()[1]: line.split()[0] for line in self.out.splitlines()}

    def why(self, step: str) -> str:
        return next(line for line in self.out.splitlines() if line.split()[1] == step)


@pytest.fixture
def wedata(monkeypatch: pytest.MonkeyPatch) -> Any:
    with Emulator("daily", clock=SteppedClock(f"{DAY} 12:00:00"), limit=None) as wedata:
        monkeypatch.setenv(CONNECTION, wedata.connection_json(retries=0, requests_per_second=1000))
        yield wedata


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an emulator on the computer's clock, which is then in its Date headers."""
    with Emulator("daily") as wedata:
        monkeypatch.setenv(CONNECTION, wedata.connection_json(retries=0))
        yield wedata


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        code = 0
        try:
            cli.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


def test_instances_are_a_table(wedata: Emulator, run: Callable[..., Ran]) -> None:
    ran = run("instances", *TODAY)
    header, *rows = ran.out.splitlines()
    assert (0, 8) == (ran.code, len(rows))
    assert ["InstanceKey", "TaskName", "InstanceState", "SchedulerTime", "LastUpdateTime"] == header.split()
    assert {row.index("2026-03-01 00:", 40) for row in rows} == {header.index("SchedulerTime")}
    assert ran.err == "8 task instances; times are UTC+8\n"


def test_json_has_every_field_and_nothing_else_on_stdout(wedata: Emulator, run: Callable[..., Ran]) -> None:
    ran = run("instances", *TODAY, "--output", "json")
    rows = json.loads(ran.out)
    assert [set(FIELD_NAMES)] * 8 == [set(row) for row in rows]


def test_no_instances_are_an_empty_list(wedata: Emulator, run: Callable[..., Ran]) -> None:
    assert json.loads(run("instances", "--schedule-date", "2020-01-01", "--output", "json").out) == []
    ran = run("instances", "--schedule-date", "2020-01-01")
    assert (0, "", "0 task instances; times are UTC+8\n") == (ran.code, ran.out, ran.err)


def test_a_list_is_never_truncated_silently(wedata: Emulator, run: Callable[..., Ran]) -> None:
    ran = run("instances", *TODAY, "--limit", "3", "--fields", "TaskName")
    assert len(ran.out.splitlines()) == 4
    assert "MORE: these are the first 3 of 8" in ran.err
    for whole in ("8", "0"):
        ran = run("instances", *TODAY, "--limit", whole, "--fields", "TaskName")
        assert len(ran.out.splitlines()) == 9
        assert "MORE" not in ran.err


def test_the_zones_of_times_shown_and_of_filters_are_named(wedata: Emulator, run: Callable[..., Ran]) -> None:
    paris = ("--time-zone", "Europe/Paris", "--schedule-time-from", "2026-02-28 17:10:00")
    ran = run("instances", *paris, "--schedule-time-to", "2026-02-28 17:20:00")
    assert ["2026-03-01 00:10:00", "2026-03-01 00:15:00", "2026-03-01 00:20:00"] == sorted(
        re.findall(r"2026-03-01 00:\d\d:\d\d", "\n".join(line[40:] for line in ran.out.splitlines()))
    )
    zones = "times are UTC+8; filter times without an offset were interpreted in Europe/Paris"
    assert f"3 task instances; {zones}\n" == ran.err


@pytest.mark.parametrize(
    "name", [name for name in FILTERS if name.endswith(("_date", "_from", "_to", "_before"))]
)
def test_a_malformed_time_is_refused(wedata: Emulator, run: Callable[..., Ran], name: str) -> None:
    ran = run("instances", f"--{name.replace('_', '-')}", "20260301100000+0800")
    assert (1, "", []) == (ran.code, ran.out, wedata.requests)
    assert ran.err.startswith(
        f"{name}: '20260301100000+0800' is not a time; expected a datetime, a date, or text: "
    )


def test_a_count(wedata: Emulator, run: Callable[..., Ran]) -> None:
    assert run("instances", "--count", *TODAY).out == "8\n"
    two = ",".join(list(scenarios.DAILY_TASKS.values())[:2])
    ran = run("instances", "--count", *TODAY, "--task-ids", two, "--output", "json")
    assert json.loads(ran.out) == {"count": 2}


def test_every_filter_is_an_option_and_reaches_wedata(wedata: Emulator, run: Callable[..., Ran]) -> None:
    instances = next(command for command in cli.COMMANDS if command.name == "instances")
    flags = {option.flag for option in instances.options}
    assert {f"--{name.replace('_', '-')}" for name in FILTERS} <= flags
    assert run("instances", *TODAY, "--instance-state", "COMPLETED", "--workflow-id", "no-such").code == 0
    assert wedata.requests[-1].params["InstanceState"] == "COMPLETED"
    assert wedata.requests[-1].params["WorkflowId"] == "no-such"
    run("instances", "--count", "--region", "eu-frankfurt")
    assert {name.lower(): value for name, value in wedata.requests[-1].headers.items()}[
        "x-tc-region"
    ] == "eu-frankfurt"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--task-ids", ""], "task_ids: '' is not valid"),
        (["--cycle-type", "DAILY"], "cycle_type: 'DAILY' is not known"),
        (["--fields", "Nope"], "fields: 'Nope' is not known"),
        (["--conn-id", "no_such"], "there is no connection 'no_such'"),
    ],
)
def test_a_mistake_is_reported_on_stderr(
    arguments: list[str], expected: str, wedata: Emulator, run: Callable[..., Ran]
) -> None:
    ran = run("instances", *arguments)
    assert (1, "") == (ran.code, ran.out)
    assert expected in ran.err
    assert "Traceback" not in ran.err


def test_a_wrong_option_ends_with_2(run: Callable[..., Ran]) -> None:
    assert [2, 2, 2] == [
        run(*line).code for line in ([], ["instances", "--limit", "-1"], ["instances", "--nope"])
    ]


def test_check_finds_nothing_wrong(present: Emulator, run: Callable[..., Ran]) -> None:
    ran = run("check")
    assert (0, dict.fromkeys(STEPS, "ok")) == (ran.code, ran.marks)
    assert "has 16 task instances" in ran.why("project")
    assert len(present.requests) == 1


def test_check_without_a_project_counts_projects(
    present: Emulator, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION, present.connection_json(project_id=None))
    ran = run("check")
    assert ran.code == 0
    assert "has no project_id" in ran.why("project")


def refused(code: str) -> Callable[[Emulator], object]:
    return lambda wedata: wedata.faults.next(faults.error(code, "no"), times=9)


@pytest.mark.parametrize(
    ("trouble", "step", "advice"),
    [
        (refused("AuthFailure.SignatureFailure"), "key", "Check SecretId and SecretKey"),
        (refused("AuthFailure.SecretIdNotFound"), "key", "Check SecretId and SecretKey"),
        (refused("AuthFailure.UnauthorizedOperation"), "rights", "QcloudWeDataReadOnlyAccess"),
        (refused("InvalidParameter.WorkspaceNotExist"), "project", "Check region and project_id"),
        (refused("InternalError"), "project", "try again in a while"),
        (lambda wedata: wedata.faults.next(faults.not_json(), times=9), "endpoint", "Check host"),
        (lambda wedata: wedata.faults.next(faults.reset(), times=9), "endpoint", "Check host"),
    ],
)
def test_check_shows_how_to_fix_it(
    trouble: Callable[[Emulator], object],
    step: str,
    advice: str,
    present: Emulator,
    run: Callable[..., Ran],
) -> None:
    trouble(present)
    ran = run("check")
    at = STEPS.index(step)
    expected = ["ok"] * at + ["FAIL"] + ["-"] * (len(STEPS) - at - 1)
    assert (1, expected) == (ran.code, list(ran.marks.values()))
    assert advice in ran.why(step)


@pytest.mark.parametrize(
    ("seconds", "mark", "expected"),
    [
        (20, "ok", "within 30 s of WeData's"),
        (100, "ok", "s ahead of WeData's; 300 s are allowed. Set this machine's clock right"),
        (900, "FAIL", "s ahead of WeData's; 300 s are allowed. Set this machine's clock right"),
        (-900, "FAIL", "s behind WeData's; 300 s are allowed. Set this machine's clock right"),
    ],
)
def test_check_compares_clocks(
    seconds: float, mark: str, expected: str, present: Emulator, run: Callable[..., Ran]
) -> None:
    date = formatdate(time.time() - seconds, usegmt=True)
    present.faults.when(lambda _received: True, faults.headers(Date=date))
    ran = run("check")
    assert (int(mark == "FAIL"), mark) == (ran.code, ran.marks["clock"])
    assert expected in ran.why("clock")


def test_check_distinguishes_a_wrong_clock_from_a_wrong_key(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = SteppedClock(time.time() - 900)
    with Emulator("daily", signature_clock=late) as wedata:
        wedata.faults.when(lambda _received: True, faults.headers(Date=formatdate(late.now(), usegmt=True)))
        monkeypatch.setenv(CONNECTION, wedata.connection_json(retries=0))
        ran = run("check")
    assert wedata.requests[-1].error == "AuthFailure.SignatureExpire"
    assert ["ok", "ok", "FAIL", "-", "-", "-"] == list(ran.marks.values())


def test_a_response_without_a_date_is_no_failure(present: Emulator, run: Callable[..., Ran]) -> None:
    present.faults.when(lambda _received: True, faults.headers(Date=None))
    ran = run("check")
    assert (0, "ok") == (ran.code, ran.marks["clock"])
    assert "not compared" in ran.why("clock")


def test_check_stops_at_a_connection_that_cannot_be_read(
    present: Emulator, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION, present.connection_json(region=None))
    ran = run("check")
    assert (1, "FAIL") == (ran.code, ran.marks["connection"])
    assert "region: missing" in ran.why("connection")
    assert present.requests == []


def test_check_tells_where_the_connection_comes_from(present: Emulator, run: Callable[..., Ran]) -> None:
    expected = "region ap-singapore; from the environment variable AIRFLOW_CONN_WEDATA_DEFAULT"
    assert expected in run("check").why("connection")


@pytest.mark.parametrize("held", ["{", "hello", "[1]", "{'conn_type': 'wedata', 'password': 'geheim'}"])
def test_check_tells_of_a_variable_that_holds_no_connection(
    held: str, present: Emulator, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION, held)
    ran = run("check")
    assert (1, "FAIL") == (ran.code, ran.marks["connection"])
    assert f"{CONNECTION} is set, but is neither the JSON nor the URI of one" in ran.why("connection")
    assert "geheim" not in ran.out + ran.err


@pytest.mark.parametrize("extra", [{"proxy": "socks5://me:geheim@proxy"}, {"ca_bundle": __file__}], ids=str)
def test_check_stops_at_a_connection_whose_proxy_or_certificates_cannot_be_used(
    extra: dict[str, str], present: Emulator, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(present.connection_json(retries=0, **extra))
    monkeypatch.setenv(CONNECTION, json.dumps(connection | {"host": "https://127.0.0.1:1"}))
    ran = run("check")
    assert (1, "FAIL") == (ran.code, ran.marks["connection"])
    assert f"{next(iter(extra))}: " in ran.why("connection")
    assert "geheim" not in ran.out + ran.err


def test_check_of_a_port_where_nobody_listens(
    present: Emulator, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(present.connection_json(retries=0))
    monkeypatch.setenv(CONNECTION, json.dumps(connection | {"host": "127.0.0.1:1"}))
    ran = run("check")
    assert (1, "FAIL") == (ran.code, ran.marks["endpoint"])
    assert "Connection refused" in ran.why("endpoint")


def test_no_secret_is_shown(
    wedata: Emulator, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "made-up-session-token"
    secrets = (wedata.account.secret_key, token, "proxy-password")
    connections = [
        wedata.connection_json(retries=0),
        wedata.connection_json(retries=0, session_token=token),
        wedata.connection_json(retries=0, proxy="http://user:proxy-password@127.0.0.1:1"),
        wedata.connection_json(retries=0, session_token=[token]),
        wedata.connection_json(retries=0, nonsense=token),
    ]
    for connection in connections:
        monkeypatch.setenv(CONNECTION, connection)
        for arguments in (["check"], ["instances", *TODAY]):
            ran = run(*arguments)
            assert ran.out + ran.err
            for secret in secrets:
                assert secret not in ran.out + ran.err


def test_the_process_is_left_as_it_was(wedata: Emulator, run: Callable[..., Ran]) -> None:
    before = os.environ.copy()
    run("instances", *TODAY)
    assert before == os.environ.copy()


def test_names_keep_their_brackets_and_get_control_characters_escaped() -> None:
    assert "a          b\n[red]x     1\n日报表     2\n\\x1b[31my  None" == aligned(
        [["a", "b"], ["[red]x", 1], ["日报表", 2], ["\x1b[31my", "None"]]
    )


def test_airflow_takes_the_same_commands() -> None:
    config = pytest.importorskip("airflow.cli.cli_config")
    (group,) = cli.get_wedata_cli_commands()
    assert isinstance(group, config.GroupCommand)
    assert {command.name: command.run for command in cli.COMMANDS} == {
        command.name: command.func for command in group.subcommands
    }
    for command, ours in zip(group.subcommands, cli.COMMANDS, strict=True):
        line = argparse.ArgumentParser()
        for arg in command.args:
            arg.add_to_parser(line)
        assert vars(line.parse_args([])).keys() == {
            option.flag[2:].replace("-", "_") for option in ours.options
        }


def test_declaring_the_commands_loads_nothing_that_they_need_to_run() -> None:
    code = "import sys, airflow_provider_wedata.cli; print('\\n'.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - likewise
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert {"airflow", "requests", "httpx", "tencentcloud"} & loaded == set()
    assert "airflow_provider_wedata.cli.commands" not in ran.stdout.split()


def test_python_m(wedata: Emulator) -> None:
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-m", "airflow_provider_wedata", "instances", "--count", *TODAY],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "AIRFLOW__CORE__UNIT_TEST_MODE": "False"},
    )
    assert ran.stdout == "8\n"


def test_a_command_that_fails_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        commands.run(lambda _options: False, argparse.Namespace())
    assert end.value.code == 1
