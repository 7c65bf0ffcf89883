"""What the tests of exports share: a small questionnaire with everything in it, and a reader for each format."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
from openpyxl.utils.escape import unescape
from storetools import T0, at, until

from ivr.results.export import files
from ivr.results.export.selection import Selection
from ivr.results.queries import reading
from ivr.store.engine import make_engine
from ivr.store.recorder import Recorder
from ivr.survey.definition import Definition, QuestionDef, Value

BOTH = {"refused": "*", "dont_know": "0"}
COLOURS = (Value("red", "1", {"en": "red, the colour", "zh": "红"}), Value("blue", "2", {"en": "=blue", "zh": "蓝"}))


def definition(version: str = "1", more: Sequence[QuestionDef] = ()) -> Definition:
    questions = (
        QuestionDef("overall", "scale", {"en": "How was it?"}, measure="csat", low=1, high=5, missing=BOTH),
        QuestionDef("colour", "choice", {"en": "Which colour?", "zh": "颜色"}, values=COLOURS, missing=BOTH),
        QuestionDef("liked", "multiple", {"en": "Which do you like?"}, values=COLOURS, missing={"refused": "*"}),
        QuestionDef("ranked", "ranking", {"en": "Which first?"}, values=COLOURS, choose=(2, 2)),
        QuestionDef("day", "date", {"en": "Which day?"}, missing={"refused": "*"}),
        QuestionDef("paid", "amount", {"en": "How much?"}, low=0, high=100, decimals=2, missing=BOTH),
        QuestionDef("status", "code", {"en": "Your number?"}),
        QuestionDef("words", "voice", {"en": '+Say "it"'}),
    )
    return Definition("colours", "Colours of things", ("en", "zh"), (*questions, *more), version)


def store(url: str, folder: Path, calls: dict[str, dict[str, Any]]) -> None:
    """``calls``: call_id -> {status, answers: {question: value or (missing,)}, columns of the call and the run}."""
    recorder = Recorder(url, folder / "spool")
    stored: set[str] = set()
    for n, (call_id, told) in enumerate(calls.items()):
        asked = told.get("definition", definition())
        if asked.hash not in stored:
            stored.add(asked.hash)
            row = {"hash": asked.hash, "survey": asked.survey, "title": asked.title, "json": asked.to_json()}
            recorder.put("survey_definition", {**row, "first_seen": at(n)})
        call = {"flow": "paint", "caller": f"1380013{n:04}", "language": "en", "started_at": at(100 * n)}
        recorder.put("call", {"call_id": call_id, **call, "ended_at": at(100 * n + 90), **told.get("call", {})})
        run = {"call_id": call_id, "survey": "colours", "occurrence": 1, "status": told.get("status", "complete")}
        times = {"begun_at": at(100 * n), "at": at(100 * n + 80)}
        recorder.put("run", {**run, **times, "definition": asked.hash, "launch": "", **told.get("run", {})})
        for second, (question, value) in enumerate(told.get("answers", {}).items()):
            missing = value[0] if isinstance(value, tuple) else None
            row = {"call_id": call_id, "question": question, "occurrence": 1, "survey": "colours", "run": 1}
            row |= {"value": None if missing else value, "missing": missing, "keys": "1", "language": "en"}
            recorder.put("answer", {**row, "at": T0 + timedelta(seconds=100 * n + second, microseconds=1500 * second)})
    until(lambda: recorder.stats.stored == recorder.stats.rows, 30)
    assert recorder.close()
    assert not recorder.stats.dead_lettered


COLOURED = Selection(survey="colours")


def export(url: str, out: Path | str, selection: Selection = COLOURED, **more: Any) -> int:
    engine = make_engine(url)
    try:
        with reading(engine) as connection:
            return files.export(connection, selection, str(out), files.Options(**more))
    finally:
        engine.dispose()


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file by another program's reader, by column."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return found
    sheet = openpyxl.load_workbook(path, read_only=True)["answers"]
    heads, *lines = sheet.iter_rows(values_only=True)
    told = [[unescape(cell) if isinstance(cell, str) else cell for cell in line] for line in lines]
    return [dict(zip(heads, line, strict=True)) for line in told]
