"""The socket side: HTTP/1.1 with keep-alive on 127.0.0.1, and replies that break on the way.

Only transfers bytes: the owner of the listener receives the requests and returns the replies.
"""

from __future__ import annotations

import io
import socket
import struct
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Protocol

from airflow_provider_wedata.emulator.messages import Broken, Reply, Request

POLL_INTERVAL = 0.005  # seconds until a stop is noticed
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER with a timeout of 0: closing resets the connection


class Owner(Protocol):
    """What the listener needs of its owner."""

    latency: float

    def arrive(self, request: Request, at: float) -> bool:
        """Count an arrival, by a monotonic clock, and return whether it is within the rate limit."""
        ...

    def serve(self, request: Request, *, admitted: bool, now: float) -> Reply | Broken:
        """Return the reply; `now` is the time for the expiry of the signature."""
        ...

    def remember(self, error: Exception) -> None:
        """Keep an internal error, to be raised later."""
        ...


class Listener(ThreadingHTTPServer):
    """A server with one thread per connection, which stops at once and leaves no threads or sockets open."""

    daemon_threads = False  # so that closing joins them
    request_queue_size = 128

    def __init__(self, owner: Owner, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.owner = owner
        self.stopping = Event()
        self._open: set[Any] = set()
        self._guard = Lock()
        self._thread = Thread(target=self.serve_forever, args=(POLL_INTERVAL,), name="wedata-emulator")

    @property
    def port(self) -> int:
        """Return the port on which it listens."""
        return self.server_port

    def start(self) -> None:
        """Start accepting connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for every thread."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Register the connection, in the accepting thread, so that a stop does not miss it."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Unregister the connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # the signature of the base class
        """Ignore a client that disconnected; internal errors are kept by `remember`."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a reply in two packets waits 40 ms for the client's acknowledgement
    wbufsize = -1
    server: Listener

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the signature of the base class
        """Log nothing."""

    def handle_any(self) -> None:
        """Receive one request and reply to it."""
        owner, stopping = self.server.owner, self.server.stopping
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        try:
            admitted = owner.arrive(request, time.monotonic())
            # Half of the latency passes before the world is read, half after.
            stopping.wait(owner.latency / 2)
            reply = owner.serve(request, admitted=admitted, now=time.time())
        except Exception as error:  # noqa: BLE001  # any error must reach the test that caused it
            owner.remember(error)
            self._abort()
            return
        stopping.wait(owner.latency / 2)
        self._deliver(reply)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = handle_any  # noqa: N815  # names that the base class looks up

    def _deliver(self, reply: Reply | Broken) -> None:
        if isinstance(reply, Reply):
            self._send(reply)
            return
        if reply.reason != "reset":
            self._send_head(reply.reply)
            self.wfile.write(reply.reply.body[: reply.sent])
            self.wfile.flush()
        self.close_connection = True
        if reply.reason != "cut":
            self._abort()

    def _send(self, reply: Reply) -> None:
        if self.server.stopping.wait(reply.delay):
            self.close_connection = True
            return
        content = b"" if self.command == "HEAD" else reply.body
        if reply.drip_head:
            content = self._head(reply) + content
        else:
            self._send_head(reply)
        if not reply.drip:
            self.wfile.write(content)
            return
        for at in range(len(content)):
            self.wfile.flush()
            if self.server.stopping.wait(reply.drip):
                self.close_connection = True
                return
            self.wfile.write(content[at : at + 1])

    def _head(self, reply: Reply) -> bytes:
        wire, self.wfile = self.wfile, io.BytesIO()
        self._send_head(reply)
        head = self.wfile.getvalue()
        self.wfile = wire
        return head

    def _send_head(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()

    def _abort(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        # Detached, because closing the object takes effect only when the handler's files are closed too.
        socket.close(self.connection.detach())
