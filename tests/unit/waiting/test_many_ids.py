"""A wait for very many named instances: what it does grows as their number does, what it says does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator import Instance
from airflow_provider_wedata.emulator.clock import epoch
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.waiting.condition import Census, Condition, Outcome
from airflow_provider_wedata.waiting.events import Ending, encode_ending
from airflow_provider_wedata.waiting.parameters import parse_watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.waiting.watch import Watch

DAY = "2026-03-01"
FIRST = 20250714200130106


class Counted(str):
    """A text that counts how often it is compared with another."""

    __slots__ = ()
    comparisons: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str(self) == other

    __hash__ = str.__hash__


def ids(number: int) -> list[str]:
    return [str(FIRST + at) for at in range(number)]


def keys(number: int) -> list[str]:
    return [f"{task_id}_{DAY} 00:00:00" for task_id in ids(number)]


def watch_for(number: int, **terms: Any) -> Watch:
    named = {"task_ids": ids(number), "instance_keys": keys(number), "schedule_date": DAY}
    return parse_watch(named | terms, project_id=PROJECT_ID, time_zone=Zone("UTC+8"))


def with_instances(pump: Any, number: int, state: str = "COMPLETED") -> Any:
    planned = epoch(f"{DAY} 00:00:00")
    pump.wedata.world.load(
        Instance(
            task_id=task_id,
            cur_run_date=f"{DAY} 00:00:00",
            schedule_time=planned + at,
            state=state,
            last_update_time=planned,
        )
        for at, task_id in enumerate(ids(number))
    )
    return pump


def comparisons_of_a_look(pump: Any, number: int) -> int:
    watch = watch_for(number)
    query = watch.query
    counted = replace(
        query,
        task_ids=tuple(map(Counted, query.task_ids)),
        instance_keys=tuple(map(Counted, query.instance_keys)),
    )
    Counted.comparisons = 0
    assert Outcome.MET == with_instances(pump, number).poll(replace(watch, query=counted)).outcome
    return Counted.comparisons


def test_of_four_times_as_many_ids_a_look_compares_four_times_as_many(pump_for: Callable[..., Any]) -> None:
    few, many = (comparisons_of_a_look(pump_for(), number) for number in (100, 400))
    assert 4 * few == many


@pytest.mark.parametrize(("number", "more"), [(5, ""), (6, " and 1 more"), (10_000, " and 9995 more")])
def test_what_is_waited_for_names_five_ids(number: int, more: str) -> None:
    five = ids(5)
    assert watch_for(number).describe().endswith(f", task_ids {five}{more}, instance_keys {keys(5)}{more}")


@pytest.mark.parametrize("state", ["COMPLETED", "EXPIRED", "SKIP_RUNNING"])
def test_no_event_is_longer_than_a_page_of_text(state: str, pump_for: Callable[..., Any]) -> None:
    watch = watch_for(300)
    verdict = with_instances(pump_for(), 300, state).poll(watch)
    assert verdict.outcome is not Outcome.WAITING
    assert len(json.dumps(encode_ending(Ending(verdict, watch.summary())))) < 2000


def test_a_message_counts_a_dozen_states_and_says_how_many_more_there_are() -> None:
    states = {f"STATE_{at:04}": 1 for at in range(3000)}
    message = Condition().judge(Census(states, 3000), window_over=True).message
    known = ", ".join(f"1 STATE_{at:04}" for at in range(11))
    unknown = ", ".join(f"STATE_{at:04}" for at in range(5))
    assert f"0 of 3000 COMPLETED, {known} and 2989 more (" in message
    assert message.endswith(f"(unknown to this provider, so not finished: {unknown} and 2995 more)")


def test_a_message_names_five_cycles_that_may_add_more() -> None:
    cycles = frozenset(f"CYCLE_{at}" for at in range(9))
    verdict = Condition().judge(Census({"COMPLETED": 9}, 9, cycles=cycles), window_over=False)
    assert "CYCLE_0, CYCLE_1, CYCLE_2, CYCLE_3, CYCLE_4 and 4 more may add more" in verdict.message
