"""Runs flows in the calling thread, on requests. One of the two files with a socket or a sleep."""

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
#: Seconds for what comes too late already: a socket takes 0 for "do not wait", which is another thing.
_LEAST = 0.001


class Client:
    """Runs flows in the calling thread, on requests; several threads may use it at once."""

    def __init__(self, channel: Channel, transport: Transport) -> None:
        self.channel = channel
        self._transport = transport
        self._session = _Session()
        # Keeps a .netrc out: requests would put its password in the place of our signature.
        self._session.auth = lambda request: request
        self._session.headers.clear()
        if transport.url.startswith("https:") and transport.verify and transport.trusted != certifi.where():
            tls_context(transport)  # requests takes a file that it can't read for a lost connection
        self._closed = False
        # Of what is asleep; rung when the client is closed.
        self._bells: WeakValueDictionary[int, SimpleQueue[None]] = WeakValueDictionary()
        self._lines = _Lines()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(self._lines))

    def ask(self, operation: Operation[T]) -> T:
        """Return the answer to one operation.

        :raises ApiError: see `Channel.exchange`.
        """
        return self.run(self.channel.exchange(operation))

    def run(self, flow: Flow[T], *, seconds: float | None = None) -> T:
        """Run the flow to its end and return what it returns.

        :param seconds: for which it may run, not counting what it waits for its turns. Looked at between its
            steps; an attempt under way ends by the transport's own timeout.
        :raises TimeoutError: if it took longer and is not at its end.
        """
        limit = TimeLimit(seconds)
        with closing(flow):
            answer: Any = None
            while True:
                try:
                    step = flow.send(answer)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]  # StopIteration does not know its flow
                if time.monotonic() >= limit.ends:
                    raise TimeoutError(f"not answered within {seconds} s of the first request")
                if isinstance(step, Turn):
                    limit.stand(time.monotonic())
                    answer = self._turn(step)
                    limit.run(time.monotonic())
                elif isinstance(step, Send):
                    answer = self._send(step.request)
                else:
                    answer = self._sleep(step)

    def close(self) -> None:
        """Close the connections, for good. What other threads still ask ends at once, with `NoAnswer`."""
        self.hang_up()
        self._session.close()

    def hang_up(self) -> None:
        """End at once what any thread still asks, with `NoAnswer`; the client is then of no more use.

        Takes no lock, which the pools of `close` do: a signal handler may call it in the midst of anything.
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
                verify=transport.trusted if transport.verify else False,
                # Given here and not on the session: there the environment's would win.
                proxies={"http": transport.proxy, "https": transport.proxy} if transport.proxy else None,
            ) as response:
                return reply(response.status_code, response.headers, _body(response))
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own errors are OSErrors
            return lost(error, never_left=_never_left(error))


class _Session(requests.Session):
    """A session that leaves redirects alone.

    Requests looks where one leads even if it is not to follow it: it reads the whole body, however long that
    takes, and fails on a Location that is no URL.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - requests' own signature
        """Return None: nowhere."""
        return None


class _Lines:
    """The connections of one client, in whatever thread: none outlasts its attempt, and all can be hung up."""

    def __init__(self) -> None:
        self._cut = False
        self._open: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._attempt = local()

    def begin(self, seconds: float) -> None:
        """Let what this thread sends and receives from now on take so long, in all."""
        self._attempt.ends = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that this thread's attempt has left; none or fewer if it is over."""
        return float(self._attempt.ends - time.monotonic())

    def pools(self, kinds: Mapping[str, type[urllib3.HTTPConnectionPool]]) -> dict[str, Any]:
        """Return such pools whose connections are ours."""
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

        class Line(kind):  # type: ignore[misc]  # of whatever kind: plain, TLS, SOCKS
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
    """What a connection receives until the attempt ends; the timeout of a socket bounds only one reading of it."""

    def __init__(self, raw: io.RawIOBase, connected: Any, lines: _Lines) -> None:
        self._raw = raw
        self._socket = connected
        self._lines = lines

    def readable(self) -> bool:
        """Return True: that is what it is for."""
        return True

    def readinto(self, buffer: Any, /) -> Any:
        """Read what is there, or wait for it while there is time."""
        left = self._lines.left()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the connection."""
        self._raw.close()
        super().close()


class _Adapter(HTTPAdapter):
    """Requests' own way to a server, with connections that end in time and can be hung up."""

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
    # Only the socket: the connection belongs to the thread that reads from it, which now reads the end.
    if connection.sock is not None:
        with suppress(OSError):
            # TLS in the TLS of a proxy is no socket, but has one.
            socket.socket.shutdown(getattr(connection.sock, "socket", connection.sock), socket.SHUT_RDWR)


def _body(response: requests.Response) -> bytes:
    """Return the body, as packed as it came; of one that is too large, the beginning."""
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
