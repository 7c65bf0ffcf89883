"""A small questionnaire of every kind, and fourteen runs of it, whose figures can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.results import queries
from ivr.results.reading.book import open_book
from ivr.results.reading.reader import Reader, Selection
from ivr.store.engine import make_engine
from ivr.store.rows import prepare
from ivr.store.write import Database
from ivr.survey.definition import Definition, QuestionDef, Value

MONDAY = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)  # 2026-W19
EVERYBODY = Selection()

QUESTIONS = (
    QuestionDef(
        "overall",
        "scale",
        {"en": "How satisfied are you?", "zh": "您满意吗？"},
        measure="csat",
        low=1,
        high=5,
        values=tuple(Value(n, str(n)) for n in range(1, 6)),
        missing={"refused": "*"},
    ),
    QuestionDef(
        "region", "choice", {"en": "Where?"}, values=(Value("north", "1", {"en": "North"}), Value("south", "2"))
    ),
    QuestionDef("used", "multiple", {"en": "What?"}, values=tuple(Value(v, v) for v in ("web", "app", "shop"))),
    QuestionDef("best", "ranking", {"en": "Rank"}, values=tuple(Value(v, v) for v in ("price", "speed"))),
    QuestionDef("spent", "amount", {"en": "Spent?"}, low=0, high=1000, decimals=2),
    QuestionDef("bought", "date", {"en": "When?"}),
    QuestionDef("said", "voice", {"en": "Say it"}, when="overall <= 2"),
)
DEFINITION = Definition("aftercare", "Follow-up", ("en", "zh"), QUESTIONS, version="1")

#: agent, day (0: the Monday), status, last question, asked, answered, answers
RUNS: tuple[tuple[str, int, str, str, int, int, dict[str, Any]], ...] = (
    ("ann", 0, "complete", "bought", 6, 6, {"overall": 5, "region": "north", "used": ["web", "app"], "spent": 10.0}),
    ("ann", 1, "complete", "bought", 6, 6, {"overall": 4, "region": "north", "used": ["web"], "spent": 20.0}),
    ("ann", 2, "complete", "bought", 6, 6, {"overall": 4, "region": "south", "used": ["shop"], "spent": 30.0}),
    ("ann", 7, "complete", "bought", 6, 6, {"overall": 3, "region": "north", "best": ["price", "speed"]}),
    (
        "bob",
        7,
        "complete",
        "bought",
        6,
        6,
        {"overall": 2, "region": "south", "best": ["speed", "price"], "said": "a.wav"},
    ),
    ("bob", 7, "complete", "bought", 6, 6, {"overall": 1, "region": "south", "best": ["speed"], "said": "b.wav"}),
    ("bob", 8, "complete", "bought", 6, 6, {"overall": "refused", "region": "south", "bought": "2026-01-31"}),
    ("bob", 8, "partial", "used", 3, 2, {"overall": 5, "region": "north", "bought": "2026-03-01"}),
    ("bob", 8, "partial", "bought", 6, 5, {"overall": 5, "bought": "2026-02-10"}),
    ("bob", 9, "partial", "overall", 1, 0, {}),
    ("", 9, "screened_out", "overall", 1, 1, {"overall": 4}),
    ("", 9, "quota_full", "", 0, 0, {}),
    ("", 9, "refused", "", 0, 0, {}),
    ("", 9, "resumed", "overall", 1, 1, {"overall": 1}),
)


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    body = json.dumps(DEFINITION.to_json())
    plan = {"hash": DEFINITION.hash, "survey": "aftercare", "version": "1", "title": "Follow-up", "json": body}
    yield "survey_definition", {**plan, "first_seen": MONDAY}
    yield "launch", {"launch": "spring", "survey": "aftercare", "definition": DEFINITION.hash, "created_at": MONDAY}
    for number, (agent, day, status, last, asked, answered, answers) in enumerate(RUNS):
        start, call_id = MONDAY + timedelta(days=day, hours=number), f"c{number:02}"
        end = start + timedelta(minutes=5)
        call = {"call_id": call_id, "flow": "line", "language": "en" if number % 2 else "zh"}
        yield "call", {**call, "caller": "13800138000", "started_at": start, "ended_at": end}
        run = {"call_id": call_id, "survey": "aftercare", "occurrence": 1, "agent": agent or None}
        run |= {"definition": DEFINITION.hash, "launch": "spring" if number < 3 else None}
        yield "run", {**run, "status": "begun", "at": start}
        if last and "overall" not in answers:
            yield "attempt", _attempt(call_id, "overall", 1, "hangup", start, 9)
        for question, value in answers.items():
            missing = value if value in ("refused", "dont_know") else None
            row = {"call_id": call_id, "question": question, "occurrence": 1, "run": 1, "survey": "aftercare"}
            row |= {"value": None if missing else value, "missing": missing, "keys": "1", "at": start}
            yield "answer", row
            if question == "overall" and value == 5:
                yield "attempt", _attempt(call_id, question, 1, "noinput", start, 10)
                yield "attempt", _attempt(call_id, question, 2, "nomatch", start + timedelta(seconds=10), 4)
                yield "attempt", _attempt(call_id, question, 3, "digits", start + timedelta(seconds=14), 6)
            else:
                yield "attempt", _attempt(call_id, question, 1, "digits", start, 8)
        end_row = {"status": status, "last_question": last, "asked": asked, "answered": answered}
        yield "run", {**run, **end_row, "at": end}


def _attempt(call_id: str, question: str, number: int, outcome: str, start: datetime, took_s: float) -> dict[str, Any]:
    row = {"call_id": call_id, "question": question, "occurrence": 1, "attempt": number, "survey": "aftercare"}
    times = {"started_at": start, "ended_at": start + timedelta(seconds=took_s)}
    return {**row, "outcome": outcome, "keys": "", "key_count": 0, **times}


def fill(url: str) -> None:
    database = Database(make_engine(url))
    database.write([prepare(table, row) for table, row in rows()])


@contextmanager
def reading(url: str, selection: Selection = EVERYBODY, name: str = "aftercare") -> Iterator[Reader]:
    with queries.reading(make_engine(url)) as connection:
        yield Reader(connection, open_book(connection, name), selection)
