"""One request and its response, with handmade replies: what is sent again, how often, and when."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.errors import (
    ApiError,
    AuthRefused,
    InternalTrouble,
    NoAnswer,
    ParameterRefused,
    PermissionRefused,
    Refused,
    ServerTrouble,
    Throttled,
    UnreadableAnswer,
)
from airflow_provider_wedata.api.exchange import Channel, Lost, Now, Reply, Send, Slot, Turn
from airflow_provider_wedata.api.operations import Operation, count_projects, list_task_instances
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.rate_limit import Place, Priority, RateLimiter
from airflow_provider_wedata.api.times import Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_wedata.api.signing import Request

START = 1756296000.0
JSON = {"content-type": "application/json"}
LIST = list_task_instances(InstanceQuery(project_id="1", zone=Zone("UTC+8")))
RERUN = Operation("RerunTaskInstances", {"ProjectId": "1"}, dict, repeatable=False)


@dataclass(frozen=True)
class Http:
    """A response of the test's WeData, a tenth of a second after the request."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


@dataclass(frozen=True)
class Gone:
    """No response."""

    may_have_arrived: bool = True


@dataclass
class Run:
    """The outcome of an exchange."""

    value: Any = None
    error: ApiError | None = None
    sent: list[Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)


def channel(budget: RateLimiter | None = None) -> Channel:
    shared = budget or RateLimiter()
    return Channel(
        host="wedata.tencentcloudapi.com",
        region="ap-singapore",
        credentials=Credentials("id", "key"),
        budget=lambda _: shared,
        chance=lambda: 0.5,
    )


def ask(*answers: Http | Gone, operation: Operation[Any] = LIST) -> Run:
    """Run the flow with these answers; the last one repeats."""
    run, seconds, answer = Run(), 0.0, None
    flow = channel().exchange(operation)
    left = list(answers)
    try:
        while True:
            step = flow.send(answer)
            if isinstance(step, Turn):
                answer, seconds = slot(step, seconds)
                continue
            seconds += 0.1 if isinstance(step, Send) else step.seconds
            now = Now(START + seconds, seconds)
            if isinstance(step, Send):
                run.sent.append(step.request)
                scripted = left.pop(0) if len(left) > 1 else left[0]
                answer = (
                    Reply(scripted.status, scripted.headers, scripted.body, now)
                    if isinstance(scripted, Http)
                    else Lost("it broke", scripted.may_have_arrived, now)
                )
            else:
                answer = now
                run.sleeps += [step.seconds] if step.seconds else []
    except StopIteration as end:
        run.value = end.value
    except ApiError as error:
        run.error = error
    return run


def slot(turn: Any, seconds: float = 0.0) -> tuple[Slot, float]:
    """Return the requested slot, and when the flow gets it."""
    while True:
        ticket, wait = turn.budget.reserve(seconds)
        if ticket is not None:
            return Slot(Now(START + seconds, seconds), ticket), seconds
        seconds += wait


def response(**fields: Any) -> Http:
    return Http(json.dumps({"Response": fields}).encode())


def data(total: object, items: object, **more: object) -> Http:
    return response(Data={"TotalCount": total, "Items": items, **more}, RequestId="r")


def refusal(code: str) -> Http:
    return response(Error={"Code": code, "Message": "so it is"}, RequestId="r")


ROW = {"InstanceKey": "7_2026-03-01 00:00:00", "TaskId": "7"}
GOOD = data(1, [ROW])
HTML = b"<html>no</html>"


@pytest.mark.parametrize(
    ("answer", "total", "rows"),
    [
        pytest.param(data(0, []), 0, 0, id="nothing"),
        pytest.param(data(0, None), 0, 0, id="Items null"),
        pytest.param(data(7, None), 7, 0, id="Items null past the end"),
        pytest.param(data(None, None), 0, 0, id="both null"),
        pytest.param(data(1, [ROW], TotalPageNumber=0, PageNumber=0), 1, 1, id="TotalPageNumber 0"),
        pytest.param(response(Data={"TotalCount": 3}), 3, 0, id="Items missing, no RequestId"),
        pytest.param(response(Data={"TotalCount": 0}, Error=None), 0, 0, id="Error null"),
        pytest.param(Http(GOOD.body, headers={}), 1, 1, id="no content type"),
        pytest.param(Http(GOOD.body, headers={"content-type": "text/html"}), 1, 1, id="another content type"),
    ],
)
def test_a_page_in_every_shape_that_it_may_have_is_read_at_once(answer: Http, total: int, rows: int) -> None:
    run = ask(answer)
    assert (total, rows, 1) == (run.value.total, len(run.value.rows), len(run.sent))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Http(HTML, 502), id="502 html"),
        pytest.param(Http(HTML, 404), id="404 html"),
        pytest.param(Http(HTML), id="200 html"),
        pytest.param(Http(b"", 302, {"location": "https://example.org/"}), id="redirect"),
        pytest.param(Http(GOOD.body, 500), id="500 with a page"),
        pytest.param(Http(b""), id="empty"),
        pytest.param(Http(GOOD.body[:-9]), id="cut"),
        pytest.param(Http(b"\xff\xfe\x00"), id="no text"),
        pytest.param(Http(b"[" * 200_000), id="nested too deep"),
        pytest.param(Http(b"{}"), id="empty object"),
        pytest.param(Http(b"[1]"), id="list"),
        pytest.param(Http(b"7"), id="number"),
        pytest.param(Http(b'{"Response":null}'), id="Response null"),
        pytest.param(Http(b'{"Response":[1]}'), id="Response a list"),
        pytest.param(response(RequestId="r"), id="Data missing"),
        pytest.param(response(Data=None), id="Data null"),
        pytest.param(response(Data=[ROW]), id="Data a list"),
        pytest.param(response(Error={}), id="Error without a code"),
        pytest.param(response(Error="no"), id="Error a text"),
        pytest.param(data(None, [ROW]), id="rows, but TotalCount null"),
        pytest.param(data("one", [ROW]), id="TotalCount a word"),
        pytest.param(data(-1, []), id="TotalCount negative"),
        pytest.param(data(True, []), id="TotalCount true"),
        pytest.param(data(1, {}), id="Items an object"),
        pytest.param(data(1, [None]), id="a row null"),
        pytest.param(data(1, [{"InstanceState": 2}]), id="a state that is none"),
        pytest.param(data(1, [{"SchedulerTime": "yesterday"}]), id="a time that is none"),
    ],
)
def test_an_answer_that_cannot_be_read_is_asked_for_again(answer: Http) -> None:
    run = ask(answer)
    assert (True, 6) == (isinstance(run.error, UnreadableAnswer), len(run.sent))
    assert pytest.approx(run.sleeps) == [0.5, 1, 2, 4, 8]
    assert ask(answer, GOOD).value.total == 1


def test_a_redirect_is_named_and_not_followed() -> None:
    run = ask(Http(b"", 307, {"location": "https://example.org/"}))
    assert "redirect to 'https://example.org/', not followed" in str(run.error)
    assert {"wedata.tencentcloudapi.com"} == {request.host for request in run.sent}


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://me:geheim@example.org/login?token=geheim#geheim", "https://example.org/login"),
        ("http://[::1", "http://[::1"),
        ("/login?a=geheim", "/login"),
        ("//me:geheim@host/", "host/"),
        ("https://me:ge?heim@host/", "https://…"),
        ("http://h/?next=http://geheim@h/", "http://…"),
        ("\ud83d\0\xff", r"\ud83d\x00ÿ"),
        ("x" * 60_000, "x" * 199 + "…"),
    ],
)
def test_of_a_redirect_no_more_is_shown_than_where_it_leads(location: str, shown: str) -> None:
    run = ask(Http(b"", 302, {"location": location}))
    assert f" (a redirect to '{shown}{'' if '…' in shown[20:] else chr(39)}, not followed): b''" in str(
        run.error
    )
    str(run.error).encode()


@pytest.mark.parametrize("odd", ["\ud83d\0\xff", "a" * 60_000])
@pytest.mark.parametrize("header", ["content-type", "content-encoding", "date", "content-length", "x-odd"])
def test_no_header_is_more_than_a_message_can_carry(header: str, odd: str) -> None:
    error = ask(Http(b"\xff\0", headers={header: odd})).error
    assert isinstance(error, UnreadableAnswer)
    assert len(str(error).encode()) < 1000
    assert "\0" not in str(error)


@pytest.mark.parametrize("half", ["\ud83d", "\0"])
def test_no_text_of_an_answer_is_more_than_others_can_carry(half: str) -> None:
    spelled = f"\\u{ord(half):04x}"
    row = {
        "InstanceKey": f"7{half}",
        "TaskName": half,
        "InstanceState": half,
        "OwnerUinList": [half],
        half: {half: 1},
    }
    (found,) = ask(data(1, [row])).value.rows
    assert [f"7{spelled}", spelled, spelled, (spelled,)] == [
        found.instance_key,
        found.task_name,
        found.state,
        found.owner_uin_list,
    ]
    assert {name.replace(half, spelled) for name in row} == set(found.raw)
    assert {spelled: 1} == found.raw[spelled]
    error = ask(response(Error={"Code": half, "Message": [half], "RequestId": half}, RequestId=half)).error
    assert isinstance(error, Refused)
    assert (spelled, str([spelled]), spelled) == (error.code, error.message, error.request_id)


GZIP = {"content-encoding": "gzip"}


def test_the_members_of_a_gzip_are_one_answer() -> None:
    body = gzip.compress(GOOD.body[:20]) + gzip.compress(GOOD.body[20:])
    assert ask(Http(body, headers=GZIP)).value.total == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Http(b" " * (4 << 20) + GOOD.body), id="plain"),
        pytest.param(Http(gzip.compress(b" " * (4 << 20) + GOOD.body), headers=GZIP), id="packed"),
        pytest.param(Http(b"", headers={"content-length": "4194305"}), id="announced"),
    ],
)
def test_an_answer_larger_than_any_of_wedatas_is_not_read(answer: Http) -> None:
    run = ask(answer)
    assert (UnreadableAnswer, 6) == (type(run.error), len(run.sent))
    assert str(run.error) == (
        "HTTP status 200, with more than 4194304 bytes, decompressed; expected a page of WeData's, "
        "which has about 100,000"
    )


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip"])
def test_a_packing_that_nobody_asked_for_is_named(encoding: str) -> None:
    run = ask(Http(GOOD.body, headers={"content-encoding": encoding}))
    assert (UnreadableAnswer, 6) == (type(run.error), len(run.sent))
    assert str(run.error) == (
        f"HTTP status 200, with the Content-Encoding '{encoding}', which was not requested; expected gzip or none"
    )


def test_a_gzip_that_is_cut_is_no_answer() -> None:
    run = ask(Http(gzip.compress(GOOD.body)[:-9], headers=GZIP))
    assert (NoAnswer, 6) == (type(run.error), len(run.sent))
    assert str(run.error).startswith(
        "wedata.tencentcloudapi.com: the response was damaged on the way; its gzip can't be decompressed: "
    )
    assert len(ask(Http(b"no", headers=GZIP), operation=RERUN).sent) == 1


@pytest.mark.parametrize("status", [200, 204, 302, 400, 429, 500, 502])
@pytest.mark.parametrize(
    "content_type", [None, "text/html", "Application/JSON", "application/json; charset=utf-8"]
)
def test_an_error_is_found_under_any_status_and_content_type(status: int, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    run = ask(Http(refusal("AuthFailure.SignatureFailure").body, status, headers))
    assert isinstance(run.error, AuthRefused)
    assert (
        run.error.code,
        run.error.message,
        run.error.request_id,
    ) == ("AuthFailure.SignatureFailure", "so it is", "r")


def test_an_error_without_request_id_or_message_keeps_its_code() -> None:
    run = ask(response(Error={"Code": "FailedOperation"}))
    assert str(run.error) == "FailedOperation:  (RequestId unknown)"


@pytest.mark.parametrize(
    ("code", "kind", "attempts"),
    [
        ("RequestLimitExceeded", Throttled, 6),
        ("InvalidParameter.ServiceIsBusy", ServerTrouble, 6),
        ("InternalError", InternalTrouble, 3),
        ("AuthFailure.TokenFailure", AuthRefused, 1),
        ("UnauthorizedOperation.UserNotInProject", PermissionRefused, 1),
        ("InvalidParameter.WorkspaceNotExist", ParameterRefused, 1),
        ("FailedOperation", Refused, 1),
        ("Tomorrow.NewCode", Refused, 1),
    ],
)
def test_a_refused_request_is_sent_again_as_often_as_its_code_is_worth(
    code: str, kind: type[ApiError], attempts: int
) -> None:
    run = ask(refusal(code))
    assert (kind, attempts) == (type(run.error), len(run.sent))
    assert attempts - 1 == len(run.sleeps)


@pytest.mark.parametrize("trouble", [refusal("RequestLimitExceeded"), refusal("InternalError"), Gone()])
def test_what_passes_is_over_at_the_second_attempt(trouble: Http | Gone) -> None:
    run = ask(trouble, GOOD)
    assert (run.value.total, len(run.sent)) == (1, 2)


def test_a_request_without_a_response_is_retried_and_raises_in_the_end() -> None:
    run = ask(Gone())
    assert (NoAnswer, "wedata.tencentcloudapi.com: it broke", 6) == (
        type(run.error),
        str(run.error),
        len(run.sent),
    )


@pytest.mark.parametrize(
    ("trouble", "attempts"),
    [
        pytest.param(Gone(may_have_arrived=True), 1, id="lost on the way"),
        pytest.param(Gone(may_have_arrived=False), 2, id="never left"),
        pytest.param(refusal("RequestLimitExceeded"), 2, id="throttled"),
        pytest.param(refusal("InternalError"), 1, id="internal error"),
        pytest.param(refusal("InvalidParameter.ServiceIsBusy"), 1, id="busy"),
        pytest.param(Http(HTML, 502), 1, id="502"),
        pytest.param(Http(b""), 1, id="empty"),
    ],
)
def test_what_must_not_happen_twice_is_not_sent_again_once_it_may_have_arrived(
    trouble: Http | Gone, attempts: int
) -> None:
    assert attempts == len(ask(trouble, response(Data=True), operation=RERUN).sent)


def test_every_attempt_is_signed_anew_at_its_own_time() -> None:
    run = ask(Http(b""))
    stamps = [int(request.headers["X-TC-Timestamp"]) - START for request in run.sent]
    assert stamps == [0, 0, 1, 3, 7, 16]  # after sleeps of 0.5, 1, 2, 4, 8 and a tenth for each answer
    assert len(set(stamps)) == len({request.headers["Authorization"] for request in run.sent})


def test_a_request_says_what_wedata_requires() -> None:
    (request,) = ask(GOOD).sent
    assert {
        "X-TC-Action": "ListTaskInstances",
        "X-TC-Version": "2025-08-06",
        "X-TC-Region": "ap-singapore",
        "X-TC-Language": "en-US",
        "Host": "wedata.tencentcloudapi.com",
    }.items() <= request.headers.items()
    assert json.loads(request.body) == {
        "ProjectId": "1",
        "TimeZone": "UTC+8",
        "PageNumber": 1,
        "PageSize": 100,
    }


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (
            "Wed, 27 Aug 2025 11:53:00 GMT",
            "This machine's clock is 420 s ahead of WeData's; 300 s are allowed",
        ),
        ("Wed, 27 Aug 2025 12:07:00 GMT", "This machine's clock is 420 s behind WeData's; 300 s are allowed"),
        ("no date", "so it is"),
        (None, "so it is"),
    ],
)
def test_an_expired_signature_names_the_difference_of_the_clocks(date: str | None, expected: str) -> None:
    headers = {} if date is None else {"date": date}
    run = ask(Http(refusal("AuthFailure.SignatureExpire").body, headers=headers))
    assert isinstance(run.error, AuthRefused)
    assert run.error.message.endswith(expected)


def test_a_flow_that_is_closed_while_it_sends_gives_its_slot_back() -> None:
    budget = RateLimiter(1)
    flow = channel(budget).exchange(LIST)
    assert isinstance(flow.send(slot(next(flow))[0]), Send)
    assert budget.reserve(0.9)[0] is None
    flow.close()
    assert budget.reserve(1.0)[0] is None  # WeData may have counted it
    assert budget.reserve(1.01)[0] is not None


def test_a_flow_that_is_closed_while_it_queues_holds_no_slot() -> None:
    budget = RateLimiter(1)
    flow = channel(budget).exchange(LIST)
    next(flow)
    flow.close()
    assert budget.reserve(0.0)[0] is not None


def test_a_parser_that_fails_gives_the_slot_back() -> None:
    budget = RateLimiter(1)
    flow = channel(budget).exchange(Operation("ListProjects", {}, lambda _: 1 // 0))
    flow.send(slot(next(flow))[0])
    with pytest.raises(ZeroDivisionError):
        flow.send(Reply(200, JSON, GOOD.body, Now(START, 0.2)))
    assert budget.reserve(1.1)[0] is not None


def test_a_flow_without_a_slot_asks_for_its_turn_and_its_time_starts_there() -> None:
    budget = RateLimiter(1)
    first, second = channel(budget).answered(LIST), channel(budget).answered(LIST)
    first.send(slot(next(first))[0])
    with pytest.raises(StopIteration):
        first.send(Reply(200, JSON, GOOD.body, Now(START, 0.2)))
    turn = next(second)
    assert budget.reserve(0.805) == (None, pytest.approx(0.2))
    handed, seconds = slot(turn, 0.805)
    assert pytest.approx(1.005) == seconds
    assert isinstance(second.send(handed), Send)
    with pytest.raises(StopIteration) as ended:
        second.send(Reply(200, JSON, GOOD.body, Now(START + 1.205, 1.205)))
    answer = ended.value.value
    assert (handed.now, pytest.approx(0.2)) == (answer.sent, answer.trip)


@pytest.mark.parametrize("ask_for", ["exchange", "answered"])
def test_every_attempt_stands_in_the_place_that_was_named(ask_for: str) -> None:
    place = Place(Priority.GATE, urgent_from=7.0)
    flow = getattr(channel(), ask_for)(LIST, place)
    turn = next(flow)
    assert isinstance(turn, Turn)
    handed, seconds = slot(turn)
    flow.send(handed)
    flow.send(Lost("it broke", may_have_arrived=True, now=Now(START + seconds, seconds)))
    again = flow.send(Now(START + 1, 1.0))
    assert [place, place] == [turn.place, again.place]
    assert Place(Priority.BULK, math.inf) == next(getattr(channel(), ask_for)(LIST)).place


def test_projects_are_counted() -> None:
    assert ask(data(12, [{}] * 10), operation=count_projects()).value == 12
    run = ask(data(1, [{}]), operation=count_projects("9"))
    assert json.loads(run.sent[0].body)["ProjectIds"] == ["9"]


def test_a_driver_that_sends_the_wrong_thing_raises() -> None:
    flow = channel().exchange(LIST)
    next(flow)
    with pytest.raises(TypeError, match="expected a Slot"):
        flow.send(Lost("?", may_have_arrived=True, now=Now(0, 0)))
    flow = channel().exchange(LIST)
    flow.send(slot(next(flow))[0])
    with pytest.raises(TypeError, match="expected a Reply"):
        flow.send(Now(START, 0.0))
