"""Both clients over TLS: whom they trust, whom they do not, and the error for a file without certificates."""

from __future__ import annotations

import asyncio
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.async_client import AsyncClient
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import InvalidRequest, NoAnswer
from airflow_provider_wedata.api.exchange import Channel
from airflow_provider_wedata.api.operations import count_projects
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.transport import Transport
from airflow_provider_wedata.emulator import Emulator, Reply, Request
from tests.proxy import open_proxy, set_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    """The address of an emulator behind TLS."""
    wedata = Emulator(limit=None)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            reply = wedata.answer(Request("POST", self.path, dict(self.headers), body))
            assert isinstance(reply, Reply)
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who does not trust hangs up
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def channel(url: str) -> Channel:
    wedata, host = Emulator(), url.removeprefix("https://")
    return Channel(
        host=host,
        region=wedata.region,
        credentials=Credentials(wedata.account.secret_id, wedata.account.secret_key),
        budget=registry.budgets(host, wedata.account.secret_id, 1000),
        retry=RetryPolicy(0),
    )


def with_requests(transport: Transport) -> int:
    with Client(channel(transport.url), transport) as client:
        return client.ask(count_projects())


def with_httpx(transport: Transport) -> int:
    async def main() -> int:
        async with AsyncClient(channel(transport.url), transport) as client:
            return await client.ask(count_projects())

    return asyncio.run(main())


@pytest.fixture(params=[with_requests, with_httpx], ids=["requests", "httpx"])
def ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Transport], int]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return request.param  # type: ignore[no-any-return]


def test_a_self_signed_certificate_is_not_trusted(ask: Callable[[Transport], int], url: str) -> None:
    with pytest.raises(NoAnswer, match="certificate verify failed"):
        ask(Transport(url))


def test_it_is_with_a_ca_bundle(ask: Callable[[Transport], int], url: str, certificate: Path) -> None:
    assert ask(Transport(url, ca_bundle=str(certificate))) > 0


def test_it_is_with_the_environments_bundle(
    ask: Callable[[Transport], int], url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert ask(Transport(url)) > 0


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_nobody_asks_for_it_without_verify(ask: Callable[[Transport], int], url: str) -> None:
    assert ask(Transport(url, verify=False)) > 0


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_bundle_that_is_none_is_named_before_anything_is_sent(
    ask: Callable[[Transport], int], url: str, tmp_path: Path, text: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(InvalidRequest, match=r"ca_bundle: .*bundle\.pem"):
        ask(Transport(url, ca_bundle=str(bundle)))


@pytest.fixture
def directory(certificate: Path, tmp_path: Path) -> Path:
    """A directory of certificates, by the names that OpenSSL looks for."""
    found = ssl.create_default_context(cafile=certificate).get_ca_certs(binary_form=True)
    (made,) = (x509.load_der_x509_certificate(der) for der in found)
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303 - OpenSSL's name for a file
    digest.update(CANONICAL_NAME)
    name = int.from_bytes(digest.finalize()[:4], "little")
    (tmp_path / f"{name:08x}.0").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return tmp_path


#: CN=127.0.0.1 as OpenSSL hashes it: the sets of the name, without the sequence around them.
CANONICAL_NAME = b"\x31\x12\x30\x10\x06\x03\x55\x04\x03\x0c\x09127.0.0.1"


@pytest.mark.parametrize("by", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "ca_bundle"])
def test_certificates_may_be_a_directory(
    by: str, ask: Callable[[Transport], int], url: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {"ca_bundle": str(directory)} if by == "ca_bundle" else {}
    if not mine:
        monkeypatch.setenv(by, str(directory))
    assert ask(Transport(url, **mine)) > 0  # type: ignore[arg-type]


def test_a_directory_without_a_certificate_trusts_nobody(
    ask: Callable[[Transport], int], url: str, tmp_path: Path
) -> None:
    with pytest.raises(NoAnswer, match="certificate verify failed"):
        ask(Transport(url, ca_bundle=str(tmp_path)))


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_what_is_not_used_is_not_loaded(
    ask: Callable[[Transport], int], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    assert ask(Transport(url, verify=False)) > 0
    with pytest.raises(NoAnswer, match=r"(?i)refused|connect call failed"):
        ask(Transport("http://127.0.0.1:1"))


@pytest.mark.parametrize("bundle", ["/" + "a" * 5000, "a\0b"])
def test_an_odd_bundle_is_refused_in_a_short_message(
    ask: Callable[[Transport], int], url: str, bundle: str
) -> None:
    with pytest.raises(InvalidRequest, match=r"^ca_bundle: ") as caught:
        ask(Transport(url, ca_bundle=bundle))
    assert len(str(caught.value)) < 500


def test_certificates_are_loaded_off_the_loop(
    url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, loaded_by = ssl.create_default_context, []

    def create(**how: Any) -> ssl.SSLContext:
        loaded_by.append(threading.current_thread())
        return load(**how)

    monkeypatch.setattr(ssl, "create_default_context", create)
    assert with_httpx(Transport(url, ca_bundle=str(certificate))) > 0
    (thread,) = loaded_by
    assert threading.main_thread() != thread


# {p}: the proxy's host and port; {e}: the endpoint's port
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HTTPS_PROXY": "http://{p}"}, 1),
        ({"https_proxy": "{p}"}, 1),
        ({"ALL_PROXY": "http://{p}"}, 1),
        ({"HTTP_PROXY": "http://{p}"}, 0),
        ({"HTTPS_PROXY": "http://{p}", "NO_PROXY": "127.0.0.0/8"}, 0),
        ({"HTTPS_PROXY": "http://{p}", "NO_PROXY": "127.0.0.1:{e}"}, 1),
        ({"HTTPS_PROXY": "http://{p}", "NO_PROXY": "[::1],fd00::/8"}, 1),
        ({"HTTPS_PROXY": "http://{p}", "NO_PROXY": "*"}, 0),
        ({"HTTPS_PROXY": "socks5://{p}", "NO_PROXY": " 127.0.0.1 "}, 0),
    ],
    ids=str,
)
def test_an_endpoint_behind_tls_is_reached_through_the_proxy_or_not(  # noqa: PLR0917 - fixtures
    variables: dict[str, str],
    expected: int,
    ask: Callable[[Transport], int],
    url: str,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_proxy() as proxy:
        port = url.rpartition(":")[2]
        filled = {name: text.format(p=proxy.place, e=port) for name, text in variables.items()}
        set_environment(monkeypatch, **filled)
        assert ask(Transport(url, ca_bundle=str(certificate))) > 0
        assert expected == len(proxy.passed)


@pytest.mark.parametrize("status", [403, 407, 503])
def test_a_proxy_that_opens_no_tunnel_is_told_with_its_status(
    status: int, ask: Callable[[Transport], int], url: str, certificate: Path
) -> None:
    with open_proxy() as proxy:
        proxy.refusal = status
        transport = Transport(url, ca_bundle=str(certificate), proxy=f"http://me:geheim@{proxy.place}")
        with pytest.raises(NoAnswer, match=rf"refused to connect, with HTTP status {status}$") as caught:
            ask(transport)
        assert ["Basic bWU6Z2VoZWlt"] == proxy.passed
    assert "geheim" not in str(caught.value)
    assert "bWU6Z2VoZWlt" not in str(caught.value)
