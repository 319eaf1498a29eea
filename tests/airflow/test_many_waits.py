"""Many waits that want more than the budget: none is forgotten, and none times out without having asked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator.scenarios import PROJECT_ID
from airflow_provider_wedata.triggers.wedata import WeDataTaskInstanceTrigger
from airflow_provider_wedata.waiting.parameters import parse_watch
from airflow_provider_wedata.waiting.rows import encode_watch
from airflow_provider_wedata.waiting.schedule import PollSchedule
from tests.airflow.conftest import DAY, TASK_ID
from tests.airflow.stepped import Stepped, stepped

if TYPE_CHECKING:
    from collections.abc import Mapping

TRIP = 0.15


def task_id(number: int) -> str:
    return str(int(TASK_ID) + number)


def add_gates(world: Stepped, gates: list[dict[str, Any]]) -> list[WeDataTaskInstanceTrigger]:
    """Return a trigger for each gate, whose instance is `done` so many seconds from now, or never."""
    now = world.clock.now()
    triggers = []
    for number, gate in enumerate(gates):
        key = world.wedata.world.add(
            task_id=task_id(number), schedule_time=f"{DAY} 00:30:00", state="RUNNING"
        ).key
        world.wedata.world.script(key, [] if gate["done"] is None else [(gate["done"], "COMPLETED")])
        watch = parse_watch(
            {"task_ids": [task_id(number)], "schedule_date": DAY},
            project_id=PROJECT_ID,
            time_zone=Zone("UTC+8"),
        )
        patience = PollSchedule(started=now, timeout=gate["timeout"], poke_interval=gate["poke_interval"])
        triggers.append(
            WeDataTaskInstanceTrigger(
                watch=encode_watch(watch),
                patience=patience.to_json(),
                wedata_conn_id="wedata_default",
                next_look=now + gate["poke_interval"] * number / len(gates),
            )
        )
    return triggers


def run(gates: list[dict[str, Any]], *, limit: float) -> tuple[list[str], Mapping[str, list[float]]]:
    """Return as what each gate ended, and by task id when it was asked about, in seconds from the start."""
    with stepped(trip=TRIP, requests_per_second=limit) as world:
        began = world.clock.now()
        events = world.events(add_gates(world, gates))
        asked = defaultdict(list)
        for received in world.wedata.requests:
            asked[received.params["Keyword"]].append(received.received_at - began)
    return [event["verdict"]["status"] for event in events], asked


def test_each_of_many_that_wedata_has_done_early_ends_as_met_however_long_the_queue() -> None:
    # A sixteenth of 5,000 that want 167 requests a second of 20.
    gates = [
        {"poke_interval": 30, "timeout": 270, "done": 60 * (number * 7 % 312) / 312} for number in range(312)
    ]
    ended, asked = run(gates, limit=20 / 16)
    assert ["met"] * 312 == ended
    assert 312 == len(asked)
    assert max(moments[-1] for moments in asked.values()) <= 330
    assert max(map(len, asked.values())) <= 2
    assert 0.95 * 270 * 20 / 16 <= sum(at < 270 for moments in asked.values() for at in moments)


def test_what_is_not_done_times_out_on_an_answer_asked_for_at_its_deadline_or_later() -> None:
    gates = [
        {"poke_interval": 30, "timeout": 60 + number % 40, "done": None if number % 3 else 60.0}
        for number in range(300)
    ]
    ended, asked = run(gates, limit=0.5)
    assert ["timeout" if gate["done"] is None else "met" for gate in gates] == ended
    for number, gate in enumerate(gates):
        if gate["done"] is None:
            *before, last = asked[task_id(number)]
            assert last >= gate["timeout"]
            assert max(before, default=0) < gate["timeout"]  # and one such answer is enough


quarters = st.integers(0, 80).map(lambda n: n / 4)
gates_ = st.lists(
    st.fixed_dictionaries(
        {
            "poke_interval": st.sampled_from([2.0, 10.0]),
            "timeout": quarters,
            "done": st.none() | quarters,
        }
    ),
    min_size=10,
    max_size=25,
)


@settings(max_examples=8, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(gates=gates_)
def test_each_end_rests_on_an_answer_of_its_own(gates: list[dict[str, Any]]) -> None:
    ended, asked = run(gates, limit=1)
    for number, (gate, kind) in enumerate(zip(gates, ended, strict=True)):
        last = asked[task_id(number)][-1]
        assert kind == ("met" if gate["done"] is not None and gate["done"] <= last else "timeout")
        assert kind == "met" or last >= gate["timeout"]
