"""The export operator against the emulator, over a socket, with faults of every kind."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from airflow.providers.common.compat import sdk
from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector
from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowFailException,
    AirflowSkipException,
    Asset,
    HookLineageCollector,
)
from airflow.utils.session import create_session

from airflow_provider_wedata.api.models import FIELD_NAMES
from airflow_provider_wedata.emulator import Emulator, SteppedClock, faults
from airflow_provider_wedata.exceptions import (
    WeDataApiError,
    WeDataConfigError,
    WeDataExportError,
    WeDataPermissionError,
)
from airflow_provider_wedata.export.progress import Progress
from airflow_provider_wedata.operators import wedata as operators
from airflow_provider_wedata.operators.wedata import WeDataExportTaskInstancesOperator
from tests.airflow.versions import NEWEST, AssetEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.usefixtures("wedata"),
    # Airflow's own, of `dag.test()`.
    pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient."),
]

CONNECTION = "AIRFLOW_CONN_WEDATA_DEFAULT"
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
PAGES = 4
#: Rows on four pages, none of which changes.
ROWS = 350

FAULTS = {
    "throttle": faults.throttle(),
    "reset": faults.reset(),
    "502": faults.http_status(502),
    "cut": faults.cut(),
    "unreadable": faults.not_json(),
    "slow": faults.slow(0.3),
}


@pytest.fixture
def wedata(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Give an emulator with four pages of instances that ended yesterday, as Airflow's connection."""
    with Emulator(clock=SteppedClock("2026-03-01 12:00:00"), limit=None) as wedata:
        for number in range(ROWS):
            hour, minute = divmod(number, 60)
            wedata.world.add(
                task_id=f"2025071420013{number:04}",
                task_name="数据" if number % 2 else "orders",
                schedule_time=f"2026-02-28 {hour:02}:{minute:02}:00",
                start_time=f"2026-02-28 {hour:02}:{minute:02}:05",
                end_time="2026-02-28 12:00:00",
                last_update_time="2026-02-28 12:00:00",
                state="COMPLETED",
                extra={"FieldOfTomorrow": number},
            )
        monkeypatch.setenv(CONNECTION, wedata.connection_json(requests_per_second=1000, retries=3))
        yield wedata


def export(path: Path | str, **parameters: Any) -> WeDataExportTaskInstancesOperator:
    return WeDataExportTaskInstancesOperator(task_id="export", output_path=str(path), **parameters)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


class TestFile:
    def test_holds_every_instance_once_in_order_with_fields_of_tomorrow(
        self, wedata: Emulator, tmp_path: Path
    ) -> None:
        export(tmp_path / "a").execute({})
        found = rows(tmp_path / "a")
        assert wedata.world.keys == [row["InstanceKey"] for row in found]
        assert list(range(ROWS)) == [row["FieldOfTomorrow"] for row in found]
        assert "2026-02-28 00:00:05" == found[0]["StartTime"]

    def test_summary(self, wedata: Emulator, tmp_path: Path) -> None:
        found = export(f"file://{tmp_path}/a", time_zone="UTC+5").execute({})
        assert 0 < found.pop("seconds")
        assert {
            "path": f"file://{tmp_path}/a",
            "rows": ROWS,
            "bytes": (tmp_path / "a").stat().st_size,
            "requests": len(wedata.requests),
            "throttled": 0,
            "time_zone": "UTC+5",
        } == found
        assert "2026-02-27 21:00:05" == rows(tmp_path / "a")[0]["StartTime"]

    @pytest.mark.parametrize("file_format", ["csv", "parquet"])
    def test_in_other_formats(self, tmp_path: Path, file_format: str) -> None:
        export(tmp_path / "a", file_format=file_format, compression="gzip", time_zone="UTC+5").execute({})
        data = (tmp_path / "a").read_bytes()
        if file_format == "csv":
            lines = gzip.decompress(data).decode().splitlines()
            assert [",".join(FIELD_NAMES), ROWS + 1] == [lines[0], len(lines)]
            assert ",2026-02-27 21:00:05," in lines[1]
        else:
            table = pq.read_table(io.BytesIO(data))
            assert [list(FIELD_NAMES), ROWS] == [table.column_names, table.num_rows]
            assert datetime(2026, 2, 27, 16, 0, 5, tzinfo=UTC) == table["StartTime"][0].as_py()

    def test_holds_chosen_fields_of_filtered_instances(self, wedata: Emulator, tmp_path: Path) -> None:
        export(tmp_path / "a", fields=["TaskName", "InstanceKey"], keyword="orders").execute({})
        wanted = [key for at, key in enumerate(wedata.world.keys) if not at % 2]
        assert [{"TaskName": "orders", "InstanceKey": key} for key in wanted] == rows(tmp_path / "a")


class TestOddValues:
    """In fields that decide nothing: written if the format allows them, else null and counted."""

    @pytest.fixture
    def odd(self, wedata: Emulator) -> str:
        values = {
            "CostTime": 2**63,
            "Tries": float("inf"),
            "EndTime": "0001-01-01 00:00:00",
            "TaskTypeId": "Shell",
        }
        wedata.world.add(task_name="odd", extra=values)
        wedata.world.add(task_name="odd", extra={"EndTime": "-"})
        return "odd"

    @pytest.mark.parametrize(
        ("file_format", "counts"),
        [
            ("csv", {"EndTime": 2, "TaskTypeId": 1, "Tries": 1}),
            ("parquet", {"CostTime": 1, "EndTime": 2, "TaskTypeId": 1, "Tries": 1}),
        ],
    )
    def test_are_counted_in_the_summary_and_the_log(
        self, tmp_path: Path, odd: str, log_text: Callable[[], str], file_format: str, counts: dict[str, int]
    ) -> None:
        found = export(tmp_path / "a", keyword=odd, file_format=file_format).execute({})
        assert [2, counts] == [found["rows"], found["unreadable"]]
        named = ", ".join(f"{name} {count}" for name, count in counts.items())
        assert (
            f"Values that can't be parsed are null in {tmp_path}/a: {named}; file_format='jsonl' keeps them"
            in log_text()
        )

    def test_are_texts_in_jsonl(self, tmp_path: Path, odd: str, log_text: Callable[[], str]) -> None:
        found = export(tmp_path / "a", keyword=odd).execute({})
        assert [False, False] == ["unreadable" in found, "can't be parsed" in log_text()]
        assert [2**63, "Infinity", "Shell"] == [
            rows(tmp_path / "a")[0][name] for name in ("CostTime", "Tries", "TaskTypeId")
        ]

    @pytest.mark.parametrize("file_format", ["csv", "parquet"])
    def test_none_is_an_empty_count_and_no_warning(
        self, tmp_path: Path, log_text: Callable[[], str], file_format: str
    ) -> None:
        found = export(tmp_path / "a", file_format=file_format).execute({})
        assert [{}, False] == [found["unreadable"], "can't be parsed" in log_text()]


class TestFaults:
    @pytest.fixture
    def untroubled(self, tmp_path: Path) -> bytes:
        export(tmp_path / "untroubled").execute({})
        return (tmp_path / "untroubled").read_bytes()

    @pytest.mark.parametrize("fault", FAULTS)
    def test_on_every_page_change_no_byte(
        self, wedata: Emulator, tmp_path: Path, untroubled: bytes, fault: str
    ) -> None:
        for page in range(1, PAGES + 1):
            wedata.faults.when(faults.on_page(page), FAULTS[fault], 1)
        summary = export(tmp_path / "a").execute({})
        assert untroubled == (tmp_path / "a").read_bytes()
        again = 0 if fault == "slow" else PAGES
        assert [2 * PAGES + again, PAGES + again] == [len(wedata.requests), summary["requests"]]
        assert summary["throttled"] == (PAGES if fault == "throttle" else 0)

    def test_that_do_not_end_publish_nothing(
        self, wedata: Emulator, tmp_path: Path, untroubled: bytes
    ) -> None:
        wedata.faults.when(faults.on_page(3), faults.error("FailedOperation"))
        with pytest.raises(WeDataApiError):
            export(tmp_path / "untroubled").execute({})
        assert [untroubled, ["untroubled"]] == [(tmp_path / "untroubled").read_bytes(), names(tmp_path)]

    def test_that_a_retry_cannot_fix_spend_none(self, wedata: Emulator, tmp_path: Path) -> None:
        wedata.faults.next(faults.error("UnauthorizedOperation"))
        with pytest.raises(WeDataPermissionError):
            export(tmp_path / "a").execute({})
        assert [] == names(tmp_path)


class TestIfExists:
    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        path = tmp_path / "a"
        path.write_text("old")
        return path

    def test_replace(self, old: Path) -> None:
        export(old).execute({})
        assert ROWS == len(rows(old))

    @pytest.mark.parametrize(
        ("choice", "error"), [("fail", WeDataConfigError), ("skip", AirflowSkipException)]
    )
    def test_fail_and_skip_send_no_request(
        self, wedata: Emulator, old: Path, choice: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error, match=f"^output_path: {old}: the file exists"):
            export(old, if_exists=choice).execute({})
        assert ["old", []] == [old.read_text(), wedata.requests]

    @pytest.mark.parametrize(
        ("choice", "error"), [("fail", WeDataConfigError), ("skip", AirflowSkipException)]
    )
    def test_a_file_that_came_meanwhile_stays(
        self, wedata: Emulator, tmp_path: Path, choice: str, error: type[Exception]
    ) -> None:
        wedata.between(lambda number: number == 2 and (tmp_path / "a").write_text("faster"))
        with pytest.raises(error, match=": the file exists; set if_exists="):
            export(tmp_path / "a", if_exists=choice).execute({})
        assert ["faster", ["a"]] == [(tmp_path / "a").read_text(), names(tmp_path)]

    @pytest.mark.parametrize("choice", ["fail", "skip"])
    def test_where_nothing_is_it_is_written(self, tmp_path: Path, choice: str) -> None:
        assert ROWS == export(tmp_path / "a", if_exists=choice).execute({})["rows"]


class TestIfEmpty:
    @pytest.mark.parametrize(("file_format", "size"), [("jsonl", 0), ("csv", 280)])
    def test_write(self, tmp_path: Path, file_format: str, size: int) -> None:
        found = export(tmp_path / "a", keyword="nothing", file_format=file_format).execute({})
        assert [0, size, size] == [found["rows"], found["bytes"], (tmp_path / "a").stat().st_size]

    @pytest.mark.parametrize(
        ("choice", "error"), [("fail", WeDataExportError), ("skip", AirflowSkipException)]
    )
    def test_fail_and_skip_leave_what_is_there(
        self, tmp_path: Path, choice: str, error: type[Exception]
    ) -> None:
        (tmp_path / "a").write_text("old")
        why = f"^if_empty: '{choice}', and there are no instances .*keyword nothing; {tmp_path}/a was not written"
        with pytest.raises(error, match=why):
            export(tmp_path / "a", keyword="nothing", if_empty=choice).execute({})
        assert ["old", ["a"]] == [(tmp_path / "a").read_text(), names(tmp_path)]

    @pytest.mark.parametrize("choice", ["fail", "skip"])
    def test_what_is_not_empty_is_written(self, tmp_path: Path, choice: str) -> None:
        assert ROWS == export(tmp_path / "a", if_empty=choice).execute({})["rows"]


class TestKill:
    """Page 3 takes a minute, so a stop that does not take effect at once would be noticed."""

    @pytest.fixture
    def waiting(self, wedata: Emulator, tmp_path: Path) -> WeDataExportTaskInstancesOperator:
        wedata.faults.when(faults.on_page(3), faults.slow(60))
        (tmp_path / "a").write_text("old")
        return export(tmp_path / "a")

    def test_from_another_thread(
        self, wedata: Emulator, tmp_path: Path, waiting: WeDataExportTaskInstancesOperator
    ) -> None:
        wedata.after(lambda received: received.params.get("PageNumber") == 4 and waiting.on_kill())
        with pytest.raises(
            WeDataExportError, match=f"^output_path: {tmp_path}/a: not written because the task was killed$"
        ):
            waiting.execute({})
        assert ["old", ["a"]] == [(tmp_path / "a").read_text(), names(tmp_path)]

    def test_by_a_signal_as_airflow_does(
        self, wedata: Emulator, tmp_path: Path, waiting: WeDataExportTaskInstancesOperator
    ) -> None:
        before = signal.signal(signal.SIGTERM, lambda *_: waiting.on_kill())
        wedata.after(
            lambda received: received.params.get("PageNumber") == 4 and os.kill(os.getpid(), signal.SIGTERM)
        )
        try:
            with pytest.raises(WeDataExportError, match="not written because the task was killed"):
                waiting.execute({})
        finally:
            signal.signal(signal.SIGTERM, before)
        assert ["old", ["a"]] == [(tmp_path / "a").read_text(), names(tmp_path)]

    def test_before_it_began(self, tmp_path: Path) -> None:
        operator = export(tmp_path / "a")
        operator.on_kill()
        with pytest.raises(WeDataExportError, match="not written because the task was killed"):
            operator.execute({})
        assert [] == names(tmp_path)


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"file_format": "xml"}, "file_format: 'xml' is not known; expected jsonl or csv or parquet"),
            ({"compression": "bz2"}, "compression: 'bz2' is not known; expected gzip or zstd"),
            ({"if_exists": "append"}, "if_exists: 'append' is not known; expected replace or fail or skip"),
            ({"if_empty": None}, "if_empty: None is not known; expected write or skip or fail"),
            ({"fields": ["TaskId", "Nonsense"]}, r"fields: \['Nonsense'\] not known; expected some of Proj"),
            ({"schedule_time_from": "2026-03-02", "schedule_time_to": "2026-03-01"}, "schedule_time"),
            ({"instance_type": "nonsense"}, "instance_type"),
        ],
    )
    def test_of_a_parameter_when_the_task_is_built(self, parameters: dict[str, Any], expected: str) -> None:
        with pytest.raises(WeDataConfigError, match=f"^{expected}"):
            export("/tmp/a", **parameters)  # noqa: S108 - nothing is written

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/no/such/a.jsonl", "/no/such/a.jsonl: its directory does not exist"),
            ("", "'' is empty; expected a path or a URL"),
            ("sftp://host/a.jsonl", "sftp://host/a.jsonl: sftp:// shows a file before it is complete"),
            ("s3://bucket", "s3://bucket: it names no object"),
            ("gs://bucket/a", "gs://bucket/a: no library for gs:// is installed"),
            (
                "https://me:geheim@host/a?sig=geheim#x",
                "https://host/a: https:// shows a file before it is complete",
            ),
            ("/no/\0a", r"'/no/\\x00a' is not a path; expected text without U\+0000 and half surrogates"),
            ("/no/\ud83d", r"'/no/\\ud83d' is not a path; expected text without U\+0000 and half surrogates"),
            ("/no/\udcff", r"'/no/\\udcff' is not a path; expected text without U\+0000 and half surrogates"),
        ],
    )
    def test_of_a_path_before_anything_is_sent(self, wedata: Emulator, path: str, expected: str) -> None:
        with pytest.raises(WeDataConfigError, match=f"^output_path: {expected}") as refused:
            export(path).execute({})
        assert [True, []] == [isinstance(refused.value, AirflowFailException), wedata.requests]

    def test_of_a_missing_library_before_anything_is_sent(
        self, wedata: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(WeDataConfigError, match=r"install airflow-provider-wedata\[parquet\]"):
            export(tmp_path / "a", file_format="parquet").execute({})
        assert [[], []] == [names(tmp_path), wedata.requests]


class OneEvent:
    """The outlet events of a task with one outlet; not a mapping, for not every Airflow can hash an asset."""

    def __init__(self, event: SimpleNamespace) -> None:
        self._event = event

    def __getitem__(self, _asset: Asset) -> SimpleNamespace:
        return self._event


class TestInAirflow:
    def test_the_summary_is_the_xcom_and_the_extra_of_the_outlets(
        self, tmp_path: Path, run_dag: Callable[..., Any]
    ) -> None:
        asset = Asset(uri=f"file://{tmp_path}/instances")
        with DAG("export", schedule=None, start_date=NOON) as dag:
            export(tmp_path / "{{ dag.dag_id }}-{{ 1 + 1 }}.jsonl", outlets=[asset])
        run = run_dag(dag, run_after=NOON, logical_date=None)
        xcom = run.get_task_instance("export").xcom_pull(task_ids="export")
        assert [f"{tmp_path}/export-2.jsonl", ROWS] == [xcom["path"], xcom["rows"]]
        assert ["export-2.jsonl"] == names(tmp_path)
        with create_session() as session:
            (event,) = session.query(AssetEvent).filter_by(source_dag_id="export").all()
            assert xcom == {name: event.extra[name] for name in xcom}

    def test_mapped_over_formats(self, tmp_path: Path, run_dag: Callable[..., Any]) -> None:
        with DAG("export_mapped", schedule=None, start_date=NOON) as dag:
            WeDataExportTaskInstancesOperator.partial(task_id="export", if_empty="fail").expand_kwargs(
                [{"file_format": name, "output_path": str(tmp_path / name)} for name in ("jsonl", "csv")]
            )
        run = run_dag(dag, run_after=NOON, logical_date=None)
        assert ["success"] * 2 == [task.state for task in run.get_task_instances()]
        assert ["csv", "jsonl"] == names(tmp_path)

    def test_lineage_names_source_and_destination(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        collector = HookLineageCollector()
        monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: collector)
        export(tmp_path / "a").execute({})
        found = get_hook_lineage_collector().collected_assets
        assert [["wedata://1460947878944567296/task_instances"], [f"file://{tmp_path}/a"]] == [
            [item.asset.uri for item in side] for side in (found.inputs, found.outputs)
        ]

    @pytest.mark.parametrize(
        ("name", "uri"), [("a#b?c.jsonl", "a%23b%3Fc.jsonl"), ("100%.jsonl", "100%25.jsonl")]
    )
    def test_lineage_quotes_the_name_of_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, uri: str
    ) -> None:
        collector = HookLineageCollector()
        monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: collector)
        export(tmp_path / name).execute({})
        (found,) = get_hook_lineage_collector().collected_assets.outputs
        assert f"file://{tmp_path}/{uri}" == found.asset.uri

    def test_lineage_that_fails_fails_no_export_that_is_published(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_text: Callable[[], str]
    ) -> None:
        collector = HookLineageCollector()
        monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: collector)
        directory = tmp_path.joinpath(*["d" * 200] * 8)
        directory.mkdir(parents=True)
        event = SimpleNamespace(extra={})
        operator = export(directory / "a", outlets=[Asset(uri="x://y")])
        found = operator.execute({"outlet_events": OneEvent(event)})
        assert [ROWS, ["a"], found] == [found["rows"], names(directory), event.extra]
        if NEWEST:  # older Airflows take a name of any length, or drop one that is too long in silence
            assert "/a is incomplete: Asset name cannot exceed 1500 characters" in log_text()

    def test_progress_is_logged(
        self, tmp_path: Path, log_text: Callable[[], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(operators, "Progress", partial(Progress, every=0))
        export(tmp_path / "a").execute({})
        log = log_text()
        assert re.search(rf"\b{ROWS} of {ROWS} rows, \d+ rows/s, 0 throttled, 0 s left\b", log)
        assert re.search(
            rf"\bWrote {tmp_path}/a in [\d.]+ s; rows: {ROWS}, bytes: \d+, requests: 4, throttled: 0\b", log
        )
