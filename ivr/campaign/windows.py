"""Windows: whether a number may be called at a moment, and when it next may.

Law: pure; moments are aware datetimes. What is not surely allowed is not allowed: nobody is called in a zone that is
not known, or that this machine's zone data does not have. Wall clocks decide: an hour that a clock change leaves out
holds no moment, one that it repeats is open both times or closed both times.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from ivr.campaign.model import Calling
from ivr.campaign.numbers import may_be_in

#: How far `next_opening` looks when the campaign has no end.
HORIZON_DAYS = 400
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


def called_zone(calling: Calling, zone: str, number: str) -> str:
    """The zone by which the number is called: its own, ``zone``; else the campaign's, if that is a zone of the
    number's country at all: a list of one country may hold a number of another. "": nobody knows it."""
    if zone:
        return zone
    return calling.zone if calling.zone and may_be_in(number, calling.zone) else ""


def may_call(calling: Calling, zone: str, at: datetime) -> bool:
    """``zone``: the called party's, see ``called_zone``; "" is the campaign's."""
    where = zone_info(zone or calling.zone)
    return where is not None and _is_open(calling, where, _aware(at))


def next_opening(calling: Calling, zone: str, after: datetime) -> datetime | None:
    """The first moment from ``after`` on at which the number may be called, in UTC; None when there is none."""
    where = zone_info(zone or calling.zone)
    after = _aware(after).astimezone(UTC)
    if where is None or not calling.open:
        return None
    if _is_open(calling, where, after):
        return after
    day = after.astimezone(where).date()
    if calling.first_day is not None:
        day = max(day, calling.first_day - _DAY)  # a day for the zones between
    last = min(day + HORIZON_DAYS * _DAY, (calling.last_day or date.max - 2 * _DAY) + _DAY)
    while day <= last:
        if any(day.weekday() in w.days for w in calling.open):
            turns = (t for t in _openings(calling, where, day) if t > after and t.astimezone(where).date() == day)
            found = min((t for t in turns if _is_open(calling, where, t)), default=None)
            if found is not None:
                return found
        day += _DAY
    return None


def local_day(zone: str, at: datetime) -> tuple[datetime, datetime]:
    """The local day that ``at`` lies in: its first moment and that of the next, in UTC. For `per_day`."""
    where = zone_info(zone) or UTC
    day = _aware(at).astimezone(where).date()
    return _first_moment(where, day), _first_moment(where, day + _DAY)


@lru_cache(maxsize=1024)
def zone_info(name: str) -> ZoneInfo | None:
    """None for a name that is no zone here."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        return None


@lru_cache(maxsize=64)
def holiday_calendar(place: str) -> Container[date] | None:
    """The holidays of a country (CN), or of a part of one (DE-BY); None for a place that is not known."""
    country, _, part = place.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        return None


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at!r}; give an aware datetime")
    return at


def _is_open(calling: Calling, where: ZoneInfo, at: datetime) -> bool:
    local = at.astimezone(where)
    day, minute, weekday = local.date(), local.hour * 60 + local.minute, local.weekday()
    if not any(w.opens <= minute < w.closes and weekday in w.days for w in calling.open):
        return False
    if calling.starts or calling.ends:
        counted = at.astimezone(zone_info(calling.zone) or where).date() if calling.zone else day
        if (calling.first_day and counted < calling.first_day) or (calling.last_day and counted > calling.last_day):
            return False
    if not calling.holidays:
        return True
    calendar = holiday_calendar(calling.holidays)
    return calendar is not None and day not in calendar


def _openings(calling: Calling, where: ZoneInfo, day: date) -> Iterator[datetime]:
    """Every moment of a local day at which it can turn from closed to open, and some of the days beside it."""
    for window in calling.open:
        wall = datetime(day.year, day.month, day.day) + window.opens * _MINUTE
        for fold in (0, 1):
            yield wall.replace(tzinfo=where, fold=fold).astimezone(UTC)
    change = _clock_change(where, day)
    if change is not None:
        yield change
    if calling.first_day is not None:
        yield _first_moment(zone_info(calling.zone) or where, calling.first_day)


def _clock_change(where: ZoneInfo, day: date) -> datetime | None:
    """The moment around ``day`` at which the zone's clocks are set, if they are."""
    low = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    high = low + timedelta(hours=56)
    before = low.astimezone(where).utcoffset()
    if before == high.astimezone(where).utcoffset():
        return None
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(where).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _first_moment(where: tzinfo, day: date) -> datetime:
    """The first moment of a local day, in UTC, also where its midnight is left out."""
    midnight = datetime(day.year, day.month, day.day)
    found = midnight.replace(tzinfo=where).astimezone(UTC)
    if found.astimezone(where).replace(tzinfo=None) == midnight:
        return found
    change = _clock_change(where, day) if isinstance(where, ZoneInfo) else None
    return change if change is not None else found
