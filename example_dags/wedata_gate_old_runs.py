"""Clear or backfill runs of any age: WeData keeps instances for three months, and older runs go round the gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor

KEPT = timedelta(days=80)  # a little less than three months

with DAG(
    "wedata_gate_old_runs", schedule="0 1 * * *", start_date=datetime(2025, 1, 1, tzinfo=UTC), catchup=False
):

    @task.branch
    def ask_wedata_if_it_still_knows(data_interval_start: datetime | None = None) -> str:
        known = data_interval_start is None or datetime.now(UTC) - data_interval_start < KEPT
        return "wait_for_report" if known else "publish"

    gate = WeDataTaskInstanceSensor(
        task_id="wait_for_report",
        task_ids=["20250714200130207"],
        schedule_date="{{ data_interval_start }}",
        poke_interval=60,
        deferrable=True,
    )

    @task(trigger_rule="none_failed_min_one_success")
    def publish() -> str:
        return "published"

    asked, published = ask_wedata_if_it_still_knows(), publish()
    asked >> gate >> published
    asked >> published
