"""What ListTaskInstances and the other actions accept, refuse and return."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.emulator import Emulator, Reply, Request, SteppedClock
from airflow_provider_wedata.emulator.clock import text
from airflow_provider_wedata.emulator.instance import FOREIGN_PROJECT_ID, PROJECT_ID, STATES
from airflow_provider_wedata.emulator.parameters import LIST_TASK_INSTANCES
from airflow_provider_wedata.emulator.rendering import parse_zone

START = "2026-03-01 12:00:00"
SAMPLE_IN_UTC_6 = {
    "CurRunDate": "2025-10-01 00:00:00",
    "InstanceKey": "20250714200130106_2025-10-01 00:00:00",
    "SchedulerTime": "2025-09-30 22:00:00",
    "StartTime": "2025-08-27 20:24:37",
    "EndTime": "2025-08-27 20:24:40",
    "LastUpdateTime": "2025-08-27 20:24:44",
}


def code(response: dict[str, Any]) -> str | None:
    error: dict[str, str] = response.get("Error", {})
    return error.get("Code")


def names(response: dict[str, Any]) -> list[str]:
    return [row["TaskName"] for row in response["Data"]["Items"]]


class TestForm:
    def test_the_content_type_is_bare_and_the_date_is_the_worlds(
        self, wedata: Emulator, sign_request: Any
    ) -> None:
        reply = wedata.answer(sign_request(wedata, "ListProjects"))
        assert isinstance(reply, Reply)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
        assert parsedate_to_datetime(reply.headers["Date"]).timestamp() == wedata.clock.now()

    def test_request_ids_differ_and_repeat_with_the_seed(self, ask: Any) -> None:
        def ids(seed: int) -> list[str]:
            wedata = Emulator(clock=SteppedClock(START), seed=seed)
            return [ask(wedata)["RequestId"] for _ in range(3)]

        assert len({*ids(1), *ids(2)}) == 6
        assert ids(1) == ids(1)

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({"X-TC-Version": "2021-08-20"}, "NoSuchVersion"),
            ({"X-TC-Action": "RunEverything"}, "InvalidAction"),
            ({"X-TC-Region": "eu-atlantis"}, "UnsupportedRegion"),
            ({"Content-Type": "text/plain"}, "UnsupportedProtocol"),
            ({"Content-Type": "application/json; charset=utf-8"}, None),
        ],
    )
    def test_headers_are_read(
        self, wedata: Emulator, sign_request: Any, headers: dict[str, str], expected: str | None
    ) -> None:
        signed = sign_request(wedata, params={"ProjectId": PROJECT_ID}, headers=headers)
        assert wedata.answer(signed).error == expected

    def test_other_methods_are_not_supported(self, wedata: Emulator, sign_request: Any) -> None:
        signed = sign_request(wedata, params={"ProjectId": PROJECT_ID})
        assert wedata.answer(Request("PUT", "/", signed.headers, signed.body)).error == "UnsupportedProtocol"

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"null", b"{", b"\xff", b'{"PageSize": NaN}', b'{"PageSize": 1, "PageSize": 2}']
    )
    def test_the_body_is_one_json_object(self, wedata: Emulator, sign_request: Any, body: bytes) -> None:
        assert wedata.answer(sign_request(wedata, body=body)).error == "InvalidParameter"


class TestParameters:
    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"ProjectId": 1460947878944567296}, "InvalidParameter"),
            ({"ProjectId": "1"}, "InvalidParameter.WorkspaceNotExist"),
            ({"ProjectId": FOREIGN_PROJECT_ID}, "UnauthorizedOperation.UserNotInProject"),
            ({"TaskId": "1"}, "UnknownParameter"),
            ({"projectId": PROJECT_ID}, "UnknownParameter"),
            ({"PageSize": "10"}, "InvalidParameter"),
            ({"PageSize": 10.0}, "InvalidParameter"),
            ({"PageSize": True}, "InvalidParameter"),
            ({"PageSize": None}, "InvalidParameter"),
            ({"PageSize": 0}, "InvalidParameterValue"),
            ({"PageSize": 101}, "InvalidParameterValue"),
            ({"PageNumber": 0}, "InvalidParameterValue"),
            ({"InstanceType": 3}, "InvalidParameterValue"),
            ({"InstanceType": "1"}, "InvalidParameter"),
            ({"InstanceState": "RUNNING,COMPLETED"}, "InvalidParameterValue"),
            ({"InstanceState": ["RUNNING"]}, "InvalidParameter"),
            ({"InstanceState": "running"}, "InvalidParameterValue"),
            ({"CycleType": "D"}, "InvalidParameterValue"),
            ({"SortColumn": "TASK_NAME"}, "InvalidParameterValue"),
            ({"SortType": "asc"}, "InvalidParameterValue"),
            ({"WorkflowId": ""}, "InvalidParameterValue"),
            ({"Keyword": ",,"}, "InvalidParameterValue"),
            ({"TaskTypeId": -1}, "InvalidParameterValue"),
            ({"ScheduleTimeFrom": "2026-03-01"}, "InvalidParameterValue"),
            ({"ScheduleTimeFrom": "2026-03-01T00:00:00"}, "InvalidParameterValue"),
            ({"ScheduleTimeFrom": "2026-02-29 00:00:00"}, "InvalidParameterValue"),
            ({"LastUpdateTimeTo": 1772337600}, "InvalidParameter"),
            ({"TimeZone": "Asia/Shanghai"}, "InvalidParameterValue"),
            ({"TimeZone": "utc+8"}, "InvalidParameterValue"),
            ({"TimeZone": "UTC+15"}, "InvalidParameterValue"),
        ],
    )
    def test_an_invalid_parameter_is_refused(
        self, wedata: Emulator, ask: Any, params: dict[str, Any], expected: str
    ) -> None:
        assert code(ask(wedata, **params)) == expected

    def test_the_project_is_required(self, wedata: Emulator, sign_request: Any) -> None:
        assert wedata.answer(sign_request(wedata, params={})).error == "MissingParameter"

    @pytest.mark.parametrize(
        ("name", "hours"),
        [("UTC", 0), ("UTC+8", 8), ("UTC-5", -5), ("UTC+05:30", 5.5), ("UTC-03:30", -3.5), ("UTC+14", 14)],
    )
    def test_zones(self, name: str, hours: float) -> None:
        offset = parse_zone(name).utcoffset(None)
        assert offset is not None
        assert offset.total_seconds() == hours * 3600


class TestFilters:
    @pytest.mark.parametrize(
        ("field", "parameter", "values"),
        [
            ("state", "InstanceState", STATES),
            ("instance_type", "InstanceType", (0, 1, 2)),
            ("task_type_id", "TaskTypeId", (30, 35)),
            ("cycle_type", "CycleType", ("DAY_CYCLE", "HOUR_CYCLE")),
            ("folder_id", "FolderId", ("f1", "f2")),
            ("workflow_id", "WorkflowId", ("w1", "w2")),
            ("executor_group_id", "ExecutorGroupId", ("e1", "e2")),
        ],
    )
    def test_equality(
        self, wedata: Emulator, ask: Any, field: str, parameter: str, values: tuple[Any, ...]
    ) -> None:
        for value in values:
            wedata.world.add(**{field: value, "task_name": str(value)})
        assert {value: names(ask(wedata, **{parameter: value})) for value in values} == {
            value: [str(value)] for value in values
        }

    def test_an_owner_is_one_of_the_owners(self, wedata: Emulator, ask: Any) -> None:
        wedata.world.add(task_name="both", owner_uins=("1", "2"))
        wedata.world.add(task_name="none", owner_uins=None)
        assert names(ask(wedata, OwnerUin="2")) == ["both"]

    def test_a_keyword_is_part_of_a_name_or_an_id(self, wedata: Emulator, ask: Any) -> None:
        wedata.world.add(task_id="20250714200130106", task_name="load")
        wedata.world.add(task_id="20250714200130107", task_name="copy_20250714200130106")
        assert sorted(names(ask(wedata, Keyword="20250714200130106"))) == ["copy_20250714200130106", "load"]
        assert sorted(names(ask(wedata, Keyword="loa,cop"))) == ["copy_20250714200130106", "load"]
        assert names(ask(wedata, Keyword="nothing")) == []
        wedata.quirks.keyword_and = True
        assert names(ask(wedata, Keyword="copy,107")) == ["copy_20250714200130106"]
        assert names(ask(wedata, Keyword="load,107")) == []

    @pytest.mark.parametrize(
        ("field", "parameter"),
        [
            ("schedule_time", "ScheduleTime"),
            ("start_time", "StartTime"),
            ("last_update_time", "LastUpdateTime"),
        ],
    )
    def test_a_window_includes_both_ends(
        self, wedata: Emulator, ask: Any, field: str, parameter: str
    ) -> None:
        for second in range(5):
            wedata.world.add(**{field: f"2026-03-01 00:00:0{second}", "task_name": str(second)})
        window = {f"{parameter}From": "2026-03-01 00:00:01", f"{parameter}To": "2026-03-01 00:00:03"}
        assert sorted(names(ask(wedata, **window))) == ["1", "2", "3"]
        wedata.quirks.end_exclusive = True
        assert sorted(names(ask(wedata, **window))) == ["1", "2"]


class TestZones:
    def test_the_zone_shifts_the_times_and_not_the_key(self, wedata: Emulator, ask: Any) -> None:
        """The two official samples of one instance, in UTC+6 and by default."""
        wedata.world.add(
            task_id="20250714200130106",
            schedule_time="2025-10-01 00:00:00",
            start_time="2025-08-27 22:24:37",
            end_time="2025-08-27 22:24:40",
            last_update_time="2025-08-27 22:24:44",
        )
        (row,) = ask(wedata, TimeZone="UTC+6")["Data"]["Items"]
        assert {name: row[name] for name in SAMPLE_IN_UTC_6} == SAMPLE_IN_UTC_6
        (row,) = ask(wedata)["Data"]["Items"]
        assert row["SchedulerTime"] == row["CurRunDate"] == "2025-10-01 00:00:00"

    @pytest.mark.parametrize(
        ("ignored", "found", "shown"),
        [
            ("", True, "2026-02-28 16:00:00"),
            ("input", False, "2026-02-28 16:00:00"),
            ("output", True, "2026-03-01 00:00:00"),
            ("both", False, "2026-03-01 00:00:00"),
        ],
    )
    def test_a_server_may_ignore_the_zone(
        self, wedata: Emulator, ask: Any, ignored: Any, *, found: bool, shown: str
    ) -> None:
        wedata.world.add(schedule_time="2026-03-01 00:00:00")
        wedata.quirks.time_zone_ignored = ignored
        window = {"ScheduleTimeFrom": "2026-02-28 16:00:00", "ScheduleTimeTo": "2026-02-28 16:00:00"}
        assert bool(ask(wedata, TimeZone="UTC", **window)["Data"]["Items"]) is found
        (row,) = ask(wedata, TimeZone="UTC")["Data"]["Items"]
        assert row["SchedulerTime"] == shown

    @given(st.integers(0, 4_000_000_000), st.integers(-12 * 60, 14 * 60))
    def test_what_is_shown_in_a_zone_is_found_in_that_zone(self, second: int, minutes: int) -> None:
        zone = f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        shown = text(second, parse_zone(zone))
        from_wire = LIST_TASK_INSTANCES["ScheduleTimeFrom"](shown).replace(tzinfo=parse_zone(zone))
        assert from_wire.timestamp() == second


class TestPages:
    @pytest.fixture
    def wedata(self, wedata: Emulator) -> Emulator:
        for at in range(25):
            wedata.world.add(task_name=f"{at:02}", schedule_time=wedata.clock.now() + at // 3)
        return wedata

    def test_ten_rows_newest_first_by_default(self, wedata: Emulator, ask: Any) -> None:
        data = ask(wedata)["Data"]
        page = {name: data[name] for name in ("TotalCount", "TotalPageNumber", "PageNumber", "PageSize")}
        assert page == {"TotalCount": 25, "TotalPageNumber": 3, "PageNumber": 1, "PageSize": 10}
        assert [row["TaskName"] for row in data["Items"]] == [f"{at:02}" for at in range(24, 14, -1)]

    @pytest.mark.parametrize("size", [1, 7, 25, 100])
    def test_pages_hold_each_row_once(self, wedata: Emulator, ask: Any, size: int) -> None:
        rows: list[str] = []
        for page in range(1, 27):
            rows += names(ask(wedata, PageSize=size, PageNumber=page, SortType="ASC"))
        assert rows == [f"{at:02}" for at in range(25)]

    def test_past_the_end_is_empty(self, wedata: Emulator, ask: Any) -> None:
        assert ask(wedata, PageNumber=4)["Data"]["Items"] == []
        wedata.quirks.items_null = True
        assert ask(wedata, PageNumber=4)["Data"]["Items"] is None
        assert len(ask(wedata, PageNumber=3)["Data"]["Items"]) == 5

    def test_quirks_of_pages(self, wedata: Emulator, ask: Any) -> None:
        wedata.quirks.total_page_number_zero = True
        wedata.quirks.null_fields = ("TaskName",)
        wedata.quirks.deepest_page = 2
        data = ask(wedata, PageNumber=2)["Data"]
        assert (data["TotalPageNumber"], data["Items"][0]["TaskName"]) == (0, None)
        assert code(ask(wedata, PageNumber=3)) == "InvalidParameterValue"

    def test_shuffled_ties_stay_in_their_place(self, wedata: Emulator, ask: Any) -> None:
        wedata.quirks.tie_shuffle = True
        orders = [names(ask(wedata, PageSize=7, PageNumber=2, SortType="ASC")) for _ in range(30)]
        groups = [[int(name) // 3 for name in order] for order in orders]
        assert groups == [[at // 3 for at in range(7, 14)]] * 30
        assert len({tuple(order) for order in orders}) > 1
        assert {name for order in orders for name in order} == {f"{at:02}" for at in range(6, 15)}
        assert names(ask(wedata, PageNumber=9)) == []

    def test_rows_without_the_sort_columns_value_are_at_one_end(self, wedata: Emulator, ask: Any) -> None:
        wedata.world.add(task_name="null", schedule_time=None)
        assert names(ask(wedata, SortType="ASC"))[0] == "null"
        assert names(ask(wedata, SortType="DESC", PageSize=100))[-1] == "null"
        wedata.quirks.nulls_last = True
        assert names(ask(wedata, SortType="ASC", PageSize=100))[-1] == "null"


class TestRows:
    def test_extra_fields_override_the_row(self, wedata: Emulator, ask: Any) -> None:
        wedata.world.add(extra={"Colour": "red", "TaskName": None}, state="HIBERNATING")
        (row,) = ask(wedata)["Data"]["Items"]
        assert (row["Colour"], row["TaskName"], row["InstanceState"]) == ("red", None, "HIBERNATING")

    def test_text_comes_back_as_it_is(self, wedata: Emulator, ask: Any) -> None:
        wedata.world.add(task_name="默认文件夹 🚀 \u0000")
        assert names(ask(wedata)) == ["默认文件夹 🚀 \u0000"]


class TestSiblings:
    def test_one_instance_with_its_error(self, wedata: Emulator, ask: Any) -> None:
        key = wedata.world.add(error_message="no such table").key
        (row,) = ask(wedata)["Data"]["Items"]
        assert ask(wedata, "GetTaskInstance", InstanceKey=key)["Data"] == row | {
            "JobErrorMsg": "no such table"
        }
        assert code(ask(wedata, "GetTaskInstance", InstanceKey="1_2026-03-01 00:00:00")) == "ResourceNotFound"

    def test_projects_are_the_tenants(self, wedata: Emulator, ask: Any) -> None:
        def ids(**params: Any) -> list[str]:
            return [row["ProjectId"] for row in ask(wedata, "ListProjects", **params)["Data"]["Items"]]

        assert ids() == [PROJECT_ID, FOREIGN_PROJECT_ID]
        assert ids(ProjectIds=[FOREIGN_PROJECT_ID]) == [FOREIGN_PROJECT_ID]
        assert ids(PageSize=1, PageNumber=2) == [FOREIGN_PROJECT_ID]
        assert ids(ProjectName="7296") == [PROJECT_ID]
        assert ids(Status=0) == ids(ProjectModel="STANDARD") == []
