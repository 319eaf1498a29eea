"""Whole DAG runs: templates, mapped tasks, deferral and links, with Airflow's own machinery around them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.operators.wedata import WeDataListTaskInstancesOperator
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.standin import World

# Airflow's own, of `dag.test()`.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

DAY = "2026-03-01"
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)  # in UTC+8
TASKS = ("20250714200130201", "20250714200130202")
QUICK: dict[str, Any] = {"poke_interval": 0.01, "timeout": 20}


def populate(world: World) -> None:
    """Let both tasks be done for DAY, and the second fail on the day before."""
    for task_id in TASKS:
        world.add(task_id=task_id, schedule_time=f"{DAY} 00:30:00", state="COMPLETED")
    world.add(task_id=TASKS[1], schedule_time="2026-02-28 00:30:00", state="EXPIRED")


class Ends:
    """How each task ended, of a mapped one by map index: its state, or the error that it failed with."""

    def __init__(self) -> None:
        self.errors: dict[tuple[str, int], str] = {}

    def note(self, context: Any) -> None:
        ti = context["ti"]
        self.errors[ti.task_id, ti.map_index] = type(context["exception"]).__name__

    def of(self, run: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for ti in sorted(run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index)):
            end = self.errors.get((ti.task_id, ti.map_index), str(ti.state))
            found.setdefault(ti.task_id, []).append(end)
        return found


def usual(ends: Ends) -> dict[str, Any]:
    """Return what every DAG in here is made with."""
    return {
        "start_date": datetime(2026, 1, 1, tzinfo=UTC),
        "default_args": {"on_failure_callback": ends.note},
    }


def returned(run: Any, task_id: str) -> Any:
    ti = run.get_task_instance(task_id)
    return ti.xcom_pull(task_ids=task_id, dag_id=run.dag_id, run_id=run.run_id)


@pytest.fixture
def run_at_noon(wait: Any, run_dag: Callable[..., Any]) -> Callable[[DAG], Any]:
    populate(wait.wedata.world)
    return lambda dag: run_dag(dag, run_after=NOON, logical_date=NOON)


def test_templates_and_mapped_tasks(run_at_noon: Callable[[DAG], Any]) -> None:
    ends = Ends()
    with DAG("mapped", schedule=None, params={"ids": list(TASKS), "none": None}, **usual(ends)) as dag:

        @task
        def days() -> list[str]:
            return [DAY, "2026-02-28"]

        @task
        def pairs() -> list[dict[str, Any]]:
            return [
                {"task_ids": [TASKS[0]], "schedule_date": DAY},
                {"task_ids": TASKS[1], "schedule_date": "2026-02-28"},
                {"task_ids": [], "schedule_date": DAY},
                {"task_ids": [TASKS[0]], "schedule_date": None},
            ]

        @task
        def counts() -> list[int | None]:
            return [1, None]

        gate = WeDataTaskInstanceSensor
        gate(task_id="templated", task_ids="{{ params.ids }}", schedule_date=MOMENT, **QUICK)
        gate(
            task_id="deferred",
            deferrable=True,
            task_ids="{{ params.ids | join(',') }}",
            schedule_date=MOMENT,
            **QUICK,
        )
        gate(task_id="empty", task_ids="{{ params.none }}", schedule_date=DAY, **QUICK)
        gate.partial(task_id="by_list", schedule_date=DAY, **QUICK).expand(task_ids=[TASKS[0], [TASKS[1]]])
        gate.partial(task_id="by_day", task_ids=[TASKS[1]], **QUICK).expand(schedule_date=days())
        gate.partial(task_id="by_pair", **QUICK).expand_kwargs(pairs())
        gate.partial(task_id="by_count", task_ids=[TASKS[0]], schedule_date=DAY, **QUICK).expand(
            min_instances=counts()
        )
        gate.partial(task_id="later", schedule_date=MOMENT, deferrable=True, **QUICK).expand(
            task_ids=[TASKS[0], TASKS[1]]
        )
    found = ends.of(run_at_noon(dag))
    expected = {
        "by_count": ["success", "WeDataConfigError"],
        "by_day": ["success", "WeDataInstanceFailed"],
        "by_list": ["success", "success"],
        "by_pair": ["success", "WeDataInstanceFailed", "WeDataConfigError", "WeDataConfigError"],
        "deferred": ["success"],
        "empty": ["WeDataConfigError"],
        "later": ["success", "success"],
        "templated": ["success"],
    }
    assert expected == {name: found[name] for name in expected}


def test_a_mapped_task_shows_the_times_that_it_sends(run_at_noon: Callable[[DAG], Any]) -> None:
    shown: dict[int, Any] = {}

    def note(context: Any) -> None:
        shown[context["ti"].map_index] = context["task"].times_as_sent

    with DAG("shown", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        WeDataTaskInstanceSensor.partial(
            task_id="gate", schedule_date=MOMENT, on_success_callback=note, **QUICK
        ).expand(task_ids=list(TASKS))
    run_at_noon(dag)
    sent = {"ScheduleTimeFrom": f"{DAY} 00:00:00", "ScheduleTimeTo": f"{DAY} 23:59:59", "TimeZone": "UTC+8"}
    assert {0: sent, 1: sent} == shown


def test_native_objects(run_at_noon: Callable[[DAG], Any]) -> None:
    params = {"ids": list(TASKS), "none": None, "nothing": [], "two": 2}
    ends = Ends()
    with DAG(
        "native", schedule=None, params=params, render_template_as_native_obj=True, **usual(ends)
    ) as dag:
        gate = WeDataTaskInstanceSensor
        day = {"schedule_date": MOMENT, **QUICK}
        gate(task_id="list", task_ids="{{ params.ids }}", expected_instances="{{ params.two }}", **day)
        gate(task_id="number", task_ids="{{ params.ids[0] | int }}", **day)
        gate(task_id="none", task_ids="{{ params.none }}", **day)
        gate(task_id="nothing", task_ids="{{ params.nothing }}", **day)
        gate(task_id="no_workflow", task_ids="{{ params.ids }}", workflow_id="{{ params.none }}", **day)
        gate(task_id="no_count", task_ids="{{ params.ids }}", min_instances="{{ params.none }}", **day)
        gate(task_id="no_day", task_ids="{{ params.ids }}", schedule_date="{{ params.none }}", **QUICK)
    expected = {
        "list": ["success"],
        "number": ["success"],
        "none": ["WeDataConfigError"],
        "nothing": ["WeDataConfigError"],
        "no_workflow": ["WeDataConfigError"],
        "no_count": ["WeDataConfigError"],
        "no_day": ["WeDataConfigError"],
    }
    assert expected == ends.of(run_at_noon(dag))


def test_a_list_is_mapped_over_and_a_link_stays(run_at_noon: Callable[[DAG], Any], wait: Any) -> None:
    wait.connect(console_url="https://console.example.com/{region}/{project_id}?t={task_id}")
    ends = Ends()
    with DAG("list", schedule=None, params={"day": DAY}, **usual(ends)) as dag:
        found = WeDataListTaskInstancesOperator(
            task_id="find", schedule_date="{{ params.day }}", fields=["TaskId", "InstanceState"]
        )

        @task
        def is_done(row: dict[str, str]) -> bool:
            assert "COMPLETED" == row["InstanceState"]
            return True

        is_done.expand(row=found.output)
        WeDataTaskInstanceSensor(
            task_id="gate", task_ids=[TASKS[0]], schedule_date="{{ params.day }}", deferrable=True, **QUICK
        )
    wait.wedata.world.rerun(wait.wedata.world.keys[0])
    wait.wedata.world.script(wait.wedata.world.keys[0], [(0, "COMPLETED")])
    run = run_at_noon(dag)
    assert {"find": ["success"], "gate": ["success"], "is_done": ["success", "success"]} == ends.of(run)
    assert [{"TaskId": task_id, "InstanceState": "COMPLETED"} for task_id in TASKS] == sorted(
        returned(run, "find"), key=lambda row: row["TaskId"]
    )
    gate = dag.get_task("gate")
    link = gate.operator_extra_links[0]
    expected = f"https://console.example.com/ap-singapore/1460947878944567296?t={TASKS[0]}"
    ti = run.get_task_instance("gate")
    assert expected == ti.xcom_pull(task_ids="gate", key=link.xcom_key, run_id=run.run_id)
