"""`make demo`: a DAG waits for a WeData workflow, and you watch both sides.

Starts the emulator and a real Airflow on this machine, runs an example DAG with a deferrable gate, prints what
happens, and stops everything. Needs no account and leaves nothing behind.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_wedata.emulator import Emulator, scenarios
from demo.real_airflow import RealAirflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_wedata.emulator import Received, World

DAG_ID, GATE = "wedata_gate_workflow", "wait_for_workflow"
DAGS = Path(__file__).parent.parent / "example_dags"
_COLORS = {"WeData": "36", "Airflow": "35", "gate": "33", "demo": "1"}
_END_STATES = {"success", "failed", "skipped", "upstream_failed"}
_LONGEST = 180.0


class Story:
    """Prints one line per event, with the seconds since the start and its source."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._color = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def print(self, source: str, event: str) -> None:
        """Print a line."""
        name = f"{source:>8}"
        if self._color:
            name = f"\033[{_COLORS[source]}m{name}\033[0m"
        print(f"{time.monotonic() - self._began:6.1f} s {name}  {event}", flush=True)


def main() -> int:
    """Run the demo; 0 if the gate opened."""
    story = Story()
    with _wedata(story) as wedata, _airflow(story, wedata) as airflow:
        scenarios.daily(wedata.world)
        story.print(
            "WeData", f"a workflow of {len(scenarios.DAILY_TASKS)} tasks begins its day, one after the other"
        )
        run_id = airflow.trigger(DAG_ID)
        story.print("Airflow", f"DAG run of {DAG_ID}: its first task is a gate on that workflow")
        opened = _watch(story, wedata, airflow, run_id)
        _sum_up(story, wedata, airflow, run_id)
    story.print(
        "demo", "everything is stopped" + ("" if opened else "; the gate should have opened, and did not")
    )
    return 0 if opened else 1


@contextmanager
def _wedata(story: Story) -> Iterator[Emulator]:
    with Emulator("empty") as wedata:
        story.print("demo", f"the WeData emulator listens at {wedata.url}; it checks every signature")
        wedata.after(lambda request: _print_request(story, wedata.world, request))
        yield wedata


@contextmanager
def _airflow(story: Story, wedata: Emulator) -> Iterator[RealAirflow]:
    story.print(
        "demo", "starting a real Airflow: api-server, scheduler, dag-processor, triggerer (about 20 s)"
    )
    with (
        tempfile.TemporaryDirectory(prefix="wedata-demo-", ignore_cleanup_errors=True) as home,
        RealAirflow(Path(home), DAGS, {"AIRFLOW_CONN_WEDATA_DEFAULT": wedata.connection_json()}) as airflow,
    ):
        story.print("Airflow", f"ready at {airflow.url}")
        yield airflow
        story.print("demo", "stopping Airflow")


def _watch(story: Story, wedata: Emulator, airflow: RealAirflow, run_id: str) -> bool:
    """Print the states of the gate, of the task after it and of the run, until the run has ended."""
    states: dict[str, str | None] = {}
    deadline = time.monotonic() + _LONGEST
    while states.get("run") not in _END_STATES and time.monotonic() < deadline:
        now: dict[str, str | None] = {
            task: airflow.task(DAG_ID, run_id, task)["state"] for task in (GATE, "tell")
        }
        now["run"] = airflow.api("GET", f"/dags/{DAG_ID}/dagRuns/{run_id}")["state"]
        for what, state in now.items():
            if state and state != states.get(what):
                story.print("Airflow", f"{what} is {state}{_meaning(what, state)}")
        states = now
        wedata.check()
        time.sleep(0.3)
    return states.get("run") == "success"


def _meaning(what: str, state: str) -> str:
    if what == GATE and state == "deferred":
        return ": it waits in the triggerer and holds no worker"
    return ": the gate is open" if what == GATE and state == "success" else ""


def _print_request(story: Story, world: World, request: Received) -> None:
    states = [world.get(key).state or "" for key in world.keys]
    today = states[1::2]  # the scenario adds yesterday's and today's instance of each task in turn
    counts = ", ".join(f"{today.count(state)} {state}" for state in sorted(set(today)))
    story.print("gate", f"request {request.number}, {request.action}: {request.error or counts}")


def _sum_up(story: Story, wedata: Emulator, airflow: RealAirflow, run_id: str) -> None:
    path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances"
    seen = airflow.api("GET", f"{path}/{GATE}/xcomEntries/return_value?deserialize=true")["value"]
    result = airflow.api("GET", f"{path}/tell/xcomEntries/return_value")["value"]
    story.print("gate", f"returned {seen}")
    story.print("Airflow", f"the task after the gate returned: {result}")
    throttled = sum(request.error is not None for request in wedata.requests)
    story.print(
        "demo", f"the wait took {len(wedata.requests)} requests to WeData, {throttled} of them refused"
    )


if __name__ == "__main__":
    sys.exit(main())
