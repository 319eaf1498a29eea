"""Keep every instance of yesterday as WeData returned it: a compressed file per day, for audits and reports."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_wedata.operators.wedata import WeDataExportTaskInstancesOperator

FOLDER = os.environ.get("EXPORTS", "/var/lib/airflow/exports")  # or s3://connection@bucket/exports
# The run's time (for a scheduled run the end of its data interval) in UTC+8, like WeData's days, minus one day:
# `ds` alone is a day in UTC.
YESTERDAY = (
    "{{ ((dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_end"
    " or dag_run.logical_date or dag_run.run_after) - macros.timedelta(hours=16)) | ds }}"
)

with DAG(
    "wedata_export_yesterday",
    schedule="0 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    WeDataExportTaskInstancesOperator(
        task_id="export",
        schedule_date=YESTERDAY,
        output_path=f"{FOLDER}/instances-{YESTERDAY}.jsonl.gz",
        compression="gzip",
        if_empty="fail",  # a day without instances means that the filters are wrong
    )
