"""Fixtures that drive a poll by hand, against an emulator without a port, on a stepped clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.exchange import Channel, Lost, Now, Reply, Send, Slot, Turn
from airflow_provider_wedata.api.rate_limit import RateLimiter
from airflow_provider_wedata.emulator import Broken, Emulator, Request, SteppedClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.api.exchange import Flow
    from airflow_provider_wedata.emulator import Quirks
    from airflow_provider_wedata.waiting.condition import Verdict
    from airflow_provider_wedata.waiting.watch import Watch

T = TypeVar("T")

HOST = "127.0.0.1:8080"
START = "2026-03-01 12:00:00"  # UTC+8


@dataclass
class Pump:
    """Runs a flow against an emulator: without a socket, and a sleep only advances the emulator's clock."""

    wedata: Emulator
    budget: RateLimiter = field(default_factory=lambda: RateLimiter(1000.0))

    def poll(self, watch: Watch) -> Verdict:
        return self.run(watch.poll(self.channel.answered))

    @property
    def channel(self) -> Channel:
        account = self.wedata.account
        return Channel(
            host=HOST,
            region=self.wedata.region,
            credentials=Credentials(account.secret_id, account.secret_key, account.token),
            budget=lambda _action: self.budget,
            chance=lambda: 0.0,
        )

    def run(self, flow: Flow[T]) -> T:
        answer: Any = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Send):
                answer = self._send(step)
            elif isinstance(step, Turn):
                answer = self._slot(step)
            else:
                self._clock.advance(step.seconds)
                answer = self._now

    def _slot(self, step: Turn) -> Slot:
        while True:
            ticket, seconds = step.budget.reserve(self._now.ticks)
            if ticket is not None:
                return Slot(self._now, ticket)
            self._clock.advance(seconds)

    def _send(self, step: Send) -> Reply | Lost:
        answer = self.wedata.answer(Request("POST", "/", step.request.headers, step.request.body))
        if isinstance(answer, Broken):
            return Lost(answer.reason, may_have_arrived=True, now=self._now)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, headers, answer.body, self._now)

    @property
    def _clock(self) -> SteppedClock:
        assert isinstance(self.wedata.clock, SteppedClock)
        return self.wedata.clock

    @property
    def _now(self) -> Now:
        return Now(self._clock.now(), self._clock.now())


def new_pump(quirks: Quirks | None = None) -> Pump:
    """Return a pump to an empty emulator of its own."""
    return Pump(Emulator(clock=SteppedClock(START), limit=None, quirks=quirks))


@pytest.fixture
def pump() -> Pump:
    """A pump to an empty emulator."""
    return new_pump()


@pytest.fixture(scope="session")
def pump_for() -> Callable[..., Pump]:
    """Return the factory of pumps to an empty emulator, for tests that need a new one for each example."""
    return new_pump


@pytest.fixture(scope="session")
def pump_to() -> Callable[..., Pump]:
    """Return the factory of pumps to an existing emulator."""
    return Pump
