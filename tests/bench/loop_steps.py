"""How long one wait keeps a triggerer's event loop from all others: `python tests/bench/loop_steps.py [ids]`.

The waits are for 10,000 instances, named or not. Each is a real trigger that polls an emulator in a process of
its own, with everything imported that a triggerer imports. A step should take less than 50 ms of CPU. Garbage
collections are shown separately: they visit all objects of the process, and most of them are Airflow's. Below are
the parts of the largest steps, and what only the worker does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from service import DAY, instance_keys, service, task_ids
from steps import measured_steps

from airflow_provider_wedata.api.models import TaskInstance
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator.scenarios import PROJECT_ID, WORKFLOW_ID
from airflow_provider_wedata.triggers.wedata import WeDataTaskInstanceTrigger
from airflow_provider_wedata.waiting.evidence import changed, lives
from airflow_provider_wedata.waiting.parameters import parse_watch
from airflow_provider_wedata.waiting.rows import decode_watch, encode_watch
from airflow_provider_wedata.waiting.schedule import PollSchedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.waiting.watch import Watch

WHAT = 48


def watch_of(filters: dict[str, Any]) -> Watch:
    return parse_watch(filters, project_id="", time_zone=Zone("UTC+8"))


def show_wait(what: str, filters: dict[str, Any], *, seconds: float = 3600.0, before: bool = False) -> None:
    """Run a wait that looks at once to its end, and print its largest step.

    :param before: with a row as the release before wrote it.
    """
    now = time.time()
    row = filters if before else encode_watch(watch_of(filters))
    wait = WeDataTaskInstanceTrigger(
        watch=row,
        patience=PollSchedule(started=now, timeout=seconds).to_json(),
        wedata_conn_id="wedata_default",
        next_look=now,
    )
    with measured_steps() as steps:
        event = asyncio.run(anext(wait.run())).payload
    print(
        f"{what:{WHAT}}{1000 * steps.most:10.1f}{1000 * steps.collection:12.1f}{steps.number:8}  "
        f"{event['verdict']['status']:8}{len(json.dumps(row)):9}{len(json.dumps(event)):9}",
        flush=True,
    )


def show_waits(number: int) -> None:
    filters = {"project_id": PROJECT_ID, "schedule_date": DAY, "time_zone": "UTC+8"}
    named = filters | {"task_ids": task_ids(number), "instance_keys": instance_keys(number)}
    whole = filters | {"workflow_id": WORKFLOW_ID, "min_instances": 1}
    quick = {"requests_per_second": 1000}
    print(
        f"{'a wait, from its start to its end':{WHAT}}{'step/ms':>10}{'collect/ms':>12}{'steps':>8}  {'ended':8}"
        f"{'row':>9}{'event':>9} bytes"
    )
    with service(number=100, state="COMPLETED", **quick):
        show_wait("100 of a workflow, the first of a process", whole)
        show_wait("100 of a workflow", whole)
    with service(number=number, state="COMPLETED", **quick):
        show_wait(f"{number} named", named)
        show_wait(f"{number} named, by the release before", named, before=True)
        show_wait(f"{number} of a workflow", whole)
        show_wait(f"{number} of a workflow, each of them read", whole | {"completed_after": DAY})
    with service(number=number, state="EXPIRED", **quick):
        show_wait(f"{number} named, all failed", named)
    with service(number=number, state="COMPLETED", absent=number // 10, **quick):
        show_wait(f"{number} named, a tenth absent, timed out", named, seconds=0.0)


def show_part(what: str, part: Callable[[], Any]) -> Any:
    """Print the least CPU of three runs, and return what the part returns."""
    least = float("inf")
    for _ in range(3):
        began = time.thread_time()
        found = part()
        least = min(least, time.thread_time() - began)
    print(f"{what:{WHAT}}{1000 * least:10.1f}")
    return found


def show_parts(number: int) -> None:
    print(f"\n{f'a part, with {number} instance keys and task ids':{WHAT}}{'CPU/ms':>10}")
    filters = {"project_id": PROJECT_ID, "schedule_date": DAY, "time_zone": "UTC+8"}
    filters |= {"task_ids": task_ids(number), "instance_keys": instance_keys(number)}
    watch = show_part("parse_watch, on the worker", lambda: watch_of(filters))
    row = show_part("encode_watch, on the worker", lambda: encode_watch(watch))
    show_part("decode_watch", lambda: decode_watch(row))
    show_part("decode_watch, by the release before", lambda: decode_watch(filters))
    raw, zone, keys = raw_rows(number), watch.query.zone.wire, watch.query.instance_keys
    rows = [TaskInstance.parse(item, zone) for item in raw]
    show_part("100 rows with all fields", lambda: [TaskInstance.parse(item, zone) for item in raw[-100:]])
    show_part("which of them match", lambda: [row for row in rows[-100:] if watch.query.matches(row)])
    census = show_part("census", lambda: watch.condition.census(rows, named=keys))
    show_part("judge", lambda: watch.condition.judge(census, window_over=True))
    half = watch.condition.census(rows[: number // 2], named=keys)
    show_part("judge, half of them absent", lambda: watch.condition.judge(half, window_over=True))
    first = show_part("what to compare a second reading with", lambda: lives(rows))
    show_part("compare it", lambda: changed(first, rows))
    show_part("what is waited for, in words", watch.summary)


def raw_rows(number: int) -> list[dict[str, Any]]:
    row = {
        "ProjectId": PROJECT_ID,
        "FolderId": "a1eb11e9-6f1a-11ed-8909-bc97e105ba60",
        "FolderName": "default",
        "WorkflowId": WORKFLOW_ID,
        "WorkflowName": "daily_sales",
        "TaskName": "load_orders",
        "CurRunDate": f"{DAY} 00:00:00",
        "InstanceState": "COMPLETED",
        "InstanceType": 1,
        "OwnerUinList": ["100039182306"],
        "TotalRunNum": 1,
        "TaskType": "Shell",
        "TaskTypeId": 35,
        "CycleType": "DAY_CYCLE",
        "TryLimit": 5,
        "Tries": 1,
        "StartTime": f"{DAY} 00:00:00",
        "EndTime": f"{DAY} 00:01:00",
        "CostTime": 60000,
        "SchedulerTime": f"{DAY} 00:00:00",
        "LastUpdateTime": f"{DAY} 00:01:00",
        "ExecutorGroupId": "20240222212719833743",
        "ExecutorGroupName": "default_group",
    }
    named = zip(task_ids(number), instance_keys(number), strict=True)
    return [row | {"TaskId": task_id, "InstanceKey": key} for task_id, key in named]


def main(number: int) -> None:
    """Measure, and print."""
    import_module("airflow.jobs.triggerer_job_runner")
    show_waits(number)
    show_parts(number)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
