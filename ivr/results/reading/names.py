"""Names: what a run can be narrowed and grouped by, as columns of SQL and as values of the language's conditions.

Law: knows where each name is kept, and what its stored text means; asks the database nothing. A question's id is a
name, and so is ``<question>.missing``; a question that is called as one of RUN_NAMES hides it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ivr.results.reading.book import ReadingError, meant
from ivr.survey.definition import Definition, QuestionDef

#: Facts of a run that are no question's.
RUN_NAMES: Final = (
    "agent",
    "queue",
    "flow",
    "launch",
    "language",
    "status",
    "version",
    "day",
    "week",
    "month",
    "hour",
)
#: What the figures themselves group by; nobody writes them.
_INNER: Final = ("quarter", "last_question", "asked", "answered")
_CLOCK: Final = ("day", "week", "month", "hour")
#: Every zone's clock differs from UTC by so many whole pieces, so that one count serves all of them.
QUARTER_S: Final = 900
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Name:
    """``column`` names what SQL has to deliver: a run's column, ``quarter``, or ``value:<q>`` and ``missing:<q>``."""

    name: str
    column: str
    decode: Callable[[Any], Any]
    question: QuestionDef | None = None  # whose answer it is


class Names:
    """The names of one survey; ``zone`` is where its clock hangs."""

    def __init__(self, definition: Definition, zone: ZoneInfo) -> None:
        self._definition, self._zone = definition, zone
        self._known: dict[str, Name] = {}

    def all(self) -> list[str]:
        questions = [question.id for question in self._definition.questions]
        return [*questions, *(f"{question}.missing" for question in questions), *RUN_NAMES]

    def __getitem__(self, name: str) -> Name:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._find(name)
        return found

    def _find(self, name: str) -> Name:
        question = self._definition.question(name)
        if question is not None:
            return Name(name, f"value:{name}", value_decoder(question), question)
        base = name.removesuffix(".missing")
        if base != name and self._definition.question(base) is not None:
            return Name(name, f"missing:{base}", _as_it_is)
        if name in _CLOCK:
            zone = self._zone
            return Name(name, "quarter", lambda quarter: _on_the_clock(name, quarter, zone))
        if name in RUN_NAMES:
            return Name(name, name, _text)
        if name in _INNER:
            return Name(name, name, _as_it_is)
        raise ReadingError(f"{self._definition.survey} has no name {name!r}; {meant(name, self.all())}")


def _as_it_is(value: Any) -> Any:
    return value


def _text(value: Any) -> Any:
    return value or None


def moment_of(quarter: int) -> datetime:
    """When a quarter of an hour began, counted from 1970."""
    return _EPOCH + timedelta(seconds=int(quarter) * QUARTER_S)


def _on_the_clock(name: str, quarter: int | None, zone: ZoneInfo) -> Any:
    if quarter is None:
        return None
    local = moment_of(quarter).astimezone(zone)
    if name == "hour":
        return local.hour
    if name == "week":
        year, week, _ = local.isocalendar()
        return f"{year:04d}-W{week:02d}"
    return local.strftime("%Y-%m-%d" if name == "day" else "%Y-%m")


def value_decoder(question: QuestionDef) -> Callable[[str | None], Any]:
    """The stored text of an answer as the value that it was."""
    if question.kind in ("scale", "number", "amount"):
        return _number
    if question.kind in ("multiple", "ranking"):
        return _list
    return _as_it_is


def _number(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _list(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def shown(value: Any) -> str:
    """A value as the head of a column or a row says it."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def label_of(question: QuestionDef | None, value: Any, language: str = "") -> str:
    """The label of an option, in ``language`` or the first it has; else the value itself."""
    for known in question.values if question else ():
        if str(known.value) == str(value) and known.label:
            return known.label.get(language) or next(iter(known.label.values()))
    return shown(value)


def variables(names: Mapping[str, Name], columns: Mapping[str, int], row: Any) -> dict[str, Any]:
    """The names' values in one row of SQL."""
    return {name: known.decode(row[columns[known.column]]) for name, known in names.items()}
