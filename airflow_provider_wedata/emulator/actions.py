"""The actions: validated parameters in, `Data` out.

Each guess about the real service is a quirk that can be switched, because a client must handle both variants.
HTTP, signatures and accounts are left to service.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_wedata.emulator.clock import BEIJING
from airflow_provider_wedata.emulator.messages import Refusal
from airflow_provider_wedata.emulator.query import SORT_COLUMNS, Filter, Window
from airflow_provider_wedata.emulator.rendering import render_page, render_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    from airflow_provider_wedata.emulator.instance import Instance
    from airflow_provider_wedata.emulator.world import World

Parameters = dict[str, Any]
Data = dict[str, Any]
NAMES = {  # the parameters that filter by equality, and the attributes they compare
    "InstanceType": "instance_type",
    "InstanceState": "state",
    "TaskTypeId": "task_type_id",
    "CycleType": "cycle_type",
    "FolderId": "folder_id",
    "WorkflowId": "workflow_id",
    "ExecutorGroupId": "executor_group_id",
    "OwnerUin": "owner_uin",
}
DEFAULT_PAGE_SIZE = 10


@dataclass(slots=True)
class Quirks:
    """Ways in which the real service may differ from our best guess, which is all off.

    :param keyword_and: several keywords must all match, not any.
    :param end_exclusive: the end of a time window is not part of it.
    :param tie_shuffle: rows with equal values in the sort column come in another order with every request.
    :param nulls_last: rows without the sort column's value sort last, not first (and first in DESC).
    :param items_null: an empty page has `Items` null, not [].
    :param total_page_number_zero: `TotalPageNumber` is 0, as in some official samples.
    :param time_zone_ignored: `TimeZone` has no effect on the times of the request, of the response, or of both.
    :param null_fields: fields that are null in every row.
    :param deepest_page: pages beyond it are refused.
    :param ignored: parameters that have no effect.
    :param counting_limit: `TotalCount` does not exceed it.
    """

    keyword_and: bool = False
    end_exclusive: bool = False
    tie_shuffle: bool = False
    nulls_last: bool = False
    items_null: bool = False
    total_page_number_zero: bool = False
    time_zone_ignored: Literal["", "input", "output", "both"] = ""
    null_fields: tuple[str, ...] = ()
    deepest_page: int | None = None
    ignored: tuple[str, ...] = ()
    counting_limit: int | None = None

    def zones(self, requested: timezone) -> tuple[timezone, timezone]:
        """Return the zones of the times in the request and in the response."""
        reads = BEIJING if self.time_zone_ignored in {"input", "both"} else requested
        writes = BEIJING if self.time_zone_ignored in {"output", "both"} else requested
        return reads, writes


def list_task_instances(world: World, parameters: Parameters, quirks: Quirks, chance: Random) -> Data:
    """Return a page of instances, by default newest schedule time first (WeData's default is unknown)."""
    parameters = {name: value for name, value in parameters.items() if name not in quirks.ignored}
    page, size = parameters.get("PageNumber", 1), parameters.get("PageSize", DEFAULT_PAGE_SIZE)
    if quirks.deepest_page is not None and page > quirks.deepest_page:
        raise Refusal("InvalidParameterValue", f"No page beyond {quirks.deepest_page} can be read.")
    reads, writes = quirks.zones(parameters.get("TimeZone", BEIJING))
    wanted = _filter(parameters, reads, quirks)
    found = world.select(wanted)
    rows: Sequence[Instance] = found[(page - 1) * size : page * size]
    if quirks.tie_shuffle:
        rows = _shuffled(found, (page - 1) * size, page * size, SORT_COLUMNS[wanted.sort_column], chance)
    total = len(found) if quirks.counting_limit is None else min(len(found), quirks.counting_limit)
    data = render_page((_row(row, writes, quirks) for row in rows), total, page, size)
    if quirks.total_page_number_zero:
        data["TotalPageNumber"] = 0
    if quirks.items_null and not rows:
        data["Items"] = None
    return data


def get_task_instance(world: World, parameters: Parameters, quirks: Quirks, chance: Random) -> Data:  # noqa: ARG001  # one signature for all actions
    """Return one instance with its error text. An unknown key is an error (WeData's behavior is unknown)."""
    key = parameters["InstanceKey"]
    if key not in world or world.get(key).project_id != parameters["ProjectId"]:
        raise Refusal("ResourceNotFound", "The instance does not exist.")
    _, writes = quirks.zones(parameters.get("TimeZone", BEIJING))
    instance = world.get(key)
    return _row(instance, writes, quirks) | {"JobErrorMsg": instance.error_message}


def list_projects(world: World, parameters: Parameters, quirks: Quirks, chance: Random) -> Data:  # noqa: ARG001  # one signature for all actions
    """Return a page of the tenant's projects, whether the account is a member or not; all enabled and SIMPLE."""
    found = [
        _project(project)
        for project in world.project_ids
        if project in parameters.get("ProjectIds", [project])
    ]
    found = [row for row in found if parameters.get("ProjectName", "") in row["ProjectName"]]
    if parameters.get("Status", 1) != 1 or parameters.get("ProjectModel", "SIMPLE") != "SIMPLE":
        found = []
    page, size = parameters.get("PageNumber", 1), parameters.get("PageSize", DEFAULT_PAGE_SIZE)
    return render_page(found[(page - 1) * size : page * size], len(found), page, size)


def _filter(parameters: Parameters, zone: timezone, quirks: Quirks) -> Filter:
    equal: dict[str, Any] = {field: parameters[name] for name, field in NAMES.items() if name in parameters}
    return Filter(
        project_id=parameters["ProjectId"],
        keywords=parameters.get("Keyword", ()),
        every_keyword=quirks.keyword_and,
        schedule=_window(parameters, "ScheduleTime", zone, quirks),
        start=_window(parameters, "StartTime", zone, quirks),
        last_update=_window(parameters, "LastUpdateTime", zone, quirks),
        sort_column=parameters.get("SortColumn", "SCHEDULE_DATE"),
        descending=parameters.get("SortType", "DESC") == "DESC",
        nulls_last=quirks.nulls_last,
        **equal,
    )


def _window(parameters: Parameters, name: str, zone: timezone, quirks: Quirks) -> Window:
    def second(end: str, shift: timedelta) -> int | None:
        wall: datetime | None = parameters.get(name + end)
        return None if wall is None else int((wall.replace(tzinfo=zone) + shift).timestamp())

    return Window(
        second("From", timedelta()), second("To", timedelta(seconds=-1 if quirks.end_exclusive else 0))
    )


def _row(row: Instance, zone: timezone, quirks: Quirks) -> dict[str, Any]:
    return render_row(row, zone) | dict.fromkeys(quirks.null_fields)


def _shuffled(found: Sequence[Instance], first: int, end: int, column: str, chance: Random) -> list[Instance]:
    """Return a page of rows after shuffling every group of ties that overlaps the page."""
    end = min(end, len(found))
    if first >= end:
        return []
    low, high = first, end
    while low > 0 and getattr(found[low - 1], column) == getattr(found[first], column):
        low -= 1
    while high < len(found) and getattr(found[high], column) == getattr(found[end - 1], column):
        high += 1
    rows = list(found[low:high])
    starts: dict[Any, int] = {}
    for at, row in enumerate(rows):
        starts.setdefault(getattr(row, column), at)
    # The sort is stable: groups keep their order, and rows within a group stay shuffled.
    chance.shuffle(rows)
    rows.sort(key=lambda row: starts[getattr(row, column)])
    return rows[first - low : end - low]


def _project(project_id: str) -> dict[str, Any]:
    return {
        "ProjectId": project_id,
        "ProjectName": f"project_{project_id[-4:]}",
        "DisplayName": f"Project {project_id[-4:]}",
        "Description": "",
        "CreateTime": "2025-08-01T00:00:00+08:00",
        "CreatorUin": "100039182306",
        "ProjectOwnerUin": "100039182306",
        "Status": 1,
        "DisplayStatus": "ENABLED",
        "ProjectModel": "SIMPLE",
        "WorkspaceExt": [{"Key": "scheduleMode", "Value": "task"}],
    }
