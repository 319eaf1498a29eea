"""The planner alone, against a small list in memory that the tests change between responses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import ListNotAtRest, UnreadableField
from airflow_provider_wedata.api.models import TaskInstance
from airflow_provider_wedata.api.operations import Page
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, Zone
from airflow_provider_wedata.listing.key_set import KeySet
from airflow_provider_wedata.listing.page_request import Limits
from airflow_provider_wedata.listing.planner import ListingPlanner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_wedata.api.operations import Operation

ZONE = Zone("UTC+8")
DAY = datetime(2026, 3, 1, tzinfo=UTC)
NOW = DAY + timedelta(days=2)
LONG_AGO = DAY - timedelta(days=1)
SMALL = Limits(page=5)
#: So small that a list of 20 rows is split before it is read.
TINY = Limits(page=5, whole=3, begin=2)
COLUMNS = {
    "SCHEDULE_DATE": "scheduler_time",
    "START_TIME": "start_time",
    "END_TIME": "end_time",
    "COST_TIME": "cost_time",
}
NULLS = ("low", "high", "first", "last")


@cache
def row(number: int, second: int | None = 0, task: str = "7", **more: Any) -> TaskInstance:
    fields: dict[str, Any] = {"last_update_time": LONG_AGO, "state": "COMPLETED", "cost_time": 0} | more
    time = None if second is None else DAY + timedelta(seconds=second)
    return TaskInstance(instance_key=f"{task}_{number:04}", task_id=task, scheduler_time=time, **fields)


class Shelf:
    """The list at WeData.

    :param nulls: where rows without a value in the sort column are: as lowest or highest, or always first or
        last.
    :param chance: shuffles ties in each response.
    """

    def __init__(
        self,
        rows: Iterable[TaskInstance],
        *,
        nulls: str = "low",
        chance: Random | None = None,
        every_keyword: bool = False,
    ) -> None:
        self.rows = list(rows)
        self.asked: list[dict[str, Any]] = []
        self._nulls = nulls
        self._chance = chance
        self._any_or_all = all if every_keyword else any

    def answer(self, operation: Operation[Page]) -> Page:
        parameters = dict(operation.parameters)
        self.asked.append(parameters)
        rows = [row for row in self.rows if self._matches(row, parameters)]
        for column, name in (("scheduler_time", "ScheduleTime"), ("last_update_time", "LastUpdateTime")):
            rows = within(window(parameters, name), column, rows)
        found = self._sorted(rows, parameters)
        start = (parameters["PageNumber"] - 1) * parameters["PageSize"]
        return Page(len(found), tuple(found[start : start + parameters["PageSize"]]))

    def _matches(self, row: TaskInstance, parameters: dict[str, Any]) -> bool:
        words = parameters.get("Keyword", "").split(",")
        return parameters.get("InstanceState") in (None, row.state) and self._any_or_all(
            word in (row.task_id or "") for word in words
        )

    def _sorted(self, rows: list[TaskInstance], parameters: dict[str, Any]) -> list[TaskInstance]:
        column, down = (
            COLUMNS[parameters.get("SortColumn", "SCHEDULE_DATE")],
            parameters.get("SortType") == "DESC",
        )
        if self._chance:
            self._chance.shuffle(rows)
        nulls = [row for row in rows if getattr(row, column) is None]
        others = [row for row in rows if getattr(row, column) is not None]
        others.sort(key=lambda row: getattr(row, column), reverse=down)
        first = {"low": not down, "high": down, "first": True, "last": False}[self._nulls]
        return nulls + others if first else others + nulls


def window(parameters: dict[str, Any], name: str) -> TimeWindow:
    ends = (parameters.get(f"{name}{end}") for end in ("From", "To"))
    return TimeWindow(*(ZONE.wire.parse(end) if end else None for end in ends))


def within(window: TimeWindow, column: str, rows: list[TaskInstance]) -> list[TaskInstance]:
    if window == TimeWindow():
        return rows
    return [row for row in rows if (moment := getattr(row, column)) is not None and moment in window]


def query(**filters: Any) -> InstanceQuery:
    return InstanceQuery(project_id="1", zone=ZONE, **filters)


def reading(
    shelf: Shelf,
    plan: ListingPlanner,
    *,
    happens: Callable[[int], object] = lambda _: None,
    pick: Callable[[int], int] = lambda _: 0,
) -> Iterator[str]:
    """Read to the end.

    :param happens: called with the number of each response before it.
    :param pick: chooses the request that is answered next.
    """
    under_way: list[tuple[int, Operation[Page]]] = []
    while not plan.ended:
        under_way += plan.next()
        ticket, operation = under_way.pop(pick(len(under_way)))
        happens(len(shelf.asked) + 1)
        plan.feed(ticket, shelf.answer(operation), NOW - timedelta(seconds=10))
        yield from (row.identity for row in plan.take())


def read(shelf: Shelf, plan: ListingPlanner, **more: Any) -> list[str]:
    return list(reading(shelf, plan, **more))


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same every time, on purpose


def keys(rows: Iterable[TaskInstance]) -> list[str]:
    return [row.identity for row in rows]


def last_first(under_way: int) -> int:
    return under_way - 1


@pytest.mark.parametrize("total", [2**27, 2**31, 2**63, 10**300])
@pytest.mark.parametrize("second", [0, None])
def test_a_list_longer_than_any_is_no_list(total: int, second: int | None) -> None:
    """Planning the pages of this many rows of one second would exhaust memory."""
    plan = ListingPlanner(query(schedule=TimeWindow(DAY, DAY) if second == 0 else TimeWindow()), limits=SMALL)
    ((ticket, _),) = plan.next()
    with pytest.raises(UnreadableField, match=r"^TotalCount is .*; expected at most 100000000$"):
        plan.feed(ticket, Page(total, (row(1, second),)), NOW)


# A list that does not change


@pytest.mark.parametrize("size", [0, 1, 4, 5, 6, 10, 11, 77])
@pytest.mark.parametrize("pick", [lambda _: 0, last_first], ids=["in order", "last first"])
def test_a_list_at_rest_is_read_in_order_with_as_many_requests_as_pages(
    size: int, pick: Callable[[int], int]
) -> None:
    shelf = Shelf(row(number, number // 3) for number in range(size))
    plan = ListingPlanner(query(), limits=SMALL)
    assert keys(shelf.rows) == read(shelf, plan, pick=pick)
    assert [max(1, -(-size // 5)), size, size] == [len(shelf.asked), plan.total, plan.rows]
    assert plan.next() == []


@pytest.mark.parametrize("under_way", [1, 4, 20])
def test_a_long_list_is_read_in_pieces_and_in_order(under_way: int) -> None:
    shelf = Shelf(row(number, number * 60) for number in range(2000))
    plan = ListingPlanner(query(), under_way=under_way, limits=Limits(page=5, whole=40, begin=32))
    assert keys(shelf.rows) == read(shelf, plan)
    assert len(shelf.asked) <= 1.08 * 400 + 5


def test_a_very_uneven_list_is_read_with_not_many_more_requests() -> None:
    rows = [row(number, second) for number, second in enumerate([0] * 333 + [86400 * 30] * 222 + [10**7] * 5)]
    shelf = Shelf(rows)
    assert keys(rows) == read(shelf, ListingPlanner(query(), limits=Limits(page=5, whole=40, begin=32)))
    assert len(shelf.asked) <= 1.3 * 112


def test_one_page_is_one_moment_even_if_everything_has_just_changed() -> None:
    shelf = Shelf(row(number, last_update_time=NOW) for number in range(5))
    assert keys(shelf.rows) == read(shelf, ListingPlanner(query(), limits=SMALL))
    assert len(shelf.asked) == 1


@pytest.mark.parametrize("limits", [SMALL, TINY])
@pytest.mark.parametrize("update", [None, NOW], ids=["no time of update", "just updated"])
@pytest.mark.parametrize("spread", [1, 3, 40])
def test_rows_that_may_have_changed_are_read_in_windows_of_one_page(
    update: datetime | None, spread: int, limits: Limits
) -> None:
    shelf = Shelf(row(number, number % spread, last_update_time=update) for number in range(40))
    assert sorted(keys(shelf.rows)) == sorted(read(shelf, ListingPlanner(query(), limits=limits)))


@pytest.mark.parametrize("limits", [SMALL, TINY])
@pytest.mark.parametrize("seed", range(20))
def test_ties_in_another_order_each_time_are_all_read(seed: int, limits: Limits) -> None:
    shelf = Shelf((row(number, number // 12, cost_time=number) for number in range(40)), chance=chance(seed))
    assert sorted(keys(shelf.rows)) == sorted(read(shelf, ListingPlanner(query(), limits=limits)))


@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("timeless", [0, 1, 4, 5, 6, 10, 13, 20, 25, 40])
@pytest.mark.parametrize("shuffled", [False, True])
def test_instances_without_a_schedule_time_are_read_wherever_they_stand(
    nulls: str, timeless: int, *, shuffled: bool
) -> None:
    rows = [row(number, None) for number in range(timeless)]
    rows += [row(number, number) for number in range(timeless, 41)]
    shelf = Shelf(rows, nulls=nulls, chance=chance(1) if shuffled else None)
    assert sorted(keys(rows)) == sorted(read(shelf, ListingPlanner(query(), limits=TINY)))


def test_the_window_of_the_query_is_kept_to() -> None:
    shelf = Shelf([row(99, None), *(row(number, number) for number in range(60))])
    schedule = TimeWindow(DAY + timedelta(seconds=10), DAY + timedelta(seconds=49))
    assert keys(shelf.rows[11:51]) == read(shelf, ListingPlanner(query(schedule=schedule), limits=TINY))
    assert {"2026-03-01 08:00:10"} == {min(parameters["ScheduleTimeFrom"] for parameters in shelf.asked)}


def test_the_order_that_the_query_names_is_kept_to_in_a_list_at_rest() -> None:
    shelf = Shelf(row(number, number) for number in range(40))
    plan = ListingPlanner(query(sort_column="SCHEDULE_DATE", sort_type="DESC"), limits=SMALL)
    assert keys(reversed(shelf.rows)) == read(shelf, plan)
    plan = ListingPlanner(query(sort_column="COST_TIME", sort_type="DESC"), limits=TINY)
    assert keys(shelf.rows) == sorted(read(shelf, plan))


# Memory


def test_no_more_pages_wait_in_memory_than_allowed_while_one_is_late() -> None:
    shelf = Shelf(row(number, number) for number in range(495))
    plan = ListingPlanner(query(), under_way=4, limits=Limits(page=5, held=10))
    ((ticket, operation),) = plan.next()
    plan.feed(ticket, shelf.answer(operation), NOW)
    plan.take()
    late, *others = plan.next()
    while others:
        for ticket, operation in others:
            plan.feed(ticket, shelf.answer(operation), NOW)
        assert plan.take() == []
        others = plan.next()
    assert len(shelf.asked) <= 1 + 10 + 4
    plan.feed(late[0], shelf.answer(late[1]), NOW)
    assert keys(shelf.rows[5:50]) == keys(plan.take())[:45]


@given(st.lists(st.text(max_size=3)))
def test_what_was_seen_is_known_as_by_a_set(texts: list[str]) -> None:
    seen, known = KeySet(), set()
    for text in texts:
        assert seen.add(text) == (text not in known)
        known.add(text)
    assert len(known) == len(seen)


def test_very_many_keys_are_known_in_24_bytes_each() -> None:
    seen = KeySet()
    assert all(seen.add(str(number)) for number in range(100_000))
    assert not any(seen.add(str(number)) for number in range(100_000))
    assert sum(8 * len(shard._table) for shard in seen._shards) <= 24 * 100_000


# Ids and keywords


def test_named_ids_are_asked_for_together_and_those_not_found_alone() -> None:
    rows = [row(number, number, task) for number, task in enumerate(["1", "11", "2", "111", "3"])]
    shelf = Shelf(rows)
    plan = ListingPlanner(query(task_ids=("11", "2", "9")), limits=SMALL)
    assert keys([rows[1], rows[2]]) == read(shelf, plan)
    assert ["11,2,9", "9"] == [parameters["Keyword"] for parameters in shelf.asked]
    assert plan.total is None


def test_ids_are_found_too_where_several_keywords_must_all_match() -> None:
    rows = [row(number, number, str(100 + number)) for number in range(7)]
    shelf = Shelf(rows, every_keyword=True)
    ids = tuple(str(row.task_id) for row in rows)
    assert keys(rows) == read(shelf, ListingPlanner(query(task_ids=ids), limits=SMALL))


def test_very_many_ids_are_asked_for_in_parts() -> None:
    rows = [row(number, number // 9, str(1000 + number)) for number in range(120)]
    shelf = Shelf(rows)
    ids = tuple(str(row.task_id) for row in rows)
    assert keys(rows) == read(shelf, ListingPlanner(query(task_ids=ids), limits=SMALL))
    assert 3 == len({parameters["Keyword"] for parameters in shelf.asked})


def test_named_instances_are_found_among_chance_finds() -> None:
    rows = [row(number, number, "7") for number in range(30)]
    wanted = (rows[3].identity, rows[28].identity)
    assert list(wanted) == read(Shelf(rows), ListingPlanner(query(instance_keys=wanted), limits=TINY))


def test_a_keyword_is_sent_as_it_is() -> None:
    shelf = Shelf([row(1, 1, "71"), row(2, 2, "8")])
    assert ["71_0001"] == read(shelf, ListingPlanner(query(keyword="7"), limits=SMALL))


# A list that changes. Each case failed once with a simpler plan.


def swapped(shelf: Shelf, out: Iterable[int], new: Iterable[TaskInstance]) -> None:
    gone = {f"7_{number:04}" for number in out}
    shelf.rows = [row for row in shelf.rows if row.identity not in gone] + list(new)


def test_pairs_that_leave_the_count_as_it_is_are_noticed_by_their_last_update_time() -> None:
    """30 rows in one second, pages read from last to first: row 15 moves from an unread page to a read one."""
    shelf = Shelf(row(number) for number in range(30))
    later: dict[int, Callable[[], None]] = {
        3: lambda: swapped(shelf, [3], [row(37, last_update_time=NOW)]),
        5: lambda: swapped(
            shelf, [24, 1, 17], [row(number, last_update_time=NOW) for number in (38, 39, 40)]
        ),
    }
    found = read(
        shelf,
        ListingPlanner(query(), under_way=6, limits=SMALL),
        happens=lambda number: later.pop(number, lambda: None)(),
        pick=last_first,
    )
    assert {row.identity for row in shelf.rows} <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("pick", [lambda _: 0, last_first], ids=["in order", "last first"])
@pytest.mark.parametrize("timeless", [9, 10, 11, 15])
@pytest.mark.parametrize("at", range(2, 12))
@pytest.mark.parametrize("nulls", NULLS)
def test_timeless_instances_that_leave_while_others_come_hide_none(
    timeless: int, at: int, nulls: str, pick: Callable[[int], int]
) -> None:
    """Their number must come from a page that is read before the others, even at the edge of a page."""
    rows = [row(number, None) for number in range(timeless)]
    shelf = Shelf([*rows, *(row(number, number) for number in range(50, 60))], nulls=nulls)

    def happens(number: int) -> None:
        if number == at:
            swapped(shelf, [0, 1], [row(90, None, last_update_time=NOW), row(91, None, last_update_time=NOW)])
        if number == at + 1:
            swapped(shelf, [2], [])

    found = read(shelf, ListingPlanner(query(), limits=TINY), happens=happens, pick=pick)
    assert set(keys(rows[3:])) <= set(found)
    assert len(found) == len(set(found))


def test_a_second_in_which_rows_change_their_state_is_read_without_the_filter() -> None:
    rows = [row(number, state="RUNNING") for number in range(12)]
    restless = [row(number, state="COMPLETED") for number in (98, 99)]
    shelf = Shelf([*rows, *restless])

    def happens(number: int) -> None:
        states = ("RUNNING", "COMPLETED")[:: (-1) ** number]
        changed = (replace(old, state=new) for old, new in zip(restless, states, strict=True))
        shelf.rows = [*rows, *(replace(each, last_update_time=NOW) for each in changed)]

    found = read(shelf, ListingPlanner(query(instance_state="RUNNING"), limits=SMALL), happens=happens)
    assert set(keys(rows)) <= set(found)
    assert "InstanceState" not in shelf.asked[-2]


def test_a_second_that_does_not_rest_is_named() -> None:
    shelf = Shelf(row(number, 61) for number in range(12))
    with pytest.raises(
        ListNotAtRest, match=r"changed during .* of the second 2026-03-01 08:01:01 \(UTC\+8\)"
    ):
        read(
            shelf,
            ListingPlanner(query(), limits=SMALL),
            happens=lambda number: shelf.rows.append(row(100 + number, 61)),
        )


def test_timeless_instances_that_do_not_rest_are_named() -> None:
    shelf = Shelf(row(number, None) for number in range(12))
    with pytest.raises(ListNotAtRest, match=r"changed during .* without a schedule time"):
        read(
            shelf,
            ListingPlanner(query(), limits=SMALL),
            happens=lambda number: shelf.rows.insert(0, row(100 + number, None, last_update_time=NOW)),
        )


def test_an_instance_moved_into_a_window_that_was_read_is_found_among_the_updated() -> None:
    shelf = Shelf(row(number, number * 60) for number in range(60))

    def happens(number: int) -> None:
        if number == 10:
            shelf.rows[-1] = row(59, 0, last_update_time=NOW)

    found = read(shelf, ListingPlanner(query(), under_way=1, limits=TINY), happens=happens)
    assert "7_0059" in found
    assert "LastUpdateTimeFrom" in shelf.asked[-1]


def test_a_list_that_is_counted_but_not_shown_is_an_error() -> None:
    shelf = Shelf([])
    shelf.answer = lambda _: Page(12, ())  # type: ignore[method-assign]
    with pytest.raises(ListNotAtRest, match="counts 12 instances"):
        read(shelf, ListingPlanner(query(schedule=TimeWindow(DAY)), limits=SMALL))
