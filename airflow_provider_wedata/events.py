"""A verdict on its way from the triggerer to the worker: through the metadata database, as JSON.

The only codec of such events. What it does not know it refuses, so that no strange event opens a gate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.waiting import Census, Kind, Verdict

T = TypeVar("T")

_KEYS = {"status", "message", "total", "states", "last_end_time", "error"}
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


def to_event(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict in JSON's types."""
    census = verdict.census
    return {
        "status": verdict.kind.value,
        "message": verdict.message,
        "total": census.total if census else None,
        "states": {str(state): n for state, n in census.states.items()} if census else {},
        "last_end_time": census.last_end.isoformat() if census and census.last_end else None,
        "error": _error_out(verdict.error) if verdict.error else None,
    }


def from_event(event: Any) -> Verdict:
    """Return the verdict that the event tells.

    :raises ValueError: if it is not one that `to_event` makes.
    """
    try:
        return _checked(_read(event))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the trigger came back with {event!r}, which is no verdict ({error})") from error


def _read(event: Any) -> Verdict:
    if not isinstance(event, dict) or event.keys() != _KEYS:
        raise ValueError(f"expected an object with {', '.join(sorted(_KEYS))}")
    end, error, states = event["last_end_time"], event["error"], event["states"]
    counts = {_a(str, state): _a(int, n) for state, n in _a(dict, states).items()}
    census = None
    if event["total"] is not None:
        census = Census(counts, _a(int, event["total"]), last_end=None if end is None else _moment(end))
    return Verdict(
        Kind(event["status"]),
        _a(str, event["message"]),
        census,
        None if error is None else _error_in(error),
    )


def _checked(verdict: Verdict) -> Verdict:
    census = verdict.census
    counted = census is not None and 0 < census.total == sum(census.states.values())
    if (
        verdict.kind is Kind.WAITING
        or (verdict.kind is Kind.MET and not counted)
        or (verdict.kind is Kind.REFUSED) != (verdict.error is not None)
    ):
        raise ValueError(f"no wait ends as {verdict.kind} with {census} and {verdict.error!r}")
    return verdict


def _a(kind: type[T], value: Any) -> T:
    """Return the value if it is exactly of that type; so true is no number."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment


def _error_out(error: errors.ApiError) -> dict[str, Any]:
    if type(error).__name__ not in _ERRORS:
        raise TypeError(f"{error!r} does not end a wait")
    if isinstance(error, errors.Refused):
        return {"class": type(error).__name__, "args": [error.code, error.message, error.request_id]}
    if isinstance(error, errors.InvalidRequest):
        return {"class": type(error).__name__, "args": [error.field, error.problem]}
    return {"class": type(error).__name__, "args": [str(error)]}


def _error_in(error: dict[str, Any]) -> errors.ApiError:
    return _ERRORS[error["class"]](*(_a(str, arg) for arg in _a(list, error["args"])))
