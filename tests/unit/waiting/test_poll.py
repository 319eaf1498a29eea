"""A poll, case by case: answers of every shape, rows that change while they are fetched or counted, and a server
that differs from the documented one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.errors import (
    AuthRefused,
    ContradictoryAnswer,
    NoAnswer,
    ParameterRefused,
    UnreadableAnswer,
)
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator import Instance, Quirks, World, faults
from airflow_provider_wedata.emulator.clock import epoch, text
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.listing.page_request import IDS_TOGETHER
from airflow_provider_wedata.waiting.condition import Outcome
from airflow_provider_wedata.waiting.parameters import parse_watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.waiting.condition import Verdict
    from airflow_provider_wedata.waiting.watch import Watch

MIDNIGHT = epoch("2026-03-01 00:00:00")
HALF_PAST_ELEVEN = epoch("2026-03-01 11:30:00")  # the clock stands at noon
BOTH = ["COMPLETED", "SKIP_RUNNING"]


def watch_for(**terms: Any) -> Watch:
    return parse_watch(
        {"schedule_date": "2026-03-01"} | terms, project_id=PROJECT_ID, time_zone=Zone("UTC+8")
    )


ANY = watch_for(min_instances=1)
TASK_71 = watch_for(task_ids=["71"])


def key_of(task: str, second: int = 0) -> str:
    return f"{task}_{text(MIDNIGHT + second)}"


def add(world: World, task: str, state: str = "COMPLETED", second: int = 0, **values: Any) -> str:
    """Add an instance that is scheduled `second` seconds after midnight, and return its key."""
    return world.add(task_id=task, state=state, schedule_time=MIDNIGHT + second, **values).key


def crowd(world: World, count: int, task: str = "1711", state: str = "COMPLETED") -> None:
    """Add many of one task, a minute apart from one past midnight on."""
    world.load(
        Instance(
            task_id=task,
            cur_run_date=text(MIDNIGHT + 60 + 60 * at),
            schedule_time=MIDNIGHT + 60 + 60 * at,
            state=state,
            end_time=HALF_PAST_ELEVEN,
            last_update_time=HALF_PAST_ELEVEN,
            total_run_num=1,
        )
        for at in range(count)
    )


def deleted(key: str) -> Callable[[World], None]:
    return lambda world: world.delete(key)


def set_to(state: str, *keys: str) -> Callable[[World], None]:
    """Return a change that sets one after the other."""

    def change(world: World) -> None:
        for key in keys:
            world.set_state(key, state)

    return change


def run_again(key: str, *, then: str) -> Callable[[World], None]:
    """Return a change: one is run again, and only after that another completes."""

    def change(world: World) -> None:
        world.clock.advance(1)  # type: ignore[attr-defined]  # a stepped clock
        world.rerun(key)
        world.finish(then)

    return change


def seen(verdict: Verdict) -> tuple[Outcome, str]:
    return verdict.outcome, verdict.message


class TestShapesOfAnswers:
    @pytest.mark.parametrize("watch", [ANY, TASK_71])
    @pytest.mark.parametrize(
        "quirks",
        [Quirks(), Quirks(items_null=True), Quirks(items_null=True, total_page_number_zero=True)],
        ids=["Items []", "Items null", "TotalPageNumber 0"],
    )
    def test_an_empty_list_is_waited_for(self, pump_for: Any, watch: Watch, quirks: Quirks) -> None:
        verdict = pump_for(quirks).poll(watch)
        assert verdict.outcome == Outcome.WAITING
        assert verdict.message.startswith("0 of 0 COMPLETED; no")

    @pytest.mark.parametrize(
        "data", [b"{}", b'{"Items":[]}', b'{"TotalCount":null,"Items":null}', b'{"TotalCount":0}']
    )
    def test_so_is_one_of_which_nothing_is_known(self, pump: Any, data: bytes) -> None:
        pump.wedata.faults.when(lambda _: True, faults.body(b'{"Response":{"Data":' + data + b"}}"))
        assert seen(pump.poll(ANY)) == (Outcome.WAITING, "0 of 0 COMPLETED; no instance yet")

    @pytest.mark.parametrize(
        "data",
        [
            b"null",
            b"[]",
            b'{"TotalCount":1,"Items":{}}',
            b'{"TotalCount":-1,"Items":[]}',
            b'{"TotalCount":true,"Items":[]}',
            b'{"TotalCount":"one","Items":[]}',
            b'{"TotalCount":null,"Items":[{}]}',
            b'{"TotalCount":1,"Items":[null]}',
            b'{"TotalCount":1,"Items":[{"InstanceState":7.5}]}',
        ],
    )
    def test_what_can_not_be_read_is_no_verdict(self, pump: Any, data: bytes) -> None:
        pump.wedata.faults.when(lambda _: True, faults.body(b'{"Response":{"Data":' + data + b"}}"))
        with pytest.raises(UnreadableAnswer):
            pump.poll(ANY)

    def test_a_total_without_rows_is_not_believed(self, pump: Any) -> None:
        body = faults.body(b'{"Response":{"Data":{"TotalCount":3,"Items":[]}}}')
        pump.wedata.faults.when(lambda received: "InstanceState" not in received.params, body)
        assert pump.poll(ANY).outcome == Outcome.WAITING

    def test_rows_without_a_total_are_not_believed(self, pump: Any) -> None:
        row = b'{"InstanceKey":"71_2026-03-01 00:00:00","TaskId":"71","InstanceState":"COMPLETED"}'
        body = faults.body(b'{"Response":{"Data":{"TotalCount":0,"Items":[' + row + b"]}}}")
        pump.wedata.faults.when(lambda _: True, body)
        for watch in (TASK_71, ANY):
            assert seen(pump.poll(watch)) == (
                Outcome.WAITING,
                "WeData's answer contradicts itself: it counts 0 instances and shows 1",
            )

    def test_the_page_count_of_the_answer_is_not_asked(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(total_page_number_zero=True))
        crowd(pump.wedata.world, 150, task="71")
        assert seen(pump.poll(TASK_71)) == (Outcome.MET, "150 of 150 COMPLETED")

    @pytest.mark.parametrize(
        "fault",
        [faults.reset(), faults.cut(), faults.http_status(502), faults.throttle(), faults.internal_error()],
        ids=["reset", "cut", "502", "throttled", "internal"],
    )
    @pytest.mark.parametrize("number", range(1, 8))
    def test_trouble_on_the_way_changes_nothing_in_what_is_seen(
        self, pump: Any, fault: Any, number: int
    ) -> None:
        crowd(pump.wedata.world, 101)
        pump.wedata.faults.at(number, fault)
        assert seen(pump.poll(ANY)) == (Outcome.MET, "101 of 101 COMPLETED")

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (faults.error("AuthFailure.SecretIdNotFound"), AuthRefused),
            (faults.error("InvalidParameter.WorkspaceNotExist"), ParameterRefused),
            (faults.reset(), NoAnswer),
            (faults.empty_object(), UnreadableAnswer),
        ],
        ids=["key", "project", "reset", "empty"],
    )
    @pytest.mark.parametrize("number", [1, 3, 7])
    def test_trouble_that_stays_is_no_verdict_however_late(
        self, pump: Any, fault: Any, error: type[Exception], number: int
    ) -> None:
        crowd(pump.wedata.world, 101)
        pump.wedata.faults.when(lambda received: received.number >= number, fault)
        with pytest.raises(error):
            pump.poll(ANY)


class TestOddRows:
    def test_a_state_of_null_is_not_done(self, pump: Any) -> None:
        add(pump.wedata.world, "71", extra={"InstanceState": None})
        for watch in (ANY, TASK_71):
            assert pump.poll(watch).message == (
                "0 of 1 COMPLETED, 1 NO_STATE (unknown to this provider, so not finished: NO_STATE)"
            )

    @pytest.mark.parametrize("state", ["TERMINATING", "completed", "Completed", "COMPLETED ", "SUCCESS"])
    def test_an_unknown_word_is_not_done(self, pump: Any, state: str) -> None:
        add(pump.wedata.world, "71", state)
        assert (pump.poll(ANY).outcome, pump.poll(TASK_71).outcome) == (Outcome.WAITING, Outcome.WAITING)

    def test_an_unknown_word_among_many_is_not_done(self, pump: Any) -> None:
        crowd(pump.wedata.world, 150)
        add(pump.wedata.world, "71", "TERMINATING")
        assert seen(pump.poll(ANY)) == (Outcome.WAITING, "150 of 151 COMPLETED")

    @pytest.mark.parametrize("shown", ["RUNNING", None])
    @pytest.mark.parametrize("state", ["COMPLETED", "EXPIRED"])
    def test_a_count_whose_rows_are_in_another_state_is_not_believed(
        self, pump: Any, state: str, shown: str | None
    ) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71", state, second=80_000, extra={"InstanceState": shown})
        with pytest.raises(UnreadableAnswer, match=f"asked for instances that are {state}, got {shown}"):
            pump.poll(ANY)

    def test_one_row_twice_in_a_page_is_not_two_that_were_named(self, pump: Any) -> None:
        first = add(pump.wedata.world, "71")
        add(pump.wedata.world, "71", second=1, extra={"InstanceKey": first})
        watch = watch_for(task_ids=["71"], instances_per_task=2)
        assert seen(pump.poll(watch)) == (
            Outcome.WAITING,
            "WeData's answer contradicts itself: it counts 2 instances and shows 1",
        )

    def test_an_unfinished_row_is_seen_behind_one_with_the_same_key(self, pump: Any) -> None:
        first = add(pump.wedata.world, "71")
        add(pump.wedata.world, "71", "RUNNING", second=1, extra={"InstanceKey": first})
        assert (pump.poll(ANY).outcome, pump.poll(TASK_71).outcome) == (Outcome.WAITING, Outcome.WAITING)

    def test_without_a_key_a_row_is_identified_by_task_and_data_time(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(null_fields=("InstanceKey",)))
        add(pump.wedata.world, "71")
        add(pump.wedata.world, "71", "RUNNING", second=1)
        for watch in (ANY, TASK_71):
            assert seen(pump.poll(watch)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 RUNNING")
        pump.wedata.world.finish(key_of("71", 1))
        for watch in (ANY, TASK_71):
            assert seen(pump.poll(watch)) == (Outcome.MET, "2 of 2 COMPLETED")

    def test_without_a_key_no_row_is_the_one_whose_key_was_given(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(null_fields=("InstanceKey",)))
        key = add(pump.wedata.world, "71")
        assert pump.poll(watch_for(instance_keys=[key])).outcome == Outcome.WAITING


class TestWhoIsMeant:
    def test_a_longer_id_or_a_name_that_the_keyword_finds_is_nobody(self, pump: Any) -> None:
        world = pump.wedata.world
        add(world, "71")
        add(world, "7100", "EXPIRED")
        add(world, "1711", "RUNNING")
        add(world, "99", "EXPIRED", task_name="copy_of_71")
        assert seen(pump.poll(TASK_71)) == (Outcome.MET, "1 of 1 COMPLETED")

    def test_chance_finds_do_not_stand_for_the_task(self, pump: Any) -> None:
        crowd(pump.wedata.world, 150)
        assert seen(pump.poll(TASK_71)) == (
            Outcome.WAITING,
            "0 of 0 COMPLETED; no instance yet",
        )

    def test_among_many_chance_finds_the_one_that_runs_is_seen(self, pump: Any) -> None:
        crowd(pump.wedata.world, 230)
        add(pump.wedata.world, "71")
        add(pump.wedata.world, "71", "RUNNING", second=80_000)
        assert seen(pump.poll(TASK_71)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 RUNNING")
        assert [received.params["PageNumber"] for received in pump.wedata.requests] == [1, 2, 3]

    @pytest.mark.parametrize("keyword_and", [False, True])
    def test_whether_several_ids_mean_any_or_all(self, pump_for: Any, keyword_and: bool) -> None:
        pump = pump_for(Quirks(keyword_and=keyword_and))
        watch = watch_for(task_ids=["71", "72"])
        add(pump.wedata.world, "71")
        assert seen(pump.poll(watch)) == (Outcome.WAITING, "1 of 1 COMPLETED; not there yet: 72 (0 of 1)")
        add(pump.wedata.world, "72", "RUNNING")
        assert seen(pump.poll(watch)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 RUNNING")
        pump.wedata.world.finish(key_of("72"))
        assert seen(pump.poll(watch)) == (Outcome.MET, "2 of 2 COMPLETED")

    @pytest.mark.parametrize("keyword_and", [False, True])
    def test_an_id_that_is_part_of_another(self, pump_for: Any, keyword_and: bool) -> None:
        pump = pump_for(Quirks(keyword_and=keyword_and))
        add(pump.wedata.world, "71", "RUNNING")
        add(pump.wedata.world, "711")
        assert seen(pump.poll(watch_for(task_ids=["71", "711"]))) == (
            Outcome.WAITING,
            "1 of 2 COMPLETED, 1 RUNNING",
        )

    @pytest.mark.parametrize("at", [0, IDS_TOGETHER - 1, IDS_TOGETHER, 2 * IDS_TOGETHER])
    def test_of_more_ids_than_go_into_one_request_each_counts(self, pump: Any, at: int) -> None:
        tasks = [str(700 + n) for n in range(2 * IDS_TOGETHER + 1)]
        watch = watch_for(task_ids=tasks)
        for task in tasks:
            add(pump.wedata.world, task, "RUNNING" if task == tasks[at] else "COMPLETED")
        assert seen(pump.poll(watch)) == (Outcome.WAITING, "100 of 101 COMPLETED, 1 RUNNING")
        pump.wedata.world.finish(key_of(tasks[at]))
        assert seen(pump.poll(watch)) == (Outcome.MET, "101 of 101 COMPLETED")
        pump.wedata.world.delete(key_of(tasks[at]))
        assert pump.poll(watch).message == f"100 of 100 COMPLETED; not there yet: {tasks[at]} (0 of 1)"

    def test_yesterdays_instance_of_the_task_is_not_todays(self, pump: Any) -> None:
        add(pump.wedata.world, "71", second=-86_400)
        assert pump.poll(TASK_71).outcome == Outcome.WAITING
        add(pump.wedata.world, "71", "RUNNING")
        assert seen(pump.poll(TASK_71)) == (Outcome.WAITING, "0 of 1 COMPLETED, 1 RUNNING")

    def test_of_named_instances_only_those_count(self, pump: Any) -> None:
        world = pump.wedata.world
        keys = [add(world, "71"), add(world, "72", "RUNNING")]
        add(world, "71", "EXPIRED", second=60)
        watch = watch_for(instance_keys=keys)
        assert seen(pump.poll(watch)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 RUNNING")
        world.finish(keys[1])
        assert seen(pump.poll(watch)) == (Outcome.MET, "2 of 2 COMPLETED")
        world.delete(keys[0])
        assert pump.poll(watch).message == f"1 of 1 COMPLETED; not there yet: {keys[0]} (0 of 1)"


class TestLives:
    def test_a_rerun_ordered_between_two_looks_shuts_the_gate_again(self, pump: Any) -> None:
        world = pump.wedata.world
        first, other = add(world, "71"), add(world, "72", "RUNNING")
        assert seen(pump.poll(ANY)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 RUNNING")
        world.rerun(first)
        world.finish(other)
        assert seen(pump.poll(ANY)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 WAIT_RUN")
        world.finish(first)
        assert seen(pump.poll(ANY)) == (Outcome.MET, "2 of 2 COMPLETED")

    @pytest.mark.parametrize("others", [0, 150])
    def test_an_old_life_is_none_of_those_that_are_waited_for(self, pump: Any, others: int) -> None:
        crowd(pump.wedata.world, others)
        key = add(pump.wedata.world, "71", end_time="2026-03-01 10:59:59")
        watch = watch_for(min_instances=1, completed_after="2026-03-01 11:00:00")
        assert pump.poll(watch).outcome == Outcome.WAITING
        pump.wedata.world.rerun(key)
        assert pump.poll(watch).outcome == Outcome.WAITING
        pump.wedata.world.finish(key)
        assert seen(pump.poll(watch)) == (Outcome.MET, f"{others + 1} of {others + 1} COMPLETED")

    def test_a_failed_row_on_the_last_page_is_seen(self, pump: Any) -> None:
        crowd(pump.wedata.world, 230, task="71")
        add(pump.wedata.world, "71", "EXPIRED", second=80_000)
        assert pump.poll(TASK_71).outcome == Outcome.FAILED


class TestZones:
    @pytest.mark.parametrize("ignored", ["input", "output"])
    def test_a_server_that_ignores_the_zone_gives_no_verdict(self, pump_for: Any, ignored: Any) -> None:
        pump = pump_for(Quirks(time_zone_ignored=ignored))
        for hour in range(25):
            add(pump.wedata.world, "71", second=3600 * hour)
        for terms in ({"min_instances": 1}, {"task_ids": "71"}):
            with pytest.raises(ContradictoryAnswer, match="a time zone was misread"):
                pump.poll(watch_for(time_zone="UTC+7", **terms))

    @pytest.mark.parametrize("zone", ["UTC+7", "UTC+8", "UTC+9", "UTC-5", "UTC+05:30", "Asia/Tokyo", "UTC"])
    def test_a_day_is_the_day_of_the_zone(self, pump: Any, zone: str) -> None:
        for hour in range(-24, 48):
            add(pump.wedata.world, "71", second=3600 * hour, last_update_time=MIDNIGHT)
        assert seen(pump.poll(watch_for(task_ids="71", time_zone=zone))) == (
            Outcome.MET,
            "24 of 24 COMPLETED",
        )


class TestWhileRowsAreCounted:
    """The requests: 1 the first page, 2 EXPIRED, 3 COMPLETED, 4 the total; then again 5, 6 and 7."""

    def test_one_that_is_deleted_between_count_and_total_hides_nobody(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71", "RUNNING")
        pump.wedata.at(3, lambda world: add(world, "72"))
        pump.wedata.at(4, deleted(key_of("72")))
        assert seen(pump.poll(ANY)) == (
            Outcome.WAITING,
            "100 of 101 COMPLETED; counts changed while they were taken",
        )

    def test_one_that_is_added_after_the_first_page_hides_nobody(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71", "RUNNING")
        pump.wedata.at(3, lambda world: add(world, "72"))
        assert seen(pump.poll(ANY)) == (
            Outcome.WAITING,
            "101 of 101 COMPLETED; rows came, went or changed while they were counted",
        )

    def test_one_that_is_run_again_after_it_was_counted_shuts_the_gate(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71")
        pump.wedata.at(4, lambda world: world.rerun(key_of("71")))
        assert pump.poll(ANY).outcome == Outcome.WAITING

    def test_one_that_fails_meanwhile_is_reported(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71")
        pump.wedata.at(5, lambda world: world.fail(key_of("71")))
        assert pump.poll(ANY).outcome == Outcome.FAILED

    def test_one_that_hops_from_state_to_state_is_not_counted_for_two(self, pump: Any) -> None:
        """The requests: 1 the first page, 2 EXPIRED, 3 COMPLETED, 4 SKIP_RUNNING; 5 and 6 the last two again."""
        crowd(pump.wedata.world, 100)
        for task in ("71", "72", "73"):
            add(pump.wedata.world, task)
        skipped = add(pump.wedata.world, "74", "SKIP_RUNNING")
        add(pump.wedata.world, "75", "RUNNING")
        pump.wedata.at(4, lambda world: world.skip(key_of("71")))
        pump.wedata.at(5, lambda world: world.finish(skipped))
        pump.wedata.at(6, lambda world: world.skip(key_of("72")))
        verdict = pump.poll(watch_for(min_instances=1, allowed_states=BOTH))
        assert seen(verdict) == (
            Outcome.WAITING,
            "103 of 105 COMPLETED, 2 of 105 SKIP_RUNNING; rows came, went or changed while they were counted",
        )

    def test_two_states_at_rest_open_the_gate(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71", "SKIP_RUNNING")
        pump.wedata.clock.advance(1)
        verdict = pump.poll(watch_for(min_instances=1, allowed_states=BOTH))
        assert seen(verdict) == (Outcome.MET, "100 of 101 COMPLETED, 1 of 101 SKIP_RUNNING")

    def test_nobody_is_called_stuck_for_one_that_was_counted_twice(self, pump: Any) -> None:
        """The same hops, where SKIP_RUNNING is in no set; the one that runs may yet complete."""
        crowd(pump.wedata.world, 100)
        for task in ("71", "72", "73"):
            add(pump.wedata.world, task)
        skipped = add(pump.wedata.world, "74", "SKIP_RUNNING")
        add(pump.wedata.world, "75", "RUNNING")
        pump.wedata.at(4, lambda world: world.skip(key_of("71")))
        pump.wedata.at(5, lambda world: world.finish(skipped))
        pump.wedata.at(6, lambda world: world.skip(key_of("72")))
        assert pump.poll(ANY).outcome == Outcome.WAITING


class TestWhileRowsAreRead:
    """The requests: 1 and 2 the two pages, 3 and 4 the same again. Task 71 stands first and last."""

    @pytest.fixture
    def first(self, pump: Any) -> str:
        crowd(pump.wedata.world, 120)
        return add(pump.wedata.world, "71")

    @pytest.fixture
    def last(self, pump: Any) -> str:
        return add(pump.wedata.world, "71", second=80_000)

    def test_one_that_runs_again_behind_our_back_shuts_the_gate(
        self, pump: Any, first: str, last: str
    ) -> None:
        pump.wedata.world.start(last)
        pump.wedata.at(2, run_again(first, then=last))
        pump.wedata.at(3, run_again(last, then=first))
        pump.wedata.at(4, run_again(first, then=last))
        assert seen(pump.poll(TASK_71)) == (
            Outcome.WAITING,
            "2 of 2 COMPLETED; rows changed while they were read",
        )

    def test_one_that_is_set_to_done_by_hand_without_a_run_is_no_proof(
        self, pump: Any, first: str, last: str
    ) -> None:
        def pass_on(key: str, then: str) -> Callable[[World], None]:
            def change(world: World) -> None:
                world.clock.advance(1)  # type: ignore[attr-defined]  # a stepped clock
                world.update(key, state="WAIT_RUN")
                world.update(then, state="COMPLETED")

            return change

        pump.wedata.world.update(last, state="WAIT_RUN")
        pump.wedata.at(2, pass_on(first, last))
        pump.wedata.at(3, pass_on(last, first))
        pump.wedata.at(4, pass_on(first, last))
        assert seen(pump.poll(TASK_71)) == (
            Outcome.WAITING,
            "2 of 2 COMPLETED; rows changed while they were read",
        )

    @pytest.mark.usefixtures("first", "last")
    def test_a_row_that_comes_twice_over_a_page_edge_has_them_read_again(self, pump: Any) -> None:
        pump.wedata.at(2, lambda world: add(world, "1711"))
        assert seen(pump.poll(TASK_71)) == (Outcome.MET, "2 of 2 COMPLETED")
        assert (
            len(pump.wedata.requests) == 2 + 2 + 2
        )  # an incomplete fetch, a complete one, and its confirmation

    @pytest.mark.usefixtures("first", "last")
    def test_rows_that_come_in_every_reading_are_waited_for(self, pump: Any) -> None:
        for number in (2, 4, 6):
            pump.wedata.at(number, lambda world, n=number: add(world, f"171{n}"))
        verdict = pump.poll(TASK_71)
        assert seen(verdict) == (Outcome.WAITING, "2 of 2 COMPLETED; rows came or went while they were read")
        assert pump.poll(TASK_71).outcome == Outcome.MET

    @pytest.mark.usefixtures("first", "last")
    def test_a_row_that_slips_over_a_page_edge_has_them_read_again(self, pump: Any) -> None:
        pump.wedata.at(2, deleted(key_of("1711", 60)))
        assert pump.poll(TASK_71).outcome == Outcome.MET
        assert len(pump.wedata.requests) == 2 + 2 + 2

    def test_many_rows_of_one_second_that_come_in_another_order_each_time_open_the_gate(
        self, pump_for: Any
    ) -> None:
        pump = pump_for(Quirks(tie_shuffle=True))
        for n in range(108):
            pump.wedata.world.add(
                task_id="71", schedule_time=MIDNIGHT, cur_run_date=str(n), state="COMPLETED"
            )
        assert Outcome.MET in {pump.poll(TASK_71).outcome for _ in range(20)}

    @pytest.mark.parametrize("items_null", [False, True])
    def test_a_page_behind_the_last(self, pump_for: Any, items_null: bool) -> None:
        pump = pump_for(Quirks(items_null=items_null))
        crowd(pump.wedata.world, 101, task="71")
        pump.wedata.at(2, lambda world: [world.delete(key_of("71", 60 * n)) for n in (1, 2, 3)])
        assert seen(pump.poll(TASK_71)) == (
            Outcome.WAITING,
            "98 of 98 COMPLETED; rows changed while they were read",
        )
        assert seen(pump.poll(TASK_71)) == (Outcome.MET, "98 of 98 COMPLETED")

    @pytest.mark.usefixtures("last")
    def test_a_failure_that_was_seen_is_reported_even_if_rows_moved(self, pump: Any, first: str) -> None:
        pump.wedata.world.fail(first)
        pump.wedata.at(2, lambda world: add(world, "1711"))
        assert pump.poll(TASK_71).outcome == Outcome.FAILED

    def test_ties_that_come_in_another_order_each_time_hide_nobody(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(tie_shuffle=True))
        for n in range(150):
            pump.wedata.world.add(
                task_id="71",
                schedule_time=MIDNIGHT,
                cur_run_date=str(n),
                state="COMPLETED" if n else "RUNNING",
            )
        assert {pump.poll(TASK_71).outcome for _ in range(20)} == {Outcome.WAITING}


class TestWhatNobodyCanNotice:
    """The one exception: rows that go and others that come, just in number and just in time, in both halves."""

    def test_counting(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71", "RUNNING")
        pump.wedata.at(3, lambda world: add(world, "72"))  # counted as done in the place of 71,
        pump.wedata.at(4, deleted(key_of("72")))  # and gone before the total is;
        pump.wedata.at(6, lambda world: add(world, "73"))  # and once more
        pump.wedata.at(7, deleted(key_of("73")))
        assert seen(pump.poll(ANY)) == (Outcome.MET, "101 of 101 COMPLETED")
        assert seen(pump.poll(ANY)) == (Outcome.WAITING, "100 of 101 COMPLETED")

    def test_counting_with_one_move_less_is_noticed(self, pump: Any) -> None:
        crowd(pump.wedata.world, 100)
        add(pump.wedata.world, "71", "RUNNING")
        pump.wedata.at(3, lambda world: add(world, "72"))
        pump.wedata.at(4, deleted(key_of("72")))
        pump.wedata.at(6, lambda world: add(world, "73"))
        assert pump.poll(ANY).outcome == Outcome.WAITING

    def test_reading(self, pump: Any) -> None:
        """There is always one of task 71 that runs, and always on the page that is not being fetched."""
        crowd(pump.wedata.world, 120)
        add(pump.wedata.world, "71", second=40)
        add(pump.wedata.world, "71", "RUNNING", second=80_000)
        front, back = key_of("71", 1), key_of("71", 80_020)
        pump.wedata.at(2, lambda world: add(world, "71", "RUNNING", second=1))
        pump.wedata.at(2, deleted(key_of("71", 80_000)))
        pump.wedata.at(2, deleted(key_of("1711", 60)))  # so that no row comes twice,
        pump.wedata.at(2, lambda world: add(world, "1711", second=80_010))  # and the total stays
        pump.wedata.at(3, lambda world: add(world, "71", "RUNNING", second=80_020))
        pump.wedata.at(3, deleted(front))
        pump.wedata.at(4, lambda world: add(world, "71", "RUNNING", second=2))
        pump.wedata.at(4, deleted(back))
        pump.wedata.at(4, deleted(key_of("1711", 120)))
        pump.wedata.at(4, lambda world: add(world, "1711", second=80_030))
        assert seen(pump.poll(TASK_71)) == (Outcome.MET, "1 of 1 COMPLETED")
        assert seen(pump.poll(TASK_71)) == (Outcome.WAITING, "1 of 2 COMPLETED, 1 RUNNING")
