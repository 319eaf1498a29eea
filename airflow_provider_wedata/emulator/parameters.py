"""The parameters of each action: their names, types, allowed values and bounds, checked strictly.

Refuses what a lenient server would accept, so that mistakes of the client show: another JSON type, an unknown
name, an empty text, null. What the parameters select is left to actions.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.emulator.instance import CYCLES, INSTANCE_TYPES, STATES
from airflow_provider_wedata.emulator.messages import Refusal
from airflow_provider_wedata.emulator.query import SORT_COLUMNS
from airflow_provider_wedata.emulator.rendering import parse_time, parse_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Check = Callable[[Any], Any]

LARGEST_PAGE = 100
INT64 = 2**63 - 1


def text(value: Any) -> str:
    """Accept a string that is not empty."""
    if not isinstance(value, str):
        raise TypeError("a string")
    if not value:
        raise ValueError("is empty")
    return value


def texts(value: Any) -> list[str]:
    """Accept a list of strings."""
    if not isinstance(value, list):
        raise TypeError("a list of strings")
    return [text(item) for item in value]


def number(low: int = 0, high: int = INT64) -> Check:
    """Accept a whole number within bounds; true, 1.0 and "1" are refused."""

    def check(value: Any) -> int:
        if type(value) is not int:
            raise TypeError("an integer")
        if not low <= value <= high:
            raise ValueError(f"is not from {low} to {high}")
        return value

    return check


def one_of(base: Check, words: Iterable[Any]) -> Check:
    """Accept one of the documented values."""
    known = tuple(words)

    def check(value: Any) -> Any:
        if base(value) not in known:
            raise ValueError(f"is not one of {', '.join(map(str, known))}")
        return value

    return check


def words(value: Any) -> tuple[str, ...]:
    """Accept texts separated by ASCII commas."""
    found = tuple(word for word in text(value).split(",") if word)
    if not found:
        raise ValueError("holds nothing but commas")
    return found


def zone(value: Any) -> Any:
    """Accept a zone of the form UTC+8."""
    return parse_zone(text(value))


def moment(value: Any) -> Any:
    """Accept a time of the form yyyy-MM-dd HH:mm:ss."""
    return parse_time(text(value))


LIST_TASK_INSTANCES: Mapping[str, Check] = {
    "ProjectId": text,
    "PageNumber": number(low=1),
    "PageSize": number(low=1, high=LARGEST_PAGE),
    "Keyword": words,
    "TimeZone": zone,
    "InstanceType": one_of(number(), INSTANCE_TYPES),
    "InstanceState": one_of(text, STATES),
    "TaskTypeId": number(),
    "CycleType": one_of(text, CYCLES),
    "OwnerUin": text,
    "FolderId": text,
    "WorkflowId": text,
    "ExecutorGroupId": text,
    "ScheduleTimeFrom": moment,
    "ScheduleTimeTo": moment,
    "StartTimeFrom": moment,
    "StartTimeTo": moment,
    "LastUpdateTimeFrom": moment,
    "LastUpdateTimeTo": moment,
    "SortColumn": one_of(text, SORT_COLUMNS),
    "SortType": one_of(text, ("ASC", "DESC")),
}
GET_TASK_INSTANCE: Mapping[str, Check] = {"ProjectId": text, "InstanceKey": text, "TimeZone": zone}
LIST_PROJECTS: Mapping[str, Check] = {
    "ProjectIds": texts,
    "ProjectName": text,
    "Status": one_of(number(), (0, 1)),
    "ProjectModel": one_of(text, ("SIMPLE", "STANDARD")),
    "PageNumber": number(low=1),
    "PageSize": number(low=1, high=LARGEST_PAGE),
}


def parse(body: bytes, checks: Mapping[str, Check], required: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of a JSON body, each as its check returns it.

    :raises Refusal: for the first invalid one.
    """
    values = _object(body)
    for name in values.keys() - checks.keys():
        raise Refusal("UnknownParameter", f"The parameter `{name}` is not recognized.")
    for name in required:
        if name not in values:
            raise Refusal("MissingParameter", f"The request is missing the required parameter `{name}`.")
    return {name: _checked(name, value, checks[name]) for name, value in values.items()}


def _checked(name: str, value: Any, check: Check) -> Any:
    try:
        return check(value)
    except TypeError as error:
        raise Refusal("InvalidParameter", f"The parameter `{name}` must be {error}.") from None
    except ValueError as error:
        raise Refusal("InvalidParameterValue", f"The value of `{name}` {error}.") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body, parse_constant=_no_json, object_pairs_hook=_once_each)
    except ValueError as error:
        raise Refusal("InvalidParameter", f"The body is not JSON: {error}.") from None
    if not isinstance(values, dict):
        raise Refusal("InvalidParameter", "The body is not a JSON object.")
    return values


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a duplicate name")
    return found
