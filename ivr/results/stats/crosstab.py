"""Cross-tabs: one question by another, with percentages, chi-square, and the letters of column tests.

Law: pure functions of counts. Weighted tables are tested as if they had as many answers as their effective number, a
first-order correction: it takes the weights' design effect for the same in every cell (Rao and Scott go further).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from ivr.results.stats.distributions import StatsError, kish
from ivr.results.stats.shares import ChiSquare, chi_square, difference_of_shares, fisher_exact, holm

Pair = tuple[str, str]  # row, column


@dataclass(frozen=True)
class Cells:
    """How many answers each pair of row and column has; with weights also the sums of their squares."""

    weights: Mapping[Pair, float]
    squared: Mapping[Pair, float] | None = None  # None: every answer counts once

    @classmethod
    def of_weighted(cls, answers: Iterable[tuple[str, str, float]]) -> Cells:
        """(row, column, weight) of every respondent."""
        weights: dict[Pair, float] = {}
        squared: dict[Pair, float] = {}
        for row, column, weight in answers:
            if weight < 0:
                raise StatsError(f"An answer {row!r} by {column!r} has the weight {weight}; a weight is 0 or more.")
            weights[row, column] = weights.get((row, column), 0.0) + weight
            squared[row, column] = squared.get((row, column), 0.0) + weight * weight
        return cls(weights, squared)

    def effective_n(self, pairs: Iterable[Pair]) -> float:
        pairs = list(pairs)
        total = sum(self.weights.get(pair, 0.0) for pair in pairs)
        return total if self.squared is None else kish(total, sum(self.squared.get(pair, 0.0) for pair in pairs))


@dataclass(frozen=True)
class People:
    """Where somebody may have several answers: how many people each row, each column, and the whole table has.

    A weight and the sum of its squares each; without weights both are the count.
    """

    rows: Mapping[str, tuple[float, float]]
    columns: Mapping[str, tuple[float, float]]
    all: tuple[float, float]
    share_columns: bool  # somebody may be in several columns


@dataclass(frozen=True)
class Crosstab:
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]  # weighted, by row
    row_totals: tuple[float, ...]
    column_totals: tuple[float, ...]
    total: float
    effective_n: float
    column_bases: tuple[float, ...]  # effective answers of each column
    chi_square: ChiSquare | None
    fisher_p: float | None  # of an unweighted table of two by two with an expected count under 5
    column_letters: tuple[str, ...]
    letters: tuple[tuple[str, ...], ...]  # by row: the columns whose share is smaller by more than chance
    not_tested: tuple[str, ...]  # columns with too few answers for a test
    several: bool = False  # answers of one person: totals are of people, and a column may sum to more than 1
    overlapping: bool = False  # somebody is in several columns: nothing is tested

    def column_shares(self) -> list[list[float | None]]:
        """Of each column, so that a column sums to 1: what survey tables print."""
        return [
            [_ratio(count, base) for count, base in zip(row, self.column_totals, strict=True)] for row in self.counts
        ]

    def row_shares(self) -> list[list[float | None]]:
        return [[_ratio(count, base) for count in row] for row, base in zip(self.counts, self.row_totals, strict=True)]

    def total_shares(self) -> list[list[float | None]]:
        return [[_ratio(count, self.total) for count in row] for row in self.counts]

    @property
    def warning(self) -> str:
        return self.chi_square.warning if self.chi_square else ""


def crosstab(
    cells: Cells | Mapping[Pair, float],
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    level: float = 0.05,
    min_base: float = 30,
    people: People | None = None,
) -> Crosstab:
    """``rows`` and ``columns`` give the order; without, as they are met. A column under ``min_base`` is not tested.

    With ``people`` shares are of people, and there is no chi-square: it takes every answer for another person's.
    """
    given = cells if isinstance(cells, Cells) else Cells(cells)
    _check(given, level)
    rows = _order(rows, (row for row, _ in given.weights), "row")
    columns = _order(columns, (column for _, column in given.weights), "column")
    counts = tuple(tuple(given.weights.get((row, column), 0.0) for column in columns) for row in rows)
    total = sum(map(sum, counts))
    effective_n = given.effective_n(given.weights)
    bases = tuple(given.effective_n((row, column) for row in rows) for column in columns)
    row_totals, column_totals = tuple(map(sum, counts)), tuple(sum(column) for column in zip(*counts, strict=True))
    if people:
        total, effective_n = people.all[0], kish(*people.all)
        bases = tuple(kish(*people.columns.get(column, (0.0, 0.0))) for column in columns)
        row_totals = tuple(people.rows.get(row, (0.0, 0.0))[0] for row in rows)
        column_totals = tuple(people.columns.get(column, (0.0, 0.0))[0] for column in columns)
    scale = effective_n / total if total else 0.0
    test = None if people else chi_square([[count * scale for count in row] for row in counts])
    made = Crosstab(
        rows=rows,
        columns=columns,
        counts=counts,
        row_totals=row_totals,
        column_totals=column_totals,
        total=total,
        effective_n=effective_n,
        column_bases=bases,
        chi_square=test,
        fisher_p=_fisher(counts, test) if given.squared is None else None,
        column_letters=tuple(column_letter(at) for at in range(len(columns))),
        letters=(),
        not_tested=tuple(column for column, base in zip(columns, bases, strict=True) if base < min_base),
        several=people is not None,
        overlapping=people is not None and people.share_columns,
    )
    if made.overlapping:
        return replace(made, letters=tuple(("",) * len(columns) for _ in rows))
    letters = tuple(_letters(row, made, level) for row in made.column_shares())
    return replace(made, letters=letters)


def _check(cells: Cells, level: float) -> None:
    if not 0 < level < 1:
        raise StatsError(f"The level of significance is {level}; it must lie between 0 and 1, as 0.05.")
    for pair, weight in cells.weights.items():
        if not 0 <= weight < float("inf"):
            raise StatsError(f"Cell {pair[0]!r} by {pair[1]!r} has a count of {weight}; a count is 0 or more.")


def _order(wanted: Sequence[str], met: Iterable[str], what: str) -> tuple[str, ...]:
    found = dict.fromkeys(met)
    if not wanted:
        return tuple(found)
    left_out = [name for name in found if name not in wanted]
    if left_out:
        raise StatsError(f"The {what} {left_out[0]!r} has answers, but the order given leaves it out; add it.")
    return tuple(dict.fromkeys(wanted))


def _fisher(counts: tuple[tuple[float, ...], ...], test: ChiSquare | None) -> float | None:
    whole = all(count == int(count) for row in counts for count in row)
    if test is None or not whole or not test.low_cells or [len(row) for row in counts] != [2, 2]:
        return None
    (a, b), (c, d) = counts
    return fisher_exact(int(a), int(b), int(c), int(d))


def _letters(shares: Sequence[float | None], table: Crosstab, level: float) -> tuple[str, ...]:
    """Every pair of columns in one row is a z test; Holm's correction is over the pairs of the row."""
    tested = [at for at, column in enumerate(table.columns) if column not in table.not_tested]
    found: list[tuple[int, int, float]] = []  # column with the smaller share, with the larger, p
    for left, right in combinations(tested, 2):
        first, second = shares[left], shares[right]
        if first is None or second is None:
            continue
        test = difference_of_shares(first, table.column_bases[left], second, table.column_bases[right])
        if test is not None and test.p is not None:
            found.append((left, right, test.p) if test.value > 0 else (right, left, test.p))
    marks: list[list[int]] = [[] for _ in table.columns]
    for (smaller, larger, _), p in zip(found, holm([p for _, _, p in found]), strict=True):
        if p < level:
            marks[larger].append(smaller)
    return tuple(" ".join(table.column_letters[at] for at in sorted(columns)) for columns in marks)


def column_letter(at: int) -> str:
    """A to Z, then AA, AB ..."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
