"""How very many waits behave in one triggerer: `python tests/bench/many_waits.py`.

Each wait is a trigger of its own, as in an Airflow triggerer. The emulator runs in a process of its own, with a
strict limit of 20 requests in any second. Every poll is one request. The waits together want to poll at half to
four times that limit, or as `--waits 5000 --interval 30` says. CPU is that of this process. The last columns are
the fewest and the most polls of any wait, counted from the start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, ClassVar
from urllib.request import urlopen

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator.scenarios import PROJECT_ID, WORKFLOW_ID
from airflow_provider_wedata.triggers.wedata import WeDataTaskInstanceTrigger
from airflow_provider_wedata.waiting.parameters import parse_watch
from airflow_provider_wedata.waiting.rows import encode_watch
from airflow_provider_wedata.waiting.schedule import PollSchedule

if TYPE_CHECKING:
    from airflow_provider_wedata.waiting.condition import Verdict

LIMIT = 20


class Quiet(WeDataTaskInstanceTrigger):
    """Logs nothing: one line for each poll would dominate the measurement."""

    polls: ClassVar[Counter[int]] = Counter()
    number = 0

    def _log_news(self, verdict: Verdict, _logged: str) -> str:
        self.polls[self.number] += 1
        return verdict.message


def trigger(interval: float, number: int, waits: int) -> WeDataTaskInstanceTrigger:
    """Return a wait that never ends. The first polls of all waits are spread over the first interval."""
    watch = parse_watch(
        {"workflow_id": WORKFLOW_ID, "schedule_date": "2026-03-01", "min_instances": 1000},
        project_id=PROJECT_ID,
        time_zone=Zone("UTC+8"),
    )
    began = time.time()
    schedule = PollSchedule(started=began, timeout=86_400, poke_interval=interval)
    one = Quiet(
        watch=encode_watch(watch),
        schedule=schedule.to_json(),
        wedata_conn_id="wedata_default",
        next_look=began + interval * number / waits,
    )
    one.number = number
    return one


async def wait_all(interval: float, url: str, number: int, seconds: float) -> None:
    """Run the waits for some seconds, and print how often they polled."""
    Quiet.polls.clear()
    waits = [asyncio.create_task(anext(trigger(interval, at, number).run())) for at in range(number)]
    await asyncio.sleep(interval)  # until each has started
    before, cpu, began = counts(url), time.process_time(), time.monotonic()
    blocked, blocked_cpu = await longest_block(seconds)
    seconds = time.monotonic() - began
    after = counts(url)
    polls = (after["total"] - before["total"]) / seconds
    throttled = after["throttled"] - before["throttled"]
    each = [Quiet.polls[at] for at in range(number)]
    print(
        f"{number:>6}{interval:>10.1f}{number / interval:>13.1f}{polls:>8.1f}{number / polls:>13.1f}"
        f"{throttled:>11}{(time.process_time() - cpu) / seconds:>8.0%}{1000 * blocked:>10.0f}"
        f"{1000 * blocked_cpu:>9.0f}"
        f"{min(each):>8}{max(each):>6}",
        flush=True,
    )
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def longest_block(seconds: float) -> tuple[float, float]:
    """Return how long the event loop was blocked at most, in seconds of wall time and of CPU time."""
    longest, longest_cpu, end = 0.0, 0.0, time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        cpu = time.thread_time()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - now - 0.01)
        longest_cpu = max(longest_cpu, time.thread_time() - cpu)
    return longest, longest_cpu


def counts(url: str) -> dict[str, int]:
    with urlopen(f"{url}/emulator/requests") as response:  # noqa: S310 - always http
        found: dict[str, int] = json.load(response)
        return found


def main() -> None:
    """Measure and print a table."""
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--waits", type=int, default=400)
    line.add_argument("--interval", type=float, help="seconds; without it several, by the limit")
    line.add_argument("--seconds", type=float, default=40, help="to measure, after the first interval")
    options = line.parse_args()
    intervals = [options.waits / (LIMIT * times) for times in (0.5, 0.9, 2, 4)]
    command = [sys.executable, "-m", "airflow_provider_wedata.emulator", "--quiet", "--latency-ms", "150"]
    print(
        " waits  interval  want/second   got/s  polls every  throttled     CPU  block/ms  of CPU  fewest  most"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:  # noqa: S603 - our own
        try:
            assert emulator.stdout
            url = emulator.stdout.readline().split()[-1]
            _, connection = shlex.split(emulator.stdout.readline())
            _, _, os.environ["AIRFLOW_CONN_WEDATA_DEFAULT"] = connection.partition("=")
            for interval in [options.interval] if options.interval else intervals:
                registry.reset()
                asyncio.run(wait_all(interval, url, options.waits, options.seconds))
        finally:
            emulator.terminate()


if __name__ == "__main__":
    main()
