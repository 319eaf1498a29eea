"""Every example DAG runs to its end against the emulator, unchanged."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.emulator import scenarios
from tests.airflow.conftest import TASK_ID
from tests.airflow.versions import DagBag

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import DAG

# Airflow's own, of `dag.test()`.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

EXAMPLES = Path(__file__).parents[2] / "example_dags"
#: Noon of the emulator's day, in UTC+8.
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
INTERVAL = 0.01
OLD_RUNS = "wedata_gate_old_runs"
#: Seconds after which a gate that does not open fails its test.
LONGEST = 60
#: The scenarios play faster than usual, because `dag.test()` is slow at each poke that reschedules.
SPEED = 4.0
GATES = {
    "wedata_gate_one_task": "daily",
    "wedata_gate_workflow": "daily",
    "wedata_gate_hourly_into_daily": "hourly",
    "wedata_map_over_instances": "daily",
}
#: These must also work without a logical date, in the Airflow versions that have such runs.
DATELESS = ("wedata_gate_workflow", "wedata_gate_without_logical_date")


def load(name: str) -> DAG:
    """Return the DAG of an example file, with a short poke interval and timeout."""
    bag = DagBag(dag_folder=str(EXAMPLES / f"{name}.py"))
    assert bag.import_errors == {}
    dag: DAG = bag.dags[name]
    for task in dag.tasks:
        settings: dict[str, Any] = getattr(task, "partial_kwargs", vars(task))
        if "poke_interval" in settings:
            settings |= {"poke_interval": INTERVAL, "timeout": LONGEST}
    return dag


def unsuccessful(run: Any) -> dict[str, str]:
    return {task.task_id: task.state for task in run.get_task_instances() if task.state != "success"}


@pytest.mark.parametrize(("name", "scenario"), GATES.items())
def test_an_example_ends_well(name: str, scenario: str, wait: Any, run_dag: Callable[..., Any]) -> None:
    scenarios.SCENARIOS[scenario](wait.wedata.world, SPEED)
    assert {} == unsuccessful(run_dag(load(name), run_after=NOON, logical_date=NOON))
    assert wait.wedata.requests


@pytest.mark.parametrize("name", DATELESS)
def test_an_example_ends_well_without_a_logical_date(
    name: str, wait: Any, run_dag: Callable[..., Any]
) -> None:
    scenarios.daily(wait.wedata.world, SPEED)
    assert {} == unsuccessful(run_dag(load(name), run_after=NOON, logical_date=None))
    assert wait.wedata.requests


@pytest.mark.parametrize(("days", "gate"), [(0, "success"), (70, "success"), (90, "skipped")])
def test_an_old_run_bypasses_the_gate(days: int, gate: str, wait: Any, run_dag: Callable[..., Any]) -> None:
    moment = datetime.now(UTC) - timedelta(days=days)
    wait.wedata.world.add(task_id=TASK_ID, schedule_time=moment, state="COMPLETED")
    run = run_dag(load(OLD_RUNS), run_after=moment, logical_date=moment)
    expected = {"ask_wedata_if_it_still_knows": "success", "wait_for_report": gate, "publish": "success"}
    assert expected == {task.task_id: task.state for task in run.get_task_instances()}
    assert (gate == "success") == bool(wait.wedata.requests)


def test_a_young_run_whose_gate_fails_does_not_publish(wait: Any, run_dag: Callable[..., Any]) -> None:
    now = datetime.now(UTC)
    wait.wedata.world.add(task_id=TASK_ID, schedule_time=now, state="EXPIRED")
    run = run_dag(load(OLD_RUNS), run_after=now, logical_date=now)
    states = {task.task_id: task.state for task in run.get_task_instances()}
    assert ("failed", "upstream_failed") == (states["wait_for_report"], states["publish"])


def test_each_example_is_tested_and_short() -> None:
    files = {path.stem: path.read_text().splitlines() for path in EXAMPLES.glob("wedata_gate*.py")}
    assert set(files) <= {*GATES, *DATELESS, OLD_RUNS}
    assert [name for name, lines in files.items() if len(lines) >= 40] == []


def test_each_example_has_a_docstring() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert inspect.cleandoc(path.read_text()).startswith('"""')
