"""Problems: what is wrong with a file, where exactly, and what to write instead.

Law: knows positions and words, nothing of the grammar. A problem points at a file, a line and a column (both from
1, columns in characters) and carries the source line itself, so that it can be shown long after the file changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from unicodedata import combining, east_asian_width

if TYPE_CHECKING:
    from ivr.lang.source import Node, Source


MAX_SHOWN = 160  # characters of a source line


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    severity: str  # error | warning
    file: str
    line: int
    column: int
    message: str
    hint: str = ""  # what to do about it
    source_line: str = ""
    length: int = 1  # characters under the caret

    def __str__(self) -> str:
        warning = "warning: " if self.severity == "warning" else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.code} {warning}{self.message}{hint}"

    def excerpt(self) -> str:
        """The source line with a caret under the place; "" when the file has no such line."""
        if not self.source_line.strip():
            return ""
        line, column, length = self.source_line.replace("\t", " "), self.column - 1, self.length
        if len(line) > MAX_SHOWN:  # a window of it, with the place in the first third
            begin = max(0, min(column - MAX_SHOWN // 3, len(line) - MAX_SHOWN))
            line, column = line[begin : begin + MAX_SHOWN], column - begin
        before, marked = line[:column], line[column:][:length]
        return f"    {line}\n    {' ' * _width(before)}^{'~' * (_width(marked) - 1)}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _width(text: str) -> int:
    """Columns that ``text`` takes on a terminal: Chinese characters are two wide."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


class Problems:
    """Collects the problems of one run, over all the files that it reads."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.errors = 0

    def add(
        self,
        code: str,
        source: Source,
        node: Node | None,
        message: str,
        hint: str = "",
        *,
        part: str = "",
        warning: bool = False,
    ) -> None:
        """One problem at ``node`` of ``source``, or at ``part``, a piece of the node's text, where that is found."""
        line, column, length = _place(source, node, part)
        self.errors += not warning
        text = source.lines[line] if line < len(source.lines) else ""
        severity = "warning" if warning else "error"
        self.found.append(Problem(code, severity, source.file, line + 1, column + 1, message, hint, text, length))

    def sorted(self) -> tuple[Problem, ...]:
        """By place; the same thing said of the same place once."""
        unique = dict.fromkeys(self.found)
        return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code)))


def _place(source: Source, node: Node | None, part: str) -> tuple[int, int, int]:
    """Line and column from 0, and length."""
    if node is None:
        return 0, 0, 1
    start, end = node.start, node.end
    if part:
        # A name stands alone: "no" is not the beginning of "now".
        inner = re.compile(rf"(?<![\w.]){re.escape(part)}(?!\w)" if part[0].isalnum() else re.escape(part))
        for n in range(start.line, min(end.line + 1, len(source.lines))):
            hit = inner.search(source.lines[n], start.column if n == start.line else 0)
            if hit:
                return n, hit.start(), max(1, hit.end() - hit.start())
    if start.line == end.line:
        return start.line, start.column, max(1, end.column - start.column)
    line = source.lines[start.line] if start.line < len(source.lines) else ""
    return start.line, start.column, max(1, len(line.rstrip()) - start.column)


def meant(word: str, known: Iterable[str]) -> str:
    """``did you mean "x"?``, or nothing when no known word is near."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else ""


def undeclared(name: str, near: str, file: str) -> str:
    """What to do about an unknown name with a dot: no step sets such a name, so it is a fact that is not declared."""
    declare = f"add it to `facts` at the top of the {file}, as in `facts: [{name[:60]}]`"
    return (
        f'did you mean "{near}"? If the call brings {name[:60]}, {declare}'
        if near
        else f"if the call brings {name[:60]}, {declare}"
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like ``word``, or ""."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(word.lower()[:80], names, 1, 0.6)
    return names[near[0]] if near else ""


def quoted(text: str, limit: int = 40) -> str:
    """``text`` as a message shows it: in quotes, on one line, not too long."""
    text = " ".join(text.split())
    return f'"{text[: limit - 1]}…"' if len(text) > limit else f'"{text}"'
