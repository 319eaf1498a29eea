"""The list operator: its fields, its maximum, and every instance exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.models import FIELD_NAMES
from airflow_provider_wedata.emulator import faults
from airflow_provider_wedata.exceptions import (
    WeDataApiError,
    WeDataAuthError,
    WeDataConfigError,
    WeDataParameterError,
)
from airflow_provider_wedata.operators.wedata import WeDataListTaskInstancesOperator

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator import Instance

DAY = "2026-03-01"


def listed(**parameters: Any) -> list[dict[str, Any]]:
    return WeDataListTaskInstancesOperator(task_id="list", **parameters).execute({})


def test_it_returns_the_usual_fields_in_wedatas_names(wait: Any, instance: Instance) -> None:
    expected = {
        "InstanceKey": instance.key,
        "TaskId": instance.task_id,
        "TaskName": "ads_sales_report",
        "InstanceState": "WAIT_RUN",
        "SchedulerTime": f"{DAY} 00:30:00",
    }
    assert [expected] == listed(schedule_date=DAY)


def test_it_returns_the_fields_that_are_named_in_that_order(wait: Any, instance: Instance) -> None:
    (row,) = listed(fields=["InstanceState", "TaskId"])
    assert ["InstanceState", "TaskId"] == list(row)


def test_it_returns_all_the_documented_fields(wait: Any, instance: Instance) -> None:
    (row,) = listed(fields=None)
    assert FIELD_NAMES == tuple(row)


def test_odd_values_are_listed_as_they_came(wait: Any) -> None:
    odd = {"CostTime": 8000.5, "EndTime": "-", "OwnerUinList": "me", "Tries": "", "TaskTypeId": 2**64 - 1}
    wait.wedata.world.add(extra=odd)
    (row,) = listed(fields=list(odd))
    assert odd == row


def test_numbers_that_no_xcom_can_hold_are_text(wait: Any) -> None:
    odd = {"CostTime": float("inf"), "Tries": float("nan"), "TaskTypeId": 2**64, "TaskName": [-(2**63) - 1]}
    wait.wedata.world.add(extra=odd)
    (row,) = listed(fields=list(odd))
    assert {
        "CostTime": "Infinity",
        "Tries": "NaN",
        "TaskTypeId": str(2**64),
        "TaskName": [str(-(2**63) - 1)],
    } == row


def test_nothing_is_an_empty_list(wait: Any) -> None:
    assert [] == listed(schedule_date=DAY)


def test_over_several_pages_each_comes_once(wait: Any) -> None:
    keys = [wait.wedata.world.add().key for _ in range(301)]
    found = [row["InstanceKey"] for row in listed(max_items=301)]
    assert sorted(keys) == sorted(found)


@pytest.mark.parametrize(("max_items", "fits"), [(249, False), (250, True), (251, True)])
def test_more_than_max_items_is_an_error_and_never_truncates(max_items: int, fits: bool, wait: Any) -> None:
    for _ in range(250):
        wait.wedata.world.add()
    if fits:
        assert 250 == len(listed(max_items=max_items))
    else:
        with pytest.raises(WeDataApiError, match="max_items=249"):
            listed(max_items=max_items)


def test_task_ids_are_exact_although_wedatas_keyword_is_not(wait: Any) -> None:
    for task_id in ("123", "1234", "0123"):
        wait.wedata.world.add(task_id=task_id)
    assert ["123"] == [row["TaskId"] for row in listed(task_ids="123")]


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        ({"instance_state": "RUNNING"}, {"InstanceState": "RUNNING"}),
        ({"start_time_from": DAY}, {"StartTimeFrom": f"{DAY} 00:00:00"}),
        ({"last_update_time_to": DAY}, {"LastUpdateTimeTo": f"{DAY} 23:59:59"}),
        ({"sort_column": "END_TIME", "sort_type": "DESC"}, {"SortColumn": "END_TIME", "SortType": "DESC"}),
        ({"executor_group_id": 7}, {"ExecutorGroupId": "7"}),
        ({"keyword": "orders"}, {"Keyword": "orders"}),
        ({"schedule_time_from": DAY}, {"ScheduleTimeFrom": f"{DAY} 00:00:00"}),
        ({"region": "ap-singapore", "project_id": 1460947878944567296}, {"ProjectId": "1460947878944567296"}),
    ],
)
def test_a_filter_is_sent(filters: dict[str, Any], sent: dict[str, Any], wait: Any) -> None:
    listed(**filters)
    assert sent == {name: wait.wedata.requests[0].params[name] for name in sent}


def test_a_filter_that_renders_to_nothing_is_an_error(wait: Any) -> None:
    operator = WeDataListTaskInstancesOperator(task_id="list", instance_state="{{ params.state }}")
    operator.instance_state = None
    with pytest.raises(WeDataConfigError, match="instance_state"):
        operator.execute({})
    assert [] == wait.wedata.requests


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AuthFailure", WeDataAuthError),
        ("InvalidParameter", WeDataParameterError),
        ("FailedOperation", WeDataApiError),
    ],
)
def test_what_goes_wrong_is_an_error_of_this_provider(
    code: str, expected: type[WeDataApiError], wait: Any
) -> None:
    wait.wedata.faults.next(faults.error(code, "No."), times=9)
    with pytest.raises(expected) as caught:
        listed()
    assert (code, faults.REQUEST_ID) == (caught.value.code, caught.value.request_id)
