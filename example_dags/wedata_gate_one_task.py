"""Publish a report when WeData has computed it for the day of this run."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

with DAG(
    "wedata_gate_one_task", schedule="0 1 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False
):
    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_report",
        task_ids=["20250714200130207"],
        # The day, in the connection's time zone, that holds the run's time: an aware time, never `ds`.
        schedule_date="{{ data_interval_start }}",
        mode="reschedule",
        poke_interval=60,
        timeout=6 * 3600,
    )

    @task
    def publish() -> str:
        return "published"

    gate >> publish()
