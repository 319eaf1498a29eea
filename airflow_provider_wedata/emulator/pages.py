"""The pages for a browser: a status page, and a project's instances in place of WeData's console.

Returns HTML; HTTP is left to admin.py. Everything that comes from a world or a request is escaped.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from airflow_provider_wedata.emulator.clock import BEIJING, text
from airflow_provider_wedata.emulator.query import Filter
from airflow_provider_wedata.emulator.rendering import render_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_wedata.emulator.request_log import Received
    from airflow_provider_wedata.emulator.world import World

SHOWN_ROWS = 200
COLUMNS = (
    "InstanceKey",
    "TaskName",
    "InstanceState",
    "SchedulerTime",
    "StartTime",
    "EndTime",
    "Tries",
    "LastUpdateTime",
)
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dde3ea}"
    "tr.asked{background:#fff4cc}.COMPLETED{color:#067647}.EXPIRED{color:#b42318}.RUNNING{color:#175cd3}"
)


def status(world: World, requests: Sequence[Received]) -> str:
    """Return the status page: the time, the projects, and the requests so far."""
    outcomes = Counter((received.action, received.error or "answered") for received in requests)
    body = f"<p>{text(world.now())} UTC+8, {len(world)} instances.</p>"
    body += _table(
        ("Project", "Instances by state"), [_project(world, project) for project in world.project_ids]
    )
    links = ", ".join(f'<a href="/console/{escape(each)}">{escape(each)}</a>' for each in world.project_ids)
    body += f"<p>Instances, as WeData's console would show them: {links}</p>"
    body += _table(
        ("Action", "Outcome", "Requests"), [(*names, str(n)) for names, n in sorted(outcomes.items())]
    )
    return _page("WeData emulator", body)


def console(world: World, project_id: str, marked_key: str) -> str:
    """Return the instances of a project, newest first; the requested one is marked."""
    found = world.select(Filter(project_id=project_id))
    rows = [render_row(row, BEIJING) for row in found[:SHOWN_ROWS]]
    if marked_key in world and marked_key not in {row["InstanceKey"] for row in rows}:
        rows.insert(0, render_row(world.get(marked_key), BEIJING))
    lines = "".join(_line(row, marked=row["InstanceKey"] == marked_key) for row in rows)
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    title = f"Instances of project {project_id}"
    return _page(
        title, f"<p>{len(found)} instances, times in UTC+8.</p><table><tr>{head}</tr>{lines}</table>"
    )


def missing(what: str) -> str:
    """Return the page for an unknown path."""
    return _page("Not found", f"<p>There is no {escape(what)} here.</p>")


def _project(world: World, project_id: str) -> tuple[str, str]:
    states = Counter(str(row.state) for row in world.select(Filter(project_id=project_id)))
    return project_id, ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"


def _line(row: dict[str, object], *, marked: bool) -> str:
    cells = "".join(f"<td>{'' if row[name] is None else escape(str(row[name]))}</td>" for name in COLUMNS)
    return f'<tr class="{escape(str(row["InstanceState"]))}{" asked" if marked else ""}">{cells}</tr>'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{name}</th>" for name in head) + f"</tr>{lines}</table>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
