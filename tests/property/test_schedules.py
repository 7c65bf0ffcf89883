"""Fault 94: 20,000 random schedules here; a million by `python -m tests.property.schedules 1000000`."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from ivr.campaign import windows
from tests.property import schedules


def test_random_schedules_call_nobody_outside_the_window():
    rng = random.Random(94)
    zones = [*rng.sample(schedules.ZONES, 12), "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo"]
    assert schedules.run(20_000, seed=94, zones=zones) == 60_000


def test_the_oracle_finds_a_window_that_is_an_hour_off(monkeypatch):
    honest = windows.may_call
    monkeypatch.setattr(schedules, "may_call", lambda c, z, at: honest(c, z, at - timedelta(hours=1)))
    with pytest.raises(AssertionError):
        schedules.run(200, seed=1, zones=["Europe/Berlin"])


def test_moments_have_a_zone():
    with pytest.raises(ValueError, match="zone"):
        windows.may_call(windows.Calling(()), "UTC", datetime(2026, 1, 1))
    assert windows.may_call(windows.Calling(()), "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is False
