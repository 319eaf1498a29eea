"""How to reach an endpoint: what both clients share, independent of the HTTP library.

Sending is left to client.py and async_client.py.
"""

from __future__ import annotations

import math
import os
import re
import ssl
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from airflow_provider_wedata.api.dispatcher import now
from airflow_provider_wedata.api.errors import InvalidRequest, describe
from airflow_provider_wedata.api.exchange import Lost, Reply
from airflow_provider_wedata.api.proxies import check_installed, parse_proxy

#: Requests. More only cost: httpx's pool needs 25 s of CPU for 1,000, and WeData accepts 20 per second.
MOST_UNDER_WAY = 20
#: How the libraries tell that a proxy refused to connect. The rest of the text is the proxy's.
_REFUSED_BY_PROXY = re.compile(r"(?:Tunnel connection failed: )?(\d{3})\b")


@dataclass(frozen=True, slots=True)
class Transport:
    """How to reach an endpoint.

    :param url: scheme and host, without a path.
    :param timeout: seconds for one whole attempt.
    :param proxy: as in requests; None: from the environment.
    :param verify: False disables the verification of the server's certificate.
    :param ca_bundle: a file or directory of certificates to trust; None: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or
        certifi's.
    """

    url: str
    timeout: float = 30.0
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    verify: bool = True
    ca_bundle: str | None = None

    @property
    def trusted(self) -> str:
        """The file or directory of certificates to trust."""
        environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return self.ca_bundle or environment or certifi.where()

    @property
    def bundle(self) -> str | None:
        """What the server's certificate is checked with; None if it has none, or if nobody checks it."""
        return self.trusted if self.verify and self.url.startswith("https:") else None

    def resolved(self) -> Transport:
        """Return the same, with what the environment says of it by requests' rules; no proxy then means none.

        Both clients do as this says, and neither looks at the environment itself.

        :raises InvalidRequest: if the proxy can't be used.
        """
        return replace(self, proxy=self._chosen_proxy(), ca_bundle=self.bundle)

    def _chosen_proxy(self) -> str | None:
        field, text = "proxy", self.proxy
        if text is None:
            field = f"{urlsplit(self.url).scheme.upper()}_PROXY or ALL_PROXY in the environment"
            text = (select_proxy(self.url, get_environ_proxies(self.url)) or "").strip()
        if not text:
            return None
        proxy = parse_proxy(text, field)
        check_installed(proxy, field)
        return proxy


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
    """Return the TLS context of a transport. Nothing is loaded where no certificate is verified.

    :raises InvalidRequest: if the certificates can't be loaded.
    """
    bundle = transport.bundle
    if bundle is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    is_directory = os.path.isdir(bundle)  # noqa: PTH112 - as requests finds out
    try:
        return ssl.create_default_context(
            cafile=None if is_directory else bundle, capath=bundle if is_directory else None
        )
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise InvalidRequest(
            "ca_bundle",
            f"{describe(bundle)} can't be read as certificates ({getattr(error, 'strerror', None) or error}); "
            "expected a file in PEM format or a directory of such, from ca_bundle, REQUESTS_CA_BUNDLE or "
            "CURL_CA_BUNDLE",
        ) from None


def reply(status: int, headers: Any, body: bytes) -> Reply:
    """Return a response received now, as the exchange expects it."""
    return Reply(status, {name.lower(): value for name, value in headers.items()}, body, now())


def lost(error: BaseException, *, never_left: bool) -> Lost:
    """Return why a request got no response: the operating system's message, or the status of a proxy's refusal.

    No other message is used: those of requests may quote a header with the session token, or a proxy's URL with
    its password.
    """
    name, inner = type(error).__name__, error
    while not (isinstance(inner, OSError) and inner.strerror):
        if name == "ProxyError" and (refused := _REFUSED_BY_PROXY.match(str(inner))):
            reason = f"the proxy refused to connect, with HTTP status {refused[1]}"
            return Lost(f"{name}: {reason}", may_have_arrived=not never_left, now=now())
        cause = inner.__cause__ or inner.__context__
        if cause is None:
            return Lost(name, may_have_arrived=not never_left, now=now())
        inner = cause
    return Lost(f"{name}: {inner.strerror}", may_have_arrived=not never_left, now=now())
