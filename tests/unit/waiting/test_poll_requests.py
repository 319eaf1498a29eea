"""The requests of a poll: a handful, for a thousand instances as for all that WeData keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.models import KNOWN
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator import Emulator, Instance, SteppedClock
from airflow_provider_wedata.emulator.clock import epoch, text
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.emulator.scenarios import LARGE_COUNT
from airflow_provider_wedata.listing.page_request import IDS_TOGETHER
from airflow_provider_wedata.waiting.condition import Outcome
from airflow_provider_wedata.waiting.parameters import parse_watch

if TYPE_CHECKING:
    from airflow_provider_wedata.waiting.watch import Watch

MIDNIGHT = epoch("2026-03-01 00:00:00")
NOON = "2026-03-01 12:00:00"


def watch_for(**terms: Any) -> Watch:
    window = {"schedule_time_from": "2025-11-01", "schedule_time_to": "2026-03-01"}
    return parse_watch(window | terms, project_id=PROJECT_ID, time_zone=Zone("UTC+8"))


def crowd(count: int, **last: Any) -> list[Instance]:
    """Return instances that are done; the last one has the given values."""
    planned = [MIDNIGHT + at % 86_400 for at in range(count)]
    others: list[dict[str, Any]] = [{}] * (count - 1) + [last]
    return [
        Instance(
            **{
                "task_id": str(20250714200130000 + at),
                "cur_run_date": text(second),
                "schedule_time": second,
                "state": "COMPLETED",
                "end_time": second + 60,
                "last_update_time": second + 60,
                **values,
            }
        )
        for at, (second, values) in enumerate(zip(planned, others, strict=True))
    ]


@pytest.fixture(scope="module")
def large() -> Emulator:
    """The world of the official sample, 176,022 instances; it takes a while to load."""
    return Emulator("large", clock=SteppedClock(NOON), limit=None)


def cost(pump: Any, watch: Watch) -> tuple[Outcome, int]:
    before = len(pump.wedata.requests)
    outcome = pump.poll(watch).outcome
    return outcome, len(pump.wedata.requests) - before


class TestOnePage:
    @pytest.mark.parametrize("count", [1, 99, 100])
    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            ("COMPLETED", Outcome.MET),
            ("RUNNING", Outcome.WAITING),
            ("EXPIRED", Outcome.FAILED),
            ("ODD", Outcome.WAITING),
        ],
    )
    def test_takes_one_request(self, pump: Any, count: int, state: str, outcome: Outcome) -> None:
        pump.wedata.world.load(crowd(count, state=state))
        assert cost(pump, watch_for(min_instances=1)) == (outcome, 1)

    def test_so_does_an_empty_one(self, pump: Any) -> None:
        assert cost(pump, watch_for(min_instances=1)) == (Outcome.WAITING, 1)

    def test_and_one_of_named_tasks(self, pump: Any) -> None:
        pump.wedata.world.load(crowd(IDS_TOGETHER))
        tasks = [row.task_id for row in crowd(IDS_TOGETHER)]
        assert cost(pump, watch_for(task_ids=tasks)) == (Outcome.MET, 1)

    def test_named_tasks_that_are_not_there_are_asked_for_alone(self, pump: Any) -> None:
        pump.wedata.world.load(crowd(3))
        tasks = [row.task_id for row in crowd(5)]
        assert cost(pump, watch_for(task_ids=tasks)) == (Outcome.WAITING, 1 + 2)

    def test_named_tasks_that_need_two_requests_are_fetched_twice_to_open_the_gate(self, pump: Any) -> None:
        pump.wedata.world.load(crowd(IDS_TOGETHER + 1))
        tasks = [row.task_id for row in crowd(IDS_TOGETHER + 1)]
        assert cost(pump, watch_for(task_ids=tasks)) == (Outcome.MET, 2 + 2)


@pytest.mark.parametrize("count", [101, 1_000])
class TestManyPages:
    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("COMPLETED", (Outcome.MET, 7)),
            ("RUNNING", (Outcome.WAITING, 4)),
            ("FAILED_RETRY", (Outcome.WAITING, 4)),
            ("ODD", (Outcome.WAITING, 4)),
            ("EXPIRED", (Outcome.FAILED, 2)),
            ("SKIP_RUNNING", (Outcome.STUCK, 8)),
        ],
    )
    def test_take_as_few_however_many(self, pump: Any, count: int, state: str, expected: Any) -> None:
        pump.wedata.world.load(crowd(count, state=state))
        assert cost(pump, watch_for(min_instances=1)) == expected

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("COMPLETED", (Outcome.MET, 7)),
            ("RUNNING", (Outcome.WAITING, 4)),
            ("SKIP_RUNNING", (Outcome.MET, 8)),
        ],
    )
    def test_another_allowed_state_costs_one_more_at_the_most(
        self, pump: Any, count: int, state: str, expected: Any
    ) -> None:
        pump.wedata.world.load(crowd(count, state=state))
        allowed = ["COMPLETED", "SKIP_RUNNING"]
        assert cost(pump, watch_for(min_instances=1, allowed_states=allowed)) == expected

    @pytest.mark.parametrize("more", [["EXPIRED"], ["EXPIRED", "FAILED_RETRY", "RUNNING"], sorted(KNOWN)])
    def test_of_many_allowed_states_only_those_are_counted_that_make_up_the_total(
        self, pump: Any, count: int, more: list[str]
    ) -> None:
        pump.wedata.world.load(crowd(count))
        allowed = sorted({"COMPLETED", "SKIP_RUNNING", *more})
        outcome, requests = cost(pump, watch_for(min_instances=1, allowed_states=allowed, failed_states=[]))
        assert (outcome, requests <= 8) == (Outcome.MET, True)

    def test_a_number_that_is_not_there_yet_is_waited_for_with_few_requests(
        self, pump: Any, count: int
    ) -> None:
        pump.wedata.world.load(crowd(count))
        assert cost(pump, watch_for(min_instances=count + 1)) == (Outcome.WAITING, 3)


class TestAllThatWeDataKeeps:
    def test_the_world_is_as_large_as_in_the_official_sample(self, large: Emulator) -> None:
        assert len(large.world) == LARGE_COUNT

    def test_a_failure_takes_two_requests(self, large: Emulator, pump_to: Any) -> None:
        pump = pump_to(large)
        assert cost(pump, watch_for(expected_instances=LARGE_COUNT)) == (Outcome.FAILED, 2)

    def test_a_look_that_waits_takes_four(self, large: Emulator, pump_to: Any) -> None:
        watch = watch_for(expected_instances=LARGE_COUNT, failed_states=[], skipped_states=["FAILED_RETRY"])
        assert cost(pump_to(large), watch) == (Outcome.WAITING, 4)

    def test_the_default_sets_take_four_to_wait_and_seven_to_open_the_gate(
        self, large: Emulator, pump_to: Any
    ) -> None:
        watch = watch_for(expected_instances=LARGE_COUNT)
        for key in large.world.keys:
            large.world.get(key).state = "COMPLETED"  # the world notices with the next change
        last = large.world.keys[-1]
        large.world.start(last)
        assert cost(pump_to(large), watch) == (Outcome.WAITING, 4)
        large.world.finish(last)
        assert cost(pump_to(large), watch) == (Outcome.MET, 7)
