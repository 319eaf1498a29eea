"""What one value of WeData's JSON means to us, whatever type it came in. Which field has which is in models.py.

A parser returns None for null, and raises ValueError with what was expected. Python takes more for JSON than is
JSON (NaN, infinities), so nothing here trusts a type.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_wedata.api.times import WireZone

_WHOLE = re.compile(r"-?[0-9]+(\.0+)?")
#: Beyond these a number is no float any more, and beyond a few thousand Python won't even spell it.
_MOST_BITS = 1023


def parse_word(value: object) -> str | None:
    """Return a text that is one in the answer too, and no number."""
    if value is None or isinstance(value, str):
        return value
    raise ValueError("text")


def parse_text(value: object) -> str | None:
    """Return a text; ids may come as whole numbers."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS:
        return str(value)
    raise ValueError("text")


def parse_texts(value: object) -> tuple[str, ...] | None:
    """Return a list of texts; a null among them is an empty one."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("a list of texts")  # noqa: TRY004 - one error for whatever is wrong with a value
    return tuple(parse_text(item) or "" for item in value)


def parse_number(value: object) -> int | None:
    """Return a whole number; 8, "8" and 8.0 are the same one."""
    if value is None:
        return None
    whole = _whole(value)
    if whole is None or whole.bit_length() > _MOST_BITS:
        raise ValueError("a whole number")
    return whole


def parse_time(value: object, zone: WireZone) -> datetime | None:
    """Return the moment that a text means on the zone's clock; an empty one is null."""
    text = parse_word(value)
    return zone.parse(text) if text else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
