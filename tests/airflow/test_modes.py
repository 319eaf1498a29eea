"""The same outcome in poke, reschedule and deferrable mode, softened or not: every row of the contract's table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_wedata.emulator import Reply, faults
from tests.airflow.versions import AIRFLOW_3, TaskDeferralError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.emulator import Instance

MODES = ("poke", "reschedule", "deferrable")
SOFT: dict[str, dict[str, bool]] = {
    "hard": {},
    "soft_fail": {"soft_fail": True},
    "never_fail": {"never_fail": True},
}
WAIT_A_LITTLE = 0.2


def after_a_while(fault: faults.Fault) -> Callable[[Any, Instance], dict[str, Any]]:
    def prepare(wait: Any, _instance: Instance) -> dict[str, Any]:
        wait.wedata.faults.when(lambda received: received.number >= 4, fault)
        return {}

    return prepare


def from_the_start(fault: faults.Fault) -> Callable[[Any, Instance], dict[str, Any]]:
    def prepare(wait: Any, _instance: Instance) -> dict[str, Any]:
        wait.wedata.faults.when(lambda _received: True, fault)
        return {}

    return prepare


def goes_into(state: str, **parameters: Any) -> Callable[[Any, Instance], dict[str, Any]]:
    def prepare(wait: Any, instance: Instance) -> dict[str, Any]:
        wait.wedata.world.script(instance.key, [(2, "RUNNING"), (4, state)])
        return parameters

    return prepare


def stays(**parameters: Any) -> Callable[[Any, Instance], dict[str, Any]]:
    return lambda _wait, _instance: parameters


def is_rendered(**values: Any) -> Callable[[Any, Instance], dict[str, Any]]:
    def prepare(wait: Any, _instance: Instance) -> dict[str, Any]:
        wait.rendered = values
        return dict.fromkeys(values, "{{ params.given_at_night }}")

    return prepare


def nothing_is_there(wait: Any, instance: Instance) -> dict[str, Any]:
    wait.wedata.world.delete(instance.key)
    return {"appear_timeout": 0.05}


def answered_outside_the_window(wait: Any, instance: Instance) -> dict[str, Any]:
    wait.wedata.world.update(instance.key, extra={"SchedulerTime": "2026-03-05 00:30:00"})
    return {}


def moves_out_of_the_window(honest: Reply) -> Reply:
    body = json.loads(honest.body)
    for item in body["Response"]["Data"]["Items"]:
        item["SchedulerTime"] = "2026-03-05 00:30:00"
    return replace(honest, body=json.dumps(body).encode())


SKIP = "AirflowSkipException"
#: What happens, how that ends, and how it ends with soft_fail or never_fail.
OUTCOMES: dict[str, tuple[Callable[[Any, Instance], dict[str, Any]], str, str]] = {
    "done": (goes_into("COMPLETED"), "done", "done"),
    "failed": (goes_into("EXPIRED"), "WeDataInstanceFailed", SKIP),
    "skipped": (goes_into("SKIP_RUNNING", skipped_states=["SKIP_RUNNING"]), SKIP, SKIP),
    "stuck": (goes_into("SKIP_RUNNING"), "WeDataInstanceSkipped", SKIP),
    "missing": (nothing_is_there, "WeDataInstanceMissing", SKIP),
    "timeout": (stays(timeout=WAIT_A_LITTLE), "AirflowSensorTimeout", SKIP),
    "timeout while WeData is away": (
        lambda wait, at: from_the_start(faults.http_status(502))(wait, at) | {"timeout": WAIT_A_LITTLE},
        "AirflowSensorTimeout",
        SKIP,
    ),
    "wrong key": (
        from_the_start(faults.error("AuthFailure.SignatureFailure")),
        "WeDataAuthError",
        "WeDataAuthError",
    ),
    "wrong key, later": (
        after_a_while(faults.error("AuthFailure.TokenFailure")),
        "WeDataAuthError",
        "WeDataAuthError",
    ),
    "missing right": (
        from_the_start(faults.error("UnauthorizedOperation")),
        "WeDataPermissionError",
        "WeDataPermissionError",
    ),
    "missing right, later": (
        after_a_while(faults.error("OperationDenied.Authority")),
        "WeDataPermissionError",
        "WeDataPermissionError",
    ),
    "unknown project": (stays(project_id="1"), "WeDataParameterError", "WeDataParameterError"),
    "bad parameter, later": (
        after_a_while(faults.error("InvalidParameterValue")),
        "WeDataParameterError",
        "WeDataParameterError",
    ),
    "a filter that renders to nothing": (
        is_rendered(schedule_date=""),
        "WeDataConfigError",
        "WeDataConfigError",
    ),
    "no such connection": (
        stays(wedata_conn_id="nobody_made_this"),
        "WeDataConnectionError",
        "WeDataConnectionError",
    ),
    "rows outside the window": (answered_outside_the_window, "WeDataApiError", "WeDataApiError"),
    "rows outside the window, later": (
        after_a_while(moves_out_of_the_window),
        "WeDataApiError",
        "WeDataApiError",
    ),
}


@pytest.fixture
def ready(wait: Any, instance: Instance, airflow_db: None) -> tuple[Any, Instance]:
    return wait, instance


@pytest.mark.parametrize("soft", SOFT)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_the_same_in_every_mode(
    outcome: str, mode: str, soft: str, ready: tuple[Any, Instance]
) -> None:
    wait, instance = ready
    prepare, hard, softened = OUTCOMES[outcome]
    found = wait.run(mode, **prepare(wait, instance), **SOFT[soft])
    assert (hard if soft == "hard" else softened) == found.ended, found.error


@pytest.mark.parametrize("soft", SOFT)
@pytest.mark.parametrize("method", ["__fail__", "execute_complete"])
def test_a_trigger_that_crashed_or_came_back_with_nonsense_fails_the_task_however_soft(
    method: str, soft: str, wait: Any
) -> None:
    kwargs = (
        {"error": "Trigger failure"} if method == "__fail__" else {"event": {"verdict": {"status": "met"}}}
    )
    expected = TaskDeferralError if method == "__fail__" else ValueError
    with pytest.raises(expected):
        wait.make(deferrable=True, **SOFT[soft]).resume_execution(method, kwargs, {})


@pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2 does not tell a timeout from another failure")
@pytest.mark.parametrize("soft", SOFT)
def test_airflows_own_deferral_timeout_is_a_timeout_as_ours(soft: str, wait: Any) -> None:
    kwargs = {"error": "Trigger timeout"}  # as Airflow's TriggerFailureReason has it
    with pytest.raises(AirflowSensorTimeout if soft == "hard" else AirflowSkipException):
        wait.make(deferrable=True, **SOFT[soft]).resume_execution("__fail__", kwargs, {})


@pytest.mark.parametrize("soft", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("mode", MODES)
def test_a_softened_end_still_says_what_happened(mode: str, soft: str, wait: Any, instance: Instance) -> None:
    wait.wedata.world.script(instance.key, [(3, "EXPIRED")])
    found = wait.run(mode, **SOFT[soft])
    assert instance.key in str(found.error)


@pytest.mark.parametrize("mode", MODES)
def test_done_returns_counts_window_and_last_end(mode: str, wait: Any, instance: Instance) -> None:
    wait.wedata.world.script(instance.key, [(2, "RUNNING"), (4, "COMPLETED")])
    expected = {
        "total": 1,
        "states": {"COMPLETED": 1},
        "schedule_time_from": "2026-03-01T00:00:00+08:00",
        "schedule_time_to": "2026-03-01T23:59:59+08:00",
        "last_end_time": "2026-03-01T12:00:04+08:00",
    }
    assert expected == wait.run(mode).result
