"""One clock for every deadline: poke, reschedule and deferrable mode end alike and at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import Context
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.emulator import faults
from airflow_provider_wedata.waiting.schedule import PollSchedule
from tests.airflow.conftest import DAY, MODES, TASK_ID, Ti, revived
from tests.airflow.stepped import Stepped, stepped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_wedata.emulator import Received

SOFT = ({}, {"soft_fail": True}, {"never_fail": True})


def add_instance(world: Stepped, *, born: float = 0, end: tuple[float, str] | None = None) -> None:
    def enter(inner: Any) -> None:
        key = inner.add(task_id=TASK_ID, schedule_time=f"{DAY} 00:30:00", state="RUNNING").key
        inner.script(key, [end] if end else [])

    world.wedata.world.later(born, enter)


def break_wedata(world: Stepped, begin: float, seconds: float) -> None:
    start = world.clock.now() + begin

    def is_out(_received: Received) -> bool:
        return start <= world.clock.now() < start + seconds

    world.wedata.faults.when(is_out, faults.http_status(502))


quarters = st.integers(0, 600).map(lambda n: n / 4)
scripts = st.fixed_dictionaries(
    {
        "born": st.none() | quarters,
        "end": st.none() | st.tuples(quarters, st.sampled_from(["COMPLETED", "EXPIRED", "SKIP_RUNNING"])),
        "outage": st.none() | st.tuples(quarters, quarters),
        "trip": st.sampled_from([0.0, 0.25, 7.0]),
    }
)
waits = st.fixed_dictionaries(
    {
        "poke_interval": st.sampled_from([0.5, 3.0, 10.0, 60.0, 600.0]),
        "timeout": quarters,
        "exponential_backoff": st.booleans(),
        "max_wait": st.sampled_from([None, 0, 20]),
        "appear_timeout": st.none() | quarters,
    }
)


@settings(max_examples=25, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(script=scripts, wait=waits)
@example(
    script={"born": None, "end": None, "outage": None, "trip": 0.25},
    wait={"poke_interval": 0.5, "timeout": 0.5, "appear_timeout": 0.25},
)
def test_outcome_words_and_time_are_the_same_in_every_mode(
    script: Mapping[str, Any], wait: dict[str, Any]
) -> None:
    seen = {}
    for mode in MODES:
        with stepped(trip=script["trip"]) as world:
            if script["born"] is not None:
                add_instance(world, born=script["born"], end=script["end"])
            if script["outage"]:
                break_wedata(world, *script["outage"])
            seen[mode] = world.run(mode, **wait)
            if seen[mode][0] == "AirflowSensorTimeout":
                began = world.asked[0]
                assert world.asked[-1] >= began + wait["timeout"]
                assert seen[mode][2] <= wait["timeout"] + 2 * script["trip"]
    assert seen["poke"] == seen["reschedule"] == seen["deferrable"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "wait",
    [
        {"timeout": 6, "poke_interval": 10, "exponential_backoff": True},
        {"timeout": 6, "poke_interval": 60, "exponential_backoff": True},
        {"timeout": 2, "poke_interval": 4},
        {"timeout": 0, "poke_interval": 60},
        {"timeout": 90, "poke_interval": 60},
    ],
    ids=str,
)
def test_a_wait_in_vain_ends_at_its_timeout(wait: dict[str, Any], mode: str) -> None:
    with stepped() as world:
        add_instance(world)
        ended, _, seconds = world.run(mode, **wait)
    assert ("AirflowSensorTimeout", wait["timeout"]) == (ended, pytest.approx(seconds, abs=0.001))


@pytest.mark.parametrize("mode", MODES)
def test_done_by_the_deadline_is_done_however_long_the_interval(mode: str) -> None:
    with stepped() as world:
        add_instance(world, end=(99, "COMPLETED"))
        assert "done" == world.run(mode, timeout=100, poke_interval=600)[0]


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_asked_for_before_the_deadline_is_no_timeout(mode: str) -> None:
    with stepped(trip=30) as world:  # the first answer comes after the deadline, but was sent before it
        add_instance(world, end=(25, "COMPLETED"))
        assert "done" == world.run(mode, timeout=20, poke_interval=600)[0]


@pytest.mark.parametrize("mode", MODES)
def test_an_outage_that_covers_the_deadline_ends_as_timed_out_then(mode: str) -> None:
    with stepped() as world:
        add_instance(world, end=(5, "COMPLETED"))
        break_wedata(world, 0, 1000)
        ended, message, seconds = world.run(mode, timeout=100, poke_interval=30)
    assert ("AirflowSensorTimeout", 100) == (ended, seconds)
    assert "Polling WeData failed" in message


@pytest.mark.parametrize("mode", MODES)
def test_missing_rests_on_an_answer_asked_for_at_appear_timeout(mode: str) -> None:
    with stepped(trip=4) as world:
        ended, _, seconds = world.run(mode, timeout=1000, poke_interval=600, appear_timeout=20)
        assert world.asked[-1] >= world.asked[0] + 20
    assert ("WeDataInstanceMissing", 24) == (ended, seconds)


@pytest.mark.parametrize("mode", MODES)
def test_what_appeared_while_wedata_answered_is_not_missing(mode: str) -> None:
    with stepped(trip=30) as world:
        add_instance(world, born=10, end=(200, "COMPLETED"))
        assert "done" == world.run(mode, timeout=1000, poke_interval=60, appear_timeout=20)[0]


# execution_timeout


@pytest.mark.parametrize("soft", SOFT, ids=str)
@pytest.mark.parametrize("mode", ["poke", "deferrable"])
@pytest.mark.parametrize("trip", [0.0, 7.0])  # the alarm falls between two polls, or during one
def test_execution_timeout_holds_over_the_whole_wait(trip: float, mode: str, soft: dict[str, bool]) -> None:
    with stepped(trip=trip) as world:
        add_instance(world)
        ended, message, seconds = world.run(
            mode, timeout=1000, poke_interval=10, execution_timeout=timedelta(seconds=95), **soft
        )
    assert ("AirflowSkipException" if soft else "AirflowTaskTimeout", 95) == (ended, seconds)
    for part in ("execution_timeout", TASK_ID, "1 RUNNING"):
        assert part in message


@pytest.mark.parametrize("soft", SOFT, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_execution_timeout_in_the_first_look(mode: str, soft: dict[str, bool]) -> None:
    with stepped(trip=30) as world:
        add_instance(world)
        ended, message, seconds = world.run(mode, execution_timeout=timedelta(seconds=20), **soft)
    assert ("AirflowSkipException" if soft else "AirflowTaskTimeout", 20) == (ended, seconds)
    assert "last seen: nothing" in message


def test_in_reschedule_mode_it_holds_for_each_look_as_airflow_has_it() -> None:
    with stepped(trip=7) as world:
        add_instance(world, end=(300, "COMPLETED"))
        limit = timedelta(seconds=20)
        assert "done" == world.run("reschedule", timeout=1000, poke_interval=60, execution_timeout=limit)[0]


@pytest.mark.parametrize("soft", SOFT, ids=str)
def test_an_alarm_before_there_is_a_wait_is_softened_too(
    soft: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepped() as world:
        sensor = world.make("poke", execution_timeout=timedelta(seconds=20), **soft)

        def read_slowly() -> Any:
            world.clock.advance(30)

        monkeypatch.setattr(sensor, "_hook", read_slowly)
        world.clock.alarm = world.clock.now() + 20
        with pytest.raises(BaseException, match="Timeout, PID: 42") as caught:
            sensor.execute({})
    assert ("AirflowSkipException" if soft else "AirflowTaskTimeout") == type(caught.value).__name__


@pytest.mark.parametrize("soft", SOFT, ids=str)
def test_an_alarm_in_the_midst_of_coming_back_is_softened_too(
    soft: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepped() as world:
        sensor = world.make("deferrable", execution_timeout=timedelta(seconds=20), **soft)
        monkeypatch.setattr(sensor, "execute_complete", lambda *_, **__: world.clock.advance(30))
        world.clock.alarm = world.clock.now() + 20
        with pytest.raises(BaseException, match="Timeout, PID: 42") as caught:
            sensor.resume_execution("execute_complete", {"event": {}}, {})
    assert ("AirflowSkipException" if soft else "AirflowTaskTimeout") == type(caught.value).__name__


def test_a_restarted_trigger_keeps_execution_timeout_and_does_not_outlive_it() -> None:
    with stepped() as world:
        add_instance(world)
        trigger = world.deferred(timeout=1000, execution_timeout=timedelta(seconds=20)).trigger
        world.clock.advance(100)
        event = world.event(revived(revived(trigger)))
    assert event["execution_timeout"] is True
    assert 1 == len(world.asked)


def test_what_opens_before_execution_timeout_opens() -> None:
    with stepped() as world:
        add_instance(world, end=(90, "COMPLETED"))
        limit = timedelta(seconds=95)
        assert "done" == world.run("deferrable", poke_interval=1, execution_timeout=limit)[0]


# Polls are spread


def test_gates_that_are_deferred_in_one_second_do_not_look_in_step() -> None:
    looks = []
    with stepped() as world:
        for n in range(40):
            row = world.deferred(task_id=f"gate_{n}", timeout=3600, poke_interval=60).trigger
            looks.append(row.next_look - world.clock.now())
            world.clock.advance(0.01)
    assert 0 < min(looks) < max(looks) <= 60
    assert 40 == len(set(looks))
    assert max(sum(at // 10 == tenth for at in looks) for tenth in range(6)) < 20


def test_a_restarted_trigger_looks_in_its_own_phase_and_within_an_interval() -> None:
    for late in (90, 500, 1000):
        with stepped() as world:
            add_instance(world)
            row = world.deferred(timeout=3600, poke_interval=60).trigger
            world.clock.advance(late)
            now = world.clock.now()
            world.wedata.world.set_state(world.wedata.world.keys[0], "EXPIRED")
            assert "failed" == world.event(revived(row))["verdict"]["status"]
            waited = world.asked[-1] - now
        assert 0 < waited <= 60
        assert pytest.approx((row.next_look - world.asked[0]) % 60, abs=0.01) == (late + waited) % 60


def test_a_trigger_that_is_taken_up_a_moment_late_looks_at_once() -> None:
    with stepped() as world:
        add_instance(world, end=(30, "COMPLETED"))
        row = world.deferred(timeout=3600, poke_interval=60).trigger
        world.clock.advance(row.next_look - world.clock.now() + 3)
        now = world.clock.now()
        world.event(revived(row))
        assert now == world.asked[1]


def test_a_trigger_that_comes_back_after_its_deadline_looks_at_once() -> None:
    with stepped() as world:
        add_instance(world)
        row = world.deferred(timeout=100, poke_interval=60).trigger
        world.clock.advance(500)
        now = world.clock.now()
        assert "timeout" == world.event(revived(row))["verdict"]["status"]
        assert [now] == world.asked[1:]


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
def test_a_wait_begins_with_the_try_and_not_with_its_first_look(mode: str) -> None:
    with stepped() as world:
        add_instance(world)
        ti = Ti()
        vars(ti)["start_date"] = datetime.fromtimestamp(world.clock.now() - 50, UTC)
        schedule = world.make(mode, timeout=100)._poll_schedule(Context(ti=ti))  # type: ignore[typeddict-item]
        assert world.clock.now() + 50 == schedule.deadline


def test_a_row_says_when_the_try_began() -> None:
    with stepped() as world:
        add_instance(world)
        began = world.clock.now()
        row = world.deferred(timeout=100, execution_timeout=timedelta(minutes=5)).trigger
    schedule = PollSchedule.from_json(revived(row).schedule)
    assert (began + 100, 300) == (schedule.deadline, schedule.execution_timeout)
