"""The reader: runs, answers and tries of one survey, counted by any names, in one pass of SQL each.

Law: reads only. The database counts; a condition is tested in Python once for each combination of the names it reads,
so that it means what it means in a call, and the work grows with the combinations, not with the runs. A question's
answer in a run is the row that carries the run's number; rows of before 0.2 carry none and count by their occurrence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    not_,
    or_,
    select,
)

from ivr.core import expr
from ivr.results.reading.book import Book, ReadingError
from ivr.results.reading.names import QUARTER_S, Name, Names, variables
from ivr.store.schema import answer, attempt, call, survey_definition, survey_run

#: How a run can have ended; `resumed` ones are gone on with by another run, which has their answers.
STATUSES: Final = ("complete", "partial", "screened_out", "quota_full", "refused", "begun", "resumed")
#: Those that count when nothing else is said: all that are over, nobody twice.
COUNTED: Final = STATUSES[:5]
_UTC = ZoneInfo("UTC")
#: Cells of one count that are kept for the next asker of the same: figures and funnel of one report.
MOST_REMEMBERED: Final = 20_000

Group = tuple[Any, ...]


@dataclass(frozen=True)
class Selection:
    """Which runs are meant. ``where``: a tree of ``core.expr`` over the names of ``reading.names``."""

    since: datetime | None = None
    until: datetime | None = None
    statuses: tuple[str, ...] = COUNTED
    where: Any = None
    zone: ZoneInfo = _UTC


@dataclass(frozen=True)
class RunCell:
    group: tuple[Any, ...]
    count: int


@dataclass(frozen=True)
class AnswerCell:
    question: str
    value: Any  # None: there is none, or it is a secret
    missing: str  # refused | dont_know | ""
    group: tuple[Any, ...]
    count: int
    carried: int  # of these, given in an earlier call that this run goes on with


@dataclass(frozen=True)
class VisitCell:
    """How often a question was reached, and what came of it, for visits of one length."""

    question: str
    group: tuple[Any, ...]
    visits: int
    silence: int
    wrong: int
    answered: int  # tries with keys, or a recording, that were taken
    hang_up: int
    duration_s: float | None


@dataclass
class Reader:
    connection: Connection
    book: Book
    selection: Selection = field(default_factory=Selection)

    def __post_init__(self) -> None:
        self.names = Names(self.book.definition, self.selection.zone)
        for status in self.selection.statuses:
            if status not in STATUSES:
                raise ReadingError(f"{status!r} is no status of a run; there are: {', '.join(STATUSES)}")
        self._counted: dict[tuple[tuple[str, ...], tuple[str, ...]], list[AnswerCell]] = {}
        self._tested = {name: self.names[name] for name in sorted(expr.names(self.selection.where))}

    # -- what is counted -----------------------------------------------------------------------------------

    def runs(self, by: Sequence[str] = ()) -> Iterator[RunCell]:
        base, columns, names = self._runs(by)
        fields = [base.c[label] for label in columns.values()]
        query = select(func.count(), *fields).select_from(base).group_by(*fields)
        for row, group in self._kept(query, 1, columns, names, by):
            yield RunCell(group, row[0])

    def answers(self, by: Sequence[str] = (), questions: Iterable[str] = ()) -> Iterator[AnswerCell]:
        """Of these questions; of all when none is named. What was recorded or typed as a code is only counted."""
        key = (tuple(by), tuple(questions))
        if key in self._counted:
            yield from self._counted[key]
            return
        found: list[AnswerCell] = []
        for cell in self._count_answers(*key):
            if len(found) <= MOST_REMEMBERED:
                found.append(cell)
            yield cell
        if len(found) <= MOST_REMEMBERED:  # all of them: nobody stopped in the middle
            self._counted[key] = found

    def _count_answers(self, by: tuple[str, ...], questions: tuple[str, ...]) -> Iterator[AnswerCell]:
        base, columns, names = self._runs(by)
        fields = [base.c[label] for label in columns.values()]
        hidden = [q.id for q in self.book.definition.questions if q.kind in ("voice", "code")]
        value = case((answer.c.question.in_(hidden), literal("")), else_=answer.c.value) if hidden else answer.c.value
        carried = case((and_(base.c.resumed_from.is_not(None), answer.c["keys"].is_(None)), 1), else_=0)
        key = [answer.c.question, value.label("given"), answer.c.missing]
        query = (
            select(*key, func.count(), func.sum(carried), *fields)
            .select_from(base.join(answer, _belongs(base, self.book.survey)))
            .where(answer.c.question.in_(self._asked(questions)))
            .group_by(answer.c.question, "given", answer.c.missing, *fields)
        )
        decoders = {question.id: self.names[question.id].decode for question in self.book.definition.questions}
        for row, group in self._kept(query, 5, columns, names, by):
            yield AnswerCell(row[0], decoders[row[0]](row[1]), row[2] or "", group, row[3], int(row[4]))

    def reached(self, by: Sequence[str] = (), questions: Iterable[str] = ()) -> Iterator[tuple[str, Group, int]]:
        """(question, group, how often it was asked): its first tries."""
        base, columns, names = self._runs(by)
        fields = [base.c[label] for label in columns.values()]
        query = (
            select(attempt.c.question, func.count(), *fields)
            .select_from(base.join(attempt, self._within(base)))
            .where(attempt.c.question.in_(self._asked(questions)), attempt.c.attempt == 1)
            .group_by(attempt.c.question, *fields)
        )
        for row, group in self._kept(query, 2, columns, names, by):
            yield row[0], group, row[1]

    def _asked(self, questions: Iterable[str]) -> list[str]:
        return list(questions) or [question.id for question in self.book.definition.questions]

    def _within(self, base: Any) -> ColumnElement[bool]:
        """Tries of a run lie between its beginning and its end; confirmations are none."""
        ended = func.coalesce(attempt.c.ended_at, attempt.c.started_at)
        return and_(
            attempt.c.call_id == base.c.call_id,
            attempt.c.survey == self.book.survey,
            (base.c.begun_at.is_(None)) | (ended >= base.c.begun_at),
            (base.c.status == "begun") | base.c.at.is_(None) | (ended <= base.c.at),
        )

    def visits(self, by: Sequence[str] = ()) -> Iterator[VisitCell]:
        base, columns, names = self._runs(by)
        fields = [base.c[label] for label in columns.values()]
        key = [attempt.c.call_id, attempt.c.question, attempt.c.occurrence]
        outcomes = ("noinput", "nomatch", "digits", "hangup")
        sums = [func.sum(case((attempt.c.outcome == name, 1), else_=0)).label(name) for name in outcomes]
        length_s = self._seconds(func.max(attempt.c.ended_at)) - self._seconds(func.min(attempt.c.started_at))
        inner = (
            select(attempt.c.question, *sums, func.round(length_s).label("length_s"), *fields)
            .select_from(base.join(attempt, self._within(base)))
            .where(attempt.c.question.in_(self._asked(())))
            .group_by(*key, base.c.occurrence, *fields)
        ).subquery()
        outer = [inner.c[column.name] for column in fields]
        totals = [func.sum(inner.c[name]) for name in outcomes]
        query = select(inner.c.question, func.count(), *totals, inner.c.length_s, *outer).group_by(
            inner.c.question, inner.c.length_s, *outer
        )
        for row, group in self._kept(query, 7, columns, names, by):
            silence, wrong, answered, hang_up = (int(count or 0) for count in row[2:6])
            took_s = None if row[6] is None else float(row[6])
            yield VisitCell(row[0], group, row[1], silence, wrong, answered, hang_up, took_s)

    # -- inside --------------------------------------------------------------------------------------------

    def _kept(
        self, query: Select[Any], first: int, columns: dict[str, str], names: dict[str, Name], by: Sequence[str]
    ) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        """The rows that the condition holds for, with the values of the group's names."""
        at = {column: first + number for number, column in enumerate(columns)}
        for row in self.connection.execution_options(stream_results=True, yield_per=5_000).execute(query):
            known = variables(names, at, row)
            if self.selection.where is None or expr.evaluate(self.selection.where, known):
                yield row, tuple(known[name] for name in by)

    def _runs(self, by: Sequence[str]) -> tuple[Any, dict[str, str], dict[str, Name]]:
        """The chosen runs as a subquery, with a column for each thing that a name is read from."""
        names = {**self._tested, **{name: self.names[name] for name in by}}
        columns: dict[str, str] = {}
        for known in names.values():
            columns.setdefault(known.column, f"n{len(columns)}")
        source: Any = survey_run
        fields: list[Any] = []
        for column, label in columns.items():
            source, value = self._column(source, column)
            fields.append(value.label(label))
        if any(column in ("flow", "language") for column in columns):
            source = source.outerjoin(call, call.c.call_id == survey_run.c.call_id)
        if "version" in columns:
            source = source.outerjoin(survey_definition, survey_definition.c.hash == survey_run.c.definition)
        run = survey_run.c
        keys = [run.call_id, run.occurrence, run.begun_at, run.at, run.status, run.resumed_from]
        return select(*keys, *fields).select_from(source).where(*self._conditions()).subquery("runs"), columns, names

    def _column(self, source: Any, column: str) -> tuple[Any, ColumnElement[Any]]:
        kind, _, question = column.partition(":")
        if question:
            given = answer.alias()
            join = and_(_belongs(survey_run, self.book.survey, given), given.c.question == question)
            return source.outerjoin(given, join), given.c.value if kind == "value" else given.c.missing
        if column == "quarter":
            began = func.coalesce(survey_run.c.begun_at, survey_run.c.at)
            return source, self._quarter(began)
        if column == "status":
            return source, _status()
        if column in ("flow", "language"):
            return source, call.c[column]
        return source, survey_definition.c.version if column == "version" else survey_run.c[column]

    def _conditions(self) -> list[ColumnElement[bool]]:
        chosen = self.selection
        found: list[ColumnElement[bool]] = [survey_run.c.survey == self.book.survey]
        if self.book.launch:
            found.append(survey_run.c.launch == self.book.launch)
        began = func.coalesce(survey_run.c.begun_at, survey_run.c.at)
        if chosen.since:
            found.append(began >= chosen.since)
        if chosen.until:
            found.append(began < chosen.until)
        if set(chosen.statuses) != set(STATUSES):
            found.append(_one_of(chosen.statuses))
        return found

    def _seconds(self, time: Any) -> ColumnElement[float]:
        """A time of the store as seconds since 1970."""
        if self.connection.dialect.name == "postgresql":
            return cast(extract("epoch", time), Float)
        return (func.julianday(time) - 2440587.5) * 86400.0

    def _quarter(self, time: Any) -> ColumnElement[int]:
        """In whole seconds: a fraction lost by rounding would put a full hour into the quarter before it."""
        if self.connection.dialect.name == "postgresql":
            return cast(func.floor(extract("epoch", time) / QUARTER_S), Integer)
        return cast(func.strftime("%s", time), Integer) // QUARTER_S


def _belongs(run: Any, survey: str, given: Any = answer) -> ColumnElement[bool]:
    columns = run.c
    number = func.coalesce(given.c.run, given.c.occurrence)
    return and_(given.c.call_id == columns.call_id, given.c.survey == survey, number == columns.occurrence)


def _status() -> ColumnElement[str]:
    """How a run ended; one whose call is over without an end of its own counts as partial."""
    return case((and_(survey_run.c.status == "begun", _call_is_over()), "partial"), else_=survey_run.c.status)


def _one_of(statuses: Iterable[str]) -> ColumnElement[bool]:
    """The same as a condition whose parts the database can look up and estimate."""
    begun = survey_run.c.status == "begun"
    parts: list[ColumnElement[bool]] = [survey_run.c.status.in_([status for status in statuses if status != "begun"])]
    parts += [and_(begun, _call_is_over())] if "partial" in statuses else []
    parts += [and_(begun, not_(_call_is_over()))] if "begun" in statuses else []
    return or_(*parts)


def _call_is_over() -> ColumnElement[bool]:
    ended = call.alias("its_call")
    return (
        select(ended.c.call_id).where(ended.c.call_id == survey_run.c.call_id, ended.c.ended_at.is_not(None)).exists()
    )
