"""Publish a report when WeData has computed it for the day of this run."""

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
    "wedata_gate_one_task", schedule="0 1 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
):
    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_report",
        task_ids=["20250714200130207"],
        schedule_date=RUN_TIME,  # the day that contains it in the connection's time zone; `ds` is a day in UTC
        mode="reschedule",
        poke_interval=60,
        timeout=6 * 3600,
    )

    @task
    def publish() -> str:
        return "published"

    gate >> publish()
