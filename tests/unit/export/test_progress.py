"""The progress lines of an export, and when they are due."""

from __future__ import annotations

import pytest

from airflow_provider_wedata.export.progress import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_line_is_due_every_few_seconds(clock: Clock) -> None:
    progress, lines = Progress(every=5, clock=clock), []
    for clock.now in [100, 104.9, 105, 105.1, 109.9, 130, 131, 134.9, 135]:
        lines.append((clock.now, progress.line(1, 2, 0) is not None))
    assert [105, 130, 135] == [now for now, due in lines if due]


@pytest.mark.parametrize(
    ("seconds", "rows", "total", "expected"),
    [
        (10, 15_000, 176_022, "15000 of 176022 rows, 1500 rows/s, 0 throttled, 1 min 47 s left"),
        (10, 10, 100_000, "10 of 100000 rows, 1 rows/s, 0 throttled, 27 h 46 min left"),
        (10, 100, 100, "100 of 100 rows, 10 rows/s, 0 throttled, 0 s left"),
        (10, 120, 100, "120 of 100 rows, 12 rows/s, 0 throttled, 0 s left"),
        (10, 100, None, "100 of ? rows, 10 rows/s, 0 throttled"),
        (10, 0, 100, "0 of 100 rows, 0 rows/s, 0 throttled"),
    ],
)
def test_the_line(clock: Clock, seconds: float, rows: int, total: int | None, expected: str) -> None:
    progress = Progress(every=5, clock=clock)
    clock.now += seconds
    assert expected == progress.line(rows, total, 0)
    assert seconds == progress.seconds
