"""Reading each format returns what WeData sent: every row, in order, nulls as nulls."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.models import FIELD_NAMES
from airflow_provider_wedata.export.columns import COLUMNS
from airflow_provider_wedata.export.formats import COMPRESSIONS, FORMATS, Format
from airflow_provider_wedata.export.parquet import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOTHING: dict[str, Any] = dict.fromkeys(FIELD_NAMES)
HARD_TEXTS = [
    'say "no"',
    "a,b",
    "two\nlines",
    "carriage\rreturn",
    " edge ",
    "",
    "数据开发",
    "🚀",
    "NULL",
    "\\N",
]


def unpacked(data: bytes, compression: str | None) -> bytes:
    if compression == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return gzip.decompress(data) if compression else data


def table(data: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(data))


class TestColumns:
    def test_are_the_documented_fields_in_documented_order(self) -> None:
        assert tuple(column.name for column in COLUMNS) == FIELD_NAMES
        assert len(COLUMNS) == 25

    def test_have_the_documented_types(self) -> None:
        kinds = {column.name: column.kind for column in COLUMNS if column.kind != "text"}
        numbers = ["InstanceType", "TotalRunNum", "TaskTypeId", "TryLimit", "Tries", "CostTime"]
        times = ["StartTime", "EndTime", "SchedulerTime", "LastUpdateTime"]
        assert kinds == {
            **dict.fromkeys(numbers, "number"),
            **dict.fromkeys(times, "time"),
            "OwnerUinList": "texts",
        }


class TestJsonl:
    def test_a_line_is_the_row_as_wedata_gave_it(self, raw: Callable[..., Any], write: Any) -> None:
        rows = [raw(1, NewField={"deep": [1, None]}, TaskName="数据"), NOTHING, {"InstanceKey": "k"}]
        lines = write(rows).decode().splitlines()
        assert [json.loads(line) for line in lines] == rows
        assert [list(json.loads(line)) for line in lines] == [list(row) for row in rows]

    def test_text_is_legible(self, raw: Callable[..., Any], write: Any) -> None:
        assert '"TaskName":"数据开发"' in write([raw(TaskName="数据开发")]).decode()

    def test_half_a_surrogate_pair_survives(self, raw: Callable[..., Any], write: Any) -> None:
        row = raw(TaskName="cut \ud83d here")
        assert json.loads(write([row])) == row

    def test_chosen_fields_have_their_order_and_are_null_where_wedata_left_them_out(self, write: Any) -> None:
        line = write([{"InstanceKey": "k", "Extra": 1}], fields=["TaskName", "InstanceKey"])
        assert line == b'{"TaskName":null,"InstanceKey":"k"}\n'

    def test_no_rows_are_no_bytes(self, write: Any) -> None:
        assert write([]) == b""


class TestCsv:
    def read(self, data: bytes, path: Path) -> list[tuple[Any, ...]]:
        path.write_bytes(data)
        return duckdb.execute(
            "FROM read_csv($path, header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false)",
            {"path": str(path)},
        ).fetchall()

    def test_header_and_cells(self, raw: Callable[..., Any], write: Any) -> None:
        header, line = write([raw(1)], "csv").decode().splitlines()
        assert header == ",".join(FIELD_NAMES)
        assert line == (
            "1460947878944567296,20250714200130001_2026-03-01 00:30:00,f1,daily,"
            "1f0911b9-032e-4e4f-a564-69e4b871d7e2,daily_sales,20250714200130001,ads_sales_report,"
            '2026-03-01 00:30:00,COMPLETED,1,"[""100028448903"", ""100028448904""]",2,Shell,35,DAY_CYCLE,3,1,'
            "2026-03-01 00:30:05,2026-03-01 00:31:00,55000,2026-03-01 00:30:00,2026-03-01 00:31:00,g1,default"
        )

    def test_nulls_stay_nulls_and_empty_texts_empty(self, write: Any, tmp_path: Path) -> None:
        data = write([NOTHING, NOTHING | {"InstanceKey": "", "TaskName": ""}], "csv")
        empty = tuple("" if name in {"InstanceKey", "TaskName"} else None for name in FIELD_NAMES)
        assert self.read(data, tmp_path / "f.csv") == [(None,) * 25, empty]

    def test_hard_texts_come_back(self, raw: Callable[..., Any], write: Any, tmp_path: Path) -> None:
        data = write([raw(TaskName=text) for text in HARD_TEXTS], "csv", fields=["TaskName", "Tries"])
        assert self.read(data, tmp_path / "f.csv") == [(text, "1") for text in HARD_TEXTS]

    def test_unknown_fields_are_left_out(self, raw: Callable[..., Any], write: Any) -> None:
        assert write([raw(NewField=1)], "csv") == write([raw()], "csv")

    def test_a_time_with_its_own_offset_is_written_in_the_zone_of_the_others(
        self, raw: Callable[..., Any], write: Any
    ) -> None:
        row = raw(StartTime="2026-02-28T16:30:05+00:00")
        assert write([row], "csv", fields=["StartTime"]) == b"StartTime\n2026-03-01 00:30:05\n"

    def test_a_null_alone_in_its_line_is_still_a_line(self, write: Any) -> None:
        assert write([NOTHING, {"TaskName": "x"}], "csv", fields=["TaskName"]) == b'TaskName\n""\nx\n'

    def test_half_a_surrogate_pair_is_spelled_out(self, raw: Callable[..., Any], write: Any) -> None:
        assert write([raw(TaskName="\ud83d")], "csv", fields=["TaskName"]) == b"TaskName\n\\ud83d\n"

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(A1)", "'=1", "|a", "%0"])
    def test_what_a_spreadsheet_takes_for_a_formula_is_data(
        self, raw: Callable[..., Any], write: Any, text: str
    ) -> None:
        assert write([raw(TaskName=text)], "csv", fields=["TaskName"]) == f"TaskName\n{text}\n".encode()

    def test_no_rows_are_a_header(self, write: Any) -> None:
        assert write([], "csv") == (",".join(FIELD_NAMES) + "\n").encode()


class TestParquet:
    def test_types(self, write: Any) -> None:
        assert {field.name: str(field.type) for field in table(write([], "parquet")).schema} == {
            column.name: {
                "text": "string",
                "number": "int64",
                "texts": "list<element: string>",
                "time": "timestamp[us, tz=UTC]",
            }[column.kind]
            for column in COLUMNS
        }

    def test_values(self, raw: Callable[..., Any], write: Any) -> None:
        row = raw(1)
        times = {
            "StartTime": datetime(2026, 2, 28, 16, 30, 5, tzinfo=UTC),
            "EndTime": datetime(2026, 2, 28, 16, 31, tzinfo=UTC),
            "SchedulerTime": datetime(2026, 2, 28, 16, 30, tzinfo=UTC),
            "LastUpdateTime": datetime(2026, 2, 28, 16, 31, tzinfo=UTC),
        }
        assert table(write([row, NOTHING], "parquet")).to_pylist() == [row | times, NOTHING]

    def test_hard_texts_come_back(self, raw: Callable[..., Any], write: Any) -> None:
        read = table(write([raw(TaskName=text) for text in HARD_TEXTS], "parquet", fields=["TaskName"]))
        assert read.to_pydict() == {"TaskName": HARD_TEXTS}

    def test_half_a_surrogate_pair_is_spelled_out(self, raw: Callable[..., Any], write: Any) -> None:
        rows = [raw(TaskName="\ud83d", OwnerUinList=["\udc00"]), raw(TaskName=None)]
        read = table(write(rows, "parquet", fields=["TaskName", "OwnerUinList"]))
        owners = rows[1]["OwnerUinList"]
        assert read.to_pydict() == {"TaskName": ["\\ud83d", None], "OwnerUinList": [["\\udc00"], owners]}

    def test_row_groups_are_bounded_and_in_order(self, write: Any) -> None:
        keys = [str(number) for number in range(GROUP * 2 + 1)]
        data = write(({"InstanceKey": key} for key in keys), "parquet", fields=["InstanceKey"])
        groups = pq.ParquetFile(io.BytesIO(data)).metadata
        assert [groups.row_group(at).num_rows for at in range(groups.num_row_groups)] == [GROUP, GROUP, 1]
        assert table(data).to_pydict() == {"InstanceKey": keys}

    @pytest.mark.parametrize(
        ("compression", "codec"), [(None, "UNCOMPRESSED"), ("gzip", "GZIP"), ("zstd", "ZSTD")]
    )
    def test_compression_is_the_codec_of_the_columns(
        self, raw: Callable[..., Any], write: Any, compression: str | None, codec: str
    ) -> None:
        data = write([raw()], "parquet", compression)
        assert pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0).compression == codec


class TestEveryFormat:
    @pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
    @pytest.mark.parametrize("name", FORMATS)
    def test_the_same_rows_are_the_same_bytes(
        self, raw: Callable[..., Any], write: Any, name: str, compression: str | None
    ) -> None:
        rows = [raw(number) for number in range(1200)]
        assert write(rows, name, compression) == write(rows, name, compression)

    @pytest.mark.parametrize("compression", COMPRESSIONS)
    @pytest.mark.parametrize("name", ["jsonl", "csv"])
    def test_compressed_lines_are_the_lines(
        self, raw: Callable[..., Any], write: Any, name: str, compression: str
    ) -> None:
        rows = [raw(number) for number in range(1200)]
        assert unpacked(write(rows, name, compression), compression) == write(rows, name)

    def test_gzip_holds_neither_time_nor_name(self, write: Any) -> None:
        flags, mtime = write([], compression="gzip")[3], write([], compression="gzip")[4:8]
        assert (flags, mtime) == (0, bytes(4))

    @pytest.mark.parametrize("name", FORMATS)
    def test_rows_come_in_the_order_of_writing(
        self, raw: Callable[..., Any], write: Any, name: str, tmp_path: Path
    ) -> None:
        numbers = [3, 1, 2, *range(900, 100, -1)]
        (tmp_path / "f").write_bytes(write([raw(number) for number in numbers], name, fields=["TaskId"]))
        read = {"jsonl": "read_json", "csv": "read_csv", "parquet": "read_parquet"}[name]
        options = {"jsonl": ", columns = {TaskId: 'VARCHAR'}", "csv": ", all_varchar = true"}.get(name, "")
        found = duckdb.execute(f"FROM {read}('{tmp_path / 'f'}'{options})").fetchall()
        assert found == [(f"20250714200130{number:03}",) for number in numbers]


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            (("xml", None, None), "file_format: 'xml' is not known; expected jsonl or csv or parquet"),
            ((["csv"], None, None), "file_format: ['csv'] is not known; expected jsonl or csv or parquet"),
            (("csv", "bz2", None), "compression: 'bz2' is not known; expected gzip or zstd"),
            (("csv", "", None), "compression: '' is not known; expected gzip or zstd"),
            (("csv", None, ["TaskId", "TaskId"]), "fields: ['TaskId', 'TaskId'] names a field twice"),
        ],
    )
    def test_name_what_was_expected(self, parameters: Any, expected: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            Format.parse(*parameters)
        assert str(refused.value) == expected

    @pytest.mark.parametrize("fields", [["TaskId", "Nonsense"], "Nonsense", []])
    def test_fields_that_are_not_known(self, fields: Any) -> None:
        with pytest.raises(InvalidRequest, match=r"^fields: .* not known; expected some of ProjectId, Inst"):
            Format.parse("jsonl", None, fields)

    @pytest.mark.parametrize(
        ("name", "compression", "module", "expected"),
        [
            (
                "parquet",
                None,
                "pyarrow",
                "file_format: 'parquet' needs pyarrow, which is not installed here; install {}[parquet]",
            ),
            (
                "csv",
                "zstd",
                "zstandard",
                "compression: 'zstd' needs zstandard, which is not installed here; install {}[zstd]",
            ),
        ],
    )
    def test_a_missing_library_is_reported_with_its_extra(
        self, monkeypatch: pytest.MonkeyPatch, name: str, compression: str | None, module: str, expected: str
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)  # how Python marks a missing module
        with pytest.raises(InvalidRequest) as refused:
            Format.parse(name, compression, None).require()
        assert str(refused.value) == expected.format("airflow-provider-wedata")

    @pytest.mark.parametrize(
        ("name", "compression", "path", "expected"),
        [
            ("jsonl", None, "a.csv", "will hold jsonl, not compressed"),
            ("jsonl", None, "a.csv.gz", "will hold jsonl, not compressed"),
            ("csv", "gzip", "a.csv", "will hold csv, compressed as gzip"),
            ("csv", "zstd", "a.csv.gz", "will hold csv, compressed as zstd"),
            ("parquet", "zstd", "a.parquet.zst", "will hold parquet, not compressed"),
            ("jsonl", None, "s3://b/a.parquet", "will hold jsonl, not compressed"),
            ("csv", "gzip", "a.csv.gz", ""),
            ("parquet", "zstd", "a.parquet", ""),
            ("jsonl", "gzip", "a", ""),
            ("jsonl", None, "a.txt", ""),
            ("jsonl", "zstd", "a.bin.zst", ""),
        ],
    )
    def test_a_name_that_says_something_else_is_noticed(
        self, name: str, compression: str | None, path: str, expected: str
    ) -> None:
        assert expected == Format.parse(name, compression, None).misnamed(path)

    def test_the_libraries_are_loaded_by_their_formats_only(self) -> None:
        code = """
import io, sys
from airflow_provider_wedata.api.times import WireZone
from airflow_provider_wedata.export import formats, publish
for name in ("jsonl", "csv"):
    formats.Format.parse(name, "gzip", None).writer(io.BytesIO(), WireZone(8))
print(sorted({"pyarrow", "zstandard", "fsspec", "airflow", "requests"} & set(sys.modules)))
"""
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
        assert ran.stdout == "[]\n"
