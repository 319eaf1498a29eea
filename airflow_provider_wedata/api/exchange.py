"""How one question gets its answer: sign, send, decode, and try again; without a socket, a sleep or a clock.

A flow is a generator. It yields `Turn`, `Send` or `Sleep`, is handed a `Slot`, `Reply` or `Lost`, or the time, and
returns the parsed answer. Whoever runs it (client.py, or a test with replies made by hand) does the waiting
and sending.
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
    """One moment on two clocks: `utc`, seconds since the epoch, and `ticks`, monotonic seconds."""

    utc: float
    ticks: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Please come back with a `Slot` of this budget, when this place in its queue has its turn."""

    budget: RateLimiter
    place: Place


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to send one request, from now on."""

    now: Now
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Send:
    """Please send this, and come back with a `Reply` or `Lost`."""

    request: Request


@dataclass(frozen=True, slots=True)
class Sleep:
    """Please come back after these seconds, with the time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whatever is in it; header names in lower case, the body as packed as it came.

    Of a body that `is_too_large` it is enough to have the beginning.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: Now


@dataclass(frozen=True, slots=True)
class Lost:
    """No HTTP answer. `may_have_arrived` is False only if the request certainly never left."""

    reason: str
    may_have_arrived: bool
    now: Now


Flow = Generator[Turn | Send | Sleep, Slot | Reply | Lost | Now, T]
_Outcome = Slot | Reply | Lost | Now


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The parsed answer to an operation, and how it came.

    :param sent: the attempt that was answered; `trip`: how many seconds later its answer was there.
    :param date: WeData's clock as the answer came, seconds since the epoch; None if it did not say.
    :param attempts: how often it was sent in all; `throttled`: how many of them were "too many".
    """

    value: T
    sent: Now
    trip: float
    date: float | None
    attempts: int
    throttled: int


@dataclass(frozen=True, slots=True)
class Channel:
    """The way to one endpoint with one set of credentials; what `exchange` needs to know.

    :param host: as in the Host header.
    :param region: X-TC-Region, which WeData requires.
    :param language: of WeData's messages, ``en-US`` or ``zh-CN``.
    :param budget: from an action's name to its share of requests.
    :param chance: a random number from 0 to 1, for the jitter.
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
        """Ask once and return the parsed answer, after as many attempts as the kind of trouble is worth.

        :param place: where each attempt stands in the queue for a slot.
        :raises ApiError: the last trouble, when its attempts are spent or it is not worth any.
        """
        return (yield from self.answered(operation, place)).value

    def answered(self, operation: Operation[T], place: Place = _ANYWHERE) -> Flow[Answer[T]]:
        """Do what `exchange` does, and tell too how the answer came."""
        budget = self.budget(operation.action)
        attempt = throttled = 0
        while True:
            slot = outcome = yield Turn(budget, place)
            if not isinstance(slot, Slot):
                raise TypeError(f"a flow that asks for its turn is handed a slot, not {slot!r}")
            trouble: ApiError
            try:
                outcome = yield Send(self._signed(operation, slot.now.utc))
                value = operation.parse(_response(outcome, self.host))
                trip = _ticks(outcome) - slot.now.ticks
                return Answer(value, slot.now, trip, date_of(outcome), attempt + 1, throttled)
            except ApiError as error:
                trouble = error
            finally:
                _give_back(budget, slot.ticket, outcome)
            if isinstance(trouble, Throttled):
                budget.throttled(_ticks(outcome))
                throttled += 1
            if not _worth_another(operation, outcome, trouble, attempt, self.retry):
                raise _explained(trouble, outcome)
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
    """Return the answer's ``Response``: the body first, whatever status and content type say; then the status.

    WeData's errors come with HTTP 200; a gateway's may come with any status, with WeData's JSON or its own HTML.
    """
    if isinstance(outcome, Lost):
        raise NoAnswer(f"{host}: {outcome.reason}")
    if not isinstance(outcome, Reply):
        raise TypeError(f"a flow that sends is handed a reply, not {outcome!r}")
    try:
        response = _envelope(outcome)
    except BrokenBody as broken:
        raise NoAnswer(
            f"{host}: the answer broke on the way; its gzip can't be unpacked: {broken}"
        ) from broken
    error = response.get("Error")
    if error is not None:
        if not isinstance(error, dict) or not error.get("Code"):
            raise UnreadableAnswer(f"Response.Error is {describe(error)}; expected an object with a Code")
        told = (error["Code"], error.get("Message"), response.get("RequestId"))
        raise Refused.of(*map(_as_text, told))
    if outcome.status != 200:  # noqa: PLR2004 - HTTP's own number
        raise UnreadableAnswer(f"HTTP status {outcome.status}, with an answer that names no error")
    return response


def _envelope(reply: Reply) -> Mapping[str, Any]:
    body = _unpacked(reply)
    try:
        response = parse_json(body)["Response"]
    except (ValueError, KeyError, TypeError, RecursionError):
        response = None
    if not isinstance(response, dict):
        kind = describe(reply.headers.get("content-type", "no content type"))
        raise UnreadableAnswer(
            f"HTTP status {reply.status}, {len(body)} bytes of {kind} that are not WeData's{_elsewhere(reply)}: "
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
            f"HTTP status {reply.status}, with the Content-Encoding {describe(encoding)}, which was not asked "
            "for; expected gzip or none"
        )
    if too_large or len(body) > MOST_BYTES:
        raise UnreadableAnswer(
            f"HTTP status {reply.status}, with more than {MOST_BYTES} bytes, unpacked; expected a page of "
            "WeData's, which has some 100,000"
        )
    return body


def _elsewhere(reply: Reply) -> str:
    # A redirect is not followed: it would carry the session token to another host.
    if "location" not in reply.headers:
        return ""
    return f" (a redirect to {describe(without_secrets(reply.headers['location']))}, not followed)"


def _worth_another(
    operation: Operation[Any], outcome: object, trouble: ApiError, attempt: int, retry: RetryPolicy
) -> bool:
    allowed = retry.retries if trouble.resends is None else min(trouble.resends, retry.retries)
    arrived = not isinstance(trouble, Throttled) and not (
        isinstance(outcome, Lost) and not outcome.may_have_arrived
    )
    return attempt < allowed and (operation.repeatable or not arrived)


def _explained(trouble: ApiError, outcome: object) -> ApiError:
    """Add what only the HTTP answer tells: by how much the clocks differ, if that is the trouble."""
    if not isinstance(trouble, AuthRefused) or not trouble.code.endswith("SignatureExpire"):
        return trouble
    date = date_of(outcome)
    if not isinstance(outcome, Reply) or date is None:
        return trouble
    ahead = outcome.now.utc - date
    told = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} WeData's"
    text = f"{trouble.message} This machine's clock is {told}; 300 s are allowed"
    return AuthRefused(trouble.code, text, trouble.request_id)


def date_of(outcome: object) -> float | None:
    """Return WeData's clock as it answered, seconds since the epoch; None if it did not say, or did not answer."""
    if not isinstance(outcome, Reply):
        return None
    try:
        date = parsedate_to_datetime(outcome.headers["date"])
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (KeyError, ValueError, OverflowError):  # of a year 99999, of a time zone a day away
        return None
