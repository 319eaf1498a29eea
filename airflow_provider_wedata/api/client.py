"""The pumps that run a flow: one on requests, one on httpx. The only file with a socket or a sleep."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

import certifi
import httpx
import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.dispatcher import now
from airflow_provider_wedata.api.errors import InvalidRequest, NoAnswer
from airflow_provider_wedata.api.flow import Lost, Reply, Send, Sleep, Slot, Turn
from airflow_provider_wedata.api.request_queue import Waiter

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_provider_wedata.api.flow import Channel, Flow, Now
    from airflow_provider_wedata.api.operations import Operation
    from airflow_provider_wedata.api.signing import Request

T = TypeVar("T")

#: More at once only cost: httpx's pool needs 25 s of CPU for 1,000, and WeData takes 20 a second.
MOST_UNDER_WAY = 20
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Transport:
    """How bytes get to an endpoint.

    :param url: scheme and host, without a path.
    :param timeout: seconds for one attempt.
    :param proxy: as in requests; None: from the environment.
    :param verify: False switches the check of the server's certificate off.
    :param ca_bundle: a file of certificates to trust; None: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or certifi's.
    """

    url: str
    timeout: float = 30.0
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    verify: bool = True
    ca_bundle: str | None = None

    @property
    def trusted(self) -> str:
        """The file of certificates to trust."""
        environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return self.ca_bundle or environment or certifi.where()


class _Limit:
    """The moment at which a flow's time ends. It runs from the first slot on, and stands while the flow queues."""

    def __init__(self, seconds: float | None) -> None:
        self._left = math.inf if seconds is None else seconds
        self.ends = math.inf

    def stand(self, now: float) -> None:
        self._left = min(self._left, self.ends - now)
        self.ends = math.inf

    def run(self, now: float) -> None:
        self.ends = now + self._left


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
            _tls(transport)  # requests takes a file that it can't read for a lost connection
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
        limit = _Limit(seconds)
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
                return _reply(response.status_code, response.headers, body)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own errors are OSErrors
            return _lost(error, never_left=_never_left(error))


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


class AsyncClient:
    """Runs flows on the running event loop, on httpx. All clients of a loop share its connections.

    Use it with ``async with``.
    """

    def __init__(self, channel: Channel, transport: Transport) -> None:
        self.channel = channel
        self._transport = transport
        self._pool: _Pool | None = None

    async def ask(self, operation: Operation[T]) -> T:
        """Return the answer to one operation.

        :raises ApiError: see `Channel.exchange`.
        """
        return await self.run(self.channel.exchange(operation))

    async def run(self, flow: Flow[T], *, seconds: float | None = None) -> T:
        """Run the flow to its end and return what it returns.

        :param seconds: for which it may run, not counting what it waits for its turns.
        :raises TimeoutError: if it took longer.
        """
        limit, loop = _Limit(seconds), asyncio.get_running_loop()
        with closing(flow):
            async with asyncio.timeout(None) as bound:
                answer: Any = None
                while True:
                    try:
                        step = flow.send(answer)
                    except StopIteration as end:
                        return end.value  # type: ignore[no-any-return]  # StopIteration does not know its flow
                    if isinstance(step, Turn):
                        limit.stand(loop.time())
                        bound.reschedule(None)
                        answer = await self._turn(step)
                        limit.run(loop.time())
                        bound.reschedule(limit.ends if limit.ends < math.inf else None)
                    elif isinstance(step, Send):
                        answer = await self._send(step.request)
                    else:
                        await asyncio.sleep(step.seconds)
                        answer = now()

    async def __aenter__(self) -> Self:
        self._pool = await _Pool.shared(self._transport)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.leave()

    async def _turn(self, turn: Turn) -> Slot:
        dispatcher, loop, offered = (
            registry.dispatcher(turn.budget),
            asyncio.get_running_loop(),
            asyncio.Event(),
        )
        waiter = Waiter(turn.place, partial(loop.call_soon_threadsafe, offered.set), owner=loop)
        try:
            dispatcher.join(waiter)
            while True:
                await offered.wait()
                offered.clear()
                moment = now()
                if ticket := dispatcher.take(waiter, moment):
                    return Slot(moment, ticket)
        finally:
            dispatcher.leave(waiter)

    async def _send(self, request: Request) -> Reply | Lost:
        if self._pool is None:
            raise RuntimeError("an AsyncClient is used with 'async with'")
        try:
            async with self._pool.places, asyncio.timeout(self._transport.timeout):
                response = await self._pool.http.post(
                    self._transport.url, content=request.body, headers=dict(request.headers)
                )
                return _reply(response.status_code, response.headers, response.content)
        except TimeoutError:
            return Lost(
                f"no whole answer within {self._transport.timeout:g} s", may_have_arrived=True, now=now()
            )
        except httpx.HTTPError as error:
            return _lost(error, never_left=isinstance(error, httpx.ConnectError | httpx.ConnectTimeout))


class _Pool:
    """The connections that one event loop has to one transport, for as long as anybody uses them."""

    def __init__(self, key: Transport, http: httpx.AsyncClient) -> None:
        self._key = key
        self._users = 0
        self.http = http
        self.places = asyncio.Semaphore(MOST_UNDER_WAY)

    @staticmethod
    async def shared(transport: Transport) -> _Pool:
        pools = registry.pools(asyncio.get_running_loop())
        if transport not in pools:
            # Off the loop, for reading the certificates takes 20 ms; meanwhile another may have been quicker.
            context = await asyncio.to_thread(_tls, transport)
            if transport not in pools:
                pools[transport] = _Pool(transport, _http(transport, context))
        pool: _Pool = pools[transport]
        pool._users += 1
        return pool

    async def leave(self) -> None:
        self._users -= 1
        if not self._users:
            registry.pools(asyncio.get_running_loop()).pop(self._key, None)
            await self.http.aclose()


def _http(transport: Transport, context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=context,
        proxy=transport.proxy,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - the whole attempt has its deadline in _send
        limits=httpx.Limits(max_connections=MOST_UNDER_WAY, max_keepalive_connections=MOST_UNDER_WAY),
    )


def _tls(transport: Transport) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=transport.trusted)
    except OSError as error:  # an SSLError is one
        raise InvalidRequest(
            "ca_bundle",
            f"{transport.trusted!r} can't be read as certificates ({error.strerror}); expected a file in PEM "
            "format, from ca_bundle, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE",
        ) from None
    if not transport.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


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


def _reply(status: int, headers: Any, body: bytes) -> Reply:
    return Reply(status, {name.lower(): value for name, value in headers.items()}, body, now())


def _lost(error: BaseException, *, never_left: bool) -> Lost:
    # Told is only what the operating system says: a text of requests' own may quote a header with the session
    # token, or a proxy's URL with its password.
    name, inner = type(error).__name__, error
    while not (isinstance(inner, OSError) and inner.strerror):
        cause = inner.__cause__ or inner.__context__
        if cause is None:
            return Lost(name, may_have_arrived=not never_left, now=now())
        inner = cause
    return Lost(f"{name}: {inner.strerror}", may_have_arrived=not never_left, now=now())


def _never_left(error: Exception) -> bool:
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(error, requests.ConnectTimeout) or isinstance(
        reason, urllib3.exceptions.NewConnectionError
    )
