"""Delivery: takes prepared rows to the database, and knows when there is none to take them to.

Law: one thread uses it, the recorder's writer, and is never held up by a database that is away: connecting is another
thread's. A group that fails is tried again, then row by row; what no database takes is handed back as dead, the rest
is stored or refused as a whole. It keeps no row: the recorder does.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from ivr.store.engine import make_engine
from ivr.store.rows import COLUMNS, Prepared
from ivr.store.threads import Bell, Threads
from ivr.store.upgrade import SchemaError
from ivr.store.write import Database, Trouble, trouble


@dataclass(frozen=True)
class Backoff:
    """How long to leave a database alone that is away: doubling from ``first_ms`` to ``most_ms``, times chance."""

    first_ms: float = 100
    most_ms: float = 5_000
    #: Factor of the n-th wait, 0.5 to 1: many workers do not come back at once.
    chance: Callable[[], float] = lambda: random.uniform(0.5, 1.0)

    def wait_s(self, failures: int) -> float:
        return float(min(self.most_ms, self.first_ms * 2 ** min(failures, 16)) * self.chance() / 1000)


@dataclass
class Stats:
    """Counted since start; read from any thread."""

    rows: int = 0  # put
    groups: int = 0  # made durable
    stored: int = 0  # rows in the database, drained ones included
    spooled: int = 0
    drained: int = 0
    dead_lettered: int = 0
    retries: int = 0
    quarantined: int = 0  # broken records found in the spool


class Delivery:
    """``arrived()`` is called by the connecting thread when it is done, with or without a connection. Raises
    DatabaseUrlError at construction.
    """

    def __init__(
        self,
        url: str,
        threads: Threads,
        backoff: Backoff,
        clock: Callable[[], float],
        tries: int,
        stats: Stats,
        alarm: Callable[[str, str], None],
        arrived: Callable[[], None],
    ) -> None:
        self._engine = make_engine(url, wait_ms=1_000)
        self._threads, self._backoff, self._clock = threads, backoff, clock
        self._tries, self._stats = tries, stats
        self._alarm, self._tell_arrived = alarm, arrived
        #: Rows that no database takes, and why: whoever buries them takes them from here.
        self.dead: deque[tuple[Mapping[str, Any], str]] = deque()
        self._never = Bell(threads.lock())
        self._connected = Bell(threads.lock())
        self._database: Database | None = None
        self._arrived: Database | None = None  # handed over by the connecting thread
        self._connecting = False
        self._failures = 0
        self._retry_at = 0.0

    @property
    def up(self) -> bool:
        return self._database is not None

    def due_s(self) -> float:
        """Until rows may be brought again: 0 now, -1 when ``arrived`` is called."""
        if self._database:
            return 0
        return -1 if self._connecting else max(0.0, self._retry_at - self._clock())

    def begin(self, wait_s: float) -> None:
        """Connects, and waits so long at most."""
        self.ready()
        self._connected.wait(wait_s)

    def close(self) -> None:
        if self._database:
            self._database.close()

    # -- storing -------------------------------------------------------------------------------------------------------

    def store(self, rows: list[Prepared]) -> bool:
        """In the database, poison rows buried; False when the database is away. Errors are the database's own."""
        assert self._database
        for n in range(self._tries):
            try:
                self._database.write(rows)
            except self._database.errors as error:
                what = self._recover(error)
                if what is Trouble.POISON:
                    return self._singly(rows)
                if what is Trouble.AWAY:
                    return False
                self._never.wait(self._backoff.wait_s(n) / 10)
            else:
                self._stats.stored += len(rows)
                return True
        return self._singly(rows)

    def _singly(self, rows: list[Prepared]) -> bool:
        """Row 78: one bad row must not hold up the others. A row that is stored twice on the way is stored once."""
        for row in rows:
            for n in range(self._tries):
                if self._database is None:
                    return False
                try:
                    self._database.write([row])
                    self._stats.stored += 1
                    break
                except self._database.errors as error:
                    what, reason = self._recover(error), " ".join(str(error).split())
                    last = n + 1 == self._tries
                    if what is Trouble.AWAY or (what is Trouble.RETRY and last):
                        return False
                    if last:
                        record = dict(zip(COLUMNS[row[0]], row[1], strict=True))
                        self.dead.append(({**record, "table": row[0]}, reason))
                    self._never.wait(self._backoff.wait_s(n) / 10)
        return True

    # -- the connection ------------------------------------------------------------------------------------------------

    def _recover(self, error: Exception) -> Trouble:
        """Rolls back and says what to do; a database that is away is left alone for a while."""
        assert self._database
        what = trouble(error)
        if what is not Trouble.AWAY:
            try:
                self._database.rollback()
            except self._database.errors as worse:
                what, error = Trouble.AWAY, worse
        if what is Trouble.AWAY:
            self._database.close()
            self._database = None
            self._away(error)
        else:
            self._stats.retries += 1
        return what

    def _away(self, error: BaseException) -> None:
        if not self._failures:
            self._alarm("database", " ".join(str(error).split()))
        self._retry_at = self._clock() + self._backoff.wait_s(self._failures)
        self._failures += 1

    def ready(self) -> bool:
        """The database is connected. Connecting happens in a thread of its own: rows must not wait for it."""
        if self._database:
            return True
        if self._arrived:
            self._database, self._arrived, self._failures = self._arrived, None, 0
            return True
        if not self._connecting and self._clock() >= self._retry_at:
            self._connecting = True
            self._threads.start(self._connect)
        return False

    def _connect(self) -> None:
        try:
            self._arrived = Database(self._engine)
        except (SchemaError, DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            self._away(error.orig if isinstance(error, DBAPIError) and error.orig else error)
        finally:
            self._connecting = False
            self._connected.ring()
            self._tell_arrived()
