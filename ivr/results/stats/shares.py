"""Tests of shares: two shares compared, a table of counts against chance, and corrections for many comparisons.

Law: pure functions of numbers; every p value is two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ivr.results.stats.distributions import StatsError, chi_square_survival, log_choose, normal_two_sided, z_for
from ivr.results.stats.intervals import Interval


@dataclass(frozen=True)
class Difference:
    """The second share less the first."""

    value: float
    z: float | None  # None where all answers, or none, are of the kind counted
    p: float | None
    interval: Interval


def difference_of_shares(
    first: float, first_n: float, second: float, second_n: float, confidence: float = 0.95
) -> Difference | None:
    """The two-proportion z test, pooled; its interval unpooled. Numbers of answers may be effective ones."""
    if not (0 <= first <= 1 and 0 <= second <= 1):
        raise StatsError(f"Shares of {first} and {second} are compared; a share lies between 0 and 1.")
    if first_n <= 0 or second_n <= 0:
        return None
    value = second - first
    half = z_for(confidence) * math.sqrt(first * (1 - first) / first_n + second * (1 - second) / second_n)
    interval = Interval(max(-1.0, value - half), min(1.0, value + half), confidence, "normal")
    pooled = (first * first_n + second * second_n) / (first_n + second_n)
    error = math.sqrt(max(0.0, pooled * (1 - pooled)) * (1 / first_n + 1 / second_n))
    if error < 1e-12:
        return Difference(value, None, None, interval)
    return Difference(value, value / error, normal_two_sided(value / error), interval)


@dataclass(frozen=True)
class ChiSquare:
    """Pearson's test of independence of a table, without continuity correction."""

    statistic: float
    df: int
    p: float
    cramers_v: float  # 0: independent, 1: one tells the other
    low_cells: float  # the share of cells whose expected count is under 5

    @property
    def warning(self) -> str:
        if self.low_cells <= 0.2:
            return ""
        return (
            f"{self.low_cells:.0%} of the cells have an expected count under 5, more than 20%:"
            " do not trust this chi-square; join categories, or gather more answers."
        )


def chi_square(table: Sequence[Sequence[float]]) -> ChiSquare | None:
    """Empty rows and columns do not count; None where fewer than two of either are left."""
    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    total, height, width = sum(rows), sum(map(bool, rows)), sum(map(bool, columns))
    if height < 2 or width < 2:
        return None
    statistic = low = 0.0
    for row, row_total in zip(table, rows, strict=True):
        for observed, column_total in zip(row, columns, strict=True):
            expected = row_total * column_total / total
            if expected:
                statistic += (observed - expected) ** 2 / expected
                low += expected < 5
    df = (height - 1) * (width - 1)
    v = math.sqrt(statistic / (total * (min(height, width) - 1)))
    return ChiSquare(statistic, df, chi_square_survival(statistic, df), min(1.0, v), low / (height * width))


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Of the table a b / c d: the probability of all tables with these margins that are no likelier than this one."""
    if min(a, b, c, d) < 0:
        raise StatsError(f"Fisher's test of {a} {b} / {c} {d}: a count is 0 or more.")
    row, other_row, column = a + b, c + d, a + c
    base = log_choose(row + other_row, column)

    def log_p(x: int) -> float:
        return log_choose(row, x) + log_choose(other_row, column - x) - base

    limit = log_p(a) + 1e-7  # equal ones count, whatever their last digits
    likely = (log_p(x) for x in range(max(0, column - other_row), min(row, column) + 1))
    return min(1.0, math.fsum(math.exp(value) for value in likely if value <= limit))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the adjusted p values, in the order given."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = largest
    return adjusted
