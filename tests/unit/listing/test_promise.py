"""The promise of a reading, tested against a WeData that may change between any two of its responses.

Thousands of histories, each from a seed that a failure shows. A page has 5 rows, so few rows fill many pages.
Several requests are under way and answered in any order, with changes in every gap. The emulator's world is used
without a socket.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, Zone
from airflow_provider_wedata.emulator import Quirks, SteppedClock, World, actions, parameters
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.emulator.query import Filter
from airflow_provider_wedata.emulator.query import Window as Seconds
from airflow_provider_wedata.listing.page_request import Limits
from airflow_provider_wedata.listing.planner import ListingPlanner

if TYPE_CHECKING:
    from airflow_provider_wedata.api.operations import Operation, Page

#: Histories of each scenario; more of them find more, at 10 ms each.
HISTORIES = int(os.environ.get("WEDATA_HISTORIES", "120"))
START = "2026-03-01 12:00:00"
TWO_DAYS = 2 * 86400
#: The whole list as one range; in pieces; in pieces of hardly more than a page.
LIMITS: tuple[Limits, ...] = (
    Limits(page=5, held=6),
    Limits(page=5, whole=3, begin=2, held=6),
    Limits(page=5, whole=1, begin=1, held=3),
)


@dataclass(frozen=True)
class Scenario:
    """What may happen in a history.

    :param changes: what may happen.
    :param spread: the range of the rows' schedule times, in seconds.
    :param nulls: the share of rows without a schedule time.
    :param refused: the share of histories that end in an error, as measured with 2,500 of them, and a little more.
    """

    changes: tuple[str, ...] = ("insert", "delete", "update", "swap")
    spread: tuple[int, ...] = (3, 20, 1000)
    nulls: tuple[float, ...] = (0.0,)
    tie_shuffle: bool = False
    state: str | None = None
    windowed: bool = False
    quirks: dict[str, Any] = field(default_factory=dict)
    limits: tuple[Limits, ...] = LIMITS
    refused: float = 0.03


#: Never deeper than four pages; and a list that is short enough to be read as one.
SHALLOW = Limits(page=5, whole=4, begin=3, deepest=4, held=6)
SCENARIOS = {
    "mixed": Scenario(refused=0.12),
    "pairs, the count stays": Scenario(("swap",), refused=0.15),
    "updates in place": Scenario(("update",)),
    "ties in another order each time": Scenario(tie_shuffle=True, refused=0.16),
    "state filter": Scenario(("insert", "delete", "enter", "leave"), state="RUNNING", refused=0.05),
    "state filter, the count stays": Scenario(("flip",), state="RUNNING"),
    "one second": Scenario(spread=(1,), refused=0.56),
    "one second, the count stays": Scenario(("swap", "update"), spread=(1,), refused=0.48),
    "one second, state filter": Scenario(("flip", "update"), spread=(1,), state="RUNNING"),
    "some without a schedule time": Scenario(nulls=(0.1, 0.3, 0.6), refused=0.3),
    "none with a schedule time": Scenario(("swap", "delete", "insert"), nulls=(1.0,), refused=0.59),
    "in a window": Scenario(windowed=True, spread=(20, 1000)),
    "no LastUpdateTime": Scenario(("update",), nulls=(0.0, 0.3), quirks={"null_fields": ("LastUpdateTime",)}),
    "totals that go no further": Scenario(
        spread=(40, 1000), quirks={"counting_limit": SHALLOW.page * SHALLOW.deepest}, limits=(SHALLOW,)
    ),
    "deep pages refused": Scenario(
        spread=(40, 1000), quirks={"deepest_page": SHALLOW.deepest}, limits=(SHALLOW,)
    ),
    "neither counted nor shown": Scenario(
        spread=(40, 1000),
        quirks={"counting_limit": SHALLOW.page * SHALLOW.deepest, "deepest_page": SHALLOW.deepest},
        limits=(SHALLOW,),
    ),
}


class History:
    """One reading, and what happens meanwhile.

    :param until: the number of requests after which nothing changes any more.
    """

    def __init__(self, scenario: Scenario, seed: int, *, until: int | None = None) -> None:
        self.chance = Random(seed)  # noqa: S311 - the same every time, on purpose
        self.scenario = scenario
        self.until = until
        self.clock = SteppedClock(START)
        self.world = World(self.clock)
        self.quirks = Quirks(tie_shuffle=scenario.tie_shuffle, **scenario.quirks)
        self.nulls_last = self.chance.choice([(), ("ASC",), ("DESC",), ("ASC", "DESC")])
        self.likely = self.chance.choice([0.02, 0.1, 0.3, 1.0])
        self.spread = self.chance.choice(scenario.spread)
        self.nulls = self.chance.choice(scenario.nulls)
        self.first = int(self.clock.now()) - TWO_DAYS
        self.added = 0
        self.requests = 0
        for _ in range(self.chance.randint(0, 60)):
            self.insert(last_update_time=self.first)
        self.all_the_while = self.ever = self.matching()

    @property
    def query(self) -> InstanceQuery:
        window = TimeWindow()
        if self.scenario.windowed:
            ends = self.window
            window = TimeWindow(datetime.fromtimestamp(ends.first or 0, UTC), None)
        return InstanceQuery(
            project_id=PROJECT_ID, zone=Zone("UTC+8"), schedule=window, instance_state=self.scenario.state
        )

    @property
    def window(self) -> Seconds:
        return Seconds(self.first + self.spread // 3 if self.scenario.windowed else None, None)

    def matching(self) -> set[str]:
        wanted = Filter(project_id=PROJECT_ID, state=self.scenario.state, schedule=self.window)
        return {row.key for row in self.world.select(wanted)}

    def read(self) -> list[str]:
        """Return the keys in the order in which they were returned."""
        plan = ListingPlanner(
            self.query,
            under_way=self.chance.choice([1, 2, 4, 6]),
            limits=self.chance.choice(self.scenario.limits),
        )
        keys: list[str] = []
        under_way: list[tuple[int, Operation[Page], float]] = []
        while not plan.ended:
            under_way += [(*asked, self.clock.now()) for asked in plan.next()]
            ticket, operation, sent = under_way.pop(self.chance.randrange(len(under_way)))
            plan.feed(ticket, self.answer(operation), datetime.fromtimestamp(sent - 10, UTC))
            keys += [row.identity for row in plan.take()]
        return keys

    def answer(self, operation: Operation[Page]) -> Page:
        if self.requests and (self.until is None or self.requests < self.until):
            self.happen()
        self.clock.advance(self.chance.choice([0.0, 0.1, 0.5, 3.0]))
        self.requests += 1
        assert self.requests < 3000
        body = json.dumps(dict(operation.parameters)).encode()
        parsed = parameters.parse(body, parameters.LIST_TASK_INSTANCES, ("ProjectId",))
        # The emulator turns the order round for DESC, and with it the end at which it has the nulls.
        direction = parsed["SortType"]
        self.quirks.nulls_last = (direction in self.nulls_last) == (direction == "ASC")
        return operation.parse(
            {"Data": actions.list_task_instances(self.world, parsed, self.quirks, self.chance)}
        )

    def happen(self) -> None:
        version = self.world.version
        for _ in range(3):
            if self.chance.random() < self.likely:
                getattr(self, self.chance.choice(self.scenario.changes))()
                if version != self.world.version:
                    now = self.matching()
                    self.all_the_while, self.ever = self.all_the_while & now, self.ever | now

    def insert(self, **more: Any) -> None:
        self.added += 1
        timeless = self.chance.random() < self.nulls
        self.world.add(
            task_id=str(self.added),
            cur_run_date="2026-03-01 00:00:00",
            schedule_time=None if timeless else self.first + self.chance.randrange(self.spread),
            state=self.chance.choice(["RUNNING", "COMPLETED"]),
            **more,
        )

    def delete(self) -> None:
        if len(self.world):
            self.world.delete(self.any())

    def update(self) -> None:
        if len(self.world):
            self.world.update(self.any(), tries=self.chance.randrange(9))

    def swap(self) -> None:
        self.delete()
        self.insert()

    def enter(self) -> None:
        if len(self.world):
            self.world.set_state(self.any(), "RUNNING")

    def leave(self) -> None:
        if len(self.world):
            self.world.set_state(self.any(), "COMPLETED")

    def flip(self) -> None:
        self.leave()
        self.enter()

    def any(self) -> str:
        return self.chance.choice(self.world.keys)


def broken(history: History) -> tuple[set[str], set[str], set[str]]:
    """Read, and return the keys that were returned twice, that are missing, and that never matched."""
    keys = history.read()
    twice = {key for key, times in Counter(keys).items() if times > 1}
    return twice, history.all_the_while - set(keys), set(keys) - history.ever


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_given_twice_and_nothing_is_missing_or_an_error_says_so(scenario: str) -> None:
    failures, refused = {}, 0
    for seed in range(HISTORIES):
        refused += 1
        with suppress(ListNotAtRest):
            found = broken(History(SCENARIOS[scenario], seed))
            refused -= 1
            if any(found):
                failures[seed] = found
    assert failures == {}
    assert refused <= SCENARIOS[scenario].refused * HISTORIES  # otherwise the test would show little


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_history_that_goes_quiet_is_read_to_the_end(scenario: str) -> None:
    failures = {}
    for seed in range(HISTORIES, HISTORIES + HISTORIES // 2):
        found = broken(History(SCENARIOS[scenario], seed, until=seed % 5))
        if any(found):
            failures[seed] = found
    assert failures == {}
