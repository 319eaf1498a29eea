"""Services that stop counting at 10,000, or refuse pages beyond 10,000 rows: nothing is truncated silently."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, Zone
from airflow_provider_wedata.emulator import Instance, Quirks, SteppedClock, World, actions, parameters
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.listing.paginator import ConsistentListing
from airflow_provider_wedata.listing.planner import ListingPlanner

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.api.operations import Operation, Page

NOW = "2026-03-03 12:00:00"
#: 2026-03-01 00:00:00 UTC.
FIRST = 1772323200
DAY = 86400
QUIRKS = {
    "counted to 10,000": Quirks(counting_limit=10_000),
    "shown to 10,000": Quirks(deepest_page=100),
    "counted and shown to 10,000": Quirks(counting_limit=10_000, deepest_page=100),
    "counted to 1,000": Quirks(counting_limit=1000),
    "counted to 5,000, shown to 10,000": Quirks(counting_limit=5000, deepest_page=100),
    "counted to 3,333": Quirks(counting_limit=3333),
}
LIMITED, OTHERS = list(QUIRKS)[:3], list(QUIRKS)[3:]
WINDOWS = {
    "open": TimeWindow(),
    "closed": TimeWindow(datetime.fromtimestamp(FIRST, UTC), datetime.fromtimestamp(FIRST + DAY - 1, UTC)),
    "open at the end": TimeWindow(datetime.fromtimestamp(FIRST, UTC), None),
    "open at the beginning": TimeWindow(None, datetime.fromtimestamp(FIRST + DAY - 1, UTC)),
}


class Service:
    """A WeData with many instances, without a socket."""

    def __init__(self, times: list[int | None], quirks: Quirks) -> None:
        self.clock = SteppedClock(NOW)
        self.world = World(self.clock)
        self.quirks = quirks
        self.deepest = 0
        self._chance = Random(1)  # noqa: S311 - the same every time, on purpose
        self.world.load(
            Instance(
                task_id=str(number),
                cur_run_date="2026-03-01 00:00:00",
                schedule_time=time,
                state="COMPLETED",
                last_update_time=FIRST,
            )
            for number, time in enumerate(times)
        )

    def answer(self, operation: Operation[Page]) -> Page:
        self.clock.advance(0.05)
        self.deepest = max(
            self.deepest, operation.parameters["PageNumber"] * operation.parameters["PageSize"]
        )
        parsed = parameters.parse(
            json.dumps(dict(operation.parameters)).encode(), parameters.LIST_TASK_INSTANCES, ("ProjectId",)
        )
        return operation.parse(
            {"Data": actions.list_task_instances(self.world, parsed, self.quirks, self._chance)}
        )

    def swap(self) -> None:
        self.world.delete(self._chance.choice(self.world.keys))
        self.world.add(
            task_id=str(10**9 + self.world.version),
            cur_run_date="2026-03-01 00:00:00",
            schedule_time=FIRST + self._chance.randrange(DAY),
        )


def query(window: TimeWindow = WINDOWS["open"]) -> InstanceQuery:
    return InstanceQuery(project_id=PROJECT_ID, zone=Zone("UTC+8"), schedule=window)


def read(
    service: Service,
    window: TimeWindow = WINDOWS["open"],
    *,
    happens: Callable[[int], object] = lambda _: None,
) -> list[str]:
    """Read to the end; concurrent requests are answered from the last to the first."""
    plan, keys, requests = ListingPlanner(query(window)), [], 0
    while not plan.ended:
        for ticket, operation in reversed(plan.next()):
            sent = service.clock.now()
            happens(requests := requests + 1)
            plan.feed(ticket, service.answer(operation), datetime.fromtimestamp(sent - 10, UTC))
        keys += [row.identity for row in plan.take()]
    return keys


def even(count: int) -> list[int | None]:
    return [FIRST + number * DAY // count for number in range(count)]


def clustered(count: int) -> list[int | None]:
    """Nearly all within a minute, as if a day's instances are created at midnight."""
    return [FIRST + (DAY - 1 if number % 100 == 0 else 3600 + number % 200) for number in range(count)]


@pytest.mark.parametrize(
    ("quirks", "window"),
    [*((quirks, window) for quirks in LIMITED for window in WINDOWS), *((other, "open") for other in OTHERS)],
)
def test_a_list_of_12000_is_read_whole(quirks: str, window: str) -> None:
    service = Service(even(12_000), QUIRKS[quirks])
    assert service.world.keys == read(service, WINDOWS[window])
    assert service.deepest <= 10_000


@pytest.mark.parametrize("quirks", QUIRKS)
def test_a_list_that_is_dense_in_one_place_is_read_whole(quirks: str) -> None:
    service = Service(clustered(12_500), QUIRKS[quirks])
    assert sorted(service.world.keys) == sorted(read(service))
    assert service.deepest <= 10_000


@pytest.mark.parametrize("count", [9_999, 10_000, 10_001, 20_000])
def test_around_the_limit_nothing_is_missing(count: int) -> None:
    service = Service(even(count), QUIRKS["counted and shown to 10,000"])
    assert service.world.keys == read(service)
    assert service.deepest <= 10_000


@pytest.mark.parametrize("quirks", LIMITED)
@pytest.mark.parametrize("every", [1, 7])
def test_a_list_that_moves_misses_nothing_that_was_there_all_the_while(quirks: str, every: int) -> None:
    service = Service(even(12_000), QUIRKS[quirks])
    before = set(service.world.keys)
    keys = read(service, WINDOWS["closed"], happens=lambda number: number % every == 0 and service.swap())
    assert before & set(service.world.keys) <= set(keys)
    assert len(keys) == len(set(keys))
    assert service.deepest <= 10_000


@pytest.mark.parametrize("nulls_last", [False, True])
@pytest.mark.parametrize("timeless", [3, 150])
def test_instances_without_a_schedule_time_are_found_at_the_end_that_can_be_reached(
    nulls_last: bool, timeless: int
) -> None:
    times = [*[None] * timeless, *even(12_000)]
    service = Service(times, Quirks(nulls_last=nulls_last, counting_limit=10_000, deepest_page=100))
    assert sorted(service.world.keys) == sorted(read(service))


@pytest.mark.parametrize("quirks", LIMITED)
@pytest.mark.parametrize(
    ("time", "named"),
    [(FIRST, "of the second 2026-03-01 08:00:00"), (None, "without a schedule time")],
    ids=["in one second", "without a time"],
)
def test_too_many_that_cannot_be_split_are_an_error_that_names_them(
    quirks: str, time: int | None, named: str
) -> None:
    with pytest.raises(ListNotAtRest, match=named):
        read(Service([time] * 12_000, QUIRKS[quirks]))


@pytest.mark.parametrize(("count", "quirks"), [(10_000, Quirks(deepest_page=100)), (12_000, Quirks())])
def test_a_gate_reads_a_list_to_its_end(count: int, quirks: Quirks) -> None:
    service, listing = Service(even(count), quirks), ConsistentListing(query())
    keys: list[str] = []
    while operation := listing.operation():
        keys += [row.identity for row in listing.feed(service.answer(operation))]
    assert service.world.keys == keys
