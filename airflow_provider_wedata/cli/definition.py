"""Declare the command line: `airflow wedata …` and `python -m airflow_provider_wedata …`, from one list.

Airflow imports this module for every `airflow` command, so it loads nothing that only a running command needs:
that is in commands.py.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_wedata.api.filters import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAME = "wedata"
HELP = "Query Tencent Cloud WeData"
_TIMES = ("_date", "_from", "_to", "_before")


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    :param flag: its name, such as ``--limit``.
    :param how: the keyword arguments of argparse's `add_argument`.
    """

    flag: str
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its options, its help, and the function that runs it."""

    name: str
    help: str
    epilog: str
    run: Callable[[argparse.Namespace], None]
    options: tuple[Option, ...]


def get_wedata_cli_commands() -> list[Any]:
    """Return the commands in the form that Airflow's own command line expects."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand  # noqa: PLC0415 - only Airflow calls this

    def arg(option: Option) -> Arg:
        return Arg((option.flag,), **option.how)  # type: ignore[no-untyped-call]  # Airflow has no types here

    return [
        GroupCommand(
            name=NAME,
            help=HELP,
            subcommands=[
                ActionCommand(
                    name=command.name,
                    help=command.help,
                    func=command.run,
                    args=[arg(option) for option in command.options],
                    epilog=command.epilog,
                )
                for command in COMMANDS
            ],
        )
    ]


def parser() -> argparse.ArgumentParser:
    """Return a parser for the same commands outside of `airflow`, for every Airflow version."""
    line = argparse.ArgumentParser(prog="python -m airflow_provider_wedata", description=HELP)
    commands = line.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        one = commands.add_parser(
            command.name, help=command.help, description=command.help, epilog=command.epilog
        )
        for option in command.options:
            one.add_argument(option.flag, **option.how)
        one.set_defaults(func=command.run)
    return line


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name.

    :raises SystemExit: with code 1 if the command fails, 2 if the arguments are not valid.
    """
    options = parser().parse_args(arguments)
    options.func(options)


def _run_instances(options: argparse.Namespace) -> None:
    from airflow_provider_wedata.cli import commands  # noqa: PLC0415 - see the module's docstring

    commands.run(commands.instances, options)


def _run_check(options: argparse.Namespace) -> None:
    from airflow_provider_wedata.cli import commands  # noqa: PLC0415 - see the module's docstring

    commands.run(commands.check, options)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; expected a whole number from 0 up")
    return int(text)


def _filter(name: str) -> Option:
    metavar = "TIME" if name.endswith(_TIMES) else name.rpartition("_")[2].upper()
    return Option(f"--{name.replace('_', '-')}", {"metavar": metavar, "help": f"the filter {name}"})


_CONNECTION = (
    Option(
        "--conn-id",
        {
            "default": "wedata_default",
            "metavar": "ID",
            "help": "the Airflow connection (default: wedata_default)",
        },
    ),
    Option("--region", {"metavar": "REGION", "help": "overrides the connection's region"}),
)

COMMANDS = (
    Command(
        name="instances",
        help="List or count task instances",
        epilog="The filters are those of WeDataListTaskInstancesOperator. Separate several ids by commas; write "
        "times as 2026-03-01, '2026-03-01 06:30:00' or 2026-03-01T06:30:00+08:00. Times without an offset are "
        "interpreted in --time-zone, by default the connection's; the line below the list names the zone of "
        "the times shown.",
        run=_run_instances,
        options=(
            *_CONNECTION,
            Option("--count", {"action": "store_true", "help": "print only the number of instances"}),
            Option(
                "--limit",
                {
                    "type": _number,
                    "default": 100,
                    "metavar": "N",
                    "help": "show at most N instances, and note if there are more; 0 shows all (default: 100)",
                },
            ),
            Option(
                "--fields",
                {
                    "metavar": "NAMES",
                    "help": "WeData's names of the fields to show, separated by commas; by default a table shows "
                    "a few and JSON all",
                },
            ),
            Option(
                "--output", {"choices": ("table", "json"), "default": "table", "help": "(default: table)"}
            ),
            *map(_filter, FILTERS),
        ),
    ),
    Command(
        name="check",
        help="Check connection, clock, key, permissions and project; exit with 1 if a check fails",
        epilog="Sends one read-only request.",
        run=_run_check,
        options=(*_CONNECTION, _filter("project_id")),
    ),
)
