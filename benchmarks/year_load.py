"""How the made-up year gets into a database quickly: COPY on PostgreSQL, large transactions on SQLite.

Law: loads an empty database and nothing else: it drops keys and indexes while it loads. Rows come ready, by column.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg

from benchmarks.year import Call, Row, Year, calls
from ivr.store.engine import make_engine, parse_url
from ivr.store.rows import COLUMNS
from ivr.store.upgrade import upgrade

BATCH_CALLS = 20_000
TABLES = ("call", "survey_run", "attempt", "answer")
Take = Callable[[str, Sequence[Row]], None]


def load(
    url: str, year: Year, on_calls: Callable[[int], None] = lambda n: None, say: Callable[[str], None] = print
) -> dict[str, int]:
    """All rows of the year; gives how many each table got. Raises SystemExit when the database holds calls already."""
    upgrade(url)
    postgres = parse_url(url).get_backend_name() == "postgresql"
    counts: dict[str, int] = {}
    with (_postgres if postgres else _sqlite)(url, say) as take:
        for table, rows in year.fixed().items():
            take(table, rows)
            counts[table] = len(rows)
        source, done = calls(year, by_id=not postgres), 0
        while batch := list(islice(source, BATCH_CALLS)):
            for table, found in _by_table(batch).items():
                take(table, found)
                counts[table] = counts.get(table, 0) + len(found)
            done += len(batch)
            on_calls(min(done, year.calls))
    return counts


def _by_table(batch: list[Call]) -> dict[str, list[Row]]:
    return {
        "call": [call.call for call in batch],
        "survey_run": [call.run for call in batch],
        "attempt": [row for call in batch for row in call.attempts],
        "answer": [row for call in batch for row in call.answers],
    }


@contextmanager
def _sqlite(url: str, say: Callable[[str], None]) -> Iterator[Take]:
    database = sqlite3.connect(str(parse_url(url).database), isolation_level=None)
    try:
        _must_be_empty(database.execute("SELECT count(*) FROM call").fetchone()[0], url)
        for pragma in ("synchronous=OFF", "cache_size=-2000000"):
            database.execute(f"PRAGMA {pragma}")
        found = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''").fetchall()
        for name, _sql in found:
            database.execute(f'DROP INDEX "{name}"')

        def take(table: str, rows: Sequence[Row]) -> None:
            marks = ", ".join("?" * len(COLUMNS[table]))
            database.execute("BEGIN IMMEDIATE")
            # By name: a database that was upgraded has its newer columns last.
            database.executemany(f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) VALUES ({marks})", rows)
            database.execute("COMMIT")

        yield take
        say("indexes")
        for _name, sql in found:
            database.execute(sql)
        database.execute("ANALYZE")
    finally:
        database.close()


@contextmanager
def _postgres(url: str, say: Callable[[str], None]) -> Iterator[Take]:
    plain = make_engine(url).url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, options="-c timezone=UTC") as database:
        _must_be_empty(database.execute("SELECT count(*) FROM call").fetchone(), url)
        made_again = _without_keys(database)

        def take(table: str, rows: Sequence[Row]) -> None:
            with (
                database.cursor() as cursor,
                cursor.copy(f"COPY {table} ({', '.join(COLUMNS[table])}) FROM STDIN") as copy,
            ):
                copy.write("".join([copy_line(row) for row in rows]))

        yield take
        for statement in made_again:
            say(statement[:60])
            database.execute(statement.encode())
        database.execute("VACUUM ANALYZE")


def _must_be_empty(count: Any, url: str) -> None:
    if (count[0] if isinstance(count, tuple) else count) != 0:
        raise SystemExit(f"{url} holds calls already; the made-up year goes into an empty database only")


def _without_keys(database: psycopg.Connection[Any]) -> list[str]:
    """Drops the keys and indexes of the large tables; gives what makes them again."""
    found = database.execute(
        """SELECT t.relname, i.relname, pg_get_indexdef(x.indexrelid), c.conname, pg_get_constraintdef(c.oid)
           FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
           LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid
           WHERE t.relname = ANY(%s) AND t.relnamespace = 'public'::regnamespace""",
        (list(TABLES),),
    ).fetchall()
    statements = []
    for table, index, definition, constraint, key in found:
        if constraint:
            database.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"'.encode())
            statements.append(f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {key}')
        else:
            database.execute(f'DROP INDEX "{index}"'.encode())
            statements.append(definition)
    return ["SET maintenance_work_mem = '512MB'", *statements]


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_line(row: Row) -> str:
    line = "\t".join(["\\N" if value is None else str(value) for value in row])
    if "\\" in line.replace("\\N", "") or line.count("\t") != len(row) - 1 or "\n" in line or "\r" in line:
        line = "\t".join(["\\N" if value is None else str(value).translate(_ESCAPES) for value in row])
    return line + "\n"
