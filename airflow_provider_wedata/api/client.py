"""Runs flows in the calling thread, on requests. One of the two files with a socket or a sleep."""

from __future__ import annotations

import socket
import time
from contextlib import closing, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

import certifi
import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.dispatcher import now
from airflow_provider_wedata.api.errors import NoAnswer
from airflow_provider_wedata.api.exchange import Lost, Reply, Send, Sleep, Slot, Turn
from airflow_provider_wedata.api.request_queue import Waiter
from airflow_provider_wedata.api.transport import MOST_UNDER_WAY, TimeLimit, lost, reply, tls_context

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_provider_wedata.api.exchange import Channel, Flow, Now
    from airflow_provider_wedata.api.operations import Operation
    from airflow_provider_wedata.api.signing import Request
    from airflow_provider_wedata.api.transport import Transport

T = TypeVar("T")
_CHUNK = 65536


class Client:
    """Runs flows in the calling thread, on requests; several threads may use it at once."""

    def __init__(self, channel: Channel, transport: Transport) -> None:
        self.channel = channel
        self._transport = transport
        self._session = requests.Session()
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
        """Close the connections, for good. What other threads still ask ends at once, with `NoAnswer`.

        Takes no lock of ours: a signal handler may close the client in the midst of anything.
        """
        self._closed = True
        for reference in self._bells.valuerefs():
            if (bell := reference()) is not None:
                bell.put(None)
        self._lines.hang_up()
        self._session.close()

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
        deadline = time.monotonic() + transport.timeout
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
                body = _body(response, deadline)
                return reply(response.status_code, response.headers, body)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own errors are OSErrors
            return lost(error, never_left=_never_left(error))


class _Lines:
    """The connections of one client, in whatever thread: so that it can hang up while they wait for an answer."""

    def __init__(self) -> None:
        self._cut = False
        self._open: WeakValueDictionary[int, urllib3.connection.HTTPConnection] = WeakValueDictionary()

    def pools(self) -> dict[str, type[urllib3.HTTPConnectionPool]]:
        lines = self

        class Plain(urllib3.connection.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                lines.opened(self)

        class Secure(urllib3.connection.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                lines.opened(self)

        class Pool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        return {"http": Pool, "https": SecurePool}

    def opened(self, connection: urllib3.connection.HTTPConnection) -> None:
        self._open[id(connection)] = connection
        if self._cut:
            _shut(connection)

    def hang_up(self) -> None:
        self._cut = True
        for reference in self._open.valuerefs():
            if (connection := reference()) is not None:
                _shut(connection)


class _Adapter(HTTPAdapter):
    """Requests' own way to a server, with connections that can be hung up."""

    def __init__(self, lines: _Lines) -> None:
        self._pools = lines.pools()
        super().__init__(pool_maxsize=MOST_UNDER_WAY)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # which has connections of its own kind
            manager.pool_classes_by_scheme = self._pools
        return manager


def _shut(connection: urllib3.connection.HTTPConnection) -> None:
    # Only the socket: the connection belongs to the thread that reads from it, which now reads the end.
    if connection.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _body(response: requests.Response, deadline: float) -> bytes:
    chunks = []
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("the body drips")
    return b"".join(chunks)


def _never_left(error: Exception) -> bool:
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(error, requests.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.NewConnectionError
    )
