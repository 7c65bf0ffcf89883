"""Content: everything the page shows, gathered from the reader and put into words and pictures.

Law: reads through ``results.reading`` only, and decides nothing about looks but which picture a question gets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from ivr.results.reading import analysis, progress
from ivr.results.reading.analysis import Grouped, Trend
from ivr.results.reading.names import label_of, moment_of
from ivr.results.reading.questions import Figure, QuestionResult
from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import UNWEIGHTED, Weighting
from ivr.results.report import charts, words
from ivr.results.report.charts import Dot, Part
from ivr.results.stats.distributions import StatsError
from ivr.results.stats.outcomes import share_of
from ivr.results.stats.raking import Report
from ivr.results.stats.scores import Score
from ivr.survey.definition import Definition, QuestionDef

#: The report compares at most so many groups of one name; more would be no comparison.
MOST_GROUPS = 20


@dataclass(frozen=True)
class Card:
    name: str
    question: str
    value: str
    interval: str
    n: int
    picture: Markup
    ends: tuple[str, str]  # what stands at the ends of the picture


@dataclass(frozen=True)
class Line:
    """One answer of a question."""

    label: str
    picture: Markup
    share: str
    interval: str
    count: str
    rank: str = ""


@dataclass(frozen=True)
class Asked:
    """A question with its answers."""

    question: QuestionDef
    title: str
    wording: str
    kind: str
    lines: tuple[Line, ...]
    picture: Markup | None
    stats: tuple[tuple[str, str, str], ...]  # name, value, interval
    n: int
    missing: str


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


@dataclass(frozen=True)
class Content:
    definition: Definition
    hash: str
    contents: int
    launch: str
    runs: int
    first: datetime | None
    last: datetime | None
    statuses: tuple[tuple[str, str, str, Markup], ...]
    rates: progress.Rates
    completion: str
    cards: tuple[Card, ...]
    questions: tuple[Asked, ...]
    compared: tuple[Compared, ...]
    courses: tuple[Course, ...]
    funnel: tuple[tuple[progress.Step, str, Markup], ...]
    weights: Report | None
    weighted_by: tuple[str, ...]
    where: str


def gather(reader: Reader, weighting: Weighting = UNWEIGHTED, language: str = "", where: str = "") -> Content:
    everyone = analysis.figures(reader, weighting, (), language)
    results = everyone.groups[()]
    measured = [result for result in results if result.question.measure and result.n]
    funnel = progress.funnel(reader)
    rates = progress.rates(reader)
    first, last = _span(reader)
    completion = _completion(funnel)
    book = reader.book
    return Content(
        definition=book.definition,
        hash=book.hash,
        contents=book.contents,
        launch=book.launch,
        runs=funnel.runs,
        first=first,
        last=last,
        statuses=tuple(_statuses(funnel)),
        rates=rates,
        completion=words.share(completion.value),
        cards=(*(_card(result, language) for result in measured), _completed(completion)),
        questions=tuple(_asked(result, language) for result in results),
        compared=tuple(
            found for name in ("agent", "queue") if (found := _compared(reader, weighting, name, measured, language))
        ),
        courses=tuple(_courses(reader, weighting, measured, language)),
        funnel=tuple(_steps(funnel, language)),
        weights=weighting.report,
        weighted_by=weighting.names,
        where=where,
    )


def _span(reader: Reader) -> tuple[datetime | None, datetime | None]:
    quarters = [cell.group[0] for cell in reader.runs(("quarter",)) if cell.group[0] is not None]
    if not quarters:
        return None, None
    zone = reader.selection.zone
    return moment_of(min(quarters)).astimezone(zone), moment_of(max(quarters)).astimezone(zone)


def _statuses(funnel: progress.Funnel) -> Iterable[tuple[str, str, str, Markup]]:
    for status, n in sorted(funnel.statuses.items(), key=lambda item: -item[1]):
        part = n / funnel.runs
        yield words.STATUS.get(status, status), words.count(n), words.share(part), charts.bar(part, tone="quiet")


def _completion(funnel: progress.Funnel) -> Score:
    """Who was screened out or came too late for a quota could not complete."""
    could = sum(funnel.statuses.get(status, 0) for status in ("complete", "partial", "refused"))
    return share_of(funnel.statuses.get("complete", 0), could)


def _completed(score: Score) -> Card:
    figure = Figure("completed", score.value, score.interval, "share")
    span = words.interval(score.interval, "share")
    picture = charts.gauge(score.value, score.interval, 0.0, 1.0)
    return Card("COMPLETED", "Came to the end", words.amount(figure), span, int(score.n), picture, ("0 %", "100 %"))


# -- the measures ------------------------------------------------------------------------------------------


def _ends(question: QuestionDef, figure: Figure) -> tuple[float, float]:
    if figure.unit == "share":
        return 0.0, 1.0
    if figure.unit == "score":
        return -100.0, 100.0
    return float(question.low or 0), float(question.high or 1)


def _gauge(question: QuestionDef, figure: Figure | None) -> Markup:
    if figure is None:
        return Markup("")
    value = figure.value if isinstance(figure.value, int | float) else None
    return charts.gauge(value, figure.interval, *_ends(question, figure))


def _card(result: QuestionResult, language: str) -> Card:
    figure = result.main
    low, high = _ends(result.question, figure) if figure else (0.0, 1.0)
    ends = ("0 %", "100 %") if figure and figure.unit == "share" else (words.signed(low, 0), words.signed(high, 0))
    if figure and figure.unit == "number":
        ends = (words.number(low), words.number(high))
    return Card(
        name=figure.name if figure else result.question.measure.upper(),
        question=result.question.title(language),
        value=words.amount(figure),
        interval=words.interval(figure.interval, figure.unit) if figure else "",
        n=result.n,
        picture=_gauge(result.question, figure),
        ends=ends,
    )


def _compared(
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
        cells.append((words.amount(figure), span, _gauge(result.question, figure)))
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


def _courses(reader: Reader, weighting: Weighting, measured: list[QuestionResult], language: str) -> Iterable[Course]:
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


def _steps(funnel: progress.Funnel, language: str) -> Iterable[tuple[progress.Step, str, Markup]]:
    most = max((step.reached for step in funnel.steps), default=0) or 1
    for step in funnel.steps:
        yield step, step.question.title(language), charts.bar(step.reached / most, tone="quiet")


# -- the questions -----------------------------------------------------------------------------------------


def _asked(result: QuestionResult, language: str) -> Asked:
    question = result.question
    wording = question.text.get(language) or next(iter(question.text.values()), "")
    title = question.title(language)
    ends = [option.interval.high for option in result.options if option.interval]
    most = max(ends, default=1.0) or 1.0
    lines = tuple(
        Line(
            label=option.label if option.label == option.value else _label(question, option.value, option.label),
            picture=charts.bar(option.share, option.interval, _tone(question, option.value), most),
            share=words.share(option.share),
            interval=words.interval(option.interval, "share"),
            count=words.count(option.count),
            rank="" if option.mean_rank is None else f"{option.mean_rank:.2f}",
        )
        for option in result.options
    )
    return Asked(
        question=question,
        title=title,
        wording=wording if wording != title else "",
        kind=question.measure.upper() or words.KINDS.get(question.kind, question.kind),
        lines=lines if result.n else (),
        picture=_picture(result) if result.n else None,
        stats=tuple(
            (f.name, words.amount(f), words.interval(f.interval, f.unit))
            for f in result.figures
            if question.kind not in ("yes_no", "voice", "code")  # their one figure is in the table, or is n
        ),
        n=result.n,
        missing=_missing(result),
    )


def _label(question: QuestionDef, value: str, label: str) -> str:
    return f"{value} {label}" if question.kind == "scale" else label


def _tone(question: QuestionDef, value: str) -> str:
    """Of a measure: whether an answer is at the good end, at the bad one, or between."""
    if question.measure == "nps":
        return "good" if value in ("9", "10") else "bad" if value in map(str, range(7)) else "mid"
    if question.measure not in ("csat", "ces") or not value.lstrip("-").isdigit():
        return ""
    at, low, high = int(value), int(question.low or 0), int(question.high or 0)
    if question.direction == "down":
        at = low + high - at
    return "good" if at > high - question.top else "bad" if at < low + question.top else "mid"


def _missing(result: QuestionResult) -> str:
    parts = (
        (result.refused, "would not say"),
        (result.dont_know, "did not know"),
        (result.not_answered or 0, "gave no answer"),
    )
    return ", ".join(f"{words.count(n)} {what}" for n, what in parts if n)


def _picture(result: QuestionResult) -> Markup | None:
    """What its table does not show by itself."""
    question, known = result.question, {figure.name: figure.value for figure in result.figures}
    if question.measure == "nps" and "promoters" in known:
        tones = (("detractors", "bad"), ("passives", "mid"), ("promoters", "good"))
        return charts.stacked([Part(name, float(known[name] or 0), tone) for name, tone in tones])
    if question.kind in ("number", "amount"):
        return charts.columns(_bins(result, question.kind == "number"))
    if question.kind == "date":
        return charts.columns(_months(result))
    return None


def _bins(result: QuestionResult, whole: bool) -> list[Part]:
    """Each number by itself while there are few, else some ten spans of one width."""
    weights, total = result.tally.weights, result.tally.total
    low, high = min(weights), max(weights)
    if whole and high - low < 12:
        return [Part(f"{value:g}", weights.get(value, 0.0) / total) for value in range(int(low), int(high) + 1)]
    width = _round_up((high - low) / 10) or 1.0
    start = width * (low // width)
    parts = []
    while start <= high:
        inside = sum(weight for value, weight in weights.items() if start <= value < start + width)
        name = f"{start:g}{words.DASH}{start + width - 1:g}" if whole and width > 1 else f"{start:g}"
        parts.append(Part(name, inside / total))
        start += width
    return parts


def _round_up(width: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    if width <= 0:
        return 0.0
    power = 10.0 ** (len(str(int(width))) - 1) if width >= 1 else 0.01
    while width > 10 * power:
        power *= 10
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= width)


def _months(result: QuestionResult) -> list[Part]:
    months: dict[str, float] = {}
    for ordinal, weight in result.tally.weights.items():
        month = date.fromordinal(int(ordinal)).isoformat()[:7]
        months[month] = months.get(month, 0.0) + weight
    return [Part(month, weight / result.tally.total) for month, weight in sorted(months.items())]


def with_title(content: Content, title: str) -> Content:
    return replace(content, definition=replace(content.definition, title=title)) if title else content
