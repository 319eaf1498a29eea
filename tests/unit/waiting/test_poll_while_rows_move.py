"""A poll takes several requests, and instances change meanwhile: its verdict must be true all the same.

Between any two requests instances run again, finish, fail, appear, disappear and change their order. An oracle
records after each of these events what is true. A gate may open only if at one moment of the poll all instances
were done; a failure may be reported only if there was one; and once nothing changes and all is done, it opens.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator import Instance, Quirks
from airflow_provider_wedata.emulator.clock import epoch, text
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.emulator.query import Filter, Window
from airflow_provider_wedata.listing.page_request import IDS_TOGETHER
from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.parameters import parse_watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_wedata.waiting.watch import Watch

MIDNIGHT = epoch("2026-03-01 00:00:00")
TWO_DAYS = 172_800
TODAY = {"schedule_date": "2026-03-01"}
YESTERDAY_NOON = "2026-02-28 12:00:00"
EVERY_ROW_OF_TODAY = Filter(project_id=PROJECT_ID, schedule=Window(MIDNIGHT, epoch("2026-03-01 23:59:59")))
#: Keyword 71 finds these too, and they fill a page.
CHANCE_FINDS = 99

Event = tuple[int, str, int]  # before which request of the poll, what, to which member of the cast


def watch_for(**terms: Any) -> Watch:
    return parse_watch(TODAY | terms, project_id=PROJECT_ID, time_zone=Zone("UTC+8"))


def an_instance(task: str, second: int, state: str = "COMPLETED", **values: Any) -> Instance:
    """Return one that is scheduled some seconds after five past midnight, and ended a minute later."""
    planned = MIDNIGHT + 300 + second
    ended = state in {"COMPLETED", "EXPIRED", "SKIP_RUNNING"}
    fields: dict[str, Any] = {
        "task_id": task,
        "cur_run_date": text(planned),
        "task_name": "load_orders",
        "schedule_time": planned,
        "state": state,
        "end_time": planned + 60 if ended else None,
        "last_update_time": planned + 60,
        "total_run_num": 1,
    }
    return Instance(**(fields | values))


@dataclass
class Stage:
    """A world with a cast to which things happen during a poll, and an oracle that records it all.

    :param tasks: the requested ids; empty if every instance of the day is requested.
    :param cast, crowd: the keys of those to which things happen, and of chance finds that come and go.
    """

    pump: Any
    watch: Watch
    tasks: tuple[str, ...] = ()
    cast: list[str] = field(default_factory=list)
    crowd: list[str] = field(default_factory=list)
    plan: dict[int, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    #: For each moment of the poll: were all done, and which states were there?
    done: list[bool] = field(default_factory=list)
    states: set[str | None] = field(default_factory=set)
    #: Before which requests of the poll a listed row appeared, and before which one disappeared.
    came: set[int] = field(default_factory=set)
    went: set[int] = field(default_factory=set)
    _first: int = 1
    _extras: int = 0

    def __post_init__(self) -> None:
        self.pump.wedata.between(self._before_request)

    @property
    def world(self) -> Any:
        return self.pump.wedata.world

    def happening(self, events: Iterable[Event]) -> Stage:
        for gap, what, who in events:
            self.plan[gap].append((what, who))
        return self

    def poll(self) -> Verdict:
        self._first = len(self.pump.wedata.requests) + 1
        self.done, self.states, self.came, self.went = [], set(), set(), set()
        verdict: Verdict = self.pump.poll(self.watch)
        self.plan.clear()
        return verdict

    # The oracle

    def was_true(self, verdict: Verdict) -> bool:
        """Return True if the verdict was true at one moment of the poll."""
        condition = self.watch.condition
        return {
            Outcome.WAITING: True,
            Outcome.MET: any(self.done),
            Outcome.FAILED: bool(self.states & condition.failed),
            Outcome.SKIPPED: bool(self.states & condition.skipped),
            Outcome.STUCK: "SKIP_RUNNING" in self.states,
        }[verdict.outcome]

    def was_beyond_counting(self) -> bool:
        """Return True for the one exception: rows appeared and disappeared during both halves of the poll.

        If several states count as done, rows that appeared and disappeared in either half suffice.
        """
        second = self._second_half()
        halves = [
            [any((gap >= second) == half for gap in gaps) for gaps in (self.came, self.went)]
            for half in (False, True)
        ]
        if len(self.watch.condition.allowed) > 1 and not self.tasks:
            return any(half[0] for half in halves) and any(half[1] for half in halves)
        return all(came and went for came, went in halves)

    def _second_half(self) -> int:
        """Return the number of the request with which the second half of the poll began."""
        asked = [request.params for request in self.pump.wedata.requests[self._first - 1 :]]
        totals = [n for n, params in enumerate(asked, 1) if params.get("SortColumn") == "END_TIME"]
        if totals:
            return totals[0] + 1
        beginning = next((params for params in asked if params.get("SortColumn")), asked[0])
        again = [n for n, params in enumerate(asked, 1) if params == beginning]
        return again[1] if len(again) > 1 else len(asked) + 1

    def _note(self) -> None:
        condition = self.watch.condition
        rows = [row for row in self._listed() if not self.tasks or row.task_id in self.tasks]
        self.states |= {row.state for row in rows}
        after = condition.completed_after
        self.done.append(
            bool(rows)
            and all(row.state in condition.allowed for row in rows)
            and {*self.tasks} <= {row.task_id for row in rows}
            and (condition.at_least is None or len(rows) >= condition.at_least)
            and (condition.exactly is None or len(rows) == condition.exactly)
            and (after is None or all((row.end_time or 0) >= after.timestamp() for row in rows))
        )

    def _listed(self) -> list[Instance]:
        return list(self.world.select(EVERY_ROW_OF_TODAY))

    # The events

    def _before_request(self, number: int) -> None:
        gap = number - self._first + 1
        for what, who in self.plan[gap]:
            self.pump.wedata.clock.advance(1)  # WeData shows no less than a second
            before = {row.key for row in self._listed()}
            getattr(self, f"_{what}")(who)
            after = {row.key for row in self._listed()}
            if gap > 1:
                self.came |= {gap} if after - before else set()
                self.went |= {gap} if before - after else set()
                self._note()
        self._note()

    def _key(self, who: int) -> str:
        return self.cast[who % len(self.cast)]

    def _set(self, who: int, state: str) -> None:
        if self._key(who) in self.world:
            self.world.set_state(self._key(who), state)

    def _start(self, who: int) -> None:
        self._set(who, "RUNNING")

    def _finish(self, who: int) -> None:
        self._set(who, "COMPLETED")

    def _fail(self, who: int) -> None:
        self._set(who, "EXPIRED")

    def _skip(self, who: int) -> None:
        self._set(who, "SKIP_RUNNING")

    def _rerun(self, who: int) -> None:
        if self._key(who) in self.world:
            self.world.rerun(self._key(who))

    def _delete(self, who: int) -> None:
        if self._key(who) in self.world:
            self.world.delete(self._key(who))

    def _leave(self, who: int) -> None:
        if self._key(who) in self.world:
            self.world.move(self._key(who), MIDNIGHT + TWO_DAYS)

    def _return(self, who: int) -> None:
        if self._key(who) in self.world:
            self.world.move(self._key(who), MIDNIGHT + 7 * who)

    def _insert_done(self, who: int) -> None:
        self._insert(who, "COMPLETED")

    def _insert_waiting(self, who: int) -> None:
        self._insert(who, "WAIT_RUN")

    def _insert_chance_find(self, who: int) -> None:
        if self.tasks:
            self.crowd.append(self._add(who, "COMPLETED", "1711"))

    def _delete_chance_find(self, _who: int) -> None:
        if self.crowd:
            self.world.delete(self.crowd.pop())

    def _insert(self, who: int, state: str) -> None:
        task = self.tasks[who % len(self.tasks)] if self.tasks else "900"
        self.cast.append(self._add(who, state, task))

    def _add(self, who: int, state: str, task: str) -> str:
        """Add one at the front of the day or at its end."""
        self._extras += 1
        second = self._extras if who % 2 else 80_000 + self._extras
        key: str = self.world.add(task_id=task, schedule_time=MIDNIGHT + second, state=state).key
        return key

    def _exchange(self, who: int) -> None:
        self._insert(who, "COMPLETED")
        self._delete(who)

    # The events that leave at every moment one instance that is not done

    def _pass_on(self, who: int) -> None:
        """Run one again; and only then let the others finish."""
        if self._key(who) in self.world:
            self._rerun(who)
            self._finish_all(who, but=self._key(who))

    def _add_unfinished(self, who: int) -> None:
        """Add one that waits; and only then let the others finish."""
        self._insert(who, "WAIT_RUN")
        self._finish_all(who, but=self.cast[-1])

    def _exchange_unfinished(self, who: int) -> None:
        """Add one that waits; and only then take the others away that were not done."""
        self._insert(who, "WAIT_RUN")
        for at, key in enumerate(self.cast[:-1]):
            if key in self.world and self.world.get(key).state != "COMPLETED":
                self._delete(at)

    def _delete_done(self, who: int) -> None:
        if self._key(who) in self.world and self.world.get(self._key(who)).state == "COMPLETED":
            self._delete(who)

    def _hop(self, who: int) -> None:
        """Run one again that is skipped this time, or the other way round."""
        if self._key(who) in self.world:
            hops = {"COMPLETED": "SKIP_RUNNING", "SKIP_RUNNING": "COMPLETED"}
            state = self.world.get(self._key(who)).state
            self.world.set_state(self._key(who), hops.get(state, state))

    def _finish_all(self, _who: int, but: str = "") -> None:
        for at, key in enumerate(self.cast):
            if (
                key in self.world
                and key != but
                and self.world.get(key).state not in self.watch.condition.allowed
            ):
                self._finish(at)


# The plays: what is waited for, and how a poll has to fetch it


def counted(pump: Any, states: list[str], **terms: Any) -> Stage:
    """Set up more instances than a page holds, that are counted."""
    stage = Stage(pump, watch_for(**({"min_instances": 1} | terms)))
    crowd = [an_instance(f"{1000 + n}", 10 * n) for n in range(101 - len(states))]
    return _set_up(
        stage, crowd, [an_instance(f"{2000 + n}", 250 * n, state) for n, state in enumerate(states)]
    )


def counted_in_two_states(pump: Any, states: list[str]) -> Stage:
    """Set up the same if one skipped counts as done."""
    stage = counted(pump, states, allowed_states=["COMPLETED", "SKIP_RUNNING"])
    for key in stage.world.keys[:3]:
        stage.world.skip(key)
    return stage


def read_through(pump: Any, states: list[str]) -> Stage:
    """Set up more than a page for which no filter shows if they are done, so that all are fetched."""
    return counted(pump, states, completed_after=YESTERDAY_NOON)


def named(pump: Any, states: list[str]) -> Stage:
    """Set up a few that are named, among so many chance finds that they stand on two pages."""
    stage = Stage(pump, watch_for(task_ids=["71", "72"]), tasks=("71", "72"))
    crowd = [an_instance("1711", 10 * n) for n in range(CHANCE_FINDS)]
    front = [an_instance(task, second) for task in stage.tasks for second in (1, 5000)]
    return _set_up(stage, crowd, front, [an_instance("71", 3000 * n + 2, s) for n, s in enumerate(states)])


def named_by_the_dozen(pump: Any, states: list[str]) -> Stage:
    """Set up more named tasks than fit into one request."""
    tasks = tuple(str(700 + n) for n in range(IDS_TOGETHER + len(states)))
    stage = Stage(pump, watch_for(task_ids=tasks), tasks=tasks)
    others = [an_instance(task, 10) for task in tasks[len(states) // 2 : -(len(states) - len(states) // 2)]]
    ends = [*tasks[: len(states) // 2], *tasks[-(len(states) - len(states) // 2) :]]
    return _set_up(stage, others, [an_instance(task, 10, s) for task, s in zip(ends, states, strict=True)])


def _set_up(stage: Stage, crowd: list[Instance], *players: list[Instance]) -> Stage:
    cast = [row for some in players for row in some]
    stage.world.load([*crowd, *cast])
    stage.cast = [row.key for row in cast]
    return stage


PLAYS = [counted, counted_in_two_states, read_through, named, named_by_the_dozen]

gaps = st.integers(1, 8)
anybody = st.integers(0, 7)
common = st.sampled_from(
    [
        "start",
        "finish",
        "finish",
        "fail",
        "skip",
        "rerun",
        "delete",
        "leave",
        "return",
        "insert_done",
        "insert_waiting",
        "insert_chance_find",
        "delete_chance_find",
        "exchange",
        "pass_on",
        "finish_all",
    ]
)
never_all_done = st.sampled_from(
    [
        "pass_on",
        "pass_on",
        "add_unfinished",
        "exchange_unfinished",
        "insert_done",
        "insert_chance_find",
        "delete_chance_find",
        "delete_done",
        "hop",
    ]
)
some_states = st.lists(
    st.sampled_from(["COMPLETED"] * 5 + ["RUNNING", "WAIT_RUN", "SKIP_RUNNING"]), min_size=4, max_size=4
)
quiet = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
class TestWhileEverythingMoves:
    @given(some_states, st.lists(st.tuples(gaps, common, anybody), max_size=10))
    @settings(quiet, max_examples=120)
    def test_what_a_look_says_was_so_at_one_moment_of_it(
        self, play: Any, pump_for: Any, states: list[str], events: list[Event]
    ) -> None:
        stage = play(pump_for(), states).happening(events)
        verdict = stage.poll()
        assert stage.was_true(verdict) or stage.was_beyond_counting(), verdict.message

    @given(
        st.permutations(["RUNNING"] + ["COMPLETED"] * 3),
        st.lists(st.tuples(gaps, never_all_done, anybody)),
        st.sampled_from([Quirks(), Quirks(tie_shuffle=True), Quirks(keyword_and=True)]),
    )
    @settings(quiet, max_examples=200)
    def test_no_gate_opens_while_there_is_always_one_that_is_not_done(
        self, play: Any, pump_for: Any, states: list[str], events: list[Event], quirks: Quirks
    ) -> None:
        stage = play(pump_for(quirks), states).happening(events)
        verdict = stage.poll()
        assert not any(stage.done)
        assert verdict.outcome is not Outcome.MET or stage.was_beyond_counting(), verdict.message

    @given(
        some_states,
        st.lists(st.tuples(gaps, common.filter(lambda what: what != "fail"), anybody), max_size=5),
        st.sampled_from(
            [
                Quirks(),
                Quirks(items_null=True, total_page_number_zero=True),
                Quirks(keyword_and=True),
                Quirks(nulls_last=True, null_fields=("OwnerUinList", "CycleType", "TaskName")),
            ]
        ),
    )
    @settings(quiet, max_examples=30)
    def test_once_the_world_is_quiet_and_done_the_next_look_opens_the_gate(
        self, play: Any, pump_for: Any, states: list[str], events: list[Event], quirks: Quirks
    ) -> None:
        stage = play(pump_for(quirks), states).happening(events)
        stage.poll()
        for key in stage.world.keys:
            if stage.world.get(key).state != "COMPLETED":
                stage.world.finish(key)
        for task in stage.tasks:
            stage.world.add(task_id=task, schedule_time=MIDNIGHT + 86_000, state="COMPLETED")
        # Without a CycleType more may come for as long as the window is not over.
        stage.pump.wedata.clock.advance(60 if "CycleType" not in quirks.null_fields else 43_211)
        verdict = stage.poll()
        assert (verdict.outcome, any(stage.done)) == (Outcome.MET, True), verdict.message
