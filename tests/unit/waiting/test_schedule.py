"""When a wait polls and when it gives up."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import NoAnswer
from airflow_provider_wedata.waiting.condition import Census, Outcome, Verdict
from airflow_provider_wedata.waiting.encoding import UnknownVersion
from airflow_provider_wedata.waiting.schedule import PollSchedule

STARTED = 1_772_337_600.0
NOTHING = Verdict(Outcome.WAITING, "no instance yet", Census({}, 0))
RUNNING = Verdict(Outcome.WAITING, "1 RUNNING", Census({"RUNNING": 1}, 1))
AWAY = Verdict.of_error(NoAnswer("connection refused"))


def schedule(
    *,
    timeout: float = 100.0,
    appear_timeout: float | None = None,
    poke_interval: float = 10.0,
    exponential_backoff: bool = False,
    max_wait: float | None = None,
) -> PollSchedule:
    return PollSchedule(
        started=STARTED,
        timeout=timeout,
        appear_timeout=appear_timeout,
        poke_interval=poke_interval,
        exponential_backoff=exponential_backoff,
        max_wait=max_wait,
        seed="dag#task",
    )


@pytest.mark.parametrize("verdict", [NOTHING, RUNNING, AWAY])
def test_before_any_deadline_a_wait_goes_on(verdict: Verdict) -> None:
    assert verdict == schedule(appear_timeout=50).judge(verdict, STARTED + 49.9)


@pytest.mark.parametrize("verdict", [NOTHING, RUNNING, AWAY])
def test_at_the_deadline_it_is_over_and_names_what_was_seen_last(verdict: Verdict) -> None:
    judged = schedule().judge(verdict, STARTED + 100)
    assert judged.outcome is Outcome.TIMEOUT
    assert verdict.message in judged.message
    assert judged.error is None


@pytest.mark.parametrize(
    "outcome", [Outcome.MET, Outcome.FAILED, Outcome.SKIPPED, Outcome.STUCK, Outcome.REFUSED]
)
def test_a_look_that_ends_the_wait_counts_even_after_the_deadline(outcome: Outcome) -> None:
    verdict = Verdict(outcome, "so it is", Census({"COMPLETED": 1}, 1))
    assert verdict is schedule(appear_timeout=1).judge(verdict, STARTED + 1000)


def test_nothing_by_appear_timeout_is_missing() -> None:
    judged = schedule(appear_timeout=50).judge(NOTHING, STARTED + 50)
    assert judged.outcome is Outcome.MISSING
    assert "50 s" in judged.message


@pytest.mark.parametrize("verdict", [RUNNING, AWAY])
def test_what_is_there_or_unknown_is_not_missing(verdict: Verdict) -> None:
    assert verdict is schedule(appear_timeout=50).judge(verdict, STARTED + 50)


@pytest.mark.parametrize("asked_at", [0.0, 99.9])
def test_an_answer_asked_for_before_the_deadline_is_no_end_of_it(asked_at: float) -> None:
    verdict = replace(RUNNING, asked_at=STARTED + asked_at)
    assert verdict is schedule().judge(verdict, STARTED + 200)


@pytest.mark.parametrize(
    ("asked_at", "outcome"), [(99.9, Outcome.WAITING), (100.0, Outcome.TIMEOUT), (150, Outcome.TIMEOUT)]
)
def test_when_wedata_was_asked_counts_and_not_when_the_poll_began(asked_at: float, outcome: Outcome) -> None:
    verdict = replace(RUNNING, asked_at=STARTED + asked_at)
    assert outcome is schedule().judge(verdict, STARTED).outcome


@pytest.mark.parametrize(("asked_at", "outcome"), [(49.9, Outcome.WAITING), (50.0, Outcome.MISSING)])
def test_so_it_is_with_appear_timeout(asked_at: float, outcome: Outcome) -> None:
    verdict = replace(NOTHING, asked_at=STARTED + asked_at)
    assert outcome is schedule(appear_timeout=50).judge(verdict, STARTED + 60).outcome


@pytest.mark.parametrize(
    ("seen", "ended", "expected"),
    [
        (NOTHING, 15, 20),
        (NOTHING, 19, 20),
        (NOTHING, 25, 25),
        (RUNNING, 15, 25),
        (AWAY, 15, 25),
        (NOTHING, 5, 15),
    ],
)
def test_while_nothing_is_there_appear_timeout_is_a_deadline_too(
    seen: Verdict, ended: float, expected: float
) -> None:
    assert expected == schedule(appear_timeout=20).next_look(1, STARTED + ended, seen) - STARTED


def test_without_backoff_the_interval_stays() -> None:
    assert {10.0} == {schedule(max_wait=3).interval(look) for look in range(1, 70)}


@given(look=st.integers(1, 40), poke_interval=st.floats(0.1, 600))
def test_with_backoff_the_interval_lies_between_one_and_two_doublings(
    look: int, poke_interval: float
) -> None:
    least = max(int(poke_interval * 2.0 ** (look - 2)), 1)
    assert least <= schedule(poke_interval=poke_interval, exponential_backoff=True).interval(look) < 2 * least


@pytest.mark.parametrize("look", [1, 5, 100, 10_000])
def test_max_wait_caps_a_growing_interval(look: int) -> None:
    assert schedule(exponential_backoff=True, max_wait=7).interval(look) <= 7


def test_a_max_wait_of_zero_is_none_as_in_airflow() -> None:
    without = schedule(exponential_backoff=True)
    assert without.interval(3) == schedule(exponential_backoff=True, max_wait=0).interval(3)


def test_an_interval_never_grows_out_of_numbers() -> None:
    assert math.isfinite(schedule(exponential_backoff=True).interval(1_000_000))


@pytest.mark.parametrize(("ended", "expected"), [(5, 15), (95, 100), (150, 150)])
def test_the_next_look_is_an_interval_away_but_at_the_deadline_at_the_latest(
    ended: float, expected: float
) -> None:
    assert expected == schedule().next_look(1, STARTED + ended) - STARTED


@pytest.mark.parametrize(("seconds", "expected"), [(0, 1), (9.9, 1), (10, 2), (35, 4)])
def test_looks_so_far_follow_from_the_time(seconds: float, expected: int) -> None:
    assert expected == schedule().looks_by(STARTED + seconds)


def test_looks_so_far_follow_from_growing_intervals_too() -> None:
    growing = schedule(exponential_backoff=True)
    third = STARTED + growing.interval(1) + growing.interval(2)
    before, then = (growing.looks_by(moment) for moment in (third - 0.1, third))
    assert before + 1 == then == 3


@pytest.mark.parametrize("poke_interval", [0.0, 1e-9])
def test_counting_looks_ends_however_short_the_interval(poke_interval: float) -> None:
    assert schedule(poke_interval=poke_interval).looks_by(STARTED + 1e6) < 100


# Spread

intervals = st.sampled_from([0.0, 0.01, 1.0, 60.0, 3600.0])


@given(poke_interval=intervals, ago=st.floats(0, 1e5), backoff=st.booleans(), timeout=st.floats(0, 1e5))
def test_a_first_look_is_within_an_interval_and_by_the_deadline(
    poke_interval: float, ago: float, *, backoff: bool, timeout: float
) -> None:
    spread = schedule(poke_interval=poke_interval, exponential_backoff=backoff, timeout=timeout)
    now = STARTED + ago
    first = spread.first_look(now)
    assert now <= first <= now + spread.interval(spread.looks_by(now)) + 1e-6
    assert first <= max(spread.deadline, now)


@given(seconds=st.lists(st.floats(0, 9e5), min_size=2, max_size=2))
def test_its_phase_is_the_same_after_every_restart(seconds: list[float]) -> None:
    waiting = schedule(poke_interval=60, timeout=1e6)
    one, other = (waiting.first_look(STARTED + at) for at in seconds)
    assert min((one - other) % 60, (other - one) % 60) < 1e-3


def test_first_looks_of_many_waits_are_spread_over_an_interval() -> None:
    waits = [replace(schedule(poke_interval=20, timeout=3600), seed=f"dag#gate_{n}") for n in range(400)]
    looks = [int(wait.first_look(STARTED) - STARTED) for wait in waits]
    assert all(5 < looks.count(second) < 45 for second in range(20))


def test_so_are_those_of_one_task_that_is_mapped() -> None:
    waits = [replace(schedule(poke_interval=20, timeout=3600), started=STARTED + n / 100) for n in range(400)]
    looks = [int(wait.first_look(STARTED + 5) - STARTED - 5) for wait in waits]
    assert all(5 < looks.count(second) < 45 for second in range(20))


@pytest.mark.parametrize("poke_interval", [1e12, 1e300])
def test_no_look_is_beyond_what_clocks_and_calendars_hold(poke_interval: float) -> None:
    long = schedule(timeout=math.inf, poke_interval=poke_interval)
    assert STARTED + 1e9 == long.next_look(1, STARTED)
    assert STARTED + 1e9 >= long.first_look(STARTED)


# As JSON

numbers = st.integers(-9, 2**60) | st.floats(allow_nan=False)
schedules = st.builds(
    PollSchedule,
    started=numbers,
    timeout=numbers,
    appear_timeout=st.none() | numbers,
    poke_interval=numbers,
    exponential_backoff=st.booleans(),
    max_wait=st.none() | numbers,
    seed=st.text(),
    execution_timeout=st.none() | numbers,
)
ROW = {
    "started": 1772337600.25,
    "timeout": 3600.0,
    "appear_timeout": 600.0,
    "poke_interval": 30.0,
    "exponential_backoff": True,
    "max_wait": 600.0,
    "seed": "dag#gate",
}


@given(schedules)
def test_whatever_can_be_built_goes_through_json_unchanged(built: PollSchedule) -> None:
    assert built == PollSchedule.from_json(json.loads(json.dumps(built.to_json(), allow_nan=False)))


def test_what_the_release_before_wrote_is_understood() -> None:
    expected = PollSchedule(
        started=1772337600.25,
        timeout=3600.0,
        appear_timeout=600.0,
        poke_interval=30.0,
        exponential_backoff=True,
        max_wait=600.0,
        seed="dag#gate",
    )
    assert expected == PollSchedule.from_json(ROW)


def test_a_field_never_heard_of_is_ignored_in_the_same_version() -> None:
    assert schedule() == PollSchedule.from_json(schedule().to_json() | {"another_field": 7})


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None, [1]])
def test_another_version_is_refused_as_such(version: object) -> None:
    with pytest.raises(UnknownVersion, match="version"):
        PollSchedule.from_json(schedule().to_json() | {"version": version})


@pytest.mark.parametrize("name", sorted(ROW))
@pytest.mark.parametrize("row", [ROW, schedule().to_json()], ids=["the release before", "now"])
def test_a_field_that_is_missing_or_odd_is_refused_by_name(row: dict[str, object], name: str) -> None:
    for odd in ({}, {name: {}}, {name: float("nan")}):
        with pytest.raises(ValueError, match=name):
            PollSchedule.from_json({key: value for key, value in row.items() if key != name} | odd)


@pytest.mark.parametrize("row", [None, [], "row", 1.5, [["started", 1]], {}])
def test_what_is_no_row_is_refused(row: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        PollSchedule.from_json(row)


@pytest.mark.parametrize("number", [10**400, -(10**400), 2**1024])
def test_a_number_that_no_clock_holds_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=r"^started: .* is not a number$"):
        PollSchedule.from_json(ROW | {"started": number})


@pytest.mark.parametrize("poke_interval", [math.inf, 1e300])
def test_an_interval_without_end_grows_no_more(poke_interval: float) -> None:
    endless = schedule(poke_interval=poke_interval, timeout=60, exponential_backoff=True)
    assert STARTED + 60 == endless.next_look(9, STARTED)


def test_an_odd_interval_in_a_row_is_a_short_one() -> None:
    odd = PollSchedule.from_json(ROW | {"poke_interval": "-inf", "max_wait": None})
    assert 2 > odd.interval(9)


def test_what_is_no_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="not a number"):
        schedule(timeout=math.nan).to_json()


def test_it_goes_through_json_unchanged() -> None:
    full = schedule(appear_timeout=5, exponential_backoff=True, max_wait=60)
    assert full == PollSchedule.from_json(json.loads(json.dumps(full.to_json())))
