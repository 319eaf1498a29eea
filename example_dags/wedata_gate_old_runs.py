"""Clear or backfill runs of any age: WeData keeps instances for three months, and older runs bypass the gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

# The end of the data interval in a scheduled or backfill run, else the run's logical date or `run_after`.
RUN_TIME = (
    "{{ dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_end"
    " or dag_run.logical_date or dag_run.run_after }}"
)
KEPT = timedelta(days=80)  # a little less than three months

with DAG(
    "wedata_gate_old_runs", schedule="0 1 * * *", start_date=datetime(2025, 1, 1, tzinfo=UTC), catchup=False
):

    @task.branch
    def ask_wedata_if_it_still_knows(run_time: str) -> str:
        return "wait_for_report" if datetime.now(UTC) - datetime.fromisoformat(run_time) < KEPT else "publish"

    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_report",
        task_ids=["20250714200130207"],
        schedule_date=RUN_TIME,
        deferrable=True,
    )

    @task(trigger_rule="none_failed_min_one_success")
    def publish() -> str:
        return "published"

    asked, published = ask_wedata_if_it_still_knows(RUN_TIME), publish()
    asked >> gate >> published
    asked >> published
