"""Parse and render zones, times, rows and pages as the service does.

As seen in the official samples, `TimeZone` applies to SchedulerTime, StartTime, EndTime and LastUpdateTime in the
response, and never to CurRunDate or InstanceKey. Filters are left to query.py.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.emulator.clock import TEXT, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_wedata.emulator.instance import Instance

ZONE = re.compile(r"UTC(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::(?P<minutes>[0-5]\d))?)?")
WESTMOST, EASTMOST = timedelta(hours=-12), timedelta(hours=14)


def parse_zone(name: str) -> timezone:
    """Return the zone of `UTC`, `UTC+N`, `UTC-N` or `UTC+HH:MM`; anything else is a ValueError."""
    found = ZONE.fullmatch(name)
    if found is None:
        raise ValueError("is not a zone of the form UTC+8")
    offset = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    offset = -offset if found["sign"] == "-" else offset
    if not WESTMOST <= offset <= EASTMOST:
        raise ValueError("is not within UTC-12 to UTC+14")
    return timezone(offset)


def parse_time(value: str) -> datetime:
    """Return the wall-clock time of `yyyy-MM-dd HH:mm:ss`, without a zone; anything else is a ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value, re.ASCII):
        raise ValueError("is not of the form yyyy-MM-dd HH:mm:ss")
    return datetime.strptime(value, TEXT)  # noqa: DTZ007  # the zone is another parameter


def render_time(second: int | None, zone: timezone) -> str | None:
    """Return a time as wall-clock time in a zone, without the zone."""
    return None if second is None else text(second, zone)


def render_row(row: Instance, zone: timezone) -> dict[str, Any]:
    """Return the 25 fields of TaskInstance, overridden by the instance's `extra`."""
    return {
        "ProjectId": row.project_id,
        "InstanceKey": row.key,
        "FolderId": row.folder_id,
        "FolderName": row.folder_name,
        "WorkflowId": row.workflow_id,
        "WorkflowName": row.workflow_name,
        "TaskId": row.task_id,
        "TaskName": row.task_name,
        "CurRunDate": row.cur_run_date,
        "InstanceState": row.state,
        "InstanceType": row.instance_type,
        "OwnerUinList": None if row.owner_uins is None else list(row.owner_uins),
        "TotalRunNum": row.total_run_num,
        "TaskType": row.task_type,
        "TaskTypeId": row.task_type_id,
        "CycleType": row.cycle_type,
        "TryLimit": row.try_limit,
        "Tries": row.tries,
        "StartTime": render_time(row.start_time, zone),
        "EndTime": render_time(row.end_time, zone),
        "CostTime": row.cost_ms,
        "SchedulerTime": render_time(row.schedule_time, zone),
        "LastUpdateTime": render_time(row.last_update_time, zone),
        "ExecutorGroupId": row.executor_group_id,
        "ExecutorGroupName": row.executor_group_name,
    } | (row.extra or {})


def render_page(items: Iterable[dict[str, Any]], total: int, number: int, size: int) -> dict[str, Any]:
    """Return a page in the format of all list actions."""
    return {
        "Items": list(items),
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": total,
        "TotalPageNumber": -(-total // size),
    }
