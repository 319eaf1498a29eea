"""An emulator for the benchmarks, with as many instances as they want, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from random import Random
from typing import IO, TYPE_CHECKING, Any
from urllib.request import urlopen

from airflow_provider_wedata.emulator import Emulator, Instance
from airflow_provider_wedata.emulator.instance import FIRST_TASK_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = "2026-03-01"
#: Its midnight in UTC+8, seconds since the epoch.
MIDNIGHT = 1_772_294_400
DAY_SECONDS = 86_400


class Service:
    """The emulator, as the benchmark's process sees it; meanwhile it is Airflow's connection `wedata_default`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout
        self._url = self._out.readline().strip()
        os.environ["AIRFLOW_CONN_WEDATA_DEFAULT"] = self._out.readline()

    def complete(self, seconds: float) -> None:
        """Let the instances complete one after the other within so many seconds."""
        print(seconds, file=self._in, flush=True)

    def counts(self) -> dict[str, int]:
        with urlopen(f"{self._url}/emulator/requests") as answer:  # noqa: S310 - always http
            found: dict[str, int] = json.load(answer)
            return found

    def looks(self) -> Counter[str]:
        """Return how often each Keyword was asked for so far, throttled requests apart."""
        print("looks", file=self._in, flush=True)
        return Counter(json.loads(self._out.readline()))


@contextmanager
def service(**how: Any) -> Iterator[Service]:
    """Give an emulator; for its parameters see `serve`."""
    command = [sys.executable, __file__, json.dumps(how)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Service(process)
        finally:
            process.terminate()


def task_ids(number: int) -> list[str]:
    return [str(FIRST_TASK_ID + at) for at in range(number)]


def instance_keys(number: int) -> list[str]:
    return [f"{task_id}_{DAY} 00:00:00" for task_id in task_ids(number)]


def serve(number: int, state: str, *, absent: int = 0, limit: int | None = None, **extra: Any) -> None:
    """Be the emulator, until there is nobody to tell it anything.

    :param number: how many instances there are, planned over the whole day; the first few are `absent`.
    :param extra: of the connection.
    """
    with Emulator(limit=limit, latency=0.15 if limit else 0.0) as wedata:
        wedata.world.load(
            instance(task_id, state, MIDNIGHT + at * DAY_SECONDS // number)
            for at, task_id in enumerate(task_ids(number))
            if at >= absent
        )
        print(wedata.url)
        print(wedata.connection_json(**extra), flush=True)
        for line in sys.stdin:
            if line == "looks\n":
                looks = Counter(
                    received.params["Keyword"] for received in wedata.requests if not received.error
                )
                print(json.dumps(looks), flush=True)
                continue
            chance = Random(0)  # noqa: S311 - the same moments in each run
            for key in wedata.world.keys:
                wedata.world.script(key, [(chance.uniform(0, float(line)), "COMPLETED")])


def instance(task_id: str, state: str, planned: int) -> Instance:
    ran = {"start_time": planned, "end_time": planned + 60, "cost_ms": 60_000, "tries": 1, "total_run_num": 1}
    return Instance(
        task_id=task_id,
        cur_run_date=f"{DAY} 00:00:00",
        schedule_time=planned,
        state=state,
        last_update_time=planned + 60,
        **(ran if state in {"COMPLETED", "EXPIRED"} else {}),
    )


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
