"""Report: what became of a spreadsheet, row by row.

Law: plain data. A place is written as a spreadsheet shows it, ``survey!D12``. With one error nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

#: How a line stands to the result -> what it means; the order is that of the report.
KINDS: Final[dict[str, str]] = {
    "error": "must be mended in the spreadsheet; nothing is written",
    "lost": "is not in the questionnaire",
    "changed": "is asked otherwise than the form says",
    "note": "is as it should be, and worth knowing",
}


@dataclass(frozen=True)
class Line:
    place: str
    kind: str  # one of KINDS
    message: str
    name: str = ""  # of the question or choice


@dataclass
class Report:
    lines: list[Line] = field(default_factory=list)
    taken: int = 0  # questions, of which the questionnaire has one each
    rows: int = 0  # of the survey sheet
    _known: set[Line] = field(default_factory=set, repr=False)

    def _add(self, kind: str, place: str, message: str, name: str) -> None:
        line = Line(place, kind, message, name)
        if line not in self._known:
            self._known.add(line)
            self.lines.append(line)

    def error(self, place: str, message: str, name: str = "") -> None:
        self._add("error", place, message, name)

    def lost(self, place: str, message: str, name: str = "") -> None:
        self._add("lost", place, message, name)

    def changed(self, place: str, message: str, name: str = "") -> None:
        self._add("changed", place, message, name)

    def note(self, place: str, message: str, name: str = "") -> None:
        self._add("note", place, message, name)

    def count(self, kind: str) -> int:
        return sum(line.kind == kind for line in self.lines)

    @property
    def ok(self) -> bool:
        return not self.count("error")
