"""Zones: when the local clock of a place changes, as rows, for a database that knows no zones.

Law: pure; reads the time zones of this machine. PostgreSQL has the same in itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Calls of these years have the right day on SQLite; earlier and later ones the nearest offset.
YEARS = (2000, 2100)


class ZoneError(ValueError):
    """There is no such zone; the message says what to write."""


def zone_of(name: str) -> ZoneInfo:
    """Raises ZoneError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ZoneError(f"no time zone {name!r} on this machine; write one like Europe/Berlin or UTC") from None


@lru_cache(maxsize=4)
def offsets(name: str) -> tuple[tuple[datetime, int], ...]:
    """(from when, seconds that local time is before UTC), the earliest first; it begins long before any call."""
    zone = zone_of(name)

    def seconds(at: datetime) -> int:
        offset = at.astimezone(zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())

    day = timedelta(days=1)
    at, end = datetime(YEARS[0], 1, 1, tzinfo=UTC), datetime(YEARS[1], 1, 1, tzinfo=UTC)
    found = [(datetime(1, 1, 2, tzinfo=UTC), seconds(at))]
    while at < end:
        if seconds(at + day) != found[-1][1]:
            found.append(_change(seconds, at, at + day))
        at += day
    return tuple(found)


def _change(seconds: Callable[[datetime], int], low: datetime, high: datetime) -> tuple[datetime, int]:
    """The second within a day at which the offset is another; a day has one change at most."""
    before = seconds(low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
        low, high = (middle, high) if seconds(middle) == before else (low, middle)
    return high, seconds(high)
