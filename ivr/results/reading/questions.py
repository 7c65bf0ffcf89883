"""Questions: what the counted answers of each question say, by its kind and measure.

Law: pure functions of counts, with the question's Definition. Answers that are missing are counted apart and are in no
share, mean or score. Chance is seeded by the question, so that the same answers give the same interval.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ivr.results.reading.names import label_of
from ivr.results.reading.reader import AnswerCell
from ivr.results.stats import scores
from ivr.results.stats.distributions import StatsError, kish
from ivr.results.stats.intervals import Interval, bootstrap, wilson
from ivr.results.stats.tally import Tally
from ivr.survey.definition import QuestionDef

#: More different numbers than this are not drawn again and again: the mean's interval is then the normal one.
MOST_DRAWN = 200


@dataclass(frozen=True)
class OptionShare:
    value: str
    label: str
    count: float  # weighted
    share: float | None  # of those who answered
    interval: Interval | None
    mean_rank: float | None = None  # ranking: among those who gave it a place
    first: float | None = None  # ranking: the share that put it first


@dataclass(frozen=True)
class Figure:
    """``unit``: share (0 to 1) | score (-100 to 100) | number | answer (one of its values) | date | count."""

    name: str
    value: float | str | None
    interval: Interval | None = None
    unit: str = "number"


@dataclass(frozen=True)
class QuestionResult:
    question: QuestionDef
    n: int  # respondents who answered
    refused: int
    dont_know: int
    not_answered: int | None  # reached, and no answer came; None: not looked up
    effective_n: float
    options: tuple[OptionShare, ...]
    figures: tuple[Figure, ...]
    tally: Tally = field(default_factory=lambda: Tally({}, 0, 0))  # of numeric answers; of dates, their ordinals

    @property
    def main(self) -> Figure | None:
        """The figure that the question was asked for."""
        return self.figures[0] if self.figures else None


@dataclass
class Gathered:
    """The answers of one question in one group."""

    given: list[tuple[Any, float, int]] = field(default_factory=list)  # value, weight of each, how many
    refused: int = 0
    dont_know: int = 0
    carried: int = 0

    def add(self, cell: AnswerCell, weight: float = 1.0) -> None:
        self.carried += cell.carried
        if cell.missing == "refused":
            self.refused += cell.count
        elif cell.missing:
            self.dont_know += cell.count
        else:
            self.given.append((cell.value, weight, cell.count))

    @property
    def rows(self) -> int:
        return self.n + self.refused + self.dont_know

    @property
    def n(self) -> int:
        return sum(count for _, _, count in self.given)

    @property
    def total(self) -> float:
        return sum(weight * count for _, weight, count in self.given)

    @property
    def effective_n(self) -> float:
        return kish(self.total, sum(weight * weight * count for _, weight, count in self.given))


def gathered(
    cells: Iterable[AnswerCell], weight: Callable[[AnswerCell], float] = lambda cell: 1.0
) -> dict[str, Gathered]:
    found: dict[str, Gathered] = defaultdict(Gathered)
    for cell in cells:
        found[cell.question].add(cell, weight(cell))
    return found


def question_result(
    question: QuestionDef, answers: Gathered, reached: int | None = None, language: str = ""
) -> QuestionResult:
    """``reached``: how often it was asked in these runs themselves; answers carried over were asked before."""
    not_answered = None if reached is None else max(0, reached - (answers.rows - answers.carried))
    options = _OPTIONS.get(question.kind, _no_options)(question, answers, language)
    tally = Tally({}, 0, 0)
    figures: tuple[Figure, ...] = ()
    if question.kind in ("scale", "number", "amount"):
        tally = Tally.of_cells((v, w, c) for v, w, c in answers.given if isinstance(v, int | float))
        figures = _scale(question, tally) if question.kind == "scale" else _numbers(question, tally)
    elif question.kind == "date":
        tally = _days(answers)
        figures = _dates(tally)
    elif question.kind == "multiple":
        figures = _chosen(answers)
    elif question.kind == "yes_no":
        figures = tuple(Figure("yes", o.share, o.interval, "share") for o in options if o.value == "yes")
    elif question.kind in ("voice", "code"):
        figures = (Figure("recordings" if question.kind == "voice" else "entries", answers.n, unit="count"),)
    return QuestionResult(
        question=question,
        n=answers.n,
        refused=answers.refused,
        dont_know=answers.dont_know,
        not_answered=not_answered,
        effective_n=answers.effective_n,
        options=options,
        figures=figures,
        tally=tally,
    )


# -- options -----------------------------------------------------------------------------------------------


def _no_options(question: QuestionDef, answers: Gathered, language: str) -> tuple[OptionShare, ...]:
    return ()


def _one_of(question: QuestionDef, answers: Gathered, language: str) -> tuple[OptionShare, ...]:
    return _shares(question, answers, language, lambda value: [value])


def _several_of(question: QuestionDef, answers: Gathered, language: str) -> tuple[OptionShare, ...]:
    return _shares(question, answers, language, lambda value: value if isinstance(value, list) else [value])


def _shares(
    question: QuestionDef, answers: Gathered, language: str, parts: Callable[[Any], list[Any]]
) -> tuple[OptionShare, ...]:
    """Of the respondents; those of a question with several answers sum to more than 1."""
    counts: dict[str, float] = {str(value.value): 0.0 for value in question.values}
    for value, weight, count in answers.given:
        if value is None:
            continue
        for part in dict.fromkeys(map(str, parts(value))):
            counts[part] = counts.get(part, 0.0) + weight * count
    total, effective_n = answers.total, answers.effective_n
    found = []
    for value, weight in counts.items():
        share = min(1.0, weight / total) if total else None
        interval = wilson(share, effective_n)
        found.append(OptionShare(value, label_of(question, value, language), weight, share, interval))
    return tuple(found)


def _ranked(question: QuestionDef, answers: Gathered, language: str) -> tuple[OptionShare, ...]:
    ranks: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])  # weight, weight * rank, weight of firsts
    for value, weight, count in answers.given:
        for rank, item in enumerate(value if isinstance(value, list) else [], 1):
            sums = ranks[str(item)]
            sums[0] += weight * count
            sums[1] += weight * count * rank
            sums[2] += weight * count * (rank == 1)
    total, found = answers.total, []
    for option in _several_of(question, answers, language):
        placed, rank_sum, first = ranks[option.value]
        share = min(1.0, first / total) if total else None
        found.append(
            OptionShare(
                option.value,
                option.label,
                first,
                share,
                wilson(share, answers.effective_n),
                rank_sum / placed if placed else None,
                share,
            )
        )
    return tuple(found)


_OPTIONS: Mapping[str, Callable[[QuestionDef, Gathered, str], tuple[OptionShare, ...]]] = {
    "choice": _one_of,
    "yes_no": _one_of,
    "scale": _one_of,
    "multiple": _several_of,
    "ranking": _ranked,
}


# -- figures -----------------------------------------------------------------------------------------------


def _scale(question: QuestionDef, tally: Tally) -> tuple[Figure, ...]:
    """The measure's own figure first."""
    found = list(_measure(question, tally))
    low, high = int(question.low or 0), int(question.high or 0)
    mean = scores.mean(tally)
    found += [] if question.measure == "ces" else [Figure("mean", mean.value, mean.interval)]
    found += [Figure("median", scores.median(tally), unit="answer"), Figure("sd", scores.standard_deviation(tally))]
    if question.measure != "nps" and _fits(tally, low, high):
        boxes = min(question.top, high - low)
        span = {"boxes": boxes, "low": low, "high": high, "direction": question.direction}
        names = [("bottom box", scores.bottom_box)]
        if not question.measure:
            names.insert(0, ("top box", scores.top_box))
        for name, function in names:
            score = function(tally, **span)  # type: ignore[arg-type]
            found.append(Figure(name, score.value, score.interval, "share"))
    return tuple(found)


def _measure(question: QuestionDef, tally: Tally) -> Iterable[Figure]:
    low, high = int(question.low or 0), int(question.high or 0)
    if not _fits(tally, low, high):
        return
    span = {"low": low, "high": high, "top": min(question.top, high - low), "direction": question.direction}
    if question.measure == "csat":
        csat = scores.csat(tally, **span)  # type: ignore[arg-type]
        yield Figure("CSAT", csat.value, csat.interval, "share")
    elif question.measure == "ces":
        ces = scores.ces(tally, **span)  # type: ignore[arg-type]
        yield Figure("CES", ces.mean.value, ces.mean.interval)
        yield Figure("CES top", ces.top.value, ces.top.interval, "share")
    elif question.measure == "nps" and (low, high) == (0, 10):
        nps = scores.nps(tally)
        yield Figure("NPS", nps.value, nps.interval, "score")
        for name in ("promoters", "passives", "detractors"):
            share = getattr(nps, name)
            yield Figure(name, share, wilson(share, nps.effective_n), "share")


def _fits(tally: Tally, low: int, high: int) -> bool:
    """Whether all answers lie on the scale; those of an older content with a longer scale may not."""
    try:
        scores.Scale(low, high).checked(tally)
    except StatsError:
        return False
    return True


def _numbers(question: QuestionDef, tally: Tally) -> tuple[Figure, ...]:
    """Amounts are skewed, so the mean's interval is drawn, not worked out, where that is quick."""
    mean = scores.mean(tally)
    interval = mean.interval
    if tally.effective_n > 1 and 1 < len(tally.weights) <= MOST_DRAWN:
        interval = bootstrap(tally, scores.mean_of, random.Random(question.id))
    values = list(tally.weights)
    found = [Figure("mean", mean.value, interval), Figure("sd", scores.standard_deviation(tally))]
    found.append(Figure("least", values[0] if values else None, unit="answer"))
    for name, share in (("quartile 1", 0.25), ("median", 0.5), ("quartile 3", 0.75)):
        found.append(Figure(name, quantile(tally, share), unit="answer"))
    return (*found, Figure("greatest", values[-1] if values else None, unit="answer"))


def quantile(tally: Tally, share: float) -> float | None:
    """The least value with at least ``share`` of the weight at it or below; halfway where the share falls between two.

    Half is the median of `scores`.
    """
    wanted, below = tally.total * share, 0.0
    values = list(tally.weights)
    for at, value in enumerate(values):
        below += tally.weights[value]
        if abs(below - wanted) <= 1e-9 * tally.total and at + 1 < len(values):
            return (value + values[at + 1]) / 2
        if below > wanted:
            return float(value)
    return float(values[-1]) if values else None


def _days(answers: Gathered) -> Tally:
    cells: list[tuple[float, float, float]] = []
    for value, weight, count in answers.given:
        try:
            cells.append((date.fromisoformat(str(value)).toordinal(), weight, count))
        except ValueError:
            continue
    return Tally.of_cells(cells)


def _dates(tally: Tally) -> tuple[Figure, ...]:
    ordinals = list(tally.weights)
    middle = quantile(tally, 0.5)
    found = {"first": ordinals[0] if ordinals else None, "median": middle, "last": ordinals[-1] if ordinals else None}
    return tuple(
        Figure(name, None if day is None else date.fromordinal(int(day)).isoformat(), unit="date")
        for name, day in found.items()
    )


def _chosen(answers: Gathered) -> tuple[Figure, ...]:
    tally = Tally.of_cells((len(v), w, c) for v, w, c in answers.given if isinstance(v, list))
    mean = scores.mean(tally)
    return (Figure("options chosen", mean.value, mean.interval),)
