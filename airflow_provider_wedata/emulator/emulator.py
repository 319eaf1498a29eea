"""The emulator for tests and demos: a world, its service, its faults and, once started, its port.

A request takes the same path with a socket and without: the listener and `answer` call the same methods. Holds
the account, the request log and the planned changes; leaves the responses to service.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

from airflow_provider_wedata.emulator import admin
from airflow_provider_wedata.emulator.clock import Clock, RealClock
from airflow_provider_wedata.emulator.faults import Faults
from airflow_provider_wedata.emulator.instance import FOREIGN_PROJECT_ID, PROJECT_ID
from airflow_provider_wedata.emulator.listener import Listener
from airflow_provider_wedata.emulator.messages import Broken, Refusal, Reply, Request
from airflow_provider_wedata.emulator.rate_limit import RateLimit
from airflow_provider_wedata.emulator.request_log import Received
from airflow_provider_wedata.emulator.scenarios import SCENARIOS
from airflow_provider_wedata.emulator.service import REGIONS, Service
from airflow_provider_wedata.emulator.signature import Account, Authorization
from airflow_provider_wedata.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from airflow_provider_wedata.emulator.actions import Quirks

SECRET_ID = "made-up-secret-id"  # noqa: S105  # made up, like the key
SECRET_KEY = "made-up-secret-key"  # noqa: S105  # made up, and of use on this computer only
REGION = "ap-singapore"


class Emulator:
    """An emulator of WeData; `with` opens a port on 127.0.0.1, `answer` works without one.

    :param scenario: a name from `SCENARIOS`, or None for a world without instances.
    :param token: the session token that requests must have in addition to the key pair.
    :param clock: the world's clock; the computer's own by default.
    :param limit: requests in any one second for each SecretId and action; None for no limit.
    :param latency: seconds that a response over the socket takes; half of them pass before the world is read.
    :param speed: factor by which a scenario plays faster.
    :param foreign_project_ids: projects that exist, but without the account as a member.
    :param signature_clock: the clock for the expiry of signatures. By default the computer's for requests over
        the socket, and the world's for `answer`.
    :param seed: of the RequestIds and of shuffled ties.
    """

    def __init__(
        self,
        scenario: str | None = None,
        *,
        secret_id: str = SECRET_ID,
        secret_key: str = SECRET_KEY,
        token: str | None = None,
        clock: Clock | None = None,
        limit: int | None = 20,
        latency: float = 0.0,
        speed: float = 1.0,
        port: int = 0,
        region: str = REGION,
        regions: Iterable[str] = REGIONS,
        project_ids: Iterable[str] = (PROJECT_ID,),
        foreign_project_ids: Iterable[str] = (FOREIGN_PROJECT_ID,),
        quirks: Quirks | None = None,
        signature_clock: Clock | None = None,
        seed: int = 0,
    ) -> None:
        members = tuple(project_ids)
        self.account = Account(secret_id, secret_key, token, frozenset(members))
        self.clock = clock or RealClock()
        self.world = World(self.clock, (*members, *foreign_project_ids))
        self.faults = Faults()
        self.requests: list[Received] = []
        self.latency = latency
        self.region = region
        self._service = Service(
            self.world, [self.account], quirks=quirks, regions={region, *regions}, seed=seed
        )
        self.quirks = self._service.quirks
        self._limit = RateLimit(limit)
        self._signature_clock = signature_clock
        self._due: dict[int, list[Callable[[World], object]]] = defaultdict(list)
        self._before: list[Callable[[int], object]] = []
        self._after: list[Callable[[Received], object]] = []
        self._errors: list[Exception] = []
        self._port = port
        self._listener: Listener | None = None
        if scenario is not None:
            SCENARIOS[scenario](self.world, speed)

    # With a port

    def start(self) -> Self:
        """Open the port."""
        self._listener = Listener(self, self._port)
        self._listener.start()
        return self

    def stop(self) -> None:
        """Close the port and all connections, then raise the first error of the emulator, if any."""
        self._close()
        self.check()

    def check(self) -> None:
        """Raise the first error since the last check, of the emulator or of a callable passed to it."""
        errors, self._errors = self._errors, []
        if errors:
            raise errors[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if error is None:
            self.check()

    @property
    def host(self) -> str:
        """Return `127.0.0.1:PORT`."""
        if self._listener is None:
            raise RuntimeError("the emulator has no port until it is started")
        return f"127.0.0.1:{self._listener.server_port}"

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`."""
        return f"http://{self.host}"

    def connection_json(self, **extra: Any) -> str:
        """Return the JSON of an Airflow connection to this emulator; extras are added to region and project."""
        fields = {
            "conn_type": "wedata",
            "login": self.account.secret_id,
            "password": self.account.secret_key,
            "host": self.url,
            "extra": self._extra(extra),
        }
        return json.dumps(fields)

    def connection_uri(self, **extra: Any) -> str:
        """Return the same connection as a URI."""
        login, password, host = (
            quote(part, safe="") for part in (self.account.secret_id, self.account.secret_key, self.url)
        )
        return f"wedata://{login}:{password}@{host}/?" + urlencode(
            {"__extra__": json.dumps(self._extra(extra))}
        )

    # Without one

    def answer(self, request: Request) -> Reply | Broken:
        """Return the reply to a request as over the socket, but on the world's clock and without delays."""
        now = self.clock.now()
        return self.serve(request, admitted=self.arrive(request, now), now=now)

    # Changes between requests

    def at(self, number: int, change: Callable[[World], object]) -> None:
        """Call `change(world)` just before request `number` is answered; the first request is number 1."""
        with self.world.lock:
            if number <= len(self.requests):
                raise ValueError(f"request {number} was answered already")
            self._due[number].append(change)

    def between(self, hook: Callable[[int], object]) -> Callable[[int], object]:
        """Call `hook(number)` before every request is answered."""
        self._before.append(hook)
        return hook

    def after(self, hook: Callable[[Received], object]) -> Callable[[Received], object]:
        """Call `hook(received)` after every request is answered."""
        self._after.append(hook)
        return hook

    # The path of a request

    def arrive(self, request: Request, at: float) -> bool:
        """Count an arrival, and return whether it is within the rate limit."""
        if admin.is_admin(request):
            return True
        return self._limit.admit((_claimed_id(request), request.header("X-TC-Action")), at)

    def serve(self, request: Request, *, admitted: bool, now: float) -> Reply | Broken:
        """Return the reply to a request; the world does not change in between."""
        with self.world.lock:
            if admin.is_admin(request):
                return self._service.dated(admin.answer(request, self.world, self.requests))
            received = Received.of(request, len(self.requests) + 1, self.clock.now())
            self._change(received.number)
            outcome = self.faults.apply(received, self._regular(request, admitted=admitted, now=now))
            received = replace(received, error=outcome.error)
            self.requests.append(received)
            for hook in self._after:
                hook(received)
            return outcome

    def remember(self, error: Exception) -> None:
        """Keep an error of a thread; `check` raises it."""
        self._errors.append(error)

    def _change(self, number: int) -> None:
        self.world.settle()
        for hook in self._before:
            hook(number)
        for change in self._due.pop(number, ()):
            change(self.world)

    def _regular(self, request: Request, *, admitted: bool, now: float) -> Reply:
        if not admitted:
            limit = self._limit.limit
            return self._service.refuse(
                "RequestLimitExceeded", f"The frequency limit of {limit} a second is exceeded."
            )
        clock = self._signature_clock
        return self._service.answer(request, now=now if clock is None else clock.now())

    def _extra(self, more: dict[str, Any]) -> dict[str, Any]:
        extra: dict[str, Any] = {"region": self.region, "project_id": self.world.project_ids[0]}
        token = {} if self.account.token is None else {"session_token": self.account.token}
        return extra | token | more

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.stop()
            self._listener = None


def _claimed_id(request: Request) -> str:
    with suppress(Refusal):
        return Authorization.of(request).secret_id
    return ""
