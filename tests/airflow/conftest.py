"""An Airflow of our own, and one harness that runs a sensor in each of its modes against the emulator, fast.

The harness plays Airflow's part: it executes again after a reschedule, and carries a trigger and its event
through JSON, as the metadata database does.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.emulator import Emulator, SteppedClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from airflow.models.dagrun import DagRun

    from airflow_provider_wedata.emulator import Instance

_HOME = Path(tempfile.mkdtemp(prefix="airflow_home_"))
_ENVIRONMENT = {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    # The default executor of Airflow 2 in unit test mode does not work with SQLite.
    **({"AIRFLOW__CORE__EXECUTOR": "SequentialExecutor"} if version("apache-airflow") < "3" else {}),
    "AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS": "False",  # as users have it; not so in unit test mode
}


def _import_airflow() -> None:
    """Make Airflow read its settings now, under an environment that other tests do not see."""
    before = os.environ.copy()
    (_HOME / "dags").mkdir()
    os.environ.update(_ENVIRONMENT)
    try:
        import_module("airflow.settings")
    finally:
        os.environ.clear()
        os.environ.update(before)


_import_airflow()

from airflow.providers.common.compat.sdk import TaskDeferred  # noqa: E402 - with the settings just read
from airflow.utils.db import initdb  # noqa: E402

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor  # noqa: E402
from tests.airflow import versions  # noqa: E402
from tests.airflow.versions import AirflowRescheduleException  # noqa: E402

MODES = ("poke", "reschedule", "deferrable")
DAY = "2026-03-01"
START = f"{DAY} 12:00:00"  # UTC+8
TASK_ID = "20250714200130207"
CONNECTION = "AIRFLOW_CONN_WEDATA_DEFAULT"
#: Seconds between two polls: long enough to differ from zero, short enough for a fast test.
INTERVAL = 0.01


def pytest_configure(config: pytest.Config) -> None:
    if not versions.NEWEST:
        config.addinivalue_line("filterwarnings", "ignore")
        config.addinivalue_line("filterwarnings", r"error:::airflow_provider_wedata\..*")


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _airflow_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    versions.patch_first_reschedule(monkeypatch)


@pytest.fixture
def log_text(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Give a function that returns what was logged: Airflow 3 writes it itself, Airflow 2 through logging."""
    return lambda: capfd.readouterr().out + caplog.text


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Make Airflow's metadata database."""
    initdb()


@pytest.fixture
def run_dag(airflow_db: None) -> Callable[..., DagRun]:
    """Give a function that runs a DAG, made in the test, to its end and returns the DAG run."""

    return versions.run_dag


@dataclass
class Ti(versions.Rescheduled):
    """The part of Airflow's task instance that a sensor uses."""

    xcoms: dict[str, Any] = field(default_factory=dict)
    first_reschedule: datetime | None = None

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@dataclass
class Outcome:
    """How a task ended: with a result or with an error."""

    result: Any = None
    error: BaseException | None = None
    ti: Ti = field(default_factory=Ti)

    @property
    def ended(self) -> str:
        return "done" if self.error is None else type(self.error).__name__


@dataclass
class Wait:
    """A sensor with a WeData emulator whose clock advances with every request."""

    wedata: Emulator
    make: Callable[..., WeDataTaskInstanceSensor]
    rendered: dict[str, Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)

    def connect(self, **extra: Any) -> None:
        """Make the emulator Airflow's connection `wedata_default`, from now on with these extras."""
        quick = {"requests_per_second": 1000, "retries": 0}
        os.environ[CONNECTION] = self.wedata.connection_json(**quick | extra)

    def run(self, mode: str, **parameters: Any) -> Outcome:
        """Run a sensor in one of `MODES`, as often as Airflow would, and return how it ended."""
        ti = Ti()
        how = {"deferrable": True} if mode == "deferrable" else {"mode": mode}

        def sensor() -> WeDataTaskInstanceSensor:  # every execution is a process of its own
            made = self.make(**parameters, **how)
            for name, value in self.rendered.items():
                setattr(made, name, value)
            return made

        play = {"poke": _poke, "reschedule": _reschedule, "deferrable": self._defer}[mode]
        try:
            return Outcome(play(sensor, {"ti": ti}), None, ti)
        except Exception as error:  # noqa: BLE001 - an outcome is what this returns
            return Outcome(None, error, ti)

    def deferred(self, **parameters: Any) -> TaskDeferred:
        """Return what a sensor defers with."""
        with pytest.raises(TaskDeferred) as caught:
            self.make(**parameters, deferrable=True).execute({"ti": Ti()})
        return caught.value

    def _defer(self, sensor: Callable[[], WeDataTaskInstanceSensor], context: Any) -> Any:
        try:
            return sensor().execute(context)
        except TaskDeferred as deferred:
            self.triggers.append(json.dumps(deferred.trigger.serialize()))
            event = asyncio.run(first_event(revived(deferred.trigger)))
            self.events.append(event)
            kwargs = json.loads(json.dumps(deferred.kwargs or {}))
            return sensor().resume_execution(deferred.method_name, {**kwargs, "event": event}, context)


def _poke(sensor: Callable[[], WeDataTaskInstanceSensor], context: Any) -> Any:
    return sensor().execute(context)


def _reschedule(sensor: Callable[[], WeDataTaskInstanceSensor], context: Any) -> Any:
    began = datetime.now(UTC)
    while True:
        try:
            return sensor().execute(context)
        except AirflowRescheduleException as again:
            context["ti"].first_reschedule = began
            time.sleep(max((again.reschedule_date - datetime.now(UTC)).total_seconds(), 0))


def revived(trigger: Any, **schedule: Any) -> Any:
    """Return the trigger as a triggerer rebuilds it from its row, with changes to its schedule."""
    path, kwargs = json.loads(json.dumps(trigger.serialize()))
    kwargs["schedule"] |= schedule
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(**kwargs)


async def first_event(trigger: Any) -> Any:
    """Return the payload of the trigger's event, as it comes back from the database."""
    async for event in trigger.run():
        return json.loads(json.dumps(event.payload))
    raise AssertionError("the trigger ended without an event")


@pytest.fixture
def revive() -> Callable[..., Any]:
    return revived


@pytest.fixture
def event_of() -> Callable[[Any], Coroutine[Any, Any, Any]]:
    return first_event


def new_sensor(**parameters: Any) -> WeDataTaskInstanceSensor:
    """Return a sensor for one task's instance of the day, unless the parameters say otherwise."""
    named = {"task_ids", "instance_keys", "min_instances", "expected_instances"} & set(parameters)
    defaults: dict[str, Any] = {"task_id": "gate", "poke_interval": INTERVAL, "timeout": 30}
    defaults |= {} if named else {"task_ids": [TASK_ID]}
    defaults |= {} if any(name.startswith("schedule_") for name in parameters) else {"schedule_date": DAY}
    return WeDataTaskInstanceSensor(**defaults | parameters)


@contextmanager
def open_wait(**emulator: Any) -> Iterator[Wait]:
    """Give a wait with an emulator of its own, which the connection `wedata_default` leads to meanwhile."""
    clock = SteppedClock(START)
    before = os.environ.get(CONNECTION)
    with Emulator(clock=clock, limit=None, **emulator) as wedata:
        wedata.between(lambda _number: clock.advance(1))
        opened = Wait(wedata, new_sensor)
        opened.connect()
        try:
            yield opened
        finally:
            registry.reset()
            os.environ.pop(CONNECTION)
            if before is not None:
                os.environ[CONNECTION] = before


@pytest.fixture
def wait() -> Iterator[Wait]:
    """Give a sensor with an empty emulator."""
    with open_wait() as opened:
        yield opened


@pytest.fixture(scope="session")
def waiting_room() -> Any:
    """Give `open_wait`: for tests that need a new emulator for each example."""
    return open_wait


@pytest.fixture
def instance(wait: Wait) -> Instance:
    """Give the instance that the sensor waits for; it waits to run."""
    return wait.wedata.world.add(
        task_id=TASK_ID, task_name="ads_sales_report", schedule_time=f"{DAY} 00:30:00"
    )
