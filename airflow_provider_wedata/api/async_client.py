"""Runs flows on an event loop with httpx.

Next to client.py, the only module that opens sockets or sleeps. exchange.py decides what is sent and when.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.body import is_too_large
from airflow_provider_wedata.api.dispatcher import now
from airflow_provider_wedata.api.exchange import Lost, Reply, Send, Slot, Turn
from airflow_provider_wedata.api.proxies import without_user
from airflow_provider_wedata.api.request_queue import Waiter
from airflow_provider_wedata.api.transport import MOST_UNDER_WAY, TimeLimit, lost, reply, tls_context

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from airflow_provider_wedata.api.exchange import Channel, Flow
    from airflow_provider_wedata.api.operations import Operation
    from airflow_provider_wedata.api.signing import Request
    from airflow_provider_wedata.api.transport import Transport

T = TypeVar("T")
_LOCATION = "wedata.location"


class AsyncClient:
    """Runs flows on the running event loop with httpx. All clients of a loop share its connections.

    Use it with ``async with``.

    :raises InvalidRequest: if the transport's proxy can't be used; on entering, if its certificates can't.
    """

    def __init__(self, channel: Channel, transport: Transport) -> None:
        self.channel = channel
        self._transport = transport.resolved()
        self._pool: _Pool | None = None

    async def ask(self, operation: Operation[T]) -> T:
        """Send one operation and return its parsed response.

        :raises ApiError: as `Channel.exchange` raises it.
        """
        return await self.run(self.channel.exchange(operation))

    async def run(self, flow: Flow[T], *, seconds: float | None = None) -> T:
        """Run the flow to its end and return its result.

        :param seconds: how long it may run, not counting the time it waits for its turns; None: no limit.
        :raises TimeoutError: if it takes longer.
        """
        limit, loop = TimeLimit(seconds), asyncio.get_running_loop()
        with closing(flow):
            async with asyncio.timeout(None) as bound:
                answer: Any = None
                while True:
                    try:
                        step = flow.send(answer)
                    except StopIteration as end:
                        return end.value  # type: ignore[no-any-return]  # StopIteration is not generic
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
            raise RuntimeError("the AsyncClient is not open; use it with 'async with'")
        try:
            async with (
                self._pool.places,
                asyncio.timeout(self._transport.timeout),
                self._pool.http.stream(
                    "POST", self._transport.url, content=request.body, headers=dict(request.headers)
                ) as response,
            ):
                body = await _body(response)
                return reply(
                    response.status_code, {**response.headers, **response.extensions[_LOCATION]}, body
                )
        except TimeoutError:
            return Lost(
                f"no complete response within {self._transport.timeout:g} s", may_have_arrived=True, now=now()
            )
        except httpx.HTTPError as error:
            return lost(error, never_left=isinstance(error, httpx.ConnectError | httpx.ConnectTimeout))


class _Pool:
    """The connections of one event loop to one transport. They close when the last client leaves."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._users = 0
        self._opening = asyncio.Lock()
        self._http: httpx.AsyncClient | None = None
        self.places = asyncio.Semaphore(MOST_UNDER_WAY)

    @staticmethod
    async def shared(transport: Transport) -> _Pool:
        pools = registry.pools(asyncio.get_running_loop())
        pool: _Pool = pools.setdefault(transport, _Pool(transport))
        pool._users += 1
        try:
            await pool._open()
        except BaseException:
            await pool.leave()
            raise
        return pool

    @property
    def http(self) -> httpx.AsyncClient:
        assert self._http  # noqa: S101 - `shared` has opened it
        return self._http

    async def leave(self) -> None:
        self._users -= 1
        if not self._users:
            registry.pools(asyncio.get_running_loop()).pop(self._transport, None)
            if self._http:
                await self._http.aclose()

    async def _open(self) -> None:
        # One for all, and off the loop: to read the certificates takes 30 ms, and many may begin at once.
        async with self._opening:
            if self._http is None:
                context = await asyncio.to_thread(tls_context, self._transport)
                self._http = _http(self._transport, context)


def _http(transport: Transport, context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=context,
        proxy=_proxy(transport.proxy, context) if transport.proxy else None,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - _send limits the whole attempt
        event_hooks={"response": [_lay_location_aside]},
        limits=httpx.Limits(max_connections=MOST_UNDER_WAY, max_keepalive_connections=MOST_UNDER_WAY),
    )


async def _lay_location_aside(response: httpx.Response) -> None:
    """Hide the Location header from httpx, which fails on an invalid URL even if it does not follow redirects."""
    location = response.headers.pop("location", None)
    response.extensions[_LOCATION] = {} if location is None else {"location": location}


async def _body(response: httpx.Response) -> bytes:
    """Return the body, still compressed; only its beginning if it is too large."""
    body = bytearray()
    if is_too_large(response.headers):
        return b""
    async for chunk in response.aiter_raw():
        body += chunk
        if is_too_large(response.headers, len(body)):
            break
    return bytes(body)


def _proxy(url: str, context: ssl.SSLContext) -> httpx.Proxy:
    if url.startswith("socks"):  # httpx has one kind, of which its older versions know one name
        return httpx.Proxy(url.replace("socks5h:", "socks5:", 1))
    place, headers = without_user(url)
    return httpx.Proxy(place, headers=headers, ssl_context=context if place.startswith("https:") else None)
