"""Values of a row as every reader of JSON takes them. Knows neither rows nor files.

Python's json takes more from an answer than JSON has: NaN, infinities, numbers too large for a float. They are
spelled as texts ("NaN", "Infinity", "-Infinity"), as in protobuf's mapping to JSON, so that nothing gets lost.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

#: What carries an XCom has no larger integers.
_INT64, _UINT64 = -(2**63), 2**64


def strict(
    values: Mapping[str, Any], left_out: Counter[str], whole: Callable[[str], Any] = int
) -> dict[str, Any]:
    """Return the values with nothing among them that JSON has no word for.

    :param left_out: counts the values that can't be written at all, nested too deep or a number of thousands of
        digits; they are null.
    :param whole: what becomes of the digits of an integer.
    """
    kept: dict[str, Any] = {}
    for name, value in values.items():
        try:
            kept |= json.loads(json.dumps({name: value}), parse_constant=str, parse_int=whole)
        except (ValueError, RecursionError):
            kept[name] = None
            left_out[name] += 1
    return kept


def carried(digits: str) -> int | str:
    """Return an integer as an XCom can carry it: as text, if it has more than 64 bits."""
    number = int(digits)
    return number if _INT64 <= number < _UINT64 else digits
