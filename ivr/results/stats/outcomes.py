"""Outcomes: how runs of a survey and tries of a question ended, as shares with an interval, and how long they took.

Law: pure functions of counts. Silence, a wrong key and a hang-up are three figures, never one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ivr.results.stats.distributions import StatsError
from ivr.results.stats.intervals import wilson
from ivr.results.stats.scores import Score, median


@dataclass(frozen=True)
class Runs:
    """Runs of one survey that are over, as `aapor.classify_run` sorts them."""

    complete: int
    partial: int
    break_off: int


@dataclass(frozen=True)
class Attempts:
    """Tries of one question: what came back each time that it was asked."""

    answered: int  # with an answer that was taken
    silence: int  # without a key
    wrong: int  # with keys that are no answer
    hang_up: int  # the caller hung up meanwhile

    @property
    def total(self) -> int:
        return self.answered + self.silence + self.wrong + self.hang_up


def share_of(part: float, whole: float, confidence: float = 0.95) -> Score:
    """A share of a count, with Wilson's interval; None of nothing."""
    if not 0 <= part <= whole:
        raise StatsError(f"{part} of {whole}: the part must lie between 0 and the whole.")
    share = part / whole if whole else None
    return Score(share, wilson(share, whole, confidence), whole, whole)


def completion(runs: Runs, confidence: float = 0.95) -> Score:
    """Complete runs among those that were begun and are over."""
    return share_of(runs.complete, runs.complete + runs.partial + runs.break_off, confidence)


def break_off(runs: Runs, confidence: float = 0.95) -> Score:
    """Runs that ended before enough was answered to count as partial, among those that are over."""
    return share_of(runs.break_off, runs.complete + runs.partial + runs.break_off, confidence)


def silence_rate(attempts: Attempts, confidence: float = 0.95) -> Score:
    return share_of(attempts.silence, attempts.total, confidence)


def wrong_key_rate(attempts: Attempts, confidence: float = 0.95) -> Score:
    return share_of(attempts.wrong, attempts.total, confidence)


def hang_up_rate(attempts: Attempts, confidence: float = 0.95) -> Score:
    return share_of(attempts.hang_up, attempts.total, confidence)


def median_time_s(durations_s: Iterable[float]) -> float | None:
    """The time that half of them took at most; one who left the phone off the hook moves it not."""
    counts: dict[float, float] = {}
    for duration_s in durations_s:
        if duration_s < 0:
            raise StatsError(f"A time of {duration_s} s is negative; the end was taken for the beginning.")
        counts[duration_s] = counts.get(duration_s, 0) + 1
    return median(counts)
