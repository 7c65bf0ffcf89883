"""What the store's tests share: rows, reading back, a database that can be away, a signal to wait on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ivr.store import schema
from ivr.store.engine import make_engine
from ivr.store.recorder import Backoff, Recorder

T0 = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
QUICK = Backoff(first_ms=2, most_ms=10, chance=lambda: 1.0)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def call_row(call_id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"call_id": call_id, "flow": "hotline", "caller": "13800138000", "started_at": T0, **more}


def answer_row(value: Any = 4, seconds: float = 1, question: str = "q1", call_id: str = "c1") -> dict[str, Any]:
    keys = None if value is None else str(value)
    return {
        **{"call_id": call_id, "question": question, "occurrence": 1, "survey": "csat", "language": "en"},
        **{"value": value, "keys": keys, "at": at(seconds)},
    }


def attempt_row(attempt: int = 1, call_id: str = "c1", **more: Any) -> dict[str, Any]:
    return {
        **{"call_id": call_id, "node": "rate.q1", "question": "q1", "occurrence": 1, "attempt": attempt},
        **{"outcome": "digits", "keys": "4", "key_count": 1, "timer": "", "survey": "csat", "language": "en"},
        **{"started_at": T0, "ended_at": at(1), **more},
    }


def run_row(status: str, seconds: float = 1, **more: Any) -> dict[str, Any]:
    return {"call_id": "c1", "survey": "csat", "occurrence": 1, "status": status, "at": at(seconds), **more}


def read(url: str, table: str) -> list[dict[str, Any]]:
    found = schema.metadata.tables[table]
    with make_engine(url).connect() as connection:
        return [dict(row) for row in connection.execute(select(found).order_by(*found.primary_key)).mappings()]


class Signal:
    """Collects what a recorder tells, and waits until it told enough."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.alarms: list[tuple[str, str]] = []

    def alarm(self, name: str, detail: str) -> None:
        with self._changed:
            self.alarms.append((name, detail))
            self._changed.notify_all()

    def wait(self, name: str, timeout_s: float = 60) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(a[0] == name for a in self.alarms), timeout_s), self.alarms


def until(test: Callable[[], object], timeout_s: float = 60) -> None:
    """Waits for another thread, looking again whenever 2 ms have passed."""
    never, tries = threading.Event(), int(timeout_s / 0.002)
    for _ in range(tries):
        if test():
            return
        never.wait(0.002)
    raise AssertionError("it did not happen in time")


def recorder(url: str, folder: Path, **more: Any) -> Recorder:
    return Recorder(url, folder / "spool", **{"backoff": QUICK, "group_ms": 1, **more})


def stored(url: str, folder: Path, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """The rows, in the database: a busy one may have had them spooled first."""
    one = recorder(url, folder)
    for table, row in rows:
        one.put(table, row)
    assert one.flush()
    until(lambda: not one.spool_pending)
    assert one.close()
    assert one.stats.dead_lettered == 0
