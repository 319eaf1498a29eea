"""How far a connection gets on its way to an answer of WeData, and what to mend where it stops.

One request tells it all: from whether anybody answers to how many instances the project has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_wedata.api.errors import (
    ApiError,
    AuthRefused,
    NoAnswer,
    ParameterRefused,
    PermissionRefused,
    Refused,
    UnreadableAnswer,
)
from airflow_provider_wedata.api.exchange import Reply, Send, date_of
from airflow_provider_wedata.api.operations import count_projects, list_task_instances
from airflow_provider_wedata.connection.clients import open_client
from airflow_provider_wedata.exceptions import from_api

if TYPE_CHECKING:
    from airflow_provider_wedata.api.exchange import Flow
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.connection.settings import Settings

T = TypeVar("T")

#: The way to an answer; the first step that fails ends it.
STEPS = ("connection", "endpoint", "clock", "key", "rights", "project")
#: Seconds by which a clock may differ before WeData refuses signatures, and before it is worth a word.
_MOST_APART = 300
_WORTH_A_WORD = 30
_MEND_CLOCK = "Set this machine's clock right, by NTP"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at one step; `fine` is None where the look did not get that far."""

    step: str
    fine: bool | None
    text: str


def examine(settings: Settings, query: InstanceQuery | None, *, name: str) -> list[Finding]:
    """Return a finding for each of `STEPS`, after one question to WeData. Raises nothing that a user can mend.

    :param query: for the instances of a project; None asks for projects, if none is known.
    :param name: what the connection is called.
    """
    replies: list[Reply] = []
    told = {"connection": f"{name!r}, site {settings.site}, region {settings.region}"}
    try:
        told["project"] = _look(settings, query, replies)
        trouble = None
    except ApiError as error:
        trouble = error
    ahead = _ahead(replies)
    told |= {
        "endpoint": f"{settings.host} answers" + (", over plain HTTP" if settings.plain else ""),
        "clock": _clock(ahead),
        "key": "SecretId and SecretKey are accepted",
        "rights": "they suffice to list " + ("task instances" if query else "projects"),
    }
    if trouble is not None:  # something was refused later on: not the same as accepted
        told |= {"key": "no fault found", "rights": "no fault found"}
    if ahead is not None and abs(ahead) > _MOST_APART:
        return _found(told, "clock", f"{_clock(ahead)}. {_MEND_CLOCK}")
    if trouble is None:
        return _found(told)
    return _found(told, _step(trouble), _explained(trouble))


def stopped(step: str, why: str) -> list[Finding]:
    """Return the findings where nothing could be asked, for this step already fails."""
    return _found({}, step, why)


def _look(settings: Settings, query: InstanceQuery | None, replies: list[Reply]) -> str:
    # Somebody is looking, so better a quick no than a late yes.
    brisk = replace(
        settings, retries=min(settings.retries, 1), request_timeout=min(settings.request_timeout, 10)
    )
    with open_client(brisk) as client:
        way = client.channel
        if query is None:
            count = client.run(_watched(way.exchange(count_projects()), replies))
            return f"the connection names no project_id, so tasks must; the key sees {count} projects"
        page = client.run(_watched(way.exchange(list_task_instances(query, size=1)), replies))
        return f"project {query.project_id} has {page.total} task instances"


def _watched(flow: Flow[T], replies: list[Reply]) -> Flow[T]:
    """Run the flow as it is, and keep the replies that it is handed: a refusal tells WeData's time too."""
    step = next(flow)
    while True:
        answer = yield step
        if isinstance(step, Send) and isinstance(answer, Reply):
            replies.append(answer)
        try:
            step = flow.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration does not know its flow


def _ahead(replies: list[Reply]) -> float | None:
    """Return the seconds by which this machine is ahead of WeData, to one and an answer's way."""
    date = date_of(replies[-1]) if replies else None
    return None if date is None else replies[-1].now.utc - date


def _clock(ahead: float | None) -> str:
    if ahead is None:
        return "WeData did not tell its time, so it was not compared"
    if abs(ahead) <= _WORTH_A_WORD:
        return f"in step with WeData's, to {_WORTH_A_WORD} s"
    told = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} WeData's; {_MOST_APART} s are allowed"
    return told if abs(ahead) > _MOST_APART else f"{told}. {_MEND_CLOCK}, before that is too much"


def _step(trouble: ApiError) -> str:
    kinds: dict[type[ApiError], str] = {
        NoAnswer: "endpoint",
        UnreadableAnswer: "endpoint",
        AuthRefused: "key",
        PermissionRefused: "rights",
        ParameterRefused: "project",
    }
    return kinds.get(type(trouble), "project")


def _explained(trouble: ApiError) -> str:
    told = str(from_api(trouble))
    if isinstance(trouble, Refused) and not trouble.final:
        return f"{told}. That is WeData's own trouble of the moment: try again in a while"
    return told


def _found(told: dict[str, str], failed: str | None = None, why: str = "") -> list[Finding]:
    reached = STEPS.index(failed) if failed else len(STEPS)
    return [
        *(Finding(step, fine=True, text=told[step]) for step in STEPS[:reached]),
        *([Finding(failed, fine=False, text=why)] if failed else []),
        *(Finding(step, fine=None, text="not looked at") for step in STEPS[reached + 1 :]),
    ]
