"""A wait in the triggerer: looks again and again, and comes back with a verdict. Decides nothing itself.

What a look means is in waiting.py, when to look and when to give up in patience.py.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Self

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_wedata.api.clock import Zone
from airflow_provider_wedata.api.errors import ApiError, InvalidRequest
from airflow_provider_wedata.events import to_event
from airflow_provider_wedata.exceptions import WeDataConfigError
from airflow_provider_wedata.patience import Patience
from airflow_provider_wedata.terms import read_watch
from airflow_provider_wedata.waiting import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_provider_wedata.api.client import AsyncClient
    from airflow_provider_wedata.hooks.wedata import WeDataHook
    from airflow_provider_wedata.watch import Watch

#: Seconds that a look under way at the deadline may still take.
LAST_LOOK = 120.0


class WeDataTaskInstanceTrigger(BaseTrigger):
    """Wait until WeData's task instances are as a sensor wants them, or until the wait is over.

    Holds no secret: the connection is read by its id, in the triggerer. A restarted triggerer goes on with the
    same deadline, and looks at once.

    :param watch: what is waited for, as `terms.given_by` makes it.
    :param patience: how long and how often, as `Patience.to_json` makes it.
    :param wedata_conn_id: the connection.
    :param region: in place of the connection's.
    :param next_look: when to look first, in seconds since the epoch.
    """

    def __init__(
        self,
        *,
        watch: Mapping[str, Any],
        patience: Mapping[str, Any],
        wedata_conn_id: str,
        region: str | None = None,
        next_look: float = 0.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.watch = watch
        self.patience = patience
        self.wedata_conn_id = wedata_conn_id
        self.region = region
        self.next_look = next_look

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what a triggerer makes this trigger from."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "watch": dict(self.watch),
            "patience": dict(self.patience),
            "wedata_conn_id": self.wedata_conn_id,
            "region": self.region,
            "next_look": self.next_look,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and tell once how it ended."""
        watch = read_watch(self.watch, project_id="", time_zone=Zone("UTC+8"))  # it names both itself
        event = {"verdict": to_event(await self._wait(watch)), "watch": watch.summary()}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's

    async def _wait(self, watch: Watch) -> Verdict:
        patience = Patience.from_json(self.patience)
        look, said = patience.looks_by(time.time()) + 1, ""
        await asyncio.sleep(max(self.next_look - time.time(), 0))
        async with _Watcher(self, watch) as watcher:
            while True:
                seen = await watcher.look(max(patience.deadline - time.time(), 0) + LAST_LOOK)
                now = time.time()
                verdict = patience.judge(seen, now)
                if verdict.kind is not Kind.WAITING:
                    return verdict
                said = self._say(verdict, said)
                await asyncio.sleep(patience.next_look(look, now) - now)
                look += 1

    def _say(self, verdict: Verdict, said: str) -> str:
        if verdict.message != said:
            self.log.log(logging.WARNING if verdict.error else logging.INFO, "%s", verdict.message)
        else:
            self.log.debug("%s", verdict.message)
        return verdict.message


class _Watcher:
    """Looks with one client for as long as that goes well; with a refused key it reads the connection again."""

    def __init__(self, trigger: WeDataTaskInstanceTrigger, watch: Watch) -> None:
        self._trigger = trigger
        self._watch = watch
        self._client: AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    async def look(self, seconds: float) -> Verdict:
        fresh = self._client is None
        verdict = await self._try(seconds)
        if verdict.refused_by_wedata and not fresh:
            await self._leave()  # somebody may have mended the connection while we waited
            verdict = await self._try(seconds)
        return verdict

    async def _try(self, seconds: float) -> Verdict:
        try:
            client = self._client or await self._enter()
            async with asyncio.timeout(seconds):
                return await client.run(self._watch.look(client.channel.answered))
        except TimeoutError:
            return Verdict(Kind.WAITING, "WeData did not answer before the deadline")
        except ApiError as error:
            return Verdict.of_error(error)

    async def _enter(self) -> AsyncClient:
        hook = (await asyncio.to_thread(_loaded_hook))(
            self._trigger.wedata_conn_id, region=self._trigger.region
        )
        try:
            client = await hook.get_async_conn()
        except WeDataConfigError as error:
            raise (error.__cause__ if isinstance(error.__cause__, InvalidRequest) else error) from None
        self._client = await client.__aenter__()
        return self._client

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__(None, None, None)


def _loaded_hook() -> type[WeDataHook]:
    """Import what a DAG file does without; in a thread, for it takes a while and the loop has others to serve."""
    import tencentcloud.common.sign  # noqa: F401, PLC0415 - so that the first signature finds it loaded

    import airflow_provider_wedata.api.client  # noqa: F401, PLC0415 - likewise, of the first client
    from airflow_provider_wedata.hooks.wedata import WeDataHook  # noqa: PLC0415

    return WeDataHook
