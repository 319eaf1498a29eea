"""What can go wrong between a service and its client, one function for each, and a plan of when it does.

A fault is given the honest answer and returns what goes out instead, so that the world is asked in any case.
Knows no sockets: what only a socket can do is a `Broken`, which the listener acts out and a test reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_provider_wedata.emulator.messages import HTML, JSON, Broken, Reply, error_reply, json_reply

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator.request_log import Received

    When = Callable[[Received], bool]

Fault = Callable[[Reply], Reply | Broken]
REQUEST_ID = "fa017000-0000-4000-8000-000000000000"


def throttle(code: str = "RequestLimitExceeded") -> Fault:
    """Say that the request limit is exceeded."""
    return error(
        code, "Your current request times equals to `21` in a second, which exceeds the frequency limit `20`."
    )


def internal_error() -> Fault:
    """Say that something is wrong inside."""
    return error("InternalError", "An internal error has occurred. Retry your request.")


def error(
    code: str, message: str = "Switched on by a test.", *, request_id: bool = True, status: int = 200
) -> Fault:
    """Answer with an error code, with or without a RequestId, under any HTTP status."""
    answer = error_reply(code, message, REQUEST_ID if request_id else None)
    return lambda honest: _instead(honest, replace(answer, status=status))


def http_status(status: int = 502) -> Fault:
    """Answer with an HTTP error and a page for people, as a proxy on the way does."""
    phrase = HTTPStatus(status).phrase
    page = f"<html><head><title>{status} {phrase}</title></head><body><h1>{phrase}</h1></body></html>"
    return lambda honest: _instead(
        honest, Reply(status, {"Content-Type": HTML}, page.encode(), f"HTTP {status}")
    )


def redirect(location: str, status: int = 302) -> Fault:
    """Send the client elsewhere."""
    away = {"Content-Type": HTML, "Location": location}
    return lambda honest: _instead(honest, Reply(status, away, b"", f"HTTP {status}"))


def body(raw: bytes, content_type: str | None = JSON, status: int = 200) -> Fault:
    """Answer with any bytes under any content type, or under none."""
    kind = {} if content_type is None else {"Content-Type": content_type}
    return lambda honest: _instead(honest, Reply(status, kind, raw, "odd body"))


def empty_body() -> Fault:
    """Answer with nothing at all."""
    return body(b"")


def not_json() -> Fault:
    """Answer with a page for people under status 200."""
    return body(b"<html><body>Please log in</body></html>", HTML)


def empty_object() -> Fault:
    """Answer with `{}`."""
    return body(b"{}")


def a_list() -> Fault:
    """Answer with `[1]`."""
    return body(b"[1]")


def response_null() -> Fault:
    """Answer with a Response that is null."""
    return body(b'{"Response":null}')


def data_null() -> Fault:
    """Answer with a Data that is null, which no documentation allows."""
    return lambda honest: _instead(honest, json_reply({"Response": {"Data": None, "RequestId": REQUEST_ID}}))


def data(**changed: object) -> Fault:
    """Give the honest answer with other values in its Data: `data(TotalCount="1", Items=None)`."""

    def apply(honest: Reply) -> Reply:
        response = json.loads(honest.body)["Response"]
        odd = response | {"Data": response.get("Data", {}) | changed}
        return _instead(honest, json_reply({"Response": odd}))

    return apply


def headers(**changed: str | None) -> Fault:
    """Give the honest answer with other headers; None takes one away: `headers(date=None)`."""
    return lambda honest: honest.with_headers(**changed)


def content_type(value: str | None) -> Fault:
    """Give the honest answer under another content type, or under none."""
    return headers(content_type=value)


def both(first: Fault, second: Fault) -> Fault:
    """Apply a fault to what another one gives, say an error under another content type."""

    def apply(honest: Reply) -> Reply | Broken:
        given = first(honest)
        return second(given) if isinstance(given, Reply) else given

    return apply


def slow(seconds: float) -> Fault:
    """Give the honest answer late."""
    return lambda honest: replace(honest, delay=seconds)


def drip(seconds: float, *, head: bool = False) -> Fault:
    """Give the body of the honest answer byte by byte, so long apart; or the headers too."""
    return lambda honest: replace(honest, drip=seconds, drip_head=head)


def cut(at: float = 0.5) -> Fault:
    """Promise the whole body, send a part of it (a share from 0 to 1) and close."""
    return lambda honest: Broken("cut", honest, int(len(honest.body) * at))


def reset() -> Fault:
    """Reset the connection before the first byte of the answer."""
    return lambda honest: Broken("reset", honest)


def reset_mid(at: float = 0.5) -> Fault:
    """Send a part of the body, then reset the connection."""
    return lambda honest: Broken("reset_mid", honest, int(len(honest.body) * at))


def on_page(number: int) -> When:
    """Say when: a request for this page."""
    return lambda received: bool(received.params.get("PageNumber", 1) == number)


def on_action(name: str) -> When:
    """Say when: a request of this action."""
    return lambda received: received.action == name


@dataclass(slots=True)
class _Entry:
    applies: When
    fault: Fault
    times: int | None


class Faults:
    """The plan: which requests go wrong, and how. Of several entries that apply, the first put down wins."""

    def __init__(self) -> None:
        self._plan: list[_Entry] = []

    def next(self, fault: Fault, times: int = 1) -> None:
        """Let the next requests go wrong, as many as said."""
        self.when(lambda received: True, fault, times)  # noqa: ARG005  # any request

    def at(self, number: int, fault: Fault) -> None:
        """Let the request with this number go wrong, counted from 1 for the first the emulator ever had."""
        self.when(lambda received: received.number == number, fault, 1)

    def when(self, applies: When, fault: Fault, times: int | None = None) -> None:
        """Let the requests go wrong for which `applies` is true: all of them, or as many as said."""
        self._plan.append(_Entry(applies, fault, times))

    def clear(self) -> None:
        """Let everything go right again."""
        self._plan.clear()

    def apply(self, received: Received, honest: Reply) -> Reply | Broken:
        """Return what goes out for a request."""
        entry = next((entry for entry in self._plan if entry.applies(received)), None)
        if entry is None:
            return honest
        if entry.times is not None:
            entry.times -= 1
            self._plan = [kept for kept in self._plan if kept.times != 0]
        return entry.fault(honest)


def _instead(honest: Reply, answer: Reply) -> Reply:
    """Return another answer, with the same Date as the honest one."""
    return replace(answer, headers={**answer.headers, "Date": honest.headers["Date"]})
