"""Progress: how far runs come in the questionnaire, and what they count as in AAPOR's rates.

Law: puts what the reader counts into the pure figures of ``results.stats``; prints nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ivr.results.reading.reader import STATUSES, Reader, VisitCell
from ivr.results.stats import aapor
from ivr.results.stats.aapor import Counts, Disposition
from ivr.results.stats.outcomes import Attempts, silence_rate, wrong_key_rate
from ivr.results.stats.scores import Score, median
from ivr.survey.definition import Definition, QuestionDef


@dataclass(frozen=True)
class Step:
    question: QuestionDef
    reached: int  # how often it was asked
    answered: int
    refused: int
    dont_know: int
    broke_off: int  # partial runs that came no further
    attempts: Attempts
    silence: Score
    wrong_key: Score
    median_s: float | None

    @property
    def no_answer(self) -> int:
        return max(0, self.reached - self.answered - self.refused - self.dont_know)


@dataclass(frozen=True)
class Funnel:
    runs: int
    statuses: Mapping[str, int]
    steps: tuple[Step, ...]  # in the order of the questionnaire


def funnel(reader: Reader) -> Funnel:
    visits: dict[str, list[VisitCell]] = defaultdict(list)
    for cell in reader.visits():
        visits[cell.question].append(cell)
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in reader.answers():
        given[answer.question][answer.missing] += answer.count - answer.carried
    statuses: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for run in reader.runs(("status", "last_question")):
        status, question = run.group
        statuses[status] += run.count
        last[question or ""] += run.count * (status == "partial")
    questions = reader.book.definition.questions
    steps = tuple(_step(question, visits[question.id], given[question.id], last[question.id]) for question in questions)
    return Funnel(statuses.total(), dict(statuses), steps)


def _step(question: QuestionDef, visits: list[VisitCell], given: Mapping[str, int], broke_off: int) -> Step:
    attempts = Attempts(
        answered=sum(cell.answered for cell in visits),
        silence=sum(cell.silence for cell in visits),
        wrong=sum(cell.wrong for cell in visits),
        hang_up=sum(cell.hang_up for cell in visits),
    )
    lengths: dict[float, float] = defaultdict(float)
    for cell in visits:
        if cell.duration_s is not None and cell.duration_s >= 0:
            lengths[cell.duration_s] += cell.visits
    return Step(
        question=question,
        reached=sum(cell.visits for cell in visits),
        answered=given.get("", 0),
        refused=given.get("refused", 0),
        dont_know=given.get("dont_know", 0),
        broke_off=broke_off,
        attempts=attempts,
        silence=silence_rate(attempts),
        wrong_key=wrong_key_rate(attempts),
        median_s=median(lengths),
    )


# -- rates -------------------------------------------------------------------------------------------------

#: How a run ended -> what it counts as. All others, those that came to the end too, are told apart by how much of it
#: they answered: who kept silent to the end has completed nothing.
DISPOSITIONS: Mapping[str, Disposition] = {
    "screened_out": Disposition.NO_ELIGIBLE_RESPONDENT,
    "quota_full": Disposition.QUOTA_FILLED,
    "refused": Disposition.REFUSAL,
}


@dataclass(frozen=True)
class Rates:
    dispositions: Mapping[Disposition, int]
    counts: Counts
    e: float | None
    rates: Mapping[str, float | None]
    open: int  # their calls go on: not counted
    resumed: int  # another run goes on with them: not counted


def rates(
    reader: Reader,
    others: Mapping[Disposition, int] | None = None,
    e: float | None = None,
    complete_above: float = 0.8,
    partial_from: float = 0.5,
) -> Rates:
    """``others``: cases that never began a run, as calls that nobody answered."""
    everyone = replace(reader.selection, statuses=STATUSES)
    counted = set(reader.selection.statuses)
    found: Counter[Disposition] = Counter()
    left_out: Counter[str] = Counter()
    names = ("status", "last_question", "asked", "answered")
    for run in Reader(reader.connection, reader.book, everyone).runs(names):
        status, last, asked, answered = run.group
        if status in ("begun", "resumed"):
            left_out[status] += run.count
        elif status in counted and status in DISPOSITIONS:
            found[DISPOSITIONS[status]] += run.count
        elif status in counted:
            share = share_of_run(reader.book.definition, status, last or "", int(asked or 0), int(answered or 0))
            found[aapor.classify_run(share, complete_above, partial_from)] += run.count
    found.update(others or {})
    counts = Counts.of(found)
    return Rates(
        dispositions={case: found[case] for case in Disposition if found[case]},
        counts=counts,
        e=aapor.eligibility(counts) if e is None else e,
        rates=aapor.rates(counts, e),
        open=left_out["begun"],
        resumed=left_out["resumed"],
    )


def share_of_run(definition: Definition | None, status: str, last: str, asked: int, answered: int) -> float:
    """Of the questions that applied: the share that was answered. ``definition``: None where nobody has it any more."""
    if status == "complete":
        # Whoever came to the end was asked all that applied; asked nothing, there was nothing to leave out.
        return min(1.0, answered / asked) if asked else 1.0
    if definition is None:
        return min(1.0, answered / asked) if asked else 0.0
    return answered_share(definition, last, asked, answered)


def answered_share(definition: Definition, last: str, asked: int, answered: int) -> float:
    """Of the questions that applied to a run that broke off: those it was asked, and those that everybody is asked
    and it did not come to. Whether a question with a condition would have been asked, nobody knows: it does not count.
    """
    always = [question.id for question in definition.questions if not question.when]
    if definition.random or not any(question.id == last for question in definition.questions):
        left = max(0, len(always) - asked)
    else:
        order = [question.id for question in definition.questions]
        left = sum(order.index(ident) > order.index(last) for ident in always)
    applied = max(asked, answered) + left
    return answered / applied if applied else 0.0
