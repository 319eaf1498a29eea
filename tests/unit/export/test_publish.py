"""The final name holds the previous file or the complete new one, whatever happens to the writer."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.models import TaskInstance
from airflow_provider_wedata.api.times import WireZone
from airflow_provider_wedata.export.errors import AlreadyThere, BadPath, ExportError, NotWritten
from airflow_provider_wedata.export.formats import Format
from airflow_provider_wedata.export.publish import LocalFile, StoredFile, published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DYING = Path(__file__).with_name("dying.py")


def write(
    path: Path | str,
    data: bytes = b"new",
    *,
    replace: bool = True,
    meanwhile: Callable[[], object] = lambda: None,
) -> int:
    with published(LocalFile(str(path)), replace=replace) as publication:
        publication.file.write(data)
        meanwhile()
    return publication.size


def write_noise(path: Path, form: Format, raw: Callable[..., Any]) -> None:
    """Write rows that do not compress."""
    with published(LocalFile(str(path))) as publication:
        writer = form.writer(publication.file, WireZone(8))
        for number in range(30_000):
            noise = {"InstanceKey": os.urandom(20).hex()}
            writer.write(TaskInstance.parse(raw(number % 1000) | noise, WireZone(8)))
        writer.finish()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


class TestPublished:
    def test_the_file_is_there_after_the_block_and_not_before(self, tmp_path: Path) -> None:
        final = tmp_path / "a.jsonl"
        with published(LocalFile(str(final))) as publication:
            publication.file.write(b"new")
            publication.file.flush()
            assert not final.exists()
        assert (final.read_bytes(), publication.size, names(tmp_path)) == (b"new", 3, ["a.jsonl"])

    def test_an_error_in_the_block_changes_nothing(self, tmp_path: Path) -> None:
        final = tmp_path / "a.jsonl"
        final.write_bytes(b"old")
        with pytest.raises(ZeroDivisionError):
            write(final, meanwhile=lambda: 1 / 0)
        assert (final.read_bytes(), names(tmp_path)) == (b"old", ["a.jsonl"])

    def test_a_file_url_is_a_path(self, tmp_path: Path) -> None:
        write(f"file://{tmp_path}/a.jsonl")
        assert names(tmp_path) == ["a.jsonl"]

    def test_a_path_may_be_relative(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write("a.jsonl")
        assert names(tmp_path) == ["a.jsonl"]

    def test_a_symbolic_link_stays_one(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        (tmp_path / "link").symlink_to("there/a.jsonl")
        write(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "a.jsonl").read_bytes() == b"new"

    def test_a_new_file_has_the_usual_rights_and_a_replaced_one_keeps_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "old").write_bytes(b"old")
        (tmp_path / "old").chmod(0o664)
        before = os.umask(0o027)
        try:
            write(tmp_path / "old")
            write(tmp_path / "new")
        finally:
            os.umask(before)
        modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("old", "new")]
        assert modes == [0o664, 0o640]

    @pytest.mark.parametrize("name", ["x" * 255, "数" * 85, "a b'\"*[0-9]{2}.jsonl"])
    def test_any_name_that_a_file_can_have(self, tmp_path: Path, name: str) -> None:
        write(tmp_path / name)
        assert names(tmp_path) == [name]


class TestNotReplaced:
    def test_a_file_that_is_there_stays_and_nothing_is_begun(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old")
        with pytest.raises(AlreadyThere) as refused:
            write(tmp_path / "a", replace=False)
        assert str(refused.value) == (f"{tmp_path}/a: the file exists; set if_exists='replace' to replace it")
        assert (tmp_path / "a").read_bytes() == b"old"

    def test_nor_is_one_replaced_that_came_meanwhile(self, tmp_path: Path) -> None:
        with pytest.raises(AlreadyThere):
            write(tmp_path / "a", replace=False, meanwhile=lambda: (tmp_path / "a").write_bytes(b"faster"))
        assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"faster", ["a"])

    def test_where_nothing_is_the_file_is_written(self, tmp_path: Path) -> None:
        assert (write(tmp_path / "a", replace=False), names(tmp_path)) == (3, ["a"])


class TestLeftovers:
    def leave(self, directory: Path, final: str) -> str:
        """Leave what a killed writer of this name leaves."""
        path = directory / f".{final}.0123456789abcdef.part"
        path.write_bytes(b"par")
        return path.name

    def test_of_the_same_name_are_removed_and_no_others(self, tmp_path: Path) -> None:
        self.leave(tmp_path, "a.jsonl")
        others = ["b.jsonl", "a.jsonl.gz", "xa.jsonl", "a_jsonl", "A.jsonl", "a.jsonl.0123456789abcdef"]
        neighbors = [self.leave(tmp_path, name) for name in others]
        like_one = [".a.jsonl.part", ".a.jsonl.0123456789ABCDEF.part", "a.jsonl.0123456789abcdef.part"]
        for name in like_one:
            (tmp_path / name).touch()
        write(tmp_path / "a.jsonl")
        assert names(tmp_path) == sorted(["a.jsonl", *neighbors, *like_one])

    def test_a_living_writers_file_is_no_leftover(self, tmp_path: Path) -> None:
        final = tmp_path / "a"
        with published(LocalFile(str(final))) as slow:
            slow.file.write(b"slow")
            write(final, b"fast")
            assert final.read_bytes() == b"fast"
        assert (final.read_bytes(), names(tmp_path)) == (b"slow", ["a"])

    def test_a_link_with_a_leftovers_name_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_bytes(b"precious")
        (tmp_path / ".a.0123456789abcdef.part").symlink_to("precious")
        write(tmp_path / "a")
        assert (tmp_path / "precious").read_bytes() == b"precious"

    def test_a_leftover_that_another_writer_is_removing_is_left_to_it(self, tmp_path: Path) -> None:
        name = self.leave(tmp_path, "a")
        with (tmp_path / name).open("r+b") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            write(tmp_path / "a")
            assert names(tmp_path) == [name, "a"]


class TestKilled:
    """With SIGKILL, at one line of publishing after the other, some of them during a write."""

    @pytest.mark.parametrize(
        ("before", "how", "moments"),
        [("old", "replace", 1000), ("nothing", "replace", 25), ("nothing", "keep", 50)],
    )
    def test_no_part_ever_and_the_next_run_succeeds(
        self, tmp_path: Path, before: str, how: str, moments: int
    ) -> None:
        neighbor = ".a.jsonl.gz.0123456789abcdef.part"
        (tmp_path / neighbor).write_bytes(b"par")
        with published(LocalFile(str(tmp_path / "a.jsonl"))) as living:
            living.file.write(b"living")
            clean = sorted([*names(tmp_path), "a.jsonl"])
            command = [sys.executable, str(DYING), "local", str(tmp_path), before, how, str(moments)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        deaths = [json.loads(line) for line in ran.stdout.splitlines()]
        assert len(deaths) > 20
        assert {death["killed"] for death in deaths} == {9}
        assert {death["final"] for death in deaths} == {before, "new"}
        assert {death["left"] for death in deaths} == {1, 2}  # one belongs to the living writer
        nexts = [death for death in deaths if "next" in death]
        assert [(death["next"], death["then"], death["files"]) for death in nexts] == [
            (0, "next", clean) for _ in nexts
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("{0}", "it is a directory; name a file in it"),
            ("{0}/new/", "it is a directory; name a file in it"),
            (
                "{0}/no/such/a.jsonl",
                (
                    "its directory does not exist, and exports create none; check the path for a typo "
                    "(No such file or directory)"
                ),
            ),
            ("{0}/file/a.jsonl", "a part of it is a file, not a directory (Not a directory)"),
            ("{0}/circle", "its symbolic links form a loop (Too many levels of symbolic links)"),
            ("{0}/fifo", "it is not a regular file, and the export would replace it"),
            ("/dev/null", "it is not a regular file, and the export would replace it"),
            ("{0}/" + "x" * 256, "it is too long (File name too long)"),
            ("{0}/a\0b", "not a valid path: embedded null byte"),
            ("", "it is a directory; name a file in it"),
            (
                "file:relative",
                "not a valid path: expected an absolute path after file://, such as file:///data/instances.jsonl",
            ),
        ],
    )
    def test_of_a_path_name_it_and_the_reason(self, tmp_path: Path, path: str, reason: str) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "circle").symlink_to("circle")
        os.mkfifo(tmp_path / "fifo")
        path = path.format(tmp_path)
        with pytest.raises(BadPath) as refused:
            write(path)
        assert str(refused.value) == f"{path}: {reason}"

    def test_no_permission_to_write(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with as_nobody(), pytest.raises(BadPath) as refused:
            write(tmp_path / "a")
        assert str(refused.value) == f"{tmp_path}/a: no permission to write there (Permission denied)"

    @pytest.mark.parametrize("scheme", ["sftp", "hdfs", "http", "memory", "nonsense"])
    def test_a_store_that_shows_parts(self, scheme: str) -> None:
        with pytest.raises(
            BadPath, match=rf"^{scheme}://b/k: {scheme}:// shows a file before it is complete"
        ):
            StoredFile(f"{scheme}://b/k", scheme, None, "b/k")

    @pytest.mark.parametrize(("url", "path"), [("s3://b", "b"), ("s3://b/", "b/"), ("s3://b/k/", "b/k/")])
    def test_a_url_without_an_object(self, url: str, path: str) -> None:
        with pytest.raises(BadPath, match=f"^{url}: it names no object; expected a bucket and a key$"):
            StoredFile(url, "s3", None, path).begin()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run as a user without permissions: root may write anywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Limit the size of a file to 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestFullDisk:
    @pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
    @pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
    @pytest.mark.usefixtures("full_disk")
    def test_is_reported_and_leaves_nothing(
        self, tmp_path: Path, raw: Callable[..., Any], name: str, compression: str | None
    ) -> None:
        final = tmp_path / "a"
        final.write_bytes(b"old")
        with pytest.raises(NotWritten) as failed:
            write_noise(final, Format.parse(name, compression, None), raw)
        assert str(failed.value) == f"{final}: not written: File too large"
        assert (final.read_bytes(), names(tmp_path)) == (b"old", ["a"])

    def test_that_is_really_full(self, tmp_path: Path) -> None:
        if not shutil.which("unshare"):
            pytest.skip("needs unshare, to mount a small disk")
        code = (
            "import sys; from airflow_provider_wedata.export.publish import LocalFile, published\n"
            "with published(LocalFile(sys.argv[1])) as publication: publication.file.write(bytes(1 << 20))\n"
        )
        script = (
            f'mount -t tmpfs -o size=64k none "$1" || exit 7; "{sys.executable}" -c "$2" "$1/a"; ls -A "$1"'
        )
        command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), code]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ran.returncode:
            pytest.skip("may not mount a small disk here")
        assert f"NotWritten: {tmp_path}/a: not written: No space left on device" in ran.stderr
        assert ran.stdout == ""


def test_every_error_is_an_export_error() -> None:
    assert {BadPath.__base__, AlreadyThere.__base__, NotWritten.__base__} == {ExportError}
