"""What importing the sensor costs a DAG file: milliseconds more than Airflow's own sensor, in new processes.

Run it with the project's Python: `python tests/bench/import_time.py [rounds]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
STATEMENTS = {
    "Airflow's sensor": "from airflow.sdk import BaseSensorOperator",
    "and what ours is made of": "from airflow.providers.common.compat.sdk import BaseOperatorLink, "
    "BaseSensorOperator, XCom, conf; import airflow.triggers.base",
    "our sensor": "from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor",
}
TIMED = "import time; began = time.perf_counter(); {}; print((time.perf_counter() - began) * 1000)"


def milliseconds(statement: str, environment: dict[str, str]) -> float:
    """Return how long the statement takes in a process of its own."""
    code = TIMED.format(statement)
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return float(ran.stdout.split()[-1])


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": f"{folder}/compiled", "AIRFLOW_HOME": f"{folder}/airflow"}
        for statement in STATEMENTS.values():
            milliseconds(statement, environment)  # compiles
        # Alternately, so that other load affects all statements equally.
        times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
        for _ in range(rounds):
            for name, statement in STATEMENTS.items():
                times[name].append(milliseconds(statement, environment))
    base = median(times["Airflow's sensor"])
    for name, each in times.items():
        middle = median(each)
        print(
            f"{name:26} {middle:8.1f} ms  {middle - base:+7.1f} ms  {middle / base:5.2f} times  "
            f"(fastest {min(each):.1f})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
