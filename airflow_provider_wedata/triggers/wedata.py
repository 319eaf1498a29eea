"""A wait in the triggerer: polls until there is a verdict, and returns it. Decides nothing itself.

waiting/condition.py says what a poll means, waiting/schedule.py when to poll and when to give up. waiting/rows.py
decodes the wait that the worker wrote, waiting/events.py encodes the verdict that goes back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_wedata.api.errors import ApiError
from airflow_provider_wedata.exceptions import as_api_errors
from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.encoding import UnknownVersion
from airflow_provider_wedata.waiting.events import Ending, encode_ending, encode_problem
from airflow_provider_wedata.waiting.rows import decode_watch, known_deadline
from airflow_provider_wedata.waiting.schedule import LONGEST, PollSchedule, look_timeout, unanswered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_provider_wedata.api.async_client import AsyncClient
    from airflow_provider_wedata.hooks.wedata import WeDataHook
    from airflow_provider_wedata.waiting.watch import Watch

#: Seconds within which a triggerer takes up a trigger that is deferred.
PROMPT = 5.0


class WeDataTaskInstanceTrigger(BaseTrigger):
    """Wait until WeData's task instances meet a sensor's condition, or until the wait is over.

    Holds no secret: the triggerer reads the connection by its id. A restarted triggerer keeps the deadline and
    polls within one interval, each trigger at its own time.

    :param watch: what to wait for, as `rows.encode_watch` returns it.
    :param schedule: when to poll and when to give up, as `PollSchedule.to_json` returns it.
    :param wedata_conn_id: the id of the connection.
    :param region: overrides the connection's region.
    :param next_look: when to poll first, in seconds since the epoch.
    :param newer: parameters that only a newer worker knows; kept, but not used.
    """

    def __init__(
        self,
        *,
        watch: Mapping[str, Any],
        schedule: Mapping[str, Any] | None = None,
        wedata_conn_id: str,
        region: str | None = None,
        next_look: float = 0.0,
        **newer: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.watch = watch
        # Rows of the release before have it under the name `patience`.
        self.schedule: Mapping[str, Any] = newer.pop("patience", {}) if schedule is None else schedule
        self.wedata_conn_id = wedata_conn_id
        self.region = region
        self.next_look = next_look
        self._newer = newer
        self._seen = ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the keyword arguments from which a triggerer rebuilds this trigger."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            **self._newer,
            "watch": dict(self.watch),
            "schedule": dict(self.schedule),
            "wedata_conn_id": self.wedata_conn_id,
            "region": self.region,
            "next_look": self.next_look,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield one event that says how the wait ended."""
        yield TriggerEvent(await self._event())  # type: ignore[no-untyped-call]  # Airflow's

    async def _event(self) -> dict[str, Any]:
        try:
            watch, schedule = decode_watch(self.watch), PollSchedule.from_json(self.schedule)
        except UnknownVersion as error:
            self.log.error("%s. Waiting for that until this gate's deadline", error)  # noqa: TRY400 - the text says it all
            await _sleep_until(known_deadline(self.schedule))  # an upgraded triggerer decodes it again
            return encode_problem(f"the triggerer does not understand this wait: {error}")
        except ValueError as error:
            return encode_problem(f"the triggerer does not understand this wait: {error}")
        return encode_ending(await self._end(watch, schedule))

    async def _end(self, watch: Watch, schedule: PollSchedule) -> Ending:
        watched = watch.summary()
        try:
            async with asyncio.timeout(_left(schedule)) as alarm, _Watcher(self, watch) as watcher:
                return Ending(await self._wait(watcher, schedule), watched)
        except TimeoutError:
            if not alarm.expired():
                raise
        seen = self._seen or "nothing"
        message = f"not met in {schedule.execution_timeout:g} s (execution_timeout); last seen: {seen}"
        return Ending(Verdict(Outcome.TIMEOUT, message), watched, by_execution_timeout=True)

    async def _wait(self, watcher: _Watcher, schedule: PollSchedule) -> Verdict:
        now = time.time()
        # Any later, the task was not deferred just now: its triggerer restarted, with many other waits.
        await _sleep_until(self.next_look if now < self.next_look + PROMPT else schedule.first_look(now))
        while True:
            began = time.time()
            seen = await watcher.poll(schedule.deadline)
            verdict = schedule.judge(seen, began)
            if verdict.outcome is not Outcome.WAITING:
                return verdict
            self._seen = self._log_news(verdict, self._seen)
            now = time.time()
            await _sleep_until(schedule.next_look(schedule.looks_by(now), now, verdict))

    def _log_news(self, verdict: Verdict, logged: str) -> str:
        if verdict.message != logged:
            self.log.log(logging.WARNING if verdict.error else logging.INFO, "%s", verdict.message)
        else:
            self.log.debug("%s", verdict.message)
        return verdict.message


class _Watcher:
    """Polls with one client while that works; reads the connection again after a refusal."""

    def __init__(self, trigger: WeDataTaskInstanceTrigger, watch: Watch) -> None:
        self._trigger = trigger
        self._watch = watch
        self._client: AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    async def poll(self, deadline: float) -> Verdict:
        verdict = await self._try(deadline)
        if verdict.correctable:
            await self._leave()  # the connection may have been corrected while we waited
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
        with as_api_errors():
            client = await hook.get_async_conn()
        self._client = await client.__aenter__()
        return self._client

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__(None, None, None)


async def _sleep_until(moment: float) -> None:
    """Sleep until then by the clock of the deadlines; the event loop's clock may be slightly ahead of it."""
    while (left := moment - time.time()) > 0:  # noqa: ASYNC110 - the clock has no event to wait for
        await asyncio.sleep(min(left, LONGEST))


def _left(schedule: PollSchedule) -> float | None:
    """Return the seconds until `execution_timeout`, which Airflow 3 does not enforce while a task is deferred."""
    if schedule.execution_timeout is None:
        return None
    return schedule.started + schedule.execution_timeout - time.time()


def _loaded_hook() -> type[WeDataHook]:
    """Import what a DAG file does not need; in a thread, for it would block the event loop for a while."""
    with suppress(
        ImportError
    ):  # httpx imports it with its first request; it is private to anyio, and may move
        import anyio._backends._asyncio  # noqa: F401, PLC0415
    import tencentcloud.common.sign  # noqa: F401, PLC0415 - the first signature needs it

    import airflow_provider_wedata.api.async_client  # noqa: PLC0415 - the first client needs it
    import airflow_provider_wedata.connection.clients  # noqa: F401, PLC0415 - likewise
    from airflow_provider_wedata.hooks.wedata import WeDataHook  # noqa: PLC0415

    return WeDataHook
