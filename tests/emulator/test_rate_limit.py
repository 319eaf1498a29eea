"""Never more than the limit in any one second, and never less than allowed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.emulator import Emulator, SteppedClock
from airflow_provider_wedata.emulator.rate_limit import RateLimit


@given(st.integers(1, 4), st.lists(st.integers(0, 12), max_size=40))
def test_a_request_is_admitted_if_and_only_if_its_second_has_room(limit: int, gaps: list[int]) -> None:
    rate, now, admitted = RateLimit(limit), 0.0, list[float]()
    for gap in gaps:
        now += gap / 8  # eighths of a second add up without rounding
        recent = [at for at in admitted if now - 1 < at]
        allowed = rate.admit("key", now)
        assert allowed is (len(recent) < limit)
        admitted += [now] if allowed else []


def test_each_key_has_its_own() -> None:
    rate = RateLimit(1)
    assert [rate.admit(key, 0.0) for key in ("a", "b", "a")] == [True, True, False]


def test_the_service_throttles_by_action(sign_request: Any) -> None:
    clock = SteppedClock("2026-03-01 12:00:00")
    wedata = Emulator(clock=clock, limit=2)

    def errors(action: str, times: int) -> list[str | None]:
        params = {"ProjectId": wedata.world.project_ids[0]} if action == "ListTaskInstances" else {}
        return [wedata.answer(sign_request(wedata, action, params)).error for _ in range(times)]

    assert errors("ListTaskInstances", 3) == [None, None, "RequestLimitExceeded"]
    assert errors("ListProjects", 2) == [None, None]
    clock.advance(1)
    assert errors("ListTaskInstances", 1) == [None]
    assert [received.error for received in wedata.requests].count("RequestLimitExceeded") == 1


def test_no_limit_admits_all() -> None:
    rate = RateLimit(None)
    assert all(rate.admit("key", 0.0) for _ in range(1000))
