"""Add up a day when all its hours are there: an hourly WeData task into a daily DAG."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

with DAG(
    "wedata_gate_hourly_into_daily",
    schedule="30 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_24_hours",
        task_ids="20250714200130301",
        schedule_date="{{ data_interval_start }}",
        instances_per_task=24,  # else the first hour alone would look complete
        poke_interval=60,
        deferrable=True,
    )

    @task
    def add_up() -> str:
        return "added up"

    gate >> add_up()
