"""The client against the official SDK: the same signature for any payload, the same parameters and fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.wedata.v20250806 import models

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.filters import parse_query
from airflow_provider_wedata.api.models import FIELD_NAMES, TaskInstance
from airflow_provider_wedata.api.operations import SERVICE, VERSION, list_task_instances
from airflow_provider_wedata.api.signing import signed
from airflow_provider_wedata.api.times import Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

# From Python 3.12 on, each call that the SDK signs warns of a function it still uses.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcfromtimestamp:DeprecationWarning")

HOST = "wedata.tencentcloudapi.com"
TIMES = {"StartTime", "EndTime", "SchedulerTime", "LastUpdateTime"}


class Wire(BaseAdapter):
    """Records the requests of the SDK without sending them; the response is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.sent.append(request)
        response = requests.Response()
        response.status_code, response.request, response._content = 200, request, b"{}"
        return response

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def sent_by_the_sdk(payload: dict[str, Any], token: str | None) -> requests.PreparedRequest:
    wire = Wire()
    client = CommonClient(SERVICE, VERSION, Credential("id", "key", token), "ap-singapore")
    client.request.conn._session.mount("https://", wire)
    client.call_json("ListTaskInstances", payload)
    return wire.sent[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(payload=st.dictionaries(st.text(), JSON, max_size=6), token=st.none() | st.just("of the session"))
def test_the_sdk_sends_the_same_signature_for_any_payload(payload: dict[str, Any], token: str | None) -> None:
    theirs = sent_by_the_sdk(payload, token)
    ours = signed(
        credentials=Credentials("id", "key", token),
        host=HOST,
        service=SERVICE,
        parameters=payload,
        now=float(theirs.headers["X-TC-Timestamp"]) + 0.9,
        headers={"X-TC-Action": "ListTaskInstances", "X-TC-Version": VERSION, "X-TC-Region": "ap-singapore"},
    )
    assert theirs.body.encode() == ours.body  # type: ignore[union-attr]
    assert ours.headers == {name: theirs.headers.get(name) for name in ours.headers}


def documented(model: type) -> Mapping[str, str]:
    """Return the names and types that a model of the SDK documents, in its order."""
    return dict(re.findall(r":type (\w+): (.+)", model.__init__.__doc__))


def test_all_21_parameters_have_the_names_the_order_and_the_types_of_the_sdk() -> None:
    filters = {
        "keyword": "k",
        "workflow_id": "w",
        "folder_id": "f",
        "owner_uin": 1,
        "executor_group_id": "e",
        "task_type_id": "35",
        "cycle_type": "DAY_CYCLE",
        "instance_type": "cyclic",
        "instance_state": "COMPLETED",
        **{
            f"{name}_time_{end}": "2026-03-01"
            for name in ("schedule", "start", "last_update")
            for end in ("from", "to")
        },
        "sort_column": "COST_TIME",
        "sort_type": "DESC",
    }
    parameters = list_task_instances(parse_query(filters, project_id="1", time_zone=Zone("UTC+8"))).parameters
    expected = documented(models.ListTaskInstancesRequest)
    assert len(expected) == 21
    assert expected == {name: type(value).__name__ for name, value in parameters.items()}
    pages = {"PageNumber", "PageSize"}
    assert [name for name in expected if name not in pages] == [
        name for name in parameters if name not in pages
    ]


def test_all_25_fields_have_the_names_the_order_and_the_types_of_the_sdk() -> None:
    expected = documented(models.TaskInstance)
    assert len(expected) == 25
    assert tuple(expected) == FIELD_NAMES
    types = {"str": "str | None", "int": "int | None", "list of str": "tuple[str, ...] | None"}
    ours = [
        TaskInstance.__annotations__[name]
        for name in TaskInstance.__slots__
        if name not in {"raw", "unreadable"}
    ]
    assert ours == ["datetime | None" if name in TIMES else types[kind] for name, kind in expected.items()]
