"""An object is stored completely or not at all, in a real store, over a real connection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from s3fs import S3FileSystem

from airflow_provider_wedata.export.errors import AlreadyThere, NotWritten
from airflow_provider_wedata.export.publish import StoredFile, published

if TYPE_CHECKING:
    from collections.abc import Callable

DYING = Path(__file__).parents[1] / "unit" / "export" / "dying.py"
#: Too large for one call: s3fs uploads it in parts.
LARGE = 17 << 20


class Stop(BaseException):
    pass


def stop() -> None:
    raise Stop


def place(store: Any, check: Callable[[], None] = lambda: None, bucket: str = "wedata") -> StoredFile:
    impatient = {"retries": {"max_attempts": 0}}
    files = S3FileSystem(
        key="k", secret="s", endpoint_url=store.endpoint, config_kwargs=impatient, skip_instance_cache=True
    )
    files.retries = 1
    return StoredFile(f"s3://{bucket}/a.jsonl", "s3", files, f"{bucket}/a.jsonl", check)


def write(
    there: StoredFile,
    data: bytes = b"new",
    *,
    replace: bool = True,
    meanwhile: Callable[[], object] = lambda: None,
) -> int:
    with published(there, replace=replace) as publication:
        publication.file.write(data)
        meanwhile()
    return publication.size


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory in which files are staged for their upload."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


class TestStore:
    @pytest.mark.parametrize("data", [b"", b"new", b"x" * LARGE], ids=["empty", "small", "in parts"])
    def test_takes_a_whole_file(self, store: Any, staging: Path, data: bytes) -> None:
        assert write(place(store), data) == len(data)
        assert (store.get("a.jsonl") == data, store.stored()) == (True, ["a.jsonl"])
        assert (store.uploads(), list(staging.iterdir())) == ([], [])

    def test_shows_nothing_before_and_nothing_after_an_error(self, store: Any, staging: Path) -> None:
        with pytest.raises(ZeroDivisionError):
            write(place(store), b"x" * LARGE, meanwhile=lambda: 1 / 0)
        assert (store.stored(), store.uploads(), list(staging.iterdir())) == ([], [], [])

    def test_keeps_the_old_one_until_then(self, store: Any) -> None:
        seen: list[bytes] = []
        write(place(store), b"old")
        write(place(store), b"new", meanwhile=lambda: seen.append(store.get("a.jsonl")))
        assert (seen, store.get("a.jsonl")) == ([b"old"], b"new")

    def test_keeps_what_is_not_to_be_replaced(self, store: Any) -> None:
        write(place(store), b"old")
        with pytest.raises(AlreadyThere):
            write(place(store), replace=False)
        assert store.get("a.jsonl") == b"old"

    def test_keeps_what_came_meanwhile(self, store: Any) -> None:
        with pytest.raises(AlreadyThere):
            write(place(store), replace=False, meanwhile=lambda: write(place(store), b"faster"))
        assert store.get("a.jsonl") == b"faster"

    def test_a_stop_during_the_upload_aborts_it(self, store: Any, staging: Path) -> None:
        write(place(store), b"old")
        with pytest.raises(Stop):
            write(place(store, stop), b"x" * LARGE)
        assert (store.get("a.jsonl"), store.uploads(), list(staging.iterdir())) == (b"old", [], [])

    def test_only_the_owner_can_read_the_staged_file(self, store: Any, staging: Path) -> None:
        modes: list[int] = []
        write(
            place(store), meanwhile=lambda: modes.extend(f.stat().st_mode & 0o777 for f in staging.iterdir())
        )
        assert modes == [0o600]


class TestLostStore:
    def test_a_bucket_that_is_not_there(self, store: Any, staging: Path) -> None:
        with pytest.raises(
            NotWritten, match=r"^s3://no-such/a\.jsonl: the store did not take the upload: .*bucket"
        ):
            write(place(store, bucket="no-such"))
        assert list(staging.iterdir()) == []

    def test_an_unreachable_store(self, staging: Path) -> None:
        class Gone:
            endpoint = "http://127.0.0.1:9"

        with pytest.raises(
            NotWritten, match=r"^s3://wedata/a\.jsonl: the store did not take the upload: .*127\.0\.0\.1:9"
        ):
            write(place(Gone))
        assert list(staging.iterdir()) == []


class TestKilled:
    @pytest.mark.parametrize(("before", "size", "moments"), [("old", LARGE, 10), ("nothing", 1000, 10)])
    def test_no_part_ever_and_the_next_run_succeeds(
        self, store: Any, before: str, size: int, moments: int
    ) -> None:
        command = [
            sys.executable,
            str(DYING),
            "s3",
            store.endpoint,
            before,
            "replace",
            str(moments),
            str(size),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        assert ran.stderr == ""
        deaths = [json.loads(line) for line in ran.stdout.splitlines()]
        assert len(deaths) >= moments
        assert {death["killed"] for death in deaths} == {9}
        assert {death["final"] for death in deaths} == {before, "new"}
        assert {death["left"] for death in deaths} == {0, 1}
        assert [(death["next"], death["then"], death["left then"], death["files"]) for death in deaths] == [
            (0, "next", 0, ["a.jsonl"]) for _ in deaths
        ]
