"""Rows: what a host hands over becomes a tuple of plain values, clean enough for both databases and for the spool.

Law: pure. Values are text, integers, floats or None; times are UTC text ("2026-11-22 10:00:00.123456"), which both
databases read, the one because it stores just that, the other because its session is in UTC. Preparing a prepared
row changes nothing, so the spool may hold either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Integer, String, Table

from ivr.store import schema

#: What hosts call a table, and which one it is.
TABLES: Final[dict[str, Table]] = {
    "call": schema.call,
    "program": schema.program,
    "call_state": schema.call_state,
    "attempt": schema.attempt,
    "answer": schema.answer,
    "run": schema.survey_run,
    "survey_run": schema.survey_run,
    "survey_definition": schema.survey_definition,
    "survey_question": schema.survey_question,
    "survey_quota": schema.survey_quota,
    "launch": schema.launch,
    "quota": schema.quota_complete,
    "quota_complete": schema.quota_complete,
    "outbox": schema.outbox,
    "dnc": schema.dnc,
    "reached": schema.campaign_contact,
    "campaign_contact": schema.campaign_contact,
}
#: How far a survey has come. A later one never goes back to an earlier one; of two ends the first stays.
RANKS: Final[dict[str, int]] = {
    "begun": 0,
    "partial": 1,
    "resumed": 2,  # another call goes on with it
    "complete": 3,
    "screened_out": 3,
    "quota_full": 3,
    "refused": 3,
}

_INT_LIMIT: Final = 2**31
_encode = json.JSONEncoder(ensure_ascii=False).encode


class BadRow(ValueError):
    """The row can never be stored; the message says which column and why."""


Prepared = tuple[str, tuple[Any, ...]]
#: What a recorder takes: a row, or what makes one, ready or not.
Row = Mapping[str, Any] | Callable[[], Mapping[str, Any] | Prepared]


@dataclass(frozen=True)
class _Shape:
    """A table's columns, and which of them are what."""

    columns: tuple[str, ...]
    keys: tuple[int, ...]
    texts: tuple[int, ...]
    integers: tuple[int, ...]
    times: tuple[int, ...]


def _shape(table: Table) -> _Shape:
    columns = list(table.columns)

    def those(test: Callable[[Any], bool]) -> tuple[int, ...]:
        return tuple(i for i, column in enumerate(columns) if test(column))

    return _Shape(
        tuple(c.name for c in columns),
        those(lambda c: c.primary_key),
        those(lambda c: isinstance(c.type, String)),
        those(lambda c: isinstance(c.type, Integer)),
        those(lambda c: isinstance(c.type, schema.UtcDateTime)),
    )


_SHAPES: Final = {t.name: _shape(t) for t in TABLES.values()}
COLUMNS: Final[dict[str, tuple[str, ...]]] = {name: shape.columns for name, shape in _SHAPES.items()}


def prepare(table: str, row: Mapping[str, Any]) -> Prepared:
    """The table's real name and one value for each of ``COLUMNS[name]``. Keys that are no column are left out.

    Raises BadRow.
    """
    known = TABLES.get(table)
    if known is None:
        raise BadRow(f"no table {table!r}; there are {', '.join(TABLES)}")
    name = known.name
    if name in _DERIVE:
        row = _DERIVE[name](row)
    shape = _SHAPES[name]
    values: list[Any] = list(map(row.get, shape.columns))
    # Nearly every text of every row is short and ASCII: one look at all of them together, measured at half the cost.
    try:
        texts = "".join([values[i] or "" for i in shape.texts])
        simple = len(texts) <= schema.KEY_LENGTH * 2 and _plain(texts)
    except TypeError:
        simple = False
    if not simple:
        for i in shape.texts:
            if values[i] is not None:
                text = clean(_text(name, shape.columns[i], values[i]))
                values[i] = text if shape.columns[i] == "json" else text[: schema.TEXT_LENGTH]
    for i in shape.keys:
        _check_key(name, shape.columns[i], values[i])
    for i in shape.integers:
        value = values[i]
        if value is not None and (type(value) is not int or not -_INT_LIMIT <= value < _INT_LIMIT):
            raise BadRow(f"{name}.{shape.columns[i]} must be a whole number of 32 bits, not {_kind_of(value)}")
    for i in shape.times:
        value = values[i]
        if type(value) is datetime and value.tzinfo is UTC:
            values[i] = value.isoformat(" ", "microseconds")[:26]
        elif value is not None:
            values[i] = _time(name, shape.columns[i], value)
    return name, tuple(values)


def of_attempt(saved: Mapping[str, Any], call_id: str, started_us: int) -> Prepared:
    """What ``prepare`` makes of an attempt that the machine saves, without asking what the machine is sure of.

    ``started_us``: when the machine's clock read 0, in microseconds since 1970. Texts that are not short and plain go
    the long way.
    """
    question, node, keys, survey, language = (
        saved["question"],
        saved["node"],
        saved["keys"],
        saved["survey"],
        saved["language"],
    )
    began, ended = stamp(started_us + saved["started_ms"] * 1000), stamp(started_us + saved["ended_ms"] * 1000)
    if not call_id or not question or not _short(call_id, question, node, keys or "", survey, language):
        return prepare("attempt", {**saved, "call_id": call_id, "started_at": began, "ended_at": ended})
    return "attempt", (
        call_id,
        question,
        saved["occurrence"],
        saved["attempt"],
        node,
        saved["outcome"],
        keys,
        saved["key_count"],
        saved["timer"],
        survey,
        language,
        began,
        ended,
    )


def of_answer(saved: Mapping[str, Any], call_id: str, started_us: int) -> Prepared:
    """The same of an answer. Only a text that was keyed in goes the short way."""
    question, value, keys, survey, language = (
        saved["question"],
        saved["value"],
        saved["keys"],
        saved["survey"],
        saved["language"],
    )
    at = stamp(started_us + saved["at_ms"] * 1000)
    plain = type(value) is str and call_id and question and saved["missing"] is None
    if not plain or not _short(call_id, question, value, keys or "", survey, language):
        return prepare("answer", {**saved, "call_id": call_id, "at": at})
    occurrence, run = saved["occurrence"], saved["run"]
    return "answer", (call_id, question, occurrence, survey, value, None, keys, language, None, run, at)


def _short(*texts: str) -> bool:
    joined = "".join(texts)
    return len(joined) <= schema.KEY_LENGTH and _plain(joined)


_minute: tuple[int, str] = (-1, "")
_SECONDS: Final = tuple(f"{second:02}." for second in range(60))


def stamp(us: int) -> str:
    """Microseconds since 1970 as UTC text. Most come from the same minute as the one before."""
    global _minute
    minute, rest = us // 60_000_000, us % 60_000_000
    known = _minute
    if known[0] != minute:
        known = _minute = (minute, datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%d %H:%M:"))
    return known[1] + _SECONDS[rest // 1_000_000] + str(1_000_000 + rest % 1_000_000)[1:]


def _plain(text: str) -> bool:
    return text.isascii() and "\0" not in text


def clean(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and without lone surrogates, which no encoding takes (row 84)."""
    if _plain(text):
        return text
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(table: str, column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise BadRow(f"{table}.{column} must be text, not {_kind_of(value)}")


def _kind_of(value: Any) -> str:
    """What a message says of a value: messages are logged, and a row holds what callers said."""
    return f"a {type(value).__name__}"


def _check_key(table: str, column: str, value: Any) -> None:
    if value is None or value == "":
        raise BadRow(f"{table}.{column} is part of the key and must not be empty")
    if type(value) is str and len(value) > schema.KEY_LENGTH:
        raise BadRow(f"{table}.{column} must have at most {schema.KEY_LENGTH} characters, not {len(value)}")


def _time(table: str, column: str, value: Any) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise BadRow(f"{table}.{column} is not a time") from None
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise BadRow(f"{table}.{column} must be a datetime with a zone, not {_kind_of(value)}")
    return utc_text(value)


def utc_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
    value = row.get("value")
    if value is None or "value_number" in row:
        return row
    number: float | None = None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = None
        if number is not None and not math.isfinite(number):
            number = None
    if isinstance(value, str):
        text = value
    elif type(value) is int:
        text = str(value)
    else:
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise BadRow(f"answer.value is no JSON value: {error}") from None
    return {**row, "value": text, "value_number": number}


def _call(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if row.get("status") is not None:
        return row
    return {**row, "status": "live" if row.get("ended_at") is None else "ended"}


def _run(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if row.get("status") not in RANKS:
        raise BadRow(f"survey_run.status must be one of {', '.join(RANKS)}, not {row.get('status')!r}")
    if row["status"] == "begun" and "begun_at" not in row:
        return {**row, "begun_at": row.get("at")}
    return row


def _with_json(row: Mapping[str, Any]) -> Mapping[str, Any]:
    body = row.get("json")
    return row if body is None or isinstance(body, str) else {**row, "json": _encode(body)}


_DERIVE: Final = {
    "program": _with_json,
    "call_state": _with_json,
    "answer": _answer,
    "call": _call,
    "survey_run": _run,
    "survey_definition": _with_json,
    "outbox": _with_json,
}
