"""From what a user names as `output_path` to a place for a file. Knows Airflow and its object stores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, ObjectStoragePath

from airflow_provider_wedata.api.body import spell_out
from airflow_provider_wedata.api.errors import InvalidRequest, describe
from airflow_provider_wedata.export.errors import BadPath, NotWritten
from airflow_provider_wedata.export.publish import LocalFile, StoredFile, check_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_wedata.export.publish import Place

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def place_of(output_path: Any, conn_id: str | None, check: Callable[[], None]) -> Place:
    """Return the place that the path names.

    :param conn_id: the connection of its object store; a local path needs none.
    :param check: called between the parts of an upload; what it raises ends it.
    :raises InvalidRequest: if it is empty.
    :raises ExportError: if no file can be there.
    """
    told = "" if output_path is None else str(output_path)
    if not told.strip():
        raise InvalidRequest("output_path", f"{output_path!r} is empty; expected a path or a URL")
    if spell_out(told) != told:
        problem = f"{describe(told)} is no path; expected text without U+0000 and half surrogates"
        raise InvalidRequest("output_path", problem)
    url = _URL.match(told)
    scheme = url[1].lower() if url else "file"
    if scheme == "file":
        return LocalFile(told)
    check_scheme(told, scheme)
    # Not given as None: Airflow 2 would then overlook a connection that is named in the path.
    path = ObjectStoragePath(told, **({"conn_id": conn_id} if conn_id else {}))
    return StoredFile(told, scheme, _opened(told, scheme, path), path.path, check)


def _opened(told: str, scheme: str, path: Any) -> Any:
    try:
        return _files(path)
    except (ImportError, ValueError) as error:
        extra = (
            "airflow-provider-wedata[s3]"
            if scheme.startswith("s3")
            else f"the Airflow provider that brings {scheme}://"
        )
        raise BadPath(
            told, f"no library for {scheme}:// is installed here ({error}); install {extra}"
        ) from error
    except AirflowNotFoundException as error:
        raise BadPath(
            told,
            f"{error}; create that connection, or name another before the @ or in object_storage_conn_id",
        ) from error
    except Exception as error:
        raise NotWritten(told, f"its store can't be opened: {type(error).__name__}: {error}") from error


def _files(path: Any) -> Any:
    # Without such a connection, the amazon provider would take this machine's own credentials.
    # Airflow 3 has it as an attribute, Airflow 2 among the options.
    if conn_id := getattr(path, "conn_id", None) or path.storage_options.get("conn_id"):
        BaseHook.get_connection(conn_id)
    return path.fs
