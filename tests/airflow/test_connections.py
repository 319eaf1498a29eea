"""A connection that can't be read, at each moment in each mode, and where Airflow keeps it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import DAG, AirflowFailException
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from airflow.utils.session import create_session

from airflow_provider_wedata.connection import lookup
from airflow_provider_wedata.connection.lookup import find_source
from airflow_provider_wedata.emulator import faults
from airflow_provider_wedata.exceptions import WeDataConnectionError
from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.conftest import CONNECTION, DAY, MODES, TASK_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_provider_wedata.emulator import Instance, Received

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)


def fail_at(reads: Collection[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the secrets backend fail at these of the reads from now on, counted from 1."""
    read, numbers = EnvironmentVariablesBackend.get_conn_value, count(1)

    def flaky(self: Any, *args: Any, **kwargs: Any) -> Any:
        if next(numbers) in reads:
            raise RuntimeError("the vault is sealed")
        return read(self, *args, **kwargs)

    monkeypatch.setattr(EnvironmentVariablesBackend, "get_conn_value", flaky)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("first", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("mode", MODES)
def test_a_secrets_backend_that_fails_ends_no_wait_for_good(  # noqa: PLR0917 - fixtures
    mode: str,
    first: int,
    times: int,
    wait: Any,
    instance: Instance,
    airflow_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait.wedata.world.script(instance.key, [(3, "COMPLETED")])
    fail_at(range(first, first + times), monkeypatch)
    found = wait.run(mode)
    for _ in range(times if first == 1 else 0):  # Airflow's retries
        assert isinstance(found.error, WeDataConnectionError)
        assert not isinstance(found.error, AirflowFailException)
        found = wait.run(mode)
    assert "done" == found.ended, found.error


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_a_refused_key_is_no_reason_to_give_up_before_another_could_be_read(  # noqa: PLR0917 - fixtures
    mode: str,
    times: int,
    wait: Any,
    instance: Instance,
    airflow_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait.wedata.world.script(instance.key, [(3, "COMPLETED")])

    def old_key(received: Received) -> bool:  # the language shows which connection was read
        return received.number >= 3 and received.headers["x-tc-language"] == "en-US"

    def change(_world: Any) -> None:
        wait.connect(language="zh-CN")
        fail_at(range(1, 1 + times), monkeypatch)

    wait.wedata.faults.when(old_key, faults.error("AuthFailure.SignatureFailure"))
    wait.wedata.at(3, change)
    found = wait.run(mode)
    assert "done" == found.ended, found.error


@pytest.mark.parametrize(
    "broken", [{"regoin": "x"}, {"region": None}, {"project_id": None}, {"proxy": "ftp://proxy"}], ids=str
)
def test_a_connection_that_is_wrong_for_a_moment_ends_no_wait_that_reads_it_then(
    broken: dict[str, Any], wait: Any, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait.wedata.world.script(instance.key, [(4, "COMPLETED")])
    read, numbers = EnvironmentVariablesBackend.get_conn_value, count(1)

    def now_and_then(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = read(self, *args, **kwargs)
        if next(numbers) != 3:
            return value
        found = json.loads(value)
        return json.dumps({**found, "extra": {**found["extra"], **broken}})

    monkeypatch.setattr(EnvironmentVariablesBackend, "get_conn_value", now_and_then)
    found = wait.run("reschedule")
    assert "done" == found.ended, found.error


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("mode", ["reschedule", "deferrable"])
def test_a_wait_whose_connection_is_gone_says_so_and_ends_at_its_deadline(  # noqa: PLR0917 - fixtures
    mode: str,
    soft: bool,
    wait: Any,
    instance: Instance,
    airflow_db: None,
    monkeypatch: pytest.MonkeyPatch,
    log_text: Callable[[], str],
) -> None:
    fail_at(range(2, 1000), monkeypatch)
    found = wait.run(mode, timeout=0.3, soft_fail=soft)
    assert ("AirflowSkipException" if soft else "AirflowSensorTimeout") == found.ended
    assert "not met in 0.3 s (timeout); last seen: " in str(found.error)
    assert "there is no connection 'wedata_default' that Airflow can read" in str(found.error)
    assert TASK_ID in str(found.error)
    assert "Polling WeData failed: wedata_conn_id: there is no connection" in log_text()


@pytest.fixture
def in_the_database(wait: Any, airflow_db: None) -> Iterator[None]:
    """Keep the connection in Airflow's database, and nowhere else."""
    found = json.loads(os.environ[CONNECTION])
    with create_session() as session:
        session.add(Connection(conn_id="wedata_default", **{**found, "extra": json.dumps(found["extra"])}))
    os.environ[CONNECTION] = ""
    yield
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == "wedata_default").delete()


@pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")
@pytest.mark.parametrize("deferrable", [False, True])
def test_dags_test_finds_a_connection_in_the_database(
    deferrable: bool,
    wait: Any,
    instance: Instance,
    in_the_database: None,
    run_dag: Callable[..., Any],
) -> None:
    wait.wedata.world.script(instance.key, [(3, "COMPLETED")])
    with DAG(f"in_the_database_{deferrable}", schedule=None, start_date=NOON) as dag:
        WeDataTaskInstanceSensor(
            task_id="gate",
            task_ids=[TASK_ID],
            schedule_date=DAY,
            deferrable=deferrable,
            poke_interval=0.01,
            timeout=20,
        )
    run = run_dag(dag, run_after=NOON, logical_date=NOON)
    assert ["success"] == [str(ti.state) for ti in run.get_task_instances()]


def test_in_a_triggerer_nobody_asks_twice(
    wait: Any, instance: Instance, airflow_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not lookup._runs_inline()
    asked: list[str] = []
    monkeypatch.setattr(
        EnvironmentVariablesBackend, "get_conn_value", lambda _, conn_id, **__: asked.append(conn_id)
    )
    trigger = wait.deferred
    with pytest.raises(WeDataConnectionError):
        trigger()
    assert ["wedata_default"] == asked


class Vault(EnvironmentVariablesBackend):
    """A secrets backend that holds one connection, and fails for every other."""

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:  # noqa: ARG002 - Airflow's
        if conn_id == "in_the_vault":
            return "wedata://"
        raise TimeoutError("geheim")


def test_where_a_connection_comes_from_is_reported(
    in_the_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "from Airflow's database" == find_source("wedata_default")
    assert "" == find_source("nobody_made_this")
    os.environ[CONNECTION] = "wedata://"  # `wait` restores it
    assert "from the environment variable AIRFLOW_CONN_WEDATA_DEFAULT" == find_source("wedata_default")
    vault = Vault()
    if hasattr(vault, "_set_connection_class"):  # not every Airflow has it
        vault._set_connection_class(Connection)
    backends = [vault, *lookup.ensure_secrets_loaded()]
    monkeypatch.setattr(lookup, "ensure_secrets_loaded", lambda: backends)
    assert "from the secrets backend Vault" == find_source("in_the_vault")
    failed = "the secrets backend Vault failed (TimeoutError)"
    assert failed == find_source("nobody_made_this")
    assert f"{failed}; from the environment variable AIRFLOW_CONN_WEDATA_DEFAULT" == find_source(
        "wedata_default"
    )
