"""What goes over the wire, as values: a request, its reply, a reply that broke on the way, and a refusal.

Knows HTTP only as far as a method, a target, headers and bytes. Knows nothing of sockets, signatures or
WeData.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"  # without a charset: the official SDK looks for errors only under this exact type
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received: `path` is the target with its query, header names in any case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)

    def parameters(self) -> dict[str, Any]:
        """Return the body as a JSON object, or an empty one if it is none: for logs, never for an answer."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that arrives whole: after `delay` seconds, and with `drip` seconds before every byte of its body.

    With `drip_head`, also before every byte of its status line and headers.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    error: str | None = None
    delay: float = 0.0
    drip: float = 0.0
    drip_head: bool = False

    def with_headers(self, **changed: str | None) -> Reply:
        """Return the reply with other headers (`content_type="text/html"`); None takes one away."""
        names = {name.replace("_", "-").lower(): value for name, value in changed.items()}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        added = {name.title(): value for name, value in names.items() if value is not None}
        return replace(self, headers=kept | added)


@dataclass(frozen=True, slots=True)
class Broken:
    """An answer that does not arrive whole: `sent` bytes of the reply's body get out, then the end.

    `cut` promises the whole length and closes early, `reset` gives no byte at all, `reset_mid` resets after
    some. The request itself was received and, where it changes anything, carried out.
    """

    reason: Literal["cut", "reset", "reset_mid"]
    reply: Reply
    sent: int = 0

    @property
    def error(self) -> str:
        """Return the word for the log."""
        return self.reason


class Refusal(Exception):  # it is an answer of the service, no defect of the program
    """The service says no: a code and a message, as in `Response.Error`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def json_reply(payload: object, *, status: int = HTTPStatus.OK, error: str | None = None) -> Reply:
    """Return a JSON answer in UTF-8; where that can't say a text (half a surrogate pair), with escapes."""
    try:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        body = json.dumps(payload, separators=(",", ":")).encode()
    return Reply(status, {"Content-Type": JSON}, body, error)


def html_reply(text: str, *, status: int = HTTPStatus.OK) -> Reply:
    """Return an HTML answer in UTF-8."""
    return Reply(status, {"Content-Type": HTML}, text.encode())


def error_reply(code: str, message: str, request_id: str | None) -> Reply:
    """Return an error the way the service reports one: status 200, and an envelope with the code."""
    response: dict[str, Any] = {"Error": {"Code": code, "Message": message}}
    if request_id is not None:
        response["RequestId"] = request_id
    return json_reply({"Response": response}, error=code)
