"""Figures: counts become shares, means and completion rates.

Law: pure functions of counts. Silence, a wrong key and a hang-up are three figures, never one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ivr.results.queries import Count


@dataclass(frozen=True)
class ValueShare:
    value: str
    count: int
    share: float  # of the answers to this question, 0 to 1


@dataclass(frozen=True)
class QuestionFigures:
    survey: str
    question: str
    answers: int
    values: tuple[ValueShare, ...]
    mean: float | None  # when every answer is a number
    silence: int  # attempts without a key
    wrong: int  # attempts with keys that are no answer
    hangup: int  # attempts during which the caller hung up


@dataclass(frozen=True)
class SurveyFigures:
    survey: str
    begun: int  # all that were begun; one that another call went on with is that call's
    complete: int
    partial: int
    open: int  # their calls go on
    completion: float | None  # complete among those that are complete or partial
    screened_out: int = 0
    quota_full: int = 0
    refused: int = 0


def question_figures(answers: Iterable[Count], outcomes: Iterable[Count]) -> list[QuestionFigures]:
    """One for each question that was asked, surveys first, in alphabetical order."""
    given: dict[tuple[str, str], list[Count]] = {}
    ended: dict[tuple[str, str], dict[str, int]] = {}
    for count in answers:
        given.setdefault((count.survey, count.question), []).append(count)
    for count in outcomes:
        ended.setdefault((count.survey, count.question), {})[count.name] = count.count
    keys = sorted(given.keys() | ended.keys(), key=lambda key: (key[0] == "", key))
    return [_question(key, given.get(key, []), ended.get(key, {})) for key in keys]


def _question(key: tuple[str, str], given: list[Count], ended: dict[str, int]) -> QuestionFigures:
    given = _without_file_names(given)
    answers = sum(count.count for count in given)
    totals = [count.total for count in given if count.total is not None]
    values = tuple(ValueShare(count.name, count.count, count.count / answers) for count in sorted(given, key=_by_value))
    return QuestionFigures(
        survey=key[0],
        question=key[1],
        answers=answers,
        values=values,
        mean=sum(totals) / answers if answers and len(totals) == len(given) else None,
        silence=ended.get("noinput", 0),
        wrong=ended.get("nomatch", 0),
        hangup=ended.get("hangup", 0),
    )


def _without_file_names(given: list[Count]) -> list[Count]:
    """Messages that callers left are counted together: their file names say nothing."""
    recorded = [count for count in given if count.name.endswith(".wav")]
    if not recorded:
        return given
    together = replace(recorded[0], name="(a recording)", count=sum(count.count for count in recorded))
    return [*(count for count in given if not count.name.endswith(".wav")), together]


def _by_value(count: Count) -> tuple[bool, float, str]:
    """Numbers in their order, then words in theirs."""
    return (count.total is None, count.total / count.count if count.total is not None else 0.0, count.name)


def survey_figures(runs: Iterable[Count]) -> list[SurveyFigures]:
    by_survey: dict[str, dict[str, int]] = {}
    for count in runs:
        by_survey.setdefault(count.survey, {})[count.name] = count.count
    figures = []
    for survey, counts in sorted(by_survey.items()):
        complete, partial = counts.get("complete", 0), counts.get("partial", 0)
        over = complete + partial
        still = counts.get("begun", 0)
        others = {how: counts.get(how, 0) for how in ("screened_out", "quota_full", "refused")}
        begun = over + still + sum(others.values())
        share = complete / over if over else None
        figures.append(SurveyFigures(survey, begun, complete, partial, still, share, **others))
    return figures


def bar(share: float, width: int = 20) -> str:
    """``share`` of ``width`` blocks, in eighths; something is never nothing."""
    eighths = round(share * width * 8)
    if share > 0 and eighths == 0:
        eighths = 1
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
