"""The examples with an export run to their end against the emulator, unchanged."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.emulator import Emulator, SteppedClock, scenarios
from tests.airflow.versions import DagBag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Airflow's own, of `dag.test()`.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

EXAMPLES = Path(__file__).parents[2] / "example_dags"
#: Noon of the emulator's day, in UTC+8.
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
#: 01:30 of the next day in UTC+8; in UTC it is still the day before.
NIGHT = datetime(2026, 3, 1, 17, 30, tzinfo=UTC)


@pytest.fixture
def wedata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(clock=SteppedClock("2026-03-01 12:00:00"), limit=None) as wedata:
        scenarios.daily(wedata.world)
        monkeypatch.setenv("AIRFLOW_CONN_WEDATA_DEFAULT", wedata.connection_json())
        monkeypatch.setenv("EXPORTS", str(tmp_path))
        yield wedata


def run(name: str, run_dag: Callable[..., Any], moment: datetime = NOON) -> Any:
    bag = DagBag(dag_folder=str(EXAMPLES / f"{name}.py"))
    assert {} == bag.import_errors
    ran = run_dag(bag.dags[name], run_after=moment, logical_date=None)
    assert {"success"} == {task.state for task in ran.get_task_instances()}
    return ran


@pytest.mark.parametrize(("moment", "day"), [(NOON, "2026-02-28"), (NIGHT, "2026-03-01")])
def test_yesterday_is_kept_under_its_own_name(
    moment: datetime, day: str, wedata: Emulator, tmp_path: Path, run_dag: Callable[..., Any]
) -> None:
    run("wedata_export_yesterday", run_dag, moment)
    lines = gzip.decompress((tmp_path / f"instances-{day}.jsonl.gz").read_bytes()).splitlines()
    assert {day} == {json.loads(line)["SchedulerTime"][:10] for line in lines}
    assert len([key for key in wedata.world.keys if f"_{day} " in key]) == len(lines)


def test_a_report_is_read_from_parquet(wedata: Emulator, run_dag: Callable[..., Any]) -> None:
    ran = run("wedata_export_and_read", run_dag)
    report = ran.get_task_instance("report").xcom_pull(task_ids="report")
    assert {"WAIT_RUN": 1, "WAIT_UPSTREAM": 7} == report
    assert "TimeZone" in wedata.requests[-1].params


def test_each_is_tested_and_short() -> None:
    lengths = {path.stem: len(path.read_text().splitlines()) for path in EXAMPLES.glob("wedata_export*.py")}
    assert {"wedata_export_yesterday", "wedata_export_and_read"} == set(lengths)
    assert [] == [name for name, length in lengths.items() if length >= 40]
