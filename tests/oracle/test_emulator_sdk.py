"""The emulator against the official SDK, which parses its pages without loss and raises its errors."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.wedata.v20250806 import models
from tencentcloud.wedata.v20250806.wedata_client import WedataClient

from airflow_provider_wedata.emulator import Emulator, Instance, Quirks, actions, faults
from airflow_provider_wedata.emulator.clock import BEIJING
from airflow_provider_wedata.emulator.instance import CYCLES, INSTANCE_TYPES, PROJECT_ID, STATES
from airflow_provider_wedata.emulator.rendering import render_row
from airflow_provider_wedata.emulator.service import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

# From Python 3.12 on, each call that the SDK signs warns of a function it still uses.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcfromtimestamp:DeprecationWarning")


@pytest.fixture(scope="module")
def wedata() -> Iterator[Emulator]:
    with Emulator(limit=None) as emulator:
        yield emulator


def profile(wedata: Emulator) -> ClientProfile:
    return ClientProfile(httpProfile=HttpProfile(endpoint=wedata.host, protocol="http"))


def client_of(wedata: Emulator, *, key: str | None = None, token: str | None = None) -> WedataClient:
    account = credential.Credential(wedata.account.secret_id, key or wedata.account.secret_key, token)
    return WedataClient(account, wedata.region, profile(wedata))


def list_of(wedata: Emulator, client: WedataClient, **params: Any) -> models.TaskInstancePage:
    request = models.ListTaskInstancesRequest()
    request._deserialize({"ProjectId": PROJECT_ID} | params)
    return client.ListTaskInstances(request).Data


def plain(row: object) -> dict[str, Any]:
    return {name.removeprefix("_"): value for name, value in vars(row).items()}


def test_pages_are_parsed_without_loss() -> None:
    with Emulator(limit=None) as wedata:
        for at, state in enumerate(STATES * 4):
            wedata.world.add(
                state=state,
                cycle_type=CYCLES[at % len(CYCLES)],
                instance_type=INSTANCE_TYPES[at % len(INSTANCE_TYPES)],
                owner_uins=("1", "2") if at % 3 else None,
                schedule_time=None if at == 7 else f"2026-03-01 00:{at:02}:00",
                task_name=f"任务 {at} 🚀",
                executor_group_name=None if at % 5 else "group",
            )
        client = client_of(wedata)
        pages = [
            list_of(wedata, client, PageNumber=page, PageSize=10, SortColumn="SCHEDULE_DATE", SortType="ASC")
            for page in (1, 2, 3, 4)
        ]
        got = [plain(row) for page in pages for row in page.Items]
        assert [(page.TotalCount, page.TotalPageNumber, page.PageSize) for page in pages] == [(32, 4, 10)] * 4
        expected = [render_row(wedata.world.get(key), BEIJING) for key in wedata.world.keys]
        assert len(got[0]) == 25
        assert sorted(got, key=_key) == sorted(expected, key=_key)


def _key(row: dict[str, Any]) -> str:
    key: str = row["InstanceKey"]
    return key


def test_every_filter_of_the_sdk_is_known(wedata: Emulator) -> None:
    page = list_of(
        wedata,
        client_of(wedata),
        PageNumber=1,
        PageSize=100,
        Keyword="a,b",
        TimeZone="UTC+6",
        InstanceType=1,
        InstanceState="COMPLETED",
        TaskTypeId=35,
        CycleType="DAY_CYCLE",
        OwnerUin="1",
        FolderId="f",
        WorkflowId="w",
        ExecutorGroupId="e",
        ScheduleTimeFrom="2026-03-01 00:00:00",
        ScheduleTimeTo="2026-03-01 23:59:59",
        StartTimeFrom="2026-03-01 00:00:00",
        StartTimeTo="2026-03-01 23:59:59",
        LastUpdateTimeFrom="2026-03-01 00:00:00",
        LastUpdateTimeTo="2026-03-01 23:59:59",
        SortColumn="COST_TIME",
        SortType="DESC",
    )
    assert len(wedata.requests[-1].params) == 21
    assert (page.TotalCount, page.Items) == (0, [])


def test_one_instance_and_the_projects(wedata: Emulator) -> None:
    key = wedata.world.add(error_message="no such table").key
    request = models.GetTaskInstanceRequest()
    request.ProjectId, request.InstanceKey = PROJECT_ID, key
    detail = client_of(wedata).GetTaskInstance(request).Data
    assert plain(detail) == render_row(wedata.world.get(key), BEIJING) | {"JobErrorMsg": "no such table"}
    projects = client_of(wedata).ListProjects(models.ListProjectsRequest()).Data
    assert [project.ProjectId for project in projects.Items] == list(wedata.world.project_ids)
    assert projects.Items[0].WorkspaceExt[0].Value == "task"


def names(model: type) -> set[str]:
    return set(plain(model()))


def test_parameters_and_fields_have_the_names_of_the_sdk(wedata: Emulator) -> None:
    checks = {name: set(action.checks) for name, action in ACTIONS.items()}
    assert checks == {name: names(getattr(models, f"{name}Request")) for name in ACTIONS}
    data = actions.list_task_instances(wedata.world, {"ProjectId": PROJECT_ID}, Quirks(), Random(0))  # noqa: S311  # of no use to a quiet world
    assert set(data) == names(models.TaskInstancePage)
    assert set(render_row(Instance(task_id="1", cur_run_date=""), BEIJING)) == names(models.TaskInstance)


def code_from(wedata: Emulator, client: WedataClient, **params: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as refused:
        list_of(wedata, client, **params)
    code: str = refused.value.get_code()
    return code


def test_errors_have_the_codes_that_the_sdk_reads(wedata: Emulator) -> None:
    client = client_of(wedata)
    assert code_from(wedata, client_of(wedata, key="wrong")) == "AuthFailure.SignatureFailure"
    assert code_from(wedata, client_of(wedata, token="nobody asked")) == "AuthFailure.TokenFailure"
    assert code_from(wedata, client, ProjectId="1") == "InvalidParameter.WorkspaceNotExist"
    assert code_from(wedata, client, PageSize=101) == "InvalidParameterValue"
    wedata.faults.next(faults.throttle())
    assert code_from(wedata, client) == "RequestLimitExceeded"
    wedata.faults.next(faults.http_status(502))
    assert code_from(wedata, client) == "ServerNetworkError"


def test_the_sdk_overlooks_an_error_of_another_content_type(wedata: Emulator) -> None:
    """Why a client of one's own reads the body whatever its type: here is Data None and no exception."""
    wedata.faults.next(faults.both(faults.throttle(), faults.content_type("application/json; charset=utf-8")))
    assert list_of(wedata, client_of(wedata)) is None


def test_a_session_token_is_sent_and_checked() -> None:
    with Emulator(token="of the session") as wedata:
        assert list_of(wedata, client_of(wedata, token="of the session")).TotalCount == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_whatever_the_sdk_signs_is_accepted(wedata: Emulator, payload: dict[str, Any]) -> None:
    """Emoji, CJK, control characters: the signature holds, and the parameters are what is refused."""
    account = credential.Credential(wedata.account.secret_id, wedata.account.secret_key)
    client = CommonClient("wedata", "2025-08-06", account, wedata.region, profile(wedata))
    with pytest.raises(TencentCloudSDKException) as refused:
        client.call_json("ListTaskInstances", payload)
    assert refused.value.get_code() in {"UnknownParameter", "MissingParameter"}
    assert wedata.requests[-1].params == json.loads(json.dumps(payload))
