"""Named scenarios, deterministic: the instances of a world, and how they change over time.

Demos and example DAGs may use the ids here. Times are relative to the world's clock; `speed` shortens the time
until each change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_wedata.emulator.clock import midnight, text
from airflow_provider_wedata.emulator.instance import (
    FIRST_TASK_ID,
    FOLDER_ID,
    FOREIGN_PROJECT_ID,
    PROJECT_ID,
    WORKFLOW_ID,
    Instance,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_wedata.emulator.world import World

__all__ = ["FOLDER_ID", "FOREIGN_PROJECT_ID", "PROJECT_ID", "SCENARIOS", "WORKFLOW_ID"]

DAY, HOUR, MINUTE = 86_400, 3_600, 60
DAILY_TASKS = {  # name -> id; each task waits for the one before it
    "ods_orders": "20250714200130201",
    "ods_customers": "20250714200130202",
    "dwd_orders": "20250714200130203",
    "dwd_customers": "20250714200130204",
    "dws_sales_by_day": "20250714200130205",
    "dws_retention": "20250714200130206",
    "ads_sales_report": "20250714200130207",
    "ads_export": "20250714200130208",
}
FLAKY_TASK = "dwd_customers"
HOURLY_TASK_ID = "20250714200130301"
HOURLY_WORKFLOW_ID = "5d0c2a4e-7b1f-4c56-9a3e-0b6f1f0f2c11"
FAILING_TASKS = {
    "ods_payments": "20250714200130401",
    "dwd_payments": "20250714200130402",
    "ads_payments": "20250714200130403",
}
FAILING_WORKFLOW_ID = "9f3b6c1a-2d84-4e0b-8c55-6a7d1e9b4f22"
LARGE_COUNT = 176_022  # the TotalCount of the official sample
LARGE_DAYS = 90  # WeData keeps three months


def daily(world: World, speed: float = 1.0) -> None:
    """Eight tasks in sequence: yesterday's are done, today's run one by one for 25 seconds; one is retried."""
    today = midnight(world.now())
    for at, (name, task_id) in enumerate(DAILY_TASKS.items()):
        planned = today + at * 5 * MINUTE
        done = {"state": "COMPLETED", "start_time": planned - DAY, "end_time": planned - DAY + 3 * MINUTE}
        world.add(
            task_id=task_id,
            task_name=name,
            schedule_time=planned - DAY,
            last_update_time=planned - DAY + 3 * MINUTE,
            cost_ms=3 * MINUTE * 1000,
            **done,
        )
        waits = "WAIT_UPSTREAM" if at else "WAIT_RUN"
        key = world.add(task_id=task_id, task_name=name, schedule_time=planned, state=waits).key
        begin = 1 + 3 * at
        retry = [(1, "FAILED_RETRY"), (2, "RUNNING")] if name == FLAKY_TASK else []
        life = [(0, "WAIT_RUN"), (0.5, "RUNNING"), *retry, (3, "COMPLETED")]
        world.script(key, [((begin + seconds) / speed, state) for seconds, state in life])


def hourly(world: World, speed: float = 1.0) -> None:
    """24 instances of an hourly task for today; one completes every second."""
    today = midnight(world.now())
    for hour in range(24):
        key = world.add(
            task_id=HOURLY_TASK_ID,
            task_name="hourly_clicks",
            workflow_id=HOURLY_WORKFLOW_ID,
            workflow_name="hourly_clicks",
            cycle_type="HOUR_CYCLE",
            schedule_time=today + hour * HOUR,
        ).key
        world.script(key, [((hour + 0.5) / speed, "RUNNING"), ((hour + 1) / speed, "COMPLETED")])


def failing(world: World, speed: float = 1.0) -> None:
    """Three tasks; the second fails, is retried, and expires after eight seconds; the third never runs."""
    lives = {
        "ods_payments": [(1, "RUNNING"), (3, "COMPLETED")],
        "dwd_payments": [(3, "RUNNING"), (5, "FAILED_RETRY"), (6, "RUNNING"), (8, "EXPIRED")],
        "ads_payments": [],
    }
    for name, task_id in FAILING_TASKS.items():
        key = world.add(
            task_id=task_id,
            task_name=name,
            workflow_id=FAILING_WORKFLOW_ID,
            workflow_name="daily_payments",
            schedule_time=midnight(world.now()),
            state="WAIT_UPSTREAM",
            try_limit=2,
            error_message="Table ods_payments has no partition for this day."
            if name == "dwd_payments"
            else "",
        ).key
        world.script(key, [(seconds / speed, state) for seconds, state in lives[name]])


def large(world: World, speed: float = 1.0, count: int = LARGE_COUNT, days: int = LARGE_DAYS) -> None:  # noqa: ARG001  # nothing changes
    """176,022 instances, as in the official sample, over three months; none changes."""
    world.load(_history(midnight(world.now()), count, days))


def empty(world: World, speed: float = 1.0) -> None:
    """Nothing: a project without tasks."""


def _history(today: int, count: int, days: int) -> Iterator[Instance]:
    per_day = -(-count // days)
    tasks = [(str(FIRST_TASK_ID + 1000 + task), f"task_{task:05}") for task in range(per_day)]
    for at in range(count):
        day, task = divmod(at, per_day)
        planned = today - (days - day) * DAY + task * DAY // per_day
        state, runs = ("EXPIRED", 5) if at % 97 == 0 else ("COMPLETED", 1)
        yield Instance(
            task_id=tasks[task][0],
            cur_run_date=text(planned),
            task_name=tasks[task][1],
            schedule_time=planned,
            state=state,
            start_time=planned + 1,
            end_time=planned + MINUTE,
            cost_ms=(MINUTE - 1) * 1000,
            last_update_time=planned + MINUTE,
            tries=runs,
            total_run_num=runs,
        )


SCENARIOS: dict[str, Callable[[World, float], None]] = {
    "daily": daily,
    "hourly": hourly,
    "failing": failing,
    "large": large,
    "empty": empty,
}
