"""How fast a list is read, compared to a loop over the SDK: `python tests/bench/reading_speed.py [--all]`.

The emulator runs in a process of its own, with a strict limit of 20 requests in any second. The least time is that
of all pages at the limit. CPU is that of this process, per request.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.wedata.v20250806 import models
from tencentcloud.wedata.v20250806.wedata_client import WedataClient

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.client import Client
from airflow_provider_wedata.api.credentials import Credentials
from airflow_provider_wedata.api.exchange import Channel
from airflow_provider_wedata.api.query import InstanceQuery
from airflow_provider_wedata.api.times import TimeWindow, Zone
from airflow_provider_wedata.api.transport import Transport
from airflow_provider_wedata.emulator.emulator import REGION, SECRET_ID, SECRET_KEY
from airflow_provider_wedata.emulator.instance import PROJECT_ID
from airflow_provider_wedata.listing.reader import ConcurrentReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT, PAGE = 20, 100
#: Days to read, of the 90 that the emulator has.
DAYS = 10.2


@dataclass(frozen=True)
class Result:
    """The cost of one way of reading."""

    rows: int
    requests: int
    throttled: int
    seconds: float
    cpu: float

    def line(self, name: str) -> str:
        """Return the result as a line of the table."""
        speed, least = self.rows / self.seconds, -(-self.rows // PAGE) / LIMIT
        return (
            f"{name:28}{self.rows:>9,}{self.requests:>10,}{self.throttled:>11,}{self.seconds:>9.1f}"
            f"{self.seconds / least:>8.2f}{speed:>8,.0f}{speed / (LIMIT * PAGE):>9.0%}"
            f"{1000 * self.cpu / self.requests:>10.1f}"
        )


HEAD = (
    f"{'':28}{'rows':>9}{'requests':>10}{'throttled':>11}{'seconds':>9}{'x least':>8}{'rows/s':>8}"
    f"{'of limit':>9}{'CPU ms':>10}"
)


def ours(host: str, since: datetime | None) -> tuple[int, int, int]:
    """Read with `ConcurrentReader`."""
    channel = Channel(
        host=host,
        region=REGION,
        credentials=Credentials(SECRET_ID, SECRET_KEY),
        budget=registry.budgets(host, SECRET_ID, LIMIT),
    )
    query = InstanceQuery(project_id=PROJECT_ID, zone=Zone("UTC+8"), schedule=TimeWindow(since))
    with ConcurrentReader(Client(channel, Transport(f"http://{host}")), query) as reading:
        rows = sum(1 for _ in reading)
    return rows, reading.requests, reading.throttled


def the_sdks(host: str, since: datetime | None) -> tuple[int, int, int]:
    """Read with a loop over the official SDK, as in its samples: one page after the other."""
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=host))
    client = WedataClient(Credential(SECRET_ID, SECRET_KEY), REGION, profile)
    request = models.ListTaskInstancesRequest()
    request.ProjectId, request.PageSize, request.SortColumn, request.SortType = (
        PROJECT_ID,
        PAGE,
        "SCHEDULE_DATE",
        "ASC",
    )
    if since:
        request.ScheduleTimeFrom = Zone("UTC+8").wire.write(since)
    rows, page = [], 0
    while True:
        page += 1
        request.PageNumber = page
        data = client.ListTaskInstances(request).Data
        rows += data.Items
        if not data.Items or len(rows) >= data.TotalCount:
            return len(rows), page, 0


def measured(way: Callable[[str, datetime | None], tuple[int, int, int]], host: str, days: float) -> Result:
    """Measure one way of reading, after a pause for the rate limit."""
    time.sleep(1)
    since = datetime.now(UTC) - timedelta(days=days) if days else None
    start, cpu = time.monotonic(), time.process_time()
    rows, requests, throttled = way(host, since)
    return Result(rows, requests, throttled, time.monotonic() - start, time.process_time() - cpu)


def picture(results: dict[str, Result], latency_ms: int) -> str:
    """Return an SVG bar chart of rows per second, with a line at the limit."""
    width, step, full = 760, 44, 470
    bars = []
    for at, (name, result) in enumerate(results.items()):
        speed, y = result.rows / result.seconds, 58 + at * step
        long = full * speed / (LIMIT * PAGE)
        color = "#9aa5b1" if "SDK" in name else "#0052d9"
        bars.append(
            f'<text x="170" y="{y + 18}" text-anchor="end">{name}</text>'
            f'<rect x="180" y="{y}" width="{long:.0f}" height="26" rx="3" fill="{color}"/>'
            f'<text x="{188 + long:.0f}" y="{y + 18}">{speed:,.0f}</text>'
        )
    height = 58 + step * len(results)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="13" fill="#333"><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="20" y="24" font-size="15">Rows per second, with a response time of {latency_ms} ms</text>'
        f'<line x1="{180 + full}" y1="40" x2="{180 + full}" y2="{height - 8}" stroke="#d54941" '
        f'stroke-dasharray="4"/><text x="{180 + full}" y="36" text-anchor="middle" fill="#d54941">'
        f"WeData&apos;s limit: {LIMIT * PAGE:,}</text>{''.join(bars)}</svg>\n"
    )


@contextmanager
def emulator(latency_ms: int) -> Iterator[str]:
    """Yield the host of an emulator with 176,022 instances."""
    line = [sys.executable, "-m", "airflow_provider_wedata.emulator", "--scenario", "large", "--quiet"]
    with subprocess.Popen(  # noqa: S603 - our own module
        [*line, "--latency-ms", str(latency_ms), "--limit", str(LIMIT)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line_read = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://(\S+)", line_read)
            if not found:
                raise RuntimeError(f"the emulator printed {line_read!r}; expected its URL")
            yield found[1]
        finally:
            process.terminate()


def main() -> None:
    """Measure and print a table."""
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--latency-ms", type=int, default=150)
    line.add_argument("--all", action="store_true", help="all 176,022 rows too (90 s)")
    line.add_argument("--without-sdk", action="store_true", help="only our own")
    line.add_argument("--picture", type=Path, help="draw it into this SVG file")
    options = line.parse_args()
    results: dict[str, Result] = {}
    with emulator(options.latency_ms) as host:
        print(f"latency {options.latency_ms} ms, at most {LIMIT} requests in any second\n\n{HEAD}")
        for name, way, days in (
            ("a loop over the SDK", the_sdks, DAYS),
            ("this provider", ours, DAYS),
            ("this provider, everything", ours, 0),
        ):
            if (way is the_sdks and options.without_sdk) or not (days or options.all):
                continue
            results[name] = measured(way, host, days)
            print(results[name].line(name), flush=True)
    if options.picture:
        options.picture.write_text(picture(results, options.latency_ms))


if __name__ == "__main__":
    main()
