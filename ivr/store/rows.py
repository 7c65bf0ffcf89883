"""Rows: what a host hands over becomes a tuple of plain values, clean enough for both databases and for the spool.

Law: pure. Values are text, integers, floats or None; times are UTC text ("2026-11-22 10:00:00.123456"), which both
databases read, the one because it stores just that, the other because its session is in UTC. Preparing a prepared
row changes nothing, so the spool may hold either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Integer, Table

from ivr.store import schema

#: What hosts call a table, and which one it is.
TABLES: dict[str, Table] = {
    "call": schema.call,
    "program": schema.program,
    "attempt": schema.attempt,
    "answer": schema.answer,
    "run": schema.survey_run,
    "survey_run": schema.survey_run,
}

_KEY, _TEXT, _JSON, _INT, _TIME, _FLOAT, _KEY_INT = range(7)
_INT_LIMIT = 2**31


class BadRow(ValueError):
    """The row can never be stored; the message says which column and why."""


Prepared = tuple[str, tuple[Any, ...]]


def _kind(column: Any) -> int:
    if isinstance(column.type, schema.UtcDateTime):
        return _TIME
    if isinstance(column.type, Integer):
        return _KEY_INT if column.primary_key else _INT
    if column.name == "value_number":
        return _FLOAT
    if column.name == "json":
        return _JSON
    return _KEY if column.primary_key else _TEXT


COLUMNS: dict[str, tuple[str, ...]] = {t.name: tuple(c.name for c in t.columns) for t in TABLES.values()}
_KINDS = {t.name: tuple((c.name, _kind(c)) for c in t.columns) for t in TABLES.values()}


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
    values: list[Any] = []
    get = row.get
    for column, kind in _KINDS[name]:
        value = get(column)
        if value is None:
            if kind in (_KEY, _KEY_INT):
                raise BadRow(f"{name}.{column} is part of the key and must not be empty")
        elif kind == _TEXT:
            if type(value) is not str or len(value) > schema.TEXT_LENGTH or not _plain(value):
                value = clean(_text(name, column, value))[: schema.TEXT_LENGTH]
        elif kind == _KEY:
            value = _key(name, column, value)
        elif kind == _TIME:
            value = _time(name, column, value)
        elif kind == _FLOAT:
            value = float(value)
        elif kind == _JSON:
            value = clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        elif type(value) is not int or not -_INT_LIMIT <= value < _INT_LIMIT:
            raise BadRow(f"{name}.{column} must be a whole number of 32 bits, not {value!r}")
        values.append(value)
    return name, tuple(values)


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
    raise BadRow(f"{table}.{column} must be text, not {value!r}")


def _key(table: str, column: str, value: Any) -> str:
    text = clean(_text(table, column, value))
    if not text or len(text) > schema.KEY_LENGTH:
        raise BadRow(f"{table}.{column} must have 1 to {schema.KEY_LENGTH} characters, not {len(text)}")
    return text


def _time(table: str, column: str, value: Any) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise BadRow(f"{table}.{column} is not a time: {value!r}") from None
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise BadRow(f"{table}.{column} must be a datetime with a zone, not {value!r}")
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
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = None
        if number is not None and not math.isfinite(number):
            number = None
    if isinstance(value, str):
        text = value
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
    if row.get("status") not in ("begun", "partial", "complete"):
        raise BadRow(f"survey_run.status must be begun, partial or complete, not {row.get('status')!r}")
    if row["status"] == "begun" and "begun_at" not in row:
        return {**row, "begun_at": row.get("at")}
    return row


_DERIVE = {"answer": _answer, "call": _call, "survey_run": _run}
