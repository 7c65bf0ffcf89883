"""Yamltext: plain values to the text of a questionnaire file.

Law: what it writes is read back as the same values, and looks as if a person had written it: keys in order, texts in
double quotes, short lists on one line. A map may have notes: ``NOTE`` (comment lines above it) and ``PLACE`` (what it
was made from), which is remembered by line and not written.
"""

from __future__ import annotations

import re
from typing import Any, Final

NOTE: Final = "#"
PLACE: Final = "@"
MAX_LINE: Final = 100  # a map of scalars up to this long stands on one line
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]{1,9}(\.\.[0-9]{1,9})?|[0-9]{1,6}(s|ms|m|h|d)")
#: What YAML readers other than ours take for something else.
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none"}
#: Keys whose maps are short enough to be read on one line, if they are.
_INLINE: Final = frozenset({"loop", "digits", "label"})
#: Keys whose maps have such maps in them.
_TABLES: Final = frozenset({"options"})


class Written:
    """The text, and what each line was made from."""

    def __init__(self, head: list[str]) -> None:
        self.lines: list[str] = [f"# {note}" for note in head]
        self.places: dict[int, str] = {}  # line from 1 -> place

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def place(self, line: int) -> str:
        """What the line, or the nearest before it, was made from; "" at the head."""
        return next((self.places[n] for n in range(line, 0, -1) if n in self.places), "")


def write(root: dict[str, Any], head: list[str]) -> Written:
    out = Written(head)
    _map(out, root, "")
    return out


def scalar(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.isdigit():
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def _key(key: Any) -> str:
    return str(key) if isinstance(key, int) else scalar(key)


def _flow(value: Any) -> str | None:
    """The value on one line; None when it has notes or maps in maps."""
    if isinstance(value, dict):
        if NOTE in value or PLACE in value:
            return None
        parts = [(_key(k), _flow(v)) for k, v in value.items()]
        return None if any(v is None for _, v in parts) else "{" + ", ".join(f"{k}: {v}" for k, v in parts) + "}"
    if isinstance(value, list):
        items = [_flow(v) for v in value]
        return None if any(i is None for i in items) else "[" + ", ".join(str(i) for i in items) + "]"
    return scalar(value)


def _pair(out: Written, key: str, value: Any, indent: str, lead: str, inline: bool = False) -> None:
    """``lead`` is what stands before the key: the indent, or the dash of a list."""
    name = _key(key)
    inline = inline or key in _INLINE
    flow = _flow(value) if not isinstance(value, dict) or inline or not value else None
    if flow is not None and (not isinstance(value, dict | list) or len(lead) + len(name) + len(flow) < MAX_LINE):
        out.lines.append(f"{lead}{name}: {flow}")
        return
    out.lines.append(f"{lead}{name}:")
    if isinstance(value, dict):
        for inner, part in value.items() if key in _TABLES else ():
            _pair(out, inner, part, indent + "  ", indent + "  ", inline=True)
        if key not in _TABLES:
            _map(out, value, indent + "  ")
    else:
        _list(out, value, indent + "  ")


def _map(out: Written, node: dict[str, Any], indent: str, lead: str | None = None) -> None:
    for key, value in node.items():
        if key not in (NOTE, PLACE):
            _pair(out, key, value, indent, indent if lead is None else lead)
            lead = None


def _list(out: Written, items: list[Any], indent: str) -> None:
    for item in items:
        if not isinstance(item, dict):
            out.lines.append(f"{indent}- {_flow(item) or scalar(item)}")
            continue
        if PLACE in item:
            out.places[len(out.lines) + 1] = item[PLACE]
        out.lines.extend(f"{indent}# {' '.join(note.split())}" for note in item.get(NOTE, ()))
        _map(out, item, indent + "  ", f"{indent}- ")
