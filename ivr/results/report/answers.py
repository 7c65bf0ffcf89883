"""Answers: each question with its wording, its answers in numbers, and the picture that it gets.

Law: pure functions of a question's result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from ivr.results.reading.questions import QuestionResult
from ivr.results.report import charts, words
from ivr.results.report.charts import Part
from ivr.survey.definition import QuestionDef


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


def asked_of(result: QuestionResult, language: str) -> Asked:
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
        return charts.columns(bins(result, question.kind == "number"))
    if question.kind == "date":
        return charts.columns(_months(result))
    return None


def bins(result: QuestionResult, whole: bool) -> list[Part]:
    """Each number by itself while there are few, else some ten spans of one width."""
    weights, total = result.tally.weights, result.tally.total
    low, high = min(weights), max(weights)
    if whole and high - low < 12:
        return [Part(f"{value:g}", weights.get(value, 0.0) / total) for value in range(int(low), int(high) + 1)]
    width = round_up((high - low) / 10) or 1.0
    start = width * (low // width)
    parts = []
    while start <= high:
        inside = sum(weight for value, weight in weights.items() if start <= value < start + width)
        name = f"{start:g}{words.DASH}{start + width - 1:g}" if whole and width > 1 else f"{start:g}"
        parts.append(Part(name, inside / total))
        start += width
    return parts


def round_up(width: float) -> float:
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
