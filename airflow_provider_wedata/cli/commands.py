"""Implement the commands that definition.py declares.

Uses the hook and writes to the terminal. Never reads a secret, so it can't show one.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_wedata.api.filters import FILTERS, one_of, parse_texts
from airflow_provider_wedata.api.models import FIELD_NAMES
from airflow_provider_wedata.cli.text_table import aligned
from airflow_provider_wedata.connection.lookup import find_source
from airflow_provider_wedata.exceptions import WeDataError, as_airflow_errors
from airflow_provider_wedata.export.strict_json import strict
from airflow_provider_wedata.hooks.wedata import WeDataHook

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

#: Default columns of a table; JSON has all fields by default.
_COLUMNS = ("InstanceKey", "TaskName", "InstanceState", "SchedulerTime", "LastUpdateTime")
_MARKS = {True: "ok", False: "FAIL", None: "-"}
#: Airflow's own commands set this, so that connections are also looked up in its database.
_CONTEXT = {"_AIRFLOW_PROCESS_CONTEXT": "server"}


def run(command: Callable[[Namespace], bool], options: Namespace) -> None:
    """Run a command of this module for a user.

    :raises SystemExit: with code 1 and the reason on stderr, if the command fails.
    """
    with _as_airflows_own_command():
        try:
            fine = command(options)
        except WeDataError as error:
            _print_note(str(error))
            fine = False
    if not fine:
        sys.exit(1)


def instances(options: Namespace) -> bool:
    """Print the instances that match the filters, or their number."""
    filters = {name: value for name in FILTERS if (value := getattr(options, name)) is not None}
    as_json = options.output == "json"
    names = _fields(options.fields) or (FIELD_NAMES if as_json else _COLUMNS)
    hook = WeDataHook(options.conn_id, region=options.region)
    if options.count:
        count = hook.count_task_instances(**filters)
        _print(json.dumps({"count": count}) if as_json else str(count))
        return True
    query = hook.query(filters)
    with as_airflow_errors(), hook.reading(query) as reading:
        rows = [row.raw for row in islice(reading, options.limit + 1 if options.limit else None)]
        total = reading.total
    shown = [[row.get(name) for name in names] for row in rows[: options.limit or None]]
    if as_json:
        items = [strict(dict(zip(names, row, strict=True)), Counter()) for row in shown]
        _print(_json(items))
    elif shown:
        _print(aligned([names, *shown]))
    more = len(rows) > len(shown)
    summary = (
        f"MORE: these are the first {len(shown)} of {total or 'more'}; --limit 0 shows all" if more else ""
    )
    zone, wire = query.zone.name, str(query.zone.wire)
    naive = "" if zone == wire else f"; filter times without an offset were interpreted in {zone}"
    _print_note(f"{summary or f'{len(shown)} task instances'}; times are {wire}{naive}")
    return True


def check(options: Namespace) -> bool:
    """Check the connection step by step; for a step that fails, print how to fix it."""
    found = WeDataHook(options.conn_id, region=options.region, project_id=options.project_id).findings()
    if source := find_source(options.conn_id):
        found[0] = replace(found[0], text=f"{found[0].text}; {source}")
    _print(aligned([_MARKS[finding.fine], finding.step, finding.text] for finding in found))
    return all(finding.fine for finding in found)


def _fields(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    with as_airflow_errors():
        return tuple(one_of(FIELD_NAMES)(name, "fields") for name in parse_texts(text, "fields"))


@contextmanager
def _as_airflows_own_command() -> Iterator[None]:
    """Look connections up as Airflow's own commands do, and print the result only: no logs, no warnings."""
    before = {name: os.environ.get(name) for name in _CONTEXT}
    disabled = logging.root.manager.disable
    os.environ.update(_CONTEXT)
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _json(items: object) -> str:
    """Return JSON that the terminal can show; other characters get JSON escapes."""
    text = json.dumps(items, ensure_ascii=False, indent=2)
    return text if _fit(text) == text else json.dumps(items, indent=2)


def _fit(text: str) -> str:
    """Return the text with the characters that stdout can't encode escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _print(text: str) -> None:
    sys.stdout.write(f"{_fit(text)}\n")


def _print_note(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
