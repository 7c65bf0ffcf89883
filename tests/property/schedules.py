"""Random schedules over every zone and its clock changes: 0 calls outside the window (fault 94).

`python -m tests.property.schedules 1000000` plays so many; the suite plays fewer. The oracle knows nothing of windows,
folds and gaps: it looks at the wall clock of every single minute of some days, and at nothing else.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import holidays
import numpy as np

from ivr.campaign.model import Calling, Window
from ivr.campaign.windows import may_call, next_opening

ZONES = sorted(available_timezones())
DAYS = 9
MINUTES = DAYS * 24 * 60
PLACES = ("", "CN", "DE-BY", "US", "GB", "SA", "NZ", "BR")
EPOCH = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=4096)
def clock(zone: str, start: int) -> tuple[np.ndarray, np.ndarray]:
    """(days since 1970, minute of the day) on the wall at each minute from ``start``, seconds since 1970, on."""
    where = ZoneInfo(zone)
    walls = [datetime.fromtimestamp(start + 60 * n, where) for n in range(MINUTES)]
    days = np.array([w.toordinal() - EPOCH for w in walls], dtype=np.int32)
    return days, np.array([w.hour * 60 + w.minute for w in walls], dtype=np.int32)


@lru_cache(maxsize=4096)
def week(zone: str, start: int) -> np.ndarray:
    return (clock(zone, start)[0] + 3) % 7  # 1970 began on a Thursday


@lru_cache(maxsize=4096)
def changes(zone: str) -> tuple[int, ...]:
    """Starts of the days, from 2015 to 2037, in which the zone's clocks are set."""
    where = ZoneInfo(zone)
    begin = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp())
    offsets = [datetime.fromtimestamp(begin + 86400 * n, where).utcoffset() for n in range(8400)]
    return tuple(begin + 86400 * n for n in range(8399) if offsets[n] != offsets[n + 1])


@lru_cache(maxsize=4096)
def free(place: str, day: int) -> bool:
    country, _, part = place.partition("-")
    return date.fromordinal(day + EPOCH) in holidays.country_holidays(
        country, subdiv=part or None, years=date.fromordinal(day + EPOCH).year
    )


def oracle(calling: Calling, own: str, start: int) -> np.ndarray:
    """For each minute from ``start`` on whether a call is allowed."""
    zone = own or calling.zone
    if not zone:
        return np.zeros(MINUTES, dtype=bool)
    days, minutes = clock(zone, start)
    weekdays = week(zone, start)
    allowed = np.zeros(MINUTES, dtype=bool)
    for window in calling.open:
        on = np.zeros(7, dtype=bool)
        on[list(window.days)] = True
        allowed |= on[weekdays] & (minutes >= window.opens) & (minutes < window.closes)
    if calling.holidays:
        for day in range(int(days.min()), int(days.max()) + 1):
            if free(calling.holidays, day):
                allowed &= days != day
    counted = clock(calling.zone, start)[0] if calling.zone else days
    if calling.starts:
        allowed &= counted >= date.fromisoformat(calling.starts).toordinal() - EPOCH
    if calling.ends:
        allowed &= counted <= date.fromisoformat(calling.ends).toordinal() - EPOCH
    return allowed


def some_calling(rng: random.Random, start: int, zone: str) -> Calling:
    windows = []
    for _ in range(rng.randint(1, 3)):
        days = tuple(sorted(rng.sample(range(7), rng.randint(1, 7))))
        low, high = sorted(rng.sample(range(1441), 2))
        if rng.random() < 0.3:  # where clocks are set
            low = rng.randint(0, 4 * 60)
            high = low + rng.randint(1, 90)
        windows.append(Window(days, low, high))
    first = datetime.fromtimestamp(start, UTC).date()
    starts = str(first + timedelta(rng.randint(-3, 8))) if rng.random() < 0.3 else ""
    ends = str(first + timedelta(rng.randint(-1, 12))) if rng.random() < 0.3 else ""
    return Calling(tuple(windows), zone, rng.choice(PLACES) if rng.random() < 0.3 else "", starts, ends)


def trial(rng: random.Random, zones: list[str], starts: dict[str, list[int]]) -> int:
    """One schedule of a number in a zone; how many moments were asked about. Raises at the first wrong answer."""
    own = rng.choice(zones)
    start = rng.choice(starts[own])
    named = "" if rng.random() < 0.2 else own if rng.random() < 0.8 else rng.choice(["UTC", "Asia/Shanghai"])
    given = "" if rng.random() < 0.1 and named in ("", own) else own
    calling = some_calling(rng, start, named)
    allowed = oracle(calling, given, start)
    opens = np.flatnonzero(allowed)
    for _ in range(3):
        minute = rng.randrange(MINUTES)
        at = datetime.fromtimestamp(start + 60 * minute + rng.randrange(60), UTC)
        assert may_call(calling, given, at) == bool(allowed[minute]), (calling, given, at)
        found = next_opening(calling, given, at)
        later = opens[np.searchsorted(opens, minute) :]
        if len(later):
            expected = at if later[0] == minute else datetime.fromtimestamp(start + 60 * int(later[0]), UTC)
            assert found == expected, (calling, given, at, found, expected)
        else:
            assert found is None or found.timestamp() >= start + 60 * MINUTES, (calling, given, at, found)
    return 3


def run(schedules: int, seed: int, zones: list[str] | None = None, starts_each: int = 3) -> int:
    """Plays the schedules; the moments that were asked about."""
    rng = random.Random(seed)
    zones = zones or ZONES
    starts: dict[str, list[int]] = {}
    for zone in zones:
        around = [day - 86400 * rng.randint(1, 6) for day in rng.sample(changes(zone), min(2, len(changes(zone))))]
        any_day = 1_420_070_400 + 86400 * rng.randrange(7900)
        starts[zone] = [*around, any_day][:starts_each]
    return sum(trial(rng, zones, starts) for _ in range(schedules))


if __name__ == "__main__":
    count, begun = int(sys.argv[1]), time.monotonic()
    asked = run(count, seed=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{count} schedules in {len(ZONES)} zones, {asked} moments: 0 outside; {time.monotonic() - begun:.0f} s")
