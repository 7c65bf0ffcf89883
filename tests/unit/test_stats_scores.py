"""CSAT, NPS, CES, mean, median and boxes; shares of outcomes. Expected values are computed by hand unless said."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.results.stats import outcomes, scores
from ivr.results.stats.distributions import StatsError
from ivr.results.stats.intervals import wilson
from ivr.results.stats.outcomes import Attempts, Runs
from ivr.results.stats.tally import Tally

FIVE = {1: 2, 2: 3, 3: 5, 4: 6, 5: 4}
BOXES = [
    (scores.csat, {}, 10 / 20),
    (scores.csat, {"top": 1}, 4 / 20),
    (scores.csat, {"direction": "down"}, 5 / 20),
    (scores.csat, {"high": 6}, 4 / 20),
    (scores.top_box, {}, 4 / 20),
    (scores.top_box, {"boxes": 3}, 15 / 20),
    (scores.bottom_box, {}, 2 / 20),
    (scores.bottom_box, {"boxes": 2}, 5 / 20),
    (scores.bottom_box, {"boxes": 2, "direction": "down"}, 10 / 20),
]


@pytest.mark.parametrize(("figure", "options", "expected"), BOXES)
def test_boxes(figure, options, expected) -> None:
    found = figure(FIVE, **options)
    assert found.value == pytest.approx(expected)
    assert found.interval == wilson(expected, 20)
    assert (found.n, found.effective_n) == (20, 20)


NPS = [
    ({10: 5, 9: 3, 8: 1, 7: 1}, 80, (0.8, 0.2, 0.0)),
    ({0: 1, 6: 1}, -100, (0.0, 0.0, 1.0)),
    ({7: 4, 8: 4}, 0, (0.0, 1.0, 0.0)),
    ({10: 50, 7: 30, 6: 20}, 30, (0.5, 0.3, 0.2)),
    ({10: 1, 0: 1}, 0, (0.5, 0.0, 0.5)),
]


@pytest.mark.parametrize(("answers", "expected", "shares"), NPS)
def test_nps(answers, expected, shares) -> None:
    found = scores.nps(answers)
    assert found.value == pytest.approx(expected)
    assert (found.promoters, found.passives, found.detractors) == pytest.approx(shares)
    assert scores.nps_of(answers) == pytest.approx(expected)


def test_ces_is_a_mean_and_a_share() -> None:
    found = scores.ces({1: 1, 4: 3, 5: 2, 7: 4})
    assert found.mean.value == pytest.approx((1 + 12 + 10 + 28) / 10)
    assert found.top.value == pytest.approx(0.6)
    assert scores.ces({1: 1, 4: 3, 5: 2, 7: 4}, top=1).top.value == pytest.approx(0.4)


def test_without_answers_nothing_is_said() -> None:
    nothing = scores.Score(None, None, 0, 0)
    assert scores.csat({}) == scores.mean({}) == scores.top_box({4: 0}) == nothing
    assert scores.nps({}).value is scores.median({}) is scores.standard_deviation({1: 1}) is None


answers = st.dictionaries(st.integers(0, 10), st.integers(1, 50), min_size=1)


@settings(deadline=None)
@given(answers)
def test_counts_say_what_the_standard_library_says_of_the_answers(counts: dict[int, int]) -> None:
    plain = [value for value, count in counts.items() for _ in range(count)]
    assert scores.mean(counts).value == pytest.approx(statistics.fmean(plain))
    assert scores.median(counts) == statistics.median(plain)
    if len(plain) > 1:
        assert scores.standard_deviation(counts) == pytest.approx(statistics.stdev(plain), abs=1e-9)


@settings(deadline=None)
@given(answers, st.floats(0.01, 100))
def test_one_weight_for_all_changes_nothing(counts: dict[int, int], weight: float) -> None:
    weighted = Tally.of_cells((value, weight, count) for value, count in counts.items())
    assert weighted.effective_n == pytest.approx(sum(counts.values()))
    assert scores.nps(weighted).value == pytest.approx(scores.nps(counts).value, abs=1e-9)
    assert scores.median(weighted) == scores.median(counts)
    assert (
        scores.mean(weighted).interval.low == pytest.approx(scores.mean(counts).interval.low)
        if len(counts) > 1
        else True
    )


@settings(deadline=None)
@given(answers)
def test_nps_is_promoters_less_detractors(counts: dict[int, int]) -> None:
    found = scores.nps(counts)
    assert found.promoters + found.passives + found.detractors == pytest.approx(1)
    assert -100 <= found.interval.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.interval.high <= 100


def test_weights_count() -> None:
    # Kish: (3 + 1 + 1 + 1)^2 / (9 + 1 + 1 + 1) = 3
    given = Tally.of_weighted([(5, 3.0), (1, 1.0), (2, 1.0), (3, 1.0)])
    found = scores.csat(given)
    assert (found.value, found.n, found.effective_n) == pytest.approx((0.5, 4, 3))
    assert found.interval == wilson(0.5, 3)
    assert scores.median(given) == 4  # half of the weight is on 1, 2, 3, half on 5


SHARES = [
    (outcomes.completion(Runs(60, 20, 20)), 0.6),
    (outcomes.break_off(Runs(60, 30, 10)), 0.1),
    (outcomes.silence_rate(Attempts(answered=80, silence=10, wrong=6, hang_up=4)), 0.1),
    (outcomes.wrong_key_rate(Attempts(answered=80, silence=10, wrong=6, hang_up=4)), 0.06),
    (outcomes.hang_up_rate(Attempts(answered=80, silence=10, wrong=6, hang_up=4)), 0.04),
]


@pytest.mark.parametrize(("found", "expected"), SHARES)
def test_outcomes(found, expected) -> None:
    assert found.value == pytest.approx(expected)
    assert found.interval == wilson(expected, 100)


def test_outcomes_of_nothing() -> None:
    assert outcomes.completion(Runs(0, 0, 0)).value is outcomes.silence_rate(Attempts(0, 0, 0, 0)).value is None
    assert outcomes.median_time_s([]) is None


@pytest.mark.parametrize(
    ("times", "expected"), [([30, 50, 3600], 50), ([30, 50], 40), ([12.5], 12.5), ([7, 7, 9, 9], 8)]
)
def test_median_time(times, expected) -> None:
    assert outcomes.median_time_s(times) == expected


WRONG = [
    (lambda: scores.csat({6: 1}), "Answer 6 is not a whole number from 1 to 5"),
    (lambda: scores.csat({2.5: 1}), "2.5"),
    (lambda: scores.nps({11: 1}), "0 to 10"),
    (lambda: scores.csat({1: 1}, top=5), "5 boxes"),
    (lambda: scores.csat({1: 1}, top=0), "0 boxes"),
    (lambda: scores.csat({1: 1}, direction="left"), "left"),
    (lambda: scores.csat({1: 1}, low=5, high=1), "from 5 to 1"),
    (lambda: scores.mean({1: -1}), "Answer 1 "),
    (lambda: Tally.of_weighted([(1, float("nan"))]), "nan"),
    (lambda: outcomes.share_of(3, 2), "3 of 2"),
    (lambda: outcomes.median_time_s([-1]), "negative"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_say_what(call, words) -> None:
    with pytest.raises(StatsError, match=words):
        call()
