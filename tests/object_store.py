"""An object store on localhost: moto's S3 server, in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Store:
    """The server, with an empty bucket `wedata`."""

    endpoint: str

    @cached_property
    def client(self) -> Any:
        import botocore.session  # noqa: PLC0415 - most tests have no store

        session = botocore.session.get_session()
        session.set_credentials("k", "s")
        return session.create_client("s3", endpoint_url=self.endpoint, region_name="us-east-1")

    @property
    def connection(self) -> str:
        """An Airflow connection to it, as JSON."""
        extra = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return json.dumps({"conn_type": "aws", "login": "k", "password": "s", "extra": extra})

    def get(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket="wedata", Key=key)["Body"].read()
        return data

    def stored(self) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket="wedata").get("Contents", [])]

    def uploads(self) -> list[str]:
        """Return the keys of uploads that were neither completed nor aborted."""
        return [
            item["Key"] for item in self.client.list_multipart_uploads(Bucket="wedata").get("Uploads", [])
        ]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise TimeoutError("the object store did not start")


@pytest.fixture
def store(server: str) -> Iterator[Store]:
    opened = Store(server)
    opened.client.create_bucket(Bucket="wedata")
    yield opened
    for upload in opened.client.list_multipart_uploads(Bucket="wedata").get("Uploads", []):
        opened.client.abort_multipart_upload(Bucket="wedata", Key=upload["Key"], UploadId=upload["UploadId"])
    for key in opened.stored():
        opened.client.delete_object(Bucket="wedata", Key=key)
    opened.client.delete_bucket(Bucket="wedata")
