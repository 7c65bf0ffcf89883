"""A Program drawn: boxes and arrows, and their text in Mermaid or DOT.

Law: a pure function of the Program; runs no program and reads no file. Every label is quoted for the notation it is
written in, so nothing a designer says can become part of the drawing's own language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ivr.core.program import (
    END,
    REPEAT,
    Assign,
    Branch,
    CallBack,
    Collect,
    Detect,
    HangUp,
    Node,
    OptOut,
    Program,
    Prompt,
    Queue,
    Record,
    Say,
    SetVars,
    Shuffle,
    SurveyMark,
    Transfer,
    Way,
)

#: Text columns of a line in a box (a CJK character takes two), and lines of what is said there.
WIDTH, LINES = 34, 2
#: What a line may be broken after: a word and its space, or a CJK character and the punctuation that clings to it.
_WORD = re.compile(r"(?:[^\s\u2e80-\uffff]+|[\u2e80-\uffff])[，。、；：？！）」』”’]*\s*")
START, FAILURE = "@start", "@failure"


@dataclass(frozen=True, slots=True)
class Box:
    name: str
    shape: str  # point | say | menu | ask | choice | step | person | record | mark | end
    title: str
    text: tuple[str, ...] = ()
    group: str = ""  # boxes of one group are framed together


@dataclass(frozen=True, slots=True)
class Arrow:
    tail: str
    head: str
    label: str = ""
    dashed: bool = False  # where silence, wrong keys and failures lead


@dataclass(frozen=True, slots=True)
class Diagram:
    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    groups: dict[str, str]  # group -> its title


def draw(program: Program, lang: str = "") -> Diagram:
    """Every step a caller can reach, in the order the flow goes; texts in ``lang`` (default: the first language)."""
    lang = lang or program.languages[0]
    arrows: list[Arrow] = [Arrow(START, program.start)]
    boxes: dict[str, Box] = {START: Box(START, "point", "")}
    groups: dict[str, str] = {}
    waiting = [program.start]
    if program.error not in (END, ""):
        boxes[FAILURE] = Box(FAILURE, "point", "")
        arrows.append(Arrow(FAILURE, program.error, "failure", True))
        waiting.append(program.error)
    while waiting:
        name = waiting.pop(0)
        if name in boxes or name not in program.nodes:
            continue
        node = program.nodes[name]
        group = _group(program, name)
        if group:
            mark = program.nodes[group]
            groups[group] = f"survey {mark.survey}" if isinstance(mark, SurveyMark) else group
        boxes[name] = _box(program, name, node, lang, group)
        for arrow in _merged(list(_arrows(name, node))):
            arrows.append(arrow)
            waiting.append(arrow.head)
    return Diagram(program.title or program.flow, tuple(boxes.values()), tuple(arrows), groups)


def _group(program: Program, name: str) -> str:
    """The survey step that ``name`` belongs to, "" none: a survey step compiles to ``step`` and ``step.…``."""
    step = name.split(".")[0]
    inside = isinstance(program.nodes.get(step), SurveyMark)
    return step if inside else ""


# -- boxes -------------------------------------------------------------------------------------------------


def _box(program: Program, name: str, node: Node, lang: str, group: str) -> Box:
    said = _said(program, getattr(node, "prompts", ()), lang)
    match node:
        case Say():
            return Box(name, "say", _title(name), said, group)
        case Collect():
            shape = "menu" if node.ways else "ask"
            notes = () if node.ways else (_entry(node),)
            return Box(name, shape, _title(name), (*said, *notes), group)
        case SetVars():
            return Box(name, "step", _title(name), tuple(_assigned(a) for a in node.set), group)
        case Branch():
            return Box(name, "choice", _title(name), (), group)
        case Transfer():
            return Box(name, "person", _title(name), (*said, f"connect to {node.destination}"), group)
        case Queue():
            return Box(name, "person", _title(name), (*said, f"queue {node.queue}"), group)
        case Record():
            return Box(name, "record", _title(name), (*said, f"record up to {node.limit_ms / 1000:g} s"), group)
        case SurveyMark():
            return Box(name, "mark", f"{node.survey}: {node.mark}", (), group)
        case Detect():
            return Box(name, "choice", _title(name), ("a person, or a machine?",), group)
        case OptOut():
            return Box(name, "step", _title(name), ("do not call again",), group)
        case CallBack():
            when = f"at {node.at}" if node.at else f"after {node.after_ms / 3_600_000:g} h"
            return Box(name, "step", _title(name), (f"call back {when}",), group)
        case Shuffle():
            return Box(name, "mark", f"{len(node.entries)} in random order", (), group)
        case HangUp():
            return Box(name, "end", "hang up" if name == END else _title(name), said, group)


def _title(name: str) -> str:
    return name.removesuffix(".@when") + "?" if name.endswith(".@when") else name.replace("@", "")


def _entry(node: Collect) -> str:
    few = f"{node.min_keys}" if node.min_keys == node.max_keys else f"{node.min_keys} to {node.max_keys}"
    keys = f"{few} key{'s' if node.max_keys > 1 else ''}{', then ' + node.end if node.end else ''}"
    return f"{keys} → {node.into}{' (secret)' if node.secret else ''}" if node.into else keys


def _said(program: Program, prompts: tuple[str, ...], lang: str) -> tuple[str, ...]:
    texts = (_text(program.prompts[name], lang, program.languages[0]) for name in prompts if name in program.prompts)
    return _wrapped(" ".join(texts))


def _text(prompt: Prompt, lang: str, fallback: str) -> str:
    pieces = prompt.pieces.get(lang) or prompt.pieces.get(fallback) or ()
    text = " ".join(p.text if not p.as_ else "{" + words(p.expr) + "}" for p in pieces)
    return re.sub(r"\s+([.,;:!?，。、；：？！])", r"\1", text)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _wrapped(text: str) -> tuple[str, ...]:
    """``text`` in at most LINES lines of WIDTH columns, cut with an ellipsis; broken at spaces and around CJK."""
    lines, line = [], ""
    for word in _WORD.findall(" ".join(text.split())):
        if line and _width(line) + _width(word.rstrip()) > WIDTH:
            lines.append(line.rstrip())
            line = ""
        line += word
    lines.append(line.rstrip())
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1][: WIDTH - 1] + "…"]
    return tuple(line if _width(line) <= 2 * WIDTH else line[:WIDTH] + "…" for line in lines if line)


# -- arrows ------------------------------------------------------------------------------------------------


def _arrows(name: str, node: Node) -> Iterator[Arrow]:
    match node:
        case Collect():
            for keys, ways in node.ways.items():
                for number, way in enumerate(ways):
                    again = way.goto == REPEAT
                    note = " repeat" if again else " otherwise" if number and way.when is None else ""
                    yield Arrow(name, name if again else way.goto, _key(keys, way) + note)
            if not node.ways:
                yield Arrow(name, node.next)
            silence, wrong = node.silence.give_up, node.wrong.give_up
            if silence and silence == wrong:
                yield Arrow(name, silence, "gives up", True)
            else:
                yield from [Arrow(name, silence, "silence", True)] if silence else []
                yield from [Arrow(name, wrong, "wrong key", True)] if wrong else []
        case Branch():
            yield from (Arrow(name, w.goto, _clip(words(w.when)) if w.when is not None else "") for w in node.ways)
            yield Arrow(name, node.otherwise, "otherwise")
        case Transfer():
            yield Arrow(name, node.after_agent or node.next, "far end left")
            yield from _broken_off(name, node)
            yield Arrow(name, node.busy, "busy", True)
            yield Arrow(name, node.no_answer, "no answer", True)
            yield Arrow(name, node.failed, "failed", True)
        case Queue():
            yield Arrow(name, node.after_agent, "agent left")
            yield from _broken_off(name, node)
            yield from (Arrow(name, step, key) for key, step in node.leave.items())
            yield Arrow(name, node.no_agent, "no agent", True)
            yield Arrow(name, node.full, "full", True)
            yield Arrow(name, node.timed_out, "waited too long", True)
            yield Arrow(name, node.failed, "failed", True)
        case Record():
            yield Arrow(name, node.next)
            yield from [Arrow(name, node.empty, "nothing said", True)] if node.empty != node.next else []
            yield from [Arrow(name, node.failed, "failed", True)] if node.failed != node.next else []
        case Detect():
            yield Arrow(name, node.person, "person")
            yield Arrow(name, node.machine, "machine")
        case Shuffle():
            yield from (Arrow(name, entry) for entry in node.entries)
            yield Arrow(name, node.next, "then")
        case HangUp():
            return
        case _:
            yield Arrow(name, node.next)


def _broken_off(name: str, node: Transfer | Queue) -> list[Arrow]:
    return [Arrow(name, node.next, "broken off", True)] if node.after_agent not in ("", node.next) else []


def _key(keys: str, way: Way) -> str:
    meaning = f" {way.answer}" if isinstance(way.answer, str) and way.answer != keys else ""
    return f"{keys}{meaning}" + (f" if {_clip(words(way.when))}" if way.when is not None else "")


def _clip(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _merged(arrows: list[Arrow]) -> list[Arrow]:
    """One arrow between two boxes for all that leads there the same way; runs of single keys as ``1–5``."""
    labels: dict[tuple[str, str, bool], list[str]] = {}
    for arrow in arrows:
        labels.setdefault((arrow.tail, arrow.head, arrow.dashed), []).append(arrow.label)
    return [Arrow(t, h, _joined(texts), dashed) for (t, h, dashed), texts in labels.items()]


def _joined(labels: list[str]) -> str:
    runs: list[list[str]] = []
    for label in dict.fromkeys(x for x in labels if x):
        digit = len(label) == 1 and label.isdigit() and runs and len(runs[-1][-1]) == 1 and runs[-1][-1].isdigit()
        if digit and int(label) == int(runs[-1][-1]) + 1:
            runs[-1].append(label)
        else:
            runs.append([label])
    parts = [f"{r[0]}–{r[-1]}" if len(r) > 2 else ", ".join(r) for r in runs]
    return "\n".join(parts) if any(len(p) > 5 for p in parts) else ", ".join(parts)


# -- expressions as a designer writes them ------------------------------------------------------------------


def words(tree: Any) -> str:
    """A condition's tree back in the language's own words."""
    if not isinstance(tree, list | tuple) or not tree:
        plain = {None: "none", True: "true", False: "false"}
        if isinstance(tree, str):
            return f"'{tree}'"
        return plain[tree] if tree is None or isinstance(tree, bool) else str(tree)
    op, args = tree[0], tree[1:]
    if op == "name":
        return str(args[0])
    if op in ("and", "or"):
        return f" {op} ".join(_inner(a) for a in args)
    if op == "if":
        return f"{_inner(args[1])} if {_inner(args[0])} else {_inner(args[2])}"
    if op == "list":
        return "[" + ", ".join(words(a) for a in args) + "]"
    if op == "call":
        return f"{args[0]}({', '.join(words(a) for a in args[1:])})"
    if len(args) == 1:
        return f"{'-' if op == 'neg' else op + ' '}{_inner(args[0])}"
    return f" {op} ".join(_inner(a) for a in args)


def _inner(tree: Any) -> str:
    compound = isinstance(tree, list | tuple) and tree and tree[0] not in ("name", "call", "list", "neg")
    return f"({words(tree)})" if compound and tree[0] in ("and", "or", "if", "+", "-") else words(tree)


def _assigned(assign: Assign) -> str:
    return _clip(f"{assign.name} = {words(assign.expr)}")
