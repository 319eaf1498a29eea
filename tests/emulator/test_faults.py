"""Each fault over a real socket, as a plain HTTP client sees it; and the plan of when they occur."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.emulator import Broken, Emulator, Reply, faults
from airflow_provider_wedata.emulator.instance import PROJECT_ID

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator.faults import Fault

QUERY = {"ProjectId": PROJECT_ID}


class Client:
    """Sends the same request over one connection after another."""

    def __init__(
        self, served: Emulator, connection: http.client.HTTPConnection, sign: Any, send: Any
    ) -> None:
        self.wedata, self.connection, self._sign, self._send = served, connection, sign, send

    def __call__(self, **params: Any) -> http.client.HTTPResponse:
        response: http.client.HTTPResponse = self._send(
            self._sign(self.wedata, params=QUERY | params), self.connection
        )
        return response


@pytest.fixture
def call(served: Emulator, connection: http.client.HTTPConnection, sign_request: Any, send: Any) -> Client:
    served.world.add(task_name="x" * 1000)
    return Client(served, connection, sign_request, send)


def code_of(body: bytes) -> str:
    error: dict[str, str] = json.loads(body)["Response"]["Error"]
    return error["Code"]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.throttle(), 200, "RequestLimitExceeded"),
        (
            faults.throttle("RequestLimitExceeded.UinLimitExceeded"),
            200,
            "RequestLimitExceeded.UinLimitExceeded",
        ),
        (faults.internal_error(), 200, "InternalError"),
        (faults.error("FailedOperation"), 200, "FailedOperation"),
        (faults.error("ServiceUnavailable", status=503), 503, "ServiceUnavailable"),
    ],
)
def test_error_codes(call: Client, fault: Fault, status: int, code: str) -> None:
    call.wedata.faults.next(fault)
    response = call()
    assert (response.status, code_of(response.read())) == (status, code)
    assert response.getheader("Date") is not None
    assert call().read().count(b"InstanceKey") == 1
    assert [received.error for received in call.wedata.requests] == [code, None]


def test_an_error_may_lack_its_request_id(call: Client) -> None:
    call.wedata.faults.next(faults.error("InternalError", request_id=False))
    assert set(json.loads(call().read())["Response"]) == {"Error"}


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_pages_for_people(call: Client, status: int) -> None:
    call.wedata.faults.next(faults.http_status(status))
    response = call()
    assert (response.status, response.getheader("Content-Type")) == (status, "text/html; charset=utf-8")
    assert response.read().startswith(b"<html>")


@pytest.mark.parametrize("value", ["application/json; charset=utf-8", "text/html", None])
def test_another_content_type(call: Client, value: str | None) -> None:
    call.wedata.faults.next(faults.both(faults.throttle(), faults.content_type(value)))
    call.wedata.faults.next(faults.content_type(value))
    throttled = call()
    assert (throttled.getheader("Content-Type"), code_of(throttled.read())) == (value, "RequestLimitExceeded")
    regular = call()
    assert (regular.getheader("Content-Type"), len(json.loads(regular.read())["Response"])) == (value, 2)


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (faults.empty_body(), b""),
        (faults.not_json(), b"<html><body>Please log in</body></html>"),
        (faults.empty_object(), b"{}"),
        (faults.a_list(), b"[1]"),
        (faults.response_null(), b'{"Response":null}'),
        (faults.body(b"\x00"), b"\x00"),
    ],
)
def test_odd_bodies(call: Client, fault: Fault, body: bytes) -> None:
    call.wedata.faults.next(fault)
    response = call()
    assert (response.status, response.read()) == (200, body)


def test_no_date(call: Client) -> None:
    call.wedata.faults.next(faults.headers(date=None))
    assert call().getheader("Date") is None


def test_data_null(call: Client) -> None:
    call.wedata.faults.next(faults.data_null())
    assert json.loads(call().read())["Response"]["Data"] is None


def test_other_values_in_data(call: Client) -> None:
    call.wedata.faults.next(faults.data(TotalCount="1", Items=None))
    odd, regular = (json.loads(call().read())["Response"]["Data"] for _ in range(2))
    assert regular | {"TotalCount": "1", "Items": None} == odd


@pytest.mark.parametrize("status", [302, 307])
def test_redirects(call: Client, status: int) -> None:
    call.wedata.faults.next(faults.redirect("http://127.0.0.1:1/", status))
    response = call()
    assert (response.status, response.getheader("Location"), response.read()) == (
        status,
        "http://127.0.0.1:1/",
        b"",
    )


def test_a_cut_body_is_short(call: Client) -> None:
    call.wedata.faults.next(faults.cut())
    with pytest.raises(http.client.IncompleteRead) as cut:
        call().read()
    assert cut.value.expected is not None
    assert abs(len(cut.value.partial) - cut.value.expected) <= 1


def test_a_reset_before_the_reply(call: Client) -> None:
    call.wedata.faults.next(faults.reset())
    with pytest.raises(ConnectionResetError):
        call()


def test_a_reset_in_the_middle(call: Client) -> None:
    call.wedata.faults.next(faults.reset_mid())
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        call().read()


def test_a_slow_reply_comes_late(call: Client) -> None:
    call.wedata.faults.next(faults.slow(60))
    call.connection.timeout = 0.05
    with pytest.raises(TimeoutError):
        call()
    assert len(call.wedata.requests) == 1


def test_a_dripping_reply_is_complete_in_the_end(call: Client) -> None:
    call.wedata.faults.next(faults.drip(0.0001))
    assert json.loads(call().read())["Response"]["Data"]["TotalCount"] == 1


def test_a_connection_is_reused_after_each_reply_that_arrives(call: Client) -> None:
    socket = None
    for fault in (faults.throttle(), faults.http_status(502), faults.empty_body(), faults.data_null()):
        call.wedata.faults.next(fault)
        call().read()
        socket = socket or call.connection.sock
        assert call.connection.sock is socket


class TestPlan:
    @staticmethod
    def errors(wedata: Emulator, sign: Any, pages: list[int]) -> list[str | None]:
        return [wedata.answer(sign(wedata, params={**QUERY, "PageNumber": page})).error for page in pages]

    def test_the_next_ones(self, wedata: Emulator, sign_request: Any) -> None:
        wedata.faults.next(faults.throttle(), times=2)
        wedata.faults.next(faults.internal_error())
        assert self.errors(wedata, sign_request, [1] * 4) == [
            "RequestLimitExceeded",
            "RequestLimitExceeded",
            "InternalError",
            None,
        ]

    def test_one_number(self, wedata: Emulator, sign_request: Any) -> None:
        wedata.faults.at(3, faults.internal_error())
        assert self.errors(wedata, sign_request, [1] * 4) == [None, None, "InternalError", None]

    def test_one_page_until_cleared(self, wedata: Emulator, sign_request: Any) -> None:
        wedata.faults.when(faults.on_page(2), faults.internal_error())
        assert self.errors(wedata, sign_request, [1, 2, 2]) == [None, "InternalError", "InternalError"]
        wedata.faults.clear()
        assert self.errors(wedata, sign_request, [2]) == [None]

    def test_one_action(self, wedata: Emulator, sign_request: Any) -> None:
        wedata.faults.when(faults.on_action("ListProjects"), faults.internal_error())
        assert wedata.answer(sign_request(wedata, "ListProjects")).error == "InternalError"
        assert self.errors(wedata, sign_request, [1]) == [None]

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [(faults.cut(), "cut"), (faults.reset(), "reset"), (faults.reset_mid(), "reset_mid")],
    )
    def test_without_a_socket_a_broken_reply_is_a_value(
        self, wedata: Emulator, sign_request: Any, fault: Fault, reason: str
    ) -> None:
        wedata.faults.next(fault)
        outcome = wedata.answer(sign_request(wedata, params=QUERY))
        assert isinstance(outcome, Broken)
        assert (outcome.reason, wedata.requests[-1].error) == (reason, reason)

    def test_without_a_socket_a_slow_reply_has_a_delay(self, wedata: Emulator, sign_request: Any) -> None:
        wedata.faults.next(faults.slow(60))
        outcome = wedata.answer(sign_request(wedata, params=QUERY))
        assert isinstance(outcome, Reply)
        assert outcome.delay == 60
