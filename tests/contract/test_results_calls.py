"""The surveys of each listed call, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.results.queries import Run, Scope, reading, recent_calls
from ivr.store.engine import make_engine
from ivr.store.recorder import Recorder

T0 = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

LISTED = [
    # what is asked for, how many calls at most, and each call with its surveys in the order they began
    (Scope(), 9, {"c": (), "b": (Run("nps", "partial"),), "a": (Run("nps", "complete"), Run("csat", "partial"))}),
    (Scope(), 2, {"c": (), "b": (Run("nps", "partial"),)}),
    (Scope(survey="csat"), 9, {"a": (Run("csat", "partial"),)}),
    (Scope(flow="x"), 9, {}),
]


@pytest.mark.parametrize(("scope", "limit", "listed"), LISTED)
def test_calls_with_their_surveys(
    database: str, tmp_path: Path, scope: Scope, limit: int, listed: dict[str, tuple[Run, ...]]
) -> None:
    recorder = Recorder(database, tmp_path / "spool")
    for n, call in enumerate("abc"):
        started = T0 + timedelta(minutes=n)
        recorder.put("call", {"call_id": call, "flow": "f", "started_at": started, "ended_at": T0 + timedelta(hours=1)})
    for call, survey, status, at in (
        ("a", "nps", "complete", 1),
        ("a", "csat", "partial", 2),
        ("b", "nps", "begun", 3),
    ):
        moment = T0 + timedelta(seconds=at)
        row = {"call_id": call, "survey": survey, "occurrence": 1, "begun_at": moment, "at": moment, "status": status}
        recorder.put("run", row)
    assert recorder.close()
    engine = make_engine(database)
    try:
        with reading(engine) as connection:
            found = recent_calls(connection, scope, limit=limit)
    finally:
        engine.dispose()
    assert [(line.call_id, line.runs) for line in found] == list(listed.items())
