"""Queries: what is read from the store, as plain records in one read transaction.

Law: reads only. A caller's number leaves masked unless the asker says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, case, func, or_, select

from ivr.store.masking import mask
from ivr.store.schema import answer, answer_history, attempt, call, survey_run


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot for everything that is read within (row 88)."""
    with engine.connect() as plain:
        level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        connection = plain.execution_options(read_only=True, **level)
        if level:
            # A year of answers takes longer to read than any statement of a call may take.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        yield connection


@contextmanager
def beside(connection: Connection) -> Iterator[Connection | None]:
    """Another connection to PostgreSQL in the very same snapshot, for who has a lot to read; None where there is none
    to be had: on SQLite, and on a standby, which cannot share its snapshots."""
    if connection.dialect.name != "postgresql" or connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        yield None
        return
    snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
    with reading(connection.engine) as other:
        other.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        yield other


def by_keys(connection: Connection) -> None:
    """For the rest of the transaction PostgreSQL rather looks rows up by key than reads ten million to find some:
    its defaults are those of turning disks. Measured, a launch of fifty: 0.6 s instead of 2.1 s.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
        connection.exec_driver_sql("SET LOCAL jit = off")


@dataclass(frozen=True)
class Scope:
    """Which calls and questions are meant; empty means all."""

    flow: str = ""
    survey: str = ""
    since: datetime | None = None
    launch: str = ""

    def launched(self) -> ColumnElement[bool]:
        """Runs of the launch; the second condition lets SQLite see that the index on launches fits."""
        return and_(survey_run.c.launch == self.launch, survey_run.c.launch != "")

    def calls(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.flow:
            conditions.append(call.c.flow == self.flow)
        if self.since:
            conditions.append(call.c.started_at >= self.since)
        return conditions


@dataclass(frozen=True)
class Run:
    """One survey of a call."""

    survey: str
    status: str  # complete | partial | begun: its call goes on


@dataclass(frozen=True)
class CallLine:
    call_id: str
    flow: str
    caller: str
    started_at: datetime | None
    ended_at: datetime | None
    language: str
    status: str
    ended_by: str
    end_node: str
    cause: str
    answers: int
    runs: tuple[Run, ...]  # of the surveys that are meant, in the order they began; only `recent_calls` has them


@dataclass(frozen=True)
class Moment:
    """One line of a call's transcript."""

    at: datetime | None
    what: str  # attempt | answer | changed | survey | began | ended
    question: str
    occurrence: int
    outcome: str
    keys: str
    timer: str
    value: str


@dataclass(frozen=True)
class Count:
    """How often one thing happened: a value given, or an outcome of attempts."""

    survey: str
    question: str
    name: str
    count: int
    total: float | None = None  # sum of the values, when they are numbers


def recent_calls(
    connection: Connection, scope: Scope = Scope(), *, limit: int = 20, unmask: bool = False
) -> list[CallLine]:
    """The newest first."""
    answers = select(func.count()).where(answer.c.call_id == call.c.call_id).scalar_subquery()
    query = select(call, answers.label("answers")).where(*scope.calls())
    if scope.survey:
        query = query.where(
            select(survey_run.c.call_id)
            .where(survey_run.c.call_id == call.c.call_id, survey_run.c.survey == scope.survey)
            .exists()
        )
    query = query.order_by(call.c.started_at.desc().nulls_last(), call.c.call_id).limit(limit)
    lines = [_call_line(row, unmask) for row in connection.execute(query).mappings()]
    runs = _runs(connection, query, scope)
    return [replace(line, runs=tuple(runs.get(line.call_id, ()))) for line in lines]


def _runs(connection: Connection, calls: Select[Any], scope: Scope) -> dict[str, list[Run]]:
    """The survey runs of these calls."""
    these = calls.subquery()
    status = _status(these.c.ended_at)
    query = select(survey_run.c.call_id, survey_run.c.survey, status).join(
        these, these.c.call_id == survey_run.c.call_id
    )
    if scope.survey:
        query = query.where(survey_run.c.survey == scope.survey)
    began = func.coalesce(survey_run.c.begun_at, survey_run.c.at)
    found: dict[str, list[Run]] = {}
    for call_id, survey, how in connection.execute(query.order_by(began, survey_run.c.survey, survey_run.c.occurrence)):
        found.setdefault(call_id, []).append(Run(survey, how))
    return found


def _status(ended_at: ColumnElement[Any]) -> ColumnElement[str]:
    """How a survey ended; one whose call is over without an end of its own counts as partial."""
    over = (survey_run.c.status == "begun") & ended_at.is_not(None)
    return case((over, "partial"), else_=survey_run.c.status).label("how")


def one_call(connection: Connection, call_id: str, *, unmask: bool = False) -> list[CallLine]:
    """The call whose id is, or begins with, ``call_id``; several when the beginning fits several."""
    answers = select(func.count()).where(answer.c.call_id == call.c.call_id).scalar_subquery()
    found = call.c.call_id.startswith(call_id, autoescape=True)
    query = select(call, answers.label("answers")).where(found).order_by(call.c.call_id).limit(5)
    lines = [_call_line(row, unmask) for row in connection.execute(query).mappings()]
    return [line for line in lines if line.call_id == call_id] or lines


def _call_line(row: Any, unmask: bool) -> CallLine:
    caller = row["caller"] or ""
    words = {name: row[name] or "" for name in ("flow", "language", "status", "ended_by", "end_node", "cause")}
    return CallLine(
        call_id=row["call_id"],
        caller=caller if unmask else mask(caller),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        answers=row["answers"],
        runs=(),
        **words,
    )


#: What comes first among things of one instant.
_ORDER = {"began": 0, "survey": 1, "attempt": 2, "changed": 3, "answer": 4, "ended": 6}
_HIDDEN = "(secret)"
#: What stands for an answer without a value.
_MISSING = {"refused": "(would not say)", "dont_know": "(does not know)"}


def moments(connection: Connection, line: CallLine) -> list[Moment]:
    """Everything that is kept of one call, in order of time."""
    found = [Moment(line.started_at, "began", "", 0, "", "", "", line.flow)]
    for row in connection.execute(select(attempt).where(attempt.c.call_id == line.call_id)).mappings():
        secret = row["keys"] is None and (row["key_count"] or 0) > 0
        keys = _HIDDEN if secret else row["keys"] or ""
        at, who = row["ended_at"], (row["question"], row["occurrence"])
        found.append(Moment(at, "attempt", *who, row["outcome"] or "", keys, row["timer"] or "", ""))
    for what, table in (("answer", answer), ("changed", answer_history)):
        for row in connection.execute(select(table).where(table.c.call_id == line.call_id)).mappings():
            value = _MISSING.get(row["missing"] or "", _HIDDEN) if row["value"] is None else row["value"]
            who = (row["question"], row["occurrence"])
            found.append(Moment(row["at"], what, *who, "", row["keys"] or "", "", value))
    for row in connection.execute(select(survey_run).where(survey_run.c.call_id == line.call_id)).mappings():
        who = (row["survey"], row["occurrence"])
        if row["begun_at"]:
            found.append(Moment(row["begun_at"], "survey", *who, "begun", "", "", ""))
        if row["status"] != "begun":
            count = f"{row['answered'] or 0} of {row['asked'] or 0} answered"
            found.append(Moment(row["at"], "survey", *who, row["status"], "", "", count))
    if line.ended_at:
        found.append(Moment(line.ended_at, "ended", line.end_node, 0, line.ended_by, "", "", line.cause))
    return sorted(found, key=_when)


def _when(moment: Moment) -> tuple[float, int, str]:
    order = _ORDER[moment.what]
    if moment.what == "survey" and moment.outcome != "begun":
        order = 5
    if moment.at is None:
        return (0.0 if order == 0 else float("inf"), order, moment.question)
    return (moment.at.timestamp(), order, moment.question)


def _within(query: Select[Any], table: Any, scope: Scope) -> Select[Any]:
    if scope.survey:
        query = query.where(table.c.survey == scope.survey, table.c.survey != "")
    conditions = scope.calls()
    return query.join(call, call.c.call_id == table.c.call_id).where(*conditions) if conditions else query


def answer_counts(connection: Connection, scope: Scope = Scope()) -> list[Count]:
    """How often each value was given to each question."""
    survey = func.coalesce(answer.c.survey, "").label("in_survey")
    query = select(
        survey,
        answer.c.question,
        func.coalesce(answer.c.value, case(_MISSING, value=answer.c.missing, else_=_HIDDEN)).label("given"),
        func.count(),
        func.sum(answer.c.value_number),
    )
    if scope.launch:
        # From its runs to their answers by key. A run that another call went on with has its answers there again.
        run = survey_run.c
        this = or_(answer.c.run == run.occurrence, and_(answer.c.run.is_(None), run.occurrence == 1))
        by_keys(connection)
        theirs = and_(answer.c.call_id == run.call_id, answer.c.survey == run.survey, this)
        query = query.select_from(survey_run.join(answer, theirs)).where(scope.launched(), run.status != "resumed")
    else:
        query = query.select_from(answer)
        if _any_resumed(connection):
            query = query.where(~_went_on())
    query = _within(query, answer, scope).group_by("in_survey", answer.c.question, "given")
    return [Count(*row) for row in connection.execute(query)]


def _any_resumed(connection: Connection) -> bool:
    return connection.scalar(select(survey_run.c.call_id).where(survey_run.c.status == "resumed").limit(1)) is not None


def _went_on() -> ColumnElement[bool]:
    """The answer is of a run that another call went on with, and which has it again."""
    run = survey_run.c
    these = (run.call_id == answer.c.call_id, run.survey == answer.c.survey, run.status == "resumed")
    return select(run.call_id).where(*these, run.occurrence == func.coalesce(answer.c.run, 1)).exists()


def outcome_counts(connection: Connection, scope: Scope = Scope()) -> list[Count]:
    """How attempts ended, per question: digits, noinput, nomatch, hangup."""
    survey = func.coalesce(attempt.c.survey, "").label("in_survey")
    query = select(survey, attempt.c.question, attempt.c.outcome, func.count())
    if scope.launch:
        # Nobody's attempts are stored again: those of all its calls count, once, however many runs a call had.
        calls = select(survey_run.c.call_id, survey_run.c.survey).where(scope.launched()).distinct().subquery()
        by_keys(connection)
        theirs = and_(attempt.c.call_id == calls.c.call_id, attempt.c.survey == calls.c.survey)
        query = query.select_from(calls.join(attempt, theirs))
    else:
        query = query.select_from(attempt)
    query = _within(query, attempt, scope).group_by("in_survey", attempt.c.question, attempt.c.outcome)
    return [Count(row[0], row[1], row[2] or "", row[3]) for row in connection.execute(query)]


def run_counts(connection: Connection, scope: Scope = Scope()) -> list[Count]:
    """How surveys ended."""
    query = select(survey_run.c.survey, _status(call.c.ended_at), func.count()).select_from(
        survey_run.outerjoin(call, call.c.call_id == survey_run.c.call_id)
    )
    if scope.survey:
        query = query.where(survey_run.c.survey == scope.survey)
    if scope.launch:
        query = query.where(scope.launched())
    query = query.where(*scope.calls()).group_by(survey_run.c.survey, "how")
    return [Count(row[0], "", row[1], row[2]) for row in connection.execute(query)]
