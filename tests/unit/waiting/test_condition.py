"""The rule, row by row of its table: failed > skipped > met > waiting, and never met on a doubt."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import (
    AuthRefused,
    ContradictoryAnswer,
    InvalidRequest,
    ListNotAtRest,
    NoAnswer,
    Refused,
    Throttled,
)
from airflow_provider_wedata.api.models import CYCLE_TYPES, KNOWN, TaskInstance
from airflow_provider_wedata.waiting.condition import NAMED, ONE_A_DAY, Census, Condition, Outcome, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEFAULT = Condition(counted=True)
#: Cycles that do not mean at most one instance per window; the last one does not exist.
GROWING = [*sorted(set(CYCLE_TYPES) - ONE_A_DAY), None, "", "H", "D", "hour_cycle", "day_cycle", "DAY_CYCLE "]

any_state = st.sampled_from([*sorted(KNOWN), "TERMINATING", None])


def a_row(number: int, state: str | None = "COMPLETED", **values: Any) -> TaskInstance:
    fields: dict[str, Any] = {
        "instance_key": f"{number}_2026-03-01 00:00:00",
        "task_id": str(number),
        "task_name": f"task_{number}",
        "state": state,
        "tries": 2,
        "try_limit": 5,
        "cycle_type": "DAY_CYCLE",
        "end_time": NOON,
        "last_update_time": NOON,
    }
    return TaskInstance(**(fields | values))


def rows_in(*states: str | None, **values: Any) -> list[TaskInstance]:
    return [a_row(number, state, **values) for number, state in enumerate(states)]


def judged(
    condition: Condition, rows: list[TaskInstance], *, over: bool = True, named: tuple[str, ...] = ()
) -> Verdict:
    return condition.judge(condition.census(rows, named=named), window_over=over)


class TestTheTable:
    @pytest.mark.parametrize(
        ("states", "outcome"),
        [
            (["COMPLETED"], Outcome.MET),
            (["COMPLETED", "COMPLETED"], Outcome.MET),
            (["COMPLETED", "EXPIRED"], Outcome.FAILED),
            (["RUNNING", "EXPIRED"], Outcome.FAILED),
            (["SKIP_RUNNING", "EXPIRED"], Outcome.FAILED),
            (["COMPLETED", "SKIP_RUNNING"], Outcome.STUCK),
            (["SKIP_RUNNING"], Outcome.STUCK),
            (["COMPLETED", "SKIP_RUNNING", "RUNNING"], Outcome.WAITING),
            (["COMPLETED", "RUNNING"], Outcome.WAITING),
            (["COMPLETED", "FAILED_RETRY"], Outcome.WAITING),
            (["COMPLETED", "WAIT_EVENT"], Outcome.WAITING),
            (["COMPLETED", "WAIT_UPSTREAM"], Outcome.WAITING),
            (["COMPLETED", "WAIT_RUN"], Outcome.WAITING),
            (["COMPLETED", "TERMINATING"], Outcome.WAITING),
            (["COMPLETED", "completed"], Outcome.WAITING),
            (["COMPLETED", ""], Outcome.WAITING),
            (["COMPLETED", None], Outcome.WAITING),
            ([], Outcome.WAITING),
        ],
    )
    def test_with_the_sets_that_are_given_by_default(
        self, states: list[str | None], outcome: Outcome
    ) -> None:
        assert outcome == judged(DEFAULT, rows_in(*states)).outcome

    @pytest.mark.parametrize(
        ("states", "outcome"),
        [
            (["COMPLETED", "SKIP_RUNNING"], Outcome.SKIPPED),
            (["RUNNING", "SKIP_RUNNING"], Outcome.SKIPPED),
            (["EXPIRED", "SKIP_RUNNING"], Outcome.FAILED),
            (["COMPLETED", "RUNNING"], Outcome.WAITING),
            (["COMPLETED"], Outcome.MET),
        ],
    )
    def test_with_a_skipped_state(self, states: list[str], outcome: Outcome) -> None:
        condition = replace(DEFAULT, skipped=frozenset({"SKIP_RUNNING"}))
        assert outcome == judged(condition, rows_in(*states)).outcome

    def test_skip_running_is_as_good_as_done_where_it_is_allowed(self) -> None:
        condition = replace(DEFAULT, allowed=frozenset({"COMPLETED", "SKIP_RUNNING"}))
        assert judged(condition, rows_in("COMPLETED", "SKIP_RUNNING")).outcome == Outcome.MET

    def test_skip_running_fails_where_it_is_a_failed_state(self) -> None:
        condition = replace(DEFAULT, failed=frozenset({"SKIP_RUNNING"}))
        assert judged(condition, rows_in("COMPLETED", "SKIP_RUNNING")).outcome == Outcome.FAILED

    def test_a_failed_instance_is_waited_for_where_no_state_is_failed(self) -> None:
        condition = replace(DEFAULT, failed=frozenset())
        assert judged(condition, rows_in("COMPLETED", "EXPIRED")).outcome == Outcome.WAITING

    def test_a_wait_for_the_start_is_met_by_what_runs(self) -> None:
        condition = replace(DEFAULT, allowed=frozenset({"COMPLETED", "RUNNING"}))
        assert judged(condition, rows_in("COMPLETED", "RUNNING")).outcome == Outcome.MET


class TestHowMany:
    @pytest.mark.parametrize(
        ("there", "outcome"), [(0, Outcome.WAITING), (1, Outcome.WAITING), (2, Outcome.MET), (3, Outcome.MET)]
    )
    def test_at_least(self, there: int, outcome: Outcome) -> None:
        condition = replace(DEFAULT, at_least=2)
        assert outcome == judged(condition, rows_in(*["COMPLETED"] * there)).outcome

    @pytest.mark.parametrize(
        ("there", "outcome"),
        [(0, Outcome.WAITING), (1, Outcome.WAITING), (2, Outcome.MET), (3, Outcome.WAITING)],
    )
    def test_exactly(self, there: int, outcome: Outcome) -> None:
        condition = replace(DEFAULT, exactly=2)
        assert outcome == judged(condition, rows_in(*["COMPLETED"] * there)).outcome

    def test_too_few_are_not_stuck_for_more_may_come(self) -> None:
        condition = replace(DEFAULT, at_least=3)
        assert judged(condition, rows_in("COMPLETED", "SKIP_RUNNING")).outcome == Outcome.WAITING

    def test_too_few_fail_all_the_same_where_one_of_them_failed(self) -> None:
        condition = replace(DEFAULT, at_least=3)
        assert judged(condition, rows_in("EXPIRED")).outcome == Outcome.FAILED

    def test_what_is_missing_is_named(self) -> None:
        at_least = judged(replace(DEFAULT, at_least=2), rows_in("COMPLETED"))
        exactly = judged(replace(DEFAULT, exactly=2), rows_in("COMPLETED"))
        assert at_least.message == "1 of 1 COMPLETED; expected at least 2, 1 missing"
        assert exactly.message == "1 of 1 COMPLETED; expected exactly 2, 1 missing"
        assert judged(DEFAULT, []).message == "0 of 0 COMPLETED; no instance yet"

    def test_each_named_task_needs_one(self) -> None:
        verdict = judged(DEFAULT, rows_in("COMPLETED"), named=("0", "7"))
        assert (
            verdict.outcome,
            verdict.message,
        ) == (Outcome.WAITING, "1 of 1 COMPLETED; not there yet: 7 (0 of 1)")

    def test_each_named_task_needs_as_many_as_asked_for(self) -> None:
        rows = [a_row(n, task_id=task) for n, task in enumerate(["7", "7", "8"])]
        verdict = judged(replace(DEFAULT, per_id=2), rows, named=("7", "8"))
        assert (
            verdict.outcome,
            verdict.message,
        ) == (Outcome.WAITING, "3 of 3 COMPLETED; not there yet: 8 (1 of 2)")

    def test_many_instances_of_one_task_do_not_stand_for_another(self) -> None:
        rows = [a_row(n, task_id="7") for n in range(10)]
        assert judged(DEFAULT, rows, named=("7", "8")).outcome == Outcome.WAITING

    def test_a_named_key_counts_as_itself(self) -> None:
        rows = rows_in("COMPLETED", "COMPLETED")
        keys = ("0_2026-03-01 00:00:00", "2_2026-03-01 00:00:00")
        verdict = judged(DEFAULT, rows, named=keys)
        assert (
            verdict.outcome,
            verdict.message,
        ) == (Outcome.WAITING, "2 of 2 COMPLETED; not there yet: 2_2026-03-01 00:00:00 (0 of 1)")

    def test_of_many_absent_ids_a_few_are_named(self) -> None:
        verdict = judged(DEFAULT, rows_in("COMPLETED"), named=tuple(str(n) for n in range(10)))
        assert verdict.message.endswith(
            "not there yet: 1 (0 of 1), 2 (0 of 1), 3 (0 of 1), 4 (0 of 1), 5 (0 of 1) and 4 more"
        )


class TestAWindowThatGrows:
    @pytest.mark.parametrize("cycle", [*CYCLE_TYPES, *GROWING])
    def test_all_cycles_are_waited_for_but_those_that_add_nothing(self, cycle: str | None) -> None:
        adds_nothing = ("ONEOFF_CYCLE", "YEAR_CYCLE", "MONTH_CYCLE", "WEEK_CYCLE", "DAY_CYCLE")
        expected = Outcome.MET if cycle in adds_nothing else Outcome.WAITING
        condition = Condition(counted=False)
        assert expected == judged(condition, rows_in("COMPLETED", cycle_type=cycle), over=False).outcome

    @pytest.mark.parametrize("cycle", GROWING)
    def test_not_once_the_window_is_over(self, cycle: str) -> None:
        rows = rows_in("COMPLETED", cycle_type=cycle)
        assert judged(Condition(counted=False), rows, over=True).outcome == Outcome.MET

    @pytest.mark.parametrize("cycle", GROWING)
    def test_not_if_the_user_said_how_many(self, cycle: str) -> None:
        rows = rows_in("COMPLETED", cycle_type=cycle)
        assert judged(Condition(counted=True), rows, over=False).outcome == Outcome.MET

    def test_one_such_instance_among_others_is_enough(self) -> None:
        rows = [a_row(0), a_row(1, cycle_type=None), a_row(2, cycle_type="HOUR_CYCLE")]
        verdict = judged(Condition(counted=False), rows, over=False)
        assert verdict.outcome == Outcome.WAITING
        assert "the window is not over and HOUR_CYCLE, an unknown cycle may add more" in verdict.message

    def test_a_row_is_counted_once_by_its_key(self) -> None:
        rows = [a_row(0), a_row(1), a_row(1)]
        assert (
            judged(replace(DEFAULT, exactly=3), rows).message
            == "2 of 2 COMPLETED; expected exactly 3, 1 missing"
        )
        assert judged(replace(DEFAULT, per_id=2), rows, named=("1",)).outcome == Outcome.WAITING

    @pytest.mark.parametrize(
        ("state", "outcome"), [("EXPIRED", Outcome.FAILED), ("SKIP_RUNNING", Outcome.STUCK)]
    )
    def test_what_ended_badly_is_reported_at_once(self, state: str, outcome: Outcome) -> None:
        rows = rows_in("COMPLETED", state, cycle_type="HOUR_CYCLE")
        assert outcome == judged(Condition(counted=False), rows, over=False).outcome


class TestAnOldLife:
    condition = replace(DEFAULT, completed_after=NOON)

    @pytest.mark.parametrize(
        ("end", "outcome"),
        [
            (NOON + MINUTE, Outcome.MET),
            (NOON, Outcome.MET),
            (NOON - timedelta(seconds=1), Outcome.WAITING),
            (None, Outcome.WAITING),
        ],
    )
    def test_what_was_done_earlier_or_nobody_knows_when_is_not_done(
        self, end: datetime | None, outcome: Outcome
    ) -> None:
        assert outcome == judged(self.condition, [a_row(0), a_row(1, end_time=end)]).outcome

    def test_it_is_distinguished(self) -> None:
        rows = [a_row(0), a_row(1, end_time=NOON - MINUTE), a_row(2, end_time=None)]
        assert (
            judged(self.condition, rows).message
            == "1 of 3 COMPLETED, 1 COMPLETED at an unknown time, 1 COMPLETED before 2026-03-01 12:00:00+00:00"
        )

    def test_a_failure_is_one_whenever_it_was(self) -> None:
        rows = rows_in("EXPIRED", end_time=NOON - MINUTE)
        assert judged(self.condition, rows).outcome == Outcome.FAILED


class TestWhatIsTold:
    def test_a_failed_instance_is_named_with_all_that_helps(self) -> None:
        verdict = judged(DEFAULT, rows_in("COMPLETED", "EXPIRED"))
        assert (
            verdict.message == "failed in WeData: task_1 (1_2026-03-01 00:00:00) EXPIRED, try 2 of 5, "
            "last update 2026-03-01 12:00:00+00:00"
        )

    def test_one_without_a_name_is_named_by_its_task(self) -> None:
        verdict = judged(DEFAULT, rows_in("EXPIRED", task_name=None))
        assert verdict.message.startswith("failed in WeData: 0 (0_2026-03-01 00:00:00) EXPIRED")

    @pytest.mark.parametrize(
        ("condition", "state"),
        [
            (DEFAULT, "EXPIRED"),
            (DEFAULT, "SKIP_RUNNING"),
            (replace(DEFAULT, skipped=frozenset({"FAILED_RETRY"})), "FAILED_RETRY"),
        ],
    )
    def test_of_many_five_are_named_and_the_others_counted(self, condition: Condition, state: str) -> None:
        verdict = judged(condition, rows_in(*[state] * 8))
        assert [n < NAMED for n in range(8)] == [f"task_{n} " in verdict.message for n in range(8)]
        assert verdict.message.endswith("; and 3 more")

    def test_stuck_names_the_state_that_never_ends(self) -> None:
        verdict = judged(DEFAULT, rows_in("COMPLETED", "SKIP_RUNNING"))
        assert verdict.message.startswith(
            "1 of 2 COMPLETED, 1 SKIP_RUNNING, which never completes: task_1 (1_2026-03-01 00:00:00) SKIP_RUNNING"
        )

    def test_an_unknown_state_is_named(self) -> None:
        verdict = judged(DEFAULT, rows_in("COMPLETED", "TERMINATING", "RUNNING", None))
        assert (
            verdict.message == "1 of 4 COMPLETED, 1 NO_STATE, 1 RUNNING, 1 TERMINATING "
            "(unknown to this provider, so not finished: NO_STATE, TERMINATING)"
        )

    def test_a_known_state_is_not_called_unknown(self) -> None:
        assert judged(DEFAULT, rows_in("COMPLETED", "RUNNING")).message == "1 of 2 COMPLETED, 1 RUNNING"

    def test_allowed_states_come_first_even_with_none_in_them(self) -> None:
        assert (
            judged(DEFAULT, rows_in("RUNNING", "WAIT_RUN")).message
            == "0 of 2 COMPLETED, 1 RUNNING, 1 WAIT_RUN"
        )

    def test_the_census_knows_the_last_end(self) -> None:
        rows = [a_row(0, end_time=NOON), a_row(1, end_time=None), a_row(2, end_time=NOON + MINUTE)]
        assert DEFAULT.census(rows).last_end == NOON + MINUTE
        assert DEFAULT.census(rows_in("RUNNING", end_time=None)).last_end is None


class TestWhenWeDataCanNotBeAsked:
    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (InvalidRequest("task_ids", "empty"), Outcome.REFUSED),
            (ContradictoryAnswer("outside the window"), Outcome.REFUSED),
            (AuthRefused("AuthFailure.SecretIdNotFound", "no such key"), Outcome.REFUSED),
            (Throttled("RequestLimitExceeded", "too many"), Outcome.WAITING),
            (Refused("FailedOperation", "opaque"), Outcome.WAITING),
            (Refused("Tomorrow.Code", "never heard of"), Outcome.WAITING),
            (NoAnswer("connection reset"), Outcome.WAITING),
            (ListNotAtRest("rows came and went"), Outcome.WAITING),
        ],
    )
    def test_only_what_another_request_can_not_fix_ends_the_wait(self, error: Any, outcome: Outcome) -> None:
        verdict = Verdict.of_error(error)
        assert (outcome, error) == (verdict.outcome, verdict.error)
        assert str(error) in verdict.message


# For any census and any condition

end_times = st.sampled_from([None, NOON - MINUTE, NOON, NOON + MINUTE])
a_task = st.sampled_from("ABC")


@st.composite
def worlds(draw: st.DrawFn) -> list[TaskInstance]:
    mostly_done = st.one_of(st.just("COMPLETED"), st.just("COMPLETED"), any_state)
    states = draw(st.lists(draw(st.sampled_from([mostly_done, any_state])), max_size=8))
    return [
        a_row(
            number,
            state,
            task_id=draw(a_task),
            end_time=draw(end_times),
            cycle_type=draw(st.sampled_from([*CYCLE_TYPES, *GROWING])),
        )
        for number, state in enumerate(states)
    ]


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    sets = draw(st.permutations(sorted(KNOWN)))
    first, second, third = sorted(draw(st.tuples(*[st.integers(0, 3)] * 3)))
    usual = draw(st.booleans())
    return Condition(
        allowed=frozenset({"COMPLETED"} if usual else {*sets[:first], "COMPLETED"} - {"EXPIRED"}),
        failed=frozenset({"EXPIRED"} if usual else set(sets[first:second]) - {"COMPLETED"}),
        skipped=frozenset() if usual else frozenset(sets[second:third]) - {"COMPLETED"},
        per_id=draw(st.none() | st.integers(1, 3)),
        at_least=draw(st.none() | st.integers(1, 4)),
        exactly=draw(st.none() | st.integers(1, 4)),
        completed_after=draw(st.none() | st.just(NOON)),
        counted=draw(st.booleans()),
    )


def satisfied(condition: Condition, rows: list[TaskInstance], named: tuple[str, ...], *, over: bool) -> bool:
    """State the first row of the table of outcomes again, independently of the code."""
    tasks = Counter(row.task_id for row in rows)
    return (
        bool(rows)
        and all(row.state in condition.allowed for row in rows)
        and all(tasks[name] >= (condition.per_id or 1) for name in named)
        and (condition.at_least is None or len(rows) >= condition.at_least)
        and (condition.exactly is None or len(rows) == condition.exactly)
        and (
            condition.completed_after is None
            or all(row.end_time is not None and row.end_time >= NOON for row in rows)
        )
        and (condition.counted or over or {row.cycle_type for row in rows} <= ONE_A_DAY)
    )


named_tasks = st.lists(a_task, max_size=2, unique=True).map(tuple)


class TestWhateverIsThere:
    @given(conditions(), worlds(), named_tasks, st.booleans())
    @settings(max_examples=500, deadline=None)
    def test_met_is_the_first_line_of_the_table_and_nothing_else(
        self, condition: Condition, rows: list[TaskInstance], named: tuple[str, ...], over: bool
    ) -> None:
        verdict = judged(condition, rows, over=over, named=named)
        assert satisfied(condition, rows, named, over=over) == (verdict.outcome is Outcome.MET)

    @given(conditions(), worlds(), named_tasks, st.booleans())
    @settings(max_examples=200, deadline=None)
    def test_a_census_that_is_unsure_is_never_met(
        self, condition: Condition, rows: list[TaskInstance], named: tuple[str, ...], over: bool
    ) -> None:
        census = condition.census(rows, named=named, unsure="rows came or went")
        verdict = condition.judge(census, window_over=over)
        assert verdict.outcome in {Outcome.FAILED, Outcome.SKIPPED, Outcome.WAITING}
        assert verdict.outcome is not Outcome.WAITING or "rows came or went" in verdict.message

    @given(conditions(), worlds(), named_tasks, st.booleans(), st.randoms())
    @settings(max_examples=200, deadline=None)
    def test_the_order_of_the_rows_means_nothing(
        self, condition: Condition, rows: list[TaskInstance], named: tuple[str, ...], over: bool, chance: Any
    ) -> None:
        shuffled = list(rows)
        chance.shuffle(shuffled)
        one, other = (judged(condition, order, over=over, named=named) for order in (rows, shuffled))
        assert one.outcome == other.outcome
        assert one.census is not None
        assert other.census is not None
        assert one.census.states == other.census.states

    @given(conditions(), worlds(), named_tasks, st.booleans(), st.text(max_size=3))
    @settings(max_examples=200, deadline=None)
    def test_failed_wins_over_skipped_and_both_over_everything(
        self, condition: Condition, rows: list[TaskInstance], named: tuple[str, ...], over: bool, unsure: str
    ) -> None:
        states = {row.state for row in rows}
        outcome = condition.judge(
            condition.census(rows, named=named, unsure=unsure), window_over=over
        ).outcome
        assert bool(states & condition.failed) == (outcome is Outcome.FAILED)
        assert bool(states & condition.skipped and not states & condition.failed) == (
            outcome is Outcome.SKIPPED
        )

    @given(conditions(), worlds(), named_tasks, st.booleans())
    @settings(max_examples=200, deadline=None)
    def test_stuck_means_that_all_ended_and_some_were_not_run(
        self, condition: Condition, rows: list[TaskInstance], named: tuple[str, ...], over: bool
    ) -> None:
        states = {row.state for row in rows}
        if judged(condition, rows, over=over, named=named).outcome is Outcome.STUCK:
            assert "SKIP_RUNNING" in states
            assert "SKIP_RUNNING" not in condition.allowed | condition.failed | condition.skipped
            assert states <= condition.allowed | {"SKIP_RUNNING"}

    @given(st.dictionaries(any_state.map(str), st.integers(0, 3)), st.integers(0, 5), st.booleans())
    @settings(max_examples=200, deadline=None)
    def test_counts_that_do_not_cover_the_total_are_never_met(
        self, states: dict[str, int], missing: int, over: bool
    ) -> None:
        done = states.get("COMPLETED", 0)
        verdict = DEFAULT.judge(Census(states, done + missing + 1), window_over=over)
        assert verdict.outcome is not Outcome.MET
