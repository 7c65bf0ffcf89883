"""Scores: satisfaction, recommendation, effort, mean and median of answers on a scale.

Law: pure functions of a tally or of plain counts {value: how many}. Shares are 0 to 1, a net promoter score -100 to
100. Without answers every figure is None. Intervals use the effective number of answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.results.stats.distributions import StatsError
from ivr.results.stats.intervals import Interval, mean_interval, nps_interval, wilson
from ivr.results.stats.tally import Answers, Tally, tally

PROMOTERS = (9, 10)
DETRACTORS = tuple(range(7))
DIRECTIONS = ("up", "down")


@dataclass(frozen=True)
class Score:
    value: float | None
    interval: Interval | None
    n: float
    effective_n: float


@dataclass(frozen=True)
class Nps:
    value: float | None  # -100 to 100
    interval: Interval | None
    promoters: float | None  # shares, 0 to 1
    passives: float | None
    detractors: float | None
    n: float
    effective_n: float


@dataclass(frozen=True)
class Ces:
    mean: Score
    top: Score


@dataclass(frozen=True)
class Scale:
    """Whole numbers from ``low`` to ``high``; with direction "down" the lowest is the best, as in school marks."""

    low: int = 1
    high: int = 5
    direction: str = "up"

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise StatsError(f"A scale from {self.low} to {self.high} has no two values; low must be under high.")
        if self.direction not in DIRECTIONS:
            raise StatsError(f"The direction {self.direction!r} is not one of {', '.join(DIRECTIONS)}.")

    def best(self, boxes: int) -> range:
        """The ``boxes`` best values."""
        self._check(boxes)
        if self.direction == "up":
            return range(self.high - boxes + 1, self.high + 1)
        return range(self.low, self.low + boxes)

    def worst(self, boxes: int) -> range:
        other = "down" if self.direction == "up" else "up"
        return Scale(self.low, self.high, other).best(boxes)

    def checked(self, answers: Answers) -> Tally:
        """The answers, all of which are on this scale."""
        given = tally(answers)
        for value in given.weights:
            if not self.low <= value <= self.high or value != int(value):
                raise StatsError(
                    f"Answer {value:g} is not a whole number from {self.low} to {self.high};"
                    " give the question's own scale, or leave out codes such as refusals."
                )
        return given

    def _check(self, boxes: int) -> None:
        if not 1 <= boxes <= self.high - self.low:
            raise StatsError(
                f"{boxes} boxes of a scale from {self.low} to {self.high}: take 1 to {self.high - self.low}."
            )


def csat(
    answers: Answers,
    *,
    low: int = 1,
    high: int = 5,
    top: int = 2,
    direction: str = "up",
    confidence: float = 0.95,
) -> Score:
    """Customer satisfaction: the share of the ``top`` best values."""
    return top_box(answers, boxes=top, low=low, high=high, direction=direction, confidence=confidence)


def top_box(
    answers: Answers,
    *,
    boxes: int = 1,
    low: int = 1,
    high: int = 5,
    direction: str = "up",
    confidence: float = 0.95,
) -> Score:
    scale = Scale(low, high, direction)
    return _share(scale.checked(answers), scale.best(boxes), confidence)


def bottom_box(
    answers: Answers,
    *,
    boxes: int = 1,
    low: int = 1,
    high: int = 5,
    direction: str = "up",
    confidence: float = 0.95,
) -> Score:
    """The share of the ``boxes`` worst values."""
    scale = Scale(low, high, direction)
    return _share(scale.checked(answers), scale.worst(boxes), confidence)


def _share(given: Tally, values: range, confidence: float) -> Score:
    share = given.share(values)
    return Score(share, wilson(share, given.effective_n, confidence), given.n, given.effective_n)


def nps(answers: Answers, *, confidence: float = 0.95) -> Nps:
    """Net promoter score of 0 to 10: the share of 9 and 10 less the share of 0 to 6, times 100."""
    given = Scale(0, 10).checked(answers)
    promoters, detractors = given.share(PROMOTERS), given.share(DETRACTORS)
    if promoters is None or detractors is None:
        return Nps(None, None, None, None, None, given.n, given.effective_n)
    return Nps(
        value=100 * (promoters - detractors),
        interval=nps_interval(promoters, detractors, given.effective_n, confidence),
        promoters=promoters,
        passives=given.share((7, 8)),
        detractors=detractors,
        n=given.n,
        effective_n=given.effective_n,
    )


def ces(
    answers: Answers,
    *,
    low: int = 1,
    high: int = 7,
    top: int = 3,
    direction: str = "up",
    confidence: float = 0.95,
) -> Ces:
    """Customer effort: the mean of "it was made easy for me", and the share of the ``top`` best values."""
    given = Scale(low, high, direction).checked(answers)
    top_share = top_box(given, boxes=top, low=low, high=high, direction=direction, confidence=confidence)
    return Ces(mean(given, confidence=confidence), top_share)


def mean(answers: Answers, *, confidence: float = 0.95) -> Score:
    given = tally(answers)
    value = _mean(given.weights)
    interval = mean_interval(value, standard_deviation(given), given.effective_n, confidence)
    return Score(value, interval, given.n, given.effective_n)


def standard_deviation(answers: Answers) -> float | None:
    """Of the answers' population: divided by n - 1, for weights by its form with Kish's n. None under two answers."""
    given = tally(answers)
    middle = _mean(given.weights)
    if middle is None or given.effective_n <= 1:
        return None
    squares = math.fsum(weight * (value - middle) ** 2 for value, weight in given.weights.items())
    return math.sqrt(squares / given.total * given.effective_n / (given.effective_n - 1))


def median(answers: Answers) -> float | None:
    """The value with half of the weight on each side; halfway between two where the half falls between them."""
    given = tally(answers)
    half, below = given.total / 2, 0.0
    values = list(given.weights)
    for at, value in enumerate(values):
        below += given.weights[value]
        if math.isclose(below, half, rel_tol=1e-12) and at + 1 < len(values):
            return (value + values[at + 1]) / 2
        if below > half:
            return float(value)
    return float(values[-1]) if values else None


def _mean(weights: Mapping[float, float]) -> float | None:
    total = math.fsum(weights.values())
    return math.fsum(value * weight for value, weight in weights.items()) / total if total else None


# What `intervals.bootstrap` takes: functions of {value: count} with at least one answer.


def mean_of(counts: Mapping[float, float]) -> float:
    return sum(value * count for value, count in counts.items()) / sum(counts.values())


def nps_of(counts: Mapping[float, float]) -> float:
    net = sum(count if value >= 9 else -count for value, count in counts.items() if value >= 9 or value <= 6)
    return 100 * net / sum(counts.values())


def csat_of(
    counts: Mapping[float, float], *, low: int = 1, high: int = 5, top: int = 2, direction: str = "up"
) -> float:
    best = Scale(low, high, direction).best(top)
    return sum(counts.get(value, 0.0) for value in best) / sum(counts.values())
