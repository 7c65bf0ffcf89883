"""Takeover: what another worker needs to go on with a call whose worker died.

Law: reads; what becomes of the call is the host's and the machine's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, or_, select

from ivr.store import schema


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A call that was going on: its program and state as JSON values, and when it began."""

    program: dict[str, Any]
    state: dict[str, Any]
    started_at: datetime


def unfinished(engine: Engine, call_id: str) -> Unfinished | None:
    """The call's last known place; None when it is not known here, or over.

    A call that its worker lost ("switch-lost") is not over: the caller may be on the way here.
    Raises the database's errors.
    """
    state, call, program = schema.call_state, schema.call, schema.program
    query = (
        select(state.c.json, program.c.json, call.c.started_at)
        .join_from(state, call, state.c.call_id == call.c.call_id)
        .join(program, program.c.hash == state.c.program_hash)
        .where(state.c.call_id == call_id, or_(call.c.ended_at.is_(None), call.c.ended_by == "switch-lost"))
    )
    with engine.connect().execution_options(read_only=True) as connection:
        row = connection.execute(query).first()
    if row is None or not row[0]:
        return None
    return Unfinished(json.loads(row[1]), json.loads(row[0]), row[2])
