"""Values in JSON's types and back, exactly: what the codecs of a wait are made of.

A wait goes to the triggerer as a row and comes back as an event, and the two sides are never upgraded at one
moment. So both carry a version. Within a version fields may be added, and who does not know a field ignores it:
a field that changes what opens a gate therefore needs a new version.
"""

from __future__ import annotations

import math
import re
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_wedata.api.errors import describe
from airflow_provider_wedata.api.times import TimeWindow, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

#: What is written, and the only version that is read beside the unversioned one before it.
VERSION = 1
#: A larger integer is no float, and what counts seconds must be one.
_MOST_BITS = 1023
_MOMENT = re.compile(r"([^\[\]]+)(?:\[([^\[\]]+)\])?")


class UnknownVersion(ValueError):
    """What was written is of a version that this package does not know; another release may."""


def check_version(written: Mapping[str, Any]) -> None:
    """Refuse what is not of the version that this package writes.

    :raises UnknownVersion: naming both versions.
    """
    version = written.get("version")
    if type(version) is not int or version != VERSION:
        raise UnknownVersion(
            f"written in version {version!r}, but this airflow-provider-wedata knows only version {VERSION}; "
            "install the same release on workers and triggerers"
        )


def encode(value: Any) -> Any:
    """Return the value in JSON's types: a dataclass as an object, with every field.

    :raises ValueError: if it can't be written exactly.
    """
    if isinstance(value, Zone):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: encode(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return list(map(str, value))
    if isinstance(value, datetime):
        return encode_moment(value)
    return _encode_number(value) if isinstance(value, float) else value


def decode(kind: type[T], written: Any) -> T:
    """Return the dataclass that `encode` wrote. A field never heard of is ignored, a missing one is refused.

    :raises ValueError: naming the field that is missing or odd.
    """
    found = exactly(dict, written)
    values = {}
    for item in fields(kind):  # type: ignore[arg-type]  # every kind that is decoded is a dataclass
        if item.name not in found:
            raise ValueError(f"{item.name} is missing")
        try:
            values[item.name] = _DECODERS[str(item.type)](found[item.name])
        except ValueError as error:
            raise ValueError(f"{item.name}: {error}") from error
    return kind(**values)


def exactly(kind: type[T], value: Any) -> T:
    """Return the value if it is exactly of that type; so true is no number.

    :raises ValueError: if it is not.
    """
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value


def encode_moment(moment: datetime) -> str:
    """Return ISO 8601 with the offset, and the name of its zone if it has one: ``...+01:00[Europe/Rome]``.

    :raises ValueError: if the moment has no offset.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{moment} has no time zone")
    key = moment.tzinfo.key if isinstance(moment.tzinfo, ZoneInfo) else None
    return f"{moment.isoformat()}[{key}]" if key else moment.isoformat()


def decode_moment(text: Any) -> datetime:
    """Return the moment that `encode_moment` wrote.

    :raises ValueError: if the text is not exactly of that form.
    """
    match = _MOMENT.fullmatch(exactly(str, text))
    moment = datetime.fromisoformat(match[1]) if match else None
    if not match or not moment or moment.tzinfo is None or moment.isoformat() != match[1]:
        raise ValueError(f"{text!r} is no moment in ISO 8601 with an offset")
    return _in_zone(moment, _zone(match[2])) if match[2] else moment


def decode_number(value: Any) -> float:
    """Return the number that `encode` wrote; JSON has none that is infinite.

    :raises ValueError: if it is none.
    """
    number = float(value) if value in ("inf", "-inf") else value
    if type(number) is float and not math.isnan(number):
        return number
    if type(number) is int and number.bit_length() < _MOST_BITS:
        return number
    raise ValueError(f"{describe(value)} is no number")


def _in_zone(moment: datetime, zone: Zone) -> datetime:
    """Return the same moment in the zone; or as it is, if this machine's zone data differ."""
    for fold in (0, 1):  # not by astimezone, which fails at the calendar's edges
        local = moment.replace(tzinfo=zone.tzinfo, fold=fold)
        if local.utcoffset() == moment.utcoffset():
            return local
    return moment


def _zone(name: Any) -> Zone:
    zone = Zone(exactly(str, name))
    try:
        _ = zone.tzinfo
    except (ValueError, OSError, KeyError):
        raise ValueError(f"{name!r} is no time zone that this machine knows") from None
    return zone


def _encode_number(value: float) -> float | str:
    if math.isnan(value):
        raise ValueError("a time that is not a number can't be written")
    return value if math.isfinite(value) else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(exactly(str, item) for item in exactly(list, value))


def _optional(decoder: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else decoder(value)


_text, _whole = partial(exactly, str), partial(exactly, int)
#: By the type of a field, as its class has it.
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "str | None": _optional(_text),
    "int | None": _optional(_whole),
    "bool": partial(exactly, bool),
    "float": decode_number,
    "float | None": _optional(decode_number),
    "tuple[str, ...]": _texts,
    "frozenset[str]": lambda value: frozenset(_texts(value)),
    "datetime | None": _optional(decode_moment),
    "Zone": _zone,
    "TimeWindow": partial(decode, TimeWindow),
}
