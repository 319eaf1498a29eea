"""Encodes what is waited for on its way from the worker to the triggerer, and decodes it there.

Rows carry a version. Rows of the release before have none and hold the filters as a user would write them; they
are decoded too. The other half of a wait, when to poll, is encoded in waiting/schedule.py.
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
from airflow_provider_wedata.waiting.watch import Watch

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
    :raises ValueError: if a field is missing or invalid.
    """
    found = exactly(dict, written)
    if "version" not in found:
        return _watch_of_filters(found)
    check_version(found)
    return Watch(decode(InstanceQuery, found.get("query")), decode(Condition, found.get("condition")))


def known_deadline(schedule: Mapping[str, Any]) -> float:
    """Return the deadline in a schedule of an unknown version, in seconds since the epoch; 0 if there is none."""
    try:
        return decode_number(schedule["started"]) + decode_number(schedule["timeout"])
    except (KeyError, TypeError, ValueError):
        return 0.0


def _watch_of_filters(filters: Mapping[str, Any]) -> Watch:
    try:
        return parse_watch(filters, project_id="", time_zone=Zone("UTC+8"))  # the filters hold both
    except InvalidRequest as error:
        raise ValueError(str(error)) from error
