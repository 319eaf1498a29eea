"""When a wait is over: deadlines that a restart does not move, and intervals as Airflow's sensors have them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_wedata.exceptions import WeDataConfigError
from airflow_provider_wedata.waiting.schedule import PollSchedule
from tests.airflow.versions import Rescheduled

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.emulator import Instance

MODES = ("poke", "reschedule", "deferrable")


@pytest.mark.parametrize("case", [("RUNNING", "timeout"), ("COMPLETED", "met"), ("EXPIRED", "failed")])
def test_a_trigger_that_comes_back_after_its_deadline_looks_once(
    case: tuple[str, str], wait: Any, instance: Instance, revive: Any, event_of: Callable[[Any], Any]
) -> None:
    state, expected = case
    trigger = revive(wait.deferred().trigger, started=time.time() - 1000, timeout=60)
    wait.wedata.world.set_state(instance.key, state)
    assert expected == asyncio.run(event_of(trigger))["verdict"]["status"]
    assert len(wait.wedata.requests) == 2


def test_a_restarted_trigger_keeps_its_deadline(wait: Any, instance: Instance, revive: Any) -> None:
    before = time.time()
    trigger = wait.deferred(timeout=3600).trigger
    after = time.time()
    schedule = PollSchedule.from_json(revive(revive(trigger)).schedule)
    assert before + 3600 <= schedule.deadline <= after + 3600


def test_airflows_own_timeout_is_only_a_backstop(wait: Any, instance: Instance) -> None:
    assert wait.deferred(timeout=3600).timeout > timedelta(seconds=3600 + 300)


def test_the_trigger_looks_first_an_interval_after_the_worker_at_the_latest(
    wait: Any, instance: Instance
) -> None:
    before = time.time()
    next_look = wait.deferred(poke_interval=60, timeout=3600).trigger.next_look
    assert before < next_look <= time.time() + 60


def test_the_trigger_does_not_look_before_it_is_time(
    wait: Any, instance: Instance, revive: Any, event_of: Callable[[Any], Any]
) -> None:
    trigger = revive(wait.deferred(poke_interval=3600, timeout=7200).trigger)

    async def wait_in_vain() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(event_of(trigger), 0.3)

    asyncio.run(wait_in_vain())
    assert 1 == len(wait.wedata.requests)


def test_the_trigger_does_not_sleep_through_its_deadline(
    wait: Any, instance: Instance, revive: Any, event_of: Callable[[Any], Any]
) -> None:
    now = time.time()
    trigger = revive(wait.deferred().trigger, started=now, timeout=0.5, poke_interval=3600)
    trigger.next_look = now + 0.1
    event = asyncio.run(asyncio.wait_for(event_of(trigger), 30))
    assert "timeout" == event["verdict"]["status"]
    assert 3 == len(wait.wedata.requests)  # the worker's, one as planned, and one at the deadline


def test_in_reschedule_mode_time_counts_from_the_first_poke_of_all(wait: Any, instance: Instance) -> None:
    class Ti(Rescheduled):
        first_reschedule = datetime.now(UTC) - timedelta(hours=2)

        def xcom_push(self, key: str, value: Any) -> None: ...

    with pytest.raises(AirflowSensorTimeout):
        wait.make(mode="reschedule", timeout=3600).execute({"ti": Ti()})


@pytest.mark.parametrize("mode", MODES)
def test_a_timeout_names_window_filters_and_what_was_seen_last(
    mode: str, wait: Any, instance: Instance
) -> None:
    wait.wedata.world.start(instance.key)
    message = str(wait.run(mode, timeout=0.1, workflow_id=instance.workflow_id).error)
    for part in (
        "2026-03-01",
        instance.task_id,
        instance.workflow_id,
        "0 of 1 COMPLETED, 1 RUNNING",
        "0.1 s",
    ):
        assert part in message


@pytest.mark.parametrize("mode", MODES)
def test_what_appears_in_time_is_waited_for_however_long_it_runs(mode: str, wait: Any) -> None:
    wait.wedata.at(2, lambda world: world.add(task_id="20250714200130207", state="RUNNING"))
    wait.wedata.at(9, lambda world: world.finish(world.keys[0]))
    found = wait.run(mode, poke_interval=0.1, appear_timeout=timedelta(seconds=0.5))
    assert found.ended == "done", found.error


@pytest.mark.parametrize("value", ["soon", -1, float("nan"), timedelta(seconds=-1), [1]])
def test_an_appear_timeout_that_is_none_is_refused(value: Any, wait: Any) -> None:
    with pytest.raises(WeDataConfigError, match="appear_timeout"):
        wait.make(appear_timeout=value)


@pytest.mark.parametrize("max_wait", [None, 0, 45, timedelta(minutes=3)])
@pytest.mark.parametrize("poke_interval", [0.5, 10, 60])
@pytest.mark.parametrize("exponential_backoff", [False, True])
def test_the_triggerer_waits_between_looks_as_airflow_does_on_a_worker(
    exponential_backoff: bool, poke_interval: float, max_wait: Any, wait: Any
) -> None:
    how = {"exponential_backoff": exponential_backoff, "poke_interval": poke_interval, "max_wait": max_wait}
    sensor = wait.make(timeout=10**9, **how)
    schedule = sensor._poll_schedule({})
    airflows = [sensor._get_next_poke_interval(schedule.started, lambda: 0.0, look) for look in range(1, 20)]
    assert airflows == [schedule.interval(look) for look in range(1, 20)]


@pytest.mark.parametrize("mode", MODES)
def test_a_backoff_reaches_the_look_that_opens(mode: str, wait: Any, instance: Instance) -> None:
    wait.wedata.world.script(instance.key, [(3, "COMPLETED")])
    assert wait.run(mode, exponential_backoff=True, poke_interval=0.01, max_wait=0.05).ended == "done"


def test_a_deadline_between_our_look_at_the_clock_and_airflows_is_ours(wait: Any, instance: Instance) -> None:
    gate = wait.make(timeout=1, never_fail=True)
    look = gate.poke

    def look_and_dawdle(context: Any) -> Any:
        seen = look(context)
        time.sleep(1)
        return seen

    gate.poke = look_and_dawdle
    with pytest.raises(AirflowSkipException, match=r"not met in 1 s"):
        gate.execute({})
    assert gate.timeout == 1
