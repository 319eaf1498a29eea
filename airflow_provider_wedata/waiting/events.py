"""Encodes how a wait ended for its way from the triggerer to the worker, through the metadata database as JSON.

The only codec of such events. It refuses what it does not know, so that no malformed event opens a gate. Of the
census it carries the counts and the last end; the message already holds the rest. An event of the release before
has no version and is otherwise the same, so each release decodes the other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.waiting.condition import Census, Outcome, Verdict
from airflow_provider_wedata.waiting.encoding import (
    VERSION,
    check_version,
    decode_moment,
    encode_moment,
    exactly,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = {"status", "message", "total", "states", "last_end_time", "error"}
_WATCHED = {"about", "schedule_time_from", "schedule_time_to"}
_ERRORS: dict[str, type[errors.ApiError]] = {
    kind.__name__: kind
    for kind in (
        errors.InvalidRequest,
        errors.ContradictoryAnswer,
        errors.AuthRefused,
        errors.PermissionRefused,
        errors.ParameterRefused,
    )
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a wait ended in the triggerer.

    :param watched: what was waited for, as `Watch.summary` returns it.
    :param by_execution_timeout: True if Airflow's `execution_timeout` ended it, not `timeout`.
    """

    verdict: Verdict
    watched: Mapping[str, str]
    by_execution_timeout: bool = False


def encode_ending(ending: Ending) -> dict[str, Any]:
    """Return the ending in JSON's types. Never raises: a failure to encode goes to the worker as a problem."""
    try:
        event: dict[str, Any] = {"verdict": to_event(ending.verdict), "watch": dict(ending.watched)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the gate must neither open nor hang
        return encode_problem(f"the wait ended, but its end can't be written as an event ({error!r})")
    if ending.by_execution_timeout:
        event["execution_timeout"] = True
    return {"version": VERSION, **event}


def encode_problem(problem: str) -> dict[str, Any]:
    """Return an event for a wait that could not go on in the triggerer."""
    return {"version": VERSION, "problem": problem}


def decode_ending(event: Any) -> Ending:
    """Return the ending that `encode_ending` wrote, in this release or in the one before.

    :raises ValueError: if the event is malformed, has an unknown version or carries a problem.
    """
    found = exactly(dict, event)
    verdict = found.get("verdict")
    if "version" in found:
        check_version(found)
        if "problem" in found:
            raise ValueError(exactly(str, found["problem"]))
        if isinstance(verdict, dict):
            verdict = {name: value for name, value in verdict.items() if name in _KEYS}
    return _checked_ending(
        Ending(
            from_event(verdict), _watched(found.get("watch")), found.get("execution_timeout", False) is True
        )
    )


def to_event(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict in JSON's types."""
    census = verdict.census
    return {
        "status": verdict.outcome.value,
        "message": verdict.message,
        "total": census.total if census else None,
        "states": {str(state): n for state, n in census.states.items()} if census else {},
        "last_end_time": encode_moment(census.last_end) if census and census.last_end else None,
        "error": _error_out(verdict.error) if verdict.error else None,
    }


def from_event(event: Any) -> Verdict:
    """Return the verdict that `to_event` wrote.

    :raises ValueError: if `to_event` could not have written it.
    """
    try:
        return _checked(_parse(event))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the trigger came back with {errors.describe(event)}, which is not a verdict ({error})"
        ) from error


def _parse(event: Any) -> Verdict:
    if not isinstance(event, dict) or event.keys() != _KEYS:
        raise ValueError(f"expected an object with {', '.join(sorted(_KEYS))}")
    end, error, states = event["last_end_time"], event["error"], event["states"]
    counts = {exactly(str, state): exactly(int, n) for state, n in exactly(dict, states).items()}
    census = None
    if event["total"] is not None:
        census = Census(
            counts, exactly(int, event["total"]), last_end=None if end is None else decode_moment(end)
        )
    return Verdict(
        Outcome(event["status"]),
        exactly(str, event["message"]),
        census,
        None if error is None else _error_in(error),
    )


def _checked(verdict: Verdict) -> Verdict:
    census = verdict.census
    counts = census.states.values() if census else ()
    counted = census is not None and 0 < census.total == sum(counts) and min(counts) >= 0
    if (
        verdict.outcome is Outcome.WAITING
        or (verdict.outcome is Outcome.MET and not counted)
        or (verdict.outcome is Outcome.REFUSED) != (verdict.error is not None)
    ):
        raise ValueError(f"no wait ends as {verdict.outcome} with {census} and {verdict.error!r}")
    return verdict


def _watched(watch: Any) -> dict[str, str]:
    summary = {name: exactly(str, text) for name, text in exactly(dict, watch).items() if name in _WATCHED}
    for name, text in summary.items():
        if name != "about":
            decode_moment(text)
    return summary


def _checked_ending(ending: Ending) -> Ending:
    """Refuse an ending that lacks what the sensor reports; a gate that opens needs all of it."""
    needed = _WATCHED if ending.verdict.outcome is Outcome.MET else {"about"}
    if missing := sorted(needed - ending.watched.keys()):
        raise ValueError(f"the trigger came back without {', '.join(missing)} of what was waited for")
    if ending.by_execution_timeout and ending.verdict.outcome is not Outcome.TIMEOUT:
        raise ValueError(f"no wait ends by execution_timeout and as {ending.verdict.outcome}")
    return ending


def _error_out(error: errors.ApiError) -> dict[str, Any]:
    if type(error).__name__ not in _ERRORS:
        raise TypeError(f"{error!r} does not end a wait")
    if isinstance(error, errors.Refused):
        return {"class": type(error).__name__, "args": [error.code, error.message, error.request_id]}
    if isinstance(error, errors.InvalidRequest):
        return {"class": type(error).__name__, "args": [error.field, error.problem]}
    return {"class": type(error).__name__, "args": [str(error)]}


def _error_in(error: dict[str, Any]) -> errors.ApiError:
    return _ERRORS[error["class"]](*(exactly(str, arg) for arg in exactly(list, error["args"])))
