"""Staging: a million rows come into a table that only this connection sees, and from there into the real one at once.

Law: one transaction changes the real table, whatever happens before it: a crash leaves half of nothing. On PostgreSQL
all is one transaction, and rows come by COPY. On SQLite the staged rows stand in a temporary database of their own, so
that nobody waits for the reading of a file: the one writer's lock is held for the last statements only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection, Engine

#: Memory for pages while indexes grow at random places, in KiB.
_CACHE_KIB: Final = 64 * 1024
_TRY: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

Row = Sequence[str | int | None]


class Busy(Exception):
    """Somebody else imports the same; the message says so."""


class Staging:
    """Rows on their way. ``put`` any number of times, then ``rows_of`` statements that read the table ``staged``."""

    def __init__(self, connection: Connection, columns: Sequence[str]) -> None:
        self.connection = connection
        self.postgres = connection.dialect.name == "postgresql"
        fairy: Any = connection.connection
        self._driver: Any = fairy.driver_connection
        self._columns = tuple(columns)
        self._copy: Any = None  # what COPY is written to
        self._copying: Any = None  # and what ends it
        self._cursor: Any = self._driver.cursor()
        self._insert = ""
        names = ", ".join(f"{c} integer" if c.startswith("is_") else f"{c} text" for c in columns)
        if self.postgres:
            self._cursor.execute("SET LOCAL statement_timeout = 0")
            self._start = f"COPY staged ({', '.join(columns)}) FROM STDIN"
            self._table = f"CREATE TEMPORARY TABLE staged ({names}) ON COMMIT DROP"
        else:
            self._cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._cursor.execute("DROP TABLE IF EXISTS temp.staged")
            self._cursor.execute(f"CREATE TEMPORARY TABLE staged ({names})")
            self._insert = f"INSERT INTO temp.staged VALUES ({', '.join('?' * len(columns))})"
            self._cursor.execute("BEGIN")

    def straight_into(self, table: str) -> None:
        """PostgreSQL: COPY goes into the real table, where nothing can be in the way. Before the first ``put``."""
        self._start = f"COPY {table} ({', '.join(self._columns)}) FROM STDIN"
        self._table = ""

    def put(self, rows: Iterable[Row]) -> None:
        if not self.postgres:
            self._cursor.executemany(self._insert, rows)
            return
        if self._copy is None:
            if self._table:
                self._cursor.execute(self._table)
            self._copying = self._cursor.copy(self._start)
            self._copy = self._copying.__enter__()
        self._copy.write("".join(map(copy_line, rows)))

    def all_there(self) -> None:
        """No row comes after this; on SQLite the writer's lock is taken now."""
        if not self.postgres:
            self._cursor.execute("COMMIT")
            self._cursor.execute("BEGIN IMMEDIATE")
            return
        self.put(())
        self._copy = None
        self._copying.__exit__(None, None, None)
        if self._table:
            self._cursor.execute("ANALYZE staged")

    def run(self, sql: str, *values: Any) -> int:
        """How many rows a statement changed. ``?`` stands for a value."""
        self._cursor.execute(sql.replace("?", "%s") if self.postgres else sql, values)
        return int(self._cursor.rowcount)

    def ask(self, sql: str, *values: Any) -> Any:
        """The first value of the first row."""
        self._cursor.execute(sql.replace("?", "%s") if self.postgres else sql, values)
        row = self._cursor.fetchone()
        return row[0] if row else None

    def commit(self) -> None:
        if self.postgres:
            self._driver.commit()
        else:
            self._cursor.execute("COMMIT")
            self._cursor.execute("DROP TABLE temp.staged")

    def abandon(self, error: BaseException) -> None:
        """Nothing of it happened."""
        if self._copy is not None:
            self._copy = None
            with suppress(type(error)):  # it is raised again when the server has been told to stop
                self._copying.__exit__(type(error), error, None)
        if self.postgres:
            self._driver.rollback()
        elif self._driver.in_transaction:
            self._cursor.execute("ROLLBACK")


@contextmanager
def staging(engine: Engine, columns: Sequence[str], lock: str) -> Iterator[Staging]:
    """A staging that is given up by whatever is raised. Raises Busy when another one has the same ``lock``."""
    with engine.connect() as plain:
        raw: Any = plain.connection  # its transactions are begun by hand
        stage = Staging(plain, columns)
        try:
            mine = not lock or not stage.postgres or stage.ask(_TRY, lock)  # SQLite has one writer anyway
            if not mine:
                raise Busy("somebody else imports the same at this moment; try again when that is done")
            yield stage
        except BaseException as error:
            try:
                stage.abandon(error)
            except engine.dialect.loaded_dbapi.Error:  # the first error counts; the connection is of no more use
                raw.invalidate()
            raise


def copy_line(row: Row) -> str:
    """One line of COPY's text. Most rows have nothing to escape, which is seen at once."""
    try:
        line = "\t".join(row)  # type: ignore[arg-type]
    except TypeError:
        return "\t".join([_field(value) for value in row]) + "\n"
    if "\\" in line or "\n" in line or "\r" in line or line.count("\t") != len(row) - 1:
        return "\t".join([_field(value) for value in row]) + "\n"
    return line + "\n"


def _field(value: str | int | None) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)
