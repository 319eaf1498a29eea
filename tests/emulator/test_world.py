"""How instances change in a world, and that a listing has exactly those that match, in order."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.emulator import Instance, SteppedClock, World
from airflow_provider_wedata.emulator.clock import epoch, midnight, text
from airflow_provider_wedata.emulator.instance import PROJECT_ID, STATES
from airflow_provider_wedata.emulator.query import EQUALS, SORT_COLUMNS, Filter, Window

NOON = epoch("2026-03-01 12:00:00")
OTHER_PROJECT = "1460947878944567297"


@pytest.fixture
def world() -> World:
    return World(SteppedClock(NOON))


def times(instance: Instance) -> tuple[int | None, int | None, int | None]:
    return instance.start_time, instance.end_time, instance.cost_ms


def runs(instance: Instance) -> tuple[int | None, int | None]:
    return instance.tries, instance.total_run_num


def step(world: World, seconds: float) -> None:
    assert isinstance(world.clock, SteppedClock)
    world.clock.advance(seconds)


class TestAdding:
    def test_a_new_instance_waits_to_run_today(self, world: World) -> None:
        instance = world.add()
        assert (instance.state, instance.schedule_time) == ("WAIT_RUN", epoch("2026-03-01 00:00:00"))
        assert instance.key == f"{instance.task_id}_2026-03-01 00:00:00"
        assert instance.last_update_time == NOON
        assert (*times(instance), *runs(instance)) == (None, None, 0, 0, 0)

    def test_each_new_instance_has_a_task_of_its_own(self, world: World) -> None:
        assert world.add().key != world.add().key

    def test_the_data_time_is_the_schedule_time_in_beijing(self, world: World) -> None:
        instance = world.add(task_id="1", schedule_time=datetime(2026, 2, 27, 16, 0, tzinfo=UTC))
        assert instance.key == "1_2026-02-28 00:00:00"

    def test_one_without_a_schedule_time_has_a_data_time(self, world: World) -> None:
        instance = world.add(task_id="1", schedule_time=None)
        assert (instance.schedule_time, instance.key) == (None, "1_2026-03-01 00:00:00")

    def test_one_that_has_ended_ran_for_a_minute(self, world: World) -> None:
        instance = world.add(state="COMPLETED")
        assert (*times(instance), *runs(instance)) == (NOON - 60, NOON, 60_000, 1, 1)

    def test_a_key_is_there_once(self, world: World) -> None:
        world.add(task_id="1")
        with pytest.raises(ValueError, match="1_2026-03-01 00:00:00 exists"):
            world.add(task_id="1")

    def test_a_moment_needs_a_zone(self, world: World) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            world.add(schedule_time=datetime(2026, 3, 1))  # noqa: DTZ001  # that is the mistake

    def test_an_unknown_field_is_refused(self, world: World) -> None:
        with pytest.raises(TypeError):
            world.add(color="red")
        with pytest.raises(TypeError, match="color"):
            world.update(world.add().key, color="red")
        with pytest.raises(TypeError, match="task_id"):
            world.update(world.add().key, task_id="2")


class TestLiving:
    def test_a_run_from_start_to_end(self, world: World) -> None:
        key = world.add().key
        step(world, 10)
        assert (*times(world.start(key)), *runs(world.get(key))) == (NOON + 10, None, 0, 1, 1)
        step(world, 5)
        assert (*times(world.finish(key)), *runs(world.get(key))) == (NOON + 10, NOON + 15, 5000, 1, 1)
        assert world.get(key).last_update_time == NOON + 15

    def test_a_retry_counts_tries_and_runs(self, world: World) -> None:
        key = world.add().key
        for change in (world.start, world.fail_retry, world.start, world.fail):
            change(key)
        assert (world.get(key).state, *runs(world.get(key))) == ("EXPIRED", 2, 2)

    def test_a_rerun_resets_tries_and_keeps_runs(self, world: World) -> None:
        key = world.add(state="COMPLETED").key
        assert (world.rerun(key).state, *times(world.get(key))) == ("WAIT_RUN", None, None, 0)
        assert runs(world.get(key)) == (0, 1)
        assert runs(world.start(key)) == (1, 2)

    def test_one_that_fails_without_running_has_an_end_and_no_start(self, world: World) -> None:
        instance = world.fail(world.add().key)
        assert (*times(instance), *runs(instance)) == (None, NOON, 0, 0, 0)

    def test_one_that_completes_at_once_ran_at_once(self, world: World) -> None:
        instance = world.finish(world.add().key)
        assert (*times(instance), *runs(instance)) == (NOON, NOON, 0, 1, 1)

    def test_a_skipped_one_never_started(self, world: World) -> None:
        assert times(world.skip(world.add().key)) == (None, NOON, 0)

    def test_an_unknown_state_changes_nothing_else(self, world: World) -> None:
        key = world.start(world.add().key).key
        before = {field.name: getattr(world.get(key), field.name) for field in fields(Instance)}
        after = world.set_state(key, "HIBERNATING")
        assert {field.name: getattr(after, field.name) for field in fields(Instance)} == before | {
            "state": "HIBERNATING"
        }

    def test_an_untouched_change_leaves_the_last_update(self, world: World) -> None:
        key = world.add().key
        step(world, 10)
        assert world.set_state(key, "RUNNING", touch=False).last_update_time == NOON
        assert world.update(key, task_name="b", last_update_time=NOON + 3).last_update_time == NOON + 3

    def test_every_change_is_a_version(self, world: World) -> None:
        key = world.add().key
        for change in (world.start, world.finish, world.delete):
            before = world.version
            change(key)
            assert world.version > before
        assert key not in world
        assert len(world) == 0


class TestAgenda:
    def test_a_script_is_played_as_time_passes(self, world: World) -> None:
        key = world.add().key
        world.script(key, [(10, "RUNNING"), (25, "COMPLETED")])
        assert world.get(key).state == "WAIT_RUN"
        step(world, 10)
        assert world.get(key).state == "RUNNING"
        step(world, 60)
        assert (*times(world.get(key)), world.get(key).last_update_time) == (
            NOON + 10,
            NOON + 25,
            15_000,
            NOON + 25,
        )

    def test_changes_come_in_the_order_of_their_times(self, world: World) -> None:
        seen: list[float] = []
        for seconds in (3, 1, 2):
            world.later(seconds, lambda world: seen.append(world.now() - NOON))
        step(world, 10)
        world.settle()
        assert seen == [1, 2, 3]

    def test_a_change_may_plan_another(self, world: World) -> None:
        seen: list[float] = []

        def again(world: World) -> None:
            seen.append(world.now() - NOON)
            world.later(2, again)

        world.later(2, again)
        step(world, 7)
        world.settle()
        assert seen == [2, 4, 6]

    def test_a_deleted_instance_ignores_its_script(self, world: World) -> None:
        key = world.add().key
        world.script(key, [(1, "RUNNING")])
        world.delete(key)
        step(world, 2)
        assert world.keys == []


class TestClock:
    def test_a_stepped_clock_goes_forward_only(self) -> None:
        with pytest.raises(ValueError, match="forward only"):
            SteppedClock(NOON).advance(-1)

    def test_midnight_is_beijings(self) -> None:
        assert text(midnight(epoch(datetime(2026, 2, 28, 16, 0, tzinfo=UTC)))) == "2026-03-01 00:00:00"
        assert text(midnight(epoch(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC)))) == "2026-02-28 00:00:00"


SECONDS = st.none() | st.integers(NOON - 3, NOON + 3)
WINDOWS = st.builds(Window, SECONDS, SECONDS)
WORDS = ("a", "ab", "b", "12")
INSTANCES = st.fixed_dictionaries(
    {
        "project_id": st.sampled_from((PROJECT_ID, OTHER_PROJECT)),
        "task_name": st.sampled_from(("a", "ab", "ba", "", None)),
        "state": st.sampled_from(STATES[:3]),
        "instance_type": st.sampled_from((0, 1)),
        "task_type_id": st.sampled_from((30, 35, None)),
        "cycle_type": st.sampled_from(("DAY_CYCLE", "HOUR_CYCLE")),
        "workflow_id": st.sampled_from(("w1", "w2")),
        "owner_uins": st.sampled_from((("1",), ("1", "2"), (), None)),
        "schedule_time": SECONDS,
        "start_time": SECONDS,
        "end_time": SECONDS,
        "cost_ms": st.sampled_from((0, 1, None)),
        "last_update_time": SECONDS,
    }
)
FILTERS = st.builds(
    Filter,
    project_id=st.sampled_from((PROJECT_ID, OTHER_PROJECT)),
    keywords=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
    every_keyword=st.booleans(),
    instance_type=st.sampled_from((None, 0, 1)),
    state=st.sampled_from((None, *STATES[:3])),
    task_type_id=st.sampled_from((None, 30, 35)),
    cycle_type=st.sampled_from((None, "DAY_CYCLE")),
    workflow_id=st.sampled_from((None, "w1")),
    owner_uin=st.sampled_from((None, "1", "2")),
    schedule=st.just(Window()) | WINDOWS,
    start=st.just(Window()) | WINDOWS,
    last_update=st.just(Window()) | WINDOWS,
    sort_column=st.sampled_from(tuple(SORT_COLUMNS)),
    descending=st.booleans(),
    nulls_last=st.booleans(),
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(("delete", "move", "finish", "rerun", "add")), st.integers(0, 100), SECONDS),
    max_size=6,
)


def matches(row: Instance, wanted: Filter) -> bool:
    """Filter and sort naively, one row at a time."""
    hits = [word in (row.task_name or "") or word in row.task_id for word in wanted.keywords]
    windows = (
        (wanted.schedule, row.schedule_time),
        (wanted.start, row.start_time),
        (wanted.last_update, row.last_update_time),
    )
    return (
        row.project_id == wanted.project_id
        and all(getattr(wanted, name) in {None, getattr(row, name)} for name in EQUALS)
        and (wanted.owner_uin is None or wanted.owner_uin in (row.owner_uins or ()))
        and (not hits or (all(hits) if wanted.every_keyword else any(hits)))
        and all(window == Window() or within(window, second) for window, second in windows)
    )


def within(window: Window, second: int | None) -> bool:
    return second is not None and (window.first or second) <= second <= (window.last or second)


def in_order(rows: list[Instance], wanted: Filter) -> list[Instance]:
    name = SORT_COLUMNS[wanted.sort_column]
    ascending = sorted(
        rows,
        key=lambda row: (
            (getattr(row, name) is None) == wanted.nulls_last,
            getattr(row, name) or 0,
            row.key,
        ),
    )
    return ascending[::-1] if wanted.descending else ascending


@given(st.lists(INSTANCES, max_size=12), CHANGES, FILTERS)
def test_a_listing_holds_exactly_what_matches_in_order_whatever_happened(
    instances: list[dict[str, object]], changes: list[tuple[str, int, int | None]], wanted: Filter
) -> None:
    world = World(SteppedClock(NOON), (PROJECT_ID, OTHER_PROJECT))
    for instance in instances:
        world.add(**instance)
    for what, at, second in changes:
        world.select(wanted)  # the cached listing must not survive a change
        keys = world.keys
        if what == "add":
            world.add(schedule_time=second)
        elif keys:
            arguments = (second,) if what == "move" else ()
            getattr(world, what)(keys[at % len(keys)], *arguments)
    rows = [row for row in map(world.get, world.keys) if matches(row, wanted)]
    assert [row.key for row in world.select(wanted)] == [row.key for row in in_order(rows, wanted)]


def test_loaded_instances_are_found_like_added_ones() -> None:
    one_by_one, at_once = World(SteppedClock(NOON)), World(SteppedClock(NOON))
    for second in (NOON + 2, None, NOON, NOON + 1):
        one_by_one.add(schedule_time=second)
    at_once.load(
        Instance(task_id=row.task_id, cur_run_date=row.cur_run_date, schedule_time=row.schedule_time)
        for row in map(one_by_one.get, one_by_one.keys)
    )
    everything = Filter(project_id=PROJECT_ID)
    assert [row.key for row in at_once.select(everything)] == [
        row.key for row in one_by_one.select(everything)
    ]


def test_a_repeated_query_is_cached_until_something_changes(world: World) -> None:
    key = world.add().key
    everything = Filter(project_id=PROJECT_ID)
    first = world.select(everything)
    assert world.select(everything) is first
    world.start(key)
    assert world.select(everything) is not first
