"""Trends: in which day, week or month a moment lies, where the caller's clock says so.

Law: pure functions. Moments come with a time zone; no clock is read. Weeks are ISO 8601's, from Monday on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from ivr.results.stats.distributions import StatsError
from ivr.results.stats.shares import Difference, difference_of_shares

T = TypeVar("T")
PERIODS = ("day", "week", "month")


@dataclass(frozen=True, order=True)
class Bucket:
    """A day, week or month of one time zone's calendar."""

    first_day: date
    by: str  # day | week | month

    def __post_init__(self) -> None:
        if self.by not in PERIODS:
            raise StatsError(f"{self.by!r} is no period; choose {', '.join(PERIODS)}.")

    @property
    def key(self) -> str:
        """2026-05-04, 2026-W19, 2026-05: sorts as time does."""
        if self.by == "week":
            year, week, _ = self.first_day.isocalendar()
            return f"{year:04d}-W{week:02d}"
        return self.first_day.isoformat() if self.by == "day" else self.first_day.isoformat()[:7]

    def next(self) -> Bucket:
        if self.by == "month":
            return Bucket((self.first_day + timedelta(days=31)).replace(day=1), self.by)
        return Bucket(self.first_day + timedelta(days=7 if self.by == "week" else 1), self.by)

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From, and up to but without, in UTC; 23 or 25 hours on the days when clocks change."""
        return _midnight(self.first_day, zone), _midnight(self.next().first_day, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def bucket(moment: datetime, zone: ZoneInfo, by: str) -> Bucket:
    if moment.tzinfo is None:
        raise StatsError(f"{moment.isoformat(' ')} has no time zone; times of the store are UTC: add tzinfo=UTC.")
    day = moment.astimezone(zone).date()
    if by == "week":
        day -= timedelta(days=day.weekday())
    elif by == "month":
        day = day.replace(day=1)
    return Bucket(day, by)


def buckets(first: Bucket, last: Bucket) -> list[Bucket]:
    """All from the first to the last, both included."""
    if first.by != last.by:
        raise StatsError(f"From a {first.by} to a {last.by}: both must be of one kind.")
    found, at = [], first
    while at <= last:
        found.append(at)
        at = at.next()
    return found


def filled(
    figures: Mapping[Bucket, T], empty: T, first: Bucket | None = None, last: Bucket | None = None
) -> dict[Bucket, T]:
    """In the order of time, without gaps: a day without a call is a day too."""
    ends = [end for end in (first, last) if end is not None]
    if not figures and len(ends) < 2:
        return {}
    everything = [*figures, *ends]
    from_, to = first or min(everything), last or max(everything)
    return {at: figures.get(at, empty) for at in buckets(from_, to)}


def change(before: int, before_n: int, after: int, after_n: int, confidence: float = 0.95) -> Difference | None:
    """How a share changed from one period to another: so many of so many, before and after."""
    for part, whole in ((before, before_n), (after, after_n)):
        if not 0 <= part <= whole:
            raise StatsError(f"{part} of {whole}: the part must lie between 0 and the whole.")
    if not before_n or not after_n:
        return None
    return difference_of_shares(before / before_n, before_n, after / after_n, after_n, confidence)
