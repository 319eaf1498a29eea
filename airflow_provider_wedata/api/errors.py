"""What can go wrong between us and WeData, as plain exceptions that know nothing of Airflow.

    ApiError
    ├── InvalidRequest           a value that we refuse to send: nothing went out
    ├── NoAnswer                 connection lost or timed out                          resent
    ├── UnreadableAnswer         cut, not JSON, not the shape that WeData documents    resent
    │   └── UnreadableField      WeData's answer, but for a field that decides         resent
    ├── ContradictoryAnswer      rows outside the window that was asked for
    ├── ListNotAtRest            a list that kept changing while it was read
    └── Refused                  WeData answered with an error code
        ├── Throttled            over the request limit                                resent
        ├── ServerTrouble        WeData's own trouble, over after a while              resent
        ├── InternalTrouble      WeData's own trouble, of the opaque kind              resent twice
        ├── AuthRefused          wrong key, token or clock                             final
        ├── PermissionRefused    the key is right, its rights are not                  final
        └── ParameterRefused     a request that can never succeed as it is             final

`resent`: the same request may be sent again. `final`: asking again changes nothing, so a wait ends.
Every other code, known or new, ends only the request: a wait looks again at its next interval.
"""

from __future__ import annotations

import re
from typing import ClassVar

#: Characters of a value that a message shows.
_LONGEST = 200
_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?")


class ApiError(Exception):
    """Anything that went wrong between us and WeData."""

    #: How often the same request may be sent again; None: as often as the retry policy says.
    resends: ClassVar[int | None] = 0
    #: True where asking again cannot help, so that a wait ends.
    final: ClassVar[bool] = False


class InvalidRequest(ApiError):
    """A value that we refuse to send.

    :param field: the parameter, as the user knows it.
    :param problem: the value (unless secret), what was expected and what to do.
    """

    final = True

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)  # what a pickle is made from, so that it can be read again
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


def describe(value: object) -> str:
    """Return a user's value as a message shows it: whatever it is, and shortened if it is long."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - of an int with over 4,300 digits, of a list in itself a thousand times, ...
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def without_secrets(url: str) -> str:
    """Return a host or URL as a message may show it: without user, query and fragment, which may be secret."""
    scheme = _SCHEME.match(url)[0]  # type: ignore[index]  # it always matches
    user, _, rest = url.removeprefix(scheme).rpartition("@")
    if any(mark in user for mark in "?#"):  # of a password or of a query: nobody knows which
        return f"{scheme}…"
    return scheme + re.split("[?#]", rest, maxsplit=1)[0]


class NoAnswer(ApiError):
    """No answer came: the connection was refused, lost or timed out."""

    resends = None


class UnreadableAnswer(ApiError):
    """An answer came, but it is cut, no JSON, or not of the documented shape."""

    resends = None


class UnreadableField(UnreadableAnswer):
    """WeData answered, but a field that decides has a value that can't be read."""


class ContradictoryAnswer(ApiError):
    """WeData answered with rows that lie outside the window asked for: a time zone was misread somewhere."""


class ListNotAtRest(ApiError):
    """Rows kept coming and going while the list was read, so that nobody can say that it is whole."""


class Refused(ApiError):
    """WeData answered with an error code.

    :param code: WeData's code, such as ``AuthFailure.SignatureFailure``.
    :param message: WeData's text, in the connection's language.
    :param request_id: what Tencent Cloud's support asks for; empty if the answer had none.
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
        """Return the error of the class that the code stands for."""
        return _class_of(code)(code, message, request_id)


class Throttled(Refused):
    """Over the request limit of 20 a second, or of the account."""

    resends = None


class ServerTrouble(Refused):
    """WeData is busy or its service is down for a while."""

    resends = None


class InternalTrouble(Refused):
    """``InternalError``: sometimes over at the second try, sometimes for good; so resent twice at most."""

    resends = 2


class AuthRefused(Refused):
    """The SecretId, the SecretKey, the session token or the clock is wrong."""

    final = True


class PermissionRefused(Refused):
    """The key is right, but it may not do this: no CAM policy, or no member of the project."""

    final = True


class ParameterRefused(Refused):
    """The request can never succeed as it is: unknown project, region, action or value."""

    final = True


# Codes: https://www.tencentcloud.com/document/product/1174/60854 and the action's own page. The longest
# prefix at a dot decides. What is not here (FailedOperation, LimitExceeded, ResourceNotFound, tomorrow's
# codes) is a plain `Refused`: opaque, so neither resent at once nor the end of a wait.
_CODES: dict[str, type[Refused]] = {
    "RequestLimitExceeded": Throttled,
    "InternalError": InternalTrouble,
    "ServiceUnavailable": ServerTrouble,
    "ResourceUnavailable": ServerTrouble,
    "ResourceInUse": ServerTrouble,
    "InvalidParameter.ServiceIsBusy": ServerTrouble,  # "busy, try later", whatever its first half says
    "AuthFailure": AuthRefused,
    "AuthFailure.UnauthorizedOperation": PermissionRefused,  # CAM says no to a valid key
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
