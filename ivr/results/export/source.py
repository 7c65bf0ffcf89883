"""Source: runs and answers as rows of plain values, streamed from one snapshot; memory stays flat.

Law: the only module here that knows how a database hands out many rows. On PostgreSQL they come by COPY, in the
text format, which costs a third of a cursor's CPU; on SQLite the statement is stepped. Nothing is empty text: what
is empty is '' or None, and both mean none.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, case, cast, func, literal, or_, select
from sqlalchemy.dialects import sqlite

from ivr.results.export.selection import Selection, status
from ivr.results.queries import beside, by_keys
from ivr.store.rows import utc_text
from ivr.store.schema import answer, call, survey_run

Row = Sequence[Any]
#: Rows that are taken from a connection at once.
CHUNK: Final = 5_000
#: With fewer runs, one connection is enough.
ALONE_RUNS: Final = 100_000

#: What a run says of each of its answers, besides its call and its caller.
RUN: Final = ("survey", "run", "launch", "status", "agent", "queue", "flow", "definition")
#: An answer, besides its time and its occurrence.
ANSWER: Final = ("question", "value", "value_number", "missing", "language")
WIDE_RUN: Final = (
    *("call_id", "survey", "run", "caller", "launch", "status", "agent", "queue", "flow", "definition"),
    *("language", "last_question", "answered", "asked", "begun_at", "ended_at", "resumed_from"),
)
WIDE_ANSWER: Final = ("question", "value", "value_number", "missing")


@dataclass(frozen=True, slots=True)
class Answers:
    """Runs with their answers, as the database finds them; runs without one may be among them.

    ``rows`` gives call_id, caller (or nothing), RUN in one piece, and a text of all answers: of each one ANSWER in one
    piece, its time and its occurrence. Alike pieces are equal: what is made of one need be made once.
    """

    rows: Iterator[Row]
    mark: str  # between the pieces of a text
    within: str  # between the cells of a piece

    def pieces(self, text: str) -> Iterator[tuple[str, str, str]]:
        """ANSWER, time and occurrence."""
        found = iter(text.split(self.mark))
        return zip(found, found, found, strict=True)

    def cells(self, piece: str) -> list[str]:
        return piece.split(self.within)


def answers(connection: Connection, selection: Selection) -> Answers:
    """A row a run, not an answer: what a program does for a row, the driver's part in it too, costs a multiple of
    what the database takes to put the answers of a run into one text."""
    given = answer.c
    postgres = connection.dialect.name == "postgresql"
    # What nobody can have brought: marks of this export's own.
    mark, within = f"\x1e{secrets.token_hex(3)}", f"\x1f{secrets.token_hex(3)}"
    parts = [
        *(given.question, _text(given.value), _number_text(postgres), _text(given.missing), _text(given.language)),
    ]
    answered = [_joined(parts, within), _text(cast(given.at, Text)), cast(given.occurrence, Text)]
    together = func.string_agg if postgres else func.group_concat
    theirs = select(together(_joined(answered, mark), literal(mark))).where(of_run())
    run = survey_run.c
    said = [_text(run.survey), cast(run.occurrence, Text), _text(run.launch), _text(status()), _text(run.agent)]
    said += [_text(run.queue), _text(call.c.flow), _text(run.definition)]
    query = select(run.call_id, call.c.caller, _joined(said, within), theirs.correlate(survey_run).scalar_subquery())
    query = query.select_from(with_call()).where(selection.runs())
    if selection.launch:
        by_keys(connection)
    lines = map(_cells, _by_two(connection, query)) if postgres else _stepped(connection, query)
    return Answers(lines, mark, within)


def _joined(parts: Sequence[ColumnElement[str]], mark: str) -> ColumnElement[str]:
    found = parts[0]
    for part in parts[1:]:
        found = found.concat(literal(mark)).concat(part)
    return found


def _text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(column, "")


def _number_text(postgres: bool) -> ColumnElement[str]:
    """The number to its last bit: SQLite's CAST knows 15 digits."""
    column = answer.c.value_number
    return _text(cast(column, Text)) if postgres else case((column.is_(None), ""), else_=func.quote(column))


def _cells(line: str) -> list[str]:
    """Of COPY's text format: in values, tabs, line ends and backslashes are written with a backslash."""
    found = line.split("\t")
    return [_plain(cell) for cell in found] if "\\" in line else found


def runs(connection: Connection, selection: Selection) -> Iterator[Row]:
    """Runs with their answers, one row an answer: WIDE_RUN and WIDE_ANSWER. A run's rows stand together, and of two
    answers to one question the later stands last. A run without an answer has one row."""
    run, given = survey_run.c, answer.c
    columns: list[ColumnElement[Any]] = [
        *(*_run(), call.c.language, run.last_question, run.answered, run.asked, run.begun_at, run.at),
        *(run.resumed_from, given.question, given.value, given.value_number, given.missing),
    ]
    query = select(*columns).select_from(with_call().outerjoin(answer, of_run())).where(selection.runs())
    query = query.order_by(run.call_id, run.survey, run.occurrence, given.occurrence)
    if connection.dialect.name == "postgresql":
        return (_cells(line) for lines in _copied(connection, query) for line in lines)
    return _stepped(connection, query)


def _run() -> tuple[ColumnElement[Any], ...]:
    run = survey_run.c
    return (
        *(run.call_id, run.survey, run.occurrence.label("run"), call.c.caller, run.launch, status()),
        *(run.agent, run.queue, call.c.flow, run.definition),
    )


def run_count(connection: Connection, selection: Selection) -> int:
    return connection.scalar(select(func.count()).select_from(with_call()).where(selection.runs())) or 0


def answer_count(connection: Connection, selection: Selection) -> int:
    """About how many answers, as the runs counted them: for a progress bar, which need not be exact."""
    total = select(func.sum(survey_run.c.answered)).select_from(with_call()).where(selection.runs())
    return int(connection.scalar(total) or 0)


def with_call() -> Any:
    return survey_run.outerjoin(call, call.c.call_id == survey_run.c.call_id)


def of_run() -> ColumnElement[bool]:
    """The answers of a run; those of a Callweave before schema 0004 belong to the first run of their call."""
    # Not coalesce(run, 1): of that PostgreSQL would know no frequencies, and look up each answer's call by itself.
    this = or_(answer.c.run == survey_run.c.occurrence, and_(answer.c.run.is_(None), survey_run.c.occurrence == 1))
    return and_(answer.c.call_id == survey_run.c.call_id, answer.c.survey == survey_run.c.survey, this)


def _stepped(connection: Connection, query: Select[Any]) -> Iterator[Row]:
    text, parameters = compiled(query, sqlite.dialect(paramstyle="named"))
    connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins its transaction with its first statement
    return iter(driver(connection).execute(text, parameters))


def _by_two(connection: Connection, query: Select[Any]) -> Iterator[str]:
    """Lines of COPY, by turns of two connections that have half of the calls each: what a server process needs to find
    the answers of many runs is more than what their lines need here."""
    run = survey_run.c
    count = connection.scalar(select(func.count()).select_from(survey_run)) or 0
    if count < ALONE_RUNS:
        yield from chain.from_iterable(_copied(connection, query))
        return
    middle = connection.scalar(select(run.call_id).order_by(run.call_id).offset(count // 2).limit(1))
    with beside(connection) as other:
        if other is None:
            halves = [_copied(connection, query)]
        else:
            halves = [_copied(connection, query.where(run.call_id < middle))]
            halves += [_copied(other, query.where(run.call_id >= middle))]
        while halves:
            for half in list(halves):
                if some := next(half, None):
                    yield from some
                else:
                    halves.remove(half)


def _copied(connection: Connection, query: Select[Any]) -> Iterator[list[str]]:
    """Lines of COPY's text format, some thousand at once. They are taken apart one by one: lists that die at once cost
    the garbage collector nothing, and with five thousand alive it was a third of the whole."""
    from sqlalchemy.dialects import postgresql  # only here: who has SQLite does not wait for it

    text, parameters = compiled(query, postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
    connection.exec_driver_sql("SET LOCAL jit = off")  # half a second before the first row, for nothing
    connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")  # for the seven answers of a run: dear
    postgres = driver(connection)
    with postgres.cursor().copy(f"COPY ({text}) TO STDOUT WITH (NULL '')", parameters) as copy:
        lines = _lines(copy, postgres.pgconn)
        while held := list(islice(lines, CHUNK)):
            yield str(b"".join(held), "utf-8")[:-1].split("\n")


def _lines(copy: Any, libpq: Any) -> Iterator[Any]:
    """The lines of a COPY. Those that arrived already are taken from libpq, in half the time that psycopg takes for a
    line; for the others psycopg waits."""
    from psycopg import errors, pq

    take = libpq.get_copy_data
    while True:
        size, line = take(1)
        if size > 0:
            yield line
        elif size == 0:
            if not (line := copy.read()):
                return
            yield line
        else:
            break
    while result := libpq.get_result():
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result)


_ESCAPED: Final = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\\": "\\"}


def _plain(cell: str) -> str:
    if "\\" not in cell:
        return cell
    pieces = iter(cell.split("\\"))
    found = [next(pieces)]
    for piece in pieces:
        if piece:
            found.append(_ESCAPED[piece[0]] + piece[1:])
        else:  # a backslash, and what stands up to the next one
            found.append("\\" + next(pieces, ""))
    return "".join(found)


def compiled(query: Select[Any], dialect: Any) -> tuple[str, dict[str, Any]]:
    compiled = query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    parameters = {k: utc_text(v) if isinstance(v, datetime) else v for k, v in compiled.params.items()}
    return str(compiled), parameters


def driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def iso(raw: str | None) -> str:
    """A stored time as ISO 8601 in UTC, to the millisecond."""
    if not raw:
        return ""
    fraction = raw[19:26].partition("+")[0]
    return f"{raw[:10]}T{raw[11:19]}{(fraction or '.')[:4]:0<4}+00:00"


def moment(raw: str | None) -> datetime | None:
    """A stored time, aware."""
    if not raw:
        return None
    fraction = raw[19:26].partition("+")[0]
    return datetime.fromisoformat(f"{raw[:19]}{fraction or '.':0<7}+00:00")
