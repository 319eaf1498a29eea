"""Handmade rows as WeData sends them: with nulls, undocumented fields, and texts that need escaping."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.api.models import FIELD_NAMES, TaskInstance
from airflow_provider_wedata.api.times import WireZone
from airflow_provider_wedata.export.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ZONE = WireZone(8)


def raw_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """Return a row as in WeData's own sample, its fields in documented order."""
    values: tuple[Any, ...] = (
        "1460947878944567296",
        f"20250714200130{number:03}_2026-03-01 00:30:00",
        "f1",
        "daily",
        "1f0911b9-032e-4e4f-a564-69e4b871d7e2",
        "daily_sales",
        f"20250714200130{number:03}",
        "ads_sales_report",
        "2026-03-01 00:30:00",
        "COMPLETED",
        1,
        ["100028448903", "100028448904"],
        2,
        "Shell",
        35,
        "DAY_CYCLE",
        3,
        1,
        "2026-03-01 00:30:05",
        "2026-03-01 00:31:00",
        55000,
        "2026-03-01 00:30:00",
        "2026-03-01 00:31:00",
        "g1",
        "default",
    )
    return dict(zip(FIELD_NAMES, values, strict=True)) | changed


def row_of(raw: dict[str, Any]) -> TaskInstance:
    return TaskInstance.parse(raw, ZONE)


@pytest.fixture(scope="session")
def raw() -> Callable[..., dict[str, Any]]:
    return raw_row


@pytest.fixture
def write() -> Callable[..., bytes]:
    """Give a function that returns the bytes of a file with these rows."""

    return lambda *args, **named: written_with_counts(*args, **named)[0]


@pytest.fixture(scope="session")
def written() -> Callable[..., tuple[bytes, dict[str, int]]]:
    """Give a function that returns the bytes, and by field how many values were left out."""
    return written_with_counts


def written_with_counts(
    raws: Iterable[dict[str, Any]],
    name: str = "jsonl",
    compression: str | None = None,
    fields: list[str] | None = None,
) -> tuple[bytes, dict[str, int]]:
    file = io.BytesIO()
    writer = Format.parse(name, compression, fields).writer(file, ZONE)
    for raw in raws:
        writer.write(row_of(raw))
    writer.finish()
    return file.getvalue(), dict(writer.unreadable)
