"""Turn a user's `output_path` into the destination of a file. Uses Airflow's connections and object storage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, ObjectStoragePath

from airflow_provider_wedata.api.body import spell_out
from airflow_provider_wedata.api.errors import InvalidRequest, describe
from airflow_provider_wedata.connection.lookup import read_connection, unreadable
from airflow_provider_wedata.export.errors import BadPath, NotWritten
from airflow_provider_wedata.export.publish import LocalFile, StoredFile, check_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.export.publish import Place

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#]*)@)?")


def place_of(output_path: Any, conn_id: str | None, check: Callable[[], None]) -> Place:
    """Return the destination that the path names.

    :param conn_id: the connection of the object store; a local path needs none.
    :param check: called between the parts of an upload; an exception that it raises ends the upload.
    :raises InvalidRequest: if the path is empty or holds characters that no path may hold.
    :raises ConnectionUnreadable: if Airflow can't read the connection.
    :raises ExportError: if no file can be written there.
    """
    path_text = "" if output_path is None else str(output_path)
    if not path_text.strip():
        raise InvalidRequest("output_path", f"{output_path!r} is empty; expected a path or a URL")
    if spell_out(path_text) != path_text:
        problem = f"{describe(path_text)} is not a path; expected text without U+0000 and half surrogates"
        raise InvalidRequest("output_path", problem)
    url = _URL.match(path_text)
    scheme = url[1].lower() if url else "file"
    if scheme == "file":
        return LocalFile(path_text)
    check_scheme(path_text, scheme)
    conn_id = conn_id or (url and url[2]) or None
    missing = {
        "field": f"output_path: {path_text}",
        "advice": "create that connection, or name another before the @ or in object_storage_conn_id",
    }
    if conn_id:  # Without it, the amazon provider would take this machine's own credentials, and keep them.
        read_connection(BaseHook, conn_id, **missing)
    try:
        # Omitted rather than None: with None, Airflow 2 ignores a connection that the path names.
        path = ObjectStoragePath(path_text, **({"conn_id": conn_id} if conn_id else {}))
        return StoredFile(path_text, scheme, _opened(path_text, scheme, path), path.path, check)
    except AirflowNotFoundException as error:  # of the store's own provider
        raise unreadable(conn_id or f"{scheme}_default", error, **missing) from None


def _opened(path_text: str, scheme: str, path: Any) -> Any:
    try:
        return path.fs
    except AirflowNotFoundException:
        raise
    except (ImportError, ValueError) as error:
        extra = (
            "airflow-provider-wedata[s3]"
            if scheme.startswith("s3")
            else f"the Airflow provider that brings {scheme}://"
        )
        raise BadPath(
            path_text, f"no library for {scheme}:// is installed ({error}); install {extra}"
        ) from error
    except Exception as error:
        raise NotWritten(path_text, f"the store can't be opened: {type(error).__name__}: {error}") from error
