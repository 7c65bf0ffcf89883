"""Reading callweave.yaml key by key: every value checked where it stands, every mistake kept.

Law: knows YAML nodes and their marks, and how to word a mistake; nothing of what a key is for. A reader never
raises for what a person wrote: it notes the mistake, answers with the default and goes on, so one run shows all.
Scalars are read as written (``012`` is three characters), as in flows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_ENVIRONMENT = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where (``line`` and ``column`` count from 1; 0: no place), which key, what, and what to do."""

    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.key + ': ' if self.key else ''}{self.message}; {self.hint}"


class ConfigError(ValueError):
    """callweave.yaml cannot be used. ``mistakes`` has all of them, in the order of the file."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.line, m.column)))
        super().__init__("\n".join(str(m) for m in self.mistakes))


def did_you_mean(word: str, known: list[str]) -> str:
    """What to do about an unknown word: the nearest known one, or all of them."""
    near = difflib.get_close_matches(word, known, 1, 0.6)
    return f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(sorted(known))}"


class Section:
    """One mapping of the file. Ask for each key it may have, then :meth:`done` reports the rest as unknown."""

    def __init__(
        self,
        file: str,
        path: str,
        node: yaml.Node | None,
        mistakes: list[Mistake],
        environment: Mapping[str, str],
    ) -> None:
        self._file, self._path, self._mistakes, self._environment = file, path, mistakes, environment
        self._values: dict[str, yaml.Node] = {}
        self._marks: dict[str, yaml.Node] = {}
        self._asked: list[str] = []
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.mistake(node, path, "is not a table of keys", 'write it as "key: value" lines')
            return
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name:
                self.mistake(key, path, "has a key that is not a word", "write a plain word")
            elif name in self._values:
                first = self._marks[name].start_mark.line + 1
                self.mistake(key, self.name(name), f"stands here and in line {first}", "keep one of them")
            else:
                self._values[name], self._marks[name] = value, key

    def name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def mistake(self, node: yaml.Node | None, key: str, message: str, hint: str) -> None:
        line = node.start_mark.line + 1 if node else 0
        column = node.start_mark.column + 1 if node else 0
        self._mistakes.append(Mistake(self._file, line, column, key, message, hint))

    def _scalar(self, key: str, node: yaml.Node, hint: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.mistake(node, key, "is one value, not a list or a table", hint)
            return None
        if node.value == "" and node.style is None:
            self.mistake(node, key, "has no value", "write one, or delete the line for the default")
            return None
        return str(node.value)

    def _take(self, key: str) -> yaml.Node | None:
        self._asked.append(key)
        return self._values.get(key)

    def text(self, key: str, default: str, hint: str, check: Callable[[str], str] = lambda _: "") -> str:
        """A text. ``check`` answers with what is wrong with it ("" nothing)."""
        node = self._take(key)
        value = self._scalar(self.name(key), node, hint) if node else None
        if value is None:
            return default
        if wrong := check(value):
            self.mistake(node, self.name(key), wrong, hint)
            return default
        return value

    def secret(self, key: str, default: str, hint: str, check: Callable[[str], str] = lambda _: "") -> str:
        """A text that may be written ``$NAME``: then it is that environment variable. Never quoted."""
        node = self._take(key)
        value = self._scalar(self.name(key), node, hint) if node else None
        if value is None:
            return default
        if found := _ENVIRONMENT.fullmatch(value):
            if found[1] not in self._environment:
                self.mistake(
                    node,
                    self.name(key),
                    f"names the environment variable {found[1]}, which is not set",
                    f"set {found[1]}, or write the value itself",
                )
                return default
            value = self._environment[found[1]]
        if wrong := check(value):
            self.mistake(node, self.name(key), wrong, hint)
            return default
        return value

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        hint = f"write a whole number from {low} to {high}"
        node = self._take(key)
        value = self._scalar(self.name(key), node, hint) if node else None
        if value is None:
            return default
        if not _WHOLE.fullmatch(value) or not low <= int(value) <= high:
            self.mistake(node, self.name(key), f'"{value}" does not fit', hint)
            return default
        return int(value)

    def choice(self, key: str, default: str, options: list[str]) -> str:
        return self.text(
            key,
            default,
            f"write one of: {', '.join(options)}",
            lambda value: "" if value in options else f'"{value}" is not known',
        )

    def items(self, key: str) -> Iterator[tuple[str, yaml.Node]]:
        """The texts of a list; one text alone is a list of one."""
        node = self._take(key)
        hint = "write a list: [one, two]"
        if node is None:
            return
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            value = self._scalar(self.name(key), item, hint)
            if value is not None:
                yield value, item

    def table(self, key: str, hint: str) -> Iterator[tuple[str, str, yaml.Node]]:
        """The pairs of a map of texts, each with the value's node."""
        inner = self.section(key)
        for name, node in inner._values.items():
            value = inner._scalar(inner.name(name), node, hint)
            if value is not None:
                yield name, value, node

    def data(self, key: str) -> dict[str, Any]:
        """A table as plain data, scalars as text; for a part that checks its own settings."""
        self.section(key)  # notes a mistake of shape
        node = self._values.get(key)
        plain = _plain(node, 4) if isinstance(node, yaml.MappingNode) else {}
        return plain if isinstance(plain, dict) else {}

    def wrong(self, key: str, message: str, hint: str) -> None:
        """A mistake at the value of ``key``, found by whoever reads its data."""
        self.mistake(self._values.get(key), self.name(key), message, hint)

    def names(self) -> list[str]:
        """What the file says here, in its order."""
        return list(self._values)

    def is_table(self, key: str) -> bool:
        return isinstance(self._values.get(key), yaml.MappingNode)

    def section(self, key: str) -> Section:
        node = self._take(key)
        return Section(self._file, self.name(key), node, self._mistakes, self._environment)

    def done(self) -> None:
        for key, node in self._marks.items():
            if key not in self._asked:
                self.mistake(node, self.name(key), "is no setting", did_you_mean(key, self._asked))


def _plain(node: yaml.Node, depth: int) -> Any:
    """Nested data; deeper than any setting (or an alias to itself) it is None."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if depth == 0:
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, depth - 1) for item in node.value]
    return {str(key.value): _plain(value, depth - 1) for key, value in node.value}


def read(path: Path, mistakes: list[Mistake], environment: Mapping[str, str]) -> Section:
    """The top section of a file; an unreadable file is one mistake and an empty section."""
    empty = Section(str(path), "", None, mistakes, environment)

    def unreadable(line: int, column: int, message: str, hint: str) -> Section:
        mistakes.append(Mistake(str(path), line, column, "", message, hint))
        return empty

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return unreadable(0, 0, f"cannot be read ({error.strerror})", "check the path and its permissions")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return unreadable(line, 1, "is not UTF-8 text", "save the file as UTF-8")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        hint = "indent with spaces, not tabs" if "\\t" in str(error.problem) else "check quotes, colons and indents"
        return unreadable(line, column, f"is not YAML ({error.problem})", hint)
    except yaml.YAMLError as error:  # a character that YAML refuses has no mark
        return unreadable(0, 0, f"is not YAML ({str(error).splitlines()[0]})", "delete the odd character")
    except RecursionError:
        return unreadable(1, 1, "is nested too deeply", "settings are two levels deep")
    return Section(str(path), "", node, mistakes, environment)
