"""Whole DAG runs: templates, mapped tasks, deferral and links, with Airflow's own machinery around them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from airflow.listeners import hookimpl
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.operators.wedata import WeDataListTaskInstancesOperator
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.versions import get_listener_manager, link_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_wedata.emulator import World

# Airflow's own, of `dag.test()`.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = "2026-03-01"
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)  # in UTC+8
MOMENT = "{{ dag_run.data_interval_end or dag_run.run_after }}"
TASKS = ("20250714200130201", "20250714200130202")
QUICK: dict[str, Any] = {"poke_interval": 0.01, "timeout": 20}


def populate(world: World) -> None:
    """Add instances: both tasks are done for DAY, and the second failed on the day before."""
    for task_id in TASKS:
        world.add(task_id=task_id, schedule_time=f"{DAY} 00:30:00", state="COMPLETED")
    world.add(task_id=TASKS[1], schedule_time="2026-02-28 00:30:00", state="EXPIRED")


class Ends:
    """How each task ended, a mapped one by map index: its state, or the error that it failed with."""

    def __init__(self) -> None:
        self.errors: dict[tuple[str, int], str] = {}

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
        self.errors[task_instance.task_id, task_instance.map_index] = type(error).__name__

    def of(self, run: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for ti in sorted(run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index)):
            end = self.errors.get((ti.task_id, ti.map_index), str(ti.state))
            found.setdefault(ti.task_id, []).append(end)
        return found


def returned(run: Any, task_id: str) -> Any:
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Give what Airflow's listeners receive; `dag.test()` does not call every callback."""
    ends, manager = Ends(), get_listener_manager()
    manager.add_listener(ends)
    yield ends
    manager.pm.unregister(ends)


@pytest.fixture
def run_at_noon(wait: Any, run_dag: Callable[..., Any]) -> Callable[[DAG], Any]:
    populate(wait.wedata.world)
    return lambda dag: run_dag(dag, run_after=NOON, logical_date=NOON)


def test_templates_and_mapped_tasks(run_at_noon: Callable[[DAG], Any], ends: Ends) -> None:
    with DAG("mapped", schedule=None, start_date=START, params={"ids": list(TASKS), "none": None}) as dag:

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


class Shown(WeDataTaskInstanceSensor):
    """Records what it would show when it begins."""

    kept: ClassVar[dict[int, Any]] = {}

    def execute(self, context: Any) -> Any:
        self.kept[context["ti"].map_index] = self.times_as_sent
        return super().execute(context)


def test_a_mapped_task_shows_the_times_that_it_sends(run_at_noon: Callable[[DAG], Any]) -> None:
    with DAG("shown", schedule=None, start_date=START) as dag:
        Shown.partial(task_id="gate", schedule_date=MOMENT, **QUICK).expand(task_ids=[TASKS[0], [TASKS[0]]])
    run_at_noon(dag)
    sent = {"ScheduleTimeFrom": f"{DAY} 00:00:00", "ScheduleTimeTo": f"{DAY} 23:59:59", "TimeZone": "UTC+8"}
    assert {0: sent, 1: sent} == Shown.kept


def test_native_objects(run_at_noon: Callable[[DAG], Any], ends: Ends) -> None:
    params = {"ids": list(TASKS), "none": None, "nothing": [], "two": 2}
    with DAG(
        "native", schedule=None, start_date=START, params=params, render_template_as_native_obj=True
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


def test_a_list_is_mapped_over_and_a_link_stays(
    run_at_noon: Callable[[DAG], Any], ends: Ends, wait: Any
) -> None:
    wait.connect(console_url="https://console.example.com/{region}/{project_id}?t={task_id}")
    with DAG("list", schedule=None, start_date=START, params={"day": DAY}) as dag:
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
    expected = f"https://console.example.com/ap-singapore/1460947878944567296?t={TASKS[0]}"
    assert expected == link_shown(dag, run.get_task_instance("gate"), "WeData console")


def test_a_soft_end_skips_a_task_and_a_refused_one_fails(
    run_at_noon: Callable[[DAG], Any], ends: Ends
) -> None:
    gone, late = {"task_ids": [TASKS[1]]}, {"task_ids": [TASKS[0]], "timeout": 0.1}
    modes: dict[str, Any] = {
        "poke": {"mode": "poke"},
        "reschedule": {"mode": "reschedule"},
        "deferrable": {"deferrable": True},
    }
    expected = {}
    with DAG("soft", schedule=None, start_date=START) as dag:
        for mode, how in modes.items():
            soft = {"schedule_date": "2026-02-28", "soft_fail": True, **QUICK, **how}
            WeDataTaskInstanceSensor(task_id=f"{mode}_failed", **soft | gone)
            WeDataTaskInstanceSensor(task_id=f"{mode}_timed_out", **soft | late)
            WeDataTaskInstanceSensor(task_id=f"{mode}_refused", project_id="42", **soft | gone)
            expected |= {f"{mode}_failed": ["skipped"], f"{mode}_timed_out": ["skipped"]}
            expected |= {f"{mode}_refused": ["WeDataParameterError"]}
    assert expected == ends.of(run_at_noon(dag))
