"""Engine: a database URL becomes an engine that is set up the way Callweave needs it.

Law: knows the two databases and their settings; nothing of tables. SQLite: WAL, every commit on the disk, one
writer at a time that says so at once (BEGIN IMMEDIATE: a deferred transaction that turns to writing fails
whatever the timeout). PostgreSQL: UTC sessions, every wait bounded.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

DEFAULT_URL = "sqlite:///callweave.db"


class DatabaseUrlError(ValueError):
    """The URL cannot be meant; the message says what to write."""


def parse_url(url: str) -> URL:
    """The URL with its driver written out. Raises DatabaseUrlError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(
            "not a database URL; write sqlite:///callweave.db or postgresql://user@host/database"
        ) from None
    name = parsed.drivername
    if name in ("postgres", "postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if name in ("sqlite", "sqlite+pysqlite"):
        if parsed.database in (None, "", ":memory:"):
            raise DatabaseUrlError("a database in memory would be lost; write sqlite:///callweave.db")
        return parsed.set(drivername="sqlite+pysqlite")
    raise DatabaseUrlError(f"database {name!r} is not supported; use sqlite:/// or postgresql://")


def shown_url(url: str) -> str:
    """The URL for people and logs: without its password."""
    return parse_url(url).render_as_string(hide_password=True).replace("+pysqlite", "").replace("+psycopg", "")


def make_engine(url: str, *, wait_ms: int = 5_000) -> Engine:
    """An engine with no pool of its own. ``wait_ms`` bounds waits for locks; connecting is bounded to 5 s.

    Transactions on SQLite begin IMMEDIATE; readers ask for ``execution_options(read_only=True)`` on the connection.
    """
    parsed = parse_url(url)
    if parsed.drivername == "sqlite+pysqlite":
        # A connection is made by one thread and used by another, never by two at once.
        arguments: dict[str, Any] = {"timeout": wait_ms / 1000, "check_same_thread": False}
        engine = create_engine(parsed, poolclass=NullPool, connect_args=arguments)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments = {
        "connect_timeout": 5,
        "tcp_user_timeout": 5_000,  # a peer that vanished without a word, in ms
        "keepalives_idle": 10,
        "options": f"-c timezone=UTC -c lock_timeout={wait_ms} -c statement_timeout={6 * wait_ms}",
    }
    return create_engine(parsed, poolclass=NullPool, connect_args=arguments | dict(parsed.query))


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
