"""The trigger as the triggerer's guest: it blocks nobody, cleans up when cancelled, and holds no secret."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.standin import faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_wedata.standin import Instance


def budgets() -> list[Any]:
    return list(registry._budgets.values())


def test_it_is_serialised_in_jsons_types_without_a_secret(wait: Any, instance: Instance) -> None:
    trigger = wait.deferred(region="ap-singapore").trigger
    path, kwargs = trigger.serialize()
    assert "airflow_provider_wedata.triggers.wedata.WeDataTaskInstanceTrigger" == path
    assert kwargs == json.loads(json.dumps(kwargs))
    expected = {"watch", "patience", "wedata_conn_id", "region", "next_look"}
    assert expected == set(kwargs)
    account = wait.wedata.account
    assert not [secret for secret in (account.secret_id, account.secret_key) if secret in json.dumps(kwargs)]


def test_it_makes_of_itself_the_same_again(wait: Any, instance: Instance, revive: Any) -> None:
    trigger = wait.deferred().trigger
    assert trigger.serialize() == revive(revive(trigger)).serialize()


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
    gc.collect()  # what was not closed warns now, and a warning is an error
    assert [0] * len(budgets()) == [len(budget._flying) for budget in budgets()]


def test_many_share_a_loop_its_connections_and_the_budget(
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
HEAVY = ("airflow_provider_wedata.hooks", "airflow_provider_wedata.api.client", "httpx", "requests")


def test_it_imports_reads_the_connection_and_makes_tls_off_the_loops_thread(
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
    told = json.loads(ran.stdout.splitlines()[-1])
    assert "met" == told["status"]
    assert [] == [name for name in told["imported"] if name.startswith(HEAVY)]
    assert [False] == told["tls"]
    assert told["read"]
    assert not any(told["read"])
