"""The published vectors verify, and an invalid signature is refused with the right code."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_wedata.emulator import Emulator, Reply, Request, SteppedClock
from airflow_provider_wedata.emulator.messages import Refusal
from airflow_provider_wedata.emulator.signature import Account, canonical_request, verify

KEY = "*" * 32
ACCOUNT = Account("AKID-of-the-docs", KEY)


def request(host: str, signed: str, signature: str, *, date: str, service: str, **parts: str) -> Request:
    authorization = (
        f"TC3-HMAC-SHA256 Credential={ACCOUNT.secret_id}/{date}/{service}/tc3_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    headers = {
        "Authorization": authorization,
        "Host": host,
        "Content-Type": parts["content_type"],
        "X-TC-Action": parts["action"],
        "X-TC-Version": "2025-08-06",
        "X-TC-Timestamp": parts["timestamp"],
    }
    return Request("POST", "/", headers, parts["body"].encode())


VECTOR_A = request(
    "cvm.tencentcloudapi.com",
    "content-type;host;x-tc-action",
    "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
    date="2019-02-25",
    service="cvm",
    content_type="application/json; charset=utf-8",
    action="DescribeInstances",
    timestamp="1551113065",
    body=r'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}',
)
VECTOR_W = request(
    "wedata.tencentcloudapi.com",
    "content-type;host",
    "7c5b778d045dafd7b18410d1a0a98b7243dbae218d6937e8cc6d69c7aad70fa3",
    date="2025-08-27",
    service="wedata",
    content_type="application/json",
    action="ListTaskInstances",
    timestamp="1756296000",
    body='{"ProjectId": "1460947878944567296", "PageSize": 1, "TimeZone": "UTC+6"}',
)


@pytest.mark.parametrize(
    ("vector", "now", "service"),
    [
        pytest.param(VECTOR_A, 1551113065, "cvm", id="of the documentation"),
        pytest.param(VECTOR_W, 1756296000, "wedata", id="of the official SDK"),
    ],
)
def test_the_vectors_verify(vector: Request, now: float, service: str) -> None:
    accounts = {ACCOUNT.secret_id: ACCOUNT}
    assert verify(vector, accounts, now=now, service=service) == ACCOUNT
    with pytest.raises(Refusal, match=r"AuthFailure\.SignatureFailure"):
        verify(vector, {ACCOUNT.secret_id: Account(ACCOUNT.secret_id, "other")}, now=now, service=service)


def test_names_and_values_are_lower_case_and_trimmed() -> None:
    request = Request("POST", "/?a=b", {"HOST": " Example.COM ", "content-type": "Application/JSON"}, b"{}")
    assert canonical_request(request, ("content-type", "host")).decode().splitlines()[:6] == [
        "POST",
        "/",
        "a=b",
        "content-type:application/json",
        "host:example.com",
        "",
    ]


def code_of(reply: Any) -> str | None:
    assert isinstance(reply, Reply)
    return reply.error


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"key": "wrong"}, "AuthFailure.SignatureFailure"),
        ({"headers": {"X-TC-Action": None}}, "MissingParameter"),
        ({"headers": {"X-TC-Version": None}}, "MissingParameter"),
        ({"headers": {"X-TC-Timestamp": None}}, "MissingParameter"),
        ({"headers": {"X-TC-Region": None}}, "MissingParameter"),
        ({"headers": {"X-TC-Timestamp": "soon"}}, "InvalidParameterValue"),
        ({"headers": {"X-TC-Token": "nobody asked"}}, "AuthFailure.TokenFailure"),
    ],
)
def test_an_invalid_signature_has_its_code(
    wedata: Emulator, sign_request: Any, changes: dict[str, Any], code: str | None
) -> None:
    params = {"ProjectId": wedata.world.project_ids[0]}
    assert code_of(wedata.answer(sign_request(wedata, params=params, **changes))) == code


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(-301, "AuthFailure.SignatureExpire"), (-300, None), (300, None), (301, "AuthFailure.SignatureExpire")],
)
def test_five_minutes_are_the_limit(
    wedata: Emulator, sign_request: Any, seconds: int, code: str | None
) -> None:
    signed = sign_request(wedata, "ListProjects", at=wedata.clock.now() + seconds)
    assert code_of(wedata.answer(signed)) == code


def altered(signed: Request, authorization: str) -> Request:
    return Request(
        signed.method, signed.path, {**signed.headers, "Authorization": authorization}, signed.body
    )


def test_the_authorization_has_one_form(wedata: Emulator, sign_request: Any) -> None:
    signed = sign_request(wedata, "ListProjects")
    whole = signed.headers["Authorization"]
    forms = {
        "": "AuthFailure.InvalidAuthorization",
        "Basic YTpi": "AuthFailure.InvalidAuthorization",
        whole.replace("content-type;host", "host"): "AuthFailure.InvalidAuthorization",
        whole.replace("content-type;host", "host;content-type"): "AuthFailure.InvalidAuthorization",
        whole.replace(wedata.account.secret_id, "nobody"): "AuthFailure.SecretIdNotFound",
        whole.replace("/2026-03-01/", "/2026-03-02/"): "AuthFailure.SignatureFailure",
        whole.replace("/wedata/", "/cvm/"): "AuthFailure.SignatureFailure",
        whole: None,
    }
    assert {form: code_of(wedata.answer(altered(signed, form))) for form in forms} == forms


def test_what_was_signed_is_what_was_received(wedata: Emulator, sign_request: Any) -> None:
    signed = sign_request(wedata, "ListProjects")
    other_body = Request(signed.method, signed.path, signed.headers, b'{"PageSize": 1}')
    other_host = Request(signed.method, signed.path, {**signed.headers, "Host": "elsewhere"}, signed.body)
    other_path = Request(signed.method, "/proxy", signed.headers, signed.body)
    empty_query = Request(signed.method, "/?", signed.headers, signed.body)
    codes = [code_of(wedata.answer(one)) for one in (other_body, other_host, other_path, empty_query)]
    assert codes == ["AuthFailure.SignatureFailure"] * 3 + [None]


def test_a_session_token_has_to_come_along(sign_request: Any) -> None:
    wedata = Emulator(token="of the session", clock=SteppedClock("2026-03-01 12:00:00"))
    tokens = {"of the session": None, "another": "AuthFailure.TokenFailure", None: "AuthFailure.TokenFailure"}
    answers = {
        token: code_of(wedata.answer(sign_request(wedata, "ListProjects", headers={"X-TC-Token": token})))
        for token in tokens
    }
    assert answers == tokens


def test_a_secret_is_in_no_representation() -> None:
    wedata = Emulator(secret_key="very secret", token="also secret")
    assert "secret" not in repr(wedata.account).replace("secret_id", "").replace("made-up-secret-id", "")
