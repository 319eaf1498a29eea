"""Contradictory answers in every mode: the same outcome, message and time, and no gate that opens too early."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.emulator import faults
from tests.airflow.conftest import DAY, MODES
from tests.airflow.stepped import Stepped, stepped

CHANGES: dict[str, Any] = {
    "no rows": {"Items": None},
    "a row missing": {"TotalCount": 3},
    "a row too many": {"TotalCount": 1},
    "a count that is text": {"TotalCount": "2"},
    "a count that is none": {"TotalCount": "two"},
    "no data": None,
    "nothing": {},
}
states = st.sampled_from(["COMPLETED", "RUNNING", "EXPIRED", "TERMINATING"])
fields = st.sampled_from(
    [{}, {"CycleType": None}, {"EndTime": "-"}, {"EndTime": "0001-01-01 00:00:00"}, {"SchedulerTime": "-"}]
)


def load(world: Stepped, some: list[str], extra: dict[str, Any], *, twice: bool) -> None:
    """Fill the world with instances of task 71, in the states, the last one perhaps twice with one key."""
    for number, state in enumerate([*some, *(["COMPLETED"] if twice else [])]):
        key = min(number, len(some) - 1) if twice else number
        world.wedata.world.add(
            task_id="71",
            schedule_time=f"{DAY} 00:{number:02}:00",
            state=state,
            extra={**extra, "InstanceKey": f"71_{DAY} 00:{key:02}:00"},
        )


@settings(max_examples=25, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(
    some=st.lists(states, min_size=1, max_size=3),
    extra=fields,
    twice=st.booleans(),
    change=st.sampled_from([None, *CHANGES]),
    wait=st.sampled_from([{"min_instances": 1}, {"task_ids": ["71"]}, {"expected_instances": 2}]),
)
@example(some=["RUNNING"], extra={}, twice=True, change=None, wait={"task_ids": ["71"]})
def test_every_mode_makes_the_same_of_them(
    some: list[str], extra: dict[str, Any], twice: bool, change: str | None, wait: dict[str, Any]
) -> None:
    seen = {}
    for mode in MODES:
        with stepped() as world:
            load(world, some, extra, twice=twice)
            if change is not None:
                answer = {"Response": {"Data": CHANGES[change]}}
                if CHANGES[change]:
                    world.wedata.faults.when(lambda _: True, faults.data(**CHANGES[change]))
                else:
                    world.wedata.faults.when(lambda _: True, faults.body(json.dumps(answer).encode()))
            seen[mode] = world.run(mode, **wait, timeout=30, poke_interval=10)
    assert seen["poke"] == seen["reschedule"] == seen["deferrable"]
    if set(some) != {"COMPLETED"}:
        assert seen["poke"][0] != "done"
