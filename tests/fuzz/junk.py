"""Odd values of every kind, from a seeded random source: what users, connections and servers might send."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

WORDS = (
    "",
    " ",
    "None",
    "null",
    "nan",
    "COMPLETED",
    "completed",
    "EXPIRED",
    "RUNNING",
    "TERMINATING",
    "DAY_CYCLE",
    "H",
    "71",
    "71,72",
    "['71', '72']",
    "[71",
    "2026-03-01",
    "20260301",
    "2026-03-01 00:00:00",
    "2026-03-01T12:30:00+08:00",
    "20260301100000+0800",
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59",
    "71_2026-03-01 00:00:00",
    "UTC+8",
    "UTC-12",
    "UTC+14",
    "Asia/Tokyo",
    "../etc/passwd",
    "{{ ds }}",
    "international",
    "https://127.0.0.1:8080",
    "http://[::1",
    "http://user:secret@host/path",
    "10000",
    "-1",
    "1e400",
    "\x00",
    "\ud83d",
    "\u0661\u0662",
    "\uff18",
    "x" * 3000,
    "9" * 5000,
)
CHARACTERS = "0123456789-+:TZ ._,[]'\"{}/\\abcUTC\u0661\u00e9\x00\ud83d\n\t"


class Odd:
    """An object whose every use fails."""

    def __str__(self) -> str:
        raise RuntimeError("odd")

    __repr__ = __str__


def any_text(rng: Random) -> str:
    """Return a word, a changed word, or nonsense."""
    if rng.random() < 0.3:
        return "".join(rng.choices(CHARACTERS, k=rng.randrange(12)))
    word = rng.choice(WORDS)
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(word) + 1)
        word = rng.choice(
            [
                word[:at] + rng.choice(CHARACTERS) + word[at:],
                word[:at] + word[at + 1 :],
                word[:at] + word[at:] * 2,
            ]
        )
    return word[:6000]


def any_number(rng: Random) -> Any:
    """Return a number of any type and size."""
    whole = rng.choice(
        [0, 1, -1, 8, 100, 10_000, 20_260_301, 2**31, 2**63, -(2**64), 10**400, rng.randrange(10**9)]
    )
    kind = rng.randrange(6)
    if kind == 0 and abs(whole) < 10**300:
        return float(whole)
    if kind == 1:
        return rng.choice([math.nan, math.inf, -math.inf, 0.5, 1e308, -0.0])
    if kind == 2:
        return Decimal(rng.choice(["8", "8.0", "0.1", "NaN", "Infinity", "1E+18"]))
    if kind == 3:
        return rng.choice([Fraction(8), Fraction(1, 3), True, False])
    return whole


def any_time(rng: Random) -> Any:
    """Return something of the datetime module, at the edges of the calendar too."""
    day = rng.choice([date.min, date.max, date(2026, 3, 1), date(2, 1, 1), date(9998, 12, 31)])
    zone = rng.choice([None, UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12, minutes=-30))])
    clock = rng.choice([time.min, time.max, time(12, 30), time(1, 30, fold=1)])
    return rng.choice(
        [day, datetime.combine(day, clock, zone), clock, timedelta(seconds=rng.randrange(10**6))]
    )


def any_value(rng: Random, depth: int = 2) -> Any:
    """Return any value whatever."""
    kind = rng.randrange(10 if depth else 7)
    if kind < 3:
        return any_text(rng)
    if kind < 5:
        return any_number(rng)
    if kind == 5:
        return any_time(rng)
    if kind == 6:
        return rng.choice([None, b"71", Odd(), Path("71"), object(), rng])
    items = [any_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 7:
        return rng.choice([list, tuple])(items)
    if kind == 8:
        return {any_text(rng): item for item in items}
    return iter(items)


def any_json(rng: Random, depth: int = 3) -> Any:
    """Return any value that JSON, as Python parses it, can hold."""
    kind = rng.randrange(9 if depth else 7)
    if kind < 3:
        return any_text(rng)
    if kind < 5:
        number = any_number(rng)
        return number if isinstance(number, int | float) else float(number) if number == number else None  # noqa: PLR0124 - a NaN is not
    if kind < 7:
        return rng.choice([None, True, False])
    items = [any_json(rng, depth - 1) for _ in range(rng.randrange(4))]
    return items if kind == 7 else {any_text(rng): item for item in items}


def changed(value: Any, rng: Random) -> Any:
    """Return a JSON value with something in it replaced, left out, doubled or added."""
    if rng.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return any_json(rng)
    if isinstance(value, list):
        items, at = list(value), rng.randrange(len(value))
        items[at : at + 1] = rng.choice(
            [[changed(items[at], rng)], [], [items[at]] * 2, [items[at], any_json(rng)]]
        )
        return items
    copy, name = dict(value), rng.choice(list(value))
    action = rng.randrange(6)
    if action == 0:
        del copy[name]
    elif action == 1:
        copy[any_text(rng)] = any_json(rng)
    else:
        copy[name] = changed(copy[name], rng)
    return copy


def dumped(value: Any) -> bytes:
    """Return the JSON of a value as Python writes it, NaN and half surrogates included."""
    return json.dumps(value).encode()
