"""A proxy on localhost that keeps what it was asked for: it passes requests on, opens tunnels, or refuses."""

from __future__ import annotations

import http.client
import os
import select
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class ProxyServer(ThreadingHTTPServer):
    """The proxy.

    :ivar passed: the Proxy-Authorization of each request and each tunnel, None where it had none.
    :ivar refusal: the status with which it refuses; None: it does not.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.passed: list[str | None] = []
        self.refusal: int | None = None

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: who does not trust the other end hangs up."""


class _Handler(BaseHTTPRequestHandler):
    server: ProxyServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._refused():
            return
        host = self.path.removeprefix("http://").partition("/")[0]
        connection = http.client.HTTPConnection(host, timeout=5)
        connection.request("POST", "/", body, dict(self.headers.items()))
        answer = connection.getresponse()
        self.send_response(answer.status)
        self.end_headers()
        self.wfile.write(answer.read())
        connection.close()

    def do_CONNECT(self) -> None:
        if self._refused():
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as there:
            self.send_response(200)
            self.end_headers()
            _carry(self.connection, there)
        self.close_connection = True

    def _refused(self) -> bool:
        self.server.passed.append(self.headers.get("Proxy-Authorization"))
        if self.server.refusal is not None:
            credentials = self.headers.get("Proxy-Authorization")  # as a careless proxy would
            self.send_response(self.server.refusal, f"No {credentials}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        return self.server.refusal is not None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _carry(here: socket.socket, there: socket.socket) -> None:
    while True:
        for end in select.select([here, there], [], [], 5)[0] or (here,):
            data = end.recv(65536)
            if not data:
                return
            (there if end is here else here).sendall(data)


@contextmanager
def open_proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def set_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Let these be the only variables about proxies."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
