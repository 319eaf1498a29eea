"""Times: whatever a user writes, the request picks the instants that were meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_wedata.api import clock
from airflow_provider_wedata.api.clock import Window, WireZone, Zone
from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import read_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

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
    """Return the request's parameters, its schedule times read by its own TimeZone, with our own arithmetic."""
    parameters: dict[str, Any] = dict(
        read_query(filters, project_id="1", time_zone=Zone.read(zone)).parameters()
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
    window = clock.whole_day(day, Zone(zone), "f")
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
    window = clock.whole_day(aware, Zone(zone), "f")
    assert aware in window
    assert clock.whole_day(aware.astimezone(ZONES[zone]).date(), Zone(zone), "f") == window


@pytest.mark.parametrize("value", [date(2026, 3, 1), "2026-03-01", pendulum.date(2026, 3, 1)])
def test_a_date_is_its_midnight_and_as_an_inclusive_end_its_last_second(value: object) -> None:
    def read(function: Callable[[object, Zone, str], datetime]) -> str:
        return WireZone(8).write(function(value, UTC8, "f"))

    assert read(clock.first_second) == "2026-03-01 00:00:00"
    assert read(clock.last_second) == "2026-03-01 23:59:59"
    assert read(clock.second_before) == "2026-02-28 23:59:59"


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
    functions = (clock.first_second, clock.last_second, clock.second_before)
    assert [first, last, before] == [WireZone(8).write(read(value, UTC8, "f"))[11:] for read in functions]


AS_IT_IS = {"UTC+1": "UTC+1", "utc+6": "UTC+6", "UTC+08": "UTC+8", "UTC+07:00": "UTC+7", "UTC+14": "UTC+14"}
CONVERTED = ["UTC", "UTC+0", "UTC-5", "UTC+05:30", "Asia/Shanghai", "Asia/Tokyo", "Europe/Berlin"]


@pytest.mark.parametrize(("name", "wire"), [*AS_IT_IS.items(), *dict.fromkeys(CONVERTED, "UTC+8").items()])
def test_only_a_whole_number_of_hours_east_goes_out_as_it_is(name: str, wire: str) -> None:
    assert wire == str(Zone.read(f" {name} ").wire)


BAD_OFFSETS = ["UTC+15", "UTC+8:60", "UTC+14:30", "GMT+8", "+8", "8", 8]
BAD_NAMES = ["", "Mars/Olympus", "Europe", "../etc", "a\0b", None]


@pytest.mark.parametrize("value", [*BAD_OFFSETS, *BAD_NAMES])
def test_a_bad_zone_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^time_zone: .* is no time zone; expected"):
        Zone.read(value)


BAD_TEXTS = ["", "None", "yesterday", "2026-02-30", "2026-03-01 25:00:00", "{{ ds }}"]
READERS = [clock.first_second, clock.last_second, clock.second_before, clock.whole_day]


@pytest.mark.parametrize("value", [*BAD_TEXTS, None, 7, 1756296000.0, b"2026-03-01"])
@pytest.mark.parametrize("read", READERS)
def test_a_bad_time_is_refused_by_name(read: Callable[..., object], value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^schedule_date: .* is no time; expected") as refused:
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
        read_query({name: value}, project_id="1", time_zone=Zone(zone))


@given(moment=st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), hours=st.integers(1, 14))  # noqa: DTZ001
def test_what_is_written_is_read_again(moment: datetime, hours: int) -> None:
    aware, zone = moment.replace(tzinfo=UTC, microsecond=0), WireZone(hours)
    text = zone.write(aware)
    assert len(text) == len("yyyy-MM-dd HH:mm:ss")
    assert aware == zone.read(text)


def test_text_that_brings_its_offset_keeps_it() -> None:
    assert WireZone(8).read("2026-03-01T00:00:00+00:00") == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_window_is_told_on_the_clock_of_its_reader() -> None:
    window = Window(datetime(2026, 3, 1, tzinfo=UTC))
    assert window.told(UTC8) == "2026-03-01 08:00:00 to open UTC+8"
    assert window.told(Zone("Europe/Berlin")) == "2026-03-01 01:00:00 to open Europe/Berlin"
