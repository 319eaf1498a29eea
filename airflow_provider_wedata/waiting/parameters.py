"""Parses a user's parameters into a `Watch`, or refuses them with a reason.

Knows which filters a wait requires and which it cannot use. What each filter means is in api/filters.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api import times
from airflow_provider_wedata.api.errors import InvalidRequest, describe, describe_some
from airflow_provider_wedata.api.filters import FILTERS, LEAVING, parse_number, parse_query, parse_text
from airflow_provider_wedata.api.models import KNOWN
from airflow_provider_wedata.api.query import task_of
from airflow_provider_wedata.waiting.condition import Condition
from airflow_provider_wedata.waiting.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.api.times import Zone

#: The three sets of states, named as in ExternalTaskSensor, with their defaults.
STATES = {
    "allowed_states": ("COMPLETED",),
    "failed_states": ("EXPIRED",),
    "skipped_states": (),
}
#: The parameters that say how many instances there must be.
COUNTS = ("instances_per_task", "min_instances", "expected_instances")
#: Every parameter of a wait that is not a filter.
TERMS = (*STATES, *COUNTS, "completed_after")

_NAMING = ("task_ids", "instance_keys")
#: Filters that a wait cannot use, and why.
_UNTAKEN = dict.fromkeys(
    LEAVING, "it changes while an instance lives, so an unfinished one would be overlooked"
) | dict.fromkeys(("sort_column", "sort_type"), "a wait counts, and a count has no order")


def check_names(names: Collection[str]) -> None:
    """Refuse parameters that a wait cannot use, or that need another one, whatever their values.

    :raises InvalidRequest: naming the parameter and the reason.
    """
    check_taken(names)
    if strange := sorted(set(names) - {*FILTERS, *TERMS}):
        raise InvalidRequest(strange[0], "neither a filter nor a parameter of a wait; leave it out")
    if not {"schedule_date", "schedule_time_from", "schedule_time_to", "schedule_time_before"} & set(names):
        raise InvalidRequest(
            "schedule_date", "missing; a wait needs schedule_date, or schedule_time_from with an end"
        )
    if "schedule_date" not in names:
        _check_window(names)
    if "keyword" in names and "expected_instances" not in names:
        raise InvalidRequest(
            "keyword", "is fuzzy and matches other tasks, too; use task_ids, or add expected_instances"
        )
    if "instances_per_task" in names and "task_ids" not in names:
        raise InvalidRequest("instances_per_task", "needs task_ids; without them use expected_instances")
    if "instances_per_task" in names and "instance_keys" in names:
        raise InvalidRequest(
            "instances_per_task", "cannot be used together with instance_keys: they are a count"
        )
    if not {*_NAMING, "min_instances", "expected_instances"} & set(names):
        raise InvalidRequest(
            "expected_instances",
            "missing; without task_ids or instance_keys a wait needs expected_instances or min_instances, "
            "because some of the instances may not be there yet",
        )


def check_taken(names: Collection[str]) -> None:
    """Refuse filters that a wait cannot use.

    :raises InvalidRequest: naming the filter and the reason.
    """
    for name in names:
        if name in _UNTAKEN:
            raise InvalidRequest(name, f"not a filter for a wait: {_UNTAKEN[name]}. Leave it out")


def parse_watch(parameters: Mapping[str, Any], *, project_id: str, time_zone: Zone) -> Watch:
    """Return the wait that the parameters describe.

    :param parameters: the filters and other parameters that the user set, by name.
    :param project_id, time_zone: the connection's, used if no filter names one.
    :raises InvalidRequest: naming the parameter, its value and what was expected.
    """
    check_names(parameters)
    filters = {name: value for name, value in parameters.items() if name not in TERMS}
    query = parse_query(filters, project_id=project_id, time_zone=time_zone)
    condition = parse_condition(parameters, query.zone)
    _check_reachable(query, condition)
    return Watch(query, condition)


def parse_condition(parameters: Mapping[str, Any], zone: Zone) -> Condition:
    """Return the condition that the parameters describe; filters among them are ignored.

    :param zone: the time zone of naive times.
    :raises InvalidRequest: naming the parameter, its value and what was expected.
    """
    allowed, failed, skipped = (_states(parameters, name) for name in STATES)
    if not allowed:
        raise InvalidRequest(
            "allowed_states", "empty; expected at least one state, or the wait could never end"
        )
    _check_disjoint({"allowed_states": allowed, "failed_states": failed, "skipped_states": skipped})
    per_task, least, exactly = (_count(parameters, name) for name in COUNTS)
    if least is not None and exactly is not None and least > exactly:
        raise InvalidRequest("min_instances", f"{least} is more than expected_instances, {exactly}")
    after = parameters.get("completed_after")
    return Condition(
        allowed=allowed,
        failed=failed,
        skipped=skipped,
        per_id=per_task,
        at_least=least,
        exactly=exactly,
        completed_after=times.not_before(after, zone, "completed_after").astimezone(zone.tzinfo)
        if "completed_after" in parameters
        else None,
        counted=any(name in parameters for name in (*COUNTS, "instance_keys")),
    )


def _check_window(names: Collection[str]) -> None:
    if "schedule_time_from" not in names:
        raise InvalidRequest(
            "schedule_time_from", "missing; a wait needs a window that is closed at both ends"
        )
    if not {"schedule_time_to", "schedule_time_before"} & set(names):
        raise InvalidRequest(
            "schedule_time_to",
            "missing; a wait needs a window with an end: schedule_time_to (inclusive) or schedule_time_before",
        )


def _check_reachable(query: InstanceQuery, condition: Condition) -> None:
    """Refuse ids and counts that no instances could ever satisfy together."""
    keys, tasks = query.instance_keys, query.task_ids
    if keys and (idle := sorted(set(tasks) - {task_of(key) for key in keys})):
        raise InvalidRequest("task_ids", f"no instance key of {describe(idle)} is among instance_keys")
    least = len(keys) or len(tasks) * (condition.per_id or 1)
    if condition.exactly is not None and condition.exactly < least:
        raise InvalidRequest(
            "expected_instances",
            f"{condition.exactly} is too few; the ids need at least {least}",
        )
    for name, count in (("min_instances", condition.at_least), ("expected_instances", condition.exactly)):
        if keys and count is not None and count > len(keys):
            raise InvalidRequest(name, f"{count} is more than the {len(keys)} of instance_keys")


def _check_disjoint(sets: Mapping[str, frozenset[str]]) -> None:
    names = list(sets)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if both := sorted(sets[one] & sets[other]):
                raise InvalidRequest(
                    one, f"{', '.join(both)} is in {other} too; expected each state in one set"
                )


def _states(parameters: Mapping[str, Any], name: str) -> frozenset[str]:
    value = parameters.get(name, STATES[name])
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple | set | frozenset):
        raise InvalidRequest(name, f"{describe(value)} is not a list of states")
    states = frozenset(parse_text(state, name) for state in names)
    if strange := sorted(states - KNOWN):
        raise InvalidRequest(
            name,
            f"{describe_some(strange)} is not a state of WeData; expected some of {', '.join(sorted(KNOWN))}",
        )
    return states


def _count(parameters: Mapping[str, Any], name: str) -> int | None:
    return parse_number(parameters[name], name, least=1) if name in parameters else None
