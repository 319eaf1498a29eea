"""Which rows of a response match, if the request was sent without the filters that a row can leave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_wedata.api.errors import UnreadableAnswer
from airflow_provider_wedata.api.models import TaskInstance
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, WireZone, Zone
from airflow_provider_wedata.listing.page_request import ResultSet

SINCE = TimeWindow(start=datetime(2026, 3, 1, tzinfo=UTC))
FILTERS: dict[str, dict[str, Any]] = {
    "StartTime": {"start": SINCE},
    "LastUpdateTime": {"last_update": SINCE},
    "ExecutorGroupId": {"executor_group_id": "g"},
}


def result_set(filters: dict[str, Any], *, widened: bool = True) -> ResultSet:
    query = InstanceQuery(project_id="1", zone=Zone("UTC+8"), task_ids=("7",), **filters)
    return ResultSet(query, widened=widened)


def row(**raw: Any) -> TaskInstance:
    return TaskInstance.parse({"TaskId": "7", "InstanceKey": "7_k"} | raw, WireZone(8))


@pytest.mark.parametrize("name", FILTERS)
class TestAFieldThatCanNotBeRead:
    def test_is_refused_where_a_filter_asks_for_it(self, name: str) -> None:
        with pytest.raises(UnreadableAnswer, match=f"^{name} of 7_k can't be parsed, but a filter needs it$"):
            result_set(FILTERS[name]).wants(row(**{name: []}))

    def test_decides_nothing_where_none_does(self, name: str) -> None:
        others = {other: filters for other, filters in FILTERS.items() if other != name}
        assert result_set({}).wants(row(**{name: []}))
        assert not any(result_set(filters).wants(row(**{name: []})) for filters in others.values())

    def test_nor_where_wedata_filters_or_the_row_is_a_chance_find(self, name: str) -> None:
        assert result_set(FILTERS[name], widened=False).wants(row(**{name: []}))
        assert not result_set(FILTERS[name]).wants(row(**{name: [], "TaskId": "77"}))

    def test_that_is_null_does_not_match(self, name: str) -> None:
        assert not result_set(FILTERS[name]).wants(row(**{name: None}))
