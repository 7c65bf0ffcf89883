"""The ledger: one lasting connection to the database for a process that calls people, and one way to write SQL.

Law: transactions, parameters and times; knows no table. Statements are written once, with ``:name`` parameters, and a
piece that the two databases say differently is asked for by name. A connection that broke is made anew by the next
transaction; what was in the broken one is the caller's to repeat. One thread at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

_PARAMETER: Final = re.compile(r"(?<!:):([a-z_]+)")

Row = Sequence[Any]


class Ledger:
    """``transaction()`` gives a :class:`Book`; it commits when the block ends well, else rolls back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.postgres = engine.dialect.name == "postgresql"
        self._driver: Any = engine.dialect.loaded_dbapi
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self, read_only: bool = False) -> Iterator[Book]:
        """Raises the database's errors."""
        if self._connection is None:
            self._connection = self._engine.connect()
            if (
                self.postgres
            ):  # the same few statements, thousands of times: to plan each anew costs more than to run it
                self._connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
                self._connection.commit()
        connection = self._connection
        try:
            with connection.execution_options(read_only=read_only).begin():
                yield Book(connection, self.postgres)
        except self._driver.Error as error:  # what a book asked the driver itself
            if connection.connection.driver_connection is None or connection.connection.driver_connection.closed:
                connection.invalidate()
            if connection.invalidated:
                self._connection = None
            dialect = self._engine.dialect
            raise DBAPIError.instance(None, None, error, self._driver.Error, dialect=dialect) from error
        except BaseException:
            if connection.invalidated or connection.closed:
                self._connection = None
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Book:
    """One transaction. Times are given and taken as aware datetimes."""

    def __init__(self, connection: Connection, postgres: bool) -> None:
        self._connection, self.postgres = connection, postgres
        self._in: Callable[[Any], Any] = _same if postgres else _text_of
        #: A time as it was read.
        self.time: Callable[[Any], datetime | None] = _utc if postgres else _time_of

    def all(self, sql: str, **values: Any) -> Sequence[Row]:
        rows: Sequence[Row] = self._done(sql, values).fetchall()
        return rows

    def do(self, sql: str, **values: Any) -> int:
        """How many rows it changed."""
        changed: int = self._done(sql, values).rowcount
        return changed

    def _done(self, sql: str, values: Mapping[str, Any]) -> Any:
        if self.postgres:
            # The driver itself: what is around it would be a tenth of what a lease costs.
            driver: Any = self._connection.connection.driver_connection
            return driver.execute(_in_dialect(sql, True), values)
        return self._connection.exec_driver_sql(*self._said(sql, values))

    def do_each(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            ours = [{name: self._in(value) for name, value in row.items()} for row in rows]
            self._connection.exec_driver_sql(_in_dialect(sql, self.postgres), ours)

    def among(self, column: str, name: str, values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
        """``column`` is one of ``values``: the condition, and its parameters."""
        if self.postgres:
            return f"{column} = ANY(:{name})", {name: list(values)}
        names = [f"{name}_{_letters(n)}" for n in range(len(values))]
        return f"{column} IN ({', '.join(':' + each for each in names)})", dict(zip(names, values, strict=True))

    def _said(self, sql: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        return _in_dialect(sql, self.postgres), {name: self._in(value) for name, value in values.items()}


@lru_cache(maxsize=256)
def _in_dialect(sql: str, postgres: bool) -> str:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")) if postgres else sql


@lru_cache(maxsize=2048)
def _letters(number: int) -> str:
    """Parameter names are letters only: 0 is a, 26 is ba."""
    text = ""
    while True:
        number, rest = divmod(number, 26)
        text = chr(ord("a") + rest) + text
        if not number:
            return text


def _same(value: Any) -> Any:
    return value


def _text_of(value: Any) -> Any:
    """SQLite keeps times as the text that SQLAlchemy writes: UTC, without a zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


def _utc(value: Any) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _time_of(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)
