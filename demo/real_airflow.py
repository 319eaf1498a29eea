"""A real Airflow on this machine: api-server, scheduler, dag-processor and triggerer, each a process of its own.

Starts, calls, kills and stops them, by pid, on free ports of 127.0.0.1, with everything they write in one folder.
Independent of WeData.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
_BOOT_SECONDS = 180
_POLITE_SECONDS = 6
_AIRFLOW = str(Path(sys.executable).with_name("airflow"))


class RealAirflow:
    """An Airflow that runs during the ``with`` block.

    :param home: a new folder for its database, logs and settings.
    :param dags: the folder with the DAG files.
    :param environment: additional variables, such as ``AIRFLOW_CONN_WEDATA_DEFAULT``.
    """

    def __init__(self, home: Path, dags: Path, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",  # only what is triggered runs
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            **environment,
        }

    def __enter__(self) -> Self:
        try:
            self.run("db", "migrate")
            self._allow_readers_beside_a_writer()
            for part in PARTS:
                self.start(part)
            self.wait_for(self._is_healthy, "Airflow to be healthy", seconds=_BOOT_SECONDS)
            self._log_in()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def run(self, *arguments: str, may_fail: bool = False) -> str:
        """Run an `airflow` command to its end and return what it printed."""
        done = subprocess.run(  # noqa: S603 - our own command
            [_AIRFLOW, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode and not may_fail:
            raise RuntimeError(f"airflow {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self, part: str) -> None:
        """Start one of the four parts."""
        with (self.home / f"{part}.log").open("ab") as log:
            self._processes[part] = subprocess.Popen(  # noqa: S603 - our own command
                [_AIRFLOW, part], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, part: str) -> None:
        """Kill one of the parts with SIGKILL, with all its children."""
        self._signal(part, signal.SIGKILL)
        self._processes.pop(part).wait()

    def stop(self) -> None:
        """Stop all parts: with SIGTERM, then with SIGKILL."""
        for part in self._processes:
            self._signal(part, signal.SIGTERM)
        deadline = time.monotonic() + _POLITE_SECONDS
        for part, process in self._processes.items():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0))
            self._signal(part, signal.SIGKILL)  # including a child that outlived its parent
            process.wait()
        self._processes.clear()
        self._session.close()

    def api(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request to Airflow's REST API and return the response's JSON."""
        response = self._session.request(method, f"{self.url}/api/v2{path}", timeout=30, **arguments)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def trigger(self, dag_id: str, **body: Any) -> str:
        """Trigger a run of the DAG, once Airflow has parsed it, and return the run's id."""
        self.wait_for(lambda: self._knows(dag_id), f"DAG {dag_id} to be parsed", seconds=60)
        self.api("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        body = {"logical_date": None, **body}
        started: dict[str, Any] = self.api("POST", f"/dags/{dag_id}/dagRuns", json=body)
        return str(started["dag_run_id"])

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return a task instance as in Airflow's REST API."""
        found: dict[str, Any] = self.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return found

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        """Return the task's log, as text."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        lines = self.api("GET", path, headers={"Accept": "application/json"})["content"]
        return "\n".join(
            str(line.get("event", line)) if isinstance(line, dict) else str(line) for line in lines
        )

    def wait_for(self, met: Callable[[], object], what: str, *, seconds: float) -> None:
        """Wait until `met()` is true.

        :raises TimeoutError: naming what was waited for, with the ends of all logs.
        """
        deadline = time.monotonic() + seconds
        while not met():
            dead = [part for part, process in self._processes.items() if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                raise TimeoutError(
                    f"waited for {what}; not running: {dead or 'none'}\n{self._ends_of_logs()}"
                )
            time.sleep(0.2)

    def _allow_readers_beside_a_writer(self) -> None:
        # Four processes share one SQLite file: without this, "database is locked" occurs now and then.
        database = sqlite3.connect(self.home / "airflow.db")
        database.execute("PRAGMA journal_mode=WAL")
        database.close()

    def _is_healthy(self) -> bool:
        with suppress(requests.RequestException, ValueError):
            health = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            return all(part.get("status") == "healthy" for part in health.values())
        return False

    def _log_in(self) -> None:
        token = self._session.get(f"{self.url}/auth/token", timeout=30).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def _knows(self, dag_id: str) -> bool:
        return any(dag["dag_id"] == dag_id for dag in self.api("GET", "/dags?limit=100")["dags"])

    def _signal(self, part: str, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._processes[part].pid, number)

    def _ends_of_logs(self) -> str:
        logs = [self.home / f"{part}.log" for part in PARTS]
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs if log.exists()
        )


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
