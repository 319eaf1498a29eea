"""An unreadable field that no verdict needs is ignored; one that a verdict needs keeps the gate shut."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_wedata.api.errors import UnreadableAnswer
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator import faults
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.parameters import parse_watch

ODD = [
    {"CostTime": ""},
    {"CostTime": 8000.5},
    {"CostTime": 2**63},
    {"CostTime": float("inf")},
    {"OwnerUinList": "100039182306"},
    {"TaskTypeId": "Shell"},
    {"EndTime": "-"},
    {"EndTime": "0000-00-00 00:00:00"},
    {"EndTime": "0001-01-01 00:00:00"},
    {"StartTime": 1756296000},
    {"TaskName": {"zh": "数据"}},
    {"FieldOfTomorrow": float("nan")},
]


def look(pump: Any, state: str = "COMPLETED", odd: dict[str, Any] | None = None) -> Verdict:
    pump.wedata.world.add(state=state, schedule_time="2026-03-01 00:30:00", extra=odd)
    terms = {"schedule_date": "2026-03-01", "min_instances": 1}
    verdict: Verdict = pump.poll(parse_watch(terms, project_id=PROJECT_ID, time_zone=Zone("UTC+8")))
    return verdict


@pytest.mark.parametrize("odd", ODD)
def test_a_gate_opens_on_a_done_instance_with_an_odd_field(pump: Any, odd: dict[str, Any]) -> None:
    assert Outcome.MET is look(pump, odd=odd).outcome


@pytest.mark.parametrize("odd", ODD)
def test_a_gate_fails_on_a_failed_instance_with_an_odd_field(pump: Any, odd: dict[str, Any]) -> None:
    assert Outcome.FAILED is look(pump, "EXPIRED", odd).outcome


@pytest.mark.parametrize("state", ["", " COMPLETED", "completed", None])
def test_a_state_that_is_nearly_the_right_word_waits(pump: Any, state: str | None) -> None:
    assert Outcome.WAITING is look(pump, odd={"InstanceState": state}).outcome


@pytest.mark.parametrize(
    "odd", [{"InstanceState": 2}, {"TaskId": 1.5}, {"CurRunDate": []}, {"SchedulerTime": "20260301003000"}]
)
def test_a_field_that_decides_is_no_verdict_where_it_can_not_be_read(pump: Any, odd: dict[str, Any]) -> None:
    (name,) = odd
    with pytest.raises(UnreadableAnswer, match=f"^{name} is "):
        look(pump, odd=odd)


@pytest.mark.parametrize("count", ["1", 1.0])
def test_a_count_may_come_as_text_or_with_a_point(pump: Any, count: object) -> None:
    pump.wedata.faults.next(faults.data(TotalCount=count))
    assert Outcome.MET is look(pump).outcome
