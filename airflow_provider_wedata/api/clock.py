"""Times: what a user writes, what WeData writes, and the one thing that both mean, an aware datetime.

The only place that knows WeData's text form, its whole seconds and its time zones.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from airflow_provider_wedata.api.errors import InvalidRequest

SECOND = timedelta(seconds=1)
#: A time in an answer. Python alone takes any character between date and time, and a date without a time.
#: An offset, or a T as in the sample of another action, leaves no doubt.
_WIRE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_OFFSET = re.compile(r"UTC(?:([+-])(\d{1,2})(?::?(\d{2}))?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone, as the user named it and as WeData is told.

    :param name: the user's name for it: ``UTC+8``, ``UTC-5``, ``UTC+05:30``, ``Europe/Berlin``.
    """

    name: str

    @property
    def tzinfo(self) -> tzinfo:
        """The zone as Python knows it."""
        return _offset(self.name) or ZoneInfo(self.name)

    @property
    def wire(self) -> WireZone:
        """The fixed offset that goes to WeData: the zone itself where it is UTC+N, else UTC+8.

        Only ``UTC+N`` with whole hours was ever seen in an official sample, so nothing else is sent.
        """
        fixed = _offset(self.name)
        hours = fixed.utcoffset(None) / timedelta(hours=1) if fixed else 0.0
        return WireZone(int(hours) if hours in range(1, 15) else 8)

    @staticmethod
    def read(value: object, field: str = "time_zone") -> Zone:
        """Return the zone that the text names.

        :raises InvalidRequest: if it is none of ``UTC``, ``UTC±N``, ``UTC±HH:MM`` or an IANA name.
        """
        zone = Zone(str(value).strip())
        try:
            _ = zone.tzinfo
        except (ValueError, OSError, KeyError):
            raise InvalidRequest(
                field, f"{value!r} is no time zone; expected UTC+8, UTC-5, UTC+05:30 or an IANA name"
            ) from None
        return zone


@dataclass(frozen=True, slots=True)
class WireZone:
    """An offset from UTC in whole hours, as the parameter ``TimeZone`` has it."""

    hours: int

    def __str__(self) -> str:
        return f"UTC+{self.hours}"

    @property
    def tzinfo(self) -> tzinfo:
        """The offset as Python knows it."""
        return timezone(timedelta(hours=self.hours))

    def write(self, moment: datetime) -> str:
        """Return the moment as ``yyyy-MM-dd HH:mm:ss`` on this zone's clock."""
        return moment.astimezone(self.tzinfo).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")

    def read(self, text: str) -> datetime:
        """Return the moment that WeData's text means on this zone's clock.

        A year at the edge of the calendar, such as the year 1 by which Go says "never", is no moment: moved to
        another zone, it would fall off.

        :raises ValueError: if it is no such text.
        """
        try:
            moment = datetime.fromisoformat(text) if _WIRE_TIME.fullmatch(text) else None
        except ValueError:
            moment = None
        if moment is None or moment.year in {date.min.year, date.max.year}:
            raise ValueError("yyyy-MM-dd HH:mm:ss")
        return moment if moment.tzinfo else moment.replace(tzinfo=self.tzinfo)


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in whole seconds, inclusive at both ends; None is an open end."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def closed(self) -> bool:
        """True if both ends are given."""
        return self.start is not None and self.end is not None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)

    def told(self, zone: Zone) -> str:
        """Return the window in words, on the clock of its reader."""
        start, end = (
            end and end.astimezone(zone.tzinfo).replace(tzinfo=None) for end in (self.start, self.end)
        )
        return f"{start or 'open'} to {end or 'open'} {zone.name}"


#: Every time.
OPEN = Window()


def first_second(value: object, zone: Zone, field: str) -> datetime:
    """Return the first whole second of a window that begins at the value; a date begins at midnight."""
    return _round_up(min(_readings(_read(value, field), zone)))


def last_second(value: object, zone: Zone, field: str) -> datetime:
    """Return the last whole second of a window that ends with the value; a date ends at 23:59:59."""
    wall = _read(value, field)
    if not isinstance(wall, datetime):
        wall = datetime.combine(wall, time(23, 59, 59))
    return max(_readings(wall, zone)).replace(microsecond=0)


def second_before(value: object, zone: Zone, field: str) -> datetime:
    """Return the last whole second before the value; a date is its midnight."""
    return _round_up(max(_readings(_read(value, field), zone))) - SECOND


def whole_day(value: object, zone: Zone, field: str) -> Window:
    """Return the day that the value names; of an aware time the day in `zone` that contains it."""
    wall = _read(value, field)
    if isinstance(wall, datetime):
        wall = (wall.astimezone(zone.tzinfo) if wall.tzinfo else wall).date()
    return Window(first_second(wall, zone, field), last_second(wall, zone, field))


def _read(value: object, field: str) -> datetime | date:
    wall = _parsed(value) if isinstance(value, str) else value
    if not isinstance(wall, date):
        raise InvalidRequest(
            field, f"{value!r} is no time; expected a datetime, ISO 8601, yyyy-MM-dd HH:mm:ss or yyyy-MM-dd"
        )
    if wall.year in {date.min.year, date.max.year}:  # moved to another zone, it would fall off the edge
        raise InvalidRequest(field, f"{value!r} is beyond the calendar; expected a year from 2 to 9998")
    return _plain(wall) if isinstance(wall, datetime) else wall


def _parsed(text: str) -> datetime | date | None:
    for parse in (date.fromisoformat, datetime.fromisoformat):
        with suppress(ValueError):
            return parse(text.strip())
    return None


def _plain(moment: datetime) -> datetime:
    """Return the same as a `datetime` of the standard library: pendulum's own arithmetic stays outside."""
    if moment.tzinfo:
        moment = moment.astimezone(UTC)
    return datetime.combine(date(moment.year, moment.month, moment.day), moment.time(), moment.tzinfo)


def _readings(wall: datetime | date, zone: Zone) -> tuple[datetime, datetime]:
    """Return the two moments that a wall-clock time can mean where the clock is put forward or back.

    Where it means only one, as nearly always, the two are the same. Of two, the caller takes the one that
    makes its window wider: a gate that waits for an hour too many is late, one for an hour too few is wrong.
    """
    if not isinstance(wall, datetime):
        wall = datetime.combine(wall, time())
    local = wall if wall.tzinfo else wall.replace(tzinfo=zone.tzinfo)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _round_up(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + (SECOND if moment.microsecond else timedelta())


def _offset(name: str) -> timezone | None:
    match = _OFFSET.fullmatch(name)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if int(minutes or 0) > 59 or offset > timedelta(hours=14):  # noqa: PLR2004 - a clock's own numbers
        raise ValueError(name)
    return timezone(-offset if sign == "-" else offset)
