"""TC3-HMAC-SHA256: the headers that authenticate a request to Tencent Cloud. Pure: `now` is an argument.

The official SDK's `Sign.sign_tc3` computes the signature. The text to sign is built here, because the SDK does
that inside its client. Source: https://www.tencentcloud.com/document/product/213/30654 ("Signature v3").
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_wedata.api.credentials import Credentials

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json"
SIGNED_HEADERS = "content-type;host"


@dataclass(frozen=True, slots=True)
class Request:
    """One signed HTTP POST. `repr` hides headers and body: they hold the signature and the session token."""

    host: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def signed(
    *,
    credentials: Credentials,
    host: str,
    service: str,
    parameters: Mapping[str, object],
    now: float,
    headers: Mapping[str, str],
) -> Request:
    """Return the request with its signature.

    :param host: the Host header, with the port unless it is the scheme's default.
    :param service: Tencent Cloud's name of the service, such as ``wedata``.
    :param parameters: of the action; sent as JSON.
    :param now: seconds since the epoch; Tencent Cloud accepts a difference of up to 300 s to its own clock.
    :param headers: further headers, unsigned: ``X-TC-Action``, ``X-TC-Region`` and so on.
    """
    body = json.dumps(parameters).encode()
    token = {"X-TC-Token": credentials.token} if credentials.token else {}
    return Request(
        host=host,
        headers={
            "Content-Type": CONTENT_TYPE,
            "Host": host,
            "X-TC-Timestamp": str(int(now)),
            "Authorization": _authorization(credentials, host, service, body, int(now)),
            **token,
            **headers,
        },
        body=body,
    )


def _authorization(credentials: Credentials, host: str, service: str, body: bytes, now: int) -> str:
    from tencentcloud.common.sign import Sign  # noqa: PLC0415 - DAG files import this module but sign nothing

    canonical = "\n".join(
        [
            "POST",
            "/",
            "",  # no query string
            f"content-type:{CONTENT_TYPE}",
            f"host:{host}",
            "",  # ends the headers
            SIGNED_HEADERS,
            sha256(body).hexdigest(),
        ]
    )
    date = datetime.fromtimestamp(now, tz=UTC).date().isoformat()
    scope = f"{date}/{service}/tc3_request"
    to_sign = "\n".join([ALGORITHM, str(now), scope, sha256(canonical.encode()).hexdigest()])
    signature = Sign.sign_tc3(credentials.secret_key, date, service, to_sign)
    return (
        f"{ALGORITHM} Credential={credentials.secret_id}/{scope}, "
        f"SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    )
