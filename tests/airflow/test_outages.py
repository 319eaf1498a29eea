"""What a wait survives, what fails it, and a key that is changed while it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_wedata.emulator import faults
from airflow_provider_wedata.exceptions import (
    WeDataAuthError,
    WeDataConfigError,
    WeDataParameterError,
    WeDataPermissionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.emulator import Instance, Received

MODES = ("poke", "reschedule", "deferrable")
PASSING = {
    "throttled": faults.throttle(),
    "throttled by account": faults.throttle("RequestLimitExceeded.UinLimitExceeded"),
    "internal error": faults.internal_error(),
    "service busy": faults.error("InvalidParameter.ServiceIsBusy"),
    "failed operation": faults.error("FailedOperation"),
    "a code never heard of": faults.error("Tomorrow.SomethingElse"),
    "an error without a RequestId": faults.error("ResourceUnavailable", request_id=False),
    "502": faults.http_status(502),
    "a gateway's 403": faults.http_status(403),
    "redirect": faults.redirect("https://example.com/login"),
    "reset": faults.reset(),
    "reset in the midst": faults.reset_mid(),
    "cut": faults.cut(),
    "empty": faults.empty_body(),
    "not json": faults.not_json(),
    "empty object": faults.empty_object(),
    "a list": faults.a_list(),
    "null": faults.response_null(),
    "no data": faults.data_null(),
}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("mode", MODES)
def test_trouble_of_wedatas_is_waited_out(mode: str, fault: str, wait: Any, instance: Instance) -> None:
    wait.wedata.world.script(instance.key, [(1, "COMPLETED")])
    for number in (1, 3, 4):  # before there is a wait, and during one
        wait.wedata.faults.at(number, PASSING[fault])
    wait.wedata.faults.at(2, PASSING[fault] if mode == "poke" else faults.internal_error())
    found = wait.run(mode)
    assert found.ended == "done", found.error
    assert len(wait.wedata.requests) == 5


@pytest.mark.parametrize("mode", MODES)
def test_a_wait_says_that_wedata_is_away(
    mode: str, wait: Any, instance: Instance, log_text: Callable[[], str]
) -> None:
    wait.wedata.world.script(instance.key, [(1, "COMPLETED")])
    wait.wedata.faults.next(faults.http_status(502), times=3)
    wait.run(mode)
    assert "Polling WeData failed: HTTP status 502" in log_text()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AuthFailure.SecretIdNotFound", WeDataAuthError),
        ("UnauthorizedOperation", WeDataPermissionError),
        ("InvalidParameterValue", WeDataParameterError),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_what_cannot_be_waited_out_fails_at_the_first_try_and_costs_no_retry(
    mode: str, code: str, expected: type[Exception], wait: Any, instance: Instance
) -> None:
    wait.wedata.faults.next(faults.error(code, "No."), times=9)
    error = wait.run(mode).error
    assert isinstance(error, expected)
    assert isinstance(error, AirflowFailException)
    assert (code, "No.", faults.REQUEST_ID) == (error.code, error.message, error.request_id)
    assert code in str(error)
    assert faults.REQUEST_ID in str(error)
    assert len(wait.wedata.requests) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_is_changed_during_the_wait_is_read_again(
    mode: str, wait: Any, instance: Instance
) -> None:
    wait.wedata.world.script(instance.key, [(5, "COMPLETED")])

    def old_key(received: Received) -> bool:  # the language shows which connection was read
        return received.number >= 3 and received.headers["x-tc-language"] == "en-US"

    wait.wedata.faults.when(old_key, faults.error("AuthFailure.SignatureFailure"))
    wait.wedata.at(3, lambda _world: wait.connect(language="zh-CN"))
    found = wait.run(mode)
    assert found.ended == "done", found.error


@pytest.mark.parametrize(
    "code",
    ["AuthFailure.TokenFailure", "UnauthorizedOperation", "InvalidParameterValue", "UnsupportedRegion"],
)
@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("mode", MODES)
def test_one_refusal_during_a_wait_ends_no_wait(
    mode: str, number: int, code: str, wait: Any, instance: Instance
) -> None:
    wait.wedata.world.script(instance.key, [(5, "COMPLETED")])
    wait.wedata.faults.at(number, faults.error(code))
    found = wait.run(mode)
    assert found.ended == "done", found.error


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_is_still_wrong_is_tried_once_more_and_then_fails(
    mode: str, wait: Any, instance: Instance
) -> None:
    wait.wedata.faults.when(lambda got: got.number >= 3, faults.error("AuthFailure.SignatureFailure"))
    assert isinstance(wait.run(mode).error, WeDataAuthError)
    assert len(wait.wedata.requests) == 4


@pytest.mark.parametrize("mode", MODES)
def test_a_connection_that_is_broken_when_it_is_read_again_fails_by_name(
    mode: str, wait: Any, instance: Instance
) -> None:
    wait.wedata.faults.when(lambda got: got.number >= 3, faults.error("AuthFailure.SignatureFailure"))
    wait.wedata.at(3, lambda _world: wait.connect(regoin="ap-singapore"))
    error = wait.run(mode).error
    assert isinstance(error, WeDataConfigError)
    assert "regoin" in str(error)
