"""Answers that contradict themselves or each other: no verdict rests on one, and the wait logs why it continues.

What can't be noticed is left out: a server that leaves a row out of its list and of its count alike.
"""

from __future__ import annotations

import json
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import ContradictoryAnswer, UnreadableAnswer
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator import Instance, Quirks, faults
from airflow_provider_wedata.emulator.clock import epoch, text
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.parameters import parse_watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.emulator.messages import Reply
    from airflow_provider_wedata.waiting.watch import Watch

MIDNIGHT = epoch("2026-03-01 00:00:00")
LAST_SECOND = MIDNIGHT + 86_399
NOON = MIDNIGHT + 43_200
NO_FAILED_STATES = {"min_instances": 1, "failed_states": []}

Change = "Callable[[dict[str, Any]], None]"


def watch_for(**terms: Any) -> Watch:
    return parse_watch(
        {"schedule_date": "2026-03-01"} | terms, project_id=PROJECT_ID, time_zone=Zone("UTC+8")
    )


def planned(at: int) -> int:
    """Return the planned time of an instance: eight seconds apart, so that many are spread over the day."""
    return MIDNIGHT + 8 * at % 86_400


def load(pump: Any, *states: str, **values: Any) -> None:
    """Fill the world with an instance for each state: the first ones of task 71, every tenth of another."""
    pump.wedata.world.load(
        Instance(
            **{
                "task_id": "71" if at % 10 < 9 else "711",
                "cur_run_date": text(planned(at)),
                "schedule_time": planned(at),
                "state": state,
                "end_time": planned(at) + 60,
                "last_update_time": planned(at) + 60,
                "total_run_num": 1,
                **values,
            }
        )
        for at, state in enumerate(states)
    )


def altered(change: Callable[[dict[str, Any]], None]) -> faults.Fault:
    """Return a fault: the honest answer with its Data changed."""

    def apply(honest: Reply) -> Reply:
        body = json.loads(honest.body)
        change(body["Response"]["Data"])
        return replace(honest, body=json.dumps(body).encode())

    return apply


def items_null(data: dict[str, Any]) -> None:
    data["Items"] = None


def one_twice(data: dict[str, Any]) -> None:
    data["Items"] = (data["Items"] or []) + (data["Items"] or [])[-1:]


def first_hidden_by_another(data: dict[str, Any]) -> None:
    data["Items"] = (data["Items"] or [])[1:] + (data["Items"] or [])[-1:]


def first_missing(data: dict[str, Any]) -> None:
    data["Items"] = (data["Items"] or [])[1:]


def one_more_that_is_done(data: dict[str, Any]) -> None:
    data["Items"] = [
        *(data["Items"] or []),
        *({**row, "InstanceKey": f"{row['InstanceKey']}+"} for row in (data["Items"] or [])[-1:]),
    ]


def first_also_as_done(data: dict[str, Any]) -> None:
    rows = data["Items"] or []
    data["Items"] = rows + [{**row, "InstanceState": "COMPLETED"} for row in rows[:1]]


def first_also_as_done_instead_of_another(data: dict[str, Any]) -> None:
    first_also_as_done(data)
    data["Items"] = data["Items"][:1] + data["Items"][2:]


LIES = [
    items_null,
    one_twice,
    first_hidden_by_another,
    first_missing,
    one_more_that_is_done,
    first_also_as_done,
    first_also_as_done_instead_of_another,
]
WAITS = [
    {"min_instances": 1},
    NO_FAILED_STATES,
    {"min_instances": 1, "failed_states": [], "allowed_states": ["COMPLETED", "SKIP_RUNNING"]},
    {"task_ids": ["71", "711"]},
    {"task_ids": ["71"], "instances_per_task": 2, "failed_states": []},
    {"instance_keys": [f"71_{text(MIDNIGHT)}", f"71_{text(planned(1))}"]},
    {"min_instances": 1, "completed_after": "2026-02-28 12:00:00"},
]


def looked(pump: Any, **terms: Any) -> Verdict | None:
    """Return the verdict; None if the answer was refused as unreadable, which a wait survives, too."""
    try:
        verdict: Verdict = pump.poll(watch_for(**terms))
    except UnreadableAnswer:
        return None
    return verdict


class TestOneAnswer:
    def test_a_row_that_comes_twice_is_one(self, pump: Any) -> None:
        load(pump, "COMPLETED", "COMPLETED")
        pump.wedata.faults.when(lambda _: True, altered(one_twice))
        assert looked(pump, expected_instances=3).message == "2 of 2 COMPLETED; expected exactly 3, 1 missing"  # type: ignore[union-attr]
        assert looked(pump, task_ids=["71"], instances_per_task=3).outcome == Outcome.WAITING  # type: ignore[union-attr]

    @pytest.mark.parametrize("terms", [{"min_instances": 1}, {"task_ids": ["71"]}, WAITS[5]])
    @pytest.mark.parametrize(
        "states", [("RUNNING", "COMPLETED"), ("COMPLETED", "RUNNING"), ("EXPIRED", "RUNNING")]
    )
    def test_a_key_in_two_states_is_waited_for(self, pump: Any, terms: Any, states: tuple[str, str]) -> None:
        load(pump, "COMPLETED", states[0])

        def contradict(data: dict[str, Any]) -> None:
            row = next(row for row in data["Items"] if row["InstanceState"] == states[0])
            data["Items"].append({**row, "InstanceState": states[1]})

        pump.wedata.faults.when(lambda _: True, altered(contradict))
        verdict = looked(pump, **terms)
        assert verdict is not None
        assert verdict.outcome == Outcome.WAITING
        assert "contradicts itself: it shows 71_2026-03-01 00:00:0" in verdict.message

    @pytest.mark.parametrize("total", [150, 3, 1])
    @pytest.mark.parametrize("terms", WAITS)
    def test_a_count_without_a_row_is_no_count(self, pump: Any, total: int, terms: Any) -> None:
        body = json.dumps({"Response": {"Data": {"TotalCount": total, "Items": None}}}).encode()
        pump.wedata.faults.when(lambda _: True, faults.body(body))
        verdict = looked(pump, **terms)
        assert verdict is not None
        assert (verdict.outcome, verdict.message) == (
            Outcome.WAITING,
            f"WeData's answer contradicts itself: it counts {total} instance{'s' * (total != 1)} and shows 0",
        )

    def test_no_failure_is_reported_of_instances_that_were_not_seen(self, pump: Any) -> None:
        load(pump, *["COMPLETED"] * 150, "EXPIRED")
        pump.wedata.faults.when(lambda received: "InstanceState" in received.params, altered(items_null))
        verdict = looked(pump, min_instances=1)
        assert verdict is not None
        assert verdict.outcome == Outcome.WAITING


class TestAFilterThatIsIgnored:
    @pytest.mark.parametrize("done_first", [True, False])
    @pytest.mark.parametrize("terms", [term for term in WAITS if "instance_keys" not in term])
    def test_no_gate_opens_on_a_server_that_ignores_the_state(
        self, pump_for: Any, terms: Any, done_first: bool
    ) -> None:
        pump = pump_for(Quirks(ignored=("InstanceState",)))
        states = ["COMPLETED"] * 50, ["RUNNING"] * 100
        load(pump, *(states[not done_first] + states[done_first]))
        verdict = looked(pump, **terms)
        assert verdict is None or verdict.outcome == Outcome.WAITING

    @pytest.mark.parametrize("terms", WAITS[:3])
    def test_nor_on_one_that_ignores_it_for_what_is_done_though_its_first_page_shows_a_row_that_runs(
        self, pump: Any, terms: Any
    ) -> None:
        load(pump, *["COMPLETED"] * 75, "RUNNING", *["COMPLETED"] * 75)

        def count_all(data: dict[str, Any]) -> None:
            data["TotalCount"] = 151

        is_done = altered(count_all)
        pump.wedata.faults.when(lambda received: received.params.get("InstanceState") == "COMPLETED", is_done)
        verdict = looked(pump, **terms)
        assert verdict is not None
        assert (verdict.outcome, verdict.message) == (
            Outcome.WAITING,
            f"{verdict.message.partition(';')[0]}; rows came, went or changed while they were counted",
        )

    @pytest.mark.parametrize("terms", WAITS[:3])
    def test_not_even_if_all_are_done_for_that_can_not_be_known(self, pump_for: Any, terms: Any) -> None:
        pump = pump_for(Quirks(ignored=("InstanceState",)))
        load(pump, *["COMPLETED"] * 150)
        with pytest.raises(UnreadableAnswer, match=r"asked for instances that are [A-Z_]+, got COMPLETED"):
            pump.poll(watch_for(**terms))

    def test_a_server_that_ignores_the_time_of_the_update_proves_nothing_by_it(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(ignored=("LastUpdateTimeFrom",)))
        load(pump, *["COMPLETED"] * 150, "SKIP_RUNNING")
        verdict = looked(pump, min_instances=1, allowed_states=["COMPLETED", "SKIP_RUNNING"])
        assert verdict is not None
        assert verdict.outcome == Outcome.WAITING
        assert "LastUpdateTime can't be relied on" in verdict.message

    @pytest.mark.parametrize("terms", [{"min_instances": 1}, NO_FAILED_STATES, {"task_ids": ["71", "711"]}])
    def test_a_server_that_ignores_the_size_of_a_page_opens_the_gate_of_what_is_done(
        self, pump_for: Any, terms: Any
    ) -> None:
        pump = pump_for(Quirks())
        load(pump, *["COMPLETED"] * 150)
        assert looked(pump, **terms).outcome == Outcome.MET  # type: ignore[union-attr]


class TestARowThatMayHaveRunAgain:
    """101 named rows are fetched twice, over two pages; the fields that show a rerun must be there."""

    @pytest.mark.parametrize(
        ("extra", "outcome"),
        [
            ({}, Outcome.MET),
            ({"LastUpdateTime": None}, Outcome.MET),
            ({"TotalRunNum": None}, Outcome.MET),
            ({"TotalRunNum": None, "LastUpdateTime": None}, Outcome.WAITING),
            ({"LastUpdateTime": "-"}, Outcome.WAITING),
            ({"TotalRunNum": 1.5}, Outcome.WAITING),
        ],
    )
    def test_is_waited_for(self, pump: Any, extra: dict[str, Any], outcome: Outcome) -> None:
        load(pump, *["COMPLETED"] * 150, extra=extra)
        verdict = pump.poll(watch_for(task_ids=["71"]))
        assert outcome == verdict.outcome
        assert outcome == Outcome.MET or "don't show whether it ran again" in verdict.message


class TestACountThatStops:
    @pytest.fixture(params=[{"min_instances": 1}, NO_FAILED_STATES, {"task_ids": ["71", "711"]}])
    def terms(self, request: Any) -> Any:
        return request.param

    @pytest.mark.parametrize(("there", "outcome"), [(10_000, Outcome.MET), (10_001, Outcome.WAITING)])
    @pytest.mark.parametrize("limit", [10_000, None])
    def test_ten_thousand_are_believed_once_the_halves_add_up_to_it(
        self, pump_for: Any, terms: Any, there: int, outcome: Outcome, limit: int | None
    ) -> None:
        pump = pump_for(Quirks(counting_limit=limit))
        load(pump, *["COMPLETED"] * there)
        verdict = looked(pump, **terms)
        assert verdict is not None
        assert verdict.outcome == (outcome if limit else Outcome.MET)

    def test_many_instances_of_several_tasks_are_asked_for_in_smaller_groups(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(counting_limit=10_000, deepest_page=100))
        load(pump, *["COMPLETED"] * 10_800)
        pump.wedata.world.load(
            Instance(
                task_id="72", cur_run_date=text(at), schedule_time=at, state="COMPLETED", total_run_num=1
            )
            for at in range(MIDNIGHT, MIDNIGHT + 7_000)
        )
        verdict = pump.poll(watch_for(task_ids=["72", "7300"]))
        assert verdict.message == "7000 of 7000 COMPLETED; not there yet: 7300 (0 of 1)"

    def test_more_of_one_task_than_pages_can_be_asked_for_are_waited_for(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(deepest_page=100))
        load(pump, *["COMPLETED"] * 10_800)
        verdict = pump.poll(watch_for(task_ids=["71"]))
        assert verdict.outcome == Outcome.WAITING
        assert (
            "WeData refuses pages after page 100 (InvalidParameterValue); use shorter windows"
            in verdict.message
        )

    def test_the_wait_says_why(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(counting_limit=10_000))
        load(pump, *["COMPLETED"] * 10_800)
        assert looked(pump, min_instances=1).message == (  # type: ignore[union-attr]
            "10000 of 10000 COMPLETED; WeData counts 10000 instances and 5400 and 5400 in the halves of the "
            "window, so it may stop counting there; use shorter windows"
        )

    def test_a_half_that_is_full_is_not_believed_either(self, pump_for: Any) -> None:
        pump = pump_for(Quirks(counting_limit=10_000))
        load(pump, *["COMPLETED"] * 10_001, schedule_time=MIDNIGHT)
        verdict = looked(pump, min_instances=1)
        assert verdict is not None
        assert verdict.outcome == Outcome.WAITING

    def test_it_costs_no_more_than_eight_requests(self, pump: Any) -> None:
        load(pump, *["COMPLETED"] * 9_900, *["SKIP_RUNNING"] * 100)
        both = ["COMPLETED", "SKIP_RUNNING"]
        for terms in ({}, {"allowed_states": both}, {"skipped_states": ["FAILED_RETRY"]}):
            before = len(pump.wedata.requests)
            looked(pump, min_instances=1, **terms)
            assert len(pump.wedata.requests) - before <= 8


class TestWhenAWindowIsOver:
    """A MINUTE_CYCLE may add instances until its window is over, by WeData's clock as well as by ours."""

    def look_at(self, pump: Any, *, ours: float, theirs: float | None) -> Outcome:
        load(pump, "COMPLETED", cycle_type="MINUTE_CYCLE")
        pump.wedata.clock.advance(ours - pump.wedata.clock.now())
        date = None if theirs is None else formatdate(theirs, usegmt=True)
        pump.wedata.faults.when(lambda _: True, faults.headers(date=date))
        return pump.poll(watch_for(task_ids=["71"])).outcome  # type: ignore[no-any-return]

    @pytest.mark.parametrize(
        ("ours", "theirs", "outcome"),
        [
            (-200 + 290, -200, Outcome.WAITING),
            (100_000, 10, Outcome.WAITING),
            (100_000, 11, Outcome.MET),
            (10, 100_000, Outcome.WAITING),
            (11, 100_000, Outcome.MET),
            (310, None, Outcome.WAITING),
            (311, None, Outcome.MET),
        ],
    )
    def test_by_the_earlier_clock_and_a_margin(
        self, pump: Any, ours: float, theirs: float | None, outcome: Outcome
    ) -> None:
        second = None if theirs is None else LAST_SECOND + theirs
        assert outcome == self.look_at(pump, ours=LAST_SECOND + ours, theirs=second)

    @given(st.floats(-400, 400), st.floats(-299, 299), st.booleans())
    @settings(deadline=None, max_examples=60)
    def test_no_gate_opens_before_the_window_is_over_whatever_our_clock_says(
        self, pump_for: Any, truth: float, error: float, with_date: bool
    ) -> None:
        now = LAST_SECOND + truth
        outcome = self.look_at(pump_for(), ours=now + error, theirs=now if with_date else None)
        assert outcome == Outcome.WAITING or truth > 0

    def test_a_signature_that_waits_long_is_no_later_request(self, pump: Any) -> None:
        """The rows are those of the moment of the request, and the answer took a while."""
        load(pump, "COMPLETED", cycle_type="MINUTE_CYCLE")
        pump.wedata.clock.advance(LAST_SECOND + 5 - pump.wedata.clock.now())
        pump.wedata.after(lambda _: pump.wedata.clock.advance(20))
        assert pump.poll(watch_for(task_ids=["71"])).outcome == Outcome.WAITING


states = st.lists(st.sampled_from(["COMPLETED"] * 6 + ["RUNNING", "SKIP_RUNNING"]), max_size=5)


class TestWhateverLie:
    @given(
        states,
        st.sampled_from([0, 0, 100, 130]),
        st.sampled_from(WAITS),
        st.lists(st.tuples(st.integers(1, 8) | st.none(), st.sampled_from(LIES)), max_size=3),
        st.sampled_from([Quirks(), Quirks(ignored=("InstanceState",)), Quirks(items_null=True)]),
        st.booleans(),
    )
    @settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    def test_no_gate_opens_while_an_instance_is_not_done(  # noqa: PLR0917 - as hypothesis hands them
        self, pump_for: Any, some: list[str], others: int, terms: Any, lies: Any, quirks: Quirks, last: bool
    ) -> None:
        pump = pump_for(quirks)
        rows = [*some, *["COMPLETED"] * others]
        load(pump, *([*rows, "RUNNING"] if last else ["RUNNING", *rows]))
        for number, lie in lies:
            applies = (
                (lambda _: True) if number is None else (lambda received, n=number: received.number == n)
            )
            pump.wedata.faults.when(applies, altered(lie))
        try:
            verdict = looked(pump, **terms)
        except ContradictoryAnswer:
            return
        named = terms.get("instance_keys")
        asked = [row for row in pump.wedata.world.keys if named is None or row in named]
        unfinished = [key for key in asked if pump.wedata.world.get(key).state == "RUNNING"]
        assert verdict is None or verdict.outcome is not Outcome.MET or not unfinished

    @given(states, st.sampled_from([0, 120]), st.sampled_from(WAITS), st.sampled_from(LIES))
    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    def test_no_failure_is_reported_without_one(
        self, pump_for: Any, some: list[str], others: int, terms: Any, lie: Any
    ) -> None:
        pump = pump_for(Quirks())
        load(pump, *some, *["COMPLETED"] * others)
        pump.wedata.faults.when(lambda _: True, altered(lie))
        verdict = looked(pump, **terms)
        assert verdict is None or verdict.outcome not in {Outcome.FAILED, Outcome.SKIPPED}
