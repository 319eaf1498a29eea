"""Runs started by an asset or a user: the window is relative to the logical date or else `run_after`."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, Asset, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

orders = Asset("x-example://orders")

with DAG("wedata_gate_without_logical_date", schedule=[orders], start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_two_days",
        task_ids=["20250714200130208"],
        # The 24 hours before the run. (The DAG has no time schedule, so there is no data interval.)
        schedule_time_from="{{ (dag_run.logical_date or dag_run.run_after) - macros.timedelta(days=1) }}",
        schedule_time_before="{{ dag_run.logical_date or dag_run.run_after }}",
        appear_timeout=1800,
        deferrable=True,
        poke_interval=30,
    )

    @task
    def go_on() -> str:
        return "went on"

    gate >> go_on()
