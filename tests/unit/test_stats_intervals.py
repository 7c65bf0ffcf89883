"""Intervals and the functions of probability below them."""

from __future__ import annotations

import math
import random
import time
from statistics import NormalDist

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.results.stats import distributions, scores
from ivr.results.stats.distributions import StatsError
from ivr.results.stats.intervals import bootstrap, mean_interval, nps_interval, quantile, wilson
from ivr.results.stats.tally import Tally

# R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
# Table I, method 3 (the score interval without continuity correction), 95 %.
NEWCOMBE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("part", "whole", "low", "high"), NEWCOMBE)
def test_wilson_as_published(part: int, whole: int, low: float, high: float) -> None:
    found = wilson(part / whole, whole)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0.01, 1e7), st.floats(0.01, 0.999))
def test_wilson_holds_the_share_and_stays_a_share(share: float, n: float, confidence: float) -> None:
    found = wilson(share, n, confidence)
    assert found is not None
    assert 0 <= found.low <= share <= found.high <= 1


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(1, 1e5))
def test_wilson_mirrors_and_narrows(share: float, n: float) -> None:
    one, other, more = wilson(share, n), wilson(1 - share, n), wilson(share, 4 * n)
    assert one
    assert other
    assert more
    assert one.low == pytest.approx(1 - other.high, abs=1e-9)
    assert more.high - more.low < one.high - one.low


def test_no_answers_no_interval() -> None:
    assert wilson(None, 0) is wilson(0.5, 0) is mean_interval(None, None, 0) is nps_interval(0.1, 0.2, 0) is None
    assert mean_interval(4.0, None, 1) is None  # one answer has no deviation
    assert bootstrap({}, scores.mean_of, random.Random(1)) is None


def test_mean_and_nps_by_hand() -> None:
    found = mean_interval(3.5, 1.2, 144)  # hand-computed: 1.2 / 12 = 0.1; 1.96 of them
    assert found is not None
    assert (found.low, found.high) == pytest.approx((3.304, 3.696), abs=1e-4)
    found = nps_interval(0.5, 0.2, 100)  # hand-computed: variance 0.7 - 0.09 = 0.61, error 0.0781
    assert found is not None
    assert (found.low, found.high) == pytest.approx((14.69, 45.31), abs=0.005)
    assert nps_interval(1.0, 0.0, 5).high == 100


ANSWERS = {0: 3000, 3: 7000, 5: 10000, 6: 8000, 7: 17000, 8: 20000, 9: 15000, 10: 20000}


@pytest.mark.parametrize(
    "statistic", [scores.mean_of, scores.nps_of, lambda c: scores.csat_of(c, low=0, high=10, top=2)]
)
def test_bootstrap_agrees_with_the_formula(statistic) -> None:
    n = sum(ANSWERS.values())
    found = bootstrap(ANSWERS, statistic, random.Random(7), resamples=4000)
    formula = {
        scores.mean_of: scores.mean(ANSWERS).interval,
        scores.nps_of: scores.nps(ANSWERS).interval,
    }.get(statistic, wilson(35 / 100, n))
    assert found
    assert formula
    width = formula.high - formula.low
    assert found.low == pytest.approx(formula.low, abs=width * 0.06)
    assert found.high == pytest.approx(formula.high, abs=width * 0.06)


def test_bootstrap_is_the_same_for_the_same_seed_and_quick() -> None:
    begun = time.process_time()
    first = bootstrap(ANSWERS, scores.nps_of, random.Random(3))
    assert time.process_time() - begun < 2  # of 100,000 answers; some 0.1 s here
    assert first == bootstrap(ANSWERS, scores.nps_of, random.Random(3))
    assert first != bootstrap(ANSWERS, scores.nps_of, random.Random(4))


def test_bootstrap_of_weights_draws_as_many_as_they_are_worth() -> None:
    even = Tally.of({1: 400, 5: 400})
    uneven = Tally.of_cells([(1, 0.25, 400), (1, 1.0, 0), (5, 0.25, 400), (1, 4.0, 20), (5, 4.0, 20)])
    assert uneven.effective_n < 200
    plain, weighted = (bootstrap(given, scores.mean_of, random.Random(5)) for given in (even, uneven))
    assert plain
    assert weighted
    assert (weighted.high - weighted.low) / (plain.high - plain.low) == pytest.approx(
        math.sqrt(800 / uneven.effective_n), rel=0.1
    )


# Percentage points of chi-square as in any printed table (E. S. Pearson and H. O. Hartley, Biometrika Tables, Table 8).
CHI_SQUARE = [
    (3.841, 1, 0.05),
    (6.635, 1, 0.01),
    (5.991, 2, 0.05),
    (18.307, 10, 0.05),
    (2.706, 1, 0.1),
    (124.342, 100, 0.05),
]


@pytest.mark.parametrize(("x", "df", "p"), CHI_SQUARE)
def test_chi_square_as_printed(x: float, df: int, p: float) -> None:
    assert distributions.chi_square_survival(x, df) == pytest.approx(p, abs=5e-5)


@settings(deadline=None)
@given(st.floats(0, 300))
def test_chi_square_of_one_and_two_degrees_has_closed_forms(x: float) -> None:
    assert distributions.chi_square_survival(x, 1) == pytest.approx(math.erfc(math.sqrt(x / 2)), rel=1e-9, abs=1e-14)
    assert distributions.chi_square_survival(x, 2) == pytest.approx(math.exp(-x / 2), rel=1e-9, abs=1e-14)


@settings(deadline=None)
@given(st.floats(0.1, 400), st.integers(1, 200))
def test_chi_square_goes_from_one_to_none(x: float, df: int) -> None:
    # Q(a + 1, x) = Q(a, x) + x^a e^-x / Gamma(a + 1)
    step = math.exp(df / 2 * math.log(x / 2) - x / 2 - math.lgamma(df / 2 + 1))
    here, next_ = distributions.chi_square_survival(x, df), distributions.chi_square_survival(x, df + 2)
    assert 0 <= here <= next_ <= 1
    assert next_ - here == pytest.approx(step, rel=1e-6, abs=1e-12)


def test_normal() -> None:
    assert distributions.z_for(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert distributions.normal_two_sided(2.575829) == pytest.approx(0.01, abs=1e-7)


@pytest.mark.parametrize(("n", "p"), [(20, 0.1), (40, 0.5), (1000, 0.003), (1000, 0.4), (100_000, 0.9)])
def test_binomial_draws_have_the_right_shape(n: int, p: float) -> None:
    """Chi-square of the draws against the exact probabilities, in ten groups of like size."""
    rng, draws = random.Random(n), 20_000
    found = [distributions.binomial(rng, n, p) for _ in range(draws)]
    spread = math.sqrt(n * p * (1 - p))
    edges = sorted({math.floor(n * p + spread * NormalDist().inv_cdf(at / 10)) for at in range(1, 10)})
    cumulative = [sum(math.exp(_log_p(k, n, p)) for k in range(max(0, edge - 600), edge + 1)) for edge in edges]
    if n == 100_000:
        far = sum(math.exp(_log_p(k, n, p)) for k in range(edges[0] - 1200, edges[0] - 600))
        assert far < 1e-8  # nothing is left out of the sums above
    expected = [b - a for a, b in zip([0, *cumulative], [*cumulative, 1], strict=True)]
    observed = [sum(low < k <= high for k in found) for low, high in zip([-1, *edges], [*edges, n], strict=True)]
    statistic = sum((o - draws * e) ** 2 / (draws * e) for o, e in zip(observed, expected, strict=True))
    assert distributions.chi_square_survival(statistic, len(edges)) > 0.001


def _log_p(k: int, n: int, p: float) -> float:
    return distributions.log_choose(n, k) + k * math.log(p) + (n - k) * math.log1p(-p) if 0 <= k <= n else -math.inf


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_is_numpys(values: list[float], share: float) -> None:
    assert quantile(sorted(values), share) == pytest.approx(float(numpy.quantile(values, share)), rel=1e-9, abs=1e-6)


WRONG = [
    (lambda: wilson(1.2, 10), "1.2"),
    (lambda: wilson(0.5, 10, 95), "95"),
    (lambda: nps_interval(0.8, 0.7, 10), "0.8"),
    (lambda: bootstrap({1: 3}, scores.mean_of, random.Random(1), resamples=3), "3 resamples"),
    (lambda: distributions.chi_square_survival(1, 0), "0 degrees"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_say_what(call, words) -> None:
    with pytest.raises(StatsError, match=words):
        call()
