"""A verdict on its way from the triggerer to the worker: through the metadata database, as JSON.

The only codec of such events. What it does not know it refuses, so that no strange event opens a gate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.waiting import Census, Kind, Verdict

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
        "states": dict(census.states) if census else {},
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
    end, total = event["last_end_time"], event["total"]
    census = None if total is None else Census(dict(event["states"]), int(total), last_end=_moment(end))
    error = _error_in(event["error"]) if event["error"] else None
    return Verdict(Kind(event["status"]), str(event["message"]), census, error)


def _checked(verdict: Verdict) -> Verdict:
    empty = verdict.census is None or not verdict.census.total
    if (
        verdict.kind is Kind.WAITING
        or (verdict.kind is Kind.MET and empty)
        or (verdict.kind is Kind.REFUSED and verdict.error is None)
    ):
        raise ValueError(f"no wait ends as {verdict.kind} with {verdict.census}")
    return verdict


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _error_out(error: errors.ApiError) -> dict[str, Any]:
    if type(error).__name__ not in _ERRORS:
        raise TypeError(f"{error!r} does not end a wait")
    if isinstance(error, errors.Refused):
        return {"class": type(error).__name__, "args": [error.code, error.message, error.request_id]}
    if isinstance(error, errors.InvalidRequest):
        return {"class": type(error).__name__, "args": [error.field, error.problem]}
    return {"class": type(error).__name__, "args": [str(error)]}


def _error_in(error: dict[str, Any]) -> errors.ApiError:
    return _ERRORS[error["class"]](*error["args"])
