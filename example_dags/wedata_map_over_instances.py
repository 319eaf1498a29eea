"""One Airflow task for each WeData instance of the day: dynamic task mapping over a list of instances."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.operators.wedata import WeDataListTaskInstancesOperator
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

# The end of the data interval in a scheduled or backfill run, else the run's logical date or `run_after`.
RUN_TIME = (
    "{{ dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_end"
    " or dag_run.logical_date or dag_run.run_after }}"
)

with DAG(
    "wedata_map_over_instances",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    instances = WeDataListTaskInstancesOperator(
        task_id="list",
        workflow_id="1f0911b9-032e-4e4f-a564-69e4b871d7e2",
        schedule_date=RUN_TIME,
        fields=["InstanceKey", "TaskName"],
    )

    @task
    def key_of(instance: dict[str, str]) -> str:
        return instance["InstanceKey"]

    WeDataTaskInstanceSensor.partial(
        task_id="wait_for_each",
        schedule_date=RUN_TIME,
        poke_interval=30,
        deferrable=True,
    ).expand(instance_keys=key_of.expand(instance=instances.output))
