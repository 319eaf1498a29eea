"""Add up a day when all its hours are there: an hourly WeData task into a daily DAG."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

# A scheduled or backfill run is for the end of its data interval, any other run for the time it was started for.
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
        instances_per_task=24,  # else the first hour alone would look complete
        poke_interval=60,
        deferrable=True,
    )

    @task
    def add_up() -> str:
        return "added up"

    gate >> add_up()
