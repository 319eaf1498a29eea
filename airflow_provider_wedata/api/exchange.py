"""One request and its response: sign, send, decode and retry, without a socket, a sleep or a clock.

A flow is a generator. It yields `Turn`, `Send` or `Sleep`, receives a `Slot`, `Reply`, `Lost` or the time, and
returns the parsed response. Its driver waits and sends: client.py, async_client.py, or a test with handmade
replies.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_wedata.api.body import MOST_BYTES, BrokenBody, is_too_large, parse_json, unpack
from airflow_provider_wedata.api.errors import (
    ApiError,
    AuthRefused,
    NoAnswer,
    Refused,
    Throttled,
    UnreadableAnswer,
    describe,
    without_secrets,
)
from airflow_provider_wedata.api.operations import SERVICE, VERSION, Operation
from airflow_provider_wedata.api.rate_limit import Place, RateLimiter, Ticket
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.signing import Request, signed

if TYPE_CHECKING:
    from airflow_provider_wedata.api.credentials import Credentials

T = TypeVar("T")
_ANYWHERE = Place()


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on two clocks: `utc` in seconds since the epoch, `ticks` in monotonic seconds."""

    utc: float
    ticks: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Asks the driver to wait for a `Slot` of this rate limiter, at this place in its queue."""

    budget: RateLimiter
    place: Place


@dataclass(frozen=True, slots=True)
class Slot:
    """Permission to send one request, from `now` on."""

    now: Now
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Send:
    """Asks the driver to send this and to return a `Reply` or `Lost`."""

    request: Request


@dataclass(frozen=True, slots=True)
class Sleep:
    """Asks the driver to sleep and to return the time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Any HTTP response: header names in lower case, the body still compressed.

    If the body `is_too_large`, its beginning is enough.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: Now


@dataclass(frozen=True, slots=True)
class Lost:
    """No HTTP response. `may_have_arrived` is False only if the request certainly was not sent."""

    reason: str
    may_have_arrived: bool
    now: Now


Flow = Generator[Turn | Send | Sleep, Slot | Reply | Lost | Now, T]
_Outcome = Slot | Reply | Lost | Now


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The parsed response to an operation, and how it was obtained.

    :param sent: when the successful attempt was sent.
    :param trip: seconds from then until its response.
    :param date: WeData's clock in the response, in seconds since the epoch; None if it has no valid Date header.
    :param attempts: how many requests were sent.
    :param throttled: how many of them were throttled.
    """

    value: T
    sent: Now
    trip: float
    date: float | None
    attempts: int
    throttled: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One endpoint with one set of credentials: what `exchange` needs to know.

    :param host: the Host header.
    :param region: the X-TC-Region header, which WeData requires.
    :param budget: returns the rate limiter of an action, by its name.
    :param language: language of WeData's messages, ``en-US`` or ``zh-CN``.
    :param caller: the X-TC-RequestClient and User-Agent headers.
    :param retry: when a failed attempt is repeated.
    :param chance: returns a random number from 0 to 1, for the jitter.
    """

    host: str
    region: str
    credentials: Credentials
    budget: Callable[[str], RateLimiter]
    language: str = "en-US"
    caller: str = "airflow-provider-wedata"
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    chance: Callable[[], float] = random.random

    def exchange(self, operation: Operation[T], place: Place = _ANYWHERE) -> Flow[T]:
        """Return the parsed response; retry as often as the class of error allows.

        :param place: the place of each attempt in the queue for a slot.
        :raises ApiError: the last error, if no attempts are left or it is not worth a retry.
        """
        return (yield from self.answered(operation, place)).value

    def answered(self, operation: Operation[T], place: Place = _ANYWHERE) -> Flow[Answer[T]]:
        """Do the same as `exchange`, and also return how the response was obtained."""
        budget = self.budget(operation.action)
        attempt = throttled = 0
        while True:
            slot = outcome = yield Turn(budget, place)
            if not isinstance(slot, Slot):
                raise TypeError(f"the flow received {slot!r} for a Turn; expected a Slot")
            failure: ApiError
            try:
                outcome = yield Send(self._signed(operation, slot.now.utc))
                value = operation.parse(_response(outcome, self.host))
                trip = _ticks(outcome) - slot.now.ticks
                return Answer(value, slot.now, trip, date_of(outcome), attempt + 1, throttled)
            except ApiError as error:
                failure = error
            finally:
                _give_back(budget, slot.ticket, outcome)
            if isinstance(failure, Throttled):
                budget.throttled(_ticks(outcome))
                throttled += 1
            if not _worth_another(operation, outcome, failure, attempt, self.retry):
                raise _explained(failure, outcome)
            yield Sleep(self.retry.delay(attempt, self.chance()))
            attempt += 1

    def _signed(self, operation: Operation[Any], now: float) -> Request:
        return signed(
            credentials=self.credentials,
            host=self.host,
            service=SERVICE,
            parameters=operation.parameters,
            now=now,
            headers={
                "X-TC-Action": operation.action,
                "X-TC-Version": VERSION,
                "X-TC-Region": self.region,
                "X-TC-Language": self.language,
                "X-TC-RequestClient": self.caller,
                "User-Agent": self.caller,
                "Accept-Encoding": "gzip",
            },
        )


def _give_back(budget: RateLimiter, ticket: Ticket, outcome: _Outcome) -> None:
    if isinstance(outcome, Reply):
        budget.answered(ticket, outcome.now.ticks)
    else:
        budget.lost(ticket, _ticks(outcome))


def _ticks(outcome: _Outcome) -> float:
    return outcome.ticks if isinstance(outcome, Now) else outcome.now.ticks


def _response(outcome: _Outcome, host: str) -> Mapping[str, Any]:
    """Return the ``Response`` object. The body decides first, whatever the content type; then the status.

    WeData sends errors with HTTP 200. A gateway may send any status, with WeData's JSON or its own HTML.
    """
    if isinstance(outcome, Lost):
        raise NoAnswer(f"{host}: {outcome.reason}")
    if not isinstance(outcome, Reply):
        raise TypeError(f"the flow received {outcome!r} for a Send; expected a Reply or Lost")
    try:
        response = _envelope(outcome)
    except BrokenBody as broken:
        raise NoAnswer(
            f"{host}: the response was damaged on the way; its gzip can't be decompressed: {broken}"
        ) from broken
    error = response.get("Error")
    if error is not None:
        if not isinstance(error, dict) or not error.get("Code"):
            raise UnreadableAnswer(f"Response.Error is {describe(error)}; expected an object with a Code")
        parts = (error["Code"], error.get("Message"), response.get("RequestId"))
        raise Refused.of(*map(_as_text, parts))
    if outcome.status != 200:  # noqa: PLR2004 - HTTP's own number
        raise UnreadableAnswer(f"HTTP status {outcome.status}, with a response that names no error")
    return response


def _envelope(reply: Reply) -> Mapping[str, Any]:
    body = _unpacked(reply)
    try:
        response = parse_json(body)["Response"]
    except (ValueError, KeyError, TypeError, RecursionError):
        response = None
    if not isinstance(response, dict):
        content_type = describe(reply.headers.get("content-type", "no content type"))
        raise UnreadableAnswer(
            f"HTTP status {reply.status}, {len(body)} bytes of {content_type} that are not WeData's"
            f"{_elsewhere(reply)}: "
            f"{body[:80]!r}"
        )
    return response


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else describe(value) if value else ""


def _unpacked(reply: Reply) -> bytes:
    encoding = reply.headers.get("content-encoding", "")
    too_large = is_too_large(reply.headers, len(reply.body))
    body = b"" if too_large else unpack(reply.body, encoding)
    if body is None:
        raise UnreadableAnswer(
            f"HTTP status {reply.status}, with the Content-Encoding {describe(encoding)}, which was not "
            "requested; expected gzip or none"
        )
    if too_large or len(body) > MOST_BYTES:
        raise UnreadableAnswer(
            f"HTTP status {reply.status}, with more than {MOST_BYTES} bytes, decompressed; expected a page of "
            "WeData's, which has about 100,000"
        )
    return body


def _elsewhere(reply: Reply) -> str:
    # A redirect is not followed: it would carry the session token to another host.
    if "location" not in reply.headers:
        return ""
    return f" (a redirect to {describe(without_secrets(reply.headers['location']))}, not followed)"


def _worth_another(
    operation: Operation[Any], outcome: object, failure: ApiError, attempt: int, retry: RetryPolicy
) -> bool:
    allowed = retry.retries if failure.resends is None else min(failure.resends, retry.retries)
    arrived = not isinstance(failure, Throttled) and not (
        isinstance(outcome, Lost) and not outcome.may_have_arrived
    )
    return attempt < allowed and (operation.repeatable or not arrived)


def _explained(failure: ApiError, outcome: object) -> ApiError:
    """Add the difference of the clocks, known from the HTTP response, to an expired signature."""
    if not isinstance(failure, AuthRefused) or not failure.code.endswith("SignatureExpire"):
        return failure
    date = date_of(outcome)
    if not isinstance(outcome, Reply) or date is None:
        return failure
    ahead = outcome.now.utc - date
    difference = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} WeData's"
    message = f"{failure.message} This machine's clock is {difference}; 300 s are allowed"
    return AuthRefused(failure.code, message, failure.request_id)


def date_of(outcome: object) -> float | None:
    """Return the Date of a reply in seconds since the epoch; None if there is no reply or no valid Date."""
    if not isinstance(outcome, Reply):
        return None
    try:
        date = parsedate_to_datetime(outcome.headers["date"])
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (KeyError, ValueError, OverflowError):  # such as the year 99999, or a zone a day away
        return None
