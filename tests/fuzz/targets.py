"""The targets of the fuzzer: odd input must lead to one of our own errors or to a correct result.

A target takes a random source and returns nothing; whatever it raises is a bug.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import ApiError, InvalidRequest
from airflow_provider_wedata.api.exchange import Channel, Now, Reply, Send, Slot, Turn
from airflow_provider_wedata.api.filters import FILTERS, parse_query
from airflow_provider_wedata.api.rate_limit import RateLimiter
from airflow_provider_wedata.api.retry import RetryPolicy
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.connection.fields import EXTRAS
from airflow_provider_wedata.connection.settings import Settings, parse_extra
from airflow_provider_wedata.waiting.condition import Census, Outcome, Verdict
from airflow_provider_wedata.waiting.events import Ending, decode_ending, encode_ending, encode_problem
from airflow_provider_wedata.waiting.parameters import TERMS, parse_watch
from airflow_provider_wedata.waiting.rows import decode_watch, encode_watch
from airflow_provider_wedata.waiting.schedule import PollSchedule
from tests.fuzz import junk

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from airflow_provider_wedata.waiting.watch import Watch

UTC8 = Zone("UTC+8")
NOON = 1772337600.0  # 2026-03-01 12:00:00 in UTC+8
RIGHT: dict[str, Any] = {
    "project_id": "1460947878944567296",
    "workflow_id": "w",
    "task_type_id": 35,
    "cycle_type": "DAY_CYCLE",
    "instance_type": "cyclic",
    "task_ids": ["71", "72"],
    "schedule_date": "2026-03-01",
    "time_zone": "UTC+8",
    "failed_states": [],
    "min_instances": 1,
    "expected_instances": 2,
    "completed_after": "2026-03-01T00:00:00+08:00",
}
ROW = {
    "ProjectId": "1460947878944567296",
    "InstanceKey": "71_2026-03-01 00:00:00",
    "TaskId": "71",
    "TaskName": "load_orders",
    "CurRunDate": "2026-03-01 00:00:00",
    "InstanceState": "COMPLETED",
    "InstanceType": 1,
    "OwnerUinList": ["100"],
    "TotalRunNum": 1,
    "TaskType": "Shell",
    "TaskTypeId": 35,
    "CycleType": "DAY_CYCLE",
    "TryLimit": 3,
    "Tries": 1,
    "StartTime": "2026-03-01 00:00:01",
    "EndTime": "2026-03-01 00:10:00",
    "CostTime": 1000,
    "SchedulerTime": "2026-03-01 00:00:00",
    "LastUpdateTime": "2026-03-01 00:10:00",
}
OTHER = {
    **ROW,
    "InstanceKey": "72_2026-03-01 01:00:00",
    "TaskId": "72",
    "SchedulerTime": "2026-03-01 01:00:00",
}
WATCHES = [
    parse_watch({"schedule_date": "2026-03-01", **terms}, project_id="1460947878944567296", time_zone=UTC8)
    for terms in (
        {"min_instances": 1},
        {"expected_instances": 2, "failed_states": []},
        {"task_ids": ["71", "72"]},
        {"task_ids": ["71", "72"], "completed_after": "2026-02-28"},
        {"min_instances": 1, "allowed_states": ["COMPLETED", "SKIP_RUNNING"]},
    )
]

#: As the release before wrote them, without a version.
OLD_WATCH = {
    "project_id": "1460947878944567296",
    "task_ids": ["71", "72"],
    "schedule_time_from": "2026-03-01T00:00:00+08:00",
    "schedule_time_to": "2026-03-01T23:59:59+08:00",
    "time_zone": "UTC+8",
    "allowed_states": ["COMPLETED", "SKIP_RUNNING"],
    "failed_states": [],
    "skipped_states": [],
    "instances_per_task": 1,
    "completed_after": "2026-03-01T03:00:00+08:00",
}
OLD_SCHEDULE = {
    "started": 1772337600.25,
    "timeout": 3600.0,
    "appear_timeout": 600.0,
    "poke_interval": 30.0,
    "exponential_backoff": True,
    "max_wait": 600.0,
    "seed": "dag#gate",
}
OLD_EVENT = {
    "verdict": {
        "status": "met",
        "message": "3 of 3 COMPLETED",
        "total": 3,
        "states": {"COMPLETED": 3, "SKIP_RUNNING": 0},
        "last_end_time": "2026-03-01T12:30:00+08:00",
        "error": None,
    },
    "watch": {
        "about": "instances scheduled 2026-03-01 00:00:00 to 2026-03-01 23:59:59 UTC+8",
        "schedule_time_from": "2026-03-01T00:00:00+08:00",
        "schedule_time_to": "2026-03-01T23:59:59+08:00",
    },
}
SCHEDULE = PollSchedule(started=1772337600.25, timeout=float("inf"), seed="dag#gate", execution_timeout=60.0)
ROWS = [*map(encode_watch, WATCHES), OLD_WATCH]
SCHEDULES = [SCHEDULE.to_json(), OLD_SCHEDULE]
EVENTS = [
    OLD_EVENT,
    encode_problem("out of paper"),
    *(
        encode_ending(Ending(verdict, WATCHES[0].summary(), verdict.outcome is Outcome.TIMEOUT))
        for verdict in (
            Verdict(Outcome.MET, "3 of 3", Census({"COMPLETED": 2, "SKIP_RUNNING": 1}, 3)),
            Verdict(Outcome.FAILED, "failed in WeData", Census({"EXPIRED": 1}, 1)),
            Verdict(Outcome.TIMEOUT, "not met in 60 s"),
            Verdict(Outcome.REFUSED, "no", error=InvalidRequest("task_ids", "no")),
        )
    ),
]


def filters(rng: Random) -> None:
    """Filters of any kind make a query that can be sent and described, or are refused by name."""
    values = _parameters(rng, FILTERS)
    with suppress(InvalidRequest):
        query = parse_query(values, project_id="1", time_zone=UTC8)
        json.dumps(query.parameters()).encode()
        query.describe().encode()


def terms(rng: Random) -> None:
    """Filters and the other parameters together make a wait, or are refused by name."""
    parameters = _parameters(rng, (*FILTERS, *TERMS))
    with suppress(InvalidRequest):
        watch = parse_watch(parameters, project_id="1", time_zone=UTC8)
        json.dumps(watch.summary()).encode()
        json.dumps(watch.query.parameters()).encode()


def settings(rng: Random) -> None:
    """A connection's fields make settings, or the wrong one is named; a secret is never shown."""
    secret = "never-to-be-shown"
    extra = {"region": "ap-singapore"} | {
        rng.choice([*EXTRAS, junk.any_text(rng)]): junk.any_value(rng) for _ in range(rng.randrange(4))
    }
    fields: dict[str, Any] = {
        "login": rng.choice(["id", junk.any_text(rng), None]),
        "password": rng.choice([secret, secret + junk.any_text(rng)]),
        "host": rng.choice([None, junk.any_text(rng)]),
        "port": rng.choice([None, 443, 0, -1, 65536, rng.randrange(70000)]),
    }
    try:
        made = Settings.parse(**fields, extra=extra)
    except InvalidRequest as refusal:
        assert secret not in str(refusal)
        return
    assert secret not in repr(made)
    made.console_link(project_id="1", task_id="\ud83d/?", instance_key="a b").encode()


def extras(rng: Random) -> None:
    """The text of a connection's extra is a JSON object, or is refused without being shown."""
    text = rng.choice([junk.any_text(rng), junk.dumped(junk.any_json(rng)).decode()])
    with suppress(InvalidRequest):
        assert isinstance(parse_extra(text), dict)


def answers(rng: Random) -> None:
    """A wait opens on no answer that does not show every instance as done."""
    data: Any = {
        "TotalCount": 2,
        "TotalPageNumber": 1,
        "PageNumber": 1,
        "PageSize": 100,
        "Items": [ROW, OTHER],
    }
    answer: Any = {"Response": {"Data": data, "RequestId": "r"}}
    for _ in range(rng.randrange(4)):
        answer["Response"]["Data"] = junk.changed(answer["Response"]["Data"], rng)
    if rng.random() < 0.2:
        answer = junk.changed(answer, rng)
    body = junk.dumped(answer)
    if rng.random() < 0.05:
        body = bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    watch = rng.choice(WATCHES)
    verdict = _polled(watch, body, {"content-type": "application/json"})
    if verdict is not None and verdict.outcome is Outcome.MET:
        assert _done(body, watch), body
    if verdict is not None and verdict.outcome is Outcome.FAILED:
        assert b"EXPIRED" in body, body


def headers(rng: Random) -> None:
    """Whatever the headers are, an answer is parsed or refused with one of our own errors."""
    names = ["date", "location", "content-type", "content-encoding", "retry-after", junk.any_text(rng)]
    odd = ["Sat, 01 Jan 99999 00:00:00 GMT", "Mon, 99 Zzz 2026", "http://[::1", "-1", "0", junk.any_text(rng)]
    headers = {rng.choice(names): rng.choice(odd) for _ in range(rng.randrange(5))}
    error = {
        "Code": rng.choice(["AuthFailure.SignatureExpire", "InternalError", junk.any_text(rng)]),
        "Message": "m",
    }
    data = {"TotalCount": 2, "Items": [ROW, OTHER]}
    body = junk.dumped({"Response": rng.choice([{"Error": error}, {"Data": data}, {}])})
    status = rng.choice([100, 200, 204, 302, 400, 407, 429, 500, 503, 999])
    verdict = _polled(rng.choice(WATCHES), body, headers, status)
    assert verdict is None or verdict.outcome is not Outcome.MET or status == 200


def events(rng: Random) -> None:
    """An event is an ending or is refused; a gate opens on no event whose counts don't add up."""
    event = _changed_often(rng.choice(EVENTS), rng)
    try:
        ending = decode_ending(event)
    except ValueError:
        return
    assert isinstance(ending, Ending)
    if ending.verdict.outcome is Outcome.MET:
        verdict = event["verdict"]
        assert verdict["status"] == "met"
        assert 0 < verdict["total"] == sum(verdict["states"].values())
        assert min(verdict["states"].values()) >= 0
    assert decode_ending(encode_ending(ending)) == ending or ending.verdict.error is not None


def rows(rng: Random) -> None:
    """A trigger's row is a wait or is refused, and is encoded again as it was decoded."""
    with suppress(ValueError):
        watch = decode_watch(_changed_often(rng.choice(ROWS), rng))
        assert watch == decode_watch(json.loads(json.dumps(encode_watch(watch))))
    with suppress(ValueError):
        schedule = PollSchedule.from_json(_changed_often(rng.choice(SCHEDULES), rng))
        assert schedule == PollSchedule.from_json(json.loads(json.dumps(schedule.to_json(), allow_nan=False)))
        schedule.next_look(schedule.looks_by(NOON), NOON)
        schedule.first_look(NOON)


def _changed_often(value: Any, rng: Random) -> Any:
    for _ in range(rng.randrange(4)):
        value = junk.changed(value, rng)
    return json.loads(junk.dumped(value))


def _parameters(rng: Random, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a valid set of parameters with some of it changed."""
    parameters = {"schedule_date": "2026-03-01", "task_ids": "71"} if rng.random() < 0.7 else {}
    for _ in range(rng.randrange(1, 4)):
        name = rng.choice(names)
        right = RIGHT.get(name, "71")
        parameters[name] = rng.choice([right, junk.any_value(rng), junk.any_text(rng)])
        if rng.random() < 0.2:
            parameters.pop("task_ids", None)
    return parameters


def _polled(watch: Watch, body: bytes, headers: dict[str, str], status: int = 200) -> Verdict | None:
    """Return the verdict of a poll that gets this answer to every request; None if it raises one of our errors."""
    budget = RateLimiter(1000.0)
    channel = Channel(
        host="127.0.0.1",
        region="ap-singapore",
        credentials=Credentials("id", "key"),
        budget=lambda _action: budget,
        retry=RetryPolicy(retries=1),
        chance=lambda: 0.0,
    )
    flow, clock, answer = watch.poll(channel.answered), _Clock(), None
    try:
        while True:
            step = flow.send(answer)  # type: ignore[arg-type]  # None begins it
            answer = clock.answer(step, body, headers, status)
    except StopIteration as end:
        verdict: Verdict = end.value
        verdict.message.encode("utf-8", "surrogatepass")
        return verdict
    except ApiError as error:
        Verdict.of_error(error)
        return None


class _Clock:
    """Advances where time would pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @property
    def now(self) -> Now:
        return Now(NOON + self.seconds, self.seconds)

    def answer(self, step: Any, body: bytes, headers: dict[str, str], status: int) -> Reply | Slot | Now:
        if isinstance(step, Send):
            return Reply(status, headers, body, self.now)
        if not isinstance(step, Turn):
            self.seconds += step.seconds
            return self.now
        ticket, seconds = step.budget.reserve(self.seconds)
        while ticket is None:
            self.seconds += seconds
            ticket, seconds = step.budget.reserve(self.seconds)
        return Slot(self.now, ticket)


def _done(body: bytes, watch: Watch) -> bool:
    """Return True if the answer shows every awaited instance as done; written independently of the code."""
    items = json.loads(body)["Response"]["Data"]["Items"]
    states: dict[Any, set[Any]] = {}
    for item in items:
        key = item.get("InstanceKey") or f"{item.get('TaskId')}_{item.get('CurRunDate')}"
        if not watch.query.task_ids or str(item.get("TaskId")) in watch.query.task_ids:
            states.setdefault(key, set()).add(item.get("InstanceState"))
    total = json.loads(body)["Response"]["Data"]["TotalCount"]
    every = {item.get("InstanceKey") or f"{item.get('TaskId')}_{item.get('CurRunDate')}" for item in items}
    return (
        bool(states)
        and float(total) == len(every)
        and all(len(some) == 1 and some <= watch.condition.allowed for some in states.values())
        and {*watch.query.task_ids} <= {str(item.get("TaskId")) for item in items}
    )


TARGETS: dict[str, Callable[[Random], None]] = {
    target.__name__: target for target in (filters, terms, settings, extras, answers, headers, events, rows)
}
