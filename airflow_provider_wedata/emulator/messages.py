"""Messages as values: a request, a reply, a reply that breaks on the way, and a refusal.

Of HTTP only the method, target, headers and bytes. Sockets are left to listener.py, WeData to service.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"  # without a charset: the official SDK parses errors only with this exact type
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A received request: `path` is the target with its query; header names may have any case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)

    def parameters(self) -> dict[str, Any]:
        """Return the body's JSON object, or an empty one if it has none; for logs only, not for responses."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that arrives completely: after `delay` seconds, with `drip` seconds before each byte of its body.

    With `drip_head`, also before each byte of its status line and headers.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    error: str | None = None
    delay: float = 0.0
    drip: float = 0.0
    drip_head: bool = False

    def with_headers(self, **changed: str | None) -> Reply:
        """Return the reply with other headers (`content_type="text/html"`); None removes one."""
        names = {name.replace("_", "-").lower(): value for name, value in changed.items()}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        added = {name.title(): value for name, value in names.items() if value is not None}
        return replace(self, headers=kept | added)


@dataclass(frozen=True, slots=True)
class Broken:
    """A reply that does not arrive completely: `sent` bytes of its body are sent, then the connection ends.

    `cut` announces the whole length and closes early, `reset` sends no byte, `reset_mid` resets after some. The
    request itself was received and executed.
    """

    reason: Literal["cut", "reset", "reset_mid"]
    reply: Reply
    sent: int = 0

    @property
    def error(self) -> str:
        """Return the reason, for the request log."""
        return self.reason


class Refusal(Exception):  # a response of the service, not a defect
    """The service refuses a request: a code and a message, as in `Response.Error`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def json_reply(payload: object, *, status: int = HTTPStatus.OK, error: str | None = None) -> Reply:
    """Return a JSON reply in UTF-8; with escapes if a text can't be encoded (a lone surrogate)."""
    try:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        body = json.dumps(payload, separators=(",", ":")).encode()
    return Reply(status, {"Content-Type": JSON}, body, error)


def html_reply(text: str, *, status: int = HTTPStatus.OK) -> Reply:
    """Return an HTML reply in UTF-8."""
    return Reply(status, {"Content-Type": HTML}, text.encode())


def error_reply(code: str, message: str, request_id: str | None) -> Reply:
    """Return an error as the service reports it: status 200, and an envelope with the code."""
    response: dict[str, Any] = {"Error": {"Code": code, "Message": message}}
    if request_id is not None:
        response["RequestId"] = request_id
    return json_reply({"Response": response}, error=code)
