"""Wide: one row a run, one column a question; a multiple has a column an option, a ranking a column a place.

Law: no files and no databases. Why a value is missing stands in a column of its own, never among the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from ivr.results.export.codebook import NUMBERS, Codebook, listed, missing_codes
from ivr.results.export.long import number
from ivr.results.export.source import WIDE_RUN, Row, moment
from ivr.survey.definition import QuestionDef

#: Columns of every run, in front of its questions; name -> what it is.
RUN_COLUMNS: Final = {
    **dict.fromkeys(("call_id", "respondent", "survey", "launch", "definition", "status", "language"), "text"),
    **dict.fromkeys(("begun_at", "ended_at"), "time"),
    **dict.fromkeys(("agent", "queue", "flow", "last_question"), "text"),
    **dict.fromkeys(("answered", "asked", "run"), "whole"),
    "resumed_from": "text",
}
_AT: Final = {name: n for n, name in enumerate(WIDE_RUN)}
_QUESTION: Final = len(WIDE_RUN)
MISSING_TITLE: Final = "why there is no value"


@dataclass(frozen=True)
class Column:
    """``part``: "" the value, "option", "place" (of a ranking) or "missing"."""

    name: str
    title: str
    type: str  # text | number | whole | flag (0 or 1) | time | date
    question: QuestionDef | None = None
    part: str = ""
    value: str = ""  # of an option
    place: int = 0


@dataclass
class Wide:
    """What makes wide rows of the rows of ``source.runs``."""

    codebook: Codebook
    respondent: Callable[[str], str]
    columns: list[Column] = field(init=False)
    _slots: dict[str, tuple[QuestionDef, dict[str, int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = [Column(name, name, kind) for name, kind in RUN_COLUMNS.items()]
        taken = {column.name for column in self.columns}
        self._slots = {}
        for question in self.codebook.questions():
            slots: dict[str, int] = {}
            for key, column in self._of(question):
                slots[key] = len(self.columns)
                self.columns.append(_named_once(column, taken))
            self._slots[question.id] = (question, slots)

    def _of(self, question: QuestionDef) -> Iterator[tuple[str, Column]]:
        """(slot, column): a slot is "" for the value, "=option", "#place" or "?"."""
        title = question.title(self.codebook.language)
        if question.kind == "multiple":
            for value in question.values:
                label = self.codebook.text(value.label) or str(value.value)
                name = f"{question.id}__{value.value}"
                yield f"={value.value}", Column(name, f"{title}: {label}", "flag", question, "option", str(value.value))
        elif question.kind == "ranking":
            for place in range(1, (question.choose[1] if question.choose else len(question.values)) + 1):
                yield (
                    f"#{place}",
                    Column(f"{question.id}__{place}", f"{title}: {place}", "text", question, "place", "", place),
                )
        else:
            kind = "number" if question.kind in NUMBERS else "date" if question.kind == "date" else "text"
            yield "", Column(question.id, title, kind, question)
        if missing_codes(question) or question.id in self.codebook.undefined:
            yield "?", Column(f"{question.id}__missing", f"{title}: {MISSING_TITLE}", "text", question, "missing")

    def records(self, rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
        """One for each run, by ``columns``."""
        for _run, group in groupby(rows, key=lambda row: (row[0], row[1], row[2])):
            yield self._record(group)

    def _record(self, group: Iterator[Row]) -> tuple[Any, ...]:
        cells: list[Any] = [None] * len(self.columns)
        for n, row in enumerate(group):
            if n == 0:
                cells[: len(RUN_COLUMNS)] = self._run(row)
            if row[_QUESTION]:
                self._answer(cells, *row[_QUESTION : _QUESTION + 4])
        return tuple(cells)

    def _run(self, row: Row) -> list[Any]:
        def cell(name: str, kind: str) -> Any:
            if name == "respondent":
                return self.respondent(row[_AT["caller"]] or "") or None
            raw = row[_AT[name]]
            if raw is None or raw == "":
                return None
            return int(raw) if kind == "whole" else moment(raw) if kind == "time" else raw

        return [cell(name, kind) for name, kind in RUN_COLUMNS.items()]

    def _answer(self, cells: list[Any], ident: str, value: str | None, value_number: Any, missing: str | None) -> None:
        question, slots = self._slots.get(ident, (None, {}))
        if question is None:
            return  # of another survey's definition: a run has only questions of its own
        for slot in slots.values():  # a later answer replaces an earlier one, whole
            cells[slot] = None
        if "?" in slots:
            cells[slots["?"]] = missing or None
        if missing or not value:
            return
        if question.kind == "multiple":
            chosen = set(listed(value))
            for key, slot in slots.items():
                if key[0] == "=":
                    cells[slot] = int(key[1:] in chosen)
        elif question.kind == "ranking":
            for place, one in enumerate(listed(value), 1):
                if f"#{place}" in slots:
                    cells[slots[f"#{place}"]] = one
        else:
            slot = slots[""]
            cells[slot] = number(value_number) if self.columns[slot].type == "number" else value


def _named_once(column: Column, taken: set[str]) -> Column:
    """Names that are there already get a number: a question may be called `status`."""
    name, n = column.name, 1
    while name in taken:
        n += 1
        name = f"{column.name}_{n}"
    taken.add(name)
    return column if name == column.name else Column(**{**column.__dict__, "name": name})
