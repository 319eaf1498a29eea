"""A row of WeData: every documented field, typed, and what is kept of undocumented ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest

from airflow_provider_wedata.api.errors import ContradictoryAnswer, UnreadableAnswer
from airflow_provider_wedata.api.models import FIELD_NAMES, TaskInstance
from airflow_provider_wedata.api.operations import Page, list_task_instances
from airflow_provider_wedata.api.query import InstanceQuery, task_of
from airflow_provider_wedata.api.times import TimeWindow, WireZone, Zone

# The row of the official sample, which was requested with TimeZone UTC+6.
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
NAN, INFINITY = float("nan"), float("inf")
#: A number with more digits than Python spells.
TOO_LONG = 10**5000


def test_the_official_sample_is_read() -> None:
    row = TaskInstance.parse(SAMPLE, UTC6)
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
    assert TaskInstance.parse(raw, UTC6) == TaskInstance()


def test_an_empty_time_is_none() -> None:
    assert TaskInstance.parse({"StartTime": ""}, UTC6).start_time is None


def test_numbers_and_texts_may_be_swapped() -> None:
    row = TaskInstance.parse(
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
    row = TaskInstance.parse(raw, UTC6)
    assert (row.state, row.cycle_type, row.raw["NewField"]) == ("BEAMED_UP", "LUNAR_CYCLE", [{"a": 1}])


class TestWhatDecides:
    """Identity, state and schedule time: they are parsed, or the response is rejected."""

    BAD_TEXTS: ClassVar = [
        {name: value}
        for name in ("InstanceKey", "TaskId", "CurRunDate")
        for value in (1.5, True, {}, [], NAN, INFINITY, TOO_LONG)
    ]
    BAD_STATES: ClassVar = [{"InstanceState": value} for value in (2, 0, 1.5, True, ["COMPLETED"], {}, NAN)]
    BAD_TIMES: ClassVar = [
        {"SchedulerTime": value}
        for value in (
            "-",
            "27/08/2025",
            "0000-00-00 00:00:00",
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59",
            "2025-08-27",
            "2025-08-27 20:24",
            "20250827 20:24:37",
            "2025-08-27x20:24:37",
            "2025-08-27 20:24:37\n",
            " 2025-08-27 20:24:37",
            "2025-08-27 24:00:00",
            "2025-08-27 20:24:60",
            "2025-02-30 00:00:00",
            "\uff12025-08-27 20:24:37",
            "2025-08-27 20:24:37+24:00",
            1756296000,
            1756296000.5,
            True,
            [],
            NAN,
        )
    ]

    @pytest.mark.parametrize("raw", [None, "text", [1], [TOO_LONG], *BAD_TEXTS, *BAD_STATES, *BAD_TIMES])
    def test_is_read_or_refused(self, raw: Any) -> None:
        with pytest.raises(UnreadableAnswer, match="expected"):
            TaskInstance.parse(raw, UTC6)

    def test_is_named_with_its_value(self) -> None:
        with pytest.raises(UnreadableAnswer) as refused:
            TaskInstance.parse(SAMPLE | {"InstanceState": 2}, UTC6)
        assert "InstanceState is 2; expected text" == str(refused.value)

    @pytest.mark.parametrize("state", ["", " COMPLETED", "completed", "COMPLETED\n", "BEAMED_UP", None])
    def test_a_state_is_kept_as_it_came(self, state: str | None) -> None:
        assert state == TaskInstance.parse({"InstanceState": state}, UTC6).state

    def test_an_empty_schedule_time_is_null(self) -> None:
        row = TaskInstance.parse({"SchedulerTime": ""}, UTC6)
        assert (None, frozenset()) == (row.scheduler_time, row.unreadable)


class TestWhatDecidesNothing:
    """Any other field: None if it can't be parsed, named, and unchanged in the raw row."""

    BAD: ClassVar = [
        *[
            {"Tries": value}
            for value in (True, 1.5, "", "many", "--5", "1_0", " 1", "\uff11", NAN, INFINITY, [])
        ],
        *[{"CostTime": value} for value in ("", 8000.5, "8000.5", TOO_LONG, "9" * 5000, {})],
        {"TaskTypeId": "Shell"},
        *[{"TaskName": value} for value in (1.5, True, {}, NAN, TOO_LONG)],
        *[{"OwnerUinList": value} for value in ("1", {}, 1, [[]], [1.5], [True])],
        *[{"CycleType": value} for value in (1, 1.0, True, ["DAY_CYCLE"], {}, NAN)],
        *[
            {name: value}
            for name in ("StartTime", "EndTime", "LastUpdateTime")
            for value in ("-", "0000-00-00 00:00:00", "27/08/2025", "20250827", 1756296000, 1756296000.5, NAN)
        ],
        *[
            {"EndTime": value}
            for value in ("0001-01-01 00:00:00", "0001-01-01T00:00:00Z", "9999-12-31 23:59:59")
        ],
    ]

    @pytest.mark.parametrize("bad", BAD)
    def test_is_null_and_named_where_it_can_not_be_read(self, bad: dict[str, Any]) -> None:
        raw = SAMPLE | bad
        row, (name,) = TaskInstance.parse(raw, UTC6), bad
        assert TaskInstance.parse(SAMPLE | {name: None}, UTC6) == row
        assert (frozenset({name}), raw) == (row.unreadable, row.raw)

    @pytest.mark.parametrize("number", [8, "8", 8.0, "8.0", "08"])
    def test_a_whole_number_may_come_as_text_or_with_a_point(self, number: object) -> None:
        row = TaskInstance.parse({"TotalRunNum": number}, UTC6)
        assert (8, int, frozenset()) == (row.total_run_num, type(row.total_run_num), row.unreadable)

    @pytest.mark.parametrize(
        "text",
        [
            "2025-08-27 20:24:37",
            "2025-08-27T20:24:37",
            "2025-08-27T14:24:37Z",
            "2025-08-27 16:24:37+02:00",
            "2025-08-27 20:24:37.0",
        ],
    )
    def test_a_time_may_have_a_t_a_fraction_and_an_offset(self, text: str) -> None:
        expected = datetime(2025, 8, 27, 14, 24, 37, tzinfo=UTC)
        assert expected == TaskInstance.parse({"EndTime": text}, UTC6).end_time

    @pytest.mark.parametrize("text", ["0002-01-01 00:00:00", "9998-12-31 23:59:59"])
    @pytest.mark.parametrize("hours", [-23, 23])
    @pytest.mark.parametrize("wire", [1, 14])
    def test_a_time_that_is_kept_is_one_in_every_zone(self, text: str, hours: int, wire: int) -> None:
        moment = TaskInstance.parse({"EndTime": text}, WireZone(wire)).end_time
        assert moment is not None
        assert moment == moment.astimezone(timezone(timedelta(hours=hours)))


def test_an_instance_without_a_key_is_known_by_what_a_key_is_made_of() -> None:
    raw = {"TaskId": "7", "CurRunDate": "2025-10-01 00:00:00"}
    assert TaskInstance.parse(raw, UTC6).identity == "7_2025-10-01 00:00:00"


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
def test_a_row_outside_the_window_contradicts_the_request(scheduled: str | None, fits: bool) -> None:
    window = TimeWindow(datetime(2025, 9, 30, 16, tzinfo=UTC), datetime(2025, 10, 1, 15, 59, 59, tzinfo=UTC))
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


class TestPage:
    def parse(self, data: object) -> Page:
        return list_task_instances(InstanceQuery(project_id="1", zone=Zone("UTC+6"))).parse({"Data": data})

    @pytest.mark.parametrize("count", [1, "1", 1.0, "1.0"])
    def test_a_count_may_come_as_text_or_with_a_point(self, count: object) -> None:
        page = self.parse({"TotalCount": count, "Items": [SAMPLE]})
        assert (1, int, (TaskInstance.parse(SAMPLE, UTC6),)) == (page.total, type(page.total), page.rows)

    @pytest.mark.parametrize("count", [176_022, 2**63, "18446744073709551616", 1e18])
    def test_a_count_may_be_huge(self, count: Any) -> None:
        assert int(count) == self.parse({"TotalCount": count, "Items": [SAMPLE]}).total

    @pytest.mark.parametrize("items", [{}, {"Items": None}, {"Items": []}])
    @pytest.mark.parametrize("count", [{}, {"TotalCount": None}, {"TotalCount": 0}, {"TotalCount": "0"}])
    def test_nothing_is_an_empty_page(self, items: dict[str, Any], count: dict[str, Any]) -> None:
        assert Page(0, ()) == self.parse(items | count)

    @pytest.mark.parametrize("items", [{}, {"Items": None}, {"Items": []}])
    def test_a_count_without_rows_is_a_page(self, items: dict[str, Any]) -> None:
        assert Page(150, ()) == self.parse({"TotalCount": 150} | items)

    @pytest.mark.parametrize(
        "count", [True, -1, 1.5, "x", "1.5", "-1", "", " 1", NAN, INFINITY, 1e400, [TOO_LONG], [], {}]
    )
    def test_what_is_no_count_is_refused(self, count: object) -> None:
        with pytest.raises(UnreadableAnswer, match=r"^TotalCount is .*; expected a whole number$"):
            self.parse({"TotalCount": count, "Items": []})

    def test_nor_is_one_that_python_does_not_spell(self) -> None:
        with pytest.raises(UnreadableAnswer, match="TotalCount is <int>, with"):
            self.parse({"TotalCount": TOO_LONG, "Items": []})

    def test_rows_without_a_count_are_refused(self) -> None:
        with pytest.raises(
            UnreadableAnswer, match=r"^TotalCount is None, with 1 items; expected a whole number$"
        ):
            self.parse({"TotalCount": None, "Items": [SAMPLE]})

    @pytest.mark.parametrize("items", ["", 0, {}, "x", False])
    def test_items_that_are_no_list_are_refused(self, items: object) -> None:
        with pytest.raises(UnreadableAnswer, match=r"^Items is .*; expected a list$"):
            self.parse({"TotalCount": 0, "Items": items})

    @pytest.mark.parametrize("data", [None, [], "x", 1, [TOO_LONG]])
    def test_data_that_is_no_object_is_refused(self, data: object) -> None:
        with pytest.raises(UnreadableAnswer, match=r"^Data is .*; expected an object"):
            self.parse(data)
