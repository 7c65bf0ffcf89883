"""No bytes end `ivr check` with a traceback: the examples, cut, shuffled and spoilt in many ways (fault 112)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from ivr.core.program import Program
from ivr.lang.check import CheckResult, check_file
from ivr.lang.codes import CODES
from ivr.lang.project import Project
from ivr.lang.source import Source, parse

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "flows").glob("*.yaml")), *sorted((ROOT / "surveys").glob("*.yaml"))]
FILES += sorted((ROOT / "tests" / "golden" / "check").glob("*.yaml"))
ROUNDS = 60
WORDS = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "-",
    "#",
    "*",
    "&",
    "!",
    "|",
    ">",
    "'",
    '"',
    "%",
    "@",
    "`",
    "\t",
    "\n",
    "~",
    "?",
    "<<:",
    "---",
    "...",
    "{{",
    "}}",
    "\u2028",
    "\x00",
    "\u3000",
    "null",
    "true",
    "1",
    "012",
    "12:30",
    "repeat",
    "hang_up",
    "goto",
    "say",
    "menu",
    "keys",
    "when",
    "n>1",
    "9**9",
    "x.__class__",
    "1..5",
    "5..1",
    "5s",
    "#:",
    "*:",
    "[[[[",
    "&a",
    "*a",
    "!!str",
    "@end",
    "a.b",
    "你好",
    "\ufeff",
    "language",
    "digits",
]


class Held(Project):
    """A project whose one file is held in memory."""

    data = b""

    def load(self, path: Path) -> Source:
        if path.name != "held.yaml":
            return super().load(path)
        source = Source("held.yaml")
        parse(source, self.data)
        return source


def spoil(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.randint(1, 4)):
        lines = data.split(b"\n")
        n, m = chance.randrange(len(lines)), chance.randrange(len(lines))
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(9)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif kind == 2:
            data = data[:at] + chance.choice(WORDS).encode() + data[at:]
        elif kind == 3:
            data = data[:at] + data[at + chance.randint(1, 20) :]
        elif kind == 4:
            lines[n], lines[m] = lines[m], lines[n]
            data = b"\n".join(lines)
        elif kind == 5:
            lines.insert(n, lines[m])
            data = b"\n".join(lines)
        elif kind == 6:
            lines[n] = b" " * chance.randint(0, 8) + lines[n].lstrip()
            data = b"\n".join(lines)
        else:
            # One value or key becomes something else: the file stays YAML more often.
            before, colon, _ = lines[n].partition(b": ")
            lines[n] = before + colon + chance.choice(WORDS).encode() if colon else lines[n]
            data = b"\n".join(lines)
    return data


def sound(result: CheckResult) -> None:
    """What holds of every result."""
    for problem in result.problems:
        assert problem.code in CODES
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.length >= 1
        assert problem.message
        problem.excerpt()
        json.dumps(problem.to_json())
    if result.program is not None:
        assert result.ok
        again = Program.from_json(json.loads(json.dumps(result.program.to_json())))
        assert again == result.program
        steps = set(result.program.nodes)
        assert {result.program.start, result.program.error} <= steps


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_row_112_spoilt_files_get_words(path: Path) -> None:
    chance = random.Random(path.name)
    data = path.read_bytes()
    for _ in range(ROUNDS if path.parent.name in ("flows", "surveys") else ROUNDS // 4):
        project = Held(ROOT)
        project.data = spoil(chance, data)
        sound(check_file(path.with_name("held.yaml"), project))
