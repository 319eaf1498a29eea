"""Poke, reschedule and trigger see the same instances and reach the same outcome, whatever happens to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.emulator import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_wedata.emulator import Received, World

MODES = ("poke", "reschedule", "deferrable")
TASKS = ("20250714200130201", "20250714200130202", "20250714200130203")
STATES = ("WAIT_UPSTREAM", "WAIT_RUN", "RUNNING", "FAILED_RETRY", "PAUSED_BY_TOMORROW", "COMPLETED")
ENDS = ("COMPLETED", "SKIP_RUNNING", "EXPIRED")
END = 12

lives = st.fixed_dictionaries(
    {
        "born": st.integers(0, 4),
        "states": st.lists(st.tuples(st.integers(1, END - 1), st.sampled_from(STATES)), max_size=5),
        "end": st.sampled_from((*ENDS[:1] * 4, *ENDS)),
    }
)
worlds = st.dictionaries(st.sampled_from(TASKS), lives, min_size=1)
conditions = st.sampled_from(
    [
        {"task_ids": TASKS[:1]},
        {"task_ids": ",".join(TASKS)},
        {"task_ids": TASKS, "skipped_states": ["SKIP_RUNNING"]},
        {"task_ids": TASKS[:2], "failed_states": []},
        {"expected_instances": 2},
        {"min_instances": 1, "allowed_states": ["COMPLETED", "SKIP_RUNNING"]},
        {"min_instances": 2, "completed_after": "2026-03-01 12:00:03"},
    ]
)


def populate(world: World, script: Mapping[str, Any]) -> None:
    for task, life in script.items():
        steps = [*sorted(life["states"]), (END, life["end"])]

        def enter(world: World, task: str = task, steps: Any = steps) -> None:
            key = world.add(task_id=task, schedule_time="2026-03-01 00:30:00", state="WAIT_RUN").key
            world.script(key, steps)

        world.later(life["born"], enter)


def is_late(received: Received) -> bool:
    """Return when a wait for what never comes must end."""
    return received.number > 4 * END


# An example takes a quarter of a second, so a failure is shown as it was found.
@settings(max_examples=30, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(script=worlds, condition=conditions)
def test_every_mode_comes_to_the_same_end(script: Any, condition: Any, waiting_room: Any) -> None:
    seen = {}
    for mode in MODES:
        with waiting_room() as wait:
            populate(wait.wedata.world, script)
            wait.wedata.faults.when(is_late, faults.error("InvalidParameterValue"))
            found = wait.run(mode, poke_interval=0, **condition)
            # A refused poll is repeated if the wait keeps a connection, so those polls are not compared.
            seen[mode] = (found.ended, found.result, min(len(wait.wedata.requests), 4 * END))
    assert seen["poke"] == seen["reschedule"] == seen["deferrable"]


@pytest.mark.parametrize("fate", ["COMPLETED", "EXPIRED", "SKIP_RUNNING"])
def test_they_agree_where_instances_must_be_counted(fate: str, waiting_room: Any) -> None:
    seen = {}
    for mode in MODES:
        with waiting_room() as wait:
            world = wait.wedata.world
            keys = [world.add(state="COMPLETED").key for _ in range(149)] + [world.add(state="RUNNING").key]
            world.script(keys[-1], [(12, fate)])
            found = wait.run(mode, min_instances=150)
            seen[mode] = (found.ended, found.result, len(wait.wedata.requests))
    assert seen["poke"] == seen["reschedule"] == seen["deferrable"]
    expected = {
        "COMPLETED": "done",
        "EXPIRED": "WeDataInstanceFailed",
        "SKIP_RUNNING": "WeDataInstanceSkipped",
    }
    assert expected[fate] == seen["poke"][0]
