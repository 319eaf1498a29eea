"""Which errors are raised when a task is built, and which only when it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, task

from airflow_provider_wedata.exceptions import WeDataConfigError
from airflow_provider_wedata.operators.wedata import WeDataListTaskInstancesOperator
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.conftest import TASK_ID
from tests.fuzz.junk import Odd

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = "2026-03-01"
ONE_TASK = {"task_ids": ["1"], "schedule_date": DAY}
EMPTY: tuple[Any, ...] = (None, "", "  ", [])


def sensor(**parameters: Any) -> WeDataTaskInstanceSensor:
    return WeDataTaskInstanceSensor(task_id="gate", **parameters)


def lister(**parameters: Any) -> WeDataListTaskInstancesOperator:
    return WeDataListTaskInstancesOperator(task_id="list", **parameters)


BOTH_REFUSE: list[tuple[str, dict[str, Any]]] = [
    ("schedule_time_from", {"task_ids": "1", "schedule_time_from": "2026-03-02", "schedule_time_to": DAY}),
    ("schedule_time_from", {"task_ids": "1", "schedule_time_from": DAY, "schedule_time_before": DAY}),
    ("schedule_time_to", {"schedule_time_from": DAY, "schedule_time_to": DAY, "schedule_time_before": DAY}),
    ("schedule_date", {"schedule_date": DAY, "schedule_time_from": DAY}),
    ("schedule_date", {"schedule_date": DAY, "schedule_time_to": DAY}),
    ("schedule_date", {"schedule_date": DAY, "schedule_time_before": DAY}),
    ("schedule_date", {"task_ids": "1", "schedule_date": "the first of May"}),
    ("keyword", {"keyword": "orders", "task_ids": "1", "schedule_date": DAY, "expected_instances": 1}),
    ("keyword", {"keyword": "orders", "instance_keys": "1_x", "schedule_date": DAY, "expected_instances": 1}),
    ("cycle_type", ONE_TASK | {"cycle_type": "DAILY"}),
    ("instance_type", ONE_TASK | {"instance_type": "manual"}),
    ("instance_type", ONE_TASK | {"instance_type": 3}),
    ("task_type_id", ONE_TASK | {"task_type_id": "Shell"}),
    ("time_zone", ONE_TASK | {"time_zone": "Beijing"}),
    ("instance_keys", {"instance_keys": ["x"], "schedule_date": DAY}),
    ("instance_keys", {"instance_keys": ["1_x"], "task_ids": ["2"], "schedule_date": DAY}),
]
SENSOR_REFUSES: list[tuple[str, dict[str, Any]]] = [
    *BOTH_REFUSE,
    ("schedule_date", {"task_ids": ["1"]}),
    ("schedule_time_from", {"task_ids": ["1"], "schedule_time_to": DAY}),
    ("schedule_time_to", {"task_ids": ["1"], "schedule_time_from": DAY}),
    ("expected_instances", {"schedule_date": DAY, "workflow_id": "w"}),
    ("keyword", {"schedule_date": DAY, "keyword": "orders", "min_instances": 1}),
    ("instances_per_task", {"schedule_date": DAY, "instances_per_task": 2, "min_instances": 1}),
    ("min_instances", ONE_TASK | {"min_instances": 3, "expected_instances": 2}),
    ("min_instances", ONE_TASK | {"min_instances": 0}),
    ("expected_instances", ONE_TASK | {"expected_instances": "many"}),
    ("expected_instances", {"schedule_date": DAY, "task_ids": "1,2,3", "expected_instances": 2}),
    ("completed_after", ONE_TASK | {"completed_after": "yesterday"}),
    ("allowed_states", ONE_TASK | {"allowed_states": []}),
    ("allowed_states", ONE_TASK | {"allowed_states": ["DONE"]}),
    ("allowed_states", ONE_TASK | {"allowed_states": ["EXPIRED"]}),
    ("failed_states", ONE_TASK | {"failed_states": ["SKIP_RUNNING"], "skipped_states": ["SKIP_RUNNING"]}),
    ("instance_state", ONE_TASK | {"instance_state": "RUNNING"}),
    ("executor_group_id", ONE_TASK | {"executor_group_id": "1"}),
    ("start_time_from", ONE_TASK | {"start_time_from": DAY}),
    ("start_time_to", ONE_TASK | {"start_time_to": DAY}),
    ("last_update_time_from", ONE_TASK | {"last_update_time_from": DAY}),
    ("last_update_time_to", ONE_TASK | {"last_update_time_to": DAY}),
    ("sort_column", ONE_TASK | {"sort_column": "END_TIME"}),
    ("sort_type", ONE_TASK | {"sort_type": "ASC"}),
    ("silent_fail", ONE_TASK | {"silent_fail": True}),
    ("silent_fail", ONE_TASK | {"default_args": {"silent_fail": True}}),
    ("appear_timeout", ONE_TASK | {"appear_timeout": "soon"}),
    ("appear_timeout", ONE_TASK | {"appear_timeout": 10**400}),
    ("appear_timeout", ONE_TASK | {"appear_timeout": Odd()}),
    *(("task_ids", {"task_ids": value, "schedule_date": DAY}) for value in EMPTY),
    *(("workflow_id", ONE_TASK | {"workflow_id": value}) for value in EMPTY),
    *(("schedule_date", {"task_ids": ["1"], "schedule_date": value}) for value in EMPTY),
    *(("time_zone", ONE_TASK | {"time_zone": value}) for value in EMPTY),
]
LISTER_REFUSES: list[tuple[str, dict[str, Any]]] = [
    *(
        (field, {k: v for k, v in parameters.items() if k != "expected_instances"})
        for field, parameters in BOTH_REFUSE
    ),
    ("instance_state", {"instance_state": "DONE"}),
    ("start_time_from", {"start_time_from": "2026-03-02", "start_time_to": DAY}),
    ("last_update_time_from", {"last_update_time_from": "2026-03-02", "last_update_time_to": DAY}),
    ("sort_column", {"sort_column": "NAME"}),
    ("sort_type", {"sort_type": "down"}),
    ("fields", {"fields": ["InstanceKey", "Colour"]}),
    ("fields", {"fields": "InstanceKey"}),
    ("fields", {"fields": []}),
    ("max_items", {"max_items": 0}),
    ("max_items", {"max_items": "100"}),
    ("max_items", {"max_items": True}),
    ("max_items", {"max_items": Odd()}),
    ("fields", {"fields": 5}),
    ("fields", {"fields": [["InstanceKey"]]}),
    ("fields", {"fields": ["Colour", None]}),
    ("fields", {"fields": [Odd()]}),
    *(("keyword", {"keyword": value}) for value in EMPTY),
]


@pytest.mark.parametrize(("field", "parameters"), SENSOR_REFUSES)
def test_a_contradiction_is_refused_when_the_sensor_is_built(field: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(WeDataConfigError, match=rf"\b{field}\b") as caught:
        sensor(**parameters)
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(("field", "parameters"), LISTER_REFUSES)
def test_a_contradiction_is_refused_when_the_list_operator_is_built(
    field: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(WeDataConfigError, match=rf"\b{field}\b"):
        lister(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"schedule_date": "{{ data_interval_start }}", "schedule_time_from": "{{ ds }}", "task_ids": "1"},
        {"keyword": "{{ params.word }}", "task_ids": "{{ params.ids }}", "schedule_date": "{{ ds }}"},
    ],
)
def test_two_filters_that_exclude_each_other_are_refused_even_as_templates(
    parameters: dict[str, Any],
) -> None:
    with pytest.raises(WeDataConfigError, match="cannot be used together"):
        sensor(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"task_ids": "{{ params.ids }}", "schedule_date": "{{ data_interval_start }}"},
        {"task_ids": ["{{ params.id }}", "2"], "schedule_date": DAY},
        ONE_TASK | {"time_zone": "{{ params.zone }}"},
        ONE_TASK | {"expected_instances": "{% if params.many %}3{% else %}1{% endif %}"},
        ONE_TASK | {"min_instances": "1", "instances_per_task": "1", "instance_type": "cyclic"},
        ONE_TASK | {"completed_after": "{{ dag_run.run_after }}", "task_type_id": "35"},
        {"instance_keys": f"1_{DAY} 00:00:00", "schedule_date": datetime(2026, 3, 1, tzinfo=UTC)},
        {"keyword": "orders", "expected_instances": 4, "schedule_date": DAY},
        {"task_ids": "1, 2", "schedule_time_from": DAY, "schedule_time_before": "2026-03-02"},
        ONE_TASK | {"instances_per_task": None, "min_instances": None, "completed_after": None},
        ONE_TASK | {"failed_states": (), "skipped_states": {"SKIP_RUNNING"}, "allowed_states": "COMPLETED"},
        # Naive here and aware there: which is first depends on the connection's time zone.
        {
            "task_ids": "1",
            "schedule_time_from": "2026-03-01T00:00:00Z",
            "schedule_time_to": "2026-03-01 03:00:00",
        },
        {
            "task_ids": "1",
            "schedule_time_from": "2026-03-01 03:00:00",
            "schedule_time_to": "2026-03-01T00:00:00Z",
        },
    ],
)
def test_what_may_turn_out_right_is_built(parameters: dict[str, Any]) -> None:
    assert sensor(**parameters).task_id == "gate"


def test_in_a_known_time_zone_naive_and_aware_times_are_compared() -> None:
    window = {"schedule_time_from": "2026-03-01T00:00:00Z", "schedule_time_to": "2026-03-01 03:00:00"}
    with pytest.raises(WeDataConfigError, match="schedule_time_from"):
        sensor(task_ids="1", time_zone="UTC+8", **window)


def test_what_another_task_returns_is_checked_when_the_sensor_runs() -> None:
    with DAG("later", schedule=None):

        @task
        def find() -> list[str]:
            return ["1"]

        gate = sensor(task_ids=find(), schedule_date=DAY, min_instances=find())
    assert {"find", "find__1"} == gate.upstream_task_ids


def test_filters_may_come_from_the_dags_default_args() -> None:
    with DAG(
        "defaults", schedule=None, default_args={"project_id": "7", "time_zone": "UTC+9", "soft_fail": True}
    ):
        gate = sensor(**ONE_TASK)
    assert ("7", "UTC+9", True) == (gate.project_id, gate.time_zone, gate.soft_fail)
    assert {"project_id", "time_zone", "task_ids", "schedule_date"} <= set(gate._filters_and_terms())


def test_every_filter_and_term_is_templated() -> None:
    expected = {
        *("wedata_conn_id", "region", "project_id", "workflow_id", "folder_id", "task_type_id", "cycle_type"),
        *("instance_type", "owner_uin", "task_ids", "instance_keys", "keyword", "schedule_date"),
        *("schedule_time_from", "schedule_time_to", "schedule_time_before", "time_zone"),
        *("instances_per_task", "min_instances", "expected_instances", "completed_after"),
        "times_as_sent",  # no parameter; shown beside them
    }
    assert expected == set(WeDataTaskInstanceSensor.template_fields)


@pytest.mark.parametrize("how", [{}, {"poke_interval": timedelta(minutes=5), "timeout": timedelta(hours=6)}])
def test_what_airflows_sensors_take_this_one_takes(how: dict[str, Any]) -> None:
    gate = sensor(**ONE_TASK, mode="reschedule", exponential_backoff=True, max_wait=600, pool="p", **how)
    assert "reschedule" == gate.mode


def test_the_default_of_deferrable_is_airflows() -> None:
    code = (
        "from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor as S\n"
        f"print(S(task_id='gate', **{ONE_TASK!r}).deferrable)"
    )
    environment = os.environ | {"AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"}
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "True" == ran.stdout.split()[-1]
    assert not sensor(**ONE_TASK).deferrable


@pytest.mark.parametrize(
    ("task_ids", "expected"), [([TASK_ID, "ads_sales_report"], True), ([TASK_ID], False)]
)
def test_a_name_in_the_place_of_an_id_is_pointed_out(
    task_ids: list[str], expected: bool, wait: Any, log_text: Callable[[], str]
) -> None:
    wait.run("poke", task_ids=task_ids, timeout=0)
    assert expected == ("ids are numbers, and names are not looked up: ads_sales_report" in log_text())
