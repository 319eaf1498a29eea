"""Both clients, with requests and with httpx, against the emulator over a real socket: one test body for both."""

from __future__ import annotations

import asyncio
import gc
import gzip
import http.client
import socket
import ssl
import tracemalloc
import zlib
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from airflow_provider_wedata.api import errors, registry
from airflow_provider_wedata.api.async_client import AsyncClient
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.exchange import Channel
from airflow_provider_wedata.api.operations import Operation, list_task_instances
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.api.transport import MOST_UNDER_WAY, Transport
from airflow_provider_wedata.emulator import Emulator, faults
from airflow_provider_wedata.emulator.instance import PROJECT_ID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_wedata.emulator.faults import Fault

LIST = list_task_instances(InstanceQuery(project_id=PROJECT_ID, zone=Zone("UTC+8")))
RERUN = replace(LIST, repeatable=False)


class Way(NamedTuple):
    """How a test reaches the emulator."""

    channel: Channel
    transport: Transport


class Ask(Protocol):
    def __call__(self, way: Way, *operations: Operation[Any]) -> list[Any]: ...


def way_to(wedata: Emulator, *, retries: int = 2, token: str | None = None, **transport: Any) -> Way:
    account = wedata.account
    return Way(
        Channel(
            host=wedata.host,
            region=wedata.region,
            credentials=Credentials(account.secret_id, account.secret_key, token or account.token),
            budget=registry.budgets(wedata.host, account.secret_id, 1000),
            retry=RetryPolicy(retries, base=0),
        ),
        Transport(wedata.url, **{"timeout": 5.0} | transport),
    )


def way_to_host(host: str, **transport: Any) -> Way:
    channel = Channel(
        host=host,
        region="ap-singapore",
        credentials=Credentials("id", "key"),
        budget=registry.budgets(host, "id", 1000),
        retry=RetryPolicy(0),
    )
    return Way(channel, Transport(f"https://{host}", **transport))


def ask_with_requests(way: Way, *operations: Operation[Any]) -> list[Any]:
    with Client(*way) as client:
        return [client.ask(operation) for operation in operations or (LIST,)]


def ask_with_httpx(way: Way, *operations: Operation[Any]) -> list[Any]:
    async def main() -> list[Any]:
        async with AsyncClient(*way) as client:
            return [await client.ask(operation) for operation in operations or (LIST,)]

    return asyncio.run(main())


@pytest.fixture(params=[ask_with_requests, ask_with_httpx], ids=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_open() -> Iterator[None]:
    yield
    gc.collect()  # whatever was left open warns here at the latest, and a warning is an error


def test_rows_come_over_the_socket(ask: Ask, wedata_emulator: Emulator) -> None:
    keys = [wedata_emulator.world.add(task_name="任务 🚀").key for _ in range(3)]
    first, second = ask(way_to(wedata_emulator), LIST, LIST)
    assert first == second
    assert sorted(keys) == sorted(row.identity for row in first.rows)
    assert first.rows[0].task_name == "任务 🚀"


def zipped(body: bytes) -> Fault:
    return lambda honest: replace(honest, headers={**honest.headers, "Content-Encoding": "gzip"}, body=body)


UNREADABLE = ("UnreadableAnswer", 3)
GOOD = b'{"Response": {"Data": {"TotalCount": 0, "Items": []}, "RequestId": "r"}}'


@pytest.mark.parametrize(
    ("fault", "error", "attempts"),
    [
        (faults.throttle(), "Throttled", 3),
        (faults.throttle("RequestLimitExceeded.UinLimitExceeded"), "Throttled", 3),
        (faults.internal_error(), "InternalTrouble", 3),
        (faults.error("InvalidParameter.ServiceIsBusy"), "ServerTrouble", 3),
        (faults.error("FailedOperation", request_id=False), "Refused", 1),
        (faults.error("AuthFailure.SecretIdNotFound", status=401), "AuthRefused", 1),
        (faults.error("UnauthorizedOperation.UserNotInProject", status=502), "PermissionRefused", 1),
        (faults.both(faults.throttle(), faults.content_type(None)), "Throttled", 3),
        (faults.both(faults.throttle(), faults.content_type("text/html")), "Throttled", 3),
        (faults.http_status(502), "UnreadableAnswer", 3),
        (faults.http_status(404), "UnreadableAnswer", 3),
        (faults.empty_body(), "UnreadableAnswer", 3),
        (faults.not_json(), "UnreadableAnswer", 3),
        (faults.empty_object(), "UnreadableAnswer", 3),
        (faults.a_list(), "UnreadableAnswer", 3),
        (faults.response_null(), "UnreadableAnswer", 3),
        (faults.data_null(), "UnreadableField", 3),
        (faults.redirect("http://127.0.0.1:1/"), "UnreadableAnswer", 3),
        (faults.cut(), "NoAnswer", 3),
        (faults.reset(), "NoAnswer", 3),
        (faults.reset_mid(), "NoAnswer", 3),
        (zipped(b"this is no gzip"), "NoAnswer", 3),
        (zipped(gzip.compress(GOOD)), None, 1),
        (zipped(gzip.compress(b"[1]")), "UnreadableAnswer", 3),
        (zipped(gzip.compress(GOOD[:9]) + gzip.compress(GOOD[9:])), None, 1),
        (zipped(gzip.compress(GOOD)[:-9]), "NoAnswer", 3),
        (zipped(gzip.compress(b" " * (8 << 20) + GOOD)), "UnreadableAnswer", 3),
        (faults.body(b" " * (4 << 20) + GOOD), "UnreadableAnswer", 3),
        (
            faults.both(faults.body(zlib.compress(GOOD)), faults.headers(content_encoding="deflate")),
            *UNREADABLE,
        ),
        (faults.headers(content_encoding="br"), *UNREADABLE),
        (faults.headers(content_encoding="zstd"), *UNREADABLE),
        (faults.redirect("http://[::1"), "UnreadableAnswer", 3),
        (faults.redirect("http://h:port/"), "UnreadableAnswer", 3),
        (faults.redirect("//"), "UnreadableAnswer", 3),
        (faults.redirect("\xff\xe9 \x7f"), "UnreadableAnswer", 3),
        (faults.redirect("http://" + "a" * 60_000), "UnreadableAnswer", 3),
        (faults.headers(location="http://[::1"), None, 1),
        (faults.headers(content_type="\xff; charset=\xe9"), None, 1),
        (faults.headers(date="Fri, 31 Dec 99999 23:59:59 GMT"), None, 1),
        (faults.headers(set_cookie="\xff=\xe9; expires=never; domain=[::1"), None, 1),
        (faults.headers(etag="\xff" * 1000), None, 1),
        (faults.content_type("text/html"), None, 1),
        (faults.content_type(None), None, 1),
    ],
)
def test_every_fault_ends_as_documented(
    ask: Ask, wedata_emulator: Emulator, fault: Fault, error: str | None, attempts: int
) -> None:
    wedata_emulator.faults.when(lambda _: True, fault)
    if error is None:
        assert ask(way_to(wedata_emulator))[0].total == 0
    else:
        with pytest.raises(errors.ApiError) as raised:
            ask(way_to(wedata_emulator))
        assert error == type(raised.value).__name__
    assert attempts == len(wedata_emulator.requests)


@pytest.mark.parametrize("fault", [faults.throttle(), faults.http_status(503), faults.cut(), faults.reset()])
def test_what_passes_is_over_at_the_second_attempt(ask: Ask, wedata_emulator: Emulator, fault: Fault) -> None:
    wedata_emulator.faults.next(fault)
    assert ask(way_to(wedata_emulator))[0].total == 0
    assert len(wedata_emulator.requests) == 2


@pytest.mark.parametrize("fault", [faults.reset(), faults.cut(), faults.slow(30), faults.http_status(502)])
def test_what_must_not_happen_twice_is_not_sent_twice(
    ask: Ask, wedata_emulator: Emulator, fault: Fault
) -> None:
    wedata_emulator.faults.next(fault)
    with pytest.raises(errors.ApiError):
        ask(way_to(wedata_emulator, timeout=0.3), RERUN)
    assert len(wedata_emulator.requests) == 1


def test_what_never_left_is_sent_again_in_any_case(ask: Ask) -> None:
    with Emulator() as gone:
        way = way_to(gone)
    resent: list[float] = []
    channel = replace(way.channel, chance=lambda: resent.append(0.0) or 0.0)
    with pytest.raises(errors.NoAnswer, match=r"(?i)refused|connect call failed"):
        ask(Way(channel, way.transport), RERUN)
    assert len(resent) == 2


ELSEWHERE = faults.both(faults.body(b"x" * 1000, status=302), faults.headers(location="http://127.0.0.1:1/"))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.slow(30), id="late"),
        pytest.param(faults.drip(0.05), id="dripping"),
        pytest.param(faults.drip(0.05, head=True), id="headers dripping"),
        pytest.param(faults.both(ELSEWHERE, faults.drip(0.05)), id="redirect dripping"),
        pytest.param(faults.both(faults.http_status(503), faults.drip(0.05)), id="503 dripping"),
    ],
)
def test_an_attempt_has_a_deadline_for_the_whole_answer(
    ask: Ask, wedata_emulator: Emulator, fault: Fault
) -> None:
    wedata_emulator.faults.when(lambda _: True, fault)
    with pytest.raises(errors.NoAnswer):
        ask(way_to(wedata_emulator, retries=0, timeout=0.3))


def test_a_server_that_never_speaks_tls_has_no_longer() -> None:  # httpx leaves its socket to the collector
    with socket.create_server(("127.0.0.1", 0)) as silent:
        way = way_to_host(f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        with pytest.raises(errors.NoAnswer):
            ask_with_requests(way)


def test_an_attempt_on_a_connection_that_is_kept_has_its_whole_time(
    ask: Ask, wedata_emulator: Emulator
) -> None:
    wedata_emulator.faults.when(lambda _: True, faults.slow(0.3))
    assert [0, 0, 0] == [
        page.total for page in ask(way_to(wedata_emulator, retries=0, timeout=0.6), LIST, LIST, LIST)
    ]


def test_what_half_a_megabyte_of_gzip_would_become_is_never_held(ask: Ask, wedata_emulator: Emulator) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(b" " * (1 << 20)) for _ in range(100)]) + packer.flush()
    wedata_emulator.faults.when(lambda _: True, zipped(bomb))
    way = way_to(wedata_emulator, retries=0)
    tracemalloc.start()
    try:
        with pytest.raises(errors.UnreadableAnswer, match="more than 4194304 bytes, decompressed"):
            ask(way)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_of_what_is_announced_as_too_large_nothing_is_waited_for(ask: Ask, wedata_emulator: Emulator) -> None:
    large = faults.body(b" " * (5 << 20))
    wedata_emulator.faults.when(lambda _: True, faults.both(large, faults.drip(0.05)))
    with pytest.raises(errors.UnreadableAnswer, match="more than 4194304 bytes, decompressed"):
        ask(way_to(wedata_emulator, retries=0, timeout=60))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_so_the_token_stays_here(ask: Ask, status: int) -> None:
    with Emulator(token="of the session") as here, Emulator() as elsewhere:
        here.faults.next(faults.redirect(elsewhere.url, status))
        with pytest.raises(errors.UnreadableAnswer, match=f"redirect to '{elsewhere.url}', not followed"):
            ask(way_to(here, retries=0))
        assert (len(here.requests), len(elsewhere.requests)) == (1, 0)
        assert ask(way_to(here))[0].total == 0


@pytest.mark.parametrize("variable", ["NETRC", "HOME"])
def test_a_netrc_is_ignored(
    ask: Ask, wedata_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv(variable, str(netrc if variable == "NETRC" else tmp_path))
    assert ask(way_to(wedata_emulator))[0].total == 0


class Proxy(BaseHTTPRequestHandler):
    """Forwards requests and records the host name that they were sent to."""

    server: Any

    def do_POST(self) -> None:
        self.server.passed.append(self.headers.get("Proxy-Authorization"))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        host = self.path.removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=5)
        connection.request("POST", "/", body, dict(self.headers.items()))
        answer = connection.getresponse()
        self.send_response(answer.status)
        self.end_headers()
        self.wfile.write(answer.read())
        connection.close()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def proxy() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.passed = []  # type: ignore[attr-defined]
        server.url = f"127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_environments_proxy_is_used_unless_no_proxy_names_the_host(
    ask: Ask, wedata_emulator: Emulator, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.url}")
    assert ask(way_to(wedata_emulator))[0].total == 0
    assert len(proxy.passed) == 1
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ask(way_to(wedata_emulator))[0].total == 0
    assert len(proxy.passed) == 1


def test_the_connections_proxy_wins_over_the_environments(
    ask: Ask, wedata_emulator: Emulator, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert ask(way_to(wedata_emulator, proxy=f"http://me:geheim@{proxy.url}"))[0].total == 0
    assert proxy.passed == ["Basic bWU6Z2VoZWlt"]


@pytest.mark.parametrize(
    "broken",
    [
        {"proxy": "http://me:geheim@127.0.0.1:1"},
        {"proxy": "http://me:geheim@no-such-host.invalid"},
        {"token": "geheim\n"},
        {"token": "geheim\r\nX-Other: a"},
    ],
)
def test_no_error_shows_a_secret(ask: Ask, wedata_emulator: Emulator, broken: dict[str, str]) -> None:
    with pytest.raises(errors.ApiError) as raised:
        ask(way_to(wedata_emulator, retries=0, **broken))  # type: ignore[arg-type]
    assert "geheim" not in f"{raised.value} {raised.value!r}"
    assert "Signature" not in str(raised.value)
    assert wedata_emulator.requests == []


def test_certificates_come_from_the_connection_or_the_environment_or_certifi(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert Transport("https://h").trusted.endswith("cacert.pem")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/curl")
    assert Transport("https://h").trusted == "/curl"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/requests")
    assert Transport("https://h").trusted == "/requests"
    assert Transport("https://h", ca_bundle="/mine").trusted == "/mine"


def test_one_process_may_have_one_loop_after_the_other(wedata_emulator: Emulator) -> None:
    way = way_to(wedata_emulator)
    assert [ask_with_httpx(way)[0].total for _ in range(3)] == [0, 0, 0]


def test_the_clients_of_a_loop_share_connections_until_the_last_has_left(wedata_emulator: Emulator) -> None:
    way = way_to(wedata_emulator)

    async def main() -> None:
        async with AsyncClient(*way) as first:
            async with AsyncClient(*way) as second, AsyncClient(*way_to(wedata_emulator, timeout=4)) as other:
                assert first._pool is second._pool is not other._pool
                await asyncio.gather(first.ask(LIST), second.ask(LIST))
            assert (await first.ask(LIST)).total == 0
        assert registry.pools(asyncio.get_running_loop()) == {}
        with pytest.raises(RuntimeError, match="async with"):
            await first.ask(LIST)

    asyncio.run(main())


def test_clients_that_begin_at_one_moment_read_the_certificates_once(
    wedata_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ssl.SSLContext] = []

    def create(*args: Any, original: Any = ssl.create_default_context, **kwargs: Any) -> ssl.SSLContext:
        made.append(original(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", create)

    channel, transport = way_to(wedata_emulator)
    over_tls = replace(transport, url="https://127.0.0.1:1")  # over plain HTTP no certificate is read

    async def enter() -> None:
        async with AsyncClient(channel, over_tls):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(enter() for _ in range(15)))

    asyncio.run(main())
    assert 1 == len(made)


def test_who_is_cancelled_while_it_opens_the_connections_leaves_them_to_the_others(
    wedata_emulator: Emulator,
) -> None:
    async def enter(client: AsyncClient) -> int:
        async with client:
            return (await client.ask(LIST)).total

    async def main() -> None:
        tasks = [asyncio.create_task(enter(AsyncClient(*way_to(wedata_emulator)))) for _ in range(3)]
        await asyncio.sleep(0)  # the first opens them now, and the others wait for it
        tasks[0].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [asyncio.CancelledError, int, int] == list(map(type, outcomes))
        assert registry.pools(asyncio.get_running_loop()) == {}

    asyncio.run(main())


def test_each_client_reports_certificates_that_can_not_be_read(wedata_emulator: Emulator) -> None:
    async def enter(client: AsyncClient) -> None:
        async with client:
            raise AssertionError("there is nothing to ask with")

    async def main() -> None:
        channel, transport = way_to(wedata_emulator, ca_bundle="/nowhere")
        over_tls = replace(transport, url="https://127.0.0.1:1")
        clients = [AsyncClient(channel, over_tls) for _ in range(3)]
        outcomes = await asyncio.gather(*map(enter, clients), return_exceptions=True)
        assert [errors.InvalidRequest] * 3 == list(map(type, outcomes))
        assert registry.pools(asyncio.get_running_loop()) == {}

    asyncio.run(main())


def test_of_200_asks_at_once_never_more_than_20_are_under_way() -> None:
    with Emulator(limit=None, latency=0.02) as wedata:
        under_way: list[int] = []
        wedata.between(lambda _: under_way.append(len(wedata._listener._open)))  # type: ignore[union-attr]

        async def main() -> list[Any]:
            async with AsyncClient(*way_to(wedata)) as one, AsyncClient(*way_to(wedata)) as other:
                return await asyncio.gather(
                    *(client.ask(LIST) for client in (one, other) for _ in range(100))
                )

        assert len(asyncio.run(main())) == len(under_way) == 200
        assert 1 < max(under_way) <= MOST_UNDER_WAY


def test_asks_that_are_cancelled_leave_no_slot_and_no_place_taken() -> None:
    async def main(wedata: Emulator, way: Way) -> None:
        loop, all_there = asyncio.get_running_loop(), asyncio.Event()
        wedata.at(MOST_UNDER_WAY, lambda _: loop.call_soon_threadsafe(all_there.set))
        async with AsyncClient(*way) as client:
            tasks = [asyncio.create_task(client.ask(LIST)) for _ in range(50)]
            await all_there.wait()
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert Counter({asyncio.CancelledError: 50}) == Counter(map(type, outcomes))
            wedata.faults.clear()
            pages = await asyncio.gather(*(client.ask(LIST) for _ in range(MOST_UNDER_WAY)))
            assert [page.total for page in pages] == [0] * MOST_UNDER_WAY

    with Emulator(limit=None) as wedata:
        wedata.faults.when(lambda _: True, faults.slow(60))
        way = way_to(wedata, timeout=60)
        asyncio.run(main(wedata, way))
    assert way.channel.budget("ListTaskInstances")._flying == {}
