"""Content: everything the page shows, gathered from the reader and put into words and pictures.

Law: reads through ``results.reading`` only, and decides nothing about looks but which picture a question gets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from ivr.results.reading import analysis, progress
from ivr.results.reading.names import moment_of
from ivr.results.reading.questions import Figure, QuestionResult
from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import UNWEIGHTED, Weighting
from ivr.results.report import charts, words
from ivr.results.report.answers import Asked, asked_of
from ivr.results.report.groups import Compared, Course, compared, courses, ends_of, gauge_of
from ivr.results.stats.outcomes import share_of
from ivr.results.stats.raking import Report
from ivr.results.stats.scores import Score
from ivr.survey.definition import Definition


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
        questions=tuple(asked_of(result, language) for result in results),
        compared=tuple(
            found for name in ("agent", "queue") if (found := compared(reader, weighting, name, measured, language))
        ),
        courses=tuple(courses(reader, weighting, measured, language)),
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


def _card(result: QuestionResult, language: str) -> Card:
    figure = result.main
    low, high = ends_of(result.question, figure) if figure else (0.0, 1.0)
    ends = ("0 %", "100 %") if figure and figure.unit == "share" else (words.signed(low, 0), words.signed(high, 0))
    if figure and figure.unit == "number":
        ends = (words.number(low), words.number(high))
    return Card(
        name=figure.name if figure else result.question.measure.upper(),
        question=result.question.title(language),
        value=words.amount(figure),
        interval=words.interval(figure.interval, figure.unit) if figure else "",
        n=result.n,
        picture=gauge_of(result.question, figure),
        ends=ends,
    )


def _steps(funnel: progress.Funnel, language: str) -> Iterable[tuple[progress.Step, str, Markup]]:
    most = max((step.reached for step in funnel.steps), default=0) or 1
    for step in funnel.steps:
        yield step, step.question.title(language), charts.bar(step.reached / most, tone="quiet")


def with_title(content: Content, title: str) -> Content:
    return replace(content, definition=replace(content.definition, title=title)) if title else content
