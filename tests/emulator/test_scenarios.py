"""How each scenario changes over time."""

from __future__ import annotations

from collections import Counter

import pytest

from airflow_provider_wedata.emulator import SteppedClock, World, scenarios
from airflow_provider_wedata.emulator.clock import epoch
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.emulator.query import Filter, Window
from airflow_provider_wedata.emulator.scenarios import SCENARIOS

NOON = "2026-03-01 12:00:00"
TODAY = Window(epoch("2026-03-01 00:00:00"), epoch("2026-03-01 23:59:59"))


def world_of(scenario: str, speed: float = 1.0) -> World:
    world = World(SteppedClock(NOON))
    SCENARIOS[scenario](world, speed)
    return world


def states(world: World, schedule: Window = TODAY) -> Counter[str | None]:
    return Counter(row.state for row in world.select(Filter(project_id=PROJECT_ID, schedule=schedule)))


def timeline(world: World, seconds: int) -> list[Counter[str | None]]:
    assert isinstance(world.clock, SteppedClock)
    seen = [states(world)]
    for _ in range(seconds):
        world.clock.advance(1)
        seen.append(states(world))
    return seen


def test_daily_ends_well_after_25_seconds() -> None:
    seen = timeline(world_of("daily"), 25)
    assert seen[0] == {"WAIT_RUN": 1, "WAIT_UPSTREAM": 7}
    assert [at for at, found in enumerate(seen) if found["FAILED_RETRY"]] == [11]
    assert [found == {"COMPLETED": 8} for found in seen] == [False] * 25 + [True]


def test_daily_runs_one_task_at_a_time() -> None:
    assert all(found["RUNNING"] <= 1 for found in timeline(world_of("daily"), 25))


def test_daily_has_a_yesterday_that_is_done() -> None:
    yesterday = Window(epoch("2026-02-28 00:00:00"), epoch("2026-02-28 23:59:59"))
    assert states(world_of("daily"), yesterday) == {"COMPLETED": 8}


def test_speed_makes_it_shorter() -> None:
    assert timeline(world_of("daily", 5), 5)[-1] == {"COMPLETED": 8}


def test_hourly_completes_one_a_second() -> None:
    seen = timeline(world_of("hourly"), 24)
    assert [found["COMPLETED"] for found in seen] == list(range(25))


def test_failing_fails_for_good() -> None:
    world = world_of("failing")
    assert timeline(world, 60)[-1] == {"COMPLETED": 1, "EXPIRED": 1, "WAIT_UPSTREAM": 1}
    (failed,) = world.select(Filter(project_id=PROJECT_ID, state="EXPIRED"))
    assert (failed.tries, failed.total_run_num, failed.task_name) == (2, 2, "dwd_payments")


def test_large_is_as_large_as_the_official_sample() -> None:
    world = world_of("large")
    everything = Window()
    assert sum(states(world, everything).values()) == 176_022
    assert set(states(world, everything)) == {"COMPLETED", "EXPIRED"}


def test_large_may_be_another_size() -> None:
    world = World(SteppedClock(NOON))
    scenarios.SCENARIOS["empty"](world, 1.0)
    scenarios.large(world, count=1000, days=7)
    assert len(world) == 1000


@pytest.mark.parametrize("scenario", ["daily", "hourly", "failing", "empty"])
def test_each_is_the_same_every_time(scenario: str) -> None:
    first, second = world_of(scenario), world_of(scenario)
    assert first.keys == second.keys
    assert timeline(first, 30) == timeline(second, 30)
