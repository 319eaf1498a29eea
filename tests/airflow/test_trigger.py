"""The trigger in the triggerer: it never blocks the event loop, cleans up when cancelled, and holds no secret."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.emulator import faults
from airflow_provider_wedata.exceptions import WeDataTriggerError
from airflow_provider_wedata.triggers.wedata import WeDataTaskInstanceTrigger
from tests.airflow.conftest import revived
from tests.airflow.stepped import stepped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_wedata.emulator import Instance


def budgets() -> list[Any]:
    return list(registry._budgets.values())


def test_it_is_serialized_in_jsons_types_without_a_secret(wait: Any, instance: Instance) -> None:
    trigger = wait.deferred(region="ap-singapore").trigger
    path, kwargs = trigger.serialize()
    assert "airflow_provider_wedata.triggers.wedata.WeDataTaskInstanceTrigger" == path
    assert kwargs == json.loads(json.dumps(kwargs))
    expected = {"watch", "schedule", "wedata_conn_id", "region", "next_look"}
    assert expected == set(kwargs)
    account = wait.wedata.account
    assert not [secret for secret in (account.secret_id, account.secret_key) if secret in json.dumps(kwargs)]


def test_it_makes_of_itself_the_same_again(wait: Any, instance: Instance, revive: Any) -> None:
    trigger = wait.deferred().trigger
    assert trigger.serialize() == revive(revive(trigger)).serialize()


def as_written_before(**filters: Any) -> dict[str, Any]:
    """Return a row as the release before wrote it: filters as a user gives them, and no version."""
    watch = {
        "project_id": "1460947878944567296",
        "task_ids": ["20250714200130207"],
        "schedule_time_from": "2026-02-28T16:00:00+00:00",
        "schedule_time_to": "2026-03-01T15:59:59+00:00",
        "time_zone": "UTC+8",
        "allowed_states": ["COMPLETED"],
        "failed_states": ["EXPIRED"],
        "skipped_states": [],
    }
    patience = {
        "started": time.time(),
        "timeout": 3600.0,
        "appear_timeout": None,
        "poke_interval": 0.01,
        "exponential_backoff": False,
        "max_wait": None,
        "seed": "dag#gate",
    }
    return {
        "watch": watch | filters,
        "patience": patience,
        "wedata_conn_id": "wedata_default",
        "region": None,
        "next_look": 0.0,
    }


def test_a_row_of_the_release_before_is_waited_for(
    wait: Any, instance: Instance, event_of: Callable[[Any], Any]
) -> None:
    wait.wedata.world.finish(instance.key)
    event = asyncio.run(event_of(WeDataTaskInstanceTrigger(**as_written_before())))
    assert "met" == event["verdict"]["status"]
    done = wait.make(deferrable=True).resume_execution("execute_complete", {"event": event}, {})
    assert {"COMPLETED": 1} == done["states"]


def test_a_row_of_the_release_before_is_written_again_with_the_new_name_of_its_schedule() -> None:
    row = as_written_before()
    _, kwargs = WeDataTaskInstanceTrigger(**row).serialize()
    assert {"schedule": row.pop("patience"), **row} == kwargs


def test_a_row_of_the_release_before_keeps_its_deadline_if_its_version_is_unknown() -> None:
    with stepped() as world:
        _, kwargs = world.deferred(timeout=600).trigger.serialize()
        began = world.clock.now()
        schedule = kwargs.pop("schedule") | {"version": 2}
        event = world.event(WeDataTaskInstanceTrigger(**kwargs, patience=schedule))
        assert pytest.approx(600, abs=0.01) == world.clock.now() - began
        assert "version 2" in event["problem"]


def test_an_event_may_name_the_zone_of_its_window(
    wait: Any, instance: Instance, event_of: Callable[[Any], Any]
) -> None:
    wait.wedata.world.finish(instance.key)
    event = asyncio.run(event_of(WeDataTaskInstanceTrigger(**as_written_before())))
    event["watch"]["schedule_time_from"] += "[Asia/Shanghai]"
    done = wait.make(deferrable=True).resume_execution("execute_complete", {"event": event}, {})
    assert {"COMPLETED": 1} == done["states"]


def test_what_a_newer_worker_writes_besides_is_kept_and_not_heeded(
    wait: Any, instance: Instance, event_of: Callable[[Any], Any]
) -> None:
    wait.wedata.world.finish(instance.key)
    _, kwargs = wait.deferred(failed_states=[], allowed_states=["RUNNING"]).trigger.serialize()
    trigger = WeDataTaskInstanceTrigger(**kwargs, tomorrow={"what": 1})
    assert (kwargs | {"tomorrow": {"what": 1}}) == trigger.serialize()[1]


@pytest.mark.parametrize("part", ["watch", "schedule"])
def test_a_row_of_an_unknown_version_waits_for_an_upgrade_and_then_fails_so_that_a_retry_may_help(
    part: str, log_text: Callable[[], str]
) -> None:
    with stepped() as world:
        _, kwargs = world.deferred(timeout=600).trigger.serialize()
        began = world.clock.now()
        kwargs[part] |= {"version": 2}
        event = world.event(WeDataTaskInstanceTrigger(**kwargs))
        assert pytest.approx(600, abs=0.01) == world.clock.now() - began
        assert 1 == len(world.asked)
        assert "version 2" in log_text()
        for soft in ({}, {"soft_fail": True}, {"never_fail": True}):
            sensor = world.make("deferrable", **soft)
            with pytest.raises(WeDataTriggerError, match="version 2") as caught:
                sensor.resume_execution("execute_complete", {"event": event}, {})
            assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    "odd",
    [
        {"watch": {"version": 1}},
        {"watch": {}},
        {"schedule": {}},
        {"schedule": None},
        {"schedule": {"version": 1, "started": "now"}},
        {"watch": as_written_before(project_id="None")["watch"]},
        {"watch": {"version": 2}, "schedule": {"version": 2}},
    ],
    ids=str,
)
def test_a_row_that_is_odd_fails_at_once_so_that_a_retry_may_help(odd: dict[str, Any]) -> None:
    with stepped() as world:
        _, kwargs = world.deferred(timeout=600).trigger.serialize()
        began = world.clock.now()
        event = world.event(WeDataTaskInstanceTrigger(**kwargs | odd))
        assert (began, 1) == (world.clock.now(), len(world.asked))
        with pytest.raises(WeDataTriggerError, match="does not understand this wait"):
            world.make("deferrable").resume_execution("execute_complete", {"event": event}, {})


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"version": None}, {"verdict": {"status": "met"}}, {"watch": {}}]
)
@pytest.mark.parametrize("soft", [{}, {"soft_fail": True}, {"never_fail": True}], ids=str)
def test_an_event_that_is_not_understood_fails_so_that_a_retry_may_help(
    soft: dict[str, bool], change: dict[str, Any]
) -> None:
    with stepped() as world:
        world.wedata.world.add(
            task_id="20250714200130207", schedule_time="2026-03-01 00:30:00", state="RUNNING"
        )
        row = revived(world.deferred(timeout=600).trigger)
        world.wedata.world.finish(world.wedata.world.keys[0])
        event = world.event(row)
        assert "met" == event["verdict"]["status"]
        with pytest.raises(WeDataTriggerError) as caught:
            world.make("deferrable", **soft).resume_execution(
                "execute_complete", {"event": event | change}, {}
            )
        assert not isinstance(caught.value, AirflowFailException)


def test_an_end_of_year_one_opens_a_gate_all_the_same(wait: Any) -> None:
    event = {
        "verdict": {
            "status": "met",
            "message": "1 of 1 COMPLETED",
            "total": 1,
            "states": {"COMPLETED": 1},
            "last_end_time": "0001-01-01T00:00:00+08:00",
            "error": None,
        },
        "watch": {
            "about": "instances",
            "schedule_time_from": "2026-03-01T00:00:00+00:00",
            "schedule_time_to": "2026-03-01T23:59:59+00:00",
        },
    }
    done = wait.make(deferrable=True).resume_execution("execute_complete", {"event": event}, {})
    assert "0001-01-01T00:00:00+08:00" == done["last_end_time"]


@pytest.mark.parametrize("tick", [0, 1, 2, 5, 50])
def test_cancelled_it_leaves_no_request_in_the_books_and_no_connection_open(
    tick: int, wait: Any, instance: Instance, revive: Any, event_of: Callable[[Any], Any]
) -> None:
    trigger = revive(wait.deferred().trigger)
    wait.wedata.faults.when(lambda _received: True, faults.slow(0.2))

    async def cancel() -> None:
        running = asyncio.create_task(event_of(trigger))
        for _ in range(tick):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert {} == registry.pools(asyncio.get_running_loop())

    asyncio.run(cancel())
    gc.collect()  # an unclosed connection warns now, and a warning is an error
    assert [0] * len(budgets()) == [len(budget._flying) for budget in budgets()]


def test_many_share_a_loop_its_connections_and_the_rate_limiter(
    wait: Any, instance: Instance, revive: Any, event_of: Callable[[Any], Any]
) -> None:
    trigger = wait.deferred().trigger
    wait.wedata.world.script(instance.key, [(200, "COMPLETED")])

    async def run_all() -> list[Any]:
        return await asyncio.gather(*(event_of(revive(trigger)) for _ in range(50)))

    ends = [event["verdict"]["status"] for event in asyncio.run(run_all())]
    assert ["met"] * 50 == ends
    assert 1 == len(budgets())


ON_THE_LOOP = """
import asyncio, json, ssl, sys, threading

sys.path.insert(0, {folder!r})
path, kwargs = json.loads({trigger!r})
module, _, name = path.rpartition(".")
trigger = getattr(__import__(module, fromlist=[name]), name)(**kwargs)

loop_thread = threading.get_ident()
imported, made = [], []
running = False

def hear(event, args):
    if running and event == "import" and threading.get_ident() == loop_thread:
        imported.append(args[0])

def create_default_context(*args, original=ssl.create_default_context, **kwargs):
    made.append(threading.get_ident() == loop_thread)
    return original(*args, **kwargs)

ssl.create_default_context = create_default_context
sys.addaudithook(hear)

async def main():
    global running
    running = True
    async for event in trigger.run():
        running = False
        import reading
        print(json.dumps({{
            "status": event.payload["verdict"]["status"],
            "imported": imported,
            "tls": made,
            "read": [thread == loop_thread for thread in reading.threads],
        }}))

asyncio.run(main())
"""
READING = """
import threading

from airflow.secrets.environment_variables import EnvironmentVariablesBackend

threads = []

class Reading(EnvironmentVariablesBackend):
    def get_conn_value(self, conn_id):
        threads.append(threading.get_ident())
        return super().get_conn_value(conn_id)
"""
HEAVY = (
    "airflow_provider_wedata.hooks",
    "airflow_provider_wedata.connection.clients",
    "airflow_provider_wedata.api.async_client",
    "anyio",
    "httpx",
    "requests",
)


def test_it_imports_and_reads_the_connection_off_the_loops_thread_and_makes_no_tls_for_plain_http(
    wait: Any, instance: Instance, tmp_path: Path
) -> None:
    trigger = wait.deferred(poke_interval=0).trigger
    wait.wedata.world.finish(instance.key)
    (tmp_path / "reading.py").write_text(READING)
    code = ON_THE_LOOP.format(folder=str(tmp_path), trigger=json.dumps(trigger.serialize()))
    environment = {"AIRFLOW__SECRETS__BACKEND": "reading.Reading", "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == ran.returncode, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert "met" == found["status"]
    assert [] == [name for name in found["imported"] if name.startswith(HEAVY)]
    assert [] == found["tls"]  # the way is plain HTTP, which needs none
    assert found["read"]
    assert not any(found["read"])
