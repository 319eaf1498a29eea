"""The gate: a sensor that waits until WeData's task instances for a window are done.

Runs a wait on a worker and turns its verdict into Airflow's outcome: done, failed, skipped or timed out. What a
poll means is in waiting/condition.py; the wait in the triggerer is in triggers/wedata.py.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_wedata.api.errors import ApiError, ConnectionUnreadable, describe, describe_some
from airflow_provider_wedata.api.filters import parse_query
from airflow_provider_wedata.exceptions import (
    WeDataConfigError,
    WeDataInstanceFailed,
    WeDataInstanceMissing,
    WeDataInstanceSkipped,
    WeDataTriggerError,
    as_airflow_errors,
    as_api_errors,
    from_api,
)
from airflow_provider_wedata.operators.base import UNSET, WeDataBaseOperator, templated
from airflow_provider_wedata.waiting.condition import Outcome, Verdict
from airflow_provider_wedata.waiting.parameters import (
    COUNTS,
    STATES,
    check_names,
    check_taken,
    parse_condition,
    parse_watch,
)
from airflow_provider_wedata.waiting.schedule import (
    LAST_LOOK,
    LONGEST,
    PollSchedule,
    look_timeout,
    unanswered,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_wedata.api.times import Zone
    from airflow_provider_wedata.hooks.wedata import WeDataHook
    from airflow_provider_wedata.waiting.watch import Watch

#: The exception for each outcome that `soft_fail` turns into a skip.
_ENDS: dict[Outcome, type[AirflowException]] = {
    Outcome.FAILED: WeDataInstanceFailed,
    Outcome.STUCK: WeDataInstanceSkipped,
    Outcome.MISSING: WeDataInstanceMissing,
    Outcome.TIMEOUT: AirflowSensorTimeout,
}
_STUCK_ADVICE = "add SKIP_RUNNING to allowed_states if it counts as done, or to skipped_states"
#: Airflow's own timeout is a backstop, well after ours: its error does not say what was waited for.
_BACKSTOP = timedelta(seconds=LAST_LOOK + 480)


class WeDataTaskInstanceSensor(WeDataBaseOperator, BaseSensorOperator):
    """Wait until all task instances that WeData planned for a window are COMPLETED.

    Takes the filters of `WeDataBaseOperator`; a window closed at both ends is required. Times without an offset
    are in `time_zone`. Returns ``{"total", "states", "schedule_time_from", "schedule_time_to",
    "last_end_time"}``, times in ISO 8601.

    :param allowed_states: all instances must be in one of these.
    :param failed_states: one instance in one of these fails the task; WeData's word for failed is ``EXPIRED``.
    :param skipped_states: one instance in one of these skips the task.
    :param instances_per_task: with `task_ids`: the minimum number of instances of each task; 1 by default.
    :param min_instances: the minimum number of instances in total.
    :param expected_instances: the exact number of instances in total. Without `task_ids` or `instance_keys`
        this or `min_instances` is required, because some of a workflow's instances may not be there yet.
    :param completed_after: an instance that was done before this time counts as waiting.
    :param appear_timeout: seconds, or a timedelta, within which at least one instance must appear.
    :param deferrable: wait in the triggerer; the default is ``[operators] default_deferrable``.

    :raises WeDataInstanceFailed: an instance is in `failed_states`.
    :raises WeDataInstanceSkipped: all ended, some as SKIP_RUNNING, which is in none of the three sets.
    :raises WeDataInstanceMissing: nothing appeared by `appear_timeout`.
    :raises AirflowSensorTimeout: not done by `timeout`.
    :raises AirflowTaskTimeout: not done by `execution_timeout`.
    :raises WeDataTriggerError: worker and triggerer run incompatible releases; a retry may help.
    :raises WeDataConfigError: a parameter or the connection is wrong; nothing was sent.
    :raises WeDataConnectionError: Airflow can't read the connection at the first poll; later the sensor waits on.
    :raises WeDataApiError: WeData refuses the request; during an outage of WeData the sensor waits on.
    """

    template_fields: Sequence[str] = templated(*WeDataBaseOperator.filters, *COUNTS, "completed_after")

    def __init__(
        self,
        *,
        allowed_states: Any = STATES["allowed_states"],
        failed_states: Any = STATES["failed_states"],
        skipped_states: Any = STATES["skipped_states"],
        instances_per_task: Any = UNSET,
        min_instances: Any = UNSET,
        expected_instances: Any = UNSET,
        completed_after: Any = UNSET,
        appear_timeout: float | timedelta | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        with as_airflow_errors():
            check_taken(kwargs)
        super().__init__(**kwargs)
        if self.silent_fail:  # also if it comes from default_args
            raise WeDataConfigError(
                "silent_fail: not supported; the sensor waits through outages of WeData anyway, and fails "
                "fast on bad credentials; leave it out"
            )
        self.allowed_states = allowed_states
        self.failed_states = failed_states
        self.skipped_states = skipped_states
        self.appear_timeout = _seconds(appear_timeout)
        self.deferrable = deferrable
        self._given |= set(STATES)
        self._keep_parameters(
            instances_per_task=instances_per_task,
            min_instances=min_instances,
            expected_instances=expected_instances,
            completed_after=completed_after,
        )
        self._wait: _Wait | None = None
        self._check_as_built()

    def execute(self, context: Context) -> Any:
        """Wait on the worker; or poll once and, if the wait is not over, defer to the triggerer."""
        with self._explain_alarm(), _soft_fail_only_instance_outcomes():
            self._begin(context)
            if not self.deferrable:
                with self._one_timeout():
                    return super().execute(context)
            done = self.poke(context)
            return done.xcom_value if isinstance(done, PokeReturnValue) else self._defer()

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once."""
        wait = self._wait or self._begin(context)
        verdict = wait.poll()
        if wait.is_news(verdict):
            self.log.log(logging.WARNING if verdict.error else logging.INFO, "%s", _news(verdict))
        return self._finish(verdict, wait.summary())

    def execute_complete(self, context: Context, event: Any) -> Any:  # noqa: ARG002 - Airflow's
        """Turn the trigger's event into the outcome of the task."""
        from airflow_provider_wedata.waiting.events import decode_ending  # noqa: PLC0415 - a DAG file needs none

        try:
            ending = decode_ending(event)
        except ValueError as error:
            raise WeDataTriggerError(str(error)) from error
        self.log.info("%s", _news(ending.verdict))
        if ending.by_execution_timeout:
            raise AirflowTaskTimeout(f"{ending.watched['about']}: {ending.verdict.message}")
        done = self._finish(ending.verdict, ending.watched)
        return done.xcom_value if isinstance(done, PokeReturnValue) else None

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after the triggerer."""
        with self._explain_alarm(), _soft_fail_only_instance_outcomes():
            return super().resume_execution(next_method, next_kwargs, context)

    @contextmanager
    def _explain_alarm(self) -> Iterator[None]:
        """Raise an error that names the wait if `execution_timeout` ends it; with soft_fail, a skip."""
        try:
            yield
        except AirflowTaskTimeout as alarm:
            message = (
                self._wait.describe(f"{self.execution_timeout} (execution_timeout)")
                if self._wait and self._wait.watch
                else str(alarm)
            )
            raise (AirflowSkipException if self._soft else AirflowTaskTimeout)(message) from alarm

    @property
    def _soft(self) -> bool:
        return self.soft_fail or self.never_fail

    def _get_next_poke_interval(self, *airflows: Any, **own: Any) -> float:
        """Return the seconds to the next poll; Airflow's own interval would sleep past the deadline."""
        if self._wait is None:
            return super()._get_next_poke_interval(*airflows, **own)
        return max(self._wait.next_look() - time.time(), 0.0)

    @contextmanager
    def _one_timeout(self) -> Iterator[None]:
        """Turn off Airflow's timeout: it applies after a poke, says less than ours and ignores `never_fail`."""
        timeout, self.timeout = self.timeout, float("inf")
        try:
            yield
        finally:
            self.timeout = timeout

    def _keep_parameters(self, **values: Any) -> None:
        """Keep the parameters; None means not set, except in a mapped task, where it is a value."""
        for name, value in values.items():
            self._keep(**{name: UNSET if value is None and not self._was_expanded else value})

    def _check(self, names: Collection[str], plain: Mapping[str, Any], zone: Zone) -> None:
        check_names(names)
        if plain.keys() == set(names):
            parse_watch(plain, project_id="", time_zone=zone)
        else:
            filters = {name: plain[name] for name in plain if name in self.filters}
            parse_query(filters, project_id="", time_zone=zone)
            parse_condition(plain, zone)

    def _begin(self, context: Context) -> _Wait:
        before = self._first_poke(context)
        schedule = self._poll_schedule(context, before)
        self._wait = _Wait(
            schedule,
            self._hook,
            lambda hook: self._prepare(context, hook, schedule),
            about=f"task instances of connection {self.wedata_conn_id!r}, {describe(self._filters_and_terms())}",
            under_way=before is not None,
        )
        return self._wait

    def _prepare(self, context: Context, hook: WeDataHook, schedule: PollSchedule) -> Watch:
        """Return what to wait for, which needs the connection, and log it."""
        parameters = self._filters_and_terms()
        with as_airflow_errors():
            watch = parse_watch(
                parameters, project_id=hook.project_id(parameters), time_zone=hook.settings.time_zone
            )
        self._show_link(context, hook, watch.query)
        left = min(max(schedule.deadline - time.time(), 0), LONGEST)
        self.log.info("Waiting up to %s for %s", timedelta(seconds=round(left)), watch.describe())
        if names := [task_id for task_id in watch.query.task_ids if not task_id.isdecimal()]:
            # Every id in WeData's samples is a number, but no page says that all are. [I]
            self.log.warning(
                "task_ids: WeData's ids are numbers, and names are not looked up: %s", describe_some(names)
            )
        return watch

    def _poll_schedule(self, context: Context, first_poke: datetime | None = None) -> PollSchedule:
        wait, alarm = self.max_wait, self.execution_timeout
        return PollSchedule(
            started=_started(context, first_poke),
            timeout=float(self.timeout),
            appear_timeout=self.appear_timeout,
            poke_interval=float(self.poke_interval),
            exponential_backoff=bool(self.exponential_backoff),
            max_wait=wait.total_seconds() if isinstance(wait, timedelta) else wait,
            seed=f"{self.dag_id}#{self.task_id}",
            execution_timeout=alarm.total_seconds() if alarm and self.deferrable else None,
        )

    def _first_poke(self, context: Context) -> datetime | None:
        """Return when a rescheduled wait poked first, in any of its tries; None if it was not rescheduled."""
        if self.reschedule and not self.deferrable and "ti" in context:
            return _first_poke(context, self.retries or 0)
        return None

    def _defer(self) -> NoReturn:
        from airflow_provider_wedata.triggers.wedata import WeDataTaskInstanceTrigger  # noqa: PLC0415 - as above
        from airflow_provider_wedata.waiting.rows import encode_watch  # noqa: PLC0415 - as above

        assert self._wait  # noqa: S101 - _begin has set it
        assert self._wait.watch  # noqa: S101 - the first poll has set it
        schedule = self._wait.schedule
        left = min(schedule.deadline - time.time(), LONGEST)
        self.defer(
            trigger=WeDataTaskInstanceTrigger(
                watch=encode_watch(self._wait.watch),
                schedule=schedule.to_json(),
                wedata_conn_id=self.wedata_conn_id,
                region=self.region,
                next_look=self._wait.next_look(),
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=left) + _BACKSTOP,
        )
        raise AssertionError("defer() returned; expected it to raise TaskDeferred")

    def _finish(self, verdict: Verdict, watched: Mapping[str, str]) -> bool | PokeReturnValue:
        """Turn a verdict into Airflow's outcome. The only place that does, in every mode.

        :param watched: what was waited for, as `Watch.summary` returns it.

        :raises AirflowException: of the class for the verdict.
        """
        if verdict.outcome is Outcome.WAITING:
            return False
        if verdict.outcome is Outcome.MET:
            return PokeReturnValue(is_done=True, xcom_value=_result(verdict, watched))
        if verdict.error is not None:
            raise from_api(verdict.error)
        message = f"{watched['about']}: {verdict.message}"
        if verdict.outcome is Outcome.STUCK:
            message = f"{message}; {_STUCK_ADVICE}"
        if verdict.outcome is Outcome.SKIPPED or self._soft:
            raise AirflowSkipException(message)
        raise _ENDS[verdict.outcome](message)


def _started(context: Context, first_poke: datetime | None) -> float:
    """Return when this wait began, in seconds since the epoch: its first poke if rescheduled, else the try."""
    began = first_poke or getattr(context.get("ti"), "start_date", None)
    return began.timestamp() if isinstance(began, datetime) else time.time()


def _first_poke(context: Context, retries: int) -> datetime | None:
    """Return when a rescheduled sensor poked first, found as Airflow's own sensors find it."""
    ti: Any = context["ti"]
    if hasattr(ti, "get_first_reschedule_date"):
        first: datetime | None = ti.get_first_reschedule_date(context)
        return first
    from airflow.sensors.base import _orig_start_date  # noqa: PLC0415 - Airflow 2.11 has it only here

    began: datetime | None = _orig_start_date(
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        map_index=ti.map_index,
        try_number=(ti.max_tries or 0) - retries + 1,
    )
    return began


class _Wait:
    """A wait under way on a worker: its watch, its schedule, its connection and what was logged last.

    :param hook: makes a hook that reads the connection again.
    :param prepare: makes the watch with a hook.
    :param about: a description of the wait for as long as the connection is unknown.
    :param under_way: True if another process has polled before.
    """

    def __init__(
        self,
        schedule: PollSchedule,
        hook: Callable[[], WeDataHook],
        prepare: Callable[[WeDataHook], Watch],
        *,
        about: str,
        under_way: bool,
    ) -> None:
        self.schedule = schedule
        self.watch: Watch | None = None
        self._new_hook = hook
        self._prepare = prepare
        self._about = about
        self._hook: WeDataHook | None = None
        self._is_first = not under_way
        self._seen: Verdict | None = None
        self._logged: str | None = None

    def poll(self) -> Verdict:
        """Poll; if refused during a wait, reread the connection, which may be corrected, and poll again.

        :raises WeDataConnectionError: if the connection can't be read at the first poll; later the wait goes on.
        """
        self._is_first = self._is_first and self._seen is None
        began = time.time()
        verdict = self._try()
        if verdict.correctable and not self._is_first:
            self._hook = None
            verdict = self._try()
        if isinstance(verdict.error, ConnectionUnreadable) and self._is_first:
            raise from_api(verdict.error)
        self._seen = self.schedule.judge(verdict, began)
        return self._seen

    def next_look(self) -> float:
        """Return when to poll next, in seconds since the epoch."""
        now = time.time()
        if self._is_first:
            return self.schedule.first_look(now, self._seen)
        return self.schedule.next_look(self.schedule.looks_by(now), now, self._seen)

    def summary(self) -> dict[str, str]:
        """Return what is waited for, as `Watch.summary` does."""
        return self.watch.summary() if self.watch else {"about": self._about}

    def describe(self, limit: str) -> str:
        """Return a text that says that the wait reached a limit, and what was seen last."""
        seen = self._seen.message if self._seen else "nothing"
        return f"{self.summary()['about']}: not met in {limit}; last seen: {seen}"

    def is_news(self, verdict: Verdict) -> bool:
        """Return True if the verdict differs from the one that was logged before."""
        logged, self._logged = self._logged, verdict.message
        return logged != verdict.message

    def _try(self) -> Verdict:
        deadline = self.schedule.deadline
        seconds = look_timeout(deadline, time.time())
        try:
            with as_api_errors():
                hook = self._hook = self._hook or self._new_hook()
                watch = self.watch = self.watch or self._prepare(hook)
                connected = hook.get_conn()
            with connected as client:
                return client.run(watch.poll(client.channel.answered, deadline=deadline), seconds=seconds)
        except ApiError as error:
            return Verdict.of_error(error)
        except TimeoutError:
            return unanswered(seconds)


@contextmanager
def _soft_fail_only_instance_outcomes() -> Iterator[None]:
    """Apply soft_fail only to outcomes of WeData instances.

    Airflow's `soft_fail` and `never_fail` would turn any error into a skip, differently in each mode.
    Configuration, authentication and permission errors fail the task in every mode.
    """
    try:
        yield
    except AirflowSkipException as skip:
        cause = skip.__cause__
        if cause is None or isinstance(cause, tuple(_ENDS.values())):
            raise
        raise cause from cause.__cause__  # a skip of ours, too: Airflow's does not say what happened


def _news(verdict: Verdict) -> str:
    return verdict.message if verdict.outcome is Outcome.WAITING else f"The wait is over: {verdict.message}"


def _result(verdict: Verdict, watched: Mapping[str, str]) -> dict[str, Any]:
    from airflow_provider_wedata.waiting.encoding import decode_moment  # noqa: PLC0415 - as above

    census = verdict.census
    assert census  # noqa: S101 - a MET verdict has a census
    zone = decode_moment(watched["schedule_time_from"]).tzinfo
    return {
        "total": census.total,
        "states": {state: n for state, n in census.states.items() if n},
        "schedule_time_from": watched["schedule_time_from"],
        "schedule_time_to": watched["schedule_time_to"],
        "last_end_time": _on_clock(census.last_end, zone).isoformat() if census.last_end else None,
    }


def _on_clock(moment: datetime, zone: tzinfo | None) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # such as Go's zero time: no reason to fail an open gate
        return moment


def _seconds(value: float | timedelta | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not seconds >= 0:  # refuses NaN, too
        raise WeDataConfigError(
            f"appear_timeout: {describe(value)} is not valid; expected seconds (0 or more) or a timedelta"
        )
    return seconds
