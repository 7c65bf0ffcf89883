"""What is too old goes, what can be counted stays, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine
from storetools import attempt_row, call_row, read, run_row, stored

from ivr.cli.main import main
from ivr.store import retain, views
from ivr.store.engine import make_engine
from ivr.survey.definition import Definition, QuestionDef

NOW = datetime.now(UTC).replace(microsecond=0)
SHORT = Definition("short", "", ("en",), (QuestionDef("q1", "scale", {}, low=1, high=5),), keep_days=30)
KEPT = Definition("kept", "", ("en",), (QuestionDef("q1", "scale", {}, low=1, high=5),))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def call(name: str, days: float, *runs: Definition | None) -> list[tuple[str, dict[str, Any]]]:
    """A call so many days ago, with one run of each; None is a question outside of surveys."""
    begun, done = ago(days), ago(days) + timedelta(seconds=60)
    rows = [("call", call_row(name, started_at=begun, ended_at=done))]
    for definition in runs:
        survey = definition.survey if definition else ""
        question = f"q_{survey}"
        given = {"call_id": name, "question": question, "survey": survey, "occurrence": 1, "run": 1 if survey else None}
        rows += [
            ("attempt", attempt_row(1, name, question=question, survey=survey, started_at=begun, ended_at=done)),
            ("answer", {**given, "value": f"{name}-{survey}.wav", "keys": "1", "at": begun}),
            ("answer", {**given, "value": "2", "keys": "2", "at": done}),
            (
                "answer",
                {**given, "question": question + "v", "value": f"{name}-{survey}-2.wav", "keys": "", "at": done},
            ),
        ]
        if definition:
            own = {"call_id": name, "survey": survey, "definition": definition.hash, "begun_at": begun, "at": done}
            rows.append(("run", run_row("complete", **{**own, "asked": 2, "answered": 2, "agent": "ann"})))
            rows.append(("outbox", {"call_id": name, "survey": survey, "occurrence": 1, "alert": "a", "json": {}}))
    return rows


CALLS = [
    *call("old-short", 31, SHORT),
    *call("new-short", 29, SHORT),
    *call("old-kept", 99, KEPT),
    *call("both", 31, SHORT, KEPT),
    *call("outside", 31, None),
    *call("old-outside", 101, None),
    *call("mixed", 101, SHORT, None),
    *call("ancient", 101, KEPT),
]
ALL = ["ancient", "both", "mixed", "new-short", "old-kept", "old-outside", "old-short", "outside"]

#: default -> (calls that keep answers, those that keep the caller's number, recordings that are left)
CASES: dict[int, tuple[list[str], list[str], int]] = {
    0: (
        ["ancient", "both", "mixed", "new-short", "old-kept", "old-outside", "outside"],
        ["ancient", "both", "new-short", "old-kept", "old-outside", "outside"],
        14,
    ),
    100: (["both", "new-short", "old-kept", "outside"], ["both", "new-short", "old-kept", "outside"], 8),
}


@pytest.fixture
def filled(database: str, tmp_path: Path) -> Engine:
    definitions = []
    for definition in (SHORT, KEPT):
        told = {"hash": definition.hash, "survey": definition.survey, "version": "", "title": ""}
        definitions.append(("survey_definition", {**told, "json": definition.to_json(), "first_seen": ago(200)}))
    stored(database, tmp_path, [*definitions, *CALLS])
    (tmp_path / "recordings").mkdir()
    for table, row in CALLS:
        if table == "answer" and row["value"].endswith(".wav"):
            (tmp_path / "recordings" / row["value"]).write_bytes(b"RIFF")
    return make_engine(database)


def calls_in(database: str, table: str) -> list[str]:
    return sorted({row["call_id"] for row in read(database, table)})


@pytest.mark.parametrize("batch", [1, 3, 200])
@pytest.mark.parametrize("days", CASES)
def test_fault_103_what_is_too_old_goes(
    database: str, filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, batch: int
) -> None:
    monkeypatch.setattr(retain, "BATCH", batch)
    runs = read(database, "survey_run")
    made = retain.rules(filled, NOW, days)
    recordings, steps = tmp_path / "recordings", []
    expected = retain.due(filled, made)
    dry = retain.retain(filled, made, recordings, dry_run=True)
    assert calls_in(database, "answer") == ALL
    done = retain.retain(filled, made, recordings, step=steps.append)
    answers, numbers, sounds = CASES[days]
    for table in ("answer", "answer_history", "attempt"):
        assert calls_in(database, table) == answers, table
    assert sorted(row["call_id"] for row in read(database, "call") if row["caller"]) == numbers
    assert len(list(recordings.iterdir())) == sounds
    assert calls_in(database, "outbox") == [
        c for c in answers if c not in ("old-outside", "outside") and (c, days) != ("mixed", 0)
    ]
    assert read(database, "survey_run") == runs, "counts stay"
    assert len(read(database, "call")) == len(ALL)
    assert (dry.rows, dry.recordings, dry.runs) == (done.rows, done.recordings, done.runs)
    assert sum(steps) == done.runs + done.calls
    assert expected <= sum(steps)
    again = retain.retain(filled, made, recordings)
    assert (again.runs, again.calls, again.recordings, sum(again.rows.values())) == (0, 0, 0, 0)
    views.refresh(filled)
    with filled.connect() as connection:
        counted = connection.exec_driver_sql("SELECT count(*), sum(answered) FROM v_runs WHERE counted = 1").one()
    assert tuple(counted) == (len(runs), 2 * len(runs))


def test_of_one_call_with_two_surveys_only_the_old_one_goes(database: str, filled: Engine, tmp_path: Path) -> None:
    retain.retain(filled, retain.rules(filled, NOW, 0), tmp_path / "recordings")
    assert {row["survey"] for row in read(database, "answer") if row["call_id"] == "both"} == {"kept"}
    assert {row["survey"] for row in read(database, "attempt") if row["call_id"] == "both"} == {"kept"}


def test_a_name_that_leads_out_of_the_folder_is_no_recording(database: str, filled: Engine, tmp_path: Path) -> None:
    (tmp_path / "old-short-x").mkdir()
    outside = tmp_path / "kept.wav"
    outside.write_bytes(b"RIFF")
    (tmp_path / "recordings" / "old-short-x").mkdir()
    with filled.begin() as connection:
        value = "old-short-x/../../kept.wav"
        connection.exec_driver_sql(f"UPDATE answer SET value = '{value}' WHERE call_id = 'old-short'")
    retain.retain(filled, retain.rules(filled, NOW, 0), tmp_path / "recordings")
    assert outside.exists()
    assert "old-short" not in calls_in(database, "answer")


def test_rules_are_those_of_the_definitions(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql("INSERT INTO survey_definition (hash, survey, json) VALUES ('x', 's', '{')")
    assert retain.rules(filled, NOW, 0) == [retain.Rule(ago(30), (SHORT.hash,))]
    assert retain.rules(filled, NOW, 400) == [
        retain.Rule(ago(30), (SHORT.hash,)),
        retain.Rule(ago(400), None, (SHORT.hash,)),
    ]


def test_ivr_retain(database: str, filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "callweave.yaml").write_text("data: {keep: 100d}\n")
    monkeypatch.setenv("CALLWEAVE_CONFIG", str(tmp_path / "callweave.yaml"))

    def typed(*words: str) -> str:
        done = CliRunner().invoke(main, ["retain", "--db", database, *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert "would be removed" in typed("--dry-run")
    assert calls_in(database, "answer") == ALL
    assert "recordings: 12" in typed()
    assert calls_in(database, "answer") == CASES[100][0]
    (tmp_path / "callweave.yaml").write_text("")
    with filled.begin() as connection:
        connection.exec_driver_sql("UPDATE survey_definition SET json = " + repr(json.dumps(KEPT.to_json())))
    assert "Nothing has an end" in typed()
