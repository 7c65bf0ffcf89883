"""Analysis: the questions' figures, by groups, crossed, and over time.

Law: puts what the reader counts into the pure figures of ``results.stats``; prints nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Generic, TypeVar

from ivr.results.reading.book import ReadingError
from ivr.results.reading.names import label_of, moment_of, shown
from ivr.results.reading.questions import Figure, Gathered, QuestionResult, question_result
from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import UNWEIGHTED, Weighting
from ivr.results.stats.crosstab import Cells, Crosstab, People, crosstab
from ivr.results.stats.distributions import normal_two_sided, z_for
from ivr.results.stats.intervals import Interval
from ivr.results.stats.shares import difference_of_shares
from ivr.results.stats.trend import Bucket, bucket, filled
from ivr.survey.definition import QuestionDef

Group = tuple[Any, ...]
Key = TypeVar("Key")


@dataclass(frozen=True)
class Grouped:
    by: tuple[str, ...]
    groups: dict[Group, list[QuestionResult]]  # in the order of the groups' names; () without `by`
    runs: dict[Group, int]


def sort_key(group: Iterable[Any]) -> tuple[tuple[bool, bool, float, str], ...]:
    """Numbers as numbers, then words; what is not known comes last."""
    return tuple(
        (value is None, not isinstance(value, int | float), value, "")
        if isinstance(value, int | float)
        else (value is None, True, 0.0, shown(value))
        for value in group
    )


def hashable(group: Iterable[Any]) -> Group:
    return tuple(shown(value) if isinstance(value, list) else value for value in group)


def figures(
    reader: Reader,
    weighting: Weighting = UNWEIGHTED,
    by: Sequence[str] = (),
    language: str = "",
    tries: bool = True,
    questions: Sequence[str] = (),
) -> Grouped:
    """Every question's figures in each group, or those of ``questions``. ``tries``: also how many did not answer."""
    names, width = (*by, *weighting.names), len(by)
    found: dict[Group, dict[str, Gathered]] = defaultdict(lambda: defaultdict(Gathered))
    for cell in reader.answers(names, questions):
        found[hashable(cell.group[:width])][cell.question].add(cell, weighting.of(cell.group[width:]))
    reached: dict[Group, Counter[str]] = defaultdict(Counter)
    for question, group, times in reader.reached(by, questions) if tries else ():
        reached[hashable(group)][question] += times
    runs: Counter[Group] = Counter()
    for run in reader.runs(by):
        runs[hashable(run.group)] += run.count
    wanted = [q for q in reader.book.definition.questions if not questions or q.id in questions]
    groups = {}
    for group in sorted({*found, *runs} or {()}, key=sort_key):
        answers, asked = found[group], reached[group]
        groups[group] = [
            question_result(question, answers[question.id], asked[question.id] if tries else None, language)
            for question in wanted
        ]
    return Grouped(tuple(by), groups, dict(runs))


# -- crossed -----------------------------------------------------------------------------------------------


def cross(reader: Reader, row: str, column: str, weighting: Weighting = UNWEIGHTED, language: str = "") -> Crosstab:
    """Runs without a value of either are left out. A run counts in each of its several answers, and as one person."""
    if row == column:
        raise ReadingError(f"{row!r} by itself says nothing; give two names")
    sides = (reader.names[row], reader.names[column])
    pairs: Tally[tuple[str, str]] = Tally()
    people: tuple[Tally[str], ...] = (Tally(), Tally())
    everybody: Tally[None] = Tally()
    places: tuple[dict[str, tuple[Any, ...]], ...] = ({}, {})
    for cell in reader.runs((row, column, *weighting.names)):
        given = [
            {label_of(side.question, part, language): _place(side.question, part) for part in _parts(value)}
            for side, value in zip(sides, cell.group[:2], strict=True)
        ]
        if not all(given):
            continue
        weight = weighting.of(cell.group[2:])
        everybody.add(None, weight, cell.count)
        for found, order, counted in zip(given, places, people, strict=True):
            order.update(found)
            for label in found:
                counted.add(label, weight, cell.count)
        for pair in product(*given):
            pairs.add((pair[0], pair[1]), weight, cell.count)
    orders = [sorted(order, key=order.__getitem__) for order in places]
    cells = Cells(pairs.weights, pairs.squared if weighting.weights else None)
    several = [side.question is not None and side.question.kind in SEVERAL for side in sides]
    whole = everybody.sums().get(None, (0.0, 0.0))
    persons = People(people[0].sums(), people[1].sums(), whole, share_columns=several[1])
    return crosstab(cells, rows=orders[0], columns=orders[1], people=persons if any(several) else None)


#: Kinds of questions with several answers of one person.
SEVERAL: Final = ("multiple", "ranking")


class Tally(Generic[Key]):
    """Weights and their squares, summed by a key."""

    def __init__(self) -> None:
        self.weights: dict[Key, float] = defaultdict(float)
        self.squared: dict[Key, float] = defaultdict(float)

    def add(self, key: Key, weight: float, count: float) -> None:
        self.weights[key] += weight * count
        self.squared[key] += weight * weight * count

    def sums(self) -> dict[Key, tuple[float, float]]:
        return {key: (weight, self.squared[key]) for key, weight in self.weights.items()}


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _place(question: QuestionDef | None, value: Any) -> tuple[Any, ...]:
    """Options as the questionnaire has them, everything else by its value."""
    order = [str(known.value) for known in question.values] if question else []
    at = order.index(str(value)) if str(value) in order else len(order)
    return (at, sort_key([value]))


# -- over time ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    bucket: Bucket
    n: int
    figure: Figure | None
    change: float | None = None  # against the period before
    p: float | None = None  # of no change; two-sided
    effective_n: float = 0.0


@dataclass(frozen=True)
class Trend:
    question: QuestionDef
    name: str  # of the figure
    unit: str
    points: tuple[Point, ...]


def trend(
    reader: Reader,
    ident: str,
    by: str = "week",
    weighting: Weighting = UNWEIGHTED,
    value: str = "",
    language: str = "",
) -> Trend:
    """One question's main figure in each period, with a test against the period before.

    ``value``: the option whose share is meant, for questions with options; without, the most frequent one.
    """
    question = reader.book.question(ident)
    found: dict[Bucket, Gathered] = defaultdict(Gathered)
    everything = Gathered()
    for cell in reader.answers(("quarter", *weighting.names), [ident]):
        quarter, weight = cell.group[0], weighting.of(cell.group[1:])
        everything.add(cell, weight)
        if quarter is not None:
            found[bucket(moment_of(quarter), reader.selection.zone, by)].add(cell, weight)
    value = _value_of(question, everything, value, language)
    points: list[Point] = []
    for at, answers in filled(found, Gathered()).items():
        result = question_result(question, answers, language=language)
        points.append(_point(at, result, _figure_of(result, value), points[-1] if points else None))
    sample = _figure_of(question_result(question, everything, language=language), value)
    return Trend(question, sample.name if sample else "", sample.unit if sample else "number", tuple(points))


def _value_of(question: QuestionDef, answers: Gathered, value: str, language: str) -> str:
    if question.kind not in ("choice", "multiple", "ranking"):
        if value:
            raise ReadingError(f"{question.id} is a {question.kind}; --value is for questions with options")
        return ""
    options = question_result(question, answers, language=language).options
    if value and value not in [option.value for option in options]:
        raise ReadingError(f"{question.id} has no option {value!r}; there are: {', '.join(o.value for o in options)}")
    return value or max(options, key=lambda option: option.count).value if options else ""


def _figure_of(result: QuestionResult, value: str) -> Figure | None:
    if not value:
        return result.main
    for option in result.options:
        if option.value == value:
            name = f"{option.label} first" if result.question.kind == "ranking" else option.label
            return Figure(name, option.share, option.interval, "share")
    return None


def _point(at: Bucket, result: QuestionResult, figure: Figure | None, before: Point | None) -> Point:
    change, p = None, None
    if before and before.figure and figure:
        change, p = compare(before.figure, before.effective_n, figure, result.effective_n)
    return Point(at, result.n, figure, change, p, result.effective_n)


def compare(first: Figure, first_n: float, second: Figure, second_n: float) -> tuple[float | None, float | None]:
    """The second less the first, and the p value of no difference."""
    if not isinstance(first.value, int | float) or not isinstance(second.value, int | float):
        return None, None
    change = second.value - first.value
    if second.unit == "share":
        test = difference_of_shares(first.value, first_n, second.value, second_n)
        return change, test.p if test else None
    errors = [_standard_error(figure.interval) for figure in (first, second)]
    total = math.hypot(*(error or 0.0 for error in errors))
    if None in errors or total == 0:
        return change, None
    return change, normal_two_sided(change / total)


def _standard_error(interval: Interval | None) -> float | None:
    return None if interval is None else (interval.high - interval.low) / 2 / z_for(interval.confidence)
