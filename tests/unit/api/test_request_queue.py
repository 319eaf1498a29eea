"""Whose turn it is, in simulated time: no thread, no loop, no waiting."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.exchange import Now
from airflow_provider_wedata.api.rate_limit import Place, Priority, RateLimiter
from airflow_provider_wedata.api.request_queue import OFFER_SECONDS, RequestQueue, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from airflow_provider_wedata.api.rate_limit import Ticket

EPOCH = 1_772_000_000.0
TRIP = 0.15
CLASSES = tuple(Priority)


class CountedBudget(RateLimiter):
    """Counts the calls of `reserve`."""

    asked = granted = 0

    def reserve(self, now: float) -> tuple[Ticket | None, float]:
        found = super().reserve(now)
        self.asked += 1
        self.granted += found[0] is not None
        return found


@dataclass
class Desk:
    """A queue with waiters that take their offers at once, unless their owner is away."""

    limit: float = 1000.0
    ticks: float = 0.0
    away: set[Hashable] = field(default_factory=set)
    offered: list[Waiter] = field(default_factory=list)  # in the order of the offers
    taken: list[Waiter] = field(default_factory=list)
    missed: list[Waiter] = field(default_factory=list)  # woken while their owner was away

    def __post_init__(self) -> None:
        self.budget = CountedBudget(self.limit)
        self.queue = RequestQueue(self.budget)

    @property
    def now(self) -> Now:
        return Now(EPOCH + self.ticks, self.ticks)

    def join(
        self, priority: Priority = Priority.GATE, *, owner: Hashable = "loop", urgent_in: float = math.inf
    ) -> Waiter:
        waiter = Waiter(Place(priority, self.now.utc + urgent_in), lambda: self.offered.append(waiter), owner)
        self.queue.join(waiter, self.now)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        if self.queue.leave(waiter):
            self.queue.join(waiter, self.now)

    def come_back(self, owner: Hashable) -> None:
        self.away.discard(owner)
        woken, self.missed = self.missed, []
        for waiter in woken:
            self._wake(waiter)

    def serve(self) -> float:
        before = len(self.offered)
        seconds = self.queue.serve(self.now)
        assert seconds >= 0
        for waiter in self.offered[before:]:
            self._wake(waiter)
        return seconds

    def step(self, seconds: float = 0.01) -> None:
        self.ticks += seconds
        self.serve()

    def serve_until(self, number: int) -> list[Waiter]:
        """Serve until this many slots were taken; return their waiters."""
        while len(self.taken) < number:
            seconds = self.serve()
            assert math.isfinite(seconds) or len(self.taken) >= number
            self.ticks += min(seconds, 1.0)
        return self.taken

    def _wake(self, waiter: Waiter) -> None:
        if waiter.owner in self.away:
            self.missed.append(waiter)
        elif not waiter.left and (ticket := self.queue.take(waiter, self.ticks)):
            self.budget.answered(ticket, self.ticks)
            self.taken.append(waiter)
        elif not waiter.left:
            self.queue.join(waiter, self.now)  # too late


def test_within_a_class_first_come_is_first_served() -> None:
    desk = Desk(limit=20)
    waiters = [desk.join(owner=number % 3) for number in range(100)]
    desk.leave(waiters[10])
    assert waiters[:10] + waiters[11:] == desk.serve_until(99)


def test_the_classes_take_turns() -> None:
    desk = Desk(limit=20)
    for priority in CLASSES:
        for _ in range(3):
            desk.join(priority)
    assert 3 * list(CLASSES) == [waiter.place.priority for waiter in desk.serve_until(12)]


def test_a_class_that_is_empty_costs_the_others_nothing() -> None:
    desk = Desk(limit=20)
    for priority in (Priority.GATE, Priority.GATE, Priority.BULK, Priority.BULK):
        desk.join(priority)
    found = [waiter.place.priority for waiter in desk.serve_until(4)]
    assert [Priority.GATE, Priority.BULK] * 2 == found


def test_a_waiter_becomes_urgent_while_it_waits() -> None:
    desk = Desk(limit=1)
    gates = [desk.join(Priority.GATE, urgent_in=2.5 if number == 9 else math.inf) for number in range(10)]
    assert [*gates[:3], gates[9], *gates[3:9]] == desk.serve_until(10)


def test_what_was_urgent_when_it_came_stands_behind_others_that_are() -> None:
    desk = Desk(limit=20)
    became, came = desk.join(urgent_in=1.0), desk.join(urgent_in=-5.0)
    first = desk.join(Priority.LAST_LOOK)
    desk.ticks = 2.0
    assert [came, first, became] == desk.serve_until(3)


def test_who_leaves_with_an_offer_gives_the_slot_back_at_once() -> None:
    desk = Desk(limit=1, away={"a"})
    first, second = desk.join(owner="a"), desk.join(owner="b")
    desk.serve()
    assert [first] == desk.missed
    desk.leave(first)
    desk.serve()
    assert [second] == desk.taken


def test_an_owner_that_takes_nothing_for_a_second_is_passed_over_and_keeps_its_place() -> None:
    desk = Desk(limit=20, away={"blocked"})
    blocked = [desk.join(owner="blocked") for _ in range(50)]
    thread = desk.join(owner="thread")
    while not desk.taken:
        desk.step()
    assert [thread] == desk.taken
    assert OFFER_SECONDS <= desk.ticks <= OFFER_SECONDS + 0.1
    later = [desk.join(owner="thread") for _ in range(40)]
    assert [thread, *later] == desk.serve_until(41)  # and no other second is lost
    desk.ticks += 2
    last = desk.join(owner="thread")
    desk.come_back("blocked")
    assert [*blocked, last] == desk.serve_until(92)[41:]


def test_a_loop_that_is_closed_costs_no_time() -> None:
    desk = Desk(limit=1)

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    for _ in range(500):
        desk.queue.join(Waiter(Place(), closed, "closed"), desk.now)
    last = desk.join(Priority.BULK)
    desk.serve()
    assert [last] == desk.taken


def test_one_that_leaves_as_its_owner_is_passed_over_does_not_strand_the_others() -> None:
    desk = Desk(limit=2, away={"loop"})
    first, second, third = (desk.join() for _ in range(3))
    desk.serve()
    desk.step(0.5)
    assert [first, second] == desk.missed
    desk.leave(second)
    desk.step(0.6)  # the first was not taken: the loop is away
    desk.missed.clear()
    desk.away.clear()
    desk.leave(first)  # the only sign of life
    assert [third] == desk.serve_until(1)


def test_waits_that_left_long_before_they_were_urgent_are_forgotten() -> None:
    desk = Desk()
    for _ in range(5000):
        desk.leave(desk.join(urgent_in=86_400))
        desk.step()
    assert len(desk.queue._urgent) <= 100
    assert sum(map(len, desk.queue._lines.values())) <= 1


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("join"),
            st.sampled_from(CLASSES),
            st.integers(0, 3),
            st.sampled_from([0.3, 2.0, math.inf]),
        ),
        st.tuples(st.just("leave"), st.integers(0, 100)),
        st.tuples(st.just("go"), st.integers(0, 3)),
        st.tuples(st.just("come back"), st.integers(0, 3)),
        st.tuples(st.just("step"), st.sampled_from([0.0, 0.04, 0.3, 1.1])),
    ),
    max_size=60,
)


def play(desk: Desk, operations: list[Any], after: Callable[[], None] = lambda: None) -> list[Waiter]:
    """Run the operations; return every waiter that ever joined."""
    waiters: list[Waiter] = []
    for what, *details in operations:
        if what == "join":
            priority, owner, urgent_in = details
            if owner not in desk.away:
                waiters.append(desk.join(priority, owner=owner, urgent_in=urgent_in))
        elif what == "leave" and waiters:
            desk.leave(waiters[details[0] % len(waiters)])
        elif what == "go":
            desk.away.add(details[0])
        elif what == "come back":
            desk.come_back(details[0])
        elif what == "step":
            desk.step(details[0])
        after()
    return waiters


@settings(max_examples=150)
@given(OPERATIONS)
def test_no_waiter_is_lost_and_no_slot(operations: list[Any]) -> None:
    desk = Desk(limit=3)
    waiters = play(desk, operations)
    for owner in list(desk.away):
        desk.come_back(owner)
    for _ in range(400):
        desk.step(0.2)
    assert len(desk.taken) == len(set(desk.taken))
    assert all(waiter.left for waiter in waiters)  # each has taken its slot, or left
    assert {} == desk.queue._offers
    assert {} == desk.queue._away
    assert {} == desk.budget._flying
    desk.ticks += 3
    tickets = [desk.budget.reserve(desk.ticks + number * 0.3)[0] for number in range(3)]
    assert None not in tickets


@settings(max_examples=150)
@given(st.lists(st.sampled_from(CLASSES), max_size=40), OPERATIONS, st.sampled_from([1, 3, 50]))
def test_who_waits_waits_no_longer_than_four_slots_for_the_turn_of_its_class(
    there: list[Priority], operations: list[Any], limit: int
) -> None:
    desk = Desk(limit=limit)
    waiting: list[Priority] = []  # the classes that have somebody to offer to
    waited = dict.fromkeys(CLASSES, 0)  # the offers since the class last had one
    seen = 0

    def look() -> None:
        nonlocal seen
        still = [line for line in CLASSES if desk.queue._first(line) is not None]
        for waiter in desk.offered[seen:]:
            served = waiter.place.priority_at(desk.now.utc)
            for line in CLASSES:
                stood_back = line is not served and line in waiting and line in still
                waited[line] = waited[line] + 1 if stood_back else 0
            assert max(waited.values()) < 4
        seen = len(desk.offered)
        waiting[:] = still

    play(desk, [("join", priority, 0, math.inf) for priority in there], look)
    play(desk, operations + 20 * [("step", 1.1)], look)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.booleans()), max_size=60))
def test_the_order_in_each_class_is_that_of_joining_whoever_leaves(
    joins: list[tuple[Priority, bool]],
) -> None:
    desk = Desk(limit=50)
    waiters = []
    for priority, leaves in joins:
        waiters.append(desk.join(priority))
        if leaves:
            desk.leave(waiters[len(waiters) // 2])
        desk.step(0.015)
    staying = [waiter for waiter in waiters if not waiter.left or waiter in desk.taken]
    found = desk.serve_until(len(staying))
    for priority in CLASSES:
        in_class = [waiter for waiter in staying if waiter.place.priority is priority]
        assert in_class == [waiter for waiter in found if waiter.place.priority is priority]


@dataclass
class Account:
    """Waits, exports and lists that share one rate limiter, in simulated time. A request takes `TRIP` seconds."""

    limit: float = 20.0
    looks: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.budget = CountedBudget(self.limit)
        self.queue = RequestQueue(self.budget)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._woken: deque[Callable[[], None]] = deque()
        self._joined = False
        self.ticks = 0.0

    def add(self, name: str, priority: Priority, interval: float, phase: float = 0.0) -> None:
        """Add one that sends its next request this long after a response."""
        self.looks[name] = []
        self._at(phase, partial(self._join, name, priority, interval))

    def run(self, seconds: float) -> Account:
        serve_at = 0.0
        while (at := min(serve_at, self._events[0][0] if self._events else math.inf)) < seconds:
            self.ticks = at
            while self._events and self._events[0][0] <= at:
                heappop(self._events)[2]()
            if self._joined or serve_at <= at:
                self._joined = False
                serve_at = at + self.queue.serve(self._now)
            while self._woken:
                self._woken.popleft()()
        return self

    def longest_gap(self, prefix: str) -> float:
        """Return the longest time between two polls of any of them, or before the first or after the last."""
        moments = [[0.0, *looks, self.ticks] for name, looks in self.looks.items() if name.startswith(prefix)]
        return max(later - sooner for looks in moments for sooner, later in pairwise(looks))

    def numbers(self, prefix: str) -> list[int]:
        return [len(looks) for name, looks in self.looks.items() if name.startswith(prefix)]

    def line(self, prefix: str) -> str:
        numbers = self.numbers(prefix)
        return (
            f"{len(numbers):>5} {prefix:8} looks each {min(numbers)} to {max(numbers)}, together "
            f"{sum(numbers) / self.ticks:.1f}/s, longest time between two {self.longest_gap(prefix):.1f} s"
        )

    @property
    def _now(self) -> Now:
        return Now(EPOCH + self.ticks, self.ticks)

    def _at(self, at: float, what: Callable[[], None]) -> None:
        heappush(self._events, (at, next(self._number), what))

    def _join(self, name: str, priority: Priority, interval: float) -> None:
        def ask() -> None:
            ticket = self.queue.take(waiter, self.ticks)
            assert ticket is not None
            self.looks[name].append(self.ticks)
            self._at(self.ticks + TRIP, partial(self.budget.answered, ticket, self.ticks + TRIP))
            self._at(self.ticks + TRIP + interval, partial(self._join, name, priority, interval))

        waiter = Waiter(Place(priority), lambda: self._woken.append(ask), "loop")
        self.queue.join(waiter, self._now)
        self._joined = True


@pytest.fixture(scope="module")
def four_hundred() -> Account:
    account = Account()
    for number in range(400):
        account.add(f"gate {number}", Priority.GATE, 10.0)
    return account.run(300)


@pytest.fixture(scope="module")
def beside() -> Account:
    account = Account()
    for number in range(100):
        account.add(f"gate {number}", Priority.GATE, 10.0, phase=number / 10)
    for number in range(10):
        account.add(f"export {number}", Priority.BULK, 0.0)
        account.add(f"list {number}", Priority.BULK, 0.0)
    return account.run(300)


def test_400_gates_that_want_40_looks_a_second_of_20_look_in_turn(four_hundred: Account) -> None:
    print("\n" + four_hundred.line("gate"))  # noqa: T201 - shown with -s
    numbers = four_hundred.numbers("gate")
    assert 14 <= min(numbers) <= max(numbers) <= min(numbers) + 1
    assert four_hundred.longest_gap("gate") <= 21.5  # 400 at 19.4 a second


def test_gates_beside_an_export_and_a_list_look_as_often_as_alone(beside: Account) -> None:
    print("\n" + "\n".join(map(beside.line, ("gate", "export", "list"))))  # noqa: T201 - shown with -s
    assert 28 <= min(beside.numbers("gate"))
    assert beside.longest_gap("gate") <= 10.0 + TRIP + 1.0
    export, lists = sum(beside.numbers("export")), sum(beside.numbers("list"))
    assert 9.0 * 300 <= export + lists
    assert export == pytest.approx(lists, rel=0.02)


def test_the_whole_limit_is_used_and_the_budget_is_asked_a_few_times_a_slot(
    four_hundred: Account, beside: Account
) -> None:
    for account in (four_hundred, beside):
        assert account.budget.granted >= 0.95 * 20 * 300
        assert account.budget.asked <= 4 * account.budget.granted


def test_how_often_the_budget_is_asked_does_not_depend_on_how_many_wait() -> None:
    asked = {}
    for waits in (100, 5000):
        account = Account()
        for number in range(waits):
            account.add(f"gate {number}", Priority.GATE, 0.0)
        account.run(60)
        asked[waits] = account.budget.asked / account.budget.granted
    assert asked[5000] <= asked[100] + 0.5
