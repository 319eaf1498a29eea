"""Encodes values in JSON's types and decodes them exactly, for the codecs in rows.py, schedule.py and events.py.

A wait goes to the triggerer as a row and comes back as an event, and workers and triggerers are never upgraded at
the same moment. So both carry a version. Within a version fields may be added, and a side that does not know a
field ignores it. A field that changes when a gate opens therefore needs a new version.
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

#: The version that is written. Besides it, only the format of the release before, without a version, is decoded.
VERSION = 1
#: A larger integer does not fit a float, and seconds must.
_MOST_BITS = 1023
_MOMENT = re.compile(r"([^\[\]]+)(?:\[([^\[\]]+)\])?")


class UnknownVersion(ValueError):
    """The data has a version that this release does not know; another release may."""


def check_version(written: Mapping[str, Any]) -> None:
    """Refuse data of any version but the one that this release writes.

    :raises UnknownVersion: naming both versions.
    """
    version = written.get("version")
    if type(version) is not int or version != VERSION:
        raise UnknownVersion(
            f"written in version {version!r}, but this airflow-provider-wedata knows only version {VERSION}; "
            "install the same release on workers and triggerers"
        )


def encode(value: Any) -> Any:
    """Return the value in JSON's types: a dataclass as an object with every field.

    :raises ValueError: if it can't be encoded exactly.
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
    """Return the dataclass that `encode` wrote; ignores unknown fields and refuses missing ones.

    :raises ValueError: naming the field that is missing or invalid.
    """
    found = exactly(dict, written)
    values = {}
    for item in fields(kind):  # type: ignore[arg-type]  # callers pass dataclasses only
        if item.name not in found:
            raise ValueError(f"{item.name} is missing")
        try:
            values[item.name] = _DECODERS[str(item.type)](found[item.name])
        except ValueError as error:
            raise ValueError(f"{item.name}: {error}") from error
    return kind(**values)


def exactly(kind: type[T], value: Any) -> T:
    """Return the value if it has exactly that type; so a bool is not an int.

    :raises ValueError: if it has another type.
    """
    if type(value) is not kind:
        raise ValueError(f"{value!r} is not of type {kind.__name__}")
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

    :raises ValueError: if the text does not have exactly that form.
    """
    match = _MOMENT.fullmatch(exactly(str, text))
    moment = datetime.fromisoformat(match[1]) if match else None
    if not match or not moment or moment.tzinfo is None or moment.isoformat() != match[1]:
        raise ValueError(f"{text!r} is not a moment in ISO 8601 with an offset")
    return _in_zone(moment, _zone(match[2])) if match[2] else moment


def decode_number(value: Any) -> float:
    """Return the number that `encode` wrote; infinity is a text, because JSON has none.

    :raises ValueError: if the value is not a number.
    """
    number = float(value) if value in ("inf", "-inf") else value
    if type(number) is float and not math.isnan(number):
        return number
    if type(number) is int and number.bit_length() < _MOST_BITS:
        return number
    raise ValueError(f"{describe(value)} is not a number")


def _in_zone(moment: datetime, zone: Zone) -> datetime:
    """Return the moment in the zone, or unchanged if this machine's zone data has another offset for it."""
    for fold in (0, 1):  # astimezone fails at the first and last day of the calendar
        local = moment.replace(tzinfo=zone.tzinfo, fold=fold)
        if local.utcoffset() == moment.utcoffset():
            return local
    return moment


def _zone(name: Any) -> Zone:
    zone = Zone(exactly(str, name))
    try:
        _ = zone.tzinfo
    except (ValueError, OSError, KeyError):
        raise ValueError(f"{name!r} is not a time zone that this machine knows") from None
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
#: By the type annotation of a field.
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
