"""Export the instances of a day as parquet, and count their states with DuckDB: a report in two tasks."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_wedata.operators.wedata import WeDataExportTaskInstancesOperator

FOLDER = os.environ.get("EXPORTS", "/var/lib/airflow/exports")
# The end of the data interval in a scheduled or backfill run, else the run's logical date or `run_after`.
RUN_TIME = (
    "{{ dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_end"
    " or dag_run.logical_date or dag_run.run_after }}"
)

with DAG("wedata_export_and_read", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    export = WeDataExportTaskInstancesOperator(
        task_id="export",
        schedule_date=RUN_TIME,
        output_path=f"{FOLDER}/instances.parquet",
        file_format="parquet",  # needs airflow-provider-wedata[parquet]
        compression="zstd",
    )

    @task
    def report(exported: Any) -> dict[str, int]:
        import duckdb  # noqa: PLC0415 - when the task runs, not when the DAG is parsed

        counts = "SELECT InstanceState, count(*) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL"
        return dict(duckdb.execute(counts, [exported["path"]]).fetchall())

    report(export.output)
