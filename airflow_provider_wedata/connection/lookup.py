"""Looks a connection up in Airflow, and says why it can't be read and where it was found.

connection/settings.py knows what the fields mean. Airflow 3 reports a missing connection, a secrets backend that
fails and a broken text alike, as "not defined"; it keeps the reason to itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from airflow.configuration import ensure_secrets_loaded
from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_wedata.api.errors import ConnectionUnreadable

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseHook, Connection

_PLACES = {"MetastoreBackend": "Airflow's database", "LocalFilesystemBackend": "a local file"}


def read_connection(hook: BaseHook | type[BaseHook], conn_id: str, *, field: str, advice: str) -> Connection:
    """Return the connection.

    :param hook: of whose `get_connection`.
    :param field: what names it, for the message.
    :param advice: what to do if it is missing.
    :raises ConnectionUnreadable: for whatever reason it can't be read.
    """
    try:
        return _whole(hook.get_connection(conn_id), conn_id)
    except Exception as error:  # noqa: BLE001 - of a secrets backend; the text may quote a password
        raise unreadable(conn_id, error, field=field, advice=advice) from None


async def read_connection_async(hook: BaseHook, conn_id: str, *, field: str, advice: str) -> Connection:
    """Return the same, read on the running event loop without blocking it.

    :raises ConnectionUnreadable: likewise.
    """
    try:
        return _whole(await get_async_connection(conn_id, hook=hook), conn_id)
    except Exception as error:  # noqa: BLE001 - likewise
        trouble = unreadable(conn_id, error, field=field, advice=advice)
    if _runs_inline():
        return await asyncio.to_thread(read_connection, hook, conn_id, field=field, advice=advice)
    raise trouble


def find_source(conn_id: str) -> str:
    """Return where Airflow finds the connection and which secrets backends failed, in words; empty if unknown."""
    found: list[str] = []
    try:
        for backend in ensure_secrets_loaded():
            place = _place(backend, conn_id)
            try:
                if backend.get_connection(conn_id=conn_id):
                    return "; ".join([*found, f"from {place}"])
            except Exception as error:  # noqa: BLE001 - whatever a backend raises
                found.append(f"{place} failed ({type(error).__name__})")
    except Exception as error:  # noqa: BLE001 - of a backend that can't be made
        found.append(f"the secrets backends can't be loaded ({type(error).__name__})")
    return "; ".join(found)


def _place(backend: object, conn_id: str) -> str:
    name = type(backend).__name__
    if name == "EnvironmentVariablesBackend":
        return f"the environment variable {_variable(conn_id)}"
    return _PLACES.get(name, f"the secrets backend {name}")


def _whole(connection: Connection, conn_id: str) -> Connection:
    _ = connection.password, connection.extra  # which are decrypted here, with the right key
    if not connection.conn_type and not _is_connection(os.environ.get(_variable(conn_id), "{}")):
        raise ValueError("made of a text that is no connection")  # Airflow makes an empty one of it
    return connection


def unreadable(conn_id: str, error: Exception, *, field: str, advice: str) -> ConnectionUnreadable:
    """Return the error that tells of a connection that can't be read, but nothing of the reason's text."""
    kind = "" if isinstance(error, AirflowNotFoundException) else f" ({type(error).__name__})"
    why = f"{kind}; {advice}. A secrets backend that fails looks the same"
    if os.environ.get(_variable(conn_id)):
        why = f"; {_variable(conn_id)} is set, but is neither the JSON nor the URI of one; correct it"
    return ConnectionUnreadable(f"{field}: there is no connection {conn_id!r} that Airflow can read{why}")


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _is_connection(text: str) -> bool:
    if not text.strip().startswith("{"):
        return re.match(r"\s*[A-Za-z][A-Za-z0-9+._-]*:", text) is not None
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _runs_inline() -> bool:
    """Return whether `airflow dags test` or `tasks test` runs this trigger, in the process of the task.

    What such a task asks its supervisor by has no `asend`, so Airflow's own way for an event loop finds no
    connection in the database there; in a triggerer it has one, and a fallback would only ask twice.
    """
    runner: Any = sys.modules.get("airflow.sdk.execution_time.task_runner")
    comms = getattr(runner, "SUPERVISOR_COMMS", None)
    return comms is not None and not hasattr(comms, "asend")
