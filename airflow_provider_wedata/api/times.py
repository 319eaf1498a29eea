"""Converts the times of users and of WeData to aware datetimes, and back.

The only module that knows WeData's text format, its whole seconds and its time zones.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from numbers import Integral
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow_provider_wedata.api.errors import InvalidRequest, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = timedelta(seconds=1)
#: Bounds of accepted times, so that one second more or less and any zone's local time stay on the calendar.
_FIRST = datetime(2, 1, 1, tzinfo=UTC)
_LAST = datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)
_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
# Checked before parsing: `fromisoformat` accepts any character as separator, and so misparses text that is
# almost a time.
_TIME = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4})"
    rf"(?P<time>[T ]{_HOUR}(?::{_SIXTY}|(?::{_SIXTY}:{_SIXTY}|{_SIXTY}{_SIXTY})(?:\.(?P<fraction>[0-9]+))?)"
    rf"(?:Z|[+-]{_HOUR}(?::?{_SIXTY})?)?)?"
)
#: The subset accepted from WeData: its own format, and two that are as clear: with T, as in a sample of another
#: action, and with an offset.
_ANSWERED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")
_EXPECTED = (
    "expected a datetime, a date, or text: yyyy-MM-dd or yyyyMMdd, alone or followed by T or one space and HH:mm, "
    "HH:mm:ss or HHmmss (with a fraction or without), and then by nothing, Z, ±HH, ±HHmm or ±HH:mm"
)
# UTC+130 is refused: it may mean 1:30 or 13:0.
_OFFSET = re.compile(r"UTC(?:([+-])(?![0-9]{3}$)([0-9]{1,2})(?::?([0-9]{2}))?)?", re.IGNORECASE | re.ASCII)
# At most three parts. Other files in the folder are refused: `localtime` differs between machines, `right` counts
# leap seconds.
_IANA_NAME = re.compile(
    r"(?!localtime$|posixrules$|posix/|right/)[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}"
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone, by the user's name for it; `wire` is what is sent to WeData.

    :param name: such as ``UTC+8``, ``UTC-5``, ``UTC+05:30``, ``Europe/Berlin``.
    """

    name: str

    @property
    def tzinfo(self) -> tzinfo:
        """The zone as a `tzinfo`."""
        return _offset(self.name) or _named(self.name)

    @property
    def wire(self) -> WireZone:
        """The fixed offset that is sent to WeData: the zone itself if it is UTC+N, else UTC+8.

        Official samples only have ``UTC+N`` with whole hours, so nothing else is sent.
        """
        fixed = _offset(self.name)
        hours = fixed.utcoffset(None) / timedelta(hours=1) if fixed else 0.0
        return WireZone(int(hours) if hours in range(1, 15) else 8)

    @staticmethod
    def parse(value: object, field: str = "time_zone") -> Zone:
        """Parse the name of a time zone.

        :raises InvalidRequest: if it is not one of ``UTC``, ``UTC±N``, ``UTC±HH:MM`` or an IANA name.
        """
        try:
            zone = Zone(str(value).strip() if isinstance(value, str | tzinfo) else "")
            _ = zone.tzinfo
        except (ValueError, OSError, KeyError):
            raise InvalidRequest(
                field,
                f"{describe(value)} is not a time zone; expected UTC+8, UTC-5, UTC+05:30 or an IANA name",
            ) from None
        return zone


@dataclass(frozen=True, slots=True)
class WireZone:
    """An offset from UTC in whole hours: the parameter ``TimeZone``."""

    hours: int

    def __str__(self) -> str:
        return f"UTC+{self.hours}"

    @property
    def tzinfo(self) -> tzinfo:
        """The offset as a `tzinfo`."""
        return _hours(self.hours)

    def write(self, moment: datetime) -> str:
        """Format the time as ``yyyy-MM-dd HH:mm:ss`` in this zone."""
        return moment.astimezone(self.tzinfo).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")

    def parse(self, text: str) -> datetime:
        """Parse a time of WeData; in this zone, unless it has an offset.

        :raises ValueError: if the text is not a time, or so close to the ends of the calendar (such as the year 1,
            Go's zero time) that it can't be converted to every zone.
        """
        moment = _parse(text) if _ANSWERED.match(text) else None
        if isinstance(moment, datetime):
            moment = moment if moment.tzinfo else moment.replace(tzinfo=self.tzinfo)
            if _FIRST.year <= moment.year <= _LAST.year or _FIRST <= moment <= _LAST:
                return moment
        raise ValueError("yyyy-MM-dd HH:mm:ss")


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A time window in whole seconds, inclusive at both ends; None is an open end."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def closed(self) -> bool:
        """True if both ends are set."""
        return self.start is not None and self.end is not None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)

    def describe(self, zone: Zone) -> str:
        """Describe the window for a message, in the reader's time zone."""
        start, end = (
            end and end.astimezone(zone.tzinfo).replace(tzinfo=None) for end in (self.start, self.end)
        )
        return f"{start or 'open'} to {end or 'open'} {zone.name}"


#: Contains every time.
OPEN = TimeWindow()


def first_second(value: object, zone: Zone, field: str) -> datetime:
    """Return the first whole second of a window that starts at the value; a date starts at midnight."""
    with _on_the_calendar(value, field):
        return _first(_parse_value(value, field), zone)


def not_before(value: object, zone: Zone, field: str) -> datetime:
    """Return the first whole second that is certainly not before the value; a date means its midnight.

    An ambiguous local time means the later moment: whatever is done before that may be done before the value.
    """
    with _on_the_calendar(value, field):
        return _bounded(_round_up(max(_moments(_parse_value(value, field), zone))))


def last_second(value: object, zone: Zone, field: str) -> datetime:
    """Return the last whole second of a window that ends with the value; a date ends at 23:59:59."""
    with _on_the_calendar(value, field):
        return _last(_parse_value(value, field), zone)


def second_before(value: object, zone: Zone, field: str) -> datetime:
    """Return the last whole second before the value; a date means its midnight."""
    with _on_the_calendar(value, field):
        return _bounded(_round_up(max(_moments(_parse_value(value, field), zone))) - SECOND)


def whole_day(value: object, zone: Zone, field: str) -> TimeWindow:
    """Return the day of the value; for an aware time, the day in `zone` that contains it."""
    with _on_the_calendar(value, field):
        wall = _parse_value(value, field)
        if isinstance(wall, datetime):
            wall = (wall.astimezone(zone.tzinfo) if wall.tzinfo else wall).date()
        return TimeWindow(_first(wall, zone), _last(wall, zone))


@contextmanager
def _on_the_calendar(value: object, field: str) -> Iterator[None]:
    try:
        yield
    except OverflowError:
        raise InvalidRequest(
            field, f"{describe(value)} is beyond the calendar; expected a year from 2 to 9998 in UTC"
        ) from None


def _bounded(moment: datetime) -> datetime:
    if not _FIRST <= moment <= _LAST:
        raise OverflowError
    return moment


def _first(wall: datetime | date, zone: Zone) -> datetime:
    return _bounded(_round_up(min(_moments(wall, zone))))


def _last(wall: datetime | date, zone: Zone) -> datetime:
    if not isinstance(wall, datetime):
        wall = datetime.combine(wall, time(23, 59, 59))
    return _bounded(max(_moments(wall, zone)).replace(microsecond=0))


def _parse_value(value: object, field: str) -> datetime | date:
    """Parse a user's value into a date, a naive wall-clock time, or an aware time in UTC."""
    wall = value
    if isinstance(value, str):
        wall = _parse(value.strip())
    elif isinstance(value, Integral) and 10**7 <= int(value) < 10**8:  # ds_nodash, rendered natively
        wall = _parse(str(int(value)))
    if isinstance(wall, datetime):
        wall = _plain(wall)
    if not isinstance(wall, date):
        raise InvalidRequest(field, f"{describe(value)} is not a time; {_EXPECTED}")
    return wall


def _parse(text: str) -> datetime | date | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        if match["time"] is None:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:  # such as February 30
        return None
    rest = (match["fraction"] or "")[6:].strip("0")  # what fromisoformat truncates
    return moment.replace(microsecond=_fraction(moment, rest)) if rest else moment


def _plain(moment: datetime) -> datetime | None:
    """Convert to a `datetime` of the standard library, in UTC if it is aware; None if it holds no time.

    This avoids the arithmetic of pendulum and pandas. `pandas.NaT` is a datetime whose year is not a number.
    """
    try:
        plain = datetime(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            _fraction(moment, getattr(moment, "nanosecond", 0)),
            moment.tzinfo,
            fold=moment.fold,
        )
    except (TypeError, ValueError):
        return None
    return plain.replace(tzinfo=None) if plain.utcoffset() is None else plain.astimezone(UTC)


def _fraction(moment: datetime, rest: object) -> int:
    """Return the microseconds; 1 if there is only a smaller fraction, so that rounding up still sees it."""
    return moment.microsecond or int(bool(rest))


def _moments(wall: datetime | date, zone: Zone) -> tuple[datetime, datetime]:
    """Return the two moments that a wall-clock time can mean when the clock is put forward or back.

    Usually they are the same. Of two, the caller takes the one that makes a gate wait longer: an hour too many is
    late, an hour too few is wrong.
    """
    if not isinstance(wall, datetime):
        wall = datetime.combine(wall, time())
    local = wall if wall.tzinfo else wall.replace(tzinfo=zone.tzinfo)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _round_up(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + (SECOND if moment.microsecond else timedelta())


@cache  # Python compares times much faster if their zone is one object
def _hours(hours: int) -> timezone:
    return timezone(timedelta(hours=hours))


def _named(name: str) -> ZoneInfo:
    if not _IANA_NAME.fullmatch(name):
        raise ValueError(name)
    return ZoneInfo(name)


def _offset(name: str) -> timezone | None:
    match = _OFFSET.fullmatch(name)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if int(minutes or 0) > 59 or offset > timedelta(hours=14):  # noqa: PLR2004 - limits of a clock
        raise ValueError(name)
    return timezone(-offset if sign == "-" else offset)
