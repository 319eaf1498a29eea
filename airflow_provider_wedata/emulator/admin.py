"""Everything beside the API: pages for a browser, and control requests under `/emulator/` from other processes.

Advances the clock, sets states, counts requests. Checks no signatures; only this computer can connect.
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


def is_admin(request: Request) -> bool:
    """Return whether the request is for this module, not for the API."""
    return request.method in {"GET", "HEAD"} or request.path.startswith(CONTROL)


def answer(request: Request, world: World, requests: Sequence[Received]) -> Reply:
    """Return the reply to a page or control request."""
    target = urlsplit(request.path)
    path = target.path.rstrip("/")
    if request.method == "POST":
        return _control(path.removeprefix(CONTROL), request.parameters(), world)
    if path == f"{CONTROL}requests":
        return json_reply(_counts(requests))
    if not path:
        return html_reply(pages.status(world, requests))
    if path.startswith("/console"):
        query = parse_qs(target.query)
        project = (query.get("ProjectId") or [unquote(path.removeprefix("/console").strip("/"))])[0]
        if project in world.project_ids:
            return html_reply(pages.console(world, project, query.get("instance_key", [""])[0]))
    return html_reply(pages.missing(target.path), status=HTTPStatus.NOT_FOUND)


def _control(command: str, parameters: dict[str, Any], world: World) -> Reply:
    try:
        CONTROLS[command](world, parameters)
    except (LookupError, TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
        return json_reply({"error": problem}, status=HTTPStatus.BAD_REQUEST, error=problem)
    return json_reply({"now": world.now()})


def _advance(world: World, parameters: dict[str, Any]) -> None:
    if not isinstance(world.clock, SteppedClock):
        raise TypeError("the emulator runs on a real clock; start it with --stepped")
    world.clock.advance(float(parameters["seconds"]))


def _set_state(world: World, parameters: dict[str, Any]) -> None:
    key = str(parameters["key"])
    if key not in world:
        raise ValueError(f"there is no instance {key!r}")
    world.set_state(key, str(parameters["state"]))


CONTROLS = {"advance": _advance, "state": _set_state}


def _counts(requests: Sequence[Received]) -> dict[str, Any]:
    return {
        "total": len(requests),
        "throttled": sum((received.error or "").startswith(THROTTLED) for received in requests),
        "actions": Counter(received.action for received in requests),
        "errors": Counter(received.error for received in requests if received.error),
    }
