"""The queue among real threads, loops, forks and signals: nobody is left waiting, no slot is left taken."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import airflow_provider_wedata.api
from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.async_client import AsyncClient
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.dispatcher import Dispatcher
from airflow_provider_wedata.api.errors import NoAnswer
from airflow_provider_wedata.api.exchange import Channel, Sleep, Slot, Turn
from airflow_provider_wedata.api.rate_limit import Place, Priority, RateLimiter
from airflow_provider_wedata.api.request_queue import Waiter
from airflow_provider_wedata.api.transport import TimeLimit, Transport

if TYPE_CHECKING:
    from types import FrameType

    from airflow_provider_wedata.api.exchange import Flow
    from airflow_provider_wedata.api.rate_limit import Ticket

    Full = tuple[RateLimiter, list[Ticket]]

GATE = Place(Priority.GATE)
HERE = Transport("http://127.0.0.1:1")


@pytest.fixture
def budget() -> RateLimiter:
    """A rate limiter so fast that nobody waits for long."""
    return RateLimiter(1000.0)


@pytest.fixture
def full() -> Full:
    """A rate limiter without free tickets, so that everybody waits until one is released."""
    budget = RateLimiter(20.0)
    tickets = [budget.reserve(float(number))[0] for number in range(20)]
    return budget, [ticket for ticket in tickets if ticket]


def channel(budget: RateLimiter) -> Channel:
    return Channel("h", "r", Credentials("id", "key"), budget=lambda _action: budget)


def turns(budget: RateLimiter, number: int = 1) -> Flow[int]:
    """Take a few turns, each answered at once."""
    for _ in range(number):
        slot = yield Turn(budget, GATE)
        assert isinstance(slot, Slot)
        budget.answered(slot.ticket, slot.now.ticks)
    return number


def client(budget: RateLimiter) -> Client:
    return Client(channel(budget), HERE)


async def in_a_loop(budget: RateLimiter, tasks: int, each: int) -> list[int]:
    there = AsyncClient(channel(budget), HERE)
    return await asyncio.gather(*(there.run(turns(budget, each)) for _ in range(tasks)))


def queued(budget: RateLimiter, number: int = 1) -> None:
    """Return once this many wait in the rate limiter's queue."""
    dispatcher = registry.dispatcher(budget)
    while sum(map(len, dispatcher._queue._lines.values())) < number:
        os.sched_yield()


def test_threads_and_loops_share_one_queue(budget: RateLimiter) -> None:
    with ThreadPoolExecutor(8) as pool, client(budget) as shared:
        threads = [pool.submit(shared.run, turns(budget, 20)) for _ in range(5)]
        loops = [pool.submit(asyncio.run, in_a_loop(budget, 30, 2)) for _ in range(3)]
        assert [20] * 5 == [thread.result() for thread in threads]
        assert [[2] * 30] * 3 == [loop.result() for loop in loops]
    assert {} == budget._flying


def test_a_client_that_is_closed_ends_a_thread_that_queues(full: Full) -> None:
    budget, _ = full
    with ThreadPoolExecutor(1) as pool:
        there = client(budget)
        waiting = pool.submit(there.run, turns(budget))
        queued(budget)
        there.close()
        with pytest.raises(NoAnswer, match="closed"):
            waiting.result()
    with client(budget) as other, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.run, turns(budget))
        budget.unused(full[1].pop())
        assert waiting.result() == 1


def test_a_client_that_is_closed_ends_a_thread_that_sleeps(budget: RateLimiter) -> None:
    asleep = threading.Event()

    def flow() -> Flow[None]:
        asleep.set()
        yield Sleep(3600)

    with ThreadPoolExecutor(1) as pool:
        there = client(budget)
        waiting = pool.submit(there.run, flow())
        asleep.wait()
        there.close()
        with pytest.raises(NoAnswer, match="closed"):
            waiting.result()


def test_tasks_that_are_cancelled_while_they_queue_leave_it(full: Full) -> None:
    budget, tickets = full

    async def main() -> list[Any]:
        there = AsyncClient(channel(budget), HERE)
        tasks = [asyncio.create_task(there.run(turns(budget))) for _ in range(10)]
        await asyncio.to_thread(queued, budget, 10)
        for task in tasks[:9]:
            task.cancel()
        budget.unused(tickets.pop())
        return await asyncio.gather(*tasks, return_exceptions=True)

    ends = asyncio.run(main())
    assert [asyncio.CancelledError] * 9 == [type(end) for end in ends[:9]]
    assert ends[9] == 1
    assert len(tickets) == len(budget._flying)


def test_tasks_of_a_loop_that_was_closed_hold_nobody_up(full: Full) -> None:
    budget, tickets = full
    loop = asyncio.new_event_loop()
    dispatcher = registry.dispatcher(budget)
    for _ in range(100):
        dispatcher.join(Waiter(GATE, partial(loop.call_soon_threadsafe, print), loop))
    queued(budget, 100)
    loop.close()
    with client(budget) as there, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(there.run, turns(budget))
        budget.unused(tickets.pop())
        assert waiting.result() == 1


def test_a_blocked_loop_holds_up_no_thread_and_gets_its_turns_when_it_is_back(budget: RateLimiter) -> None:
    blocked, go_on = threading.Event(), threading.Event()

    async def main() -> list[int]:
        asyncio.get_running_loop().call_soon(block)
        return await in_a_loop(budget, 200, 1)

    def block() -> None:  # runs before the tasks are started; they are offered slots from here on
        asyncio.get_running_loop().call_soon(block_now)

    def block_now() -> None:
        blocked.set()
        go_on.wait()

    with ThreadPoolExecutor(2) as pool, client(budget) as there:
        loop = pool.submit(asyncio.run, main())
        blocked.wait()
        assert there.run(turns(budget, 30)) == 30
        go_on.set()
        assert [1] * 200 == loop.result()
    assert {} == budget._flying


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_queue_and_a_budget_of_its_own() -> None:
    budgets = registry.budgets("h", "id", 20)
    budget = budgets("ListProjects")
    held = [budget.reserve(float(number))[0] for number in range(20)]
    with ThreadPoolExecutor(1) as pool, client(budget) as there:
        waiting = pool.submit(there.run, turns(budget))
        queued(budget)
        child = os.fork()
        if not child:
            code = 1
            try:
                fresh = budgets("ListProjects")
                code = 0 if Client(channel(fresh), HERE).run(turns(fresh)) == 1 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        held.pop()
        assert waiting.result() == 1


ROOM = str(Path(airflow_provider_wedata.api.__file__).parent)


class Interrupted(Exception):
    """Raised by a signal handler, at any moment."""


def interrupted_at(step: int, flow: Flow[Any], there: Client) -> bool:
    """Run the flow and raise at this bytecode of our own code; return whether that was reached."""
    left = step

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        there.run(flow)
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_exception_at_whatever_bytecode_leaves_no_slot_taken_and_no_dead_waiter_for_long(
    budget: RateLimiter,
) -> None:
    # In a thread of its own: raised where no signal is ever handled, an exception may stay "being handled".
    with client(budget) as there, ThreadPoolExecutor(1) as interrupted, ThreadPoolExecutor(1) as other:
        step = 0
        while interrupted.submit(interrupted_at, step := step + 1, turns(budget), there).result():
            for thread in (interrupted, other):
                assert thread.submit(there.run, turns(budget)).result() == 1
        assert step > 200
        offered = set(registry.dispatcher(budget)._queue._offers.values())
        assert set(budget._flying) <= offered  # for a second at most


def test_a_storm_of_signals_that_raise_stops_nobody(budget: RateLimiter) -> None:
    done, here = threading.Event(), threading.get_ident()
    ended = interrupted = 0

    def storm() -> None:
        while not done.is_set():
            signal.pthread_kill(here, signal.SIGUSR1)
            os.sched_yield()

    def handle(_signal: int, _frame: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupted

    armed = False
    before = signal.signal(signal.SIGUSR1, handle)
    thread = threading.Thread(target=storm)
    try:
        thread.start()
        with client(budget) as there:
            while ended + interrupted < 200:
                try:
                    armed = True
                    there.run(turns(budget))
                    armed = False
                    ended += 1
                except Interrupted:
                    interrupted += 1
    finally:
        armed = False
        done.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    with client(budget) as there:
        assert there.run(turns(budget, 3)) == 3


def out_of_time(flow: Flow[Any], there: Client, seconds: float) -> Any:
    return there.run(flow, seconds=seconds)


def out_of_time_in_a_loop(flow: Flow[Any], there: Client, seconds: float) -> Any:
    return asyncio.run(AsyncClient(there.channel, HERE).run(flow, seconds=seconds))


@pytest.mark.parametrize("run", [out_of_time, out_of_time_in_a_loop], ids=["thread", "loop"])
class TestTheTimeOfAFlow:
    def test_ends_it(self, run: Any, budget: RateLimiter) -> None:
        closed = []

        def endless() -> Flow[None]:
            try:
                yield Turn(budget, GATE)
                while True:
                    yield Sleep(0.001)
            finally:
                closed.append(True)

        with client(budget) as there, pytest.raises(TimeoutError):
            run(endless(), there, 0.01)
        assert [True] == closed
        assert {} == budget._flying

    def test_does_not_run_before_the_first_slot_nor_while_it_queues(self, run: Any, full: Full) -> None:
        budget, tickets = full

        def patient() -> Flow[str]:
            yield Sleep(0.01)
            slot = yield Turn(budget, GATE)
            assert isinstance(slot, Slot)
            return "answered"

        with client(budget) as there, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(run, patient(), there, 0.0)
            queued(budget)
            budget.unused(tickets.pop())
            assert waiting.result() == "answered"


def test_the_time_of_a_flow_stands_while_it_queues() -> None:
    limit = TimeLimit(10.0)
    limit.stand(5.0)
    assert math.inf == limit.ends
    limit.run(100.0)
    assert limit.ends == 110.0
    limit.stand(104.0)
    assert math.inf == limit.ends
    limit.run(500.0)
    assert limit.ends == 506.0


def test_a_handler_may_close_the_client_whose_own_thread_it_interrupts(
    full: Full,
) -> None:
    budget, _ = full
    there = client(budget)
    here = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, lambda *_: there.close())

    def interrupt() -> None:
        queued(budget)
        signal.pthread_kill(here, signal.SIGUSR1)

    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(interrupt)
            with pytest.raises(NoAnswer, match="closed"):
                there.run(turns(budget))
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_its_thread_ends_when_there_is_nothing_to_do_and_nobody_is_overlooked(budget: RateLimiter) -> None:
    registry._dispatchers[budget] = Dispatcher(budget, idle=0.0)
    before = threading.enumerate()
    with ThreadPoolExecutor(8) as pool, client(budget) as shared:
        threads = [pool.submit(shared.run, turns(budget, 50)) for _ in range(8)]
        assert [50] * 8 == [thread.result() for thread in threads]
    for thread in threading.enumerate():
        if thread not in before:
            thread.join()
    with client(budget) as there:
        assert there.run(turns(budget)) == 1
