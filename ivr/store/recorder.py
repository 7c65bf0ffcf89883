"""Recorder: takes rows from calls at once, and makes them durable in groups, whatever the database does.

Law: ``put`` costs microseconds and never waits. One native thread does everything else: it gathers a group, writes
it in one transaction, or, while the database is away, to the spool; only then does the group count as durable.
Rows stay in order. Nothing is dropped: what no database takes ends in the spool's ``rows.dead``.

It knows nothing of gevent. A process whose threading module is monkey-patched hands in the original primitives:

    Threads(start=lambda run: get_original("_thread", "start_new_thread")(run, ()),
            lock=get_original("_thread", "allocate_lock"))

``pause`` is called by ``flush`` and ``close`` only, in the caller's thread: ``time.sleep``, patched, lets other
greenlets run. ``alarm`` and ``on_durable`` are called in the writer's thread: hand over, do not work there.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ivr.store.delivery import Backoff, Delivery, Stats
from ivr.store.rows import COLUMNS, BadRow, Prepared, Row, prepare
from ivr.store.spool import Spool, SpoolInUse
from ivr.store.threads import Bell, Threads

__all__ = ["Backoff", "Recorder", "SpoolInUse", "Stats", "Threads"]

#: The spool is drained by so many groups for each new one, so that it empties while calls go on.
_DRAIN_GROUPS: Final = 5
_THREADS: Final = Threads()
_BACKOFF: Final = Backoff()


class Recorder:
    """See the module. Raises SpoolInUse, OSError and DatabaseUrlError at construction, and nothing later."""

    def __init__(
        self,
        url: str,
        spool_dir: Path | str,
        *,
        threads: Threads = _THREADS,
        backoff: Backoff = _BACKOFF,
        clock: Callable[[], float] = time.monotonic,
        group_rows: int = 200,
        group_ms: float = 10,
        busy_group_ms: float = 100,
        tries: int = 3,
        alarm: Callable[[str, str], None] = lambda name, detail: None,
        on_durable: Callable[[int], None] = lambda seq: None,
    ) -> None:
        self.stats = Stats()
        self._bell = Bell(threads.lock())
        self._delivery = Delivery(url, threads, backoff, clock, tries, self.stats, alarm, self._bell.ring)
        self._spool = Spool(Path(spool_dir))
        self._threads, self._backoff, self._clock = threads, backoff, clock
        self._group_rows, self._group_s = group_rows, group_ms / 1000
        self._busy_group_s, self._settled_at = busy_group_ms / 1000, -1.0
        self._alarm, self._on_durable = alarm, on_durable
        self.stats.quarantined = self._spool.quarantined
        #: The sequence number up to which every row is on a disk.
        self.durable_up_to = 0
        self._queue: deque[tuple[str, Row]] = deque()
        self._put_lock = threads.lock()
        self._never = Bell(threads.lock())
        self._held: list[Prepared] = []  # taken from the queue, not durable yet
        self._taken = 0
        self._idle = self._hurry = self._closing = self._ended = self._closed = False
        self._ill: dict[str, str] = {}  # what is wrong now
        if self._spool.quarantined:
            alarm("spool", f"{self._spool.quarantined} broken records moved to {self._spool.folder}/rows.bad")
        # In a patched process this makes this thread's event loop before ours has one: two threads that make their
        # first loop together wait for each other's imports for ever (gevent 26.9: three runs of eight).
        threads.pause(0)
        threads.start(self._run)

    # -- the callers' side -----------------------------------------------------------------------------------------

    def put(self, table: str, row: Row) -> int:
        """Takes the row and gives its sequence number, 1 the first. The row must not be changed afterwards.

        A function is called for its row by the writer's thread: what it uses must not change either. One that raises
        ends in ``rows.dead``, as its table's name and the kind of error.
        Raises RuntimeError after close(), where the row would be lost without a word; never in a running server.
        """
        if self._closing:
            raise RuntimeError("the recorder is closed; close it after the last call")
        with self._put_lock:
            self.stats.rows = seq = self.stats.rows + 1
            self._queue.append((table, row))
        if self._idle or len(self._queue) == self._group_rows:
            self._idle = False  # once is enough
            self._bell.ring()
        return seq

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Waits until every row put so far is durable; False when the time is up first."""
        target, until = self.stats.rows, self._clock() + timeout_s
        while self.durable_up_to < target:
            if self._clock() >= until or self._ended:
                return self.durable_up_to >= target
            self._hurry = True
            self._bell.ring()
            self._threads.pause(0.001)
        return True

    def close(self, timeout_s: float = 10.0) -> bool:
        """Makes durable what was put and ends; False when rows are left in memory only. The spool keeps its rows."""
        if self._closed:
            return True
        self._closing = True
        done = self.flush(timeout_s)
        self._closed = True
        until = self._clock() + timeout_s
        while not self._ended and self._clock() < until:
            self._bell.ring()
            self._threads.pause(0.001)
        return done

    @property
    def healthy(self) -> bool:
        """False while rows cannot be made durable: take no new calls. A database that is away is no illness."""
        return not self._ill

    @property
    def trouble(self) -> str:
        """What makes it unhealthy, in words; "" when nothing does."""
        return "; ".join(self._ill.values())

    @property
    def database_up(self) -> bool:
        return self._delivery.up

    @property
    def spool_pending(self) -> bool:
        """Rows wait in the spool for the database."""
        return self._spool.pending

    @property
    def in_memory(self) -> int:
        """Rows that a kill -9 would lose now."""
        return self.stats.rows - self.durable_up_to

    # -- the writer's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._delivery.begin(wait_s=1.0)  # the first rows need not go through the spool when the database is there
            while not (self._closed and (not self._queue or self._ill)):
                if not self._held:
                    taken = self._gather()
                    self._held, self._taken = self._prepared(taken), self._taken + len(taken)
                if self.durable_up_to < self._taken and not self._settle():
                    self._bell.wait(self._backoff.wait_s(0))
                self._drain()
            self._delivery.close()
            self._spool.close()
        finally:
            if not self._closed:
                self._raise_alarm("writer", "the recorder's thread died; restart this process")
            self._ended = True

    def _gather(self) -> list[tuple[str, Row]]:
        queue = self._queue
        if self._clock() - self._settled_at < 2 * self._busy_group_s and not self._spool.pending:
            # Who writes alone is on the disk at once. Where groups follow each other, larger ones cost a fraction; what
            # is not durable yet is asked again by the worker that takes the call over: answer and place go together.
            # Nobody rings for the first row: to wake two threads for each group was a third of its cost.
            if len(queue) < self._group_rows and not self._hurry and not self._closing:
                self._bell.wait(self._busy_group_s)
        elif not self._closed:
            if not queue:
                self._idle = True
                if not queue:  # put looks at _idle after it appended: one of the two sees the other
                    self._bell.wait(self._nap_s())
                self._idle = False
            if 0 < len(queue) < self._group_rows and not self._hurry and not self._closing:
                self._bell.wait(self._group_s)
        self._hurry = False
        return [queue.popleft() for _ in range(min(len(queue), self._group_rows))]

    def _nap_s(self) -> float:
        """How long the writer may sleep when no row comes: for ever, or until the database is due."""
        if not self._spool.pending:
            return -1
        return self._delivery.due_s()

    def _settle(self) -> bool:
        """Makes the held group durable, here or there; False when neither disk nor database takes it."""
        rows = self._held
        try:
            if rows and (self._spool.pending or not self._delivery.ready() or not self._delivery.store(rows)):
                self._spool.append([_encode(row) for row in rows])
                self.stats.spooled += len(rows)
            self._bury_dead()
        except OSError as error:
            self._raise_alarm("spool", f"cannot write {self._spool.folder}: {error.strerror}; free the disk")
            return False
        self._ill.pop("spool", None)
        self._held = []
        self._settled_at = self._clock()
        self.stats.groups += 1
        self.durable_up_to = self._taken
        self._on_durable(self._taken)
        return True

    def _prepared(self, group: Sequence[tuple[str, Row]]) -> list[Prepared]:
        rows: list[Prepared] = []
        for table, row in group:
            made: Mapping[str, Any] = {}
            try:
                found = row() if callable(row) else row
                if isinstance(found, tuple):
                    rows.append(found)
                    continue
                made = found
                rows.append(prepare(table, made))
            except BadRow as error:
                self._delivery.dead.append(({**made, "table": table}, str(error)))
            except Exception as error:  # noqa: BLE001 - a caller's function: one mistake there must not end all storing
                # What it holds is unknown, a secret perhaps, and so is the message: only the kind of error is told.
                self._delivery.dead.append(
                    ({"table": table}, f"no row for {table}: {type(error).__name__}, a mistake in Callweave")
                )
        return rows

    def _drain(self) -> None:
        """A few groups from the spool to the database, if both are there."""
        if not self._spool.pending or not self._delivery.ready():
            return
        try:
            payloads, position = self._spool.next(_DRAIN_GROUPS * self._group_rows)
            rows = self._prepared([_decode(payload) for payload in payloads])
            if self._delivery.store(rows):
                self._bury_dead()
                self._spool.done(position)
                self.stats.drained += len(rows)
            if self._spool.quarantined > self.stats.quarantined:
                self.stats.quarantined = self._spool.quarantined
                self._alarm("spool", f"broken records moved to {self._spool.folder}/rows.bad")
            self._ill.pop("drain", None)
        except OSError as error:
            self._raise_alarm("drain", f"cannot use {self._spool.folder}: {error.strerror}")
            self._never.wait(self._backoff.wait_s(0))

    def _bury_dead(self) -> None:
        """Rows that no database takes go to a file, with the reason. Raises OSError, and keeps them then."""
        while self._delivery.dead:
            row, reason = self._delivery.dead[0]
            self._spool.bury(row, reason)
            self._delivery.dead.popleft()
            self.stats.dead_lettered += 1
            self._alarm("dead_letter", reason)

    def _raise_alarm(self, name: str, detail: str) -> None:
        if self._ill.get(name) != detail:
            self._ill[name] = detail
            self._alarm(name, detail)


def _encode(row: Prepared) -> bytes:
    table, values = row
    record = {name: value for name, value in zip(COLUMNS[table], values, strict=True) if value is not None}
    return json.dumps([table, record], ensure_ascii=False, separators=(",", ":")).encode()


def _decode(payload: bytes) -> tuple[str, Mapping[str, Any]]:
    table, record = json.loads(payload)
    return table, record
