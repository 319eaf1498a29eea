"""The hook: clients from a connection, lists and counts, and the button that tests a connection."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Connection

from airflow_provider_wedata.api.operations import count_projects
from airflow_provider_wedata.emulator import Emulator, faults
from airflow_provider_wedata.exceptions import (
    WeDataConfigError,
    WeDataConnectionError,
    WeDataError,
    WeDataParameterError,
)
from airflow_provider_wedata.hooks.wedata import WeDataHook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTION = "AIRFLOW_CONN_WEDATA_DEFAULT"
SECRET_KEY = "a-key-that-nobody-may-see"
TOKEN = "a-token-that-nobody-may-see"
SECRETS = (SECRET_KEY, TOKEN)


@pytest.fixture
def wedata(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(limit=None, secret_key=SECRET_KEY, token=TOKEN) as emulator:
        monkeypatch.setenv(CONNECTION, emulator.connection_json(requests_per_second=1000, retries=0))
        yield emulator


def change(**fields: Any) -> None:
    """Change fields of the connection; those of its extra by `extra`, where None removes one."""
    connection = json.loads(os.environ[CONNECTION])
    extra = connection["extra"] | fields.pop("extra", {})
    connection |= {"extra": {name: value for name, value in extra.items() if value is not None}} | fields
    os.environ[CONNECTION] = json.dumps(connection)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_the_button_counts_the_instances_of_the_project(wedata: Emulator) -> None:
    wedata.world.add()
    good, text = WeDataHook().test_connection()
    assert good, text
    assert "project 1460947878944567296 has 1 task instances" in text


def test_without_a_project_the_button_counts_the_projects(wedata: Emulator) -> None:
    change(extra={"project_id": None})
    good, text = WeDataHook().test_connection()
    assert good, text
    assert "2 projects" in text
    assert "ListProjects" == wedata.requests[-1].action


def test_the_button_is_made_as_airflow_makes_it(wedata: Emulator) -> None:
    hook = WeDataHook(**{WeDataHook.conn_name_attr: "wedata_default"})
    assert hook.test_connection()[0]


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"password": "another-key"}, "Check SecretId and SecretKey"),
        ({"login": "another-id"}, "Check SecretId and SecretKey"),
        ({"extra": {"session_token": None}}, "session_token"),
        ({"extra": {"region": "mars-north"}}, "Check region"),
        ({"extra": {"project_id": "42"}}, "Check region and project_id"),
        ({"extra": {"project_id": "1531612696090365952"}}, "member of the project"),
        ({"extra": {"region": None}}, "region: missing"),
        ({"extra": {"regoin": "x"}}, "unknown extra field"),
        ({"password": None}, "SecretKey"),
        ({"host": "https://user:pw@127.0.0.1/path"}, "not an endpoint"),
    ],
)
def test_of_a_wrong_connection_the_button_says_what_to_fix(
    fields: dict[str, Any], advice: str, wedata: Emulator
) -> None:
    change(**fields)
    good, text = WeDataHook().test_connection()
    assert not good
    assert advice in text
    assert not [secret for secret in (*SECRETS, "pw@") if secret in text]


@pytest.mark.parametrize("extra", ["{", f'{{"session_token": "{TOKEN}"'])
def test_of_an_extra_that_is_no_json_the_button_says_so(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As it comes from a database; from the environment Airflow 3.1 does not read such a connection at all.
    connection = Connection(conn_id="wedata_default", conn_type="wedata", password=SECRET_KEY, extra=extra)
    monkeypatch.setattr(WeDataHook, "get_connection", lambda *_: connection)
    good, text = WeDataHook().test_connection()
    assert not good
    assert "not a JSON object" in text
    assert not [secret for secret in SECRETS if secret in text]


BROKEN = "AIRFLOW_CONN_WEDATA_DEFAULT is set, but is neither the JSON nor the URI of one"


@pytest.mark.parametrize(
    ("held", "advice"),
    [
        (None, "create it"),
        *((held, BROKEN) for held in ("{", " ", "hello", "[1]", '"a"', f"{{'password': '{SECRET_KEY}'}}")),
        (f"wedata://id:{SECRET_KEY}@h:no-port", BROKEN),
        (f'{{"nonsense": "{SECRET_KEY}"}}', BROKEN),
    ],
)
def test_of_a_connection_that_airflow_can_not_read_it_says_so(
    held: str | None, advice: str, wedata: Emulator
) -> None:
    os.environ.pop(CONNECTION)
    os.environ |= {CONNECTION: held} if held else {}
    good, text = WeDataHook().test_connection()
    assert not good
    message = f"wedata_conn_id: there is no connection 'wedata_default' that Airflow can read; {advice}"
    assert message in text
    assert SECRET_KEY not in text


@pytest.mark.parametrize(
    "error", [PermissionError(SECRET_KEY), RuntimeError(SECRET_KEY), KeyError(SECRET_KEY)]
)
def test_whatever_reading_a_connection_raises_is_an_error_that_a_retry_may_mend(
    error: Exception, wedata: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    async def fail_async(*_: Any, **__: Any) -> Any:
        raise error

    os.environ.pop(CONNECTION)
    monkeypatch.setattr(WeDataHook, "get_connection", fail)
    monkeypatch.setattr(WeDataHook, "aget_connection", fail_async, raising=False)
    for read in (lambda: WeDataHook().settings, lambda: asyncio.run(WeDataHook().read_settings())):
        with pytest.raises(WeDataConnectionError, match=rf"\({type(error).__name__}\); create it") as caught:
            read()
        assert not isinstance(caught.value, AirflowFailException)
        assert SECRET_KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("fault", "shown", "advice"),
    [
        (faults.http_status(502), "502", "Check host, port, site and proxy"),
        (faults.not_json(), "Please log in", "Check host, port, site and proxy"),
        (faults.throttle(), "RequestLimitExceeded", "lower requests_per_second"),
        (faults.internal_error(), "InternalError", "try again in a while"),
        (faults.reset(), "Connection", "can reach the endpoint"),
        (
            faults.headers(Date="Sun, 01 Mar 2026 00:00:00 GMT"),
            "ahead of WeData's",
            "Set this machine's clock",
        ),
    ],
)
def test_of_trouble_the_button_says_what_and_what_to_do(
    fault: faults.Fault, shown: str, advice: str, wedata: Emulator
) -> None:
    wedata.faults.next(fault)
    good, text = WeDataHook().test_connection()
    assert not good
    assert shown in text
    assert advice in text


def test_the_button_says_that_nobody_is_there(wedata: Emulator) -> None:
    change(host=f"http://127.0.0.1:{free_port()}")
    good, text = WeDataHook().test_connection()
    assert not good
    assert "refused" in text
    assert "Check host, port, site and proxy" in text


def test_the_button_tries_no_more_than_twice(wedata: Emulator) -> None:
    change(extra={"retries": 5})
    wedata.faults.next(faults.http_status(503), times=9)
    assert not WeDataHook().test_connection()[0]
    assert len(wedata.requests) == 2


def test_without_a_connection_the_button_names_it(airflow_db: None) -> None:
    good, text = WeDataHook("nobody_made_this").test_connection()
    assert not good
    assert "nobody_made_this" in text


@pytest.mark.parametrize("fields", [{}, {"extra": {"region": None}}, {"extra": {"verify": "perhaps"}}])
def test_worker_and_triggerer_read_the_same(fields: dict[str, Any], wedata: Emulator) -> None:
    change(**fields)

    def describe(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except WeDataConfigError as error:
            return str(error)

    assert describe(lambda: WeDataHook().settings) == describe(
        lambda: asyncio.run(WeDataHook().read_settings())
    )


def test_a_missing_connection_is_the_same_there_too(airflow_db: None) -> None:
    with pytest.raises(WeDataConnectionError, match="nobody_made_this"):
        asyncio.run(WeDataHook("nobody_made_this").read_settings())


def test_region_and_project_of_the_hook_win(wedata: Emulator) -> None:
    hook = WeDataHook(region="ap-jakarta", project_id="7")
    assert ("ap-jakarta", "7") == (hook.settings.region, hook.query({}).project_id)
    assert "8" == hook.query({"project_id": "8"}).project_id


def test_plain_http_to_elsewhere_is_warned_of(wedata: Emulator, log_text: Callable[[], str]) -> None:
    change(host="http://gateway.example.com", extra={"allow_http": True})
    assert WeDataHook().settings.plain
    assert "plain HTTP" in log_text()


def test_as_a_uri_it_is_the_same_connection(wedata: Emulator) -> None:
    before = WeDataHook().settings
    os.environ[CONNECTION] = wedata.connection_uri(requests_per_second=1000, retries=0)
    assert before == WeDataHook().settings


def test_instances_are_streamed_each_once(wedata: Emulator) -> None:
    keys = {wedata.world.add().key for _ in range(250)}
    found = [row.instance_key for row in WeDataHook().list_task_instances()]
    assert keys == set(found)
    assert len(keys) == len(found)


def test_they_are_counted_in_one_request_but_where_ids_are_named(wedata: Emulator) -> None:
    one = wedata.world.add(task_id="123")
    wedata.world.add(task_id="1234")
    assert 2 == WeDataHook().count_task_instances()
    assert 1 == len(wedata.requests)
    assert 1 == WeDataHook().count_task_instances(task_ids=["123"])
    assert 1 == WeDataHook().count_task_instances(instance_keys=[one.key])


def test_a_filter_that_does_not_exist_is_refused_before_anything_is_sent(wedata: Emulator) -> None:
    with pytest.raises(WeDataConfigError, match="colour"):
        WeDataHook().count_task_instances(colour="red")
    assert [] == wedata.requests


def test_a_project_must_be_named_somewhere(wedata: Emulator) -> None:
    change(extra={"project_id": None})
    with pytest.raises(WeDataConfigError, match="project_id"):
        WeDataHook().count_task_instances()


def test_what_wedata_refuses_is_an_error_of_this_provider(wedata: Emulator) -> None:
    with pytest.raises(WeDataParameterError):
        WeDataHook(project_id="42").count_task_instances()
    with pytest.raises(WeDataError):
        list(WeDataHook(project_id="42").list_task_instances())


def test_the_async_client_asks_the_same(wedata: Emulator) -> None:
    async def ask() -> int:
        async with await WeDataHook().get_async_conn() as client:
            return await client.ask(count_projects())

    assert 2 == asyncio.run(ask())
