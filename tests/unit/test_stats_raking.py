"""Raking: published example, the margins it promises, its report and its words for data that do not fit."""

from __future__ import annotations

import random
import time

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.results.stats.distributions import StatsError
from ivr.results.stats.raking import Raking, count_columns, count_rows, rake

# Wikipedia, "Iterative proportional fitting", section "Example": a table of four by four, its target sums, and the
# fitted table, printed after three rounds.
SEED = [[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]]
ROW_SUMS, COLUMN_SUMS = [150, 300, 400, 150], [200, 300, 400, 100]
FITTED = [
    [64.61, 46.28, 35.42, 3.83],
    [49.95, 68.15, 156.49, 25.37],
    [56.70, 144.40, 145.06, 53.76],
    [28.74, 41.18, 63.03, 17.03],
]


def published(max_iterations: int) -> Raking:
    cells = {(row, column): SEED[row][column] for row in range(4) for column in range(4)}
    targets = {name: {at: total / 1000 for at, total in enumerate(sums)} for name, sums in TARGET_SUMS.items()}
    return rake(cells, ["row", "column"], targets, max_iterations=max_iterations)


TARGET_SUMS = {"row": ROW_SUMS, "column": COLUMN_SUMS}


def test_published_example() -> None:
    found = published(3)
    for row in range(4):
        # The published table sums to 1000.0, our weights to the 800 respondents.
        weighted = [found.weights[row, column] * SEED[row][column] * 1000 / 800 for column in range(4)]
        assert weighted == pytest.approx(FITTED[row], abs=0.006)


def test_fitted_as_numpy_fits() -> None:
    table = numpy.array(SEED, float)
    for _ in range(50):
        table *= (numpy.array(ROW_SUMS) / table.sum(axis=1))[:, None]
        table *= numpy.array(COLUMN_SUMS) / table.sum(axis=0)
    found = published(50)
    for (row, column), weight in found.weights.items():
        assert weight * SEED[row][column] * 1000 / 800 == pytest.approx(table[row, column], rel=1e-5)


def shares(found: Raking, cells: dict, at: int) -> dict:
    sums: dict = {}
    for cell, weight in found.weights.items():
        if cell[at] is not None:
            sums[cell[at]] = sums.get(cell[at], 0) + weight * cells[cell]
    return {category: total / sum(sums.values()) for category, total in sums.items()}


@st.composite
def surveys(draw):
    """A full table (so that every margin can be met) of two or three variables, and targets."""
    sizes = draw(st.lists(st.integers(2, 4), min_size=2, max_size=3))
    names = [f"v{at}" for at in range(len(sizes))]
    keys = [()]
    for size in sizes:
        keys = [(*key, f"c{at}") for key in keys for at in range(size)]
    cells = {key: draw(st.integers(1, 60)) for key in keys}
    targets = {}
    for name, size in zip(names, sizes, strict=True):
        parts = [draw(st.integers(1, 9)) for _ in range(size)]
        targets[name] = {f"c{at}": part / sum(parts) for at, part in enumerate(parts)}
    return cells, names, targets


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(surveys())
def test_margins_are_reached_and_the_mean_weight_is_one(survey) -> None:
    cells, names, targets = survey
    found = rake(cells, names, targets, max_iterations=500)
    report = found.report
    assert report.converged
    assert report.deviation < 1e-6
    for at, name in enumerate(names):
        assert shares(found, cells, at) == pytest.approx(targets[name], abs=1e-6)
    n = sum(cells.values())
    assert sum(found.weights[cell] * cells[cell] for cell in cells) == pytest.approx(n)
    assert report.n == n
    assert report.design_effect == pytest.approx(n / report.effective_n)
    assert 0 < report.min_weight <= 1 + 1e-9 <= report.max_weight + 2e-9
    assert report.effective_n <= n + 1e-6
    assert report.trimmed == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(surveys(), st.floats(0.1, 0.9), st.floats(1.1, 5))
def test_trimmed_weights_keep_their_limits_and_their_mean(survey, low: float, high: float) -> None:
    cells, names, targets = survey
    found = rake(cells, names, targets, trim=(low, high), max_iterations=30)
    assert all(low <= weight <= high for weight in found.weights.values())
    n = sum(cells.values())
    assert sum(found.weights[cell] * cells[cell] for cell in cells) == pytest.approx(n, rel=1e-9)
    at_limit = sum(cells[cell] for cell, weight in found.weights.items() if weight in (low, high))
    assert found.report.trimmed == at_limit


CELLS = {("f", "young"): 10, ("f", "old"): 30, ("m", "young"): 20, ("m", "old"): 40}
NAMES = ["sex", "age"]
HALF = {"sex": {"f": 0.5, "m": 0.5}}


def test_one_variable_by_hand() -> None:
    found = rake(CELLS, NAMES, HALF)
    assert found.weights == pytest.approx(
        {("f", "young"): 1.25, ("f", "old"): 1.25, ("m", "young"): 5 / 6, ("m", "old"): 5 / 6}
    )
    # Kish: n sum(w^2) / (sum w)^2 = (40 * 1.5625 + 60 * 0.69444) / 100
    assert found.report.design_effect == pytest.approx(1.0416667)
    assert found.report.effective_n == pytest.approx(96)
    assert [iteration.number for iteration in found.report.iterations] == [1]


def test_deviations_are_told_of_each_iteration() -> None:
    found = rake(CELLS, NAMES, {**HALF, "age": {"young": 0.5, "old": 0.5}})
    first, *_, last = found.report.iterations
    assert set(first.deviations) == {"sex", "age"}
    assert first.deviations["sex"] > last.deviations["sex"] < 1e-6
    assert found.report.converged


def test_margins_that_cannot_meet_are_reported_as_such() -> None:
    # All women are young and all men old: half and half contradicts 20 to 80.
    found = rake({("f", "young"): 5, ("m", "old"): 5}, NAMES, {**HALF, "age": {"young": 0.2, "old": 0.8}})
    assert not found.report.converged
    assert len(found.report.iterations) == 2  # the second moved nothing
    assert found.report.deviation == pytest.approx(0.3)


def test_trimming_costs_the_margin_and_says_so() -> None:
    found = rake(CELLS, NAMES, {"sex": {"f": 0.8, "m": 0.2}}, trim=(0.5, 1.6))
    assert not found.report.converged
    assert found.report.max_weight == 1.6
    assert found.report.trimmed == 40
    assert found.report.deviation == pytest.approx(0.16)  # by hand: 40 * 1.6 = 64 of 100


def test_missing_values_can_be_left_as_they_are() -> None:
    cells = {("f",): 20, ("m",): 60, (None,): 20}
    found = rake(cells, ["sex"], HALF, missing="leave")
    assert found.weights == pytest.approx({("f",): 2.0, ("m",): 2 / 3, (None,): 1.0})
    assert found.report.converged


def test_rows_and_columns_are_counted_and_given_their_weights() -> None:
    rows = [("f", "old"), ("m", "old"), ("m", "old"), ("m", "young")]
    assert count_rows(rows) == count_columns([["f", "m", "m", "m"], ["old", "old", "old", "young"]])
    found = rake(count_rows(rows), NAMES, HALF)
    assert found.of_rows(rows) == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])


def test_a_million_respondents_take_a_moment() -> None:
    rng = random.Random(1)
    kinds = [(f"a{a}", f"r{r}", f"s{s}") for a in range(8) for r in range(30) for s in range(2)]
    cells = {kind: rng.randint(500, 3700) for kind in kinds}
    targets = {
        "age": {f"a{a}": 1 / 8 for a in range(8)},
        "region": {f"r{r}": (r + 1) / 465 for r in range(30)},
        "sex": {"s0": 0.49, "s1": 0.51},
    }
    begun = time.process_time()
    found = rake(cells, ["age", "region", "sex"], targets)
    assert time.process_time() - begun < 2  # some 0.01 s here
    assert found.report.n > 900_000
    assert found.report.converged


WRONG = [
    ({}, {"targets": HALF, "cells": {}}, "no respondents"),
    ({}, {"targets": {"sex": {"f": 0.5}}}, "sum to 0.5, not to 1"),
    ({}, {"targets": {"sex": {"f": 1.0}}}, "'m' is in the data and has no target"),
    ({}, {"targets": {"sex": {"f": 1.0, "m": 0.0}}}, "'m' is in the data and has no target"),
    ({}, {"targets": {"sex": {"f": 0.4, "m": 0.4, "x": 0.2}}}, "'x' has a target of 0.2 and no respondents"),
    ({}, {"targets": {"sex": {"f": 1.5, "m": -0.5}}}, "'f' is 1.5"),
    ({}, {"targets": {"region": {"north": 1.0}}}, "'region', but the data have sex, age"),
    ({}, {"targets": HALF, "cells": {(None, "old"): 3, ("f", "old"): 1, ("m", "old"): 1}}, "sex is missing"),
    ({}, {"targets": HALF, "cells": {("f",): 3}}, "1 categories for the 2"),
    ({}, {"targets": HALF, "cells": {("f", "old"): -3}}, "-3"),
    ({"trim": (1.5, 3)}, {"targets": HALF}, "around 1"),
    ({"missing": "drop"}, {"targets": HALF}, "drop"),
    ({"max_iterations": 0}, {"targets": HALF}, "0 iterations"),
    ({"tolerance": 0}, {"targets": HALF}, "tolerance"),
]


@pytest.mark.parametrize(("options", "data", "words"), WRONG)
def test_errors_say_what(options, data, words) -> None:
    with pytest.raises(StatsError, match=words):
        rake(data.get("cells", CELLS), NAMES, data["targets"], **options)


def test_limits_that_the_targets_cannot_be_met_within_end_early() -> None:
    # By hand: the north needs the weight 0.1 / 0.5 = 0.2, and gets no less than the limit.
    cells = {(region, age): 25 for region in ("north", "south") for age in ("young", "old")}
    targets = {"region": {"north": 0.1, "south": 0.9}, "age": {"young": 0.4, "old": 0.6}}
    report = rake(cells, ["region", "age"], targets, trim=(0.5, 2)).report
    assert not report.converged
    assert len(report.iterations) < 10
    assert report.iterations[-1].deviations["region"] == pytest.approx(0.15, abs=0.001)
    assert report.min_weight == 0.5


def test_limits_that_leave_room_are_met_with_the_targets() -> None:
    targets = {**HALF, "age": {"young": 0.5, "old": 0.5}}
    free = rake(CELLS, NAMES, targets).report
    found = rake(CELLS, NAMES, targets, trim=(0.1, free.max_weight - 0.05), max_iterations=1000).report
    assert free.trimmed == 0
    assert found.trimmed > 0
    assert found.max_weight < free.max_weight
    assert found.converged
