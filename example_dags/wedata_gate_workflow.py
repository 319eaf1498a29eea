"""Continue when a whole WeData workflow is done for the day; the wait in the triggerer holds no worker slot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

# The end of the data interval in a scheduled or backfill run, else the run's logical date or `run_after`.
RUN_TIME = (
    "{{ dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_end"
    " or dag_run.logical_date or dag_run.run_after }}"
)

with DAG("wedata_gate_workflow", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_workflow",
        workflow_id="1f0911b9-032e-4e4f-a564-69e4b871d7e2",
        schedule_date=RUN_TIME,
        # The number of tasks in the workflow; without it, a gate could open before WeData creates the last one.
        expected_instances=8,
        deferrable=True,
        poke_interval=5,
        timeout=3600,
    )

    @task
    def tell(seen: Any) -> str:
        return f"{seen['total']} instances done, the last at {seen['last_end_time']}"

    tell(gate.output)
