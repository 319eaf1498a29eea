"""The console link: present while a task waits and afterwards, and quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_wedata.links.wedata import WeDataConsoleLink
from airflow_provider_wedata.operators.wedata import WeDataListTaskInstancesOperator
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.versions import AirflowRescheduleException, Rescheduled

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator import Instance

TEMPLATE = "https://console.example.com/{site}/{region}?p={project_id}&t={task_id}&i={instance_key}"


class Ti(Rescheduled):
    """Records the pushed XComs, each with the number of requests sent before it."""

    def __init__(self, wedata: Any) -> None:
        self.pushed: list[tuple[str, str, int]] = []
        self._wedata = wedata

    def xcom_push(self, key: str, value: str) -> None:
        self.pushed.append((key, value, len(self._wedata.requests)))


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_it_is_there_before_the_first_poll(mode: str, wait: Any, instance: Instance) -> None:
    ti = Ti(wait.wedata)
    how = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
    if mode == "poke":
        wait.wedata.world.finish(instance.key)
        wait.make(**how).execute({"ti": ti})
    else:
        with pytest.raises((TaskDeferred, AirflowRescheduleException)):
            wait.make(**how).execute({"ti": ti})
    expected = (
        "https://ap-singapore.wedata.tencentcloud.com/studio/datadev/workflow?ProjectId=1460947878944567296"
    )
    assert [(WeDataConsoleLink().xcom_key, expected, 0)] == ti.pushed


def test_the_connections_template_is_filled_with_quoted_values(wait: Any, instance: Instance) -> None:
    wait.connect(console_url=TEMPLATE)
    wait.wedata.world.finish(instance.key)
    ti = Ti(wait.wedata)
    wait.make(instance_keys=[instance.key]).execute({"ti": ti})
    quoted = instance.key.replace(" ", "%20").replace(":", "%3A")
    expected = (
        f"https://console.example.com/international/ap-singapore?p={instance.project_id}"
        f"&t={instance.task_id}&i={quoted}"
    )
    assert expected == ti.pushed[0][1]


def test_the_list_operator_has_it_too(wait: Any) -> None:
    ti = Ti(wait.wedata)
    WeDataListTaskInstancesOperator(task_id="list").execute({"ti": ti})
    assert 1 == len(ti.pushed)


@pytest.mark.parametrize("kind", [WeDataTaskInstanceSensor, WeDataListTaskInstancesOperator])
def test_airflow_knows_where_to_look(kind: Any) -> None:
    (link,) = kind.operator_extra_links
    assert "WeData console" == link.name
    assert WeDataConsoleLink.key == link.xcom_key
