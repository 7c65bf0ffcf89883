"""Analysis: the questions' figures, by groups, crossed, and over time.

Law: puts what the reader counts into the pure figures of ``results.stats``; prints nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.results.reading.book import ReadingError
from ivr.results.reading.names import label_of, moment_of, shown
from ivr.results.reading.questions import Figure, Gathered, QuestionResult, question_result
from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import UNWEIGHTED, Weighting
from ivr.results.stats.crosstab import Cells, Crosstab, crosstab
from ivr.results.stats.distributions import normal_two_sided, z_for
from ivr.results.stats.intervals import Interval
from ivr.results.stats.shares import difference_of_shares
from ivr.results.stats.trend import Bucket, bucket, filled
from ivr.survey.definition import QuestionDef

Group = tuple[Any, ...]


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
    """Runs without a value of either are left out; a run counts in each of its several answers."""
    if row == column:
        raise ReadingError(f"{row!r} by itself says nothing; give two names")
    rows, columns = reader.names[row], reader.names[column]
    weights: dict[tuple[str, str], float] = {}
    squared: dict[tuple[str, str], float] = {}
    labels: tuple[dict[str, tuple[Any, ...]], ...] = ({}, {})
    for cell in reader.runs((row, column, *weighting.names)):
        weight = weighting.of(cell.group[2:])
        for left in _parts(cell.group[0]):
            for right in _parts(cell.group[1]):
                pair = (label_of(rows.question, left, language), label_of(columns.question, right, language))
                labels[0].setdefault(pair[0], _place(rows.question, left))
                labels[1].setdefault(pair[1], _place(columns.question, right))
                weights[pair] = weights.get(pair, 0.0) + weight * cell.count
                squared[pair] = squared.get(pair, 0.0) + weight * weight * cell.count
    orders = [sorted(found, key=lambda name, found=found: found[name]) for found in labels]  # type: ignore[misc]
    cells = Cells(weights, squared) if weighting.weights else Cells(weights)
    return crosstab(cells, rows=orders[0], columns=orders[1])


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
