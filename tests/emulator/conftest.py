"""Send requests signed by the emulator's own code, which the published vectors and the SDK verify."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from airflow_provider_wedata.emulator import Emulator, Reply, Request, SteppedClock
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.emulator.signature import sign

if TYPE_CHECKING:
    from collections.abc import Iterator

START = "2026-03-01 12:00:00"  # UTC+8
SIGNED = ("content-type", "host")


class Ask(Protocol):
    def __call__(self, wedata: Emulator, action: str = ..., **params: Any) -> dict[str, Any]: ...


def signed(
    wedata: Emulator,
    action: str = "ListTaskInstances",
    params: dict[str, Any] | None = None,
    *,
    headers: dict[str, str | None] | None = None,
    body: bytes | None = None,
    at: float | None = None,
    key: str | None = None,
) -> Request:
    """Sign a request; a header that is None is left out."""
    second = int(wedata.clock.now() if at is None else at)
    content = json.dumps(params or {}).encode() if body is None else body
    values: dict[str, str | None] = {
        "Content-Type": "application/json",
        "Host": "127.0.0.1:8080",
        "X-TC-Action": action,
        "X-TC-Version": "2025-08-06",
        "X-TC-Timestamp": str(second),
        "X-TC-Region": wedata.region,
        "X-TC-Token": wedata.account.token,
    } | (headers or {})
    request = Request(
        "POST", "/", {name: value for name, value in values.items() if value is not None}, content
    )
    signature = sign(request, SIGNED, key or wedata.account.secret_key, second, "wedata")
    scope = f"{wedata.account.secret_id}/{utc_date(second)}/wedata/tc3_request"
    authorization = (
        f"TC3-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(SIGNED)}, Signature={signature}"
    )
    return Request("POST", "/", {**request.headers, "Authorization": authorization}, content)


def utc_date(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d}"


def ask_for(wedata: Emulator, action: str = "ListTaskInstances", **params: Any) -> dict[str, Any]:
    """Return the Response of an action without a socket."""
    project = {} if action == "ListProjects" else {"ProjectId": PROJECT_ID}
    reply = wedata.answer(signed(wedata, action, project | params))
    assert isinstance(reply, Reply)
    response: dict[str, Any] = json.loads(reply.body)["Response"]
    return response


def post(request: Request, connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """Send a request over a socket."""
    connection.request(request.method, request.path, request.body, dict(request.headers))
    return connection.getresponse()


@pytest.fixture
def wedata() -> Emulator:
    """An emulator without a socket, on a stepped clock."""
    return Emulator(clock=SteppedClock(START), limit=None)


@pytest.fixture
def served() -> Iterator[Emulator]:
    """An emulator with a socket, on a stepped clock that also decides the expiry of signatures."""
    clock = SteppedClock(START)
    with Emulator(clock=clock, signature_clock=clock, limit=None) as emulator:
        yield emulator


@pytest.fixture
def connection(served: Emulator) -> Iterator[http.client.HTTPConnection]:
    """A connection to the served emulator."""
    open_connection = http.client.HTTPConnection(served.host, timeout=5)
    yield open_connection
    open_connection.close()


@pytest.fixture
def ask() -> Ask:
    return ask_for


@pytest.fixture
def sign_request() -> Any:
    return signed


@pytest.fixture
def send() -> Any:
    return post
