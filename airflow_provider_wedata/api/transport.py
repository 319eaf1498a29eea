"""How to reach an endpoint: what both clients share, independent of the HTTP library.

Sending is left to client.py and async_client.py.
"""

from __future__ import annotations

import math
import os
import ssl
from dataclasses import dataclass, field
from typing import Any

import certifi

from airflow_provider_wedata.api.dispatcher import now
from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.exchange import Lost, Reply

#: Requests. More only cost: httpx's pool needs 25 s of CPU for 1,000, and WeData accepts 20 per second.
MOST_UNDER_WAY = 20


@dataclass(frozen=True, slots=True)
class Transport:
    """How to reach an endpoint.

    :param url: scheme and host, without a path.
    :param timeout: seconds for one whole attempt.
    :param proxy: as in requests; None: from the environment.
    :param verify: False disables the verification of the server's certificate.
    :param ca_bundle: path of the certificates to trust; None: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or certifi's.
    """

    url: str
    timeout: float = 30.0
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    verify: bool = True
    ca_bundle: str | None = None

    @property
    def trusted(self) -> str:
        """The path of the certificates to trust."""
        environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return self.ca_bundle or environment or certifi.where()


class TimeLimit:
    """The deadline of a flow. Its clock starts at the first slot and stops while the flow waits for its turn."""

    def __init__(self, seconds: float | None) -> None:
        self._left = math.inf if seconds is None else seconds
        self.ends = math.inf

    def stand(self, now: float) -> None:
        """Stop the clock while the flow waits for its turn."""
        self._left = min(self._left, self.ends - now)
        self.ends = math.inf

    def run(self, now: float) -> None:
        """Start the clock again."""
        self.ends = now + self._left


def tls_context(transport: Transport) -> ssl.SSLContext:
    """Return the TLS context of a transport.

    :raises InvalidRequest: if the certificates can't be loaded.
    """
    try:
        context = ssl.create_default_context(cafile=transport.trusted)
    except OSError as error:  # an SSLError is one
        raise InvalidRequest(
            "ca_bundle",
            f"{transport.trusted!r} can't be read as certificates ({error.strerror}); expected a file in PEM "
            "format, from ca_bundle, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE",
        ) from None
    if not transport.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def reply(status: int, headers: Any, body: bytes) -> Reply:
    """Return a response received now, as the exchange expects it."""
    return Reply(status, {name.lower(): value for name, value in headers.items()}, body, now())


def lost(error: BaseException, *, never_left: bool) -> Lost:
    """Return why a request got no response, now: the error's class and the operating system's message.

    No other message is used: those of requests may quote a header with the session token, or a proxy's URL with
    its password.
    """
    name, inner = type(error).__name__, error
    while not (isinstance(inner, OSError) and inner.strerror):
        cause = inner.__cause__ or inner.__context__
        if cause is None:
            return Lost(name, may_have_arrived=not never_left, now=now())
        inner = cause
    return Lost(f"{name}: {inner.strerror}", may_have_arrived=not never_left, now=now())
