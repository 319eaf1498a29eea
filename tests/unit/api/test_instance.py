"""The row of WeData: every documented field, typed; and what is kept of what nobody documented."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_wedata.api.clock import Window, WireZone, Zone
from airflow_provider_wedata.api.errors import ContradictoryAnswer, UnreadableAnswer
from airflow_provider_wedata.api.instance import FIELD_NAMES, InstanceQuery, TaskInstance, task_of
from airflow_provider_wedata.api.operations import list_task_instances

# The row of the official sample, which was asked for with TimeZone UTC+6.
SAMPLE: dict[str, Any] = {
    "CostTime": 3000,
    "CurRunDate": "2025-10-01 00:00:00",
    "CycleType": "MONTH_CYCLE",
    "EndTime": "2025-08-27 20:24:40",
    "ExecutorGroupId": "20240222212719833743",
    "ExecutorGroupName": "qfh_test",
    "FolderId": "a1eb11e9-6f1a-11ed-8909-bc97e105ba60",
    "FolderName": "默认文件夹",
    "InstanceKey": "20250714200130106_2025-10-01 00:00:00",
    "InstanceState": "COMPLETED",
    "InstanceType": 0,
    "LastUpdateTime": "2025-08-27 20:24:44",
    "OwnerUinList": ["100039182306"],
    "ProjectId": "1460947878944567296",
    "SchedulerTime": "2025-09-30 22:00:00",
    "StartTime": "2025-08-27 20:24:37",
    "TaskId": "20250714200130106",
    "TaskName": "调度参数测试",
    "TaskType": "Shell",
    "TaskTypeId": 35,
    "TotalRunNum": 10,
    "Tries": 1,
    "TryLimit": 5,
    "WorkflowId": "1f0911b9-032e-4e4f-a564-69e4b871d7e2",
    "WorkflowName": "调度参数测试",
}
UTC6 = WireZone(6)


def test_the_official_sample_is_read() -> None:
    row = TaskInstance.read(SAMPLE, UTC6)
    assert row == TaskInstance(
        project_id="1460947878944567296",
        instance_key="20250714200130106_2025-10-01 00:00:00",
        folder_id="a1eb11e9-6f1a-11ed-8909-bc97e105ba60",
        folder_name=SAMPLE["FolderName"],
        workflow_id="1f0911b9-032e-4e4f-a564-69e4b871d7e2",
        workflow_name=SAMPLE["WorkflowName"],
        task_id="20250714200130106",
        task_name=SAMPLE["TaskName"],
        cur_run_date="2025-10-01 00:00:00",
        state="COMPLETED",
        instance_type=0,
        owner_uin_list=("100039182306",),
        total_run_num=10,
        task_type="Shell",
        task_type_id=35,
        cycle_type="MONTH_CYCLE",
        try_limit=5,
        tries=1,
        start_time=datetime(2025, 8, 27, 14, 24, 37, tzinfo=UTC),
        end_time=datetime(2025, 8, 27, 14, 24, 40, tzinfo=UTC),
        cost_time=3000,
        scheduler_time=datetime(2025, 9, 30, 16, tzinfo=UTC),
        last_update_time=datetime(2025, 8, 27, 14, 24, 44, tzinfo=UTC),
        executor_group_id="20240222212719833743",
        executor_group_name="qfh_test",
    )
    assert row.raw == SAMPLE
    assert row.identity == task_of(row.identity) + "_2025-10-01 00:00:00"


@pytest.mark.parametrize("raw", [{}, dict.fromkeys(FIELD_NAMES)], ids=["missing", "null"])
def test_every_field_may_be_null_or_missing(raw: dict[str, Any]) -> None:
    assert TaskInstance.read(raw, UTC6) == TaskInstance()


def test_an_empty_time_is_none() -> None:
    assert TaskInstance.read({"StartTime": ""}, UTC6).start_time is None


def test_numbers_and_texts_may_be_swapped() -> None:
    row = TaskInstance.read(
        {
            "TaskId": 7,
            "ProjectId": 1460947878944567296,
            "Tries": "3",
            "CostTime": "-1",
            "OwnerUinList": [1, None],
        },
        UTC6,
    )
    assert (row.task_id, row.project_id, row.tries, row.cost_time) == ("7", "1460947878944567296", 3, -1)
    assert row.owner_uin_list == ("1", "")


def test_what_nobody_documented_is_kept() -> None:
    raw = SAMPLE | {"InstanceState": "BEAMED_UP", "CycleType": "LUNAR_CYCLE", "NewField": [{"a": 1}]}
    row = TaskInstance.read(raw, UTC6)
    assert (row.state, row.cycle_type, row.raw["NewField"]) == ("BEAMED_UP", "LUNAR_CYCLE", [{"a": 1}])


BAD_TEXTS = [{"TaskId": 1.5}, {"TaskId": True}, {"TaskId": {}}, {"OwnerUinList": "1"}, {"OwnerUinList": [[]]}]
BAD_NUMBERS = [{"Tries": value} for value in (True, 1.5, "", "many", "--5")]
BAD_TIMES = [{"StartTime": value} for value in (1756296000.5, "27/08/2025", "0000-00-00 00:00:00")]


@pytest.mark.parametrize("raw", [None, "text", [1], *BAD_TEXTS, *BAD_NUMBERS, *BAD_TIMES])
def test_a_field_of_an_impossible_type_is_unreadable(raw: Any) -> None:
    with pytest.raises(UnreadableAnswer, match="expected"):
        TaskInstance.read(raw, UTC6)


def test_an_instance_without_a_key_is_known_by_what_a_key_is_made_of() -> None:
    raw = {"TaskId": "7", "CurRunDate": "2025-10-01 00:00:00"}
    assert TaskInstance.read(raw, UTC6).identity == "7_2025-10-01 00:00:00"


@pytest.mark.parametrize(
    ("scheduled", "fits"),
    [
        ("2025-09-30 21:59:59", False),
        ("2025-09-30 22:00:00", True),
        ("2025-10-01 21:59:59", True),
        ("2025-10-01 22:00:00", False),
        (None, True),
    ],
)
def test_a_row_outside_the_window_contradicts_the_question(scheduled: str | None, fits: bool) -> None:
    window = Window(datetime(2025, 9, 30, 16, tzinfo=UTC), datetime(2025, 10, 1, 15, 59, 59, tzinfo=UTC))
    query = InstanceQuery(project_id="1", zone=Zone("UTC+6"), schedule=window)
    response = {"Data": {"TotalCount": 1, "Items": [SAMPLE | {"SchedulerTime": scheduled}]}}
    operation = list_task_instances(query)
    if fits:
        assert operation.parse(response).total == 1
    else:
        with pytest.raises(ContradictoryAnswer, match=r"20250714200130106_.*UTC\+6.*a time zone was misread"):
            operation.parse(response)


def test_a_page_is_asked_for_with_what_the_caller_puts_in_place() -> None:
    query = InstanceQuery(project_id="1", zone=Zone("UTC-5"), keyword="a", sort_column="COST_TIME")
    mine = list_task_instances(
        query, page=3, size=5, keyword="b,c", state="EXPIRED", sort=("SCHEDULE_DATE", "ASC")
    )
    assert mine.parameters == {
        "ProjectId": "1",
        "Keyword": "b,c",
        "TimeZone": "UTC+8",
        "InstanceState": "EXPIRED",
        "SortColumn": "SCHEDULE_DATE",
        "SortType": "ASC",
        "PageNumber": 3,
        "PageSize": 5,
    }
    assert mine.repeatable
