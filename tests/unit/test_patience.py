"""When a wait looks and when it gives up."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import NoAnswer
from airflow_provider_wedata.patience import Patience
from airflow_provider_wedata.waiting import Census, Kind, Verdict

STARTED = 1_772_337_600.0
NOTHING = Verdict(Kind.WAITING, "no instance yet", Census({}, 0))
RUNNING = Verdict(Kind.WAITING, "1 RUNNING", Census({"RUNNING": 1}, 1))
AWAY = Verdict.of_error(NoAnswer("connection refused"))


def patience(
    *,
    timeout: float = 100.0,
    appear_timeout: float | None = None,
    poke_interval: float = 10.0,
    exponential_backoff: bool = False,
    max_wait: float | None = None,
) -> Patience:
    return Patience(
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
    assert verdict == patience(appear_timeout=50).judge(verdict, STARTED + 49.9)


@pytest.mark.parametrize("verdict", [NOTHING, RUNNING, AWAY])
def test_at_the_deadline_it_is_over_and_tells_what_was_seen_last(verdict: Verdict) -> None:
    judged = patience().judge(verdict, STARTED + 100)
    assert judged.kind is Kind.TIMEOUT
    assert verdict.message in judged.message
    assert judged.error is None


@pytest.mark.parametrize("kind", [Kind.MET, Kind.FAILED, Kind.SKIPPED, Kind.STUCK, Kind.REFUSED])
def test_a_look_that_ends_the_wait_counts_even_after_the_deadline(kind: Kind) -> None:
    verdict = Verdict(kind, "so it is", Census({"COMPLETED": 1}, 1))
    assert verdict is patience(appear_timeout=1).judge(verdict, STARTED + 1000)


def test_nothing_by_appear_timeout_is_missing() -> None:
    judged = patience(appear_timeout=50).judge(NOTHING, STARTED + 50)
    assert judged.kind is Kind.MISSING
    assert "50 s" in judged.message


@pytest.mark.parametrize("verdict", [RUNNING, AWAY])
def test_what_is_there_or_unknown_is_not_missing(verdict: Verdict) -> None:
    assert verdict is patience(appear_timeout=50).judge(verdict, STARTED + 50)


def test_without_backoff_the_interval_stays() -> None:
    assert {10.0} == {patience(max_wait=3).interval(look) for look in range(1, 70)}


@given(look=st.integers(1, 40), poke_interval=st.floats(0.1, 600))
def test_with_backoff_the_interval_lies_between_one_and_two_doublings(
    look: int, poke_interval: float
) -> None:
    least = max(int(poke_interval * 2.0 ** (look - 2)), 1)
    assert least <= patience(poke_interval=poke_interval, exponential_backoff=True).interval(look) < 2 * least


@pytest.mark.parametrize("look", [1, 5, 100, 10_000])
def test_max_wait_caps_a_growing_interval(look: int) -> None:
    assert patience(exponential_backoff=True, max_wait=7).interval(look) <= 7


def test_a_max_wait_of_zero_is_none_as_in_airflow() -> None:
    without = patience(exponential_backoff=True)
    assert without.interval(3) == patience(exponential_backoff=True, max_wait=0).interval(3)


def test_an_interval_never_grows_out_of_numbers() -> None:
    assert math.isfinite(patience(exponential_backoff=True).interval(1_000_000))


@pytest.mark.parametrize(("ended", "expected"), [(5, 15), (95, 100), (150, 150)])
def test_the_next_look_is_an_interval_away_but_at_the_deadline_at_the_latest(
    ended: float, expected: float
) -> None:
    assert expected == patience().next_look(1, STARTED + ended) - STARTED


@pytest.mark.parametrize(("seconds", "expected"), [(0, 1), (9.9, 1), (10, 2), (35, 4)])
def test_looks_so_far_follow_from_the_time(seconds: float, expected: int) -> None:
    assert expected == patience().looks_by(STARTED + seconds)


def test_looks_so_far_follow_from_growing_intervals_too() -> None:
    growing = patience(exponential_backoff=True)
    third = STARTED + growing.interval(1) + growing.interval(2)
    before, then = (growing.looks_by(moment) for moment in (third - 0.1, third))
    assert before + 1 == then == 3


@pytest.mark.parametrize("poke_interval", [0.0, 1e-9])
def test_counting_looks_ends_however_short_the_interval(poke_interval: float) -> None:
    assert patience(poke_interval=poke_interval).looks_by(STARTED + 1e6) < 100


def test_it_goes_through_json_unchanged() -> None:
    given_all = patience(appear_timeout=5, exponential_backoff=True, max_wait=60)
    assert given_all == Patience.from_json(json.loads(json.dumps(given_all.to_json())))
