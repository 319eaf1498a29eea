"""The emulator as a whole: with and without a port, changes between requests, the request log, and stopping."""

from __future__ import annotations

import ast
import http.client
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import Request as Get
from urllib.request import urlopen

import pytest

import airflow_provider_wedata.emulator
from airflow_provider_wedata.emulator import Emulator, Quirks, Reply, SteppedClock, World, faults
from airflow_provider_wedata.emulator.instance import FOREIGN_PROJECT_ID, PROJECT_ID

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator import Received

QUERY = {"ProjectId": PROJECT_ID}


def get(url: str) -> str:
    with urlopen(url) as response:  # noqa: S310  # always http
        text: str = response.read().decode()
        return text


def control(wedata: Emulator, command: str, **parameters: Any) -> dict[str, Any]:
    with urlopen(Get(f"{wedata.url}/emulator/{command}", json.dumps(parameters).encode())) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
        return answer


class TestWithAndWithoutAPort:
    def test_the_same_requests_have_the_same_responses(
        self, served: Emulator, connection: http.client.HTTPConnection, sign_request: Any, send: Any
    ) -> None:
        apart = Emulator(clock=SteppedClock(served.clock.now()), limit=None)
        for wedata in (served, apart):
            wedata.world.add(task_id="1", task_name="默认 🚀")
            wedata.at(2, lambda world: world.finish("1_2026-03-01 00:00:00"))
            wedata.faults.at(3, faults.http_status(502))
        asks: list[tuple[str, dict[str, Any], str | None]] = [
            ("ListTaskInstances", QUERY, None),
            ("ListTaskInstances", QUERY | {"TimeZone": "UTC-5"}, None),
            ("ListTaskInstances", QUERY, None),
            ("ListTaskInstances", QUERY | {"PageSize": 0}, None),
            ("ListTaskInstances", QUERY, "wrong key"),
            ("ListProjects", {}, None),
        ]
        for action, params, key in asks:
            request = sign_request(apart, action, params, key=key)
            response = send(request, connection)
            reply = apart.answer(request)
            assert isinstance(reply, Reply)
            assert (response.status, response.read()) == (reply.status, reply.body)
            assert {name: response.getheader(name) for name in reply.headers} == reply.headers
        noted = [
            [replace(received, headers={}) for received in wedata.requests] for wedata in (served, apart)
        ]
        assert noted[0] == noted[1]

    def test_there_is_no_address_before_the_start(self, wedata: Emulator) -> None:
        with pytest.raises(RuntimeError, match="started"):
            wedata.url  # noqa: B018  # reading it is the point

    def test_by_default_a_signature_over_the_socket_is_as_old_as_the_computers_clock_says(
        self, sign_request: Any, send: Any
    ) -> None:
        with Emulator(clock=SteppedClock("2026-03-01 12:00:00")) as wedata:
            connection = http.client.HTTPConnection(wedata.host, timeout=5)
            request = sign_request(wedata, "ListProjects")
            assert b"AuthFailure.SignatureExpire" in send(request, connection).read()
            connection.close()

    def test_many_connections_at_once(self, served: Emulator, sign_request: Any, send: Any) -> None:
        request = sign_request(served, params=QUERY)
        bodies: list[bytes] = []

        def ask_ten_times() -> None:
            connection = http.client.HTTPConnection(served.host, timeout=5)
            bodies.extend(send(request, connection).read() for _ in range(10))
            connection.close()

        threads = [threading.Thread(target=ask_ten_times) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(bodies) == 200
        assert sorted(received.number for received in served.requests) == list(range(1, 201))
        assert len({json.loads(body)["Response"]["RequestId"] for body in bodies}) == 200


class TestInBetween:
    def test_a_change_happens_just_before_its_request(self, wedata: Emulator, ask: Any) -> None:
        key = wedata.world.add().key
        wedata.at(2, lambda world: world.start(key))
        wedata.at(2, lambda world: world.finish(key))
        states = [ask(wedata)["Data"]["Items"][0]["InstanceState"] for _ in range(3)]
        assert states == ["WAIT_RUN", "COMPLETED", "COMPLETED"]
        with pytest.raises(ValueError, match="request 3"):
            wedata.at(3, lambda world: world.start(key))

    def test_hooks_see_every_request(self, wedata: Emulator, ask: Any) -> None:
        numbers: list[int] = []
        seen: list[Received] = []
        wedata.between(numbers.append)
        wedata.after(seen.append)
        wedata.faults.at(2, faults.reset())
        ask(wedata)
        with pytest.raises(AssertionError):
            ask(wedata)
        assert (numbers, seen) == ([1, 2], wedata.requests)

    def test_due_changes_are_applied_before_the_change(self, wedata: Emulator, ask: Any) -> None:
        key = wedata.world.add().key
        wedata.world.script(key, [(5, "COMPLETED")])
        wedata.at(1, lambda world: world.rerun(key))
        assert isinstance(wedata.clock, SteppedClock)
        wedata.clock.advance(10)
        assert ask(wedata)["Data"]["Items"][0]["InstanceState"] == "WAIT_RUN"

    def test_what_goes_wrong_in_a_thread_is_raised_at_the_end(self, sign_request: Any, send: Any) -> None:
        def wrong(world: World) -> None:
            raise LookupError("in the test's own code")

        clock = SteppedClock("2026-03-01 12:00:00")
        wedata = Emulator(clock=clock, signature_clock=clock).start()
        wedata.at(1, wrong)
        connection = http.client.HTTPConnection(wedata.host, timeout=5)
        with pytest.raises(ConnectionResetError):
            send(sign_request(wedata, params=QUERY), connection)
        connection.close()
        with pytest.raises(LookupError, match="own code"):
            wedata.stop()
        wedata.check()


class TestNotes:
    def test_a_request_is_logged(self, wedata: Emulator, ask: Any) -> None:
        ask(wedata, PageSize=500)
        (received,) = wedata.requests
        assert (received.number, received.action) == (1, "ListTaskInstances")
        assert received.params == QUERY | {"PageSize": 500}
        assert received.error == "InvalidParameterValue"
        assert received.received_at == wedata.clock.now()
        assert received.headers["x-tc-version"] == "2025-08-06"

    def test_no_secret_is_logged_or_returned(self, ask: Any) -> None:
        wedata = Emulator(
            secret_id="an-id",
            secret_key="a-key-7f3",
            token="a-token-7f3",
            clock=SteppedClock("2026-03-01 12:00:00"),
        )
        response = ask(wedata)
        noted = json.dumps([dict(received.headers) for received in wedata.requests]) + repr(wedata.requests)
        assert "7f3" not in noted + json.dumps(response)
        assert wedata.requests[0].headers["authorization"] == "***"


class TestStopping:
    def test_nothing_is_left_behind(self, sign_request: Any, send: Any) -> None:
        before = set(threading.enumerate())
        with Emulator() as wedata:
            wedata.faults.next(faults.slow(3600))
            hanging, idle = (http.client.HTTPConnection(wedata.host, timeout=5) for _ in range(2))
            idle.connect()
            outcomes: list[type[BaseException]] = []

            def ask() -> None:
                try:
                    send(sign_request(wedata, params=QUERY), hanging)
                except OSError as error:
                    outcomes.append(type(error))

            waiting = threading.Thread(target=ask)
            waiting.start()
            while not wedata.requests:
                threading.Event().wait(0.001)
        waiting.join()
        assert outcomes == [http.client.RemoteDisconnected]
        assert idle.sock.recv(1) == b""
        idle.close()
        hanging.close()
        assert set(threading.enumerate()) == before

    def test_it_may_be_started_again(self) -> None:
        wedata = Emulator("empty")
        for _ in range(2):
            with wedata:
                assert "WeData emulator" in get(wedata.url)


class TestConnection:
    def test_as_json(self, served: Emulator) -> None:
        assert json.loads(served.connection_json(time_zone="UTC")) == {
            "conn_type": "wedata",
            "login": served.account.secret_id,
            "password": served.account.secret_key,
            "host": served.url,
            "extra": {"region": "ap-singapore", "project_id": PROJECT_ID, "time_zone": "UTC"},
        }

    def test_as_a_uri(self, served: Emulator) -> None:
        parts = urlsplit(served.connection_uri())
        assert (parts.scheme, parts.username, parts.password) == (
            "wedata",
            served.account.secret_id,
            served.account.secret_key,
        )
        assert unquote(parts.hostname or "") == served.url
        assert json.loads(parse_qs(parts.query)["__extra__"][0]) == {
            "region": "ap-singapore",
            "project_id": PROJECT_ID,
        }

    def test_a_token_comes_along(self) -> None:
        with Emulator(token="of the session") as wedata:
            assert json.loads(wedata.connection_json())["extra"]["session_token"] == "of the session"


class TestDesk:
    def test_the_status_page_counts(self, served: Emulator) -> None:
        served.world.add()
        served.world.add(state="<b>")
        page = get(served.url)
        assert "2 instances" in page
        assert "1 &lt;b&gt;, 1 WAIT_RUN" in page

    def test_the_console_shows_a_project(self, served: Emulator) -> None:
        key = served.world.add(task_name="<script>").key
        page = get(f"{served.url}/console/{PROJECT_ID}?instance_key={quote(key)}")
        assert f'class="WAIT_RUN asked"><td>{key}' in page
        assert "&lt;script&gt;" in page
        assert "0 instances" in get(f"{served.url}/console?ProjectId={FOREIGN_PROJECT_ID}")

    def test_an_old_instance_is_shown_if_requested(self, served: Emulator) -> None:
        key = served.world.add(task_name="old", schedule_time="2026-01-01 00:00:00").key
        for _ in range(201):
            served.world.add()
        assert "old" in get(f"{served.url}/console/{PROJECT_ID}?instance_key={quote(key)}")
        assert "old" not in get(f"{served.url}/console/{PROJECT_ID}")

    @pytest.mark.parametrize("path", ["/favicon.ico", "/console/%3Cb%3E", "/emulator/nothing"])
    def test_what_is_not_there_is_not_found(self, served: Emulator, path: str) -> None:
        with pytest.raises(HTTPError) as missing:
            get(served.url + path)
        assert missing.value.code == 404
        assert b"<b>" not in missing.value.read()
        missing.value.close()

    def test_the_clock_is_stepped_and_a_state_set(self, served: Emulator) -> None:
        key = served.world.add().key
        before = served.clock.now()
        assert control(served, "advance", seconds=90) == {"now": before + 90}
        control(served, "state", key=key, state="RUNNING")
        assert (served.world.get(key).state, served.world.get(key).start_time) == ("RUNNING", before + 90)

    @pytest.mark.parametrize(
        ("command", "parameters", "expected"),
        [
            ("advance", {}, "seconds"),
            ("advance", {"seconds": "many"}, "many"),
            ("state", {"key": "nobody", "state": "RUNNING"}, "there is no instance 'nobody'"),
            ("stop", {}, "stop"),
        ],
    )
    def test_an_impossible_control_request_is_refused(
        self, served: Emulator, command: str, parameters: dict[str, Any], expected: str
    ) -> None:
        with pytest.raises(HTTPError) as refused:
            control(served, command, **parameters)
        assert refused.value.code == 400
        assert expected in json.load(refused.value)["error"]
        refused.value.close()

    def test_requests_are_counted(self, served: Emulator, sign_request: Any) -> None:
        served.faults.next(faults.throttle())
        for _ in range(3):
            served.answer(sign_request(served, params=QUERY))
        assert json.loads(get(f"{served.url}/emulator/requests")) == {
            "total": 3,
            "throttled": 1,
            "actions": {"ListTaskInstances": 3},
            "errors": {"RequestLimitExceeded": 1},
        }


def test_quirks_may_be_passed_at_the_start(ask: Any) -> None:
    wedata = Emulator(clock=SteppedClock("2026-03-01 12:00:00"), quirks=Quirks(items_null=True))
    assert ask(wedata)["Data"]["Items"] is None


def test_it_needs_only_the_standard_library() -> None:
    """An independent emulator shares no code with the client that it checks."""
    home = Path(airflow_provider_wedata.emulator.__file__).parent
    for path in home.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                own = name.startswith("airflow_provider_wedata.emulator")
                fixture = (path.name, name) == ("pytest_plugin.py", "pytest")
                assert own or fixture or name.split(".")[0] in sys.stdlib_module_names
