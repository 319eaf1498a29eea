"""WeData's actions, one function each: name, parameters, and how to parse the response.

Signing, sending and retrying are left to exchange.py.

Source: https://www.tencentcloud.com/document/product/1174 (API version 2025-08-06).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_wedata.api.errors import UnreadableField, describe
from airflow_provider_wedata.api.models import PAGE_SIZE, TaskInstance
from airflow_provider_wedata.api.values import parse_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_wedata.api.query import InstanceQuery

SERVICE = "wedata"
VERSION = "2025-08-06"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One call of one action.

    :param parse: converts the ``Response`` object to the value.
    :param repeatable: False if it takes effect each time: then it is not resent once it may have arrived.
    """

    action: str
    parameters: Mapping[str, Any]
    parse: Callable[[Mapping[str, Any]], T]
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """One page of ListTaskInstances, and how many rows WeData counts in total.

    :param total: TotalCount of the whole list. TotalPageNumber is ignored: it is 0 in official samples.
    :param rows: all rows of the page. Those that only match the fuzzy keyword are included
        (`InstanceQuery.matches`).
    """

    total: int
    rows: tuple[TaskInstance, ...]


def list_task_instances(
    query: InstanceQuery,
    *,
    page: int = 1,
    size: int = PAGE_SIZE,
    keyword: str | None = None,
    state: str | None = None,
    sort: tuple[str, str] | None = None,
) -> Operation[Page]:
    """Return the request for one page of instances.

    :param page: the number of the page, from 1.
    :param size: rows per page, 1 to 100.
    :param keyword, state, sort: replace those of the query.
    """
    overrides = {
        "Keyword": keyword,
        "InstanceState": state,
        "SortColumn": sort[0] if sort else None,
        "SortType": sort[1] if sort else None,
    }
    parameters = {
        **query.parameters(),
        **{name: value for name, value in overrides.items() if value is not None},
        "PageNumber": page,
        "PageSize": size,
    }
    return Operation("ListTaskInstances", parameters, lambda response: _page(response, query))


def count_projects(project_id: str | None = None) -> Operation[int]:
    """Return the request for the number of projects. It needs no project, so it can test credentials.

    :param project_id: count only this project.
    """
    parameters = {"PageNumber": 1, "PageSize": 10, **({"ProjectIds": [project_id]} if project_id else {})}
    return Operation("ListProjects", parameters, lambda response: _page_of(response)[0])


def _page(response: Mapping[str, Any], query: InstanceQuery) -> Page:
    total, items = _page_of(response)
    zone = query.zone.wire
    rows = tuple(TaskInstance.parse(item, zone) for item in items)
    for row in rows:
        query.check(row)
    return Page(total, rows)


def _page_of(response: Mapping[str, Any]) -> tuple[int, list[Any]]:
    data = response.get("Data")
    if not isinstance(data, dict):
        raise UnreadableField(f"Data is {describe(data)}; expected an object with TotalCount and Items")
    items = data.get("Items")
    if items is None:  # documented as nullable; how an empty page looks is not documented
        items = []
    if not isinstance(items, list):
        raise UnreadableField(f"Items is {describe(items)}; expected a list")
    return _count(data.get("TotalCount"), items), items


def _count(value: object, items: list[Any]) -> int:
    """Parse TotalCount. Null is invalid with rows: the list would have no end."""
    try:
        count = parse_number(value)
    except ValueError:
        count = -1
    if count is None and not items:
        return 0
    if count is None or count < 0:
        raise UnreadableField(
            f"TotalCount is {describe(value)}, with {len(items)} items; expected a whole number"
        )
    return count
