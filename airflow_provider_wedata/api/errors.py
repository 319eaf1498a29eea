"""Errors of requests to WeData, as plain exceptions without Airflow. exceptions.py translates them.

    ApiError
    ├── InvalidRequest           a value that we refuse to send; nothing was sent
    ├── ConnectionUnreadable     Airflow can't read the connection: missing, or its backend failed
    ├── NoAnswer                 connection lost or timed out                          resent
    ├── UnreadableAnswer         cut, not JSON, or not of the documented shape         resent
    │   └── UnreadableField      WeData's response, but an essential field is invalid  resent
    ├── ContradictoryAnswer      rows outside the requested window
    ├── ListNotAtRest            a list that kept changing while it was read
    └── Refused                  WeData returned an error code
        ├── Throttled            over the request limit                                resent
        ├── ServerTrouble        a temporary problem of WeData                         resent
        ├── InternalTrouble      a problem of WeData, of unknown duration              resent twice
        ├── AuthRefused          wrong key, token or clock                             final
        ├── PermissionRefused    the key is valid but lacks a permission               final
        └── ParameterRefused     a request that can never succeed unchanged            final

`resent`: the same request may be sent again. `final`: another request can't succeed, so a wait ends.
Every other code, known or new, ends only the request: a wait polls again after its interval.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters of a value that a message shows.
_LONGEST = 200
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?")
#: How many ids or instances a message names: nobody reads 10,000.
NAMED = 5


class ApiError(Exception):
    """Base class of all errors of requests to WeData."""

    #: How often the same request may be sent again; None: as often as the retry policy allows.
    resends: ClassVar[int | None] = 0
    #: True if another request can't succeed, so that a wait ends.
    final: ClassVar[bool] = False


class InvalidRequest(ApiError):
    """A value that we refuse to send.

    :param field: the user's name for the parameter.
    :param problem: the value (unless secret), what was expected and what to do.
    """

    final = True

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)  # `args` is what pickle restores the error from
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class ConnectionUnreadable(ApiError):
    """A connection is missing, or what keeps it failed: nobody says which, so a wait under way goes on."""


def describe(value: object) -> str:
    """Return any value as a message shows it, shortened if it is long."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an int of over 4,300 digits, a deeply nested list, ...
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def without_secrets(url: str) -> str:
    """Return a host or URL without user, query and fragment, which may hold secrets."""
    scheme = _SCHEME.match(url)[0]  # type: ignore[index]  # it always matches
    user, _, rest = url.removeprefix(scheme).rpartition("@")
    if any(mark in user for mark in "?#"):  # part of the password or of the query: ambiguous
        return f"{scheme}…"
    return scheme + re.split("[?#]", rest, maxsplit=1)[0]


def describe_some(texts: Iterable[str], most: int = NAMED) -> str:
    """Return the first few of many texts as a message shows them, and how many more there are."""
    found = list(texts)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


class NoAnswer(ApiError):
    """No response: the connection was refused, lost or timed out."""

    resends = None


class UnreadableAnswer(ApiError):
    """A response that is truncated, not JSON, or not of the documented shape."""

    resends = None


class UnreadableField(UnreadableAnswer):
    """A response of WeData in which an essential field has a value that can't be parsed."""


class ContradictoryAnswer(ApiError):
    """WeData returned rows outside the requested window: a time zone was misread somewhere."""


class ListNotAtRest(ApiError):
    """The result set kept changing while it was read, so a complete listing can't be proven."""


class Refused(ApiError):
    """WeData returned an error code.

    :param code: WeData's code, such as ``AuthFailure.SignatureFailure``.
    :param message: WeData's text, in the connection's language.
    :param request_id: the id that Tencent Cloud's support asks for; empty if the response had none.
    """

    def __init__(self, code: str, message: str, request_id: str = "") -> None:
        super().__init__(code, message, request_id)
        self.code = code
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.code}: {self.message} (RequestId {self.request_id or 'unknown'})"

    @staticmethod
    def of(code: str, message: str, request_id: str = "") -> Refused:
        """Return an error of the class that belongs to the code."""
        return _class_of(code)(code, message, request_id)


class Throttled(Refused):
    """Over the request limit of 20 a second, or of the account."""

    resends = None


class ServerTrouble(Refused):
    """WeData is busy or temporarily down."""

    resends = None


class InternalTrouble(Refused):
    """``InternalError``: may be temporary or permanent, so it is resent at most twice."""

    resends = 2


class AuthRefused(Refused):
    """The SecretId, the SecretKey, the session token or the clock is wrong."""

    final = True


class PermissionRefused(Refused):
    """The key is valid but not allowed to do this: no CAM policy, or not a member of the project."""

    final = True


class ParameterRefused(Refused):
    """The request can never succeed unchanged: unknown project, region, action or value."""

    final = True


# Codes: https://www.tencentcloud.com/document/product/1174/60854 and the action's own page. The longest
# prefix that ends at a dot decides. Other codes (FailedOperation, LimitExceeded, ResourceNotFound, future ones)
# become a plain `Refused`: their meaning is unknown, so they are not resent at once and do not end a wait.
_CODES: dict[str, type[Refused]] = {
    "RequestLimitExceeded": Throttled,
    "InternalError": InternalTrouble,
    "ServiceUnavailable": ServerTrouble,
    "ResourceUnavailable": ServerTrouble,
    "ResourceInUse": ServerTrouble,
    "InvalidParameter.ServiceIsBusy": ServerTrouble,  # "busy, try later", despite its prefix
    "AuthFailure": AuthRefused,
    "AuthFailure.UnauthorizedOperation": PermissionRefused,  # CAM denies a valid key
    "UnauthorizedOperation": PermissionRefused,
    "OperationDenied": PermissionRefused,
    "InvalidParameter.ClientIpNotAuthorized": PermissionRefused,
    "IpInBlacklist": PermissionRefused,
    "IpNotInWhitelist": PermissionRefused,
    "InvalidParameter": ParameterRefused,
    "InvalidParameterValue": ParameterRefused,
    "MissingParameter": ParameterRefused,
    "UnknownParameter": ParameterRefused,
    "InvalidAction": ParameterRefused,
    "ActionOffline": ParameterRefused,
    "NoSuchProduct": ParameterRefused,
    "NoSuchVersion": ParameterRefused,
    "UnsupportedOperation": ParameterRefused,
    "UnsupportedProtocol": ParameterRefused,
    "UnsupportedRegion": ParameterRefused,
    "RequestSizeLimitExceeded": ParameterRefused,
}


def _class_of(code: str) -> type[Refused]:
    prefix = code
    while prefix not in _CODES and "." in prefix:
        prefix = prefix.rpartition(".")[0]
    return _CODES.get(prefix, Refused)
