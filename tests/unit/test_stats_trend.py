"""Days, weeks and months of a time zone's calendar, their gaps, and the change between two periods."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.results.stats.distributions import StatsError
from ivr.results.stats.trend import PERIODS, Bucket, bucket, buckets, change, filled

SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


KEYS = [
    ("2026-05-04 15:59", SHANGHAI, "day", "2026-05-04"),
    ("2026-05-04 16:00", SHANGHAI, "day", "2026-05-05"),  # midnight in Shanghai
    ("2026-05-03 16:00", SHANGHAI, "week", "2026-W19"),  # a Monday there, still Sunday in UTC
    ("2026-05-03 15:59", SHANGHAI, "week", "2026-W18"),
    ("2026-12-31 23:30", BERLIN, "month", "2027-01"),
    ("2027-01-01 04:59", NEW_YORK, "month", "2026-12"),
    ("2027-01-01 12:00", BERLIN, "week", "2026-W53"),  # ISO: the week of Thursday
    ("2024-12-30 12:00", BERLIN, "week", "2025-W01"),
    ("2026-03-29 00:59", BERLIN, "day", "2026-03-29"),
    ("2026-10-25 22:59", BERLIN, "day", "2026-10-25"),  # winter time since 01:00 UTC
    ("2026-10-25 23:00", BERLIN, "day", "2026-10-26"),
]


@pytest.mark.parametrize(("moment", "zone", "by", "key"), KEYS)
def test_keys(moment: str, zone: ZoneInfo, by: str, key: str) -> None:
    assert bucket(utc(moment), zone, by).key == key


moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@settings(deadline=None)
@given(moments, st.sampled_from([SHANGHAI, BERLIN, NEW_YORK]), st.sampled_from(PERIODS))
def test_a_moment_lies_within_its_bucket_and_no_other(moment: datetime, zone: ZoneInfo, by: str) -> None:
    found = bucket(moment, zone, by)
    begins, ends = found.span(zone)
    assert begins <= moment < ends
    assert found.next().span(zone)[0] == ends
    assert found.key < found.next().key


DAYS = [("2026-03-29", 23), ("2026-10-25", 25), ("2026-05-04", 24)]


@pytest.mark.parametrize(("day", "hours"), DAYS)
def test_days_when_clocks_change(day: str, hours: int) -> None:
    begins, ends = Bucket(date.fromisoformat(day), "day").span(BERLIN)
    assert ends - begins == timedelta(hours=hours)


FILLED = [
    ("day", "2026-02-27", "2026-03-02", ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]),
    ("week", "2026-12-21", "2027-01-11", ["2026-W52", "2026-W53", "2027-W01", "2027-W02"]),
    ("month", "2026-11-01", "2027-02-01", ["2026-11", "2026-12", "2027-01", "2027-02"]),
]


@pytest.mark.parametrize(("by", "first", "last", "keys"), FILLED)
def test_gaps_are_filled(by: str, first: str, last: str, keys: list[str]) -> None:
    ends = [Bucket(date.fromisoformat(day), by) for day in (last, first)]
    found = filled({ends[0]: 7, ends[1]: 3}, 0)
    assert [at.key for at in found] == keys
    assert list(found.values()) == [3, 0, 0, 7]


def test_ends_that_are_given_and_nothing() -> None:
    day = Bucket(date(2026, 5, 4), "day")
    assert filled({}, 0) == filled({}, 0, first=day) == {}
    assert filled({}, 0, day, day.next()) == {day: 0, day.next(): 0}
    assert list(filled({day.next(): 1}, 0, first=day)) == [day, day.next()]
    assert buckets(day.next(), day) == []


def test_change_by_hand() -> None:
    # 60 % of 200, then 70 % of 200: pooled 65 %, error sqrt(0.65 * 0.35 / 100) = 0.0477, z = 2.097
    found = change(120, 200, 140, 200)
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert found.z == pytest.approx(2.0966, abs=1e-4)
    assert found.p == pytest.approx(0.036, abs=5e-4)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0070, 0.1930), abs=1e-4)
    assert change(0, 0, 5, 10) is None


WRONG = [
    (lambda: bucket(datetime(2026, 5, 4, 12), BERLIN, "day"), "no time zone"),
    (lambda: bucket(datetime(2026, 5, 4, 12, tzinfo=UTC), BERLIN, "year"), "'year' is no period"),
    (lambda: buckets(Bucket(date(2026, 5, 4), "day"), Bucket(date(2026, 5, 4), "week")), "one kind"),
    (lambda: change(3, 2, 1, 1), "3 of 2"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_say_what(call, words) -> None:
    with pytest.raises(StatsError, match=words):
        call()
