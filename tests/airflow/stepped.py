"""Sensor and trigger on stepped time: nothing sleeps, all share one clock, and answers come from an emulator.

Only what is outside the package is replaced: the sockets of its clients, `time`, the event loop, the thread in
which the queue of requests is served, and the part of Airflow that executes again, carries rows and events, and
raises the alarm of `execution_timeout`.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout, BaseSensorOperator, Context, TaskDeferred

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.async_client import AsyncClient
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.dispatcher import Dispatcher, now
from airflow_provider_wedata.api.exchange import Lost, Now, Reply
from airflow_provider_wedata.emulator import Broken, Emulator, Request, SteppedClock
from airflow_provider_wedata.emulator.scenarios import PROJECT_ID
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.conftest import CONNECTION, DAY, TASK_ID, Ti, first_event, revived
from tests.airflow.versions import AirflowRescheduleException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_wedata.api.rate_limit import RateLimiter
    from airflow_provider_wedata.api.request_queue import Waiter

START = f"{DAY} 12:00:00"  # UTC+8


class AlarmClock(SteppedClock):
    """A clock that can ring once, during any step: Airflow's `execution_timeout`."""

    alarm: float | None = None

    def advance(self, seconds: float) -> None:
        if self.alarm is not None and self.now() + seconds >= self.alarm:
            seconds, self.alarm = max(self.alarm - self.now(), 0.0), None
            super().advance(seconds)
            raise AirflowTaskTimeout("Timeout, PID: 42")
        super().advance(seconds)


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop that steps its clock instead of waiting, and runs what goes to a thread at once."""

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__()
        self._clock = clock
        self._clock_resolution = 1e-6  # seconds since the epoch have no finer steps
        select = self._selector.select
        self._selector = SimpleNamespace(  # type: ignore[assignment]  # as much of a selector as a loop uses here
            select=lambda timeout: self._step(timeout) or select(0),
            register=self._selector.register,
            unregister=self._selector.unregister,
            modify=self._selector.modify,
            get_map=self._selector.get_map,
            get_key=self._selector.get_key,
            close=self._selector.close,
        )

    def time(self) -> float:
        return self._clock.now()

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as a thread would hand it over
            future.set_exception(error)
        return future

    def _step(self, timeout: float | None) -> None:
        assert timeout is not None, "nothing is left to wait for"
        self._clock.advance(max(timeout, 0.0))


class SteppedDispatcher(Dispatcher):
    """Hands out slots without a thread: by timers of the event loop, or, without one, by stepping the clock."""

    def __init__(self, budget: RateLimiter, clock: SteppedClock) -> None:
        super().__init__(budget)
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    def join(self, waiter: Waiter) -> None:
        self._queue.join(waiter, now())
        try:
            self._serve_on(asyncio.get_running_loop())
        except RuntimeError:
            while (seconds := self._queue.serve(now())) < math.inf:
                self._clock.advance(seconds)

    def _serve_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        seconds = self._queue.serve(now())
        if seconds < math.inf:
            self._timer = loop.call_later(max(seconds, 1e-5), self._serve_on, loop)


@dataclass
class Stepped:
    """A WeData emulator and an Airflow on one clock."""

    clock: AlarmClock
    wedata: Emulator
    trip: float = 0.0
    asked: list[float] = field(default_factory=list)

    def make(self, mode: str, **parameters: Any) -> WeDataTaskInstanceSensor:
        how = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
        defaults: dict[str, Any] = {"task_id": "gate", "schedule_date": DAY}
        if not {"min_instances", "expected_instances"} & parameters.keys():
            defaults["task_ids"] = [TASK_ID]
        return WeDataTaskInstanceSensor(**defaults | parameters | how)

    def run(self, mode: str, **parameters: Any) -> tuple[str, str, float]:
        """Return the outcome of the task, its text, and the seconds it took."""
        began, result = self.clock.now(), None
        play = {"poke": self._execute, "reschedule": self._reschedule, "deferrable": self._defer}[mode]
        try:
            result = play(lambda: self.make(mode, **parameters))
        except (Exception, AirflowTaskTimeout) as error:  # noqa: BLE001 - an outcome is what this returns
            return type(error).__name__, str(error), round(self.clock.now() - began, 3)
        return "done", str(result), round(self.clock.now() - began, 3)

    def deferred(self, **parameters: Any) -> TaskDeferred:
        """Return what a sensor defers with."""
        try:
            self._execute(lambda: self.make("deferrable", **parameters))
        except TaskDeferred as deferred:
            return deferred
        raise AssertionError("the sensor did not defer")

    def event(self, trigger: Any) -> Any:
        """Return what a trigger comes back with, run from its row."""
        return self.events([trigger])[0]

    def events(self, triggers: Sequence[Any]) -> list[Any]:
        """Return what each of many triggers in one event loop comes back with."""

        async def run_all() -> list[Any]:
            return await asyncio.gather(*map(first_event, triggers))

        with asyncio.Runner(loop_factory=lambda: SteppedLoop(self.clock)) as runner:
            return runner.run(run_all())

    def _execute(self, sensor: Callable[[], WeDataTaskInstanceSensor], ti: Ti | None = None) -> Any:
        made = sensor()
        return self._under_alarm(made, lambda: made.execute(Context(ti=ti or Ti())))  # type: ignore[typeddict-item]

    def _reschedule(self, sensor: Callable[[], WeDataTaskInstanceSensor]) -> Any:
        ti, began = Ti(), datetime.fromtimestamp(self.clock.now(), UTC)
        while True:
            try:
                return self._execute(sensor, ti)
            except AirflowRescheduleException as again:
                ti.first_reschedule = began
                self.clock.advance(max(again.reschedule_date.timestamp() - self.clock.now(), 0.0))

    def _defer(self, sensor: Callable[[], WeDataTaskInstanceSensor]) -> Any:
        try:
            return self._execute(sensor)
        except TaskDeferred as deferred:
            event, method = self.event(revived(deferred.trigger)), deferred.method_name
        made = sensor()
        return self._under_alarm(made, lambda: made.resume_execution(method, {"event": event}, Context()))

    def _under_alarm(self, sensor: WeDataTaskInstanceSensor, run: Callable[[], Any]) -> Any:
        if sensor.execution_timeout:
            self.clock.alarm = self.clock.now() + sensor.execution_timeout.total_seconds()
        try:
            return run()
        finally:
            self.clock.alarm = None

    def send(self, request: Any) -> Reply | Lost:
        answered = self._answer(request)
        self.clock.advance(self.trip)
        return answered()

    async def send_async(self, request: Any) -> Reply | Lost:
        answered = self._answer(request)
        await asyncio.sleep(self.trip)
        return answered()

    def _answer(self, request: Any) -> Callable[[], Reply | Lost]:
        self.asked.append(self.clock.now())
        answer = self.wedata.answer(Request("POST", "/", request.headers, request.body))
        if isinstance(answer, Broken):
            reason = answer.reason
            return lambda: Lost(reason, may_have_arrived=True, now=self._now)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return lambda: Reply(answer.status, headers, answer.body, self._now)

    @property
    def _now(self) -> Now:
        return Now(self.clock.now(), self.clock.now())


@contextmanager
def stepped(*, trip: float = 0.0, requests_per_second: float = 1000) -> Iterator[Stepped]:
    """Give a WeData and an Airflow on a clock of their own; an answer is `trip` seconds on its way."""
    clock = AlarmClock(START)
    world = Stepped(clock, Emulator(clock=clock, limit=None), trip)
    utcnow = SimpleNamespace(utcnow=lambda: datetime.fromtimestamp(clock.now(), UTC))
    extra = {
        "region": world.wedata.region,
        "project_id": PROJECT_ID,
        "requests_per_second": requests_per_second,
        "retries": 0,
    }
    account = world.wedata.account
    connection = {
        "conn_type": "wedata",
        "login": account.secret_id,
        "password": account.secret_key,
        "host": "http://127.0.0.1:8080",
        "extra": extra,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", clock.now)
        patch.setattr(time, "monotonic", clock.now)
        patch.setattr(time, "sleep", clock.advance)
        patch.setattr(sys.modules[BaseSensorOperator.__module__], "timezone", utcnow)
        patch.setattr(Client, "_send", world.send)
        patch.setattr(AsyncClient, "_send", world.send_async)
        patch.setenv(CONNECTION, json.dumps(connection))
        registry.reset()  # its times are another clock's
        dispatchers: dict[RateLimiter, SteppedDispatcher] = {}
        patch.setattr(
            registry,
            "dispatcher",
            lambda budget: dispatchers.setdefault(budget, SteppedDispatcher(budget, clock)),
        )
        yield world
        registry.reset()
