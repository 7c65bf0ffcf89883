"""Weighting: the targets of a YAML file, and the weight that raking gives each run.

Law: every name and category is checked against the survey before anything is counted. A run's weight depends on the
cell of its categories only, so that the database can count cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ivr.results.reading.book import ReadingError
from ivr.results.reading.reader import Reader
from ivr.results.stats.distributions import StatsError
from ivr.results.stats.raking import Category, Cell, Report, rake

EXAMPLE = "variables: {gender: {female: 0.52, male: 0.48}}"


@dataclass(frozen=True)
class Targets:
    variables: Mapping[str, Mapping[Category, float]]
    trim: tuple[float, float] | None = None
    missing: str = "leave"  # a run whose category is not known keeps its weight as far as that variable goes; or error


@dataclass(frozen=True)
class Weighting:
    """``names`` are what a weight depends on."""

    names: tuple[str, ...] = ()
    weights: Mapping[Cell, float] | None = None
    targets: Targets | None = None
    report: Report | None = None

    def of(self, values: Sequence[Any]) -> float:
        """The weight of a run with these values of ``names``."""
        return 1.0 if self.weights is None else self.weights[cell_of(values)]


#: Every run counts once.
UNWEIGHTED = Weighting()


def cell_of(values: Sequence[Any]) -> Cell:
    return tuple(map(_category, values))


def _category(value: Any) -> Category:
    return None if value is None else str(value)


def read_targets(path: Path) -> Targets:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReadingError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ReadingError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    return _targets(path, data)


def _targets(path: Path, data: Any) -> Targets:
    if not isinstance(data, dict) or not isinstance(data.get("variables"), dict) or not data["variables"]:
        raise ReadingError(f"{path} has no `variables`; write for example {EXAMPLE}")
    unknown = sorted(map(str, set(data) - {"variables", "trim", "missing"}))
    if unknown:
        raise ReadingError(f"{path}: {unknown[0]!r} is no key of a file of weights; there are variables, trim, missing")
    variables: dict[str, Mapping[Category, float]] = {}
    for name, shares in data["variables"].items():
        if not isinstance(shares, dict) or not all(_is_number(share) for share in shares.values()):
            raise ReadingError(f"{path}: {name} needs a share for each category, as in {EXAMPLE}")
        variables[str(name)] = {_key(category): float(share) for category, share in shares.items()}
    trim = data.get("trim")
    if trim is not None and not (isinstance(trim, list) and len(trim) == 2 and all(map(_is_number, trim))):
        raise ReadingError(f"{path}: trim is the least and the greatest weight, as in trim: [0.3, 3]")
    missing = data.get("missing", "leave")
    if missing not in ("leave", "error"):
        raise ReadingError(f"{path}: missing is `leave` or `error`, not {missing!r}")
    return Targets(variables, (float(trim[0]), float(trim[1])) if trim else None, missing)


def _key(category: Any) -> str:
    """YAML reads `yes` and `no` as true and false; a category is the word that was written."""
    return {True: "yes", False: "no"}[category] if isinstance(category, bool) else str(category)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def weighted(reader: Reader, targets: Targets | None) -> Weighting:
    """Rakes the selected runs to the targets; without targets, every run weighs 1."""
    if targets is None:
        return UNWEIGHTED
    names = tuple(targets.variables)
    for name in names:
        question = reader.names[name].question
        if question is not None and question.kind in ("multiple", "ranking", "voice"):
            raise ReadingError(f"{name} is a {question.kind}: weights need questions with one answer of a few")
    cells: dict[Cell, float] = {}
    for cell in reader.runs(names):
        key = cell_of(cell.group)
        cells[key] = cells.get(key, 0) + cell.count
    try:
        made = rake(cells, names, targets.variables, trim=targets.trim, missing=targets.missing)
    except StatsError as error:
        raise ReadingError(f"the runs cannot be weighted: {error}") from None
    return Weighting(names, made.weights, targets, made.report)
