"""Write: a group of prepared rows goes into the database in one transaction, and once only however often it is sent.

Law: every statement is an upsert on the row's key, so sending a group again is harmless (rows 72, 74). It knows
what an error means (away, retry, poison); what to do about it is the recorder's.

The statements are SQLAlchemy's, compiled once; the rows go through the driver itself. On PostgreSQL a batch is one
JSON parameter: measured, a third of the CPU that the driver's executemany takes.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Table, and_, bindparam, case, column, false, func, literal_column, not_, or_, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from ivr.store import questions, schema
from ivr.store.rows import COLUMNS, RANKS, TABLES, BadRow, Prepared, prepare, utc_text
from ivr.store.upgrade import check_version


class Trouble(enum.Enum):
    AWAY = "away"  # the database cannot take any row now
    RETRY = "retry"  # two transactions met; again is enough
    POISON = "poison"  # this row will never be taken


#: First two letters of a SQLSTATE that blame the data: cardinality, data, integrity, limits, raised by a trigger.
_DATA_CLASSES: Final = ("21", "22", "23", "54", "P0")
#: How a call ended of which its worker knows no more.
_LOST: Any = literal_column("'switch-lost'")  # as words of the statement: its parameters are the row's
_HANGUP: Any = literal_column("'hangup'")
_NONE: Any = literal_column("0")
_RETRY_STATES: Final = ("40001", "40P01")


def trouble(error: BaseException) -> Trouble:
    """What the driver's error means. Whatever is not surely the row's fault is the database's: nothing is dropped."""
    state = getattr(error, "sqlstate", None)
    if state is not None:
        if state in _RETRY_STATES:
            return Trouble.RETRY
        return Trouble.POISON if state[:2] in _DATA_CLASSES else Trouble.AWAY
    name = type(error).__name__
    if name in ("IntegrityError", "DataError"):
        return Trouble.POISON
    return Trouble.AWAY


class Statements:
    """The SQL of each table for one dialect, compiled once."""

    def __init__(self, dialect_name: str) -> None:
        self.postgres = dialect_name == "postgresql"
        self._dialect: Any = sqlite.dialect()
        if self.postgres:
            # Imported where it is met: with its drivers it is a third of what SQLAlchemy takes to load.
            from sqlalchemy.dialects import postgresql

            self._dialect = postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
        self.upsert = {t.name: self._compile(t, keep_first=t.name in _KEEP_FIRST) for t in TABLES.values()}
        self.history = self._compile(schema.answer_history, keep_first=True)
        keys = " AND ".join(f"{c.name} = {self.mark}" for c in schema.answer.primary_key)
        names = ", ".join(COLUMNS["answer"])
        self.find = f"SELECT {names} FROM answer WHERE {keys}" + (" FOR UPDATE" if self.postgres else "")
        sets = ", ".join(f"{c} = {self.mark}" for c in COLUMNS["answer"][3:])
        self.change = f"UPDATE answer SET {sets} WHERE {keys}"

    @property
    def mark(self) -> str:
        return "%s" if self.postgres else "?"

    def _compile(self, table: Table, *, keep_first: bool) -> str:
        names = [c.name for c in table.columns]
        insert: Any
        if self.postgres:
            from sqlalchemy.dialects import postgresql

            fields = [column(c.name, c.type) for c in table.columns]
            recordset = func.json_to_recordset(bindparam("rows", type_=postgresql.JSON))
            rows = recordset.table_valued(*fields).render_derived(with_types=True)
            insert = postgresql.insert(table).from_select(names, select(*rows.c))
        else:
            insert = sqlite.insert(table).values({name: bindparam(name) for name in names})
        keys = list(table.primary_key)
        if keep_first:
            insert = insert.on_conflict_do_nothing(index_elements=keys)
        else:
            values, where = _MERGE[table.name](table.c, insert.excluded)
            insert = insert.on_conflict_do_update(index_elements=keys, set_=values, where=where)
        return str(insert.compile(dialect=self._dialect))


def _merge_call(old: Any, new: Any) -> tuple[dict[str, Any], Any]:
    """What comes later wins where it says something; a begin row that comes late reopens no ended call."""
    values: dict[str, Any] = {c.name: func.coalesce(new[c.name], c) for c in old if c.name != "call_id"}
    late = and_(old.ended_at.is_not(None), new.ended_at.is_(None))
    values["status"] = case((late, old.status), else_=values["status"])
    # A connection that is given up late (faults 31, 33) knows nothing of how the call went on, and ended.
    ended = and_(old.ended_at.is_not(None), old.ended_by != _LOST)
    return values, or_(new.ended_by.is_(None), new.ended_by != _LOST, not_(func.coalesce(ended, false())))


def _merge_attempt(old: Any, new: Any) -> tuple[dict[str, Any], Any]:
    """A worker that took the call over may make the attempt again: the later one counts, unless it only tells that
    the first one's connection went away.
    """
    values = {c.name: new[c.name] for c in old if not c.primary_key}
    answered = and_(old.outcome.is_not(None), old.outcome != _HANGUP, new.outcome == _HANGUP)
    return values, and_(or_(old.ended_at.is_(None), new.ended_at >= old.ended_at), not_(answered))


def _merge_state(old: Any, new: Any) -> tuple[dict[str, Any], Any]:
    """The latest place counts, whatever order the rows come in."""
    return {c.name: new[c.name] for c in old if not c.primary_key}, or_(old.at.is_(None), new.at >= old.at)


def _rank(status: Any) -> Any:
    """How far a status is, as SQL. Literals: the statement's parameters are the row's."""
    ranks: Any = [(status == _word(name), literal_column(str(rank))) for name, rank in RANKS.items() if rank]
    return case(*ranks, else_=_NONE)


def _word(name: str) -> Any:
    return literal_column(f"'{name}'")


def _merge_run(old: Any, new: Any) -> tuple[dict[str, Any], Any]:
    """Only forward, and of two partial ones the one that came further; an end stays the end it was."""
    was, is_ = _rank(old.status), _rank(new.status)
    further = func.coalesce(new.asked, _NONE) >= func.coalesce(old.asked, _NONE)
    same_word = and_(old.status == new.status, new.at >= old.at, further)
    ahead = or_(is_ > was, same_word)
    values: dict[str, Any] = {
        name: case((ahead, func.coalesce(new[name], old[name])), else_=func.coalesce(old[name], new[name]))
        for name in ("status", "last_question", "answered", "asked", "at")
    }
    for name in ("begun_at", "definition", "launch", "agent", "queue", "resumed_from"):
        values[name] = func.coalesce(old[name], new[name])
    # A run that goes on with another one takes its order over, after it has begun.
    later = and_(new.seed.is_not(None), new.at >= old.at)
    values["seed"] = case((later, new.seed), else_=func.coalesce(old.seed, new.seed))
    return values, None


def _merge_launch(old: Any, new: Any) -> tuple[dict[str, Any], Any]:
    """A launch is what it was made as; all that can come later is its end."""
    return {"closed_at": func.coalesce(old.closed_at, new.closed_at)}, None


def _merge_reached(old: Any, new: Any) -> tuple[dict[str, Any], Any]:
    """Who has called, and been asked, is done with; an attempt that is under way has its own end."""
    return {"state": new.state, "outcome": new.outcome, "next_at": new.next_at}, old.state == _word("waiting")


_MERGE: Final = {
    "call": _merge_call,
    "call_state": _merge_state,
    "attempt": _merge_attempt,
    "survey_run": _merge_run,
    "launch": _merge_launch,
    "campaign_contact": _merge_reached,
}
#: Answers are first tried as new ones, which they nearly always are; what was there already is looked at row by row.
_KEEP_FIRST: Final = (
    *("program", "answer", "survey_definition", "survey_question", "survey_quota", "quota_complete", "outbox", "dnc"),
)
_KEY_COUNT: Final = {t.name: len(t.primary_key) for t in TABLES.values()}


class Database:
    """One connection that writes groups. Made and used by one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        """Connects and compares the schema. Raises the driver's errors as DBAPIError, and SchemaError."""
        self._statements = Statements(engine.dialect.name)
        self.errors: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._fairy = engine.raw_connection()
        try:
            check_version(self._version(), engine.url.render_as_string(hide_password=False))
        except BaseException:
            self._fairy.close()
            raise

    def _version(self) -> str | None:
        cursor = self._fairy.cursor()
        if self._statements.postgres:
            cursor.execute("SELECT to_regclass('alembic_version')")
        else:
            cursor.execute("SELECT max(name) FROM sqlite_master WHERE name = 'alembic_version'")
        row: Any = cursor.fetchone()
        if row[0] is not None:
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
        self._fairy.rollback()
        return None if row is None or row[0] is None else str(row[0])

    def write(self, rows: Sequence[Prepared]) -> None:
        """All of them, in one transaction. Raises ``self.errors``; then call rollback()."""
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for table, values in rows:
            if table in by_table:
                by_table[table].append(values)
            else:
                by_table[table] = [values]
        for values in tuple(by_table.get("survey_definition", ())):
            for table, prepared in _as_columns(values):
                by_table.setdefault(table, []).append(prepared)
        cursor = self._fairy.cursor()
        if not self._statements.postgres:
            cursor.execute("BEGIN IMMEDIATE")
        for table, batch in by_table.items():
            self._upsert(cursor, table, batch)
        if self._statements.postgres:
            self._fairy.commit()
        else:
            cursor.execute("COMMIT")  # the driver keeps its plan; that of commit() it makes anew each time

    def rollback(self) -> None:
        self._fairy.rollback()

    def close(self) -> None:
        """Never raises: the connection may be dead."""
        try:
            self._fairy.close()
        except (self.errors, DBAPIError):
            self._fairy.invalidate()

    def _upsert(self, cursor: Any, table: str, batch: list[tuple[Any, ...]]) -> None:
        statement = self._statements.upsert[table]
        if not self._statements.postgres:
            cursor.executemany(statement, batch)
        else:
            pieces = [batch] if table in _KEEP_FIRST else _without_repeats(batch, _KEY_COUNT[table])
            for piece in pieces:
                cursor.execute(statement, (_json(COLUMNS[table], piece),))
        if table == "answer" and cursor.rowcount < len(batch):
            for values in batch:
                self._change_answer(cursor, values)

    def _change_answer(self, cursor: Any, new: tuple[Any, ...]) -> None:
        """Row 75: the latest is current, what it replaced goes to the history. The order of arrival does not count."""
        cursor.execute(self._statements.find, new[:3])
        old = tuple(utc_text(v) if isinstance(v, datetime) else v for v in cursor.fetchone())
        if old == new:
            return
        if _age(new) >= _age(old):
            self._keep_history(cursor, old)
            cursor.execute(self._statements.change, (*new[3:], *new[:3]))
        else:
            self._keep_history(cursor, new)

    def _keep_history(self, cursor: Any, given: tuple[Any, ...]) -> None:
        record = dict(zip(COLUMNS["answer"], given, strict=True))
        names = [c.name for c in schema.answer_history.columns]
        values = tuple(record[name] for name in names)
        if record["at"] is None:
            return  # an answer without a time was never given
        parameters = (_json(names, [values]),) if self._statements.postgres else values
        cursor.execute(self._statements.history, parameters)


def _as_columns(definition: tuple[Any, ...]) -> Iterator[Prepared]:
    """What a definition says, question by question: views join it."""
    values = dict(zip(COLUMNS["survey_definition"], definition, strict=True))
    for table, row in questions.rows_of(values["hash"], values["json"]):
        try:
            yield prepare(table, row)
        except BadRow:  # a name longer than any key: its answers are refused too, and say why
            continue


def _age(answer: tuple[Any, ...]) -> tuple[str, str]:
    """Later answers are greater; of two given at the same microsecond one is, always the same one."""
    values = dict(zip(COLUMNS["answer"], answer, strict=True))
    return values["at"] or "", values["value"] or ""


_encode = json.JSONEncoder(check_circular=False, ensure_ascii=False).encode


def _json(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> str:
    return _encode([dict(zip(names, row, strict=False)) for row in rows])


def _without_repeats(batch: list[tuple[Any, ...]], key_count: int) -> list[list[tuple[Any, ...]]]:
    """Pieces in which no key comes twice, each key's rows in order: PostgreSQL updates a row once in a statement."""
    pieces: list[list[tuple[Any, ...]]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for row in batch:
        key = row[:key_count]
        n = seen[key] = seen.get(key, -1) + 1
        if n == len(pieces):
            pieces.append([])
        pieces[n].append(row)
    return pieces
