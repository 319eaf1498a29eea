"""What Airflow's page of rendered templates shows: what was written, rendered, and the times as they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_wedata.operators.wedata import (
    WeDataExportTaskInstancesOperator,
    WeDataListTaskInstancesOperator,
)
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.conftest import CONNECTION, new_sensor

CONTEXT: dict[str, Any] = {"moment": "2026-02-28T17:30:00+00:00", "night": "2026-03-01 01:30:00"}
DAY_AS_SENT = {
    "TimeZone": "UTC+8",
    "ScheduleTimeFrom": "2026-03-01 00:00:00",
    "ScheduleTimeTo": "2026-03-01 23:59:59",
}


def rendered(task: Any, *names: str, **context: Any) -> dict[str, Any]:
    """Return what Airflow keeps of a task after it has rendered its templates: the times, and more fields."""
    task.render_template_fields({**CONTEXT, **context})
    return {name: getattr(task, name) for name in task.template_fields if name in {"times_as_sent", *names}}


@pytest.mark.usefixtures("wait")
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (WeDataTaskInstanceSensor, {"task_ids": ["1"]}),
        (WeDataListTaskInstancesOperator, {}),
        (WeDataExportTaskInstancesOperator, {"output_path": "/nowhere"}),
    ],
)
def test_a_day_is_shown_as_the_seconds_that_are_sent(kind: Any, more: dict[str, Any]) -> None:
    task = kind(task_id="t", schedule_date="{{ moment }}", **more)
    assert {"schedule_date": CONTEXT["moment"], "times_as_sent": DAY_AS_SENT} == rendered(
        task, "schedule_date"
    )


def test_times_without_an_offset_are_read_in_the_zone_of_the_connection(wait: Any) -> None:
    wait.connect(time_zone="UTC+05:30")
    gate = WeDataTaskInstanceSensor(
        task_id="gate",
        task_ids="1",
        schedule_time_from="{{ night }}",
        schedule_time_before="2026-03-01 02:00:00",
    )
    expected = {  # WeData is only known to parse whole hours, so UTC+8 is sent
        "TimeZone": "UTC+8",
        "ScheduleTimeFrom": "2026-03-01 04:00:00",
        "ScheduleTimeTo": "2026-03-01 04:29:59",
    }
    assert {"times_as_sent": expected} == rendered(gate)


@pytest.mark.usefixtures("wait")
def test_every_window_is_shown() -> None:
    listing = WeDataListTaskInstancesOperator(
        task_id="list", time_zone="UTC+9", start_time_from="2026-03-01", last_update_time_to="2026-03-02"
    )
    expected = {
        "TimeZone": "UTC+9",
        "StartTimeFrom": "2026-03-01 00:00:00",
        "LastUpdateTimeTo": "2026-03-02 23:59:59",
    }
    assert {"times_as_sent": expected} == rendered(listing)


@pytest.mark.parametrize("connection", [None, '{"conn_type": "wedata", "extra": {"regoin": "ap-singapore"}}'])
def test_what_is_wrong_is_left_to_execute_which_raises_it(
    connection: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection:
        monkeypatch.setenv(CONNECTION, connection)
    assert {"times_as_sent": None} == rendered(new_sensor())


def test_a_filter_that_renders_to_nothing_is_left_to_execute(wait: Any) -> None:
    assert {"times_as_sent": None} == rendered(wait.make(schedule_date="{{ nothing }}"), nothing="")


def test_a_dag_file_asks_for_no_connection(wait: Any) -> None:
    assert wait.make().times_as_sent is None
