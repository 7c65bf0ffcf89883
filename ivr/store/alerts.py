"""Alerts in the store: the outbox, read and ticked off.

Law: rows are written by the recorder; here they are only read, and marked as done once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, update

from ivr.store.masking import mask
from ivr.store.schema import call, outbox


@dataclass(frozen=True)
class Alert:
    call_id: str
    survey: str
    occurrence: int
    alert: str
    kind: str  # notify | call_back
    caller: str
    told: dict[str, Any]  # answers, agent, queue
    at: datetime | None
    done_at: datetime | None


def read(engine: Engine, *, done: bool = False, unmask: bool = False) -> list[Alert]:
    """The oldest first; ``done``: those that are dealt with too. Raises the database's errors."""
    query = select(outbox, call.c.caller).join_from(outbox, call, outbox.c.call_id == call.c.call_id, isouter=True)
    if not done:
        query = query.where(outbox.c.done_at.is_(None))
    with engine.connect().execution_options(read_only=True) as connection:
        rows = connection.execute(query.order_by(outbox.c.at, outbox.c.call_id, outbox.c.alert)).mappings().all()
    return [_alert(row, unmask) for row in rows]


def _alert(row: Any, unmask: bool) -> Alert:
    caller = row["caller"] or ""
    return Alert(
        row["call_id"],
        row["survey"],
        row["occurrence"],
        row["alert"],
        row["kind"],
        caller if unmask else mask(caller),
        json.loads(row["json"] or "{}"),
        row["at"],
        row["done_at"],
    )


class SeveralCalls(ValueError):
    """The beginning of a call's id that several calls share; their ids are its arguments."""


def close(engine: Engine, call_id: str, alert: str, at: datetime) -> int:
    """Marks it as done, where it is open; gives how many there were (a call may have asked a survey twice).

    ``call_id`` may be the beginning of one; raises SeveralCalls where that is not one call.
    """
    open_ = (outbox.c.alert == alert, outbox.c.done_at.is_(None))
    begins = outbox.c.call_id.startswith(call_id, autoescape=True)
    with engine.begin() as connection:
        found = sorted(connection.scalars(select(outbox.c.call_id).where(begins, *open_).distinct()))
        if call_id in found:
            found = [call_id]
        if len(found) > 1:
            raise SeveralCalls(*found)
        these = (outbox.c.call_id.in_(found), *open_)
        return int(connection.execute(update(outbox).where(*these).values(done_at=at)).rowcount)
