"""A call that came back while its old connection hangs half-open (faults 31 and 33 together).

A switch loses its power, is started again and `recover`s its calls: the new conversation takes the call over and ends
it. The worker gives the old connection up only then (a reply's 10 s, 60 s of probes), and what it stores of the old
conversation's end comes after the real one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from storetools import at, attempt_row, call_row, read, recorder, run_row


def end(seconds: float, by: str, cause: str) -> dict[str, Any]:
    return {"call_id": "c1", "ended_at": at(seconds), "ended_by": by, "end_node": "bye", "cause": cause}


LOST = end(90, "switch-lost", "SWITCH_LOST")
#: What was stored, the row that comes late, and what must stay of it.
LATE: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any], dict[str, Any]]] = {
    "the end of the call": (
        "call",
        [call_row(), end(60, "caller", "NORMAL_CLEARING")],
        LOST,
        {"ended_by": "caller", "cause": "NORMAL_CLEARING", "ended_at": at(60)},
    ),
    "an attempt that was made again": (
        "attempt",
        [attempt_row(outcome="digits", keys="4", ended_at=at(50))],
        attempt_row(outcome="hangup", keys="", key_count=0, ended_at=at(90)),
        {"outcome": "digits", "keys": "4"},
    ),
    "the questionnaire": (
        "run",
        [run_row("begun", 1), run_row("partial", 60, last_question="visits", answered=1, asked=2)],
        run_row("partial", 90, last_question="overall", answered=0, asked=1),
        {"status": "partial", "last_question": "visits", "answered": 1, "asked": 2},
    ),
}


@pytest.mark.parametrize("what", LATE)
def test_rows_31_33_what_an_old_connection_stores_late_changes_nothing(
    database: str, tmp_path: Path, what: str
) -> None:
    table, before, late, stays = LATE[what]
    store = recorder(database, tmp_path)
    for row in (*before, late):
        store.put(table, row)
    assert store.close()
    (row,) = read(database, {"run": "survey_run"}.get(table, table))
    assert {name: row[name] for name in stays} == stays


def test_rows_31_33_a_call_that_was_lost_and_went_on_ends_as_it_ended(database: str, tmp_path: Path) -> None:
    store = recorder(database, tmp_path)
    for row in (call_row(), LOST, end(120, "flow", "NORMAL_CLEARING")):
        store.put("call", row)
    assert store.close()
    (row,) = read(database, "call")
    assert (row["ended_by"], row["ended_at"]) == ("flow", at(120))
