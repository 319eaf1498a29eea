"""How very many waits behave in one triggerer: `python tests/bench/many_waits.py`.

Each is a trigger of its own, as an Airflow triggerer runs them, before an emulator in a process of its own with a
strict limit of 20 requests in any second. Every look is one request; how often the waits want to look is set from
half to four times that limit, or by `--waits 5000 --interval 30`. These waits never end.

With `--end` the instances complete within the first minute, and the deadline comes while the queue is long: five
minutes for `--end --waits 5000 --interval 30 --deadline 270`. Each wait must end as met. CPU is this process's
own; looks are counted by the emulator, for each wait, from the start on.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any

from service import DAY, service, task_ids
from steps import measured_steps

from airflow_provider_wedata.api import registry
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.emulator.scenarios import PROJECT_ID
from airflow_provider_wedata.triggers.wedata import WeDataTaskInstanceTrigger
from airflow_provider_wedata.waiting.parameters import parse_watch
from airflow_provider_wedata.waiting.rows import encode_watch
from airflow_provider_wedata.waiting.schedule import PollSchedule

if TYPE_CHECKING:
    from service import Service

    from airflow_provider_wedata.waiting.condition import Verdict

LIMIT = 20
#: Seconds within which the instances complete.
DONE_WITHIN = 60.0
HEADS = (
    *("waits", "interval", "want/second", "got/s", "looks-every", "throttled"),
    *("CPU", "gap/ms", "step/ms", "fewest", "most"),
)
BEFORE = """\
Before there was a queue in front of the budget: 12.3 requests a second; 4,104 of 5,000 ended as met; 98 % of a
core; longest gap 2.5 s. In another run 3,323 of 5,000 timed out although WeData was done, 2,407 never looked."""


class Quiet(WeDataTaskInstanceTrigger):
    """Logs nothing: one line for each poll would dominate the measurement."""

    def _say(self, verdict: Verdict, _said: str) -> str:
        return verdict.message


def triggers(number: int, interval: float, seconds: float) -> list[WeDataTaskInstanceTrigger]:
    """Return waits of so many seconds, each for an instance of its own, that begin within their first interval."""
    began = time.time()
    patience = PollSchedule(started=began, timeout=seconds, poke_interval=interval).to_json()
    return [
        Quiet(
            watch=encode_watch(
                parse_watch(
                    {"task_ids": [task_id], "schedule_date": DAY},
                    project_id=PROJECT_ID,
                    time_zone=Zone("UTC+8"),
                )
            ),
            patience=patience,
            wedata_conn_id="wedata_default",
            next_look=began + interval * at / number,
        )
        for at, task_id in enumerate(task_ids(number))
    ]


async def start(waits: list[WeDataTaskInstanceTrigger]) -> list[asyncio.Task[Any]]:
    """Start them a few at a time: a triggerer does not take up all in one step either."""
    running = []
    for wait in waits:
        running.append(asyncio.create_task(anext(wait.run())))
        if len(running) % 50 == 0:
            await asyncio.sleep(0)
    return running


async def wait_in_vain(wedata: Service, number: int, interval: float, seconds: float) -> None:
    """Let the waits look for a while, and print how often they came to it."""
    start_looks = wedata.looks()
    running = await start(triggers(number, interval, 86_400))
    await asyncio.sleep(interval)  # until each has begun
    before, cpu, began = wedata.counts(), time.process_time(), time.monotonic()
    with measured_steps() as steps:
        gap = await longest_gap(asyncio.create_task(asyncio.sleep(seconds)))
    seconds = time.monotonic() - began
    used, after = time.process_time() - cpu, wedata.counts()
    looks = (after["total"] - before["total"]) / seconds
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    each = looks_of_each(wedata.looks() - start_looks, number)
    figures = [
        *(f"{number}", f"{interval:.1f}", f"{number / interval:.1f}", f"{looks:.1f}"),
        *(f"{number / looks:.1f}", f"{after['throttled'] - before['throttled']}", f"{used / seconds:.0%}"),
        *(f"{1000 * gap:.0f}", f"{1000 * steps.most:.0f}", f"{min(each)}", f"{max(each)}"),
    ]
    print(
        "  ".join(f"{figure:>{len(head)}}" for head, figure in zip(HEADS, figures, strict=True)), flush=True
    )


async def wait_to_the_end(wedata: Service, number: int, interval: float, deadline: float) -> None:
    """Let the waits look until each has ended, and print as what."""
    print(
        f"{number} waits that want {number / interval:.0f} requests a second of {LIMIT}, done by WeData within "
        f"{DONE_WITHIN:.0f} s, deadline after {deadline:.0f} s",
        flush=True,
    )
    waits = triggers(number, interval, deadline)
    cpu, began = time.process_time(), time.monotonic()
    with measured_steps() as steps:
        wedata.complete(DONE_WITHIN)
        running = await start(waits)
        gap = await longest_gap(asyncio.create_task(asyncio.wait(running)))
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    ended = Counter(one.result().payload["verdict"]["status"] for one in running)
    requests, each = wedata.counts(), looks_of_each(wedata.looks(), number)
    print(f"requests a second     {requests['total'] / seconds:.1f}, {requests['throttled']} throttled")
    print(f"ended                 {', '.join(f'{n} {kind}' for kind, n in ended.items())}")
    print(f"the last one          after {seconds:.0f} s")
    print(f"looks of a wait       {min(each)} to {max(each)}, {each.count(0)} never looked")
    print(f"CPU                   {used / seconds:.0%} of a core")
    print(f"longest gap           {1000 * gap:.0f} ms, others' programs included")
    print(f"most CPU in one step  {1000 * steps.most:.0f} ms: {steps.largest[:100]}")
    print(f"garbage collection    {1000 * steps.collection:.0f} ms of CPU at once\n{BEFORE}", flush=True)


def looks_of_each(looks: Counter[str], number: int) -> list[int]:
    return [looks[task_id] for task_id in task_ids(number)]


async def longest_gap(until: asyncio.Task[Any]) -> float:
    """Return for how long at most the event loop kept others waiting, in seconds, until the task is done."""
    longest = 0.0
    while not until.done():
        now = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - now - 0.01)
    return longest


def main() -> None:
    """Measure, and print."""
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--waits", type=int, default=400)
    line.add_argument("--interval", type=float, help="seconds; without it several, by the limit")
    line.add_argument("--seconds", type=float, default=40, help="to measure, after the first interval")
    line.add_argument("--end", action="store_true", help="wait until each has ended")
    line.add_argument("--deadline", type=float, default=270, help="seconds, with --end")
    options = line.parse_args()
    import_module("airflow.jobs.triggerer_job_runner")  # what a triggerer has loaded, the first wait need not
    intervals = [options.waits / (LIMIT * times) for times in (0.5, 0.9, 2, 4)]
    if options.interval:
        intervals = [options.interval]
    with service(number=options.waits, state="RUNNING", limit=LIMIT) as wedata:
        if options.end:
            asyncio.run(wait_to_the_end(wedata, options.waits, intervals[-1], options.deadline))
            return
        print("  ".join(HEADS))
        for interval in intervals:
            registry.reset()
            asyncio.run(wait_in_vain(wedata, options.waits, interval, options.seconds))


if __name__ == "__main__":
    main()
