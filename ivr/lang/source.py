"""Source: a file's bytes to marked nodes.

Law: knows YAML, its limits and its traps, nothing of flows. Scalars stay text exactly as written: `012`, `12:30`,
`no` and `+86138` mean themselves. Anchors, aliases, tags and repeated keys are refused. The nodes are built from
libyaml's events in a loop of our own, because its composer recurses: 100,000 open brackets end the process there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from ivr.lang.problem import Problems, quoted

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 60
MAX_NODES = 200_000


class Mark(NamedTuple):
    """A place; line and column from 0. PyYAML's own marks have the same two names."""

    line: int
    column: int


class Text:
    """A scalar, as written. ``plain``: without quotes."""

    __slots__ = ("end", "plain", "start", "value")

    def __init__(self, value: str, plain: bool, start: Mark, end: Mark) -> None:
        self.value, self.plain, self.start, self.end = value, plain, start, end


class Seq:
    __slots__ = ("end", "items", "start")

    def __init__(self, items: list[Node], start: Mark, end: Mark) -> None:
        self.items, self.start, self.end = items, start, end


class Map:
    """Pairs in the file's order. Every key is a Text and stands once."""

    __slots__ = ("end", "items", "start")

    def __init__(self, items: list[tuple[Text, Node]], start: Mark, end: Mark) -> None:
        self.items, self.start, self.end = items, start, end

    def get(self, key: str) -> Node | None:
        for k, v in self.items:
            if k.value == key:
                return v
        return None


Node = Text | Seq | Map


@dataclass
class Source:
    """One file: its text, and its root node (None when it could not be read)."""

    file: str  # as messages name it
    text: str = ""
    root: Node | None = None
    problems: Problems = field(default_factory=Problems)

    @cached_property
    def lines(self) -> list[str]:
        # libyaml's own line breaks; str.splitlines() knows more of them and would shift every later line.
        return re.split("\r\n|[\n\r\x85\u2028\u2029]", self.text)

    def fail(self, code: str, line: int, column: int, message: str, hint: str = "", length: int = 1) -> None:
        place = Text("", True, Mark(line, column), Mark(line, column + length))
        self.problems.add(code, self, place, message, hint)


def load(path: Path, file: str) -> Source:
    """Reads ``path``; what is wrong with it is in the Source's problems, never raised."""
    source = Source(file)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        source.fail("IVR001", 0, 0, "there is no such file")
    except IsADirectoryError:
        source.fail("IVR001", 0, 0, "this is a directory, not a file")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "bad file name"
        source.fail("IVR001", 0, 0, f"the file cannot be read: {reason}")
    else:
        parse(source, data)
    return source


def parse(source: Source, data: bytes) -> None:
    """Fills in ``source`` from the bytes of its file."""
    if len(data) > MAX_BYTES:
        source.fail("IVR002", 0, 0, f"the file is larger than {MAX_BYTES // 1024 // 1024} MB", "split it")
        return
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        source.fail("IVR003", 0, 0, "the file is UTF-16", "save it as UTF-8")
        return
    try:
        source.text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig", "replace")
        source.text = data.decode("utf-8-sig", "replace")
        lines = re.split("\r\n|[\n\r]", good)
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02X}"
        source.fail("IVR003", len(lines) - 1, len(lines[-1]), message, "save it as UTF-8")
        return
    bad = _UNPRINTABLE.search(source.text)
    if bad:
        before = re.split("\r\n|[\n\r\x85\u2028\u2029]", source.text[: bad.start()])
        message = f"a control character (U+{ord(bad.group()):04X})"
        source.fail("IVR003", len(before) - 1, len(before[-1]), message, "delete it")
        return
    try:
        source.root = _build(source)
    except yaml.MarkedYAMLError as error:
        _syntax(source, error)
    except yaml.YAMLError as error:  # libyaml's reader: what the two tests above let through, if anything
        source.fail("IVR005", 0, 0, f"this is not YAML: {' '.join(str(error).split())[:200]}")
    else:
        _lost_keys(source)


_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _build(source: Source) -> Node | None:
    next_event: Callable[[], Any] = CParser(source.text).get_event
    open_nodes: list[tuple[list[Node], Any]] = []  # what is open around the current one: its items, its event
    items: list[Node] = []  # children of the innermost open node
    root = items
    nodes = documents = 0
    while True:
        event = next_event()
        kind = type(event)
        if kind is yaml.ScalarEvent:
            items.append(Text(event.value, not event.style, event.start_mark, event.end_mark))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            open_nodes.append((items, event))
            items = []
            if len(open_nodes) > MAX_DEPTH:
                mark = event.start_mark
                message = f"more than {MAX_DEPTH} levels inside each other"
                source.fail("IVR002", mark.line, mark.column, message, "use fewer levels")
                return None
        elif kind is yaml.MappingEndEvent:
            outer, start = open_nodes.pop()
            pairs = _pairs(source, items)
            outer.append(Map(pairs, start.start_mark, event.end_mark if pairs else start.end_mark))
            items = outer
            continue
        elif kind is yaml.SequenceEndEvent:
            outer, start = open_nodes.pop()
            outer.append(Seq(items, start.start_mark, event.end_mark))
            items = outer
            continue
        elif kind is yaml.AliasEvent:
            items.append(Text("", True, event.start_mark, event.end_mark))
            name = quoted(f"*{event.anchor}")
            hint = "put it in quotes if the key * is meant, else write the thing out"
            _refuse(source, event, f"{name} is a YAML alias; they are not allowed", hint)
            continue
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                mark = event.start_mark
                source.fail("IVR005", mark.line, mark.column, "a second document begins here", "delete the `---`")
                return root[0]
            continue
        elif event is None:
            break
        else:
            continue
        nodes += 1
        if nodes > MAX_NODES:
            message = f"more than {MAX_NODES} entries in one file"
            source.fail("IVR002", event.start_mark.line, event.start_mark.column, message, "split it")
            return None
        if event.anchor is not None:
            _refuse(source, event, f'"&{event.anchor}" is a YAML anchor; they are not allowed', "delete it")
        if event.tag is not None:
            _refuse(source, event, f"{quoted(event.tag)} is a YAML tag; they are not allowed", "delete it")
    if not root or (isinstance(root[0], Text) and not root[0].value):
        source.fail("IVR004", 0, 0, "the file is empty", "begin with `flow: name` or `survey: name`")
        return None
    return root[0]


def _refuse(source: Source, event: Any, message: str, hint: str) -> None:
    source.fail("IVR009", event.start_mark.line, event.start_mark.column, message, hint)


def _pairs(source: Source, items: list[Node]) -> list[tuple[Text, Node]]:
    """Keys and values as pairs; a key that is no text or stands twice is reported and left out."""
    pairs: list[tuple[Text, Node]] = []
    seen: dict[str, Text] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, Text):
            hint = "put a text with {{ }} in quotes" if isinstance(key, Map) else ""
            source.problems.add("IVR010", source, key, "a key is a word or a number, not a list or a map", hint)
        elif key.value in seen:
            first = seen[key.value].start
            message = (
                f"{quoted(key.value)} is here a second time; the first is at line {first.line + 1}, "
                f"column {first.column + 1}"
            )
            source.problems.add("IVR008", source, key, message, "keep one of the two")
        else:
            seen[key.value] = key
            pairs.append((key, value))
    return pairs


def _lost_keys(source: Source) -> None:
    """A line `#: step` is a comment to YAML: the key would be gone without a word."""
    for hit in re.finditer(r"^[ \t]*(#)[ \t]?:(?:[ \t]|$)", source.text, re.MULTILINE):
        line = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", source.text[: hit.start(1)])) - 1
        if not _inside_text(source.root, line):
            _bare_key(source, line, hit.start(1) - hit.start(), "#")


def _inside_text(root: Node | None, line: int) -> bool:
    """Whether a text of several lines reaches over ``line``."""
    todo: list[Node] = [root] if root else []
    while todo:
        node = todo.pop()
        if isinstance(node, Text):
            if node.start.line < line <= node.end.line and node.start.line != node.end.line:
                return True
        elif isinstance(node, Seq):
            todo.extend(node.items)
        else:
            todo.extend(v for _, v in node.items)
    return False


def _bare_key(source: Source, line: int, column: int, key: str) -> None:
    what = "starts a comment" if key == "#" else "starts an alias"
    source.fail("IVR007", line, column, f"an unquoted {key} {what} in YAML", f'write "{key}" in quotes')


#: What libyaml says -> what it means to someone who writes flows, and what to do.
_SYNTAX = (
    (
        "mapping values are not allowed",
        "a colon where none can be",
        "put a text that holds `: ` in quotes, or check the indentation",
    ),
    (
        "could not find expected ':'",
        "this line should be `key: value`",
        "add the colon, or close the quote above",
    ),
    ("did not find expected key", "this line does not fit the lines around it", "check indentation and quotes"),
    (
        "did not find expected '-' indicator",
        "this line does not fit the list above it",
        "check the indentation",
    ),
    ("did not find expected ',' or '}'", "the { of {place} is not closed before this", "add , or }"),
    ("did not find expected ',' or ']'", "the [ of {place} is not closed before this", "add , or ]"),
    ("did not find expected node content", "a value should stand here", "check the brackets and commas"),
    ("unexpected end of stream", "a quote is opened and never closed", "add the closing quote"),
    ("unexpected document indicator", "a quote is opened and never closed", "add the closing quote"),
    (
        "unknown escape character",
        "an unknown \\ sequence in double quotes",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        "block sequence entries are not allowed",
        "a list item `- ` where none can be",
        "put it on a line of its own",
    ),
    ("block collections", "this cannot stand here", "put it on a line of its own"),
    ("did not find expected <document start>", "this line does not fit the lines above it", "check the indentation"),
)


def _syntax(source: Source, error: yaml.MarkedYAMLError) -> None:
    problem = error.problem or "not YAML"
    mark: Any = error.problem_mark or error.context_mark or Mark(0, 0)
    line, column = mark.line, mark.column
    text = source.lines[line] if line < len(source.lines) else ""
    if "tab character" in problem or text[column : column + 1] == "\t" or "\t" in text[:column]:
        tab = max(text.find("\t"), 0)
        source.fail("IVR006", line, tab, "a tab; YAML indents with spaces only", "replace it with spaces")
        return
    if "scanning an alias" in (error.context or ""):
        star = text.rfind("*", 0, column + 1)
        _bare_key(source, line, max(star, 0), "*")
        return
    # `{#: step}` hides the rest of its line, and the mistake shows up lines later.
    begin: Any = error.context_mark or mark
    for n in range(begin.line, min(line + 1, len(source.lines))):
        hash_key = re.search(r"[{,]\s*(#)\s*:", source.lines[n])
        if hash_key:
            _bare_key(source, n, hash_key.start(1), "#")
            return
    if "cannot start any token" in problem:
        sign = text[column : column + 1]
        source.fail("IVR005", line, column, f"a value cannot begin with {sign}", "put it in quotes")
        return
    if "quote" in (error.context or "") and error.context_mark is not None and "escape" not in problem:
        line, column = error.context_mark.line, error.context_mark.column
    for said, means, hint in _SYNTAX:
        if said in problem:
            place = f"line {begin.line + 1}, column {begin.column + 1}"
            source.fail("IVR005", line, column, means.replace("{place}", place), hint)
            return
    source.fail("IVR005", line, column, f"this is not YAML: {problem}")
