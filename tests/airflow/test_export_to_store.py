"""An export to an object store, through an Airflow connection, against an S3 server."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.secrets.environment_variables import EnvironmentVariablesBackend

from airflow_provider_wedata.emulator import Emulator, faults
from airflow_provider_wedata.exceptions import (
    WeDataAuthError,
    WeDataConfigError,
    WeDataConnectionError,
    WeDataExportError,
)
from airflow_provider_wedata.operators.wedata import WeDataExportTaskInstancesOperator

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 250
CONNECTION = "AIRFLOW_CONN_COS"


@pytest.fixture
def wedata(wedata_connection: Emulator) -> Emulator:
    for number in range(ROWS):
        wedata_connection.world.add(task_id=f"2025071420013{number:04}", state="COMPLETED")
    return wedata_connection


@pytest.fixture(autouse=True)
def staging(store: Any, wedata: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the store Airflow's connection `cos`, and give the directory in which uploads are staged."""
    monkeypatch.setenv(CONNECTION, store.connection)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def export(path: str, **parameters: Any) -> dict[str, Any]:
    operator = WeDataExportTaskInstancesOperator(task_id="export", output_path=path, **parameters)
    summary: dict[str, Any] = operator.execute({})
    return summary


@pytest.mark.parametrize(
    ("path", "conn_id"), [("s3://wedata/a/b.parquet", "cos"), ("s3://cos@wedata/a/b.parquet", None)]
)
def test_the_connection_is_named_beside_the_path_or_in_it(
    store: Any, staging: Path, path: str, conn_id: str | None
) -> None:
    found = export(path, file_format="parquet", object_storage_conn_id=conn_id)
    data = store.get("a/b.parquet")
    assert [path, ROWS, len(data)] == [found["path"], found["rows"], found["bytes"]]
    assert pq.read_table(io.BytesIO(data)).num_rows == ROWS
    assert list(staging.iterdir()) == []


def test_a_failed_read_changes_nothing(store: Any, staging: Path, wedata: Emulator) -> None:
    export("s3://cos@wedata/a")
    before = store.get("a")
    wedata.faults.when(faults.on_page(2), faults.error("AuthFailure.SignatureFailure"))
    with pytest.raises(WeDataAuthError):
        export("s3://cos@wedata/a")
    assert [before, ["a"], [], []] == [
        store.get("a"),
        store.stored(),
        store.uploads(),
        list(staging.iterdir()),
    ]


def test_an_object_that_is_there_is_kept(store: Any, wedata: Emulator) -> None:
    store.client.put_object(Bucket="wedata", Key="a", Body=b"old")
    with pytest.raises(WeDataConfigError, match=r"^output_path: s3://cos@wedata/a: the file exists"):
        export("s3://cos@wedata/a", if_exists="fail")
    assert [b"old", []] == [store.get("a"), wedata.requests]


def test_a_missing_bucket_is_reported(staging: Path) -> None:
    with pytest.raises(
        WeDataExportError, match=r"^output_path: s3://cos@no-such/a: the store did not take the upload: .*bu"
    ):
        export("s3://cos@no-such/a")
    assert list(staging.iterdir()) == []


def test_a_missing_connection_is_reported(wedata: Emulator) -> None:
    assert "AIRFLOW_CONN_NOBODY" not in os.environ
    with pytest.raises(
        WeDataConnectionError, match=r"^output_path: s3://wedata/a: .*nobody.*; create that connection"
    ) as caught:
        export("s3://wedata/a", object_storage_conn_id="nobody")
    assert not isinstance(caught.value, AirflowFailException)
    assert wedata.requests == []


@pytest.mark.parametrize(("path", "conn_id"), [("s3://wedata/a", "cos"), ("s3://cos@wedata/a", None)])
def test_a_secrets_backend_that_fails_for_the_stores_connection_ends_no_export_for_good(
    path: str, conn_id: str | None, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(EnvironmentVariablesBackend, "get_conn_value", lambda *_, **__: 1 / 0)
        with pytest.raises(WeDataConnectionError, match="there is no connection 'cos'") as caught:
            export(path, object_storage_conn_id=conn_id)
    assert not isinstance(caught.value, AirflowFailException)
    assert ROWS == export(path, object_storage_conn_id=conn_id)["rows"]
    assert ROWS == len(store.get("a").splitlines())
