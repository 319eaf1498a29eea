"""Checks a connection step by step, and says what to fix at the first step that fails.

One request is enough: it shows everything from the endpoint to the number of the project's instances. The
connection page and the command line print the findings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_wedata.api.errors import (
    ApiError,
    AuthRefused,
    InvalidRequest,
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

#: The steps of the check, in order; it ends at the first that fails.
STEPS = ("connection", "endpoint", "clock", "key", "rights", "project")
#: Seconds by which a clock may differ before WeData refuses signatures, and before the check warns.
_MOST_APART = 300
_WARN_FROM = 30
_FIX_CLOCK = "Set this machine's clock right, by NTP"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one step; `fine` is None if the check did not get that far."""

    step: str
    fine: bool | None
    text: str


def examine(settings: Settings, query: InstanceQuery | None, *, name: str) -> list[Finding]:
    """Return a finding for each of `STEPS`, after one request to WeData. Raises no error of WeData or the network.

    :param query: for the instances of a project; None requests the projects, if the connection has no project.
    :param name: the id of the connection.
    """
    replies: list[Reply] = []
    texts = {"connection": f"{name!r}, site {settings.site}, region {settings.region}"}
    try:
        texts["project"] = _request(settings, query, replies)
        trouble = None
    except ApiError as error:
        trouble = error
    ahead = _ahead(replies)
    texts |= {
        "endpoint": f"{settings.host} answers" + (", over plain HTTP" if settings.plain else ""),
        "clock": _clock(ahead),
        "key": "SecretId and SecretKey are accepted",
        "rights": "sufficient to list " + ("task instances" if query else "projects"),
    }
    if trouble is not None:  # a later step failed, which does not prove that these were accepted
        texts |= {"key": "no fault found", "rights": "no fault found"}
    if ahead is not None and abs(ahead) > _MOST_APART:
        return _found(texts, "clock", f"{_clock(ahead)}. {_FIX_CLOCK}")
    if trouble is None:
        return _found(texts)
    return _found(texts, _step(trouble), _explained(trouble))


def stopped(step: str, why: str) -> list[Finding]:
    """Return the findings if nothing could be sent because this step already failed."""
    return _found({}, step, why)


def _request(settings: Settings, query: InstanceQuery | None, replies: list[Reply]) -> str:
    # Somebody waits for the result: better to fail soon than to succeed late.
    quick = replace(
        settings, retries=min(settings.retries, 1), request_timeout=min(settings.request_timeout, 10)
    )
    with open_client(quick) as client:
        channel = client.channel
        if query is None:
            count = client.run(_recorded(channel.exchange(count_projects()), replies))
            return (
                f"the connection has no project_id, so each task needs one; the key can see {count} projects"
            )
        page = client.run(_recorded(channel.exchange(list_task_instances(query, size=1)), replies))
        return f"project {query.project_id} has {page.total} task instances"


def _recorded(flow: Flow[T], replies: list[Reply]) -> Flow[T]:
    """Run the flow unchanged, and keep its replies: a refusal has WeData's time, too."""
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
    """Return the seconds by which this machine is ahead of WeData, to a second and the answer's travel time."""
    date = date_of(replies[-1]) if replies else None
    return None if date is None else replies[-1].now.utc - date


def _clock(ahead: float | None) -> str:
    if ahead is None:
        return "not compared, because WeData sent no time"
    if abs(ahead) <= _WARN_FROM:
        return f"within {_WARN_FROM} s of WeData's"
    text = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} WeData's; {_MOST_APART} s are allowed"
    return text if abs(ahead) > _MOST_APART else f"{text}. {_FIX_CLOCK}, before the difference exceeds that"


def _step(trouble: ApiError) -> str:
    kinds: dict[type[ApiError], str] = {
        InvalidRequest: "connection",  # its proxy or its certificates
        NoAnswer: "endpoint",
        UnreadableAnswer: "endpoint",
        AuthRefused: "key",
        PermissionRefused: "rights",
        ParameterRefused: "project",
    }
    return kinds.get(type(trouble), "project")


def _explained(trouble: ApiError) -> str:
    text = str(from_api(trouble))
    if isinstance(trouble, Refused) and not trouble.final:
        return f"{text}. This is a temporary problem at WeData: try again in a while"
    return text


def _found(texts: dict[str, str], failed: str | None = None, why: str = "") -> list[Finding]:
    reached = STEPS.index(failed) if failed else len(STEPS)
    return [
        *(Finding(step, fine=True, text=texts[step]) for step in STEPS[:reached]),
        *([Finding(failed, fine=False, text=why)] if failed else []),
        *(Finding(step, fine=None, text="not looked at") for step in STEPS[reached + 1 :]),
    ]
