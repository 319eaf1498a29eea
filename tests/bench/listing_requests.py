"""The requests that a long list needs, as a multiple of its pages: `python tests/bench/listing_requests.py`.

Only the planner, against a list in memory in simulated time: 20 requests per second, six concurrent, answered in
any order. Meanwhile instances are swapped: one is deleted and another is added, so the count stays the same. The
figures are the same on every machine.
"""

from __future__ import annotations

import argparse
from bisect import bisect_left, insort
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.api.models import PAGE_SIZE, TaskInstance
from airflow_provider_wedata.api.operations import Page
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, Zone
from airflow_provider_wedata.listing.planner import ListingPlanner

if TYPE_CHECKING:
    from airflow_provider_wedata.api.operations import Operation

ZONE = Zone("UTC+8")
START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = 86400
UNDER_WAY = 6
SECONDS_EACH = 0.05
SWAPS = {"quiet": 0.0, "a swap every 5 s": 0.01, "every half second": 0.1, "20 a second": 1.0}


@dataclass(frozen=True)
class Case:
    """A list: its rows, the seconds they are spread over, the share in one second, and how it is requested."""

    name: str
    rows: int
    seconds: int = DAY
    in_one_second: float = 0.0
    window: bool = True
    seeds: int = 6


CASES = (
    Case("20,000, a day", 20_000),
    Case("20,000, no window", 20_000, window=False),
    Case("2,000, 80 % in one second", 2_000, in_one_second=0.8),
    Case("2,050, 80 % in one second", 2_050, in_one_second=0.8),
    Case("176,022, 90 days", 176_022, seconds=90 * DAY, seeds=1),
)


class Service:
    """The list, sorted by schedule time and key."""

    def __init__(self, case: Case, chance: Random) -> None:
        self.case = case
        self.chance = chance
        self.now = START + timedelta(seconds=case.seconds + 2 * DAY)
        self.rows: list[tuple[int, str, TaskInstance]] = []
        self._added = 0
        for _ in range(case.rows):
            self.add(START - timedelta(days=1))
        self.all_the_while = {key for _, key, _ in self.rows}

    def add(self, last_update: datetime) -> None:
        self._added += 1
        together = self.chance.random() < self.case.in_one_second
        second = self.case.seconds // 2 if together else self.chance.randrange(self.case.seconds)
        row = TaskInstance(
            instance_key=f"{self._added:07}",
            scheduler_time=START + timedelta(seconds=second),
            last_update_time=last_update,
        )
        insort(self.rows, (second, row.identity, row), key=lambda entry: entry[:2])

    def swap(self) -> None:
        _, key, _ = self.rows.pop(self.chance.randrange(len(self.rows)))
        self.all_the_while.discard(key)
        self.add(self.now)

    def answer(self, operation: Operation[Page]) -> Page:
        parameters = operation.parameters
        first = self._place(parameters.get("ScheduleTimeFrom"), 0, 0)
        last = max(first, self._place(parameters.get("ScheduleTimeTo"), 1, len(self.rows)))
        found = [row for _, _, row in self.rows[first:last]]
        if since := parameters.get("LastUpdateTimeFrom"):
            found = [row for row in found if (row.last_update_time or START) >= ZONE.wire.parse(since)]
        if parameters["SortType"] == "DESC":
            found.reverse()
        start = (parameters["PageNumber"] - 1) * parameters["PageSize"]
        return Page(len(found), tuple(found[start : start + parameters["PageSize"]]))

    def _place(self, text: str | None, beyond: int, otherwise: int) -> int:
        if text is None:
            return otherwise
        second = int((ZONE.wire.parse(text) - START).total_seconds()) + beyond
        return bisect_left(self.rows, (second, ""), key=lambda entry: entry[:2])


def requests(case: Case, swaps: float, seed: int) -> float:
    """Read, and return the requests as a multiple of the pages.

    :raises ListNotAtRest: if the list changes too much.
    """
    chance = Random(seed)  # noqa: S311 - the same every time, on purpose
    service = Service(case, chance)
    window = TimeWindow(START, START + timedelta(seconds=case.seconds - 1)) if case.window else TimeWindow()
    plan = ListingPlanner(InstanceQuery(project_id="1", zone=ZONE, schedule=window), under_way=UNDER_WAY)
    under_way: list[tuple[int, Operation[Page], datetime]] = []
    keys: list[str] = []
    count = 0
    while not plan.ended:
        under_way += [(*asked, service.now) for asked in plan.next()]
        ticket, operation, sent = under_way.pop(chance.randrange(len(under_way)))
        if count and chance.random() < swaps:
            service.swap()
        service.now += timedelta(seconds=SECONDS_EACH)
        count += 1
        plan.feed(ticket, service.answer(operation), sent - timedelta(seconds=10))
        keys += [row.identity for row in plan.take()]
    assert len(keys) == len(set(keys))
    assert service.all_the_while <= set(keys)
    return count / -(-case.rows // PAGE_SIZE)


def cell(case: Case, swaps: float) -> str:
    """Return the mean over several seeds, and how many of them ended with `ListNotAtRest`."""
    found, refused = [], 0
    for seed in range(case.seeds):
        try:
            found.append(requests(case, swaps, seed))
        except ListNotAtRest:
            refused += 1
    mean = f"{sum(found) / len(found):.2f}" if found else "-"
    return f"{mean}{f' ({refused} of {case.seeds} refused)' if refused else ''}"


def main() -> None:
    """Print the table."""
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--all", action="store_true", help="176,022 rows too (minutes)")
    options = line.parse_args()
    print(f"{'':28}{''.join(f'{name:>22}' for name in SWAPS)}")
    for case in CASES if options.all else CASES[:-1]:
        print(f"{case.name:28}{''.join(f'{cell(case, swaps):>22}' for swaps in SWAPS.values())}", flush=True)


if __name__ == "__main__":
    main()
