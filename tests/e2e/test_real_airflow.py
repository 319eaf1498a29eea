"""A gate in a real Airflow, including the death of its triggerer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_wedata.emulator import scenarios

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator import Emulator
    from demo.real_airflow import RealAirflow

DAG_ID, GATE = "wedata_gate_workflow", "wait_for_workflow"


@pytest.mark.usefixtures("connection")
def test_a_wait_survives_the_death_of_its_triggerer(wedata: Emulator, airflow: RealAirflow) -> None:
    world = wedata.world
    keys = [world.add(task_id=task_id, state="RUNNING").key for task_id in scenarios.DAILY_TASKS.values()]
    run_id = airflow.trigger(DAG_ID)
    _wait_for_state(airflow, run_id, GATE, "deferred")
    _wait_for_requests(wedata, airflow, 1)

    airflow.kill("triggerer")
    requests = len(wedata.requests)
    for key in keys[1:]:
        world.finish(key)
    airflow.start("triggerer")
    _wait_for_requests(wedata, airflow, 2)
    assert airflow.task(DAG_ID, run_id, GATE)["state"] == "deferred", "one instance still runs"
    assert len(wedata.requests) > requests

    world.finish(keys[0])
    _wait_for_state(airflow, run_id, GATE, "success")
    _wait_for_state(airflow, run_id, "tell", "success")
    path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{GATE}"
    seen = airflow.api("GET", f"{path}/xcomEntries/return_value?deserialize=true")["value"]
    assert seen["total"] == len(keys)
    assert seen["states"] == {"COMPLETED": len(keys)}
    links = airflow.api("GET", f"{path}/links")["extra_links"]
    assert world.project_ids[0] in links["WeData console"]


@pytest.mark.usefixtures("connection")
def test_no_text_in_one_gate_ends_the_triggerer_in_which_another_waits(
    wedata: Emulator, airflow: RealAirflow
) -> None:
    world = wedata.world
    keys = [world.add(task_id=task_id, state="RUNNING").key for task_id in scenarios.DAILY_TASKS.values()]
    other = airflow.trigger(DAG_ID)
    _wait_for_state(airflow, other, GATE, "deferred")
    for day, (odd, spelled) in enumerate([("\ud83d", r"\ud83d"), ("\0", r"\u0000")], 1):
        key = world.add(state="RUNNING", schedule_time=f"2026-11-0{day} 12:00:00").key
        run_id = airflow.trigger(DAG_ID, logical_date=f"2026-11-0{day}T04:00:00Z")
        _wait_for_state(airflow, run_id, GATE, "deferred")
        world.update(key, state="EXPIRED", extra={"TaskName": f"a {odd} z"})
        _wait_for_state(airflow, run_id, GATE, "failed")
        assert f"a {spelled} z" in airflow.log(DAG_ID, run_id, GATE)
    assert airflow.task(DAG_ID, other, GATE)["state"] == "deferred"
    for key in keys:
        world.finish(key)
    _wait_for_state(airflow, other, GATE, "success")


def test_a_wrong_key_is_explained_by_the_connection_test(wedata: Emulator, airflow: RealAirflow) -> None:
    airflow.api(
        "POST",
        "/connections",
        json={
            "connection_id": "wedata_wrong",
            "conn_type": "wedata",
            "login": wedata.account.secret_id,
            "password": "not-the-key",
            "host": wedata.url,
            "extra": '{"region": "ap-singapore", "project_id": "1460947878944567296"}',
        },
    )
    message = airflow.run("connections", "test", "wedata_wrong", may_fail=True)
    assert "AuthFailure.SignatureFailure" in message
    assert "Check SecretId and SecretKey" in message


def _wait_for_state(airflow: RealAirflow, run_id: str, task_id: str, state: str) -> None:
    airflow.wait_for(
        lambda: airflow.task(DAG_ID, run_id, task_id)["state"] == state,
        f"{task_id} to be {state}",
        seconds=90,
    )


def _wait_for_requests(wedata: Emulator, airflow: RealAirflow, more: int) -> None:
    goal = len(wedata.requests) + more
    airflow.wait_for(lambda: len(wedata.requests) >= goal, f"request number {goal}", seconds=90)
