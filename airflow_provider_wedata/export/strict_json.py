"""Convert values to what every JSON parser accepts. Independent of rows and files.

Python's json module parses more than JSON allows: NaN, infinities, numbers too large for a float. They become
texts ("NaN", "Infinity", "-Infinity"), as in protobuf's JSON mapping, so that nothing is lost.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

#: Airflow's XCom serialization supports no integers beyond these.
_INT64, _UINT64 = -(2**63), 2**64


def strict(
    values: Mapping[str, Any], left_out: Counter[str], whole: Callable[[str], Any] = int
) -> dict[str, Any]:
    """Return the values with everything replaced that JSON does not allow.

    :param left_out: counts, by name, the values that can't be written at all (nested too deeply, or a number with
        thousands of digits) and are null in the result.
    :param whole: converts the digits of an integer.
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
    """Return an integer in a form that an XCom can hold: as text if it does not fit into 64 bits."""
    number = int(digits)
    return number if _INT64 <= number < _UINT64 else digits
