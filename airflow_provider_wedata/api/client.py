"""Runs flows in the calling thread with requests.

Next to async_client.py, the only module that opens sockets or sleeps. exchange.py decides what is sent and when.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import closing, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import local
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.body import is_too_large
from airflow_provider_wedata.api.dispatcher import now
from airflow_provider_wedata.api.errors import NoAnswer
from airflow_provider_wedata.api.exchange import Lost, Reply, Send, Sleep, Slot, Turn
from airflow_provider_wedata.api.request_queue import Waiter
from airflow_provider_wedata.api.transport import MOST_UNDER_WAY, TimeLimit, lost, reply, tls_context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from airflow_provider_wedata.api.exchange import Channel, Flow, Now
    from airflow_provider_wedata.api.operations import Operation
    from airflow_provider_wedata.api.signing import Request
    from airflow_provider_wedata.api.transport import Transport

T = TypeVar("T")
_CHUNK = 65536
#: Seconds; the shortest socket timeout. A timeout of 0 would make the socket non-blocking.
_LEAST = 0.001


class Client:
    """Runs flows in the calling thread with requests. Thread-safe.

    :raises InvalidRequest: if the transport's proxy or certificates can't be used.
    """

    def __init__(self, channel: Channel, transport: Transport) -> None:
        self.channel = channel
        self._transport = transport.resolved()
        self._session = _Session()
        # The transport holds what the environment says; a .netrc would replace our signature by its password.
        self._session.trust_env = False
        self._session.headers.clear()
        if self._transport.bundle not in (None, certifi.where()):
            tls_context(self._transport)  # requests reports an unreadable file as a lost connection
        self._closed = False
        # One for each sleeping thread; `hang_up` wakes them all.
        self._bells: WeakValueDictionary[int, SimpleQueue[None]] = WeakValueDictionary()
        self._lines = _Lines()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(self._lines))

    def ask(self, operation: Operation[T]) -> T:
        """Send one operation and return its parsed response.

        :raises ApiError: as `Channel.exchange` raises it.
        """
        return self.run(self.channel.exchange(operation))

    def run(self, flow: Flow[T], *, seconds: float | None = None) -> T:
        """Run the flow to its end and return its result.

        :param seconds: how long it may run, not counting the time it waits for its turns; None: no limit. Checked
            between the steps of the flow; the transport's timeout ends an attempt under way.
        :raises TimeoutError: if it takes longer.
        """
        limit = TimeLimit(seconds)
        with closing(flow):
            answer: Any = None
            while True:
                try:
                    step = flow.send(answer)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]  # StopIteration is not generic
                if time.monotonic() >= limit.ends:
                    raise TimeoutError(f"no result within {seconds} s of the first request")
                if isinstance(step, Turn):
                    limit.stand(time.monotonic())
                    answer = self._turn(step)
                    limit.run(time.monotonic())
                elif isinstance(step, Send):
                    answer = self._send(step.request)
                else:
                    answer = self._sleep(step)

    def close(self) -> None:
        """Close the connections for good. Requests of other threads end at once with `NoAnswer`."""
        self.hang_up()
        self._session.close()

    def hang_up(self) -> None:
        """End the requests of all threads at once with `NoAnswer`. The client can't be used again.

        Takes no lock, unlike `close`, so a signal handler may call it at any moment.
        """
        self._closed = True
        for reference in self._bells.valuerefs():
            if (bell := reference()) is not None:
                bell.put(None)
        self._lines.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _turn(self, turn: Turn) -> Slot:
        dispatcher, bell = registry.dispatcher(turn.budget), self._bell()
        waiter = Waiter(turn.place, partial(bell.put, None), owner=bell)
        try:
            dispatcher.join(waiter)
            while True:
                self._wait(bell, None)
                moment = now()
                if ticket := dispatcher.take(waiter, moment):
                    return Slot(moment, ticket)
        finally:
            dispatcher.leave(waiter)

    def _sleep(self, step: Sleep) -> Now:
        with suppress(Empty):
            self._wait(self._bell(), step.seconds)
        return now()

    def _bell(self) -> SimpleQueue[None]:
        bell: SimpleQueue[None] = SimpleQueue()
        self._bells[id(bell)] = bell
        return bell

    def _wait(self, bell: SimpleQueue[None], seconds: float | None) -> None:
        if not self._closed:
            bell.get(timeout=seconds)
        if self._closed:
            raise NoAnswer("the client was closed")

    def _send(self, request: Request) -> Reply | Lost:
        if self._closed:
            raise NoAnswer("the client was closed")
        transport = self._transport
        self._lines.begin(transport.timeout)
        try:
            with self._session.post(
                transport.url,
                data=request.body,
                headers=request.headers,
                timeout=transport.timeout,
                allow_redirects=False,
                stream=True,
                verify=transport.bundle or False,
                proxies={"all": transport.proxy} if transport.proxy else None,
            ) as response:
                return reply(response.status_code, response.headers, _body(response))
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own errors are OSErrors
            return lost(error, never_left=_never_left(error))


class _Session(requests.Session):
    """A session that ignores redirects.

    Even without following them, requests resolves their target: it reads the whole body, however long that
    takes, and fails on a Location that is not a URL.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - requests' own signature
        """Return None: there is no target."""
        return None


class _Lines:
    """The connections of one client, across threads. Each is limited to its attempt; `hang_up` ends them all."""

    def __init__(self) -> None:
        self._cut = False
        self._open: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._attempt = local()

    def begin(self, seconds: float) -> None:
        """Start an attempt of this thread: all that it sends and receives may take this many seconds."""
        self._attempt.ends = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left for this thread's attempt; 0 or less if it is over."""
        return float(self._attempt.ends - time.monotonic())

    def pools(self, kinds: Mapping[str, type[urllib3.HTTPConnectionPool]]) -> dict[str, Any]:
        """Return subclasses of these pools that use our connections."""
        return {
            scheme: type(kind.__name__, (kind,), {"ConnectionCls": self._ours(kind.ConnectionCls)})
            for scheme, kind in kinds.items()
        }

    def _ours(self, kind: Any) -> type:
        lines = self

        class Answer(http.client.HTTPResponse):
            def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
                super().__init__(sock, *args, **kwargs)
                self.fp: Any = io.BufferedReader(_Bounded(self.fp.detach(), sock, lines))

        class Line(kind):  # type: ignore[misc]  # plain, TLS or SOCKS
            response_class = Answer

            def _new_conn(self) -> Any:
                self.timeout = max(lines.left(), _LEAST)
                made = super()._new_conn()
                made.settimeout(max(lines.left(), _LEAST))  # for the handshake
                return made

            def connect(self) -> None:
                super().connect()
                lines.opened(self)

        return Line

    def opened(self, connection: Any) -> None:
        self._open[id(connection)] = connection
        if self._cut:
            _shut(connection)

    def hang_up(self) -> None:
        self._cut = True
        for reference in self._open.valuerefs():
            if (connection := reference()) is not None:
                _shut(connection)


class _Bounded(io.RawIOBase):
    """Limits all reads of a connection by the end of the attempt; a socket timeout limits only a single read."""

    def __init__(self, raw: io.RawIOBase, connected: Any, lines: _Lines) -> None:
        self._raw = raw
        self._socket = connected
        self._lines = lines

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any, /) -> Any:
        """Read available bytes, or wait for them until the attempt ends."""
        left = self._lines.left()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Close the underlying stream."""
        self._raw.close()
        super().close()


class _Adapter(HTTPAdapter):
    """The adapter of requests, with connections that end with their attempt or on `hang_up`."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        super().__init__(pool_maxsize=MOST_UNDER_WAY)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._own(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            self._own(manager)
        return manager

    def _own(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = self._lines.pools(manager.pool_classes_by_scheme)


def _shut(connection: Any) -> None:
    # Shuts down only the socket: the connection belongs to the thread that reads from it and now gets EOF.
    if connection.sock is not None:
        with suppress(OSError):
            # TLS through a TLS proxy is not a socket but wraps one.
            socket.socket.shutdown(getattr(connection.sock, "socket", connection.sock), socket.SHUT_RDWR)


def _body(response: requests.Response) -> bytes:
    """Return the body, still compressed; only its beginning if it is too large."""
    body = bytearray()
    while not is_too_large(response.headers, len(body)):
        chunk = response.raw.read1(_CHUNK, decode_content=False)
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _never_left(error: Exception) -> bool:
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(error, requests.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.NewConnectionError
    )
