"""A tally: how often each answer was given, counted or weighted. What every score is made from.

Law: a plain record and its sums. Weights are not negative; the effective number of answers is Kish's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.results.stats.distributions import StatsError, kish


@dataclass(frozen=True)
class Tally:
    """Numeric answers with the sum of their weights, in the order of the answers."""

    weights: Mapping[float, float]
    n: float  # how many answers
    effective_n: float  # how many unweighted answers would say as much

    @classmethod
    def of(cls, counts: Mapping[float, float]) -> Tally:
        """Answers that each count once: {value: how many}."""
        return cls.of_cells((value, 1.0, count) for value, count in counts.items())

    @classmethod
    def of_weighted(cls, answers: Iterable[tuple[float, float]]) -> Tally:
        """(value, weight) of every respondent."""
        return cls.of_cells((value, weight, 1) for value, weight in answers)

    @classmethod
    def of_cells(cls, cells: Iterable[tuple[float, float, float]]) -> Tally:
        """(value, weight of each respondent, number of respondents): what raked cells give."""
        weights: dict[float, float] = {}
        n = total = squared = 0.0
        for value, weight, count in cells:
            if not (math.isfinite(value) and 0 <= weight < math.inf and 0 <= count < math.inf):
                raise StatsError(
                    f"Answer {value} with weight {weight}, {count} times: the answer must be a number,"
                    " its weight and count 0 or more."
                )
            weights[value] = weights.get(value, 0.0) + weight * count
            n += count
            total += weight * count
            squared += weight * weight * count
        given = {value: weight for value, weight in sorted(weights.items()) if weight > 0}
        return cls(given, n, kish(total, squared))

    @property
    def total(self) -> float:
        return math.fsum(self.weights.values())

    def share(self, values: Iterable[float]) -> float | None:
        """The weighted share of answers among ``values``; None without answers."""
        total = self.total
        return min(1.0, math.fsum(self.weights.get(value, 0.0) for value in values) / total) if total else None


Answers = Tally | Mapping[float, float]


def tally(answers: Answers) -> Tally:
    """Plain counts are taken as answers that each count once."""
    return answers if isinstance(answers, Tally) else Tally.of(answers)
