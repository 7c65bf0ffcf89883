"""Storing: what the recorder's upserts cost against the driver's own batches of plain INSERTs, and against COPY.

Law: the same rows, in the same groups and transactions, into the same tables of a database of their own, by turns.
Plain means: INSERT without ON CONFLICT, through the driver's executemany: what would store a row twice, or fail.
"""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.year import Year, calls
from benchmarks.year_load import copy_line
from ivr.store.engine import make_engine, parse_url
from ivr.store.rows import COLUMNS, Prepared
from ivr.store.upgrade import upgrade
from ivr.store.write import Database

#: As the recorder's on a busy server.
GROUP_ROWS = 200
ROUND_GROUPS = 150
Write = Callable[[list[Prepared]], None]


@dataclass(frozen=True)
class Stored:
    rows: int  # of each round
    ours_s: tuple[float, ...]
    plain_s: tuple[float, ...]
    copy_s: tuple[float, ...]  # on PostgreSQL


def measure(beside: str, rounds: int) -> Stored:
    """In an empty database beside the one of the URL."""
    with _empty(beside) as url:
        postgres = parse_url(url).get_backend_name() == "postgresql"
        database = Database(make_engine(url))
        writers: dict[str, Write] = {"ours": database.write, "plain": _plain(url, postgres)}
        if postgres:
            writers["copy"] = _copy(url)
        times: dict[str, list[float]] = {name: [] for name in ("ours", "plain", "copy")}
        groups = _groups()
        for n in range(rounds + 1):
            names = list(writers)
            for name in names[n % len(names) :] + names[: n % len(names)]:
                some = list(islice(groups, ROUND_GROUPS))
                began = time.perf_counter()
                for group in some:
                    writers[name](group)
                if n:  # the first one is for warming up
                    times[name].append(time.perf_counter() - began)
        database.close()
    rows = GROUP_ROWS * ROUND_GROUPS
    return Stored(rows, *(tuple(times[name]) for name in ("ours", "plain", "copy")))


def _groups() -> Iterator[list[Prepared]]:
    """The rows of calls as they come: of each call first what was tried and answered, then its end."""
    held: list[Prepared] = []
    for call in calls(Year(10_000_000, 50, seed=7), by_id=False):
        held += [("attempt", row) for row in call.attempts]
        held += [("answer", row) for row in call.answers]
        held += [("survey_run", call.run), ("call", call.call)]
        while len(held) >= GROUP_ROWS:
            yield held[:GROUP_ROWS]
            held = held[GROUP_ROWS:]


def _by_table(group: list[Prepared]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, values in group:
        found.setdefault(table, []).append(values)
    return found


def _plain(url: str, postgres: bool) -> Write:
    mark = "%s" if postgres else "?"
    sql = {
        table: f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
        for table, names in COLUMNS.items()
    }
    connection: Any
    if postgres:
        plain = parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(plain, options="-c timezone=UTC")
    else:
        connection = sqlite3.connect(str(parse_url(url).database), isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
    cursor = connection.cursor()

    def write(group: list[Prepared]) -> None:
        if not postgres:
            cursor.execute("BEGIN IMMEDIATE")
        for table, batch in _by_table(group).items():
            cursor.executemany(sql[table], batch)
        if postgres:
            connection.commit()
        else:
            cursor.execute("COMMIT")

    return write


def _copy(url: str) -> Write:
    plain = parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(plain, options="-c timezone=UTC")
    cursor = connection.cursor()
    sql = {table: f"COPY {table} ({', '.join(names)}) FROM STDIN".encode() for table, names in COLUMNS.items()}

    def write(group: list[Prepared]) -> None:
        for table, batch in _by_table(group).items():
            with cursor.copy(sql[table]) as copy:
                copy.write("".join([copy_line(row) for row in batch]))
        connection.commit()

    return write


@contextmanager
def _empty(beside: str) -> Iterator[str]:
    parsed = parse_url(beside)
    if parsed.get_backend_name() == "sqlite":
        with tempfile.TemporaryDirectory(dir=Path(str(parsed.database)).parent) as folder:
            url = f"sqlite:///{folder}/storing.db"
            upgrade(url)
            yield url
        return
    name = f"callweave_storing_{secrets.token_hex(4)}"
    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            url = parsed.set(database=name).render_as_string(hide_password=False)
            upgrade(url)
            yield url
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
