"""What a row must be, and what becomes of one (row 84: rejected with its reason)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from storetools import answer_row, attempt_row, call_row, run_row

from ivr.store.engine import DatabaseUrlError, parse_url, shown_url
from ivr.store.rows import COLUMNS, BadRow, of_answer, of_attempt, prepare

BAD = {
    "no such table": ("nonsense", {}),
    "no key": ("call", {"flow": "hotline"}),
    "empty key": ("call", call_row("")),
    "long key": ("call", call_row("x" * 201)),
    "key of another type": ("call", call_row(7)),  # type: ignore[arg-type]
    "text of another type": ("call", call_row(flow=7)),
    "number of another type": ("attempt", attempt_row(key_count="4")),
    "true is no number": ("attempt", attempt_row(key_count=True)),
    "number too large": ("attempt", attempt_row(key_count=2**31)),
    "time without a zone": ("call", call_row(started_at=datetime(2026, 1, 1))),
    "time of another type": ("call", call_row(started_at=7)),
    "text that is no time": ("call", call_row(started_at="noon")),
    "value that is no JSON": ("answer", answer_row(object())),
    "status of a run": ("run", run_row("done")),
}


@pytest.mark.parametrize("name", BAD)
def test_row_84_a_row_that_can_never_be_stored_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(BadRow, match=r"must|no table|is not a time|no JSON"):
        prepare(*BAD[name])


#: What a machine may save, odd texts among it: the short way and the long one must come to the same row.
SAVED: dict[str, dict[str, Any]] = {
    "an answer": {},
    "a secret": {"keys": None, "value": None},
    "nothing pressed": {"keys": "", "outcome": "noinput", "key_count": 0},
    "a number": {"value": 4},
    "a number with a fraction": {"value": 4.25},
    "Chinese": {"question": "满意度", "node": "问"},
    "a NUL": {"value": "a\0b"},
    "half a character": {"value": "\ud800"},
    "a long text": {"value": "x" * 20_000},
    "before the call began": {"started_ms": -5, "ended_ms": -1, "at_ms": -1},
    "refused": {"value": None, "keys": "9", "missing": "refused"},
    "outside of a survey": {"survey": "", "run": None},
    "days later": {"started_ms": 1, "ended_ms": 250_000_000, "at_ms": 250_000_000},
}


@pytest.mark.parametrize("name", SAVED)
def test_a_row_made_by_column_is_the_row_made_by_name(name: str) -> None:
    began = datetime(2026, 2, 28, 23, 59, 58, 999_877, tzinfo=UTC)
    began_us = (began - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    attempt = {
        **{"node": "rate.q1", "question": "q1", "occurrence": 1, "attempt": 2, "outcome": "digits", "keys": "4"},
        **{
            "key_count": 1,
            "timer": "first",
            "survey": "csat",
            "language": "en",
            "started_ms": 1001,
            "ended_ms": 61_002,
        },
    }
    answer = {
        **{"question": "q1", "occurrence": 1, "survey": "csat", "value": "4", "keys": "4", "language": "en"},
        **{"missing": None, "run": 1, "at_ms": 61_002},
    }

    def at(saved: dict[str, Any], name: str) -> datetime:
        return began + timedelta(milliseconds=saved[name])

    changed = SAVED[name]
    attempt |= {key: value for key, value in changed.items() if key in attempt}
    answer |= {key: value for key, value in changed.items() if key in answer}
    times = {"started_at": at(attempt, "started_ms"), "ended_at": at(attempt, "ended_ms")}
    assert of_attempt(attempt, "c1", began_us) == prepare("attempt", {**attempt, "call_id": "c1", **times})
    made = {**answer, "call_id": "c1", "at": at(answer, "at_ms")}
    assert of_answer(answer, "c1", began_us) == prepare("answer", made)


def test_row_84_a_call_without_a_name_is_refused_on_the_short_way_too() -> None:
    with pytest.raises(BadRow, match=r"call_id .* must not be empty"):
        of_answer(
            {
                "question": "q",
                "occurrence": 1,
                "survey": "",
                "value": "4",
                "keys": "4",
                "language": "en",
                "at_ms": 0,
                "missing": None,
                "run": None,
            },
            "",
            0,
        )


VALUES: list[tuple[Any, str | None, float | None]] = [
    (4, "4", 4.0),
    (4.5, "4.5", 4.5),
    ("4", "4", None),
    ("中文", "中文", None),
    (True, "true", None),
    (["a", 1], '["a", 1]', None),
    (10**400, str(10**400), None),
    (float("inf"), "Infinity", None),
    (None, None, None),
]


@pytest.mark.parametrize(("value", "text", "number"), VALUES, ids=range(len(VALUES)))
def test_an_answer_is_text_and_a_number_where_it_is_one(value: Any, text: str | None, number: float | None) -> None:
    row = dict(zip(COLUMNS["answer"], prepare("answer", answer_row(value))[1], strict=True))
    assert (row["value"], row["value_number"]) == (text, number)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("call", call_row(started_at=datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))))),
        ("call", call_row(ended_at="2026-01-01 00:00:00.000001")),
        ("answer", answer_row([1, "\0x"])),
        ("run", run_row("begun")),
        ("program", {"hash": "ab", "json": {"a": "é"}, "first_seen": datetime(2026, 1, 1, tzinfo=UTC)}),
    ],
)
def test_preparing_twice_changes_nothing(table: str, row: dict[str, Any]) -> None:
    name, values = prepare(table, row)
    assert prepare(name, dict(zip(COLUMNS[name], values, strict=True))) == (name, values)


def test_times_become_utc_text() -> None:
    begun = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    row = dict(zip(COLUMNS["call"], prepare("call", call_row(started_at=begun))[1], strict=True))
    assert row["started_at"] == "2026-01-01 00:00:00.000000"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://u:secret@h/d", "postgresql+psycopg"),
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg"),
        ("sqlite:///x.db", "sqlite+pysqlite"),
    ],
)
def test_urls_get_their_driver_and_are_shown_without_password(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver
    assert "secret" not in shown_url(url)
    assert "+" not in shown_url(url)


@pytest.mark.parametrize(
    "url", ["", "x.db", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql+psycopg2://h/d"]
)
def test_urls_that_cannot_be_meant_are_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="sqlite:///"):
        parse_url(url)
