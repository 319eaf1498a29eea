"""Memory used by writing an export: prints the peak for each format and number of rows.

    python tests/bench/export_memory.py [rows ...]

Each figure is from a process of its own: its highest resident size (VmHWM, on Linux; `ru_maxrss` of other systems
would include the parent's if that is higher). Rows come from a generator, each parsed from JSON as in a page, so
only the writer can accumulate memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.models import TaskInstance
from airflow_provider_wedata.api.times import WireZone
from airflow_provider_wedata.export.formats import FORMATS, Format
from airflow_provider_wedata.export.publish import LocalFile, published

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (10_000, 176_022, 1_000_000)
CODECS = (None, "gzip", "zstd")
ZONE = WireZone(8)
ROW = """{"ProjectId":"1460947878944567296","InstanceKey":"%(id)s_2026-03-01 %(time)s",
"FolderId":"a1eb11e9-6f1a-11ed-8909-bc97e105ba60","FolderName":"默认文件夹",
"WorkflowId":"1f0911b9-032e-4e4f-a564-69e4b871d7e2","WorkflowName":"daily_sales","TaskId":"%(id)s",
"TaskName":"load_orders_%(id)s","CurRunDate":"2026-03-01 %(time)s","InstanceState":"COMPLETED",
"InstanceType":1,"OwnerUinList":["100039182306"],"TotalRunNum":1,"TaskType":"Shell","TaskTypeId":35,
"CycleType":"DAY_CYCLE","TryLimit":5,"Tries":1,"StartTime":"2026-03-01 %(time)s",
"EndTime":"2026-03-01 23:59:59","CostTime":%(cost)d,"SchedulerTime":"2026-03-01 %(time)s",
"LastUpdateTime":"2026-03-01 23:59:59","ExecutorGroupId":"20240222212719833743",
"ExecutorGroupName":"default_group"}"""


def rows(count: int) -> Iterator[TaskInstance]:
    for number in range(count):
        minutes, second = divmod(number * 7919 % 86400, 60)
        values = {
            "id": 20250714200130106 + number,
            "time": f"{minutes // 60:02}:{minutes % 60:02}:{second:02}",
            "cost": number * 31 % 100_000,
        }
        yield TaskInstance.parse(json.loads(ROW % values), ZONE)


def measure(name: str, codec: str | None, count: int) -> str:
    """Write this many rows; return peak megabytes, seconds and the file's megabytes, as text."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        with published(LocalFile(str(Path(folder, "a")))) as publication:
            writer = Format.parse(name, codec, None).writer(publication.file, ZONE)
            for row in rows(count):
                writer.write(row)
            writer.finish()
        size = publication.size
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return f"{peak:.1f} {time.monotonic() - began:.1f} {size / 1e6:.1f}"


def main(sizes: list[int]) -> None:
    print(
        "| format | codec | rows | peak MB | growth MB | seconds | file MB |\n|---|---|---|---|---|---|---|"
    )
    for name in FORMATS:
        for codec in CODECS:
            first = None
            for count in sizes:
                command = [sys.executable, __file__, name, codec or "", str(count)]
                ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
                peak, seconds, size = map(float, ran.stdout.split())
                first = peak if first is None else first
                figures = f"{count:,} | {peak:.1f} | {peak - first:+.1f} | {seconds:.1f} | {size:.1f}"
                print(f"| {name} | {codec or '-'} | {figures} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in FORMATS:
        print(measure(sys.argv[1], sys.argv[2] or None, int(sys.argv[3])))
    else:
        main([int(size) for size in sys.argv[1:]] or list(SIZES))
