"""The journal of one call: what the machine asks to be kept becomes rows for the recorder.

Law: adds who, where and when (UTC) to Save effects, opens and closes the call's own row; never waits for a database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from ivr.core.effects import End, Save
from ivr.core.program import Collect, Program
from ivr.core.state import CallState
from ivr.store.rows import Row, of_answer, of_attempt

Put = Callable[[str, Row], Any]
_NOT_HERE: Final = {"SWITCH_LOST": "switch-lost", "TRANSFERRED": "transferred"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The scope of a number that no campaign calls: a key column is never empty.
EVERY_CAMPAIGN: Final = "-"
_TIMES: Final = {"started_ms": "started_at", "ended_ms": "ended_at", "at_ms": "at"}


def person(facts: Mapping[str, Any]) -> str:
    """The number of the person on the line: whom a campaign called, or who called."""
    return str(facts.get("contact.number") or facts["caller.number"])


class Journal:
    """``put(table, row)`` takes rows or what makes them; ``started_at``: aware, when the machine's clock read 0.

    ``normal(number)``: how a number is written on lists, where every spelling of it has to be found.
    """

    def __init__(
        self, put: Put, call_id: str, started_at: datetime, normal: Callable[[str], str] = lambda number: number
    ) -> None:
        self._put, self._call_id, self._started_at, self._normal = put, call_id, started_at, normal
        self._started_us = (started_at - _EPOCH) // timedelta(microseconds=1)

    def begin(self, program: Program, caller: str, called: str, language: str) -> None:
        row = {
            "call_id": self._call_id,
            "flow": program.flow,
            "program_hash": program.hash,
            "caller": caller,
            "called": called,
            "language": language,
            "started_at": self._started_at,
        }
        self._put("call", row)

    def save(self, effect: Save) -> None:
        if effect.table == "attempt":
            self._put("attempt", partial(of_attempt, effect.row, self._call_id, self._started_us))
        elif effect.table == "answer":
            self._put("answer", partial(of_answer, effect.row, self._call_id, self._started_us))
        elif effect.table == "opt_out":
            self._put("dnc", partial(_opted_out, effect.row, self._call_id, self._started_at, self._normal))
        else:
            self._put(effect.table, partial(_row, effect.row, self._call_id, self._started_at))

    def checkpoint(self, program: Program, state: CallState) -> None:
        """Where the call is, at each new prompt: what another worker needs to go on.

        A secret is never written, so a call does not go on beyond one: it is asked for again.
        """
        first = program.variables
        if any(state.variables.get(name) not in (None, "", first.get(name)) for name in program.secrets):
            return
        node = program.nodes.get(state.node)
        if not (isinstance(node, Collect) and node.secret and state.phase == "confirm"):
            self._put("call_state", partial(_state_row, program, state, self._started_at))

    def end(self, effect: End, ended_at: datetime, language: str) -> None:
        """A call that the switch lost, or that somebody took away, was ended by neither the caller nor the flow."""
        by = _NOT_HERE.get(effect.cause, effect.by)
        row = {
            "call_id": self._call_id,
            "ended_at": ended_at,
            "ended_by": by,
            "end_node": effect.node,
            "cause": effect.cause,
            "language": language,
        }
        self._put("call", row)
        if by != "switch-lost":  # the caller may still be there, on the way to another worker
            self._put("call_state", {"call_id": self._call_id, "json": "", "at": ended_at})


# Called by the writer, in its own thread and many together: the call itself does as little as it can. What they are
# given never changes: an effect's row is the machine's last word, and a state is only ever replaced.


def _row(saved: Mapping[str, Any], call_id: str, started_at: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {"call_id": call_id}
    for name, value in saved.items():
        if name in _TIMES:
            row[_TIMES[name]] = started_at + timedelta(milliseconds=value)
        else:
            row[name] = value
    return row


def _opted_out(
    saved: Mapping[str, Any], call_id: str, started_at: datetime, normal: Callable[[str], str]
) -> dict[str, Any]:
    return {
        "scope": saved["campaign"] or EVERY_CAMPAIGN,
        "number": normal(saved["number"]),
        "is_prefix": 0,
        "reason": "opt_out",
        "source": call_id,
        "at": started_at + timedelta(milliseconds=saved["at_ms"]),
    }


def _state_row(program: Program, state: CallState, started_at: datetime) -> dict[str, Any]:
    # What was typed and not used yet could be a secret, and is gone with the host that heard it anyway.
    plain = state.to_json()
    for name in ("typed", "entry", "swallow"):
        plain.pop(name, None)
    if program.secrets:
        plain["variables"] = {k: v for k, v in state.variables.items() if k not in program.secrets}
    at = started_at + timedelta(milliseconds=state.now_ms)
    return {"call_id": state.call_id, "program_hash": program.hash, "json": plain, "at": at}
