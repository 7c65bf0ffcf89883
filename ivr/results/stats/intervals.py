"""Intervals: how far a figure of a sample may lie from the figure of everybody.

Law: pure functions; chance comes in as an ``random.Random`` with a seed. No answers, no interval: None.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ivr.results.stats.distributions import StatsError, multinomial, z_for
from ivr.results.stats.tally import Answers, tally


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    confidence: float
    method: str  # wilson | normal | bootstrap


def wilson(share: float | None, n: float, confidence: float = 0.95) -> Interval | None:
    """Wilson's score interval for a share; ``n`` may be an effective number of answers, not whole."""
    if share is None or n <= 0:
        return None
    if not 0 <= share <= 1:
        raise StatsError(f"The share is {share}; a share lies between 0 and 1.")
    z2 = z_for(confidence) ** 2
    middle = share + z2 / (2 * n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n)))
    # At 0 and 1 the formula gives the share itself; rounding must not take the share out of its interval.
    low = max(0.0, min(share, (middle - half) / (1 + z2 / n)))
    high = min(1.0, max(share, (middle + half) / (1 + z2 / n)))
    return Interval(low, high, confidence, "wilson")


def mean_interval(
    mean: float | None, standard_deviation: float | None, n: float, confidence: float = 0.95
) -> Interval | None:
    """Mean plus and minus z standard errors; from some 30 answers on. None where the deviation is unknown."""
    if mean is None or standard_deviation is None or n <= 0:
        return None
    half = z_for(confidence) * standard_deviation / math.sqrt(n)
    return Interval(mean - half, mean + half, confidence, "normal")


def nps_interval(promoters: float, detractors: float, n: float, confidence: float = 0.95) -> Interval | None:
    """Of the net promoter score, -100 to 100, from the two shares.

    One answer is +1, 0 or -1, with variance promoters + detractors - (promoters - detractors)^2.
    """
    if n <= 0:
        return None
    if promoters < 0 or detractors < 0 or promoters + detractors > 1 + 1e-9:
        raise StatsError(f"Shares of {promoters} promoters and {detractors} detractors are not shares of one whole.")
    score = promoters - detractors
    half = z_for(confidence) * math.sqrt(max(0.0, promoters + detractors - score * score) / n)
    return Interval(100 * max(-1.0, score - half), 100 * min(1.0, score + half), confidence, "normal")


def bootstrap(
    answers: Answers,
    statistic: Callable[[Mapping[float, float]], float],
    rng: random.Random,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Interval | None:
    """The percentile interval of ``statistic``, a function of {value: count}.

    Drawing n answers with replacement is one multinomial draw over the values given, so that the time does not grow
    with the answers. Weighted answers: as many draws as the effective n, a first-order approximation.
    """
    given = tally(answers)
    n = round(given.effective_n)
    if n <= 0:
        return None
    if resamples < 100:
        raise StatsError(f"{resamples} resamples are too few for an interval; take 1000 or more.")
    z_for(confidence)  # refuses what is no confidence
    values, total = list(given.weights), given.total
    shares = [weight / total for weight in given.weights.values()]
    found = sorted(
        statistic({value: count for value, count in zip(values, drawn, strict=True) if count})
        for drawn in (multinomial(rng, n, shares) for _ in range(resamples))
    )
    tail = (1 - confidence) / 2
    return Interval(quantile(found, tail), quantile(found, 1 - tail), confidence, "bootstrap")


def quantile(ordered: list[float], share: float) -> float:
    """Between the neighbours in proportion (Hyndman and Fan's type 7, as numpy and R by default)."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
