"""Distributions: the few functions of probability that the figures need, on the standard library.

Law: pure functions of numbers. No dependency outside the standard library; what is out of range is told, not clipped.
"""

from __future__ import annotations

import math
import random
from statistics import NormalDist

_NORMAL = NormalDist()
_EPSILON = 1e-15
_MOST_TERMS = 100_000  # both expansions need about sqrt(a) terms near x = a


class StatsError(ValueError):
    """Numbers that a figure cannot be made from; the words say which, and what to do."""


def z_for(confidence: float) -> float:
    """How many standard errors to each side hold ``confidence`` of a normal distribution: 1.96 for 0.95."""
    if not 0 < confidence < 1:
        raise StatsError(f"The confidence is {confidence}; it must lie between 0 and 1, as 0.95.")
    return _NORMAL.inv_cdf((1 + confidence) / 2)


def normal_two_sided(z: float) -> float:
    """The probability of a deviation of at least ``z`` standard errors, to either side."""
    return math.erfc(abs(z) / math.sqrt(2))


def chi_square_survival(x: float, df: int) -> float:
    """The probability that chi-square with ``df`` degrees of freedom is above ``x``."""
    if df < 1:
        raise StatsError(f"Chi-square with {df} degrees of freedom is not defined; it needs at least 1.")
    a, half = df / 2, x / 2
    if half <= 0:
        return 1.0
    if half < a + 1:
        return max(0.0, 1 - _lower_gamma(a, half))
    return _upper_gamma(a, half)


def _lower_gamma(a: float, x: float) -> float:
    """The regularised lower incomplete gamma function, by its series; for x below a + 1."""
    term = total = 1 / a
    for k in range(1, _MOST_TERMS):
        term *= x / (a + k)
        total += term
        if term < total * _EPSILON:
            break
    return total * math.exp(a * math.log(x) - x - math.lgamma(a))


def _upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function, by Lentz's continued fraction; for x above a + 1."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    h = d
    for k in range(1, _MOST_TERMS):
        an = -k * (k - a)
        b += 2
        d = an * d + b
        d = 1 / (d if abs(d) > tiny else tiny)
        c = b + an / c
        c = c if abs(c) > tiny else tiny
        h *= d * c
        if abs(d * c - 1) < _EPSILON:
            break
    return h * math.exp(a * math.log(x) - x - math.lgamma(a))


def log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def kish(total_weight: float, total_squared_weight: float) -> float:
    """Kish's effective sample size: the square of the sum of the weights over the sum of their squares."""
    return total_weight * total_weight / total_squared_weight if total_squared_weight > 0 else 0.0


def multinomial(rng: random.Random, n: int, shares: list[float]) -> list[int]:
    """``n`` draws over the categories: one binomial draw for each category, whatever ``n`` is."""
    counts, left, share_left = [], n, 1.0
    for share in shares[:-1]:
        p = min(1.0, share / share_left) if share_left > 0 else 0.0
        drawn = binomial(rng, left, p)
        counts.append(drawn)
        left -= drawn
        share_left -= share
    return [*counts, left]


def binomial(rng: random.Random, n: int, p: float) -> int:
    """One binomial draw. Our own, as Python 3.11 has none and a seed must give the same interval on every Python."""
    if p <= 0 or n <= 0:
        return 0
    if p >= 1:
        return n
    if p > 0.5:
        return n - binomial(rng, n, 1 - p)
    return _binomial_by_gaps(rng, n, p) if n * p < 10 else _binomial_by_rejection(rng, n, p)


def _binomial_by_gaps(rng: random.Random, n: int, p: float) -> int:
    """Jumps from success to success with geometric gaps: n * p steps on average."""
    log_q = math.log1p(-p)
    at = hits = 0
    while True:
        at += math.floor(math.log(1 - rng.random()) / log_q) + 1
        if at > n:
            return hits
        hits += 1


def _binomial_by_rejection(rng: random.Random, n: int, p: float) -> int:
    """W. Hörmann's BTRS ("The generation of binomial random variates", 1993): exact, about 1.2 tries each."""
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    v_sure = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    log_odds = math.log(p / (1 - p))
    mode = math.floor((n + 1) * p)
    top = math.lgamma(mode + 1) + math.lgamma(n - mode + 1)
    while True:
        u = rng.random() - 0.5
        v = 1 - rng.random()
        us = 0.5 - abs(u)
        if us == 0:
            continue
        k = math.floor((2 * a / us + b) * u + c)
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= v_sure:
            return k
        v *= alpha / (a / (us * us) + b)
        if math.log(v) <= top - math.lgamma(k + 1) - math.lgamma(n - k + 1) + (k - mode) * log_odds:
            return k
