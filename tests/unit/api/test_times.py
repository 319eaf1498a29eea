"""Times: whatever a user writes, the request selects the intended moments."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from airflow_provider_wedata.api import times
from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import parse_query
from airflow_provider_wedata.api.times import TimeWindow, WireZone, Zone
from tests.fuzz.junk import Odd

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = timedelta(seconds=1)
UTC8 = Zone("UTC+8")
# What each name means, written down a second time and by hand.
ZONES: dict[str, tzinfo] = {
    "UTC+8": timezone(timedelta(hours=8)),
    "UTC+6": timezone(timedelta(hours=6)),
    "UTC-5": timezone(timedelta(hours=-5)),
    "UTC+05:30": timezone(timedelta(hours=5, minutes=30)),
    "Europe/Berlin": ZoneInfo("Europe/Berlin"),
}
NEAR = [
    datetime(2026, 3, 1),  # noqa: DTZ001  # wall-clock times are what this is about
    datetime(2026, 3, 29, 1, 59, 59),  # noqa: DTZ001  # Berlin puts the clock forward from 2 to 3
    datetime(2026, 10, 25, 2),  # noqa: DTZ001  # and back from 3 to 2
]
walls = st.datetimes(datetime(2019, 1, 1), datetime(2031, 1, 1)) | st.builds(  # noqa: DTZ001
    lambda near, away: near + away,
    st.sampled_from(NEAR),
    st.timedeltas(timedelta(hours=-3), timedelta(hours=3)),
)
zones = st.sampled_from(sorted(ZONES))


def readings(wall: datetime, zone: tzinfo) -> list[datetime]:
    """Every instant at which a clock in the zone shows this time: none, one or two."""
    offsets = {timedelta(hours=h, minutes=m) for h in range(-12, 15) for m in (0, 30)}
    instants = ((wall - offset).replace(tzinfo=UTC) for offset in offsets)
    return sorted(i for i in instants if i.astimezone(zone).replace(tzinfo=None, fold=0) == wall)


def sent(zone: str, **filters: object) -> dict[str, Any]:
    """Return the request's parameters, with schedule times parsed in its TimeZone, independently of the code."""
    parameters: dict[str, Any] = dict(
        parse_query(filters, project_id="1", time_zone=Zone.parse(zone)).parameters()
    )
    sign, hours = parameters["TimeZone"][3], int(parameters["TimeZone"][4:])
    assert sign == "+"
    for name in ("ScheduleTimeFrom", "ScheduleTimeTo"):
        wall = datetime.strptime(parameters[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        parameters[name] = wall - timedelta(hours=hours)
    return parameters


FORMS: dict[str, Callable[[datetime], object]] = {
    "naive": lambda wall: wall,
    "text": lambda wall: wall.isoformat(sep=" "),
    "padded text": lambda wall: f" {wall.isoformat()}\n",
    "pendulum": lambda wall: pendulum.naive(*wall.timetuple()[:6], wall.microsecond),
}


@pytest.mark.parametrize("form", FORMS)
@given(wall=walls, length=st.timedeltas(timedelta(), timedelta(days=400)), zone=zones)
@example(wall=NEAR[2], length=timedelta(), zone="Europe/Berlin")
@example(wall=NEAR[1] + SECOND, length=timedelta(), zone="Europe/Berlin")
@example(wall=NEAR[1] + timedelta(minutes=30), length=timedelta(minutes=5), zone="Europe/Berlin")
def test_a_naive_time_is_read_on_the_zones_clock_and_never_makes_a_window_narrower(
    form: str, wall: datetime, length: timedelta, zone: str
) -> None:
    start, end = wall.replace(microsecond=0), (wall + length).replace(microsecond=0)
    write = FORMS[form]
    request = sent(zone, schedule_time_from=write(start), schedule_time_to=write(end))
    first, last = request["ScheduleTimeFrom"], request["ScheduleTimeTo"]
    if starts := readings(start, ZONES[zone]):
        assert starts[0] == first
    else:  # the clock never shows it: anything from the moment of the change on is in the window
        assert first.astimezone(ZONES[zone]).replace(tzinfo=None) < start
    if ends := readings(end, ZONES[zone]):
        assert ends[-1] == last
    else:
        assert last.astimezone(ZONES[zone]).replace(tzinfo=None) > end


AWARE: dict[str, Callable[[datetime], object]] = {
    "datetime": lambda moment: moment,
    "text": lambda moment: moment.isoformat(),
    "text with a blank": lambda moment: moment.isoformat(sep=" "),
    "pendulum": pendulum.instance,
}


@pytest.mark.parametrize("form", AWARE)
@given(
    wall=walls,
    length=st.timedeltas(SECOND, timedelta(days=400)),
    written_in=st.sampled_from([*ZONES.values(), UTC, timezone(timedelta(hours=-11, minutes=-30))]),
    zone=zones,
)
def test_an_aware_time_is_the_same_instant_in_every_zone(
    form: str, wall: datetime, length: timedelta, written_in: tzinfo, zone: str
) -> None:
    start, end = wall.replace(tzinfo=UTC), (wall + length).replace(tzinfo=UTC)
    write = AWARE[form]
    request = sent(
        zone,
        schedule_time_from=write(start.astimezone(written_in)),
        schedule_time_to=write(end.astimezone(written_in)),
    )
    assert start <= request["ScheduleTimeFrom"] < start + SECOND
    assert end - SECOND < request["ScheduleTimeTo"] <= end


@given(day=st.dates(date(2019, 1, 1), date(2030, 1, 1)), zone=zones | st.just("America/Havana"))
@example(day=date(2026, 3, 29), zone="Europe/Berlin")
@example(day=date(2026, 3, 8), zone="America/Havana")  # has no midnight
@example(day=date(2026, 11, 1), zone="America/Havana")  # has two
@example(day=date(2019, 2, 16), zone="America/Sao_Paulo")  # ends twice
def test_a_day_is_every_second_that_its_zone_calls_by_it(day: date, zone: str) -> None:
    window = times.whole_day(day, Zone(zone), "f")
    assert window.start is not None
    assert window.end is not None
    local = [
        moment.astimezone(Zone(zone).tzinfo).date()
        for moment in (window.start - SECOND, window.start, window.end, window.end + SECOND)
    ]
    # A day without a midnight begins an hour early, for its midnight might be meant either way.
    assert [local[0], local[2], local[3]] == [day - timedelta(days=1), day, day + timedelta(days=1)]
    assert day - local[1] <= timedelta(days=1)


@given(moment=walls, zone=zones)
def test_the_day_of_an_aware_time_is_the_one_that_contains_it(moment: datetime, zone: str) -> None:
    aware = moment.replace(tzinfo=UTC, microsecond=0)
    window = times.whole_day(aware, Zone(zone), "f")
    assert aware in window
    assert times.whole_day(aware.astimezone(ZONES[zone]).date(), Zone(zone), "f") == window


@pytest.mark.parametrize("value", [date(2026, 3, 1), "2026-03-01", pendulum.date(2026, 3, 1)])
def test_a_date_is_its_midnight_and_as_an_inclusive_end_its_last_second(value: object) -> None:
    def read(function: Callable[[object, Zone, str], datetime]) -> str:
        return WireZone(8).write(function(value, UTC8, "f"))

    assert read(times.first_second) == "2026-03-01 00:00:00"
    assert read(times.last_second) == "2026-03-01 23:59:59"
    assert read(times.second_before) == "2026-02-28 23:59:59"


@pytest.mark.parametrize(
    ("time", "first", "last", "before"),
    [
        ("12:00:00", "12:00:00", "12:00:00", "11:59:59"),
        ("12:00:00.000001", "12:00:01", "12:00:00", "12:00:00"),
        ("12:00:00.999999", "12:00:01", "12:00:00", "12:00:00"),
        ("23:59:59.5", "00:00:00", "23:59:59", "23:59:59"),
    ],
)
def test_a_part_of_a_second_is_rounded_into_the_window(time: str, first: str, last: str, before: str) -> None:
    value = f"2026-03-01 {time}"
    functions = (times.first_second, times.last_second, times.second_before)
    assert [first, last, before] == [WireZone(8).write(read(value, UTC8, "f"))[11:] for read in functions]


AS_IT_IS = {"UTC+1": "UTC+1", "utc+6": "UTC+6", "UTC+08": "UTC+8", "UTC+07:00": "UTC+7", "UTC+14": "UTC+14"}
CONVERTED = ["UTC", "UTC+0", "UTC-5", "UTC+05:30", "Asia/Shanghai", "Asia/Tokyo", "Europe/Berlin"]


@pytest.mark.parametrize(("name", "wire"), [*AS_IT_IS.items(), *dict.fromkeys(CONVERTED, "UTC+8").items()])
def test_only_a_whole_number_of_hours_east_goes_out_as_it_is(name: str, wire: str) -> None:
    assert wire == str(Zone.parse(f" {name} ").wire)


BAD_OFFSETS = ["UTC+15", "UTC+8:60", "UTC+14:30", "GMT+8", "+8", "8", 8]
MORE_BAD_OFFSETS = [
    "UTC+24",
    "UTC+130",
    "UTC+\uff18",
    "UTC+\u0668",
    "UTC\u22128",
    "UTC+8:",
    "UTC+8:3",
    "UTC++8",
    "UTC+8.5",
]
BAD_NAMES = ["", "Mars/Olympus", "Europe", "../etc", "a\0b", None]
MORE_BAD_NAMES = [
    "../etc/passwd",
    "/etc/passwd",
    "Europe/../UTC",
    "Europe/",
    ".",
    "Europe//Berlin",
    "europe/berlin",
]
NO_NAMES = [
    " ",
    "x" * 5000,
    "a/" * 2000 + "b",
    "\ud800",
    "Europe/Berlin\0",
    "zone.tab",
    "__init__.py",
    "tzdata.zi",
]
NOT_EVERYWHERE_THE_SAME = ["localtime", "posixrules", "right/UTC", "posix/Europe/Berlin"]
NO_TEXTS = [10**5000, 8.0, b"UTC", ["UTC"], {}, True, Odd()]


@pytest.mark.parametrize(
    "value",
    [
        *BAD_OFFSETS,
        *MORE_BAD_OFFSETS,
        *BAD_NAMES,
        *MORE_BAD_NAMES,
        *NO_NAMES,
        *NOT_EVERYWHERE_THE_SAME,
        *NO_TEXTS,
    ],
    ids=lambda value: "odd" if value is NO_TEXTS[-1] else ascii(value)[:20] if value != 10**5000 else "long",
)
def test_a_bad_zone_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^time_zone: .* is not a time zone; expected"):
        Zone.parse(value)


@given(name=st.text(max_size=12) | st.from_regex(r"(?i)utc[+-]?[0-9]{0,4}:?[0-9]{0,3}", fullmatch=True))
def test_any_text_is_a_zone_or_refused(name: str) -> None:
    with suppress(InvalidRequest):
        zone = Zone.parse(name)
        assert abs(datetime(2026, 3, 1, tzinfo=UTC).astimezone(zone.tzinfo).utcoffset() or timedelta()) <= (
            timedelta(hours=14)
        )


# The grammar of times once more, independently: shapes, in which every digit is a 9, and arithmetic.

DATES = ("9999-99-99", "99999999")
CLOCKS = ("99:99", "99:99:99", "999999", "99:99:99.9", "999999.9")
OFFSETS = ("", "Z", "+99", "-99", "+9999", "-9999", "+99:99", "-99:99")
SHAPES = frozenset(DATES) | {"".join(parts) for parts in product(DATES, "T ", CLOCKS, OFFSETS)}


def meaning(text: str) -> tuple[datetime, bool, bool] | None:
    """Return the moment in UTC, in whole seconds, that the text means in UTC+8; was it truncated; is it a date?"""
    if re.sub(r"\.9+", ".9", re.sub("[0-9]", "9", text)) not in SHAPES:
        return None
    day, _, rest = text.replace("T", " ").partition(" ")
    wall_clock, sign, offset = re.findall("^([0-9:.]*)([Z+-]?)(.*)$", rest)[0]
    whole, _, fraction = wall_clock.partition(".")
    numbers = [int(two) for two in re.findall("..", whole.replace(":", ""))]
    away = [int(two) for two in re.findall("..", offset.replace(":", ""))]
    if any(n > most for n, most in zip(numbers, (23, 59, 59), strict=False)):
        return None
    if any(n > most for n, most in zip(away, (23, 59), strict=False)):
        return None
    digits = day.replace("-", "")
    try:
        midnight = datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:]), tzinfo=UTC)
    except ValueError:
        return None
    assume(3 < midnight.year < 9997)  # the edges of the calendar have tests of their own
    seconds = sum(n * unit for n, unit in zip(numbers, (3600, 60, 1), strict=False))
    east = sum(n * unit for n, unit in zip(away, (3600, 60), strict=False)) * (-1 if sign == "-" else 1)
    moment = midnight + timedelta(seconds=seconds - (east if sign else 8 * 3600))
    return moment, bool(fraction.strip("0")), not wall_clock


def check_meaning(text: object) -> None:
    """Check that a text or a number is parsed as what it means, or refused."""
    zone = Zone("UTC+8")
    expected = meaning(str(text).strip())
    if expected is None:
        for read in READERS:
            with pytest.raises(InvalidRequest, match=r"^f: .* is not a time; expected"):
                read(text, zone, "f")
        return
    moment, cut, is_date = expected
    end = moment + timedelta(hours=23, minutes=59, seconds=59) if is_date else moment
    midnight = (moment + timedelta(hours=8)).replace(hour=0, minute=0, second=0) - timedelta(hours=8)
    assert moment + cut * SECOND == times.first_second(text, zone, "f")
    assert end == times.last_second(text, zone, "f")
    assert moment - (not cut) * SECOND == times.second_before(text, zone, "f")
    assert TimeWindow(midnight, midnight + timedelta(days=1) - SECOND) == times.whole_day(text, zone, "f")


@st.composite
def almost_times(draw: st.DrawFn) -> str:
    """A text of one of the shapes, with numbers that are mostly but not always valid in a time."""
    moments = st.datetimes(datetime(1000, 1, 1)).map("{:%Y%m%d%H%M%S}".format)  # noqa: DTZ001
    digits = iter(
        draw(moments | st.text("0123456789", min_size=14, max_size=14)) + draw(st.times()).strftime("%H%M")
    )
    fraction = draw(st.text("0123456789", min_size=1, max_size=9) | st.sampled_from(["000000000", "0000001"]))
    shape = draw(st.sampled_from(sorted(SHAPES))).replace(".9", ".#")
    return re.sub("9", lambda _: next(digits), shape).replace("#", fraction)


@given(text=almost_times())
def test_a_text_means_what_it_says(text: str) -> None:
    check_meaning(text)


ODD = "0123456789-+:.,;TZtz W/_'\u0661\uff18\u2212\u3000\xa0\n\0é"


@given(
    text=almost_times(),
    at=st.integers(0, 30),
    odd=st.text(ODD, max_size=2),
    cut=st.integers(0, 2),
)
@example(text="2026-03-01T10:00:00", at=19, odd=",5", cut=0)
@example(text="20260301", at=8, odd="10", cut=0)
def test_a_text_that_was_changed_means_what_it_says_now_or_is_refused(
    text: str, at: int, odd: str, cut: int
) -> None:
    check_meaning(text[:at] + odd + text[at + cut :])


@given(
    digits=st.text("0123456789", min_size=1, max_size=20) | st.dates(date(1000, 1, 1)).map("{:%Y%m%d}".format)
)
def test_of_digits_alone_only_a_date_is_a_time(digits: str) -> None:
    check_meaning(digits)
    check_meaning(int(digits))


BAD_TEXTS = ["", "None", "yesterday", "2026-02-30", "2026-03-01 25:00:00", "{{ ds }}"]
READ_AS_ANOTHER_TIME_ONCE = [
    "20260301100000+0800",
    "2026030112",
    "20260301003000+0800",
    "1770123100000",
    "1770123100",
    "20260301100000",
    "2026-03-01x10:00",
    "2026-W09",
    "2026-W09-7",
    "2026W097",
    "2026-060",
    "2026060",
    "2026-03-01T10",
    "2026-03-01T1000",
    "2026-03-01 24:00:00",
    "2026-03-01 10:00:60",
    "2026-03-01 10:00:00,5",
    "2026-03-01 10:00.5",
    "2026-03-01  10:00",
    "2026-03-01t10:00",
    "2026-03-01T10:00z",
    "2026-03-01T10:00 Z",
    "2026-03-01T10:00+24",
    "2026-03-01T10:00+08:60",
    "2026-03-01T10:00+8",
    "2026-03-01T10:00+08:00:01",
    "2026-03-01T10:00\u221205:00",
    "2026-03-01Z",
    "2026-0301",
    "202603-01",
    "\uff12\uff10\uff12\uff16-03-01",
    "2026-03-0\u0661",
    "+2026-03-01",
    "2026-3-1",
    "01.03.2026",
]


@pytest.mark.parametrize("text", READ_AS_ANOTHER_TIME_ONCE)
def test_what_is_almost_a_time_is_refused_with_the_forms_that_are(text: str) -> None:
    for read in READERS:
        with pytest.raises(InvalidRequest) as refused:
            read(text, UTC8, "completed_after")
        assert (
            f"{text!r} is not a time; expected a datetime, a date, or text: yyyy-MM-dd or"
            in refused.value.problem
        )


AIRFLOWS_OWN = [
    ("2026-03-01", "2026-02-28 16:00:00"),  # ds
    ("20260301", "2026-02-28 16:00:00"),  # ds_nodash
    (20260301, "2026-02-28 16:00:00"),  # ds_nodash, rendered natively
    ("2026-03-01T01:30:00+00:00", "2026-03-01 01:30:00"),  # ts, and isoformat()
    ("2026-03-01T01:30:00.123456+00:00", "2026-03-01 01:30:01"),
    ("20260301T013000", "2026-02-28 17:30:00"),  # ts_nodash
    ("20260301T013000.123456", "2026-02-28 17:30:01"),
    ("20260301T013000+0000", "2026-03-01 01:30:00"),  # ts_nodash_with_tz
    ("20260301T013000.123456+0000", "2026-03-01 01:30:01"),
    ("2026-03-01 01:30:00+00:00", "2026-03-01 01:30:00"),  # a rendered datetime
    ("2026-03-01 01:30:00.123456+00:00", "2026-03-01 01:30:01"),
    ("2026-03-01T01:30:00Z", "2026-03-01 01:30:00"),  # pendulum
    (str(pendulum.datetime(2026, 3, 1, 1, 30)), "2026-03-01 01:30:00"),
    (pendulum.datetime(2026, 3, 1, 1, 30).to_iso8601_string(), "2026-03-01 01:30:00"),
]


@pytest.mark.parametrize(("value", "first"), AIRFLOWS_OWN)
def test_what_airflow_writes_is_read(value: object, first: str) -> None:
    moment = times.first_second(value, UTC8, "f")
    assert first == moment.replace(tzinfo=None).isoformat(sep=" ")


class Stamp(datetime):
    """As `pandas.Timestamp`: a datetime with nanoseconds."""

    nanosecond = 1


class NotATime(datetime):
    """As `pandas.NaT`: an instance of datetime that holds no time."""

    year = property(lambda _: float("nan"))

    def __repr__(self) -> str:
        return "NaT"


def test_not_a_time_is_refused_by_name() -> None:
    for read in READERS:
        with pytest.raises(InvalidRequest, match=r"^completed_after: NaT is not a time; expected"):
            read(NotATime(1, 1, 1), UTC8, "completed_after")


@pytest.mark.parametrize(
    "value", ["2026-03-01 12:00:00.000000001", "2026-03-01 12:00:00.0000001+08:00", Stamp(2026, 3, 1, 12)]
)
def test_of_a_smaller_part_of_a_second_too_no_window_is_too_narrow_and_no_end_too_early(
    value: object,
) -> None:
    functions = (times.first_second, times.last_second, times.second_before)
    assert [WireZone(8).write(read(value, UTC8, "f"))[11:] for read in functions] == [
        "12:00:01",
        "12:00:00",
        "12:00:00",
    ]


class NoZone(tzinfo):
    """A tzinfo without an offset, which Python treats as naive."""

    def utcoffset(self, _moment: datetime | None) -> None:
        return None

    def dst(self, _moment: datetime | None) -> None:
        return None

    def tzname(self, _moment: datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    ("value", "first"),
    [
        (datetime(2026, 3, 1, 12, tzinfo=NoZone()), datetime(2026, 3, 1, 4, tzinfo=UTC)),
        (
            datetime(2026, 10, 25, 2, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 10, 25, 1, tzinfo=UTC),
        ),
    ],
    ids=["no offset", "fold"],
)
def test_a_datetime_means_what_python_says(value: datetime, first: datetime) -> None:
    assert first == times.first_second(value, UTC8, "f")


READERS = [times.first_second, times.last_second, times.second_before, times.whole_day]


@pytest.mark.parametrize("value", [*BAD_TEXTS, None, 7, 1756296000.0, b"2026-03-01"])
@pytest.mark.parametrize("read", READERS)
def test_a_bad_time_is_refused_by_name(read: Callable[..., object], value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^schedule_date: .* is not a time; expected") as refused:
        read(value, UTC8, "schedule_date")
    assert refused.value.field == "schedule_date"


EDGES = [datetime.min, datetime.max, datetime(1, 1, 1, 5), datetime(9999, 12, 31)]  # noqa: DTZ001, DTZ901


@pytest.mark.parametrize("zone", ["UTC-5", "UTC+8", "Europe/Berlin"])
@pytest.mark.parametrize("offset", [None, -12, 14])
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(
    "name", ["schedule_date", "schedule_time_from", "schedule_time_to", "schedule_time_before"]
)
def test_a_time_at_the_edge_of_the_calendar_is_refused_by_name(
    name: str, edge: datetime, offset: int | None, zone: str
) -> None:
    value = edge if offset is None else edge.replace(tzinfo=timezone(timedelta(hours=offset)))
    with pytest.raises(InvalidRequest, match=rf"^{name}: .* beyond"):
        parse_query({name: value}, project_id="1", time_zone=Zone(zone))


def anywhere(offset: int | None, edge: datetime, away: timedelta) -> datetime:
    zone = None if offset is None else timezone(timedelta(minutes=offset))
    with suppress(OverflowError):
        return (edge + away).replace(tzinfo=zone)
    return edge.replace(tzinfo=zone)


times_anywhere = st.builds(
    anywhere,
    st.none() | st.integers(-1439, 1439),
    st.sampled_from(
        [datetime(1, 1, 1), datetime(2, 1, 1), datetime(1900, 1, 1), datetime(9999, 1, 1), datetime.max]  # noqa: DTZ001, DTZ901
    ),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
)
FURTHEST = [timezone(timedelta(minutes=minutes)) for minutes in (-1439, -720, 840, 1439)]


@given(
    value=times_anywhere | times_anywhere.map(datetime.date) | times_anywhere.map(str),
    zone=st.sampled_from(["UTC-12", "UTC+14", "UTC+8", "Europe/Berlin", "Pacific/Apia", "America/Adak"]),
)
@example(value=date(9998, 12, 31), zone="UTC-12")
@example(value=date(2, 1, 1), zone="UTC+14")
@example(value="9998-12-31T23:59:59.5Z", zone="UTC+14")
@example(value="0002-01-01T00:00:00Z", zone="UTC-12")
def test_an_accepted_time_can_be_written_in_every_zone_and_read_again(
    value: datetime | date | str, zone: str
) -> None:
    accepted: list[datetime] = []
    for read in (times.first_second, times.last_second, times.second_before):
        with suppress(InvalidRequest):
            accepted.append(read(value, Zone(zone), "f"))
    with suppress(InvalidRequest):
        day = times.whole_day(value, Zone(zone), "f")
        accepted += [end for end in (day.start, day.end) if end]
    for moment in accepted:
        for other in (*FURTHEST, Zone(zone).tzinfo):
            for near in (moment - SECOND, moment, moment + SECOND):
                assert near == datetime.fromisoformat(near.astimezone(other).isoformat())
        assert {moment} == {WireZone(hours).parse(WireZone(hours).write(moment)) for hours in range(1, 15)}
        assert moment == times.first_second(moment.isoformat(), Zone("UTC"), "f")


@given(moment=st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), hours=st.integers(1, 14))  # noqa: DTZ001
def test_what_is_written_is_read_again(moment: datetime, hours: int) -> None:
    aware, zone = moment.replace(tzinfo=UTC, microsecond=0), WireZone(hours)
    text = zone.write(aware)
    assert len(text) == len("yyyy-MM-dd HH:mm:ss")
    assert aware == zone.parse(text)


def test_text_that_brings_its_offset_keeps_it() -> None:
    assert WireZone(8).parse("2026-03-01T00:00:00+00:00") == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "2026-03-01",
        "20260301100000+0800",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31 23:59:59",
    ],
)
def test_an_answer_with_another_text_or_a_time_off_the_calendar_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"^yyyy-MM-dd HH:mm:ss$"):
        WireZone(8).parse(text)


def test_a_window_is_described_in_the_time_zone_of_its_reader() -> None:
    window = TimeWindow(datetime(2026, 3, 1, tzinfo=UTC))
    assert window.describe(UTC8) == "2026-03-01 08:00:00 to open UTC+8"
    assert window.describe(Zone("Europe/Berlin")) == "2026-03-01 01:00:00 to open Europe/Berlin"
