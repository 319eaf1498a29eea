"""Keep every instance of yesterday as WeData tells it: a file a day, compressed, for audits and reports."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_wedata.operators.wedata import WeDataExportTaskInstancesOperator

FOLDER = os.environ.get("EXPORTS", "/var/lib/airflow/exports")  # or s3://connection@bucket/exports
YESTERDAY = "((dag_run.data_interval_end or dag_run.run_after) - macros.timedelta(days=1))"

with DAG(
    "wedata_export_yesterday",
    schedule="0 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    WeDataExportTaskInstancesOperator(
        task_id="export",
        schedule_date=f"{{{{ {YESTERDAY} }}}}",  # the day, in the connection's time zone, that holds this moment
        output_path=f"{FOLDER}/instances-{{{{ {YESTERDAY} | ds }}}}.jsonl.gz",
        compression="gzip",
        if_empty="fail",  # a day without instances is a mistake in the filters
    )
