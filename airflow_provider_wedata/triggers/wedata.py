"""A wait in the triggerer: looks again and again, and comes back with a verdict. Decides nothing itself.

What a look means is in waiting/condition.py, when to look and when to give up in waiting/schedule.py. How a wait comes here is in
waiting/rows.py, how it goes back in waiting/events.py.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Self

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_wedata.api.errors import ApiError, InvalidRequest
from airflow_provider_wedata.exceptions import WeDataConfigError
from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.encoding import UnknownVersion
from airflow_provider_wedata.waiting.events import Ending, encode_ending, encode_problem
from airflow_provider_wedata.waiting.rows import decode_watch, known_deadline
from airflow_provider_wedata.waiting.schedule import LONGEST, PollSchedule, look_timeout, unanswered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_provider_wedata.api.async_client import AsyncClient
    from airflow_provider_wedata.hooks.wedata import WeDataHook
    from airflow_provider_wedata.waiting.poll import Watch

#: Seconds within which a triggerer takes up a trigger that is deferred.
PROMPT = 5.0


class WeDataTaskInstanceTrigger(BaseTrigger):
    """Wait until WeData's task instances are as a sensor wants them, or until the wait is over.

    Holds no secret: the connection is read by its id, in the triggerer. A restarted triggerer goes on with the
    same deadline, and looks within an interval, each trigger at a time of its own.

    :param watch: what is waited for, as `rows.encode_watch` makes it.
    :param patience: how long and how often, as `PollSchedule.to_json` makes it.
    :param wedata_conn_id: the connection.
    :param region: in place of the connection's.
    :param next_look: when to look first, in seconds since the epoch.
    :param newer: what a newer worker knows besides; kept, but not heeded.
    """

    def __init__(
        self,
        *,
        watch: Mapping[str, Any],
        patience: Mapping[str, Any],
        wedata_conn_id: str,
        region: str | None = None,
        next_look: float = 0.0,
        **newer: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.watch = watch
        self.patience = patience
        self.wedata_conn_id = wedata_conn_id
        self.region = region
        self.next_look = next_look
        self._newer = newer
        self._seen = ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what a triggerer makes this trigger from."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            **self._newer,
            "watch": dict(self.watch),
            "patience": dict(self.patience),
            "wedata_conn_id": self.wedata_conn_id,
            "region": self.region,
            "next_look": self.next_look,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and tell once how it ended."""
        yield TriggerEvent(await self._event())  # type: ignore[no-untyped-call]  # Airflow's

    async def _event(self) -> dict[str, Any]:
        try:
            watch, patience = decode_watch(self.watch), PollSchedule.from_json(self.patience)
        except UnknownVersion as error:
            self.log.error("%s. Waiting for that until this gate's deadline", error)  # noqa: TRY400 - told in full
            await _sleep_until(known_deadline(self.patience))  # a triggerer that is upgraded reads it anew
            return encode_problem(f"the triggerer does not understand this wait: {error}")
        except ValueError as error:
            return encode_problem(f"the triggerer does not understand this wait: {error}")
        return encode_ending(await self._end(watch, patience))

    async def _end(self, watch: Watch, patience: PollSchedule) -> Ending:
        watched = watch.summary()
        try:
            async with asyncio.timeout(_left(patience)) as alarm, _Watcher(self, watch) as watcher:
                return Ending(await self._wait(watcher, patience), watched)
        except TimeoutError:
            if not alarm.expired():
                raise
        seen = self._seen or "nothing"
        message = f"not met in {patience.execution_timeout:g} s (execution_timeout); last seen: {seen}"
        return Ending(Verdict(Outcome.TIMEOUT, message), watched, by_execution_timeout=True)

    async def _wait(self, watcher: _Watcher, patience: PollSchedule) -> Verdict:
        now = time.time()
        # Later than that it was not deferred just now: its triggerer was restarted, and others with it.
        await _sleep_until(self.next_look if now < self.next_look + PROMPT else patience.first_look(now))
        while True:
            began = time.time()
            seen = await watcher.poll(patience.deadline)
            verdict = patience.judge(seen, began)
            if verdict.outcome is not Outcome.WAITING:
                return verdict
            self._seen = self._say(verdict, self._seen)
            now = time.time()
            await _sleep_until(patience.next_look(patience.looks_by(now), now, verdict))

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

    async def poll(self, deadline: float) -> Verdict:
        fresh = self._client is None
        verdict = await self._try(deadline)
        if verdict.refused_by_wedata and not fresh:
            await self._leave()  # somebody may have mended the connection while we waited
            verdict = await self._try(deadline)
        return verdict

    async def _try(self, deadline: float) -> Verdict:
        seconds = look_timeout(deadline, time.time())
        try:
            client = self._client or await self._enter()
            return await client.run(
                self._watch.poll(client.channel.answered, deadline=deadline), seconds=seconds
            )
        except ApiError as error:
            return Verdict.of_error(error)
        except TimeoutError:
            return unanswered(seconds)

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


async def _sleep_until(moment: float) -> None:
    """Sleep until then by the clock that deadlines are on; the event loop's own may be a moment ahead of it."""
    while (left := moment - time.time()) > 0:  # noqa: ASYNC110 - the clock has no event to wait for
        await asyncio.sleep(min(left, LONGEST))


def _left(patience: PollSchedule) -> float | None:
    """Return the seconds until `execution_timeout`, which Airflow 3 does not keep while a task is deferred."""
    if patience.execution_timeout is None:
        return None
    return patience.started + patience.execution_timeout - time.time()


def _loaded_hook() -> type[WeDataHook]:
    """Import what a DAG file does without; in a thread, for it takes a while and the loop has others to serve."""
    import tencentcloud.common.sign  # noqa: F401, PLC0415 - so that the first signature finds it loaded

    import airflow_provider_wedata.api.async_client  # noqa: PLC0415 - likewise, of the first client
    import airflow_provider_wedata.connection.clients  # noqa: F401, PLC0415 - likewise
    from airflow_provider_wedata.hooks.wedata import WeDataHook  # noqa: PLC0415

    return WeDataHook
