"""A wait on its way from the worker to the triggerer: what is waited for, and how long and how often.

Written in one version; the rows of the release before, which had none, are read too: they hold the filters that
a user would give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.waiting.condition import Condition
from airflow_provider_wedata.waiting.encoding import (
    VERSION,
    check_version,
    decode,
    decode_number,
    encode,
    exactly,
)
from airflow_provider_wedata.waiting.parameters import parse_watch
from airflow_provider_wedata.waiting.poll import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping


def encode_watch(watch: Watch) -> dict[str, Any]:
    """Return what is waited for in JSON's types.

    :raises ValueError: if a time in it has no offset.
    """
    return {"version": VERSION, "query": encode(watch.query), "condition": encode(watch.condition)}


def decode_watch(written: Any) -> Watch:
    """Return what `encode_watch` wrote, in this release or in the one before.

    :raises UnknownVersion: if another release wrote it.
    :raises ValueError: if a field is missing or odd.
    """
    found = exactly(dict, written)
    if "version" not in found:
        return _watch_of_filters(found)
    check_version(found)
    return Watch(decode(InstanceQuery, found.get("query")), decode(Condition, found.get("condition")))


def known_deadline(schedule: Mapping[str, Any]) -> float:
    """Return the deadline of a wait that is not understood otherwise, in seconds since the epoch; 0 if unknown."""
    try:
        return decode_number(schedule["started"]) + decode_number(schedule["timeout"])
    except (KeyError, TypeError, ValueError):
        return 0.0


def _watch_of_filters(filters: Mapping[str, Any]) -> Watch:
    try:
        return parse_watch(filters, project_id="", time_zone=Zone("UTC+8"))  # it names both itself
    except InvalidRequest as error:
        raise ValueError(str(error)) from error
