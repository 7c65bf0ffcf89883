"""Long: one row an answer, as records and, for text formats, as ready lines.

Law: no files and no databases. What answers have in common is made once: the ends of a line for each run, its middle
for each question and value. So ten million answers cost little more than reading them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ivr.results.cells import safe_cell
from ivr.results.export.codebook import Codebook
from ivr.results.export.source import CHUNK, Answers, Row, iso, moment

COLUMNS: Final = (
    *("call_id", "respondent", "survey", "launch", "definition", "status"),
    *("question", "title", "value", "value_number", "label", "missing", "language"),
    *("at", "agent", "queue", "flow", "run", "occurrence"),
)
_HEAD, _MIDDLE, _TAIL = COLUMNS[:6], COLUMNS[6:13], COLUMNS[14:18]
#: So many runs, and so many different answers, are remembered.
_REMEMBERED: Final = 20_000

Cells = Sequence[Any]


@dataclass
class Long:
    """What makes long rows of the rows of ``source.answers``."""

    codebook: Codebook
    respondent: Callable[[str], str]

    def run(self, run: Row) -> Cells:
        """What stands between the respondent and the question."""
        survey, _number, launch, status, _agent, _queue, _flow, definition = run
        return (survey, launch, definition, status)

    def middle(self, definition: str, given: Row) -> Cells:
        question, value, raw, missing, language = given
        title = self.codebook.title(definition, question)
        label = self.codebook.label(definition, question, value)
        return (question, title, value, number(raw), label, missing, language)

    def tail(self, run: Row) -> Cells:
        _survey, number, _launch, _status, agent, queue, flow, _definition = run
        return (agent, queue, flow, int(number))

    def records(self, answers: Answers) -> Iterator[tuple[Any, ...]]:
        """All of COLUMNS: times aware, what is none None."""
        for call_id, caller, said, text in answers.rows:
            if not text:
                continue
            run = answers.cells(said)
            head, tail = (call_id, self.respondent(caller or ""), *self.run(run)), self.tail(run)
            for given, raw, nth in answers.pieces(text):
                middle = self.middle(run[-1], answers.cells(given))
                found = (*head, *middle, moment(raw), *tail, int(nth))
                yield tuple(None if cell == "" else cell for cell in found)


def number(raw: Any) -> float | int | None:
    """A number as it is written: whole ones without a point."""
    if raw is None or raw == "":
        return None
    found = float(raw)
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


@dataclass(frozen=True)
class Text:
    """How a text format writes some columns of a row, and what is around and between them."""

    cells: Callable[[Sequence[str], Cells], str]
    begin: str
    between: str
    at: str  # in front of the time
    after_at: str
    no_at: str
    occurrence: str  # in front of it
    end: str


def csv_cells(_names: Sequence[str], cells: Cells) -> str:
    return ",".join([csv_cell(cell) for cell in cells])


#: Neither to be guarded nor quoted; most cells are.
_plain: Final = re.compile(r"\w(?:[\w .:;/()?'-]*\w)?").fullmatch


def csv_cell(cell: Any) -> str:
    """Quoted where it must be; what a spreadsheet would run, guarded."""
    if cell is None or cell == "":
        return ""
    if not isinstance(cell, str):
        return str(cell)
    if _plain(cell):
        return cell
    text: str = safe_cell(cell)
    if '"' in text or "," in text or "\n" in text or "\r" in text or text[:1] == " " or text[-1:] == " ":
        return '"' + text.replace('"', '""') + '"'
    return text


_encode = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=_REMEMBERED, typed=True)
def json_cell(cell: Any) -> str:
    return "null" if cell == "" else _encode(cell)


def json_cells(names: Sequence[str], cells: Cells) -> str:
    return ", ".join([f'"{name}": {json_cell(cell)}' for name, cell in zip(names, cells, strict=True)])


CSV: Final = Text(csv_cells, "", ",", "", "", "", "", "\n")
JSON_LINES: Final = Text(json_cells, "{", ", ", '"at": "', '"', '"at": null', '"occurrence": ', "}\n")


def lines(answers: Answers, long: Long, text: Text) -> Iterator[tuple[str, int]]:
    """Some thousand lines in one text, and how many they are."""
    ends: dict[str, tuple[str, str, dict[str, str]]] = {}
    middles: dict[str, dict[str, str]] = {}  # of each definition
    first, named = text.begin, long.respondent
    begin, end, last, no_time = text.at, text.after_at, text.end, text.no_at
    made: list[str] = []
    for call_id, caller, run, together in answers.rows:
        if not together:
            continue
        both = ends.get(run)
        if both is None:
            if len(ends) >= _REMEMBERED:
                ends.clear()
            said = answers.cells(run)
            both = ends[run] = (*_ends(long, text, said), middles.setdefault(said[-1], {}))
        common, tail, known = both
        head = f"{first}{text.cells(_HEAD[:2], (call_id, named(caller or '')))}{common}"
        for given, raw, nth in answers.pieces(together):
            middle = known.get(given)
            if middle is None:
                if len(known) >= _REMEMBERED:
                    known.clear()
                middle = known[given] = _middle(long, text, answers.cells(run)[-1], answers.cells(given))
            if len(raw) > 22:
                made.append(f"{head}{middle}{begin}{raw[:10]}T{raw[11:23]}+00:00{end}{tail}{nth}{last}")
            else:
                at = f"{begin}{iso(raw)}{end}" if raw else no_time
                made.append(f"{head}{middle}{at}{tail}{nth}{last}")
        if len(made) >= CHUNK:
            yield "".join(made), len(made)
            made = []
    if made:
        yield "".join(made), len(made)


def _ends(long: Long, text: Text, run: Row) -> tuple[str, str]:
    """What stands before and behind the answers of a run, without its call and its caller."""
    common, tail = text.cells(_HEAD[2:], long.run(run)), text.cells(_TAIL, long.tail(run))
    return f"{text.between}{common}{text.between}", f"{text.between}{tail}{text.between}{text.occurrence}"


def _middle(long: Long, text: Text, definition: str, given: Row) -> str:
    found = tuple(long.middle(definition, given))
    question, own = _common(text, _MIDDLE[:2], found[:2]), text.cells(_MIDDLE[2:], found[2:])
    return f"{question}{text.between}{own}{text.between}"


@lru_cache(maxsize=_REMEMBERED)
def _common(text: Text, names: tuple[str, ...], cells: tuple[Any, ...]) -> str:
    return text.cells(names, cells)
