"""`python -m airflow_provider_wedata.emulator`: emulate WeData on localhost until it is stopped.

Handles the command line and the signals. Prints the address and the connection for Airflow, then one line for
each request; nothing that it prints is a real secret.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING

from airflow_provider_wedata.emulator.clock import RealClock, SteppedClock, text
from airflow_provider_wedata.emulator.emulator import Emulator
from airflow_provider_wedata.emulator.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_wedata.emulator.request_log import Received

DETACH = "--detach"
HIGHEST_PORT = 65535
EPILOG = "scenarios:\n" + "\n".join(f"  {name:8} {make.__doc__}" for name, make in SCENARIOS.items())


class Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and one line for each scenario."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    line = argparse.ArgumentParser(
        prog="python -m airflow_provider_wedata.emulator",
        description="Emulate WeData on 127.0.0.1: check signatures and serve the task instances of a scenario.",
        epilog=EPILOG,
        formatter_class=Help,
        allow_abbrev=False,
    )
    line.add_argument("--port", type=_port, default=0, help="port to listen on; 0 takes a free one")
    line.add_argument("--scenario", choices=SCENARIOS, default="daily", help="the instances it serves")
    line.add_argument(
        "--speed", type=_positive, default=1.0, help="factor by which the scenario plays faster"
    )
    line.add_argument(
        "--stepped", action="store_true", help="stop the clock; advance it by POST /emulator/advance"
    )
    line.add_argument("--latency-ms", type=float, default=0.0, help="time that a response takes")
    line.add_argument(
        "--limit", type=int, default=20, help="requests per second for each action; 0 for no limit"
    )
    line.add_argument("--seconds", type=float, default=3600.0, help="time after which it stops by itself")
    line.add_argument("--quiet", action="store_true", help="print no line for each request")
    line.add_argument(
        DETACH,
        action="store_true",
        help='run in the background; for: eval "$(... --detach)", like ssh-agent',
    )
    return line


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of --seconds."""
    line = parser()
    options = line.parse_args(arguments)
    if options.detach:
        return _detach(sys.argv[1:] if arguments is None else arguments, options.seconds)
    wedata = Emulator(
        options.scenario,
        clock=SteppedClock(RealClock().now()) if options.stepped else RealClock(),
        port=options.port,
        speed=options.speed,
        latency=options.latency_ms / 1000,
        limit=options.limit or None,
    )
    if not options.quiet:
        wedata.after(_report)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        wedata.start()
    except OSError as error:
        line.error(f"port {options.port}: {error.strerror}")
    try:
        _print(f"WeData emulator, scenario {options.scenario}, at {wedata.url}")
        _print(f"export AIRFLOW_CONN_WEDATA_DEFAULT={shlex.quote(wedata.connection_json())}")
        stopped.wait(options.seconds)
    finally:
        wedata.stop()
    return 0


def _detach(arguments: Sequence[str], seconds: float) -> int:
    """Start the emulator as a process of its own; once it listens, print the variables for a shell."""
    command = [sys.executable, "-m", __package__, *(word for word in arguments if word != DETACH), "--quiet"]
    running = subprocess.Popen(  # noqa: S603 - this module
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    lines = [line.strip() for line in islice(running.stdout or (), 2)]
    if not lines:
        sys.stderr.write(running.communicate()[1])
        return running.returncode
    where, export = lines
    sys.stderr.write(f"{where}, for {seconds:g} s or until: kill {running.pid}\n")
    _print(export)
    _print(f"export WEDATA_EMULATOR_PID={running.pid}")
    return 0


def _report(received: Received) -> None:
    parameters = " ".join(f"{name}={value}" for name, value in received.params.items() if name != "ProjectId")
    _print(f"{text(received.received_at)} {received.action} {parameters} -> {received.error or 'answered'}")


def _positive(value: str) -> float:
    with suppress(ValueError):
        if (number := float(value)) > 0:
            return number
    raise argparse.ArgumentTypeError(f"{value!r} is not valid; expected a number above 0")


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port; expected 0 to {HIGHEST_PORT}")
    return int(value)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
