"""One task instance, with times in epoch seconds, and the made-up default ids of a world.

Holds the documented states and cycles, and builds the key. Rendering, filters and pages are left to other
modules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STATES = (
    "WAIT_EVENT",
    "WAIT_UPSTREAM",
    "WAIT_RUN",
    "RUNNING",
    "SKIP_RUNNING",
    "FAILED_RETRY",
    "EXPIRED",
    "COMPLETED",
)
CYCLES = (
    "ONEOFF_CYCLE",
    "YEAR_CYCLE",
    "MONTH_CYCLE",
    "WEEK_CYCLE",
    "DAY_CYCLE",
    "HOUR_CYCLE",
    "MINUTE_CYCLE",
    "CRONTAB_CYCLE",
)
BACKFILL, CYCLIC, NON_CYCLIC = INSTANCE_TYPES = (0, 1, 2)

PROJECT_ID = "1460947878944567296"
FOREIGN_PROJECT_ID = "1531612696090365952"  # exists, but the account is not a member of it
WORKFLOW_ID = "1f0911b9-032e-4e4f-a564-69e4b871d7e2"
FOLDER_ID = "a1eb11e9-6f1a-11ed-8909-bc97e105ba60"
OWNER_UIN = "100039182306"
EXECUTOR_GROUP_ID = "20240222212719833743"
FIRST_TASK_ID = 20250714200130106


@dataclass(slots=True, kw_only=True, eq=False)
class Instance:
    """A row of the response before it is rendered.

    Times are whole epoch seconds or None. `state` may be any word. `extra` overrides the rendered row: with a
    field that WeData does not have today, or with an invalid value in a known one.
    """

    task_id: str
    cur_run_date: str
    project_id: str = PROJECT_ID
    folder_id: str | None = FOLDER_ID
    folder_name: str | None = "默认文件夹"
    workflow_id: str | None = WORKFLOW_ID
    workflow_name: str | None = "daily_sales"
    task_name: str | None = "load_orders"
    state: str | None = "WAIT_RUN"
    instance_type: int | None = CYCLIC
    owner_uins: tuple[str, ...] | None = (OWNER_UIN,)
    total_run_num: int | None = 0
    task_type: str = "Shell"
    task_type_id: int | None = 35
    cycle_type: str | None = "DAY_CYCLE"
    try_limit: int | None = 5
    tries: int | None = 0
    start_time: int | None = None
    end_time: int | None = None
    cost_ms: int | None = 0
    schedule_time: int | None = None
    last_update_time: int | None = None
    executor_group_id: str | None = EXECUTOR_GROUP_ID
    executor_group_name: str | None = "default_group"
    error_message: str = ""
    extra: dict[str, Any] | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = f"{self.task_id}_{self.cur_run_date}"
