"""A reader over a real socket: what it returns, what it counts, and that it always stops at once."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from requests.adapters import HTTPAdapter

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import NoAnswer, PermissionRefused
from airflow_provider_wedata.api.exchange import Answer, Channel, Now
from airflow_provider_wedata.api.operations import Page
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.api.transport import Transport
from airflow_provider_wedata.emulator import Emulator, faults, scenarios
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.listing.reader import ConcurrentReader, _unchanged_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_wedata.emulator.faults import Fault

QUERY = InstanceQuery(project_id=PROJECT_ID, zone=Zone("UTC+8"))


def reading(wedata: Emulator, query: InstanceQuery = QUERY, **more: Any) -> ConcurrentReader:
    account = wedata.account
    channel = Channel(
        host=wedata.host,
        region=wedata.region,
        credentials=Credentials(account.secret_id, account.secret_key, account.token),
        budget=registry.budgets(wedata.host, account.secret_id, 1000),
        retry=RetryPolicy(3, base=0),
    )
    return ConcurrentReader(Client(channel, Transport(wedata.url)), query, **more)


def of_reading() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "wedata-reading"]


@pytest.fixture
def wedata() -> Iterator[Emulator]:
    """An emulator without a limit, with 1,050 instances over three days."""
    with Emulator(limit=None) as wedata:
        scenarios.SCENARIOS["empty"](wedata.world, 1.0)
        scenarios.large(wedata.world, count=1050, days=3)
        yield wedata


@pytest.fixture
def stuck(wedata: Emulator) -> Iterator[Callable[..., threading.Event]]:
    """Make the emulator hold back its responses from the third on, until the test is over."""
    let_go = threading.Event()

    def hold(then: Callable[[], object] = lambda: None) -> threading.Event:
        def answer(number: int) -> None:
            if number == 3:
                then()
            if number >= 3:
                let_go.wait(60)

        wedata.between(answer)
        return let_go

    yield hold
    let_go.set()


def test_all_instances_are_given_once_and_in_order(wedata: Emulator) -> None:
    with reading(wedata) as it:
        assert it.total is None
        keys = [row.identity for row in it]
    assert wedata.world.keys == keys
    assert [1050, 1050, 11, 0] == [it.total, it.rows, it.requests, it.throttled]
    assert len(wedata.requests) == 11
    assert of_reading() == []


@pytest.mark.parametrize(
    ("fault", "throttled"),
    [
        (faults.throttle(), 1),
        (faults.reset(), 0),
        (faults.http_status(502), 0),
        (faults.cut(), 0),
        (faults.not_json(), 0),
    ],
    ids=["throttled", "reset", "502", "cut", "no json"],
)
@pytest.mark.parametrize("number", [1, 2, 7, 11])
def test_a_fault_changes_nothing_but_the_number_of_requests(
    wedata: Emulator, fault: Fault, throttled: int, number: int
) -> None:
    wedata.faults.when(lambda received: received.number == number, fault)
    with reading(wedata) as it:
        keys = [row.identity for row in it]
    assert wedata.world.keys == keys
    assert [12, throttled] == [it.requests, it.throttled]


def test_without_a_date_updates_of_the_last_five_minutes_are_taken_for_new(wedata: Emulator) -> None:
    now = datetime.now(UTC)
    for key in wedata.world.keys[500:600]:
        wedata.world.update(key, last_update_time=now - timedelta(seconds=200))
    with reading(wedata) as dated:
        keys = [row.identity for row in dated]
    wedata.faults.when(lambda _: True, lambda honest: honest.with_headers(date=None))
    with reading(wedata) as undated:
        assert sorted(keys) == sorted(row.identity for row in undated)
    assert dated.requests == 11
    assert undated.requests > 11


def test_a_refusal_ends_it(wedata: Emulator) -> None:
    wedata.faults.when(
        lambda received: received.number == 5, faults.error("UnauthorizedOperation.UserNotInProject")
    )
    with reading(wedata) as it, pytest.raises(PermissionRefused):
        list(it)
    assert of_reading() == []


def test_closed_in_the_middle_it_waits_for_no_answer(
    wedata: Emulator, stuck: Callable[..., threading.Event]
) -> None:
    let_go = stuck()
    with reading(wedata, under_way=1) as it:
        rows = iter(it)
        first = [next(rows) for _ in range(150)]
    assert len(first) == 150
    assert of_reading() == []
    assert not let_go.is_set()


def test_no_longer_iterated_it_ends(wedata: Emulator, stuck: Callable[..., threading.Event]) -> None:
    first = wedata.world.keys[0]
    let_go = stuck()
    for row in reading(wedata):
        assert first == row.identity
        break
    assert of_reading() == []
    assert not let_go.is_set()


def test_interrupted_while_it_waits_it_ends(wedata: Emulator, stuck: Callable[..., threading.Event]) -> None:
    here = threading.get_ident()
    let_go = stuck(lambda: signal.pthread_kill(here, signal.SIGINT))
    # Who runs the tests in the background has the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # One thread, so that it waits by then: a thread that is just being started ends by itself, a little later.
        with reading(wedata, under_way=1) as it, pytest.raises(KeyboardInterrupt):
            list(it)
    finally:
        signal.signal(signal.SIGINT, before)
    assert of_reading() == []
    assert not let_go.is_set()


def test_closed_before_it_begins_it_asks_nothing(wedata: Emulator) -> None:
    it = reading(wedata)
    it.close()
    with pytest.raises(NoAnswer, match="closed"):
        list(it)
    assert wedata.requests == []
    assert of_reading() == []


def test_closed_from_another_thread_it_ends(wedata: Emulator, stuck: Callable[..., threading.Event]) -> None:
    it = reading(wedata)
    let_go = stuck(lambda: threading.Thread(target=it.close).start())
    with pytest.raises(NoAnswer, match="closed"):
        list(it)
    assert of_reading() == []
    assert not let_go.is_set()


def test_stopped_it_waits_for_no_lock_that_the_interrupted_step_may_hold(wedata: Emulator) -> None:
    it = reading(wedata)
    rows = iter(it)
    next(rows)
    adapters = it._client._session.adapters.values()
    managers = [adapter.poolmanager for adapter in adapters if isinstance(adapter, HTTPAdapter)]
    pools = [pool for manager in managers for pool in manager.pools._container.values()]
    assert pools
    interrupting = threading.Thread(target=it.stop)
    with ExitStack() as held:
        for lock in (
            *(manager.pools.lock for manager in managers),
            *(pool.pool.mutex for pool in pools),
            *(handler.lock for handler in logging.root.handlers if handler.lock),
            logging._lock,  # type: ignore[attr-defined]  # of all loggers
        ):
            held.enter_context(lock)
        interrupting.start()
        interrupting.join(30)
        assert not interrupting.is_alive()
    with pytest.raises(NoAnswer, match="closed"):
        list(rows)
    assert of_reading() == []


@pytest.mark.parametrize(
    ("date", "expected"),
    [(5000.0, 5000 - 10 - 2), (None, 4000 - 310)],
    ids=["by WeData's clock", "by our own"],
)
def test_unchanged_rows_are_determined_by_wedatas_clock_if_known(date: float | None, expected: int) -> None:
    answer = Answer(Page(0, ()), Now(4000.0, 7.0), trip=2.0, date=date, attempts=1, throttled=0)
    assert datetime.fromtimestamp(expected, UTC) == _unchanged_before(answer)
