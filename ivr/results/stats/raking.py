"""Raking: weights that give the respondents the known shares of the population, one variable after the other.

Law: pure functions of counted cells; the work depends on the distinct combinations of categories, not on the people.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ivr.results.stats.distributions import StatsError, kish

_STANDSTILL = 1e-10  # a round that moves no weight by more: targets that contradict each other
# Limits that the targets cannot be met within: going on would push ever more weights to the limits for nothing.
_LEAST_GAIN = 0.01

Category = Hashable  # None: not known
Cell = tuple[Category, ...]
Targets = Mapping[str, Mapping[Category, float]]


@dataclass(frozen=True)
class Iteration:
    number: int
    deviations: Mapping[str, float]  # by variable, the largest difference of a share from its target


@dataclass(frozen=True)
class Report:
    converged: bool
    iterations: tuple[Iteration, ...]
    min_weight: float
    max_weight: float
    design_effect: float  # Kish: 1 + the relative variance of the weights
    n: float
    effective_n: float
    trimmed: float  # respondents whose weight is held at a limit

    @property
    def deviation(self) -> float:
        """The largest that is left."""
        return max(self.iterations[-1].deviations.values(), default=0.0)


@dataclass(frozen=True)
class Raking:
    weights: Mapping[Cell, float]  # of each respondent in the cell; their mean is 1
    report: Report

    def of_rows(self, rows: Iterable[Cell]) -> list[float]:
        """The weight of every respondent, in the order of the rows."""
        return [self.weights[row] for row in rows]


@dataclass(frozen=True)
class _Margin:
    """One variable: which cells each category has, and the share it shall have of those that are known."""

    variable: str
    cells: tuple[tuple[int, ...], ...]
    shares: tuple[float, ...]


def count_rows(rows: Iterable[Cell]) -> Counter[Cell]:
    """The distinct combinations of categories, with how many respondents each has."""
    return Counter(rows)


def count_columns(columns: Sequence[Sequence[Category]]) -> Counter[Cell]:
    """The same from one sequence for each variable, all of one length."""
    return Counter(zip(*columns, strict=True))


def rake(
    cells: Mapping[Cell, float],
    variables: Sequence[str],
    targets: Targets,
    *,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    trim: tuple[float, float] | None = None,
    missing: str = "error",
) -> Raking:
    """Weights by iterative proportional fitting (Deming and Stephan 1940).

    ``cells``: {categories in the order of ``variables``: respondents}. A variable without targets is not raked.
    ``trim``: the least and the greatest weight, around 1. ``missing``: with "leave", a respondent whose category is
    None keeps the weight as far as that variable goes, and its target is a share of those who are known. It ends when
    all shares are within ``tolerance``; not converged, when a round changes nothing, with ``trim`` when it brings the
    shares less than a hundredth nearer, or after ``max_iterations``.
    """
    _check_options(max_iterations, tolerance, trim, missing)
    given = {cell: float(count) for cell, count in cells.items() if count}
    _check_cells(given, variables, targets)
    keys = list(given)
    counts = [given[key] for key in keys]
    margins = [_margin(keys, list(variables).index(name), name, targets[name], missing) for name in targets]
    weights = [1.0] * len(keys)
    history: list[Iteration] = []
    converged = False
    for number in range(1, max_iterations + 1):
        before = list(weights)
        for margin in margins:
            _fit(margin, weights, counts)
        weights = _bounded(weights, counts, trim)
        deviations = {margin.variable: _deviation(margin, weights, counts) for margin in margins}
        history.append(Iteration(number, deviations))
        if max(deviations.values(), default=0.0) < tolerance:
            converged = True
            break
        if _stands_still(weights, before) or (trim and _gains_little(history)):
            break
    return Raking(dict(zip(keys, weights, strict=True)), _report(weights, counts, history, converged, trim))


def _check_options(max_iterations: int, tolerance: float, trim: tuple[float, float] | None, missing: str) -> None:
    if max_iterations < 1:
        raise StatsError(f"{max_iterations} iterations: raking needs at least 1.")
    if not tolerance > 0:
        raise StatsError(f"The tolerance is {tolerance}; give a small share above 0, as 0.000001.")
    if trim and not 0 <= trim[0] < 1 < trim[1]:
        raise StatsError(f"Weights trimmed to {trim[0]} and {trim[1]}: the limits must lie around 1, as 0.2 and 5.")
    if missing not in ("error", "leave"):
        raise StatsError(f"missing={missing!r}: choose 'error' or 'leave'.")


def _check_cells(cells: Mapping[Cell, float], variables: Sequence[str], targets: Targets) -> None:
    if not cells:
        raise StatsError("There are no respondents to weight.")
    for name in targets:
        if name not in variables:
            raise StatsError(f"There are targets for {name!r}, but the data have {', '.join(variables)}.")
    for cell, count in cells.items():
        if len(cell) != len(variables):
            raise StatsError(f"Row {cell!r} has {len(cell)} categories for the {len(variables)} variables.")
        if not 0 < count < math.inf:
            raise StatsError(f"Row {cell!r} stands for {count} respondents; that must be above 0.")


def _margin(keys: list[Cell], at: int, variable: str, target: Mapping[Category, float], missing: str) -> _Margin:
    """Checks the targets of one variable against the data, with words for each way they can disagree."""
    bad = [category for category, share in target.items() if not 0 <= share <= 1]
    if bad:
        raise StatsError(f"The target of {variable} {bad[0]!r} is {target[bad[0]]}; a share lies between 0 and 1.")
    total = math.fsum(target.values())
    if abs(total - 1) > 1e-6:
        raise StatsError(f"The targets of {variable} sum to {total:g}, not to 1; check the shares.")
    found: dict[Category, list[int]] = {}
    for index, key in enumerate(keys):
        found.setdefault(key[at], []).append(index)
    unknown = found.pop(None, [])
    if unknown and missing == "error":
        raise StatsError(
            f"{variable} is missing for some respondents; leave them out, or say missing='leave'"
            " to keep their weight as it is for this variable."
        )
    for category in found:
        if not target.get(category):
            raise StatsError(
                f"{variable} {category!r} is in the data and has no target above 0;"
                " give it a target, or join it with another category."
            )
    for category, share in target.items():
        if share and category not in found:
            raise StatsError(
                f"{variable} {category!r} has a target of {share:g} and no respondents;"
                " join it with another category in the targets."
            )
    return _Margin(variable, tuple(map(tuple, found.values())), tuple(target[name] / total for name in found))


def _fit(margin: _Margin, weights: list[float], counts: list[float]) -> None:
    """Every category gets its share of the weight of the known."""
    sums = [math.fsum(weights[cell] * counts[cell] for cell in cells) for cells in margin.cells]
    total = math.fsum(sums)
    for cells, share, now in zip(margin.cells, margin.shares, sums, strict=True):
        factor = share * total / now
        for cell in cells:
            weights[cell] *= factor


def _deviation(margin: _Margin, weights: list[float], counts: list[float]) -> float:
    sums = [math.fsum(weights[cell] * counts[cell] for cell in cells) for cells in margin.cells]
    total = math.fsum(sums)
    return max((abs(now / total - share) for now, share in zip(sums, margin.shares, strict=True)), default=0.0)


def _stands_still(weights: list[float], before: list[float]) -> bool:
    return max(abs(now - then) for now, then in zip(weights, before, strict=True)) < _STANDSTILL


def _gains_little(history: list[Iteration]) -> bool:
    if len(history) < 2:
        return False
    then, now = (sum(iteration.deviations.values()) for iteration in history[-2:])
    return now > (1 - _LEAST_GAIN) * then


def _bounded(weights: list[float], counts: list[float], trim: tuple[float, float] | None) -> list[float]:
    """Mean 1; with limits, all are scaled by the one factor for which the mean is 1 after clipping."""
    n = math.fsum(counts)
    scale = n / math.fsum(weight * count for weight, count in zip(weights, counts, strict=True))
    if trim is None:
        return [weight * scale for weight in weights]
    low, high = trim
    smallest, largest = 0.0, high / min(weights)
    for _ in range(200):  # the total grows with the factor; as a line, as long as the same ones are clipped
        clipped = [min(max(weight * scale, low), high) for weight in weights]
        lacking = n - math.fsum(weight * count for weight, count in zip(clipped, counts, strict=True))
        if abs(lacking) < 1e-13 * n:
            break
        smallest, largest = (scale, largest) if lacking > 0 else (smallest, scale)
        slope = math.fsum(
            weight * count for weight, count in zip(weights, counts, strict=True) if low < weight * scale < high
        )
        scale += lacking / slope if slope else math.inf
        if not smallest < scale < largest:
            scale = (smallest + largest) / 2
    return clipped


def _report(
    weights: list[float],
    counts: list[float],
    history: list[Iteration],
    converged: bool,
    trim: tuple[float, float] | None,
) -> Report:
    n = math.fsum(counts)
    total = math.fsum(weight * count for weight, count in zip(weights, counts, strict=True))
    squared = math.fsum(weight * weight * count for weight, count in zip(weights, counts, strict=True))
    effective_n = kish(total, squared)
    return Report(
        converged=converged,
        iterations=tuple(history),
        min_weight=min(weights),
        max_weight=max(weights),
        design_effect=n / effective_n,
        n=n,
        effective_n=effective_n,
        trimmed=sum(count for weight, count in zip(weights, counts, strict=True) if weight in (trim or ())),
    )
