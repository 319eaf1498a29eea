"""Memory used by a whole export, reading and writing: the operator against an emulator with many rows.

    python tests/bench/export_whole.py [--rows 10000 1000000] [--formats jsonl csv parquet]

The emulator runs in a process of its own, without rate limit and latency. So does each export, which prints its
highest resident size (VmHWM, on Linux). A million rows take a few minutes each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = """
import sys
from airflow_provider_wedata.emulator import Emulator, scenarios
wedata = Emulator(limit=None)
scenarios.large(wedata.world, count=int(sys.argv[1]), days=90)
with wedata:
    print(wedata.connection_json(requests_per_second=1000), flush=True)
    sys.stdin.read()
"""
EXPORT = """
import json, sys
from pathlib import Path
from airflow_provider_wedata.operators.wedata import WeDataExportTaskInstancesOperator
task = WeDataExportTaskInstancesOperator(task_id="export", output_path=sys.argv[1], file_format=sys.argv[2])
done = task.execute({})
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print("PEAK", json.dumps({**done, "peak": int(peak.split()[1]) / 1024}))
"""


@contextmanager
def emulator(rows: int) -> Iterator[str]:
    """Yield the connection to an emulator with this many rows."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SERVE, str(rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        yield server.stdout.readline()
        server.communicate()


def export(connection: str, form: str) -> str:
    """Export everything and return a line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", EXPORT, str(Path(folder, "all")), form],
            env={**os.environ, "AIRFLOW_HOME": folder, "AIRFLOW_CONN_WEDATA_DEFAULT": connection},
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode:
        return ran.stderr[-2000:]
    done = json.loads(next(line[5:] for line in ran.stdout.splitlines() if line.startswith("PEAK ")))
    size, peak = done["bytes"] / 2**20, done["peak"]
    return (
        f"{form:8}{done['rows']:>11,}{done['requests']:>10,}{done['seconds']:>9.1f}{size:>9.0f}{peak:>10.1f}"
    )


def main() -> None:
    """Print the table."""
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    line.add_argument("--formats", nargs="+", default=["jsonl", "csv", "parquet"])
    options = line.parse_args()
    print(f"{'format':8}{'rows':>11}{'requests':>10}{'seconds':>9}{'MB':>9}{'peak MB':>10}", flush=True)
    for rows in options.rows:
        with emulator(rows) as connection:
            for form in options.formats:
                print(export(connection, form), flush=True)


if __name__ == "__main__":
    main()
