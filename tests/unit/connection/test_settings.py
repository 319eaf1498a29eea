"""Every field of a connection: what it means, and how a wrong one is refused without showing a secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import parse_query
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.connection.fields import EXTRAS
from airflow_provider_wedata.connection.settings import Settings, parse_extra
from tests.fuzz.junk import Odd

KEY = "made-up-key"
SECRET = "do-not-tell-this"


def read(
    *,
    login: str | None = "made-up-id",
    password: str | None = KEY,
    host: str | None = None,
    port: int | None = None,
    override: str | None = None,
    **extra: Any,
) -> Settings:
    return Settings.parse(
        login=login,
        password=password,
        host=host,
        port=port,
        extra={"region": "ap-singapore", **extra},
        region=override,
    )


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    return caught.value


def test_a_key_and_a_region_are_enough() -> None:
    expected = Settings(
        url="https://wedata.intl.tencentcloudapi.com",
        credentials=Credentials("made-up-id", KEY),
        region="ap-singapore",
    )
    assert expected == read()


def test_the_defaults_are_those_of_the_form() -> None:
    settings = read()
    shown = {
        name: field["schema"]["default"] for name, field in EXTRAS.items() if "default" in field["schema"]
    }
    expected = {
        "site": settings.site,
        "time_zone": settings.time_zone.name,
        "credential_source": "connection",
        "request_timeout": settings.request_timeout,
        "retries": settings.retries,
        "requests_per_second": settings.requests_per_second,
        "verify": settings.verify,
        "allow_http": False,
        "language": settings.language,
    }
    assert shown == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("site", "china", "china"),
        ("region", "eu-frankfurt", "eu-frankfurt"),
        ("project_id", "1460947878944567296", "1460947878944567296"),
        ("project_id", 1460947878944567296, "1460947878944567296"),
        ("project_id", " 1460947878944567296\n", "1460947878944567296"),
        ("time_zone", "UTC-5", Zone("UTC-5")),
        ("time_zone", "Europe/Berlin", Zone("Europe/Berlin")),
        ("request_timeout", 7, 7.0),
        ("request_timeout", "7.5", 7.5),
        ("retries", 0, 0),
        ("retries", "3", 3),
        ("requests_per_second", 0.5, 0.5),
        ("requests_per_second", 1000, 1000.0),
        ("proxy", "http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("proxy", "HTTPS://proxy.example.com/", "https://proxy.example.com:443"),
        ("proxy", " me:pw@proxy.example.com:3128 ", "http://me:pw@proxy.example.com:3128"),
        ("proxy", "socks5://proxy.example.com", "socks5h://proxy.example.com:1080"),
        ("ca_bundle", __file__, __file__),
        ("ca_bundle", str(Path(__file__).parent), str(Path(__file__).parent)),
        ("verify", False, False),
        ("verify", "False", False),
        ("language", "zh-CN", "zh-CN"),
        ("console_url", "https://example.com/{project_id}", "https://example.com/{project_id}"),
    ],
)
def test_an_extra_means_what_it_says(field: str, value: object, expected: object) -> None:
    assert expected == getattr(read(**{field: value}), field)


def test_every_extra_of_the_form_is_read() -> None:
    values: dict[str, Any] = {name: None for name in EXTRAS if name != "region"}
    assert read() == read(**values)


@pytest.mark.parametrize("name", [name for name in EXTRAS if name != "region"])
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_null_and_blank_equal_absent(name: str, blank: str | None) -> None:
    assert read() == read(**{name: blank})


def test_temporary_credentials_have_a_token() -> None:
    assert Credentials("made-up-id", KEY, "made-up-token") == read(session_token="made-up-token").credentials


def test_keys_are_stripped_as_they_are_pasted() -> None:
    assert read() == read(login=" made-up-id\n", password=f"{KEY}\r\n")


@pytest.mark.parametrize("region", [None, ""])
def test_a_region_is_required(region: str | None) -> None:
    assert refusal(region=region).field == "region"


def test_a_task_may_name_another_region() -> None:
    assert read(override="ap-jakarta").region == "ap-jakarta"
    assert refusal(override="").field == "region"


@given(project_id=st.text(max_size=8) | st.from_regex("[Nn]one ?") | st.integers() | st.none())
def test_a_project_that_a_connection_may_name_is_one_that_a_filter_may_name(project_id: Any) -> None:
    try:
        named = read(project_id=project_id).project_id
    except InvalidRequest:
        return
    if named is not None:
        query = parse_query({}, project_id=named, time_zone=Zone("UTC+8"))
        assert (named, query) == (
            query.project_id,
            parse_query(query.to_filters(), project_id="", time_zone=Zone("UTC")),
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("site", "mars"),
        ("region", "Asia Pacific"),
        ("project_id", True),
        ("project_id", ["1"]),
        ("project_id", "1 2"),
        ("project_id", "None"),
        ("project_id", " None "),
        ("project_id", 7.0),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "UTC+99"),
        ("time_zone", "UTC+\uff18"),
        ("time_zone", "localtime"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", ["UTC"]),
        ("credential_source", "a_hat"),
        ("request_timeout", 0),
        ("request_timeout", "soon"),
        ("request_timeout", float("nan")),
        ("retries", -1),
        ("retries", 1.5),
        ("retries", True),
        ("retries", 10**400),
        ("requests_per_second", 0),
        ("requests_per_second", 1001),
        ("requests_per_second", [20]),
        ("verify", "perhaps"),
        ("verify", []),
        ("allow_http", 2),
        ("language", "en"),
        ("ca_bundle", "/no/such/file.pem"),
        ("ca_bundle", "/" + "a" * 5000),
        ("ca_bundle", "a\0b"),
        ("console_url", "ftp://example.com/{site}"),
        ("console_url", "https://example.com/{user}"),
        ("console_url", "https://example.com/{}"),
        ("console_url", "https://example.com/{site"),
        ("console_url", "https://example.com/{site.__class__}"),
        ("console_url", "https://example.com/{site:d}"),
    ],
)
def test_a_bad_value_is_refused_by_name_and_value(field: str, value: object) -> None:
    error = refusal(**{field: value})
    assert (field, True) == (error.field, str(value)[:20] in str(error) or repr(value)[:20] in str(error))


@pytest.mark.parametrize("field", sorted(EXTRAS))
def test_a_value_that_can_not_even_be_shown_is_refused_by_name(field: str) -> None:
    assert field == refusal(**{field: Odd()}).field


def test_an_unknown_extra_is_refused_with_the_known_ones() -> None:
    error = refusal(projectid=SECRET)
    assert error.field == "projectid"
    assert "project_id" in error.problem
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "fields",
    [
        {"login": None},
        {"login": ""},
        {"login": f"two {SECRET}"},
        {"password": None},
        {"password": " "},
        {"password": f"{SECRET}\x00"},
        {"password": f"{SECRET}é"},
        {"session_token": [SECRET]},
        {"session_token": f"{SECRET}é"},
        {"proxy": f"user:{SECRET}@proxy"},
        {"proxy": f"http://user:{SECRET}@proxy:99999"},
        {"proxy": f"ftp://user:{SECRET}@proxy"},
        {"proxy": f"http://user:{SECRET}/@proxy"},
        {"proxy": SECRET},
        {"host": f"https://user:{SECRET}@wedata.example.com"},
        {"host": f"user:{SECRET}@wedata.example.com/path"},
    ],
)
def test_a_bad_secret_is_refused_by_name_and_never_shown(fields: dict[str, Any]) -> None:
    error = refusal(**fields)
    assert error.field == next(iter(fields))
    assert SECRET not in str(error)


def test_settings_show_no_secret() -> None:
    shown = repr(read(password=SECRET, session_token=SECRET, proxy=f"http://user:{SECRET}@proxy:3128"))
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        (None, None, "https://wedata.intl.tencentcloudapi.com"),
        ("", 443, "https://wedata.intl.tencentcloudapi.com"),
        (None, 0, "https://wedata.intl.tencentcloudapi.com"),
        ("wedata.tencentcloudapi.com", None, "https://wedata.tencentcloudapi.com"),
        (" WeData.TencentCloudAPI.com ", None, "https://wedata.tencentcloudapi.com"),
        ("https://wedata.tencentcloudapi.com/", 443, "https://wedata.tencentcloudapi.com"),
        ("gateway.example.com", 8443, "https://gateway.example.com:8443"),
        ("gateway.example.com:8443", None, "https://gateway.example.com:8443"),
        ("gateway.example.com:8443", 8443, "https://gateway.example.com:8443"),
        ("https://gateway.example.com:8443", None, "https://gateway.example.com:8443"),
        ("127.0.0.1:8080", None, "http://127.0.0.1:8080"),
        ("127.0.0.1", 8080, "http://127.0.0.1:8080"),
        ("localhost", None, "http://localhost"),
        ("https://localhost:8443", None, "https://localhost:8443"),
        ("[::1]:8080", None, "http://[::1]:8080"),
        ("http://127.0.0.1:80", None, "http://127.0.0.1"),
    ],
)
def test_an_endpoint_has_many_forms(host: str | None, port: int | None, expected: str) -> None:
    settings = read(host=host, port=port)
    assert (expected, expected.partition("://")[2]) == (settings.url, settings.host)


def test_the_site_decides_the_endpoint_only_if_that_is_blank() -> None:
    assert read(site="china").host == "wedata.tencentcloudapi.com"
    assert read(site="china", host="gateway.example.com").host == "gateway.example.com"


@pytest.mark.parametrize(
    "host",
    [
        "https://wedata.example.com/v3",
        "wedata.example.com/v3",
        "https://wedata.example.com?a=b",
        "https://user@wedata.example.com",
        "ftp://wedata.example.com",
        "wedata.example.com:0",
        "wedata.example.com:99999",
        "wedata.example.com:https",
        "two words",
        "://",
        "https://",
    ],
)
def test_what_is_no_endpoint_is_refused(host: str) -> None:
    assert refusal(host=host).field == "host"


@pytest.mark.parametrize(
    "host",
    [
        f"https://me:{SECRET}@gateway.example.com/path?{SECRET}#{SECRET}",
        f"gateway.example.com/?SecretKey={SECRET}",
        f"gateway.example.com#{SECRET}",
        f"ftp://{SECRET}@gateway.example.com",
        f"me:{SECRET}@gateway.example.com?next=ftp://host",
        f"http://me:{SECRET[:4]}?{SECRET[4:]}@gateway.example.com",
        f"https://gateway.example.com?a={SECRET}@host",
        f"me:{SECRET}@gate_way",
    ],
)
def test_of_a_host_that_is_refused_no_part_is_shown_that_may_be_secret(host: str) -> None:
    for port in (None, 7):
        problem = refusal(host=host, port=port).problem.lower()
        assert SECRET.lower() not in problem
        assert SECRET[4:].lower() not in problem


def test_of_a_console_url_that_is_refused_no_part_is_shown_that_may_be_secret() -> None:
    assert SECRET not in refusal(console_url=f"https://{SECRET}@host/{{x}}?{SECRET}#{SECRET}").problem


@pytest.mark.parametrize(
    "host", ["http://wedata_emulator:8080", "wedata_emulator", "https://a_b.example.com/"]
)
def test_an_underscore_is_named_as_the_reason(host: str) -> None:
    assert refusal(host=host).problem == (
        f"{host!r} has an underscore, which no host name may have; give that machine another name, or its address"
    )


@pytest.mark.parametrize(("host", "port"), [("gateway.example.com:8443", 443), (None, 99999), (None, -1)])
def test_a_port_that_cannot_be_is_refused(host: str | None, port: int) -> None:
    assert refusal(host=host, port=port).field == "port"


def test_plain_http_is_for_this_machine() -> None:
    assert not read(host="http://127.0.0.1:8080").plain
    assert "allow_http" in refusal(host="http://gateway.example.com").problem
    assert read(host="http://gateway.example.com", allow_http=True).plain


def test_the_console_link_quotes_what_it_is_given() -> None:
    settings = read(
        console_url="https://example.com/{site}/{region}?p={project_id}&t={task_id}&i={instance_key}"
    )
    expected = "https://example.com/international/ap-singapore?p=1&t=a%26b%2Fc&i=7_2026-03-01%2000%3A30%3A00"
    assert expected == settings.console_link(
        project_id="1", task_id="a&b/c", instance_key="7_2026-03-01 00:30:00"
    )


@pytest.mark.parametrize(
    ("site", "host"), [("international", "wedata.tencentcloud.com"), ("china", "wedata.cloud.tencent.com")]
)
def test_the_default_console_is_the_projects_page_on_its_site(site: str, host: str) -> None:
    expected = f"https://ap-singapore.{host}/studio/datadev/workflow?ProjectId=1"
    assert expected == read(site=site).console_link(project_id="1")


@pytest.mark.parametrize("text", [None, "", "{}"])
def test_no_extra_is_an_empty_one(text: str | None) -> None:
    assert parse_extra(text) == {}


@pytest.mark.parametrize("text", ["{", "[]", "1", f'{{"session_token": "{SECRET}"', SECRET])
def test_an_extra_that_is_no_object_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidRequest, match="extra") as caught:
        parse_extra(text)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_extra_is_read_as_json() -> None:
    assert parse_extra(json.dumps({"region": "ap-singapore"})) == {"region": "ap-singapore"}
