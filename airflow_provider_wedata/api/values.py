"""Parses single values of WeData's JSON, whatever their JSON type. models.py says which field has which parser.

A parser returns None for null and raises ValueError with what was expected. Python's parser accepts more than JSON
(NaN, infinities), so nothing here trusts a type.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_wedata.api.times import WireZone

_WHOLE = re.compile(r"-?[0-9]+(\.0+)?")
#: A number with more bits does not fit in a float, and Python refuses to print one with several thousand digits.
_MOST_BITS = 1023


def parse_word(value: object) -> str | None:
    """Parse a text; numbers are invalid."""
    if value is None or isinstance(value, str):
        return value
    raise ValueError("text")


def parse_text(value: object) -> str | None:
    """Parse a text; a whole number is valid too, for ids."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS:
        return str(value)
    raise ValueError("text")


def parse_texts(value: object) -> tuple[str, ...] | None:
    """Parse a list of texts; a null in it becomes an empty text."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("a list of texts")  # noqa: TRY004 - one class of error for every invalid value
    return tuple(parse_text(item) or "" for item in value)


def parse_number(value: object) -> int | None:
    """Parse a whole number; 8, "8" and 8.0 are the same."""
    if value is None:
        return None
    whole = _whole(value)
    if whole is None or whole.bit_length() > _MOST_BITS:
        raise ValueError("a whole number")
    return whole


def parse_time(value: object, zone: WireZone) -> datetime | None:
    """Parse a time in the zone; empty text is null."""
    text = parse_word(value)
    return zone.parse(text) if text else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
