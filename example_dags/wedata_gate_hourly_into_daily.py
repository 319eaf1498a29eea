"""Aggregate a day when all its hours are complete: an hourly WeData task into a daily DAG."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

# The end of the data interval in a scheduled or backfill run, else the run's logical date or `run_after`.
RUN_TIME = (
    "{{ dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_end"
    " or dag_run.logical_date or dag_run.run_after }}"
)

with DAG(
    "wedata_gate_hourly_into_daily",
    schedule="30 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_24_hours",
        task_ids="20250714200130301",
        schedule_date=RUN_TIME,
        instances_per_task=24,  # without it, the first completed hour would be enough
        poke_interval=60,
        deferrable=True,
    )

    @task
    def add_up() -> str:
        return "added up"

    gate >> add_up()
