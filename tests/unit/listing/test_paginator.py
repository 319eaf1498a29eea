"""Reading a list in memory that changes: which rows are returned, and when a pass is whole."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import count
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import ListNotAtRest
from airflow_provider_wedata.api.models import TaskInstance
from airflow_provider_wedata.api.operations import Page
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.listing.page_request import IDS_TOGETHER
from airflow_provider_wedata.listing.paginator import MOST_PASSES, ConsistentListing, Paginator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_wedata.api.operations import Operation

    Change = tuple[str, int, int]

sizes = st.integers(0, 350) | st.sampled_from([0, 1, 99, 100, 101, 199, 200, 201, 300])
places = st.integers(0, 400)


def changes(*kinds: str) -> st.SearchStrategy[list[list[Change]]]:
    """Return the changes to the list before each request."""
    some = st.lists(st.tuples(st.sampled_from(kinds), places, places), max_size=3)
    return st.lists(some, max_size=12)


@cache
def row(task: str, number: int = 0) -> TaskInstance:
    return TaskInstance(instance_key=f"{task}_{number:04}", task_id=task)


class Shelf:
    """The list at WeData: rows in order, found by keyword if one is sent.

    :param total: returns the total to report for the real one.
    :param most: the maximum of rows per page.
    :param extra: further rows on every page.
    """

    def __init__(
        self,
        rows: Iterable[TaskInstance] | int,
        *,
        total: Callable[[int], int] = lambda honest: honest,
        most: int = 100,
        extra: Iterable[TaskInstance] = (),
        every_keyword: bool = False,
    ) -> None:
        self.rows = [row("7", number) for number in range(rows)] if isinstance(rows, int) else list(rows)
        self.asked: list[dict[str, Any]] = []
        self._total = total
        self._most = most
        self._extra = tuple(extra)
        self._new = count(1000)
        self._any_or_all = all if every_keyword else any

    def answer(self, operation: Operation[Page]) -> Page:
        self.asked.append(dict(operation.parameters))
        words = operation.parameters.get("Keyword", "").split(",")
        found = [row for row in self.rows if self._any_or_all(word in (row.task_id or "") for word in words)]
        size, page = operation.parameters["PageSize"], operation.parameters["PageNumber"]
        rows = tuple(found[(page - 1) * size :][: min(size, self._most)])
        return Page(self._total(len(found)), rows + self._extra)

    def change(self, kind: str, here: int, there: int) -> None:
        if kind == "add":
            self.rows.insert(here % (len(self.rows) + 1), row("7", next(self._new)))
        elif self.rows:
            taken = self.rows.pop(here % len(self.rows))
            if kind == "move":
                self.rows.insert(there % (len(self.rows) + 1), taken)

    def keys(self) -> list[str | None]:
        return [row.instance_key for row in self.rows]


def query(**filters: Any) -> InstanceQuery:
    return InstanceQuery(project_id="1", zone=Zone("UTC+8"), **filters)


def reading(
    shelf: Shelf, listing: ConsistentListing, happens: Iterable[list[Change]] = ()
) -> Iterator[str | None]:
    """Read to the end, with changes before each request."""
    events = iter(happens)
    while (operation := listing.operation()) is not None:
        for kind, here, there in next(events, []):
            shelf.change(kind, here, there)
        yield from (row.instance_key for row in listing.feed(shelf.answer(operation)))


def read(shelf: Shelf, listing: ConsistentListing, happens: Iterable[list[Change]] = ()) -> list[str | None]:
    return list(reading(shelf, listing, happens))


def pages(shelf: Shelf, happens: Iterable[list[Change]] = ()) -> Paginator:
    """Read one pass."""
    one, events = Paginator(query()), iter(happens)
    while not one.ended:
        for kind, here, there in next(events, []):
            shelf.change(kind, here, there)
        one.feed(shelf.answer(one.operation()))
    return one


@given(size=sizes)
def test_of_a_list_at_rest_everything_is_read_once(size: int) -> None:
    shelf, listing = Shelf(size), ConsistentListing(query())
    assert shelf.keys() == read(shelf, listing)
    assert [max(1, ceil(size / 100))] * 2 == [len(shelf.asked), listing.requests]
    assert listing.operation() is None
    assert pages(Shelf(size)).whole


@given(size=sizes, happens=changes("add", "delete", "move"))
def test_whatever_moves_nothing_is_given_out_twice(size: int, happens: list[list[Change]]) -> None:
    got: list[str | None] = []
    with suppress(ListNotAtRest):
        for key in reading(Shelf(size), ConsistentListing(query()), happens):
            assert key not in got
            got.append(key)


@pytest.mark.parametrize("kind", ["add", "delete", "move"])
@given(size=sizes, happens=changes("only"))
def test_what_is_there_when_the_list_comes_to_rest_was_given_out(
    kind: str, size: int, happens: list[list[Change]]
) -> None:
    shelf = Shelf(size)
    got = read(
        shelf,
        ConsistentListing(query()),
        [[(kind, here, there) for _, here, there in each] for each in happens[:4]],
    )
    assert set(shelf.keys()) <= set(got)


@given(size=sizes, happens=changes("move"))
def test_rows_that_only_change_places_are_all_read_or_the_pass_is_not_whole(
    size: int, happens: list[list[Change]]
) -> None:
    shelf = Shelf(size)
    one = pages(shelf, happens)
    assert not one.whole or set(shelf.keys()) == one.keys


@pytest.mark.parametrize("kind", ["add", "delete"])
@given(size=sizes, happens=changes("only"))
def test_a_pass_while_rows_only_come_or_only_go_is_whole_only_if_it_saw_the_list_as_it_is(
    kind: str, size: int, happens: list[list[Change]]
) -> None:
    shelf = Shelf(size)
    one = pages(shelf, [[(kind, here, there) for _, here, there in each] for each in happens])
    assert not one.whole or set(shelf.keys()) == one.keys


def test_one_gone_and_one_come_at_once_may_go_unnoticed_so_who_counts_reads_twice() -> None:
    shelf = Shelf(150)
    one = pages(shelf, [[], [("delete", 0, 0), ("add", 149, 0)]])
    assert one.whole
    assert set(shelf.keys()) - one.keys == {row("7", 100).instance_key}  # moved to a page already read


@pytest.mark.parametrize(
    "shelf",
    [
        pytest.param(Shelf(150, total=lambda honest: honest + 1), id="a total too large"),
        pytest.param(Shelf(150, total=lambda honest: honest - 1), id="a total too small"),
        pytest.param(Shelf(5, total=lambda _: 0), id="rows and no total"),
        pytest.param(Shelf(0, total=lambda _: 5), id="a total and no rows"),
        pytest.param(Shelf(150, most=90), id="pages shorter than asked for"),
        pytest.param(Shelf(101, extra=[row("8")]), id="a first page with as many rows as there are in all"),
        pytest.param(Shelf(201, extra=[row("8")]), id="a last page with rows that the count does not have"),
        pytest.param(Shelf([row("7"), row("7")]), id="one row twice"),
        pytest.param(Shelf([TaskInstance(), TaskInstance()]), id="rows without keys"),
    ],
)
def test_a_list_that_contradicts_itself_is_never_whole(shelf: Shelf) -> None:
    assert not pages(shelf).whole
    requests = len(shelf.asked)
    shelf.asked.clear()
    with pytest.raises(
        ListNotAtRest, match=f"changed during each of {MOST_PASSES} attempts to read the window open to open"
    ):
        read(shelf, ConsistentListing(query()))
    assert MOST_PASSES * requests == len(shelf.asked)


def test_after_the_last_pass_the_error_stays() -> None:
    shelf, listing = Shelf([row("7"), row("7")]), ConsistentListing(query(), passes=1)
    assert listing.operation() is not None
    assert [row("7")] == listing.feed(shelf.answer(Paginator(query()).operation()))
    for _ in range(2):
        with pytest.raises(ListNotAtRest):
            listing.operation()


def test_a_row_repeated_over_the_edge_of_a_page_is_given_out_once_and_the_list_read_again() -> None:
    shelf, listing = Shelf(150), ConsistentListing(query())
    assert sorted(read(shelf, listing, [[], [("add", 0, 0)]])) == sorted(shelf.keys())  # type: ignore[type-var]
    assert [asked["PageNumber"] for asked in shelf.asked] == [1, 2, 1, 2]


def test_a_page_past_the_end_ends_the_pass_and_the_list_is_read_again() -> None:
    shelf, listing = Shelf(101), ConsistentListing(query())
    got = read(shelf, listing, [[], [("delete", 100, 0)]])
    assert len(got) == 100
    assert [asked["PageNumber"] for asked in shelf.asked] == [1, 2, 1]


def test_an_operation_is_the_same_until_it_is_answered() -> None:
    listing = ConsistentListing(query(task_ids=("7", "8")))
    first, again = listing.operation(), listing.operation()
    assert first is not None
    assert again is not None
    assert first.parameters == again.parameters


@pytest.mark.parametrize(
    ("filters", "sort"),
    [
        ({}, ("SCHEDULE_DATE", "ASC")),
        ({"sort_column": "COST_TIME"}, ("COST_TIME", None)),
        ({"sort_type": "DESC"}, (None, "DESC")),
    ],
)
def test_the_oldest_come_first_unless_the_user_sorts(
    filters: dict[str, str], sort: tuple[str | None, ...]
) -> None:
    parameters = Paginator(query(**filters)).operation().parameters
    assert sort == (parameters.get("SortColumn"), parameters.get("SortType"))


IDS = tuple(f"t{number:03}" for number in range(120))


@pytest.mark.parametrize("every_keyword", [False, True], ids=["joined by OR", "joined by AND"])
@pytest.mark.parametrize("missing", [(), ("t000",), ("t049", "t050", "t119")])
def test_named_ids_are_asked_for_together_and_alone_before_they_count_as_absent(
    missing: tuple[str, ...], every_keyword: bool
) -> None:
    there = [task for task in IDS if task not in missing]
    shelf = Shelf([row(task, day) for task in there for day in range(2)], every_keyword=every_keyword)
    got = read(shelf, ConsistentListing(query(task_ids=IDS)))
    assert sorted(shelf.keys()) == sorted(got)  # type: ignore[type-var]
    words = [asked["Keyword"].split(",") for asked in shelf.asked]
    assert [len(group) for group in words if len(group) > 1] == [IDS_TOGETHER, IDS_TOGETHER, 20]
    alone = [group[0] for group in words if len(group) == 1]
    assert (IDS if every_keyword else missing) == tuple(alone)


def test_one_absent_id_is_asked_for_once() -> None:
    shelf = Shelf(3)
    assert read(shelf, ConsistentListing(query(task_ids=("8",)))) == []
    assert len(shelf.asked) == 1


def test_chance_finds_of_the_fuzzy_keyword_are_not_given_out() -> None:
    shelf = Shelf([row("7"), row("17"), row("71", 3), row("7", 1)])
    assert read(shelf, ConsistentListing(query(task_ids=("7",)))) == ["7_0000", "7_0001"]
    assert read(shelf, ConsistentListing(query(instance_keys=("7_0001", "71_0003")))) == ["71_0003", "7_0001"]


def test_a_group_of_named_ids_is_read_again_like_any_list() -> None:
    shelf = Shelf([*(row("7", number) for number in range(150)), row("8")])
    got = read(shelf, ConsistentListing(query(task_ids=("7", "8", "9"))), [[], [("add", 0, 0)]])
    assert sorted(shelf.keys()) == sorted(got)  # type: ignore[type-var]
    asked = [(asked["Keyword"], asked["PageNumber"]) for asked in shelf.asked]
    assert asked == [("7,8,9", 1), ("7,8,9", 2), ("7,8,9", 1), ("7,8,9", 2), ("9", 1)]
