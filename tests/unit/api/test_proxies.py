"""Which proxy is taken: by requests' rules, the same in both clients, and refused before anything is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import _basic_auth_str
from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy

from airflow_provider_wedata.api import proxies, registry
from airflow_provider_wedata.api.async_client import AsyncClient
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import ApiError, InvalidRequest, NoAnswer
from airflow_provider_wedata.api.exchange import Channel
from airflow_provider_wedata.api.operations import count_projects
from airflow_provider_wedata.api.proxies import parse_proxy, without_user
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.transport import Transport
from tests.proxy import ProxyServer, open_proxy, set_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_wedata.emulator import Emulator

SECRET = "nobody-may-see-this"


def channel(wedata: Emulator, url: str) -> Channel:
    account, host = wedata.account, url.partition("://")[2]
    return Channel(
        host=host,
        region=wedata.region,
        credentials=Credentials(account.secret_id, account.secret_key, account.token),
        budget=registry.budgets(host, account.secret_id, 1000),
        retry=RetryPolicy(0),
    )


def with_requests(wedata: Emulator, transport: Transport) -> int:
    with Client(channel(wedata, transport.url), transport) as client:
        return client.ask(count_projects())


def with_httpx(wedata: Emulator, transport: Transport) -> int:
    async def main() -> int:
        async with AsyncClient(channel(wedata, transport.url), transport) as client:
            return await client.ask(count_projects())

    return asyncio.run(main())


Ask = Any


@pytest.fixture(params=[with_requests, with_httpx], ids=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param


@pytest.fixture(scope="module")
def running() -> Iterator[ProxyServer]:
    with open_proxy() as server:
        yield server


@pytest.fixture
def proxy(running: ProxyServer) -> ProxyServer:
    running.passed, running.refusal = [], None
    return running


def way(ask: Callable[[], object], proxy: ProxyServer) -> str:
    """Return how a request went: directly, through the proxy, or not at all."""
    try:
        ask()
    except InvalidRequest:
        assert [] == proxy.passed
        return "refused"
    except NoAnswer:
        pass  # of a host that is not there
    return "proxy" if proxy.passed else "direct"


# {p}: the proxy's host and port; {e}: the endpoint's port; {h}: the endpoint's host and port
MATRIX = [
    ({}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}"}, "127.0.0.1", "proxy"),
    ({"http_proxy": "http://{p}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://{p}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "http_proxy": ""}, "127.0.0.1", "direct"),
    ({"HTTPS_PROXY": "http://{p}"}, "127.0.0.1", "direct"),
    ({"ALL_PROXY": "http://{p}"}, "127.0.0.1", "proxy"),
    ({"ALL_PROXY": "{p}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "{p}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": " {p}/ "}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "//{p}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "localhost:{pp}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "HTTP://{p}/path"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": " "}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://{p}"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "ALL_PROXY": "socks5://127.0.0.1:1"}, "127.0.0.1", "proxy"),
    ({"ALL_PROXY": "socks5://{p}"}, "127.0.0.1", "refused"),
    ({"ALL_PROXY": "socks5h://{p}"}, "127.0.0.1", "refused"),
    ({"ALL_PROXY": "socks4://{p}"}, "127.0.0.1", "refused"),
    ({"ALL_PROXY": "ftp://{p}"}, "127.0.0.1", "refused"),
    ({"HTTP_PROXY": "http://"}, "127.0.0.1", "refused"),
    ({"HTTP_PROXY": "http://{p}{p}"}, "127.0.0.1", "refused"),
    ({"HTTP_PROXY": "http://[::1"}, "127.0.0.1", "refused"),
    ({"HTTP_PROXY": "http://a..b:3128"}, "127.0.0.1", "refused"),
    ({"HTTP_PROXY": "http://me:%E5%AF%86@{p}"}, "127.0.0.1", "refused"),
    ({"ALL_PROXY": "socks5://{p}", "NO_PROXY": "127.0.0.1"}, "127.0.0.1", "direct"),
    ({"ALL_PROXY": "ftp://{p}", "NO_PROXY": "*"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://[::1", "NO_PROXY": "127.0.0.0/8"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "127.0.0.1"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "no_proxy": "127.0.0.1"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "127.0.0.0/8"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "128.0.0.0/8"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "127.0.0.1:{e}"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "localhost:{e}"}, "localhost", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "localhost:1"}, "localhost", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": ".localhost"}, "localhost", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "LOCALHOST"}, "localhost", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "host"}, "localhost", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "example.com , localhost"}, "localhost", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": " 10.0.0.1 ,, 127.0.0.1 "}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": ""}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": " , "}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "*"}, "127.0.0.1", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "fd00::/8"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "[::1]"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "http://127.0.0.1"}, "127.0.0.1", "proxy"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "::1"}, "[::1]", "direct"),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "127.0.0.0/33,[,]:,/8,::/"}, "127.0.0.1", "proxy"),
]


@pytest.mark.parametrize(("variables", "host", "expected"), MATRIX, ids=str)
def test_both_clients_go_the_way_that_requests_would_go(  # noqa: PLR0917 - fixtures
    variables: dict[str, str],
    host: str,
    expected: str,
    ask: Ask,
    proxy: ProxyServer,
    wedata_emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = urlsplit(wedata_emulator.url).port
    names = {"{pp}": str(proxy.server_port), "{p}": proxy.place, "{e}": str(port)}
    for name, value in variables.items():
        for mark, text in names.items():
            value = value.replace(mark, text)  # noqa: PLW2901 - filled in
        variables = {**variables, name: value}
    set_environment(monkeypatch, **variables)
    transport = Transport(f"http://{host}:{port}", timeout=5)
    assert expected == way(lambda: ask(wedata_emulator, transport), proxy)


names = ("", " ", "*", "*,a", "b.com", "B.COM", ".b.com", "com", "x , b.com", "w.b.com:8080", "b.com:443")
addresses = ("10.0.0.0/8", "10.1.2.3", "10.1.2.3:8080", "[::1]", "::1", "fd00::/8")
variables = st.dictionaries(
    st.sampled_from(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"]),
    st.sampled_from(["", "http://a:1", "http://b:2", "https://u:p@c:3"]),
)
hosts = st.sampled_from(["w.b.com", "w.b.com:8080", "10.1.2.3", "10.1.2.3:8080", "[::1]:8080", "localhost"])


@given(
    chosen=variables,
    excluded=st.none() | st.sampled_from(names + addresses),
    scheme=st.sampled_from(["http", "https"]),
    host=hosts,
)
def test_the_choice_is_requests_own(
    chosen: dict[str, str], excluded: str | None, scheme: str, host: str
) -> None:
    url = f"{scheme}://{host}"
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch, **chosen, **({} if excluded is None else {"NO_PROXY": excluded}))
        expected = select_proxy(url, get_environ_proxies(url)) or None
        assert expected == Transport(url).resolved().proxy


odd = st.text() | st.from_regex(r"[a-z0-9.\[\]:_%-]+(:\d+)?[/?#]?", fullmatch=True)


@given(scheme=st.sampled_from(["", "http://", "https://", "socks5://", "ftp://"]), user=odd, place=odd)
def test_whatever_a_proxy_is_called_both_libraries_take_it_or_we_refuse_it_without_a_word_of_it(
    scheme: str, user: str, place: str
) -> None:
    try:
        proxy = parse_proxy(f"{scheme}{user}:{SECRET}@{place}", "proxy")
    except InvalidRequest as error:
        shown = str(error)
    else:
        assert proxy == parse_proxy(proxy, "proxy")
        shown, _ = without_user(proxy)
        mine, theirs = urllib3.util.parse_url(proxy), httpx.Proxy(shown).url
        assert (mine.host, mine.port) == (
            f"[{theirs.host}]" if ":" in theirs.host else theirs.host,
            theirs.port or {"http": 80, "https": 443}[theirs.scheme],
        )
    assert SECRET not in shown


@pytest.mark.parametrize("user", ["me:geheim", "me:", "me%40corp:a%3Ab%2F", "m:%C3%A9", ":geheim", "me", ""])
def test_user_and_password_are_told_as_requests_tells_them(user: str) -> None:
    name, password = get_auth_from_url(f"http://{user}@proxy")
    expected = {"Proxy-Authorization": _basic_auth_str(name, password)} if name else {}
    assert expected == without_user(parse_proxy(f"http://{user}@proxy", "proxy"))[1]


def test_both_clients_tell_the_proxy_the_same(
    ask: Ask, proxy: ProxyServer, wedata_emulator: Emulator
) -> None:
    mine = f"me%40corp:%C3%A9@{proxy.place}"
    ask(wedata_emulator, Transport(wedata_emulator.url, proxy=mine))
    assert [_basic_auth_str("me@corp", "é")] == proxy.passed


@pytest.mark.parametrize(("present", "ok"), [((), False), (("socks",), False), (("socksio",), False),
                                             (("socks", "socksio"), True)])  # fmt: skip
@pytest.mark.parametrize("url", ["socks5://me:geheim@proxy", "SOCKS5H://proxy:1080"])
def test_a_socks_proxy_needs_what_both_clients_need(
    url: str, present: tuple[str, ...], ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda name: name if name in present else None)
    transport = Transport("https://wedata.example.com", proxy=url)
    if ok:
        assert (transport.resolved().proxy or "").startswith("socks5h://")
    else:
        with pytest.raises(
            InvalidRequest, match=r"^proxy: .*install airflow-provider-wedata\[socks\]"
        ) as caught:
            transport.resolved()
        assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_variable_that_can_not_be_used_is_named(
    variable: str, ask: Ask, wedata_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, **{variable: f"ftp://me:{SECRET}@proxy"})
    with pytest.raises(InvalidRequest, match="HTTP_PROXY or ALL_PROXY in the environment") as caught:
        ask(wedata_emulator, Transport(wedata_emulator.url))
    assert SECRET not in str(caught.value)
    assert [] == wedata_emulator.requests


@pytest.mark.parametrize("status", [403, 407, 503])
def test_a_proxys_refusal_is_told_with_its_status(
    status: int, ask: Ask, proxy: ProxyServer, wedata_emulator: Emulator
) -> None:
    proxy.refusal = status
    with pytest.raises(ApiError, match=rf"HTTP status {status}\b") as caught:
        ask(wedata_emulator, Transport(wedata_emulator.url, proxy=f"http://me:{SECRET}@{proxy.place}"))
    for shown in (SECRET, _basic_auth_str("me", SECRET).removeprefix("Basic ")):
        assert shown not in str(caught.value)
