"""Verify the signature of a request: TC3-HMAC-SHA256, written from its public description alone.

https://www.tencentcloud.com/document/product/213/30654 (Signature Method v3). Uses the received request only, and
shares no code with the client whose signatures it verifies.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_wedata.emulator.messages import Refusal, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "TC3-HMAC-SHA256"
TOLERANCE = 300.0  # seconds between the signer's clock and ours
REQUIRED_HEADERS = ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp")
SIGNED_AT_LEAST = {"content-type", "host"}
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} "
    r"Credential=(?P<secret_id>[^/, ]+)/(?P<date>\d{4}-\d\d-\d\d)/(?P<service>[a-z0-9]+)/tc3_request, *"
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account: a key pair, its session token if it needs one, and the projects of the user."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    projects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parsed Authorization header: what the request claims."""

    secret_id: str
    date: str
    service: str
    signed: tuple[str, ...]
    signature: str

    @classmethod
    def of(cls, request: Request) -> Authorization:
        """Parse the header of a request.

        :raises Refusal: if it is missing or malformed.
        """
        found = AUTHORIZATION.fullmatch(request.header("Authorization") or "")
        if found is None:
            raise Refusal(
                "AuthFailure.InvalidAuthorization", "The Authorization header is missing or malformed."
            )
        secret_id, date, service, signed, signature = found.groups()
        return cls(secret_id, date, service, tuple(signed.split(";")), signature)


def verify(
    request: Request, accounts: Mapping[str, Account], *, now: float, service: str = "wedata"
) -> Account:
    """Return the account that signed the request.

    :param now: epoch seconds, for the expiry of the signature.
    :raises Refusal: as the service would refuse it.
    """
    for name in REQUIRED_HEADERS:
        if request.header(name) is None:
            raise Refusal("MissingParameter", f"The request is missing the header {name}.")
    claim = Authorization.of(request)
    signed_at = _timestamp(request, now)
    account = accounts.get(claim.secret_id)
    if account is None:
        raise Refusal("AuthFailure.SecretIdNotFound", "The SecretId is not found.")
    expected = sign(request, claim.signed, account.secret_key, signed_at, service)
    scope = (f"{datetime.fromtimestamp(signed_at, UTC):%Y-%m-%d}", service)
    if scope != (claim.date, claim.service) or not hmac.compare_digest(expected, claim.signature):
        raise Refusal("AuthFailure.SignatureFailure", "The provided credentials could not be validated.")
    if (request.header("X-TC-Token") or "") != (account.token or ""):
        raise Refusal("AuthFailure.TokenFailure", "The token is missing, wrong or expired.")
    return account


def sign(request: Request, signed: tuple[str, ...], secret_key: str, timestamp: int, service: str) -> str:
    """Return the signature of the request with this key."""
    date = f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}"
    canonical = hashlib.sha256(canonical_request(request, signed)).hexdigest()
    key = f"TC3{secret_key}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    statement = f"{ALGORITHM}\n{timestamp}\n{date}/{service}/tc3_request\n{canonical}"
    return hmac.digest(key, statement.encode(), "sha256").hex()


def canonical_request(request: Request, signed: tuple[str, ...]) -> bytes:
    """Return the text that is signed: header names and values in lower case and trimmed, as documented."""
    if list(signed) != sorted(set(signed)) or not set(signed) >= SIGNED_AT_LEAST:
        raise Refusal(
            "AuthFailure.InvalidAuthorization", "SignedHeaders must be sorted, with content-type and host."
        )
    path, _, query = request.path.partition("?")
    headers = "".join(f"{name}:{(request.header(name) or '').strip().lower()}\n" for name in signed)
    body = hashlib.sha256(request.body).hexdigest()
    return f"{request.method}\n{path}\n{query}\n{headers}\n{';'.join(signed)}\n{body}".encode()


def _timestamp(request: Request, now: float) -> int:
    value = request.header("X-TC-Timestamp") or ""
    if not re.fullmatch(r"\d{1,12}", value):
        raise Refusal("InvalidParameterValue", "The header X-TC-Timestamp is not a whole number of seconds.")
    if abs(int(value) - now) > TOLERANCE:
        raise Refusal(
            "AuthFailure.SignatureExpire", "The signature has expired: the clocks are over 5 minutes apart."
        )
    return int(value)
