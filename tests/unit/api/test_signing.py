"""The signature: published vectors, the day in UTC, and that nothing secret is ever shown."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from tencentcloud.common.sign import Sign

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.signing import Request, signed
from airflow_provider_wedata.api.transport import Transport

KEY = "*" * 32  # of the documentation


def sign(*, now: float = 1756296000, token: str | None = None, **parameters: object) -> Request:
    return signed(
        credentials=Credentials("AKID-of-the-docs", KEY, token),
        host="wedata.tencentcloudapi.com",
        service="wedata",
        parameters=parameters,
        now=now,
        headers={"X-TC-Action": "ListTaskInstances"},
    )


def test_the_vector_of_the_official_sdk_holds() -> None:
    request = sign(ProjectId="1460947878944567296", PageSize=1, TimeZone="UTC+6")
    assert request.body == b'{"ProjectId": "1460947878944567296", "PageSize": 1, "TimeZone": "UTC+6"}'
    assert dict(request.headers) == {
        "Content-Type": "application/json",
        "Host": "wedata.tencentcloudapi.com",
        "X-TC-Timestamp": "1756296000",
        "Authorization": "TC3-HMAC-SHA256 Credential=AKID-of-the-docs/2025-08-27/wedata/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=7c5b778d045dafd7b18410d1a0a98b7243dbae218d6937e8cc6d69c7aad70fa3",
        "X-TC-Action": "ListTaskInstances",
    }


def test_the_vector_of_the_documentation_holds_for_what_we_share_with_it() -> None:
    """It signs other headers than we do, so only the body and the final arithmetic are compared."""
    request = sign(Limit=1, Filters=[{"Values": ["未命名"], "Name": "instance-name"}])
    payload = sha256(request.body).hexdigest()
    assert payload == "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
    canonical = (
        "POST\n/\n\ncontent-type:application/json; charset=utf-8\nhost:cvm.tencentcloudapi.com\n"
        f"x-tc-action:describeinstances\n\ncontent-type;host;x-tc-action\n{payload}"
    )
    digest = sha256(canonical.encode()).hexdigest()
    assert digest == "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
    to_sign = f"TC3-HMAC-SHA256\n1551113065\n2019-02-25/cvm/tc3_request\n{digest}"
    signature = Sign.sign_tc3(KEY, "2019-02-25", "cvm", to_sign)
    assert signature == "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (1756339199.999, "2025-08-27"),
        (1756339200.0, "2025-08-28"),
        (1756339200.9, "2025-08-28"),
        (0, "1970-01-01"),
    ],
)
def test_the_day_is_utcs_and_the_second_is_whole(now: float, day: str) -> None:
    headers = sign(now=now).headers
    assert headers["Authorization"].split("/")[1] == day
    assert headers["X-TC-Timestamp"] == str(int(now))


@pytest.mark.parametrize(("token", "sent"), [("of the session", "of the session"), ("", None), (None, None)])
def test_a_token_is_sent_if_there_is_one(token: str | None, sent: str | None) -> None:
    assert sent == sign(token=token).headers.get("X-TC-Token")


def test_text_of_every_kind_goes_out_as_ascii() -> None:
    text = "任务 🚀 \x00 \ud800"
    body = sign(Keyword=text).body
    assert body.isascii()
    assert text == json.loads(body)["Keyword"]


@pytest.mark.parametrize(
    "value",
    [
        Credentials("id", "geheim", "geheim"),
        signed(
            credentials=Credentials("id", "key", "geheim"),
            host="h",
            service="wedata",
            parameters={"Keyword": "geheim"},
            now=0,
            headers={"X-Other": "geheim"},
        ),
        Transport("https://wedata.tencentcloudapi.com", proxy="http://user:geheim@proxy:3128"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_secret_is_shown(value: object) -> None:
    assert "geheim" not in repr(value) + str(value) + f"{value}"
    assert "Signature" not in repr(value)
