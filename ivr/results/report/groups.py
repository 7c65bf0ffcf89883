"""Groups: the measures of each agent, queue and week, beside each other.

Law: reads through ``results.reading`` only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ivr.results.reading import analysis
from ivr.results.reading.analysis import Grouped, Trend
from ivr.results.reading.names import label_of
from ivr.results.reading.questions import Figure, QuestionResult
from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import Weighting
from ivr.results.report import charts, words
from ivr.results.report.charts import Dot
from ivr.results.stats.distributions import StatsError
from ivr.survey.definition import QuestionDef

#: The report compares at most so many groups of one name; more would be no comparison.
MOST_GROUPS = 20


@dataclass(frozen=True)
class Compared:
    """The measures in each group of one name."""

    name: str
    measures: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[tuple[str, str, Markup], ...]], ...]
    notes: tuple[str, ...]
    left_out: int


@dataclass(frozen=True)
class Course:
    """A measure over time."""

    title: str
    name: str
    picture: Markup
    rows: tuple[tuple[str, str, str, str, str], ...]  # period, n, value, interval, change


def ends_of(question: QuestionDef, figure: Figure) -> tuple[float, float]:
    if figure.unit == "share":
        return 0.0, 1.0
    if figure.unit == "score":
        return -100.0, 100.0
    return float(question.low or 0), float(question.high or 1)


def gauge_of(question: QuestionDef, figure: Figure | None) -> Markup:
    if figure is None:
        return Markup("")
    value = figure.value if isinstance(figure.value, int | float) else None
    return charts.gauge(value, figure.interval, *ends_of(question, figure))


def compared(
    reader: Reader, weighting: Weighting, name: str, measured: list[QuestionResult], language: str
) -> Compared | None:
    """Nothing, where nobody knows the name, or all runs have the same."""
    if not measured:
        return None
    questions = [result.question.id for result in measured]
    found = analysis.figures(reader, weighting, (name,), language, False, questions)
    known = [group for group in found.groups if group[0] is not None]
    if len(known) < 2:
        return None
    known.sort(key=lambda group: -found.runs.get(group, 0))
    rows = [_group(reader, found, group, measured) for group in sorted(known[:MOST_GROUPS], key=analysis.sort_key)]
    notes = [note for result in measured if (note := _difference(reader, weighting, name, result, language))]
    measures = tuple(result.main.name for result in measured if result.main)
    return Compared(name, measures, tuple(rows), tuple(notes), max(0, len(known) - MOST_GROUPS))


def _group(
    reader: Reader, found: Grouped, group: tuple[Any, ...], measured: list[QuestionResult]
) -> tuple[str, int, tuple[tuple[str, str, Markup], ...]]:
    results = {result.question.id: result for result in found.groups[group]}
    cells = []
    for result in measured:
        figure = results[result.question.id].main
        span = words.interval(figure.interval, figure.unit) if figure else ""
        cells.append((words.amount(figure), span, gauge_of(result.question, figure)))
    label = label_of(reader.names[found.by[0]].question, group[0])
    return label, found.runs.get(group, 0), tuple(cells)


def _difference(reader: Reader, weighting: Weighting, name: str, result: QuestionResult, language: str) -> str:
    try:
        table = analysis.cross(reader, result.question.id, name, weighting, language)
    except StatsError:
        return ""
    if table.chi_square is None or not result.main:
        return ""
    doubt = "; too few answers to trust it" if table.warning else ""
    test = table.chi_square
    return f"{result.main.name}: chi-square {test.statistic:.1f}, df {test.df}, {words.p_value(test.p)}{doubt}"


def courses(reader: Reader, weighting: Weighting, measured: list[QuestionResult], language: str) -> Iterable[Course]:
    for result in measured:
        found = analysis.trend(reader, result.question.id, "week", weighting, "", language)
        if len(found.points) > 1:
            yield _course(found, language)


def _course(found: Trend, language: str) -> Course:
    dots, rows = [], []
    for point in found.points:
        figure = point.figure
        value = figure.value if figure and isinstance(figure.value, int | float) else None
        marked = point.p is not None and point.p < 0.05
        label = point.bucket.first_day.strftime("%d %b").lstrip("0")
        dots.append(Dot(label, value, figure.interval if figure else None, words.amount(figure), marked))
        changed = "" if point.change is None else words.change(point.change, found.unit)
        tested = f"{changed} ({words.p_value(point.p)})" if changed and point.p is not None else changed
        span = words.interval(figure.interval, figure.unit) if figure else ""
        rows.append((point.bucket.key, words.count(point.n), words.amount(figure), span, tested))
    low, high, ticks = _axis(found, dots)
    return Course(found.question.title(language), found.name, charts.line(dots, low, high, ticks), tuple(rows))


def _axis(found: Trend, dots: list[Dot]) -> tuple[float, float, list[tuple[float, str]]]:
    """The whole of a scale of steps; for shares and scores as much of it as the values need, on round numbers."""
    if found.unit not in ("share", "score"):
        reach = [end for dot in dots if dot.interval for end in (dot.interval.low, dot.interval.high)]
        least, most = float(found.question.low or 0), float(found.question.high or 1)
        low = max(least, float(math.floor(min(reach, default=least))))
        high = min(most, max(low + 2, float(math.ceil(max(reach, default=most)))))
        apart = max(1, round((high - low) / 4))
        return low, high, [(low + at, words.number(low + at)) for at in range(0, round(high - low) + 1, apart)]
    step = 0.2 if found.unit == "share" else 20.0
    least, most = (0.0, 1.0) if found.unit == "share" else (-100.0, 100.0)
    ends = [end for dot in dots if dot.interval for end in (dot.interval.low, dot.interval.high)]
    low = max(least, step * ((min(ends, default=least) - 0.01) // step))
    high = min(most, step * (1 + (max(ends, default=most) + 0.01) // step))
    marks = [low + step * at for at in range(round((high - low) / step) + 1)]
    share = found.unit == "share"
    return (
        low,
        high,
        [(mark, f"{100 * mark:.0f} %" if share else words.signed(mark, 0) if mark else "0") for mark in marks],
    )
