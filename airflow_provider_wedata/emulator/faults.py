"""Faults between the service and its client, one function for each, and the plan of when they occur.

A fault takes the regular reply and returns what is sent instead, so that the request is processed in any case.
Uses no sockets: what only a socket can do is a `Broken`, which the listener carries out.
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
    """Reply that the request limit is exceeded."""
    return error(
        code, "Your current request times equals to `21` in a second, which exceeds the frequency limit `20`."
    )


def internal_error() -> Fault:
    """Reply with an internal error."""
    return error("InternalError", "An internal error has occurred. Retry your request.")


def error(
    code: str, message: str = "Switched on by a test.", *, request_id: bool = True, status: int = 200
) -> Fault:
    """Reply with an error code, with or without a RequestId, with any HTTP status."""
    answer = error_reply(code, message, REQUEST_ID if request_id else None)
    return lambda regular: _instead(regular, replace(answer, status=status))


def http_status(status: int = 502) -> Fault:
    """Reply with an HTTP error and an HTML page, as a proxy does."""
    phrase = HTTPStatus(status).phrase
    page = f"<html><head><title>{status} {phrase}</title></head><body><h1>{phrase}</h1></body></html>"
    return lambda regular: _instead(
        regular, Reply(status, {"Content-Type": HTML}, page.encode(), f"HTTP {status}")
    )


def redirect(location: str, status: int = 302) -> Fault:
    """Redirect the client."""
    away = {"Content-Type": HTML, "Location": location}
    return lambda regular: _instead(regular, Reply(status, away, b"", f"HTTP {status}"))


def body(raw: bytes, content_type: str | None = JSON, status: int = 200) -> Fault:
    """Reply with any bytes, with any content type or without one."""
    kind = {} if content_type is None else {"Content-Type": content_type}
    return lambda regular: _instead(regular, Reply(status, kind, raw, "odd body"))


def empty_body() -> Fault:
    """Reply with an empty body."""
    return body(b"")


def not_json() -> Fault:
    """Reply with an HTML page and status 200."""
    return body(b"<html><body>Please log in</body></html>", HTML)


def empty_object() -> Fault:
    """Reply with `{}`."""
    return body(b"{}")


def a_list() -> Fault:
    """Reply with `[1]`."""
    return body(b"[1]")


def response_null() -> Fault:
    """Reply with a Response that is null."""
    return body(b'{"Response":null}')


def data_null() -> Fault:
    """Reply with a Data that is null, which the documentation does not allow."""
    return lambda regular: _instead(
        regular, json_reply({"Response": {"Data": None, "RequestId": REQUEST_ID}})
    )


def data(**changed: object) -> Fault:
    """Send the regular reply with other values in its Data: `data(TotalCount="1", Items=None)`."""

    def apply(regular: Reply) -> Reply:
        response = json.loads(regular.body)["Response"]
        odd = response | {"Data": response.get("Data", {}) | changed}
        return _instead(regular, json_reply({"Response": odd}))

    return apply


def headers(**changed: str | None) -> Fault:
    """Send the regular reply with other headers; None removes one: `headers(date=None)`."""
    return lambda regular: regular.with_headers(**changed)


def content_type(value: str | None) -> Fault:
    """Send the regular reply with another content type, or without one."""
    return headers(content_type=value)


def both(first: Fault, second: Fault) -> Fault:
    """Apply a second fault to the reply of the first, such as another content type to an error."""

    def apply(regular: Reply) -> Reply | Broken:
        reply = first(regular)
        return second(reply) if isinstance(reply, Reply) else reply

    return apply


def slow(seconds: float) -> Fault:
    """Send the regular reply late."""
    return lambda regular: replace(regular, delay=seconds)


def drip(seconds: float, *, head: bool = False) -> Fault:
    """Send the body of the regular reply byte by byte, with a pause before each; with `head` the headers too."""
    return lambda regular: replace(regular, drip=seconds, drip_head=head)


def cut(at: float = 0.5) -> Fault:
    """Announce the whole body, send a part of it (a fraction from 0 to 1) and close."""
    return lambda regular: Broken("cut", regular, int(len(regular.body) * at))


def reset() -> Fault:
    """Reset the connection before the first byte of the reply."""
    return lambda regular: Broken("reset", regular)


def reset_mid(at: float = 0.5) -> Fault:
    """Send a part of the body, then reset the connection."""
    return lambda regular: Broken("reset_mid", regular, int(len(regular.body) * at))


def on_page(number: int) -> When:
    """Return a condition: requests for this page."""
    return lambda received: bool(received.params.get("PageNumber", 1) == number)


def on_action(name: str) -> When:
    """Return a condition: requests of this action."""
    return lambda received: received.action == name


@dataclass(slots=True)
class _Entry:
    applies: When
    fault: Fault
    times: int | None


class Faults:
    """The plan of faults: which requests fail, and how. If several entries apply, the first one wins."""

    def __init__(self) -> None:
        self._plan: list[_Entry] = []

    def next(self, fault: Fault, times: int = 1) -> None:
        """Apply the fault to the next `times` requests."""
        self.when(lambda received: True, fault, times)  # noqa: ARG005  # any request

    def at(self, number: int, fault: Fault) -> None:
        """Apply the fault to the request with this number; the emulator's first request is number 1."""
        self.when(lambda received: received.number == number, fault, 1)

    def when(self, applies: When, fault: Fault, times: int | None = None) -> None:
        """Apply the fault to the requests for which `applies` is true: to all of them, or to the next `times`."""
        self._plan.append(_Entry(applies, fault, times))

    def clear(self) -> None:
        """Remove all faults."""
        self._plan.clear()

    def apply(self, received: Received, regular: Reply) -> Reply | Broken:
        """Return what is sent for a request."""
        entry = next((entry for entry in self._plan if entry.applies(received)), None)
        if entry is None:
            return regular
        if entry.times is not None:
            entry.times -= 1
            self._plan = [kept for kept in self._plan if kept.times != 0]
        return entry.fault(regular)


def _instead(regular: Reply, answer: Reply) -> Reply:
    """Return another reply, with the Date of the regular one."""
    return replace(answer, headers={**answer.headers, "Date": regular.headers["Date"]})
