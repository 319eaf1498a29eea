"""How fast requests may be sent: a simulation of a strict limit, latency, and others who share the limit."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.rate_limit import RateLimiter
from airflow_provider_wedata.api.retry import RetryPolicy


class Server:
    """At most `limit` requests in any second, counted on arrival; none before it opens."""

    def __init__(self, limit: int, opens: float = 0.0) -> None:
        self.limit = limit
        self.opens = opens
        self.recent: deque[float] = deque()

    def admit(self, now: float) -> bool:
        while self.recent and self.recent[0] <= now - 1:
            self.recent.popleft()
        if now >= self.opens and len(self.recent) < self.limit:
            self.recent.append(now)
            return True
        return False


@dataclass
class Simulation:
    """Eager clients that share one rate limiter: each sends its next request as soon as possible.

    :param trip: seconds from sending to the response.
    :param jitter: maximum of additional random seconds.
    :param outward: the part of the trip before the server counts the request.
    :param other: the times of requests of others who share the limit.
    """

    budget: RateLimiter
    server: Server
    trip: float
    jitter: float = 0.0
    outward: float = 0.5
    clients: int = 40
    other: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    start: float = 0.0

    def run(self, seconds: float) -> Simulation:
        chance, order = Random(7), count()  # noqa: S311  # the same every time, on purpose
        events: list[tuple[float, int, str, int]] = [
            (self.start, next(order), "ask", 0) for _ in range(self.clients)
        ]
        events += [(at, next(order), "other", 0) for at in self.other]
        events.sort()
        while events and events[0][0] < seconds:
            now, _, what, ticket = heappop(events)
            if what == "other":
                self.server.admit(now)
            elif what == "ask":
                reserved, wait = self.budget.reserve(now)
                if reserved is None:
                    heappush(events, (now + wait, next(order), "ask", 0))
                else:
                    self.sent.append(now)
                    trip = self.trip + chance.random() * self.jitter
                    heappush(events, (now + trip * self.outward, next(order), "arrive", reserved))
            elif what == "arrive":
                word = "yes" if self.server.admit(now) else "no"
                back = (self.trip + chance.random() * self.jitter) * (1 - self.outward)
                heappush(events, (now + back, next(order), word, ticket))
            else:
                self.budget.answered(ticket, now)
                (self.accepted if what == "yes" else self.throttled).append(now)
                if what == "no":
                    self.budget.throttled(now)
                heappush(events, (now, next(order), "ask", 0))
        return self

    def rate(self, start: float, end: float) -> float:
        return sum(1 for at in self.accepted if start <= at < end) / (end - start)


@pytest.mark.parametrize("outward", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("jitter", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("trip", [0.02, 0.15, 0.3])
def test_a_strict_limit_is_used_to_95_percent_without_a_throttled_answer(
    trip: float, jitter: float, outward: float
) -> None:
    simulation = Simulation(RateLimiter(20), Server(20), trip, jitter, outward).run(40)
    assert simulation.throttled == []
    assert simulation.rate(5, 40) >= 0.95 * 20


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_other_limits_are_used_as_well(limit: int) -> None:
    simulation = Simulation(RateLimiter(limit), Server(limit), trip=0.15, jitter=0.02, clients=3 * limit).run(
        40
    )
    assert simulation.throttled == []
    assert simulation.rate(5, 40) >= 0.95 * limit


def test_a_limit_of_a_thousand_is_used() -> None:
    simulation = Simulation(RateLimiter(1000), Server(1000), trip=0.05, clients=100).run(4)
    assert simulation.throttled == []
    assert simulation.rate(2, 4) >= 0.95 * 1000


@pytest.mark.parametrize(("limit", "seconds"), [(0.5, 200), (0.1, 1000), (2.5, 100)])
def test_less_than_a_request_a_second_is_kept_on_average(limit: float, seconds: float) -> None:
    simulation = Simulation(RateLimiter(limit), Server(100), trip=0.15, clients=5).run(seconds)
    assert 0.95 * limit * seconds <= len(simulation.sent) <= limit * seconds + 3
    if limit < 1:
        assert min(later - sooner for sooner, later in pairwise(simulation.sent)) >= 1 / limit


def every(step: float, end: float, together: int = 1) -> list[float]:
    return [at * step * together for at in range(int(end / step / together)) for _ in range(together)]


@pytest.mark.parametrize(
    "other", [every(0.1, 120), every(0.1, 120, together=10)], ids=["evenly", "in bursts of ten"]
)
def test_beside_another_who_eats_half_it_slows_down_and_recovers_when_alone(other: list[float]) -> None:
    simulation = Simulation(RateLimiter(20), Server(20), trip=0.15, jitter=0.02, other=other).run(240)
    beside = sum(1 for at in simulation.throttled if 20 <= at < 120)
    assert 8.5 <= simulation.rate(20, 120) <= 14
    assert beside <= 0.15 * 100 * simulation.rate(20, 120)
    assert simulation.rate(180, 240) >= 0.95 * 20
    assert [at for at in simulation.throttled if at > 180] == []


@pytest.mark.parametrize("jitter", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("trip", [0.15, 0.3])
def test_ten_at_once_read_1761_pages_in_little_more_than_the_least_time(trip: float, jitter: float) -> None:
    least = 1761 / 20
    simulation = Simulation(RateLimiter(20), Server(20), trip, jitter, clients=10).run(1.08 * least)
    assert len(simulation.accepted) >= 1761
    assert simulation.throttled == []


@pytest.mark.parametrize("trip", [0.15, 0.3])
@pytest.mark.parametrize("together", [1, 10], ids=["evenly", "in bursts of ten"])
def test_ten_at_once_use_nine_tenths_of_what_another_leaves(together: int, trip: float) -> None:
    other = every(0.1, 30, together)
    simulation = Simulation(RateLimiter(20), Server(20), trip, 0.02, clients=10, other=other).run(30)
    assert len(simulation.accepted) >= 200
    assert simulation.rate(0, 30) >= 0.9 * 10


def test_it_never_dies_where_every_answer_is_no_and_recovers() -> None:
    simulation = Simulation(RateLimiter(20), Server(20, opens=100), trip=0.15).run(240)
    assert 40 <= len([at for at in simulation.sent if 50 <= at < 100]) <= 60  # one a second
    assert simulation.rate(200, 240) >= 0.95 * 20


def test_the_smaller_limit_holds_for_both() -> None:
    budgets = registry.budgets("h", "id", 20), registry.budgets("h", "id", 5), registry.budgets("h", "id", 50)
    assert len({id(of("ListTaskInstances")) for of in budgets}) == 1
    assert budgets[0]("ListTaskInstances").limit == 5
    assert budgets[0]("ListProjects").limit == 20
    assert registry.budgets("h", "another", 20)("ListTaskInstances").limit == 20
    simulation = Simulation(budgets[0]("ListTaskInstances"), Server(5), trip=0.15).run(20)
    assert simulation.throttled == []
    assert simulation.rate(5, 20) >= 0.95 * 5


def test_a_limit_that_was_put_right_holds_a_minute_later() -> None:
    wrong, right = registry.budgets("h", "id", 1), registry.budgets("h", "id", 20)
    budget = wrong("ListTaskInstances")
    assert Simulation(budget, Server(1), trip=0.15).run(10).throttled == []
    assert right("ListTaskInstances") is budget
    budget.reserve(20.0)
    assert budget.limit == 1  # used not long ago
    budget.reserve(59.9)
    assert budget.limit == 1
    right("ListTaskInstances")
    budget.reserve(61.0)
    assert budget.limit == 20
    sent = Simulation(budget, Server(20), trip=0.15, start=61.0).run(81)
    assert sent.throttled == []
    assert sent.rate(66, 81) >= 0.95 * 20


def test_a_limit_in_use_is_not_forgotten() -> None:
    wide, narrow = registry.budgets("h", "id", 20), registry.budgets("h", "id", 5)
    limits = set()
    for minute in range(10):
        budget = narrow("ListTaskInstances")
        for second in range(0, 60, 7):
            wide("ListTaskInstances").reserve(60.0 * minute + second)
            limits.add(budget.limit)
    assert {5} == limits


def test_where_nobody_asked_for_an_hour_the_last_limit_holds() -> None:
    budget = registry.budgets("h", "id", 5)("ListTaskInstances")
    budget.reserve(0.0)
    budget.reserve(3600.0)
    assert budget.limit == 5


def test_a_ticket_that_nobody_holds_any_more_is_not_counted() -> None:
    budget = RateLimiter(1)
    ticket, _ = budget.reserve(0.0)
    assert budget.reserve(10.0)[0] is None
    del ticket
    assert budget.reserve(10.0)[0] is not None


def test_a_slot_that_was_not_used_is_free_at_once() -> None:
    budget = RateLimiter(1)
    ticket, _ = budget.reserve(0.0)
    assert ticket
    budget.unused(ticket)
    assert budget.reserve(0.0)[0] is not None


def test_a_lost_request_gives_its_slot_back_a_second_later() -> None:
    budget = RateLimiter(1)
    ticket, _ = budget.reserve(0.0)
    assert ticket is not None
    assert budget.reserve(29.0)[0] is None
    budget.lost(ticket, 30.0)
    assert budget.reserve(30.5)[0] is None
    assert budget.reserve(31.1)[0] is not None


def test_an_older_loss_reported_late_does_not_delay_what_is_free() -> None:
    budget = RateLimiter(2)
    first, _ = budget.reserve(0.0)
    second, _ = budget.reserve(0.5)
    assert first is not None
    assert second is not None
    budget.answered(second, 0.7)
    budget.lost(first, 0.0)  # closed in the middle: all that is known is when it was sent
    assert budget.reserve(0.95) == (None, pytest.approx(0.055))
    assert budget.reserve(1.01)[0] is not None


def test_a_wait_that_is_named_is_enough() -> None:
    budget, now = RateLimiter(20), 0.0
    for _ in range(200):
        ticket, wait = budget.reserve(now)
        if ticket is None:
            assert wait > 0
            now += wait
        else:
            assert wait == 0
            budget.answered(ticket, now + 0.01)
    assert now < 12


def test_threads_may_share_a_budget() -> None:
    budget = RateLimiter(20)

    def hammer(start: int) -> int:
        sent = 0
        for at in range(2000):
            ticket, _ = budget.reserve(start + at / 100)
            if ticket is not None:
                sent += 1
                budget.answered(ticket, start + at / 100)
                if sent % 3 == 0:
                    budget.throttled(start + at / 100)
        return sent

    with ThreadPoolExecutor(8) as pool:
        # Not each: a thread whose time is behind the others' may get nothing.
        assert sum(pool.map(hammer, range(8))) > 0
    assert budget._flying == {}


@given(
    attempt=st.integers(0, 5000),
    chance=st.floats(0, 1),
    base=st.floats(0, 60),
    cap=st.floats(0, 600),
)
def test_a_delay_is_full_jitter_up_to_the_doubled_base_or_the_cap(
    attempt: int, chance: float, base: float, cap: float
) -> None:
    most = min(cap, base * 2.0 ** min(attempt, 60))
    policy = RetryPolicy(base=base, cap=cap)
    assert 0 <= policy.delay(attempt, chance) <= most
    assert policy.delay(attempt, 0.0) == 0
    if attempt <= 30 or base >= 1:
        assert most == policy.delay(attempt, 1.0)
    assert chance * policy.delay(attempt, 1.0) == policy.delay(attempt, chance)


def test_the_delays_of_the_default_policy_double_up_to_half_a_minute() -> None:
    assert [RetryPolicy().delay(attempt, 1.0) for attempt in range(7)] == [1, 2, 4, 8, 16, 30, 30]
