"""What is not the API: the pages for a browser, and a little control for another process.

Steps the clock, sets a state, counts requests. Knows nothing of signatures; it is reached from this computer
only.
"""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from airflow_provider_wedata.emulator import pages
from airflow_provider_wedata.emulator.clock import SteppedClock
from airflow_provider_wedata.emulator.messages import Reply, Request, html_reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_wedata.emulator.request_log import Received
    from airflow_provider_wedata.emulator.world import World

CONTROL = "/emulator/"
THROTTLED = "RequestLimitExceeded"


def is_for_desk(request: Request) -> bool:
    """Say whether a request is none for the API."""
    return request.method in {"GET", "HEAD"} or request.path.startswith(CONTROL)


def answer(request: Request, world: World, requests: Sequence[Received]) -> Reply:
    """Answer it."""
    target = urlsplit(request.path)
    path = target.path.rstrip("/")
    if request.method == "POST":
        return _control(path.removeprefix(CONTROL), request.parameters(), world)
    if path == f"{CONTROL}requests":
        return json_reply(_counts(requests))
    if not path:
        return html_reply(pages.status(world, requests))
    if path.startswith("/console"):
        asked = parse_qs(target.query)
        project = (asked.get("ProjectId") or [unquote(path.removeprefix("/console").strip("/"))])[0]
        if project in world.project_ids:
            return html_reply(pages.console(world, project, asked.get("instance_key", [""])[0]))
    return html_reply(pages.missing(target.path), status=HTTPStatus.NOT_FOUND)


def _control(what: str, given: dict[str, Any], world: World) -> Reply:
    try:
        CONTROLS[what](world, given)
    except (LookupError, TypeError, ValueError) as wrong:
        problem = f"{type(wrong).__name__}: {wrong}"
        return json_reply({"error": problem}, status=HTTPStatus.BAD_REQUEST, error=problem)
    return json_reply({"now": world.now()})


def _advance(world: World, given: dict[str, Any]) -> None:
    if not isinstance(world.clock, SteppedClock):
        raise TypeError("this world runs on a real clock; start the emulator with --stepped")
    world.clock.advance(float(given["seconds"]))


def _set_state(world: World, given: dict[str, Any]) -> None:
    key = str(given["key"])
    if key not in world:
        raise ValueError(f"there is no instance {key!r}")
    world.set_state(key, str(given["state"]))


CONTROLS = {"advance": _advance, "state": _set_state}


def _counts(requests: Sequence[Received]) -> dict[str, Any]:
    return {
        "total": len(requests),
        "throttled": sum((received.error or "").startswith(THROTTLED) for received in requests),
        "actions": Counter(received.action for received in requests),
        "errors": Counter(received.error for received in requests if received.error),
    }
