"""Templates: a prompt's text to pieces, fixed text and spoken values.

Law: knows `{{ expression | format }}` and nothing else; a text is never run. Braces that are no part of that are
refused, so a forgotten one is never read out to a caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ivr.core.program import Piece
from ivr.lang import expr
from ivr.lang.expr import Fault
from ivr.lang.problem import meant, quoted

#: `label`: what an answer stands for, in words; the others speak the value itself.
FORMATS = ("digits", "number", "ordinal", "date", "time", "money", "label")
MAX_TEXT = 4000

_HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FORMAT = re.compile(r"\|\s*([A-Za-z_]\w*)?\s*\Z")
# What stands after a spoken value belongs to its sentence, not to the next clip: "." alone is no speech.
_LEADING = " \t\n.,;:!?，。；：！？、…"


@dataclass(frozen=True, slots=True)
class Pieces:
    pieces: tuple[Piece, ...]
    names: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Answers whose label is spoken."""
        return tuple(piece.expr[1] for piece in self.pieces if piece.as_ == "label")


@lru_cache(maxsize=8192)
def pieces(text: str) -> Pieces:
    """The pieces of a prompt's text, the names that they read, and everything wrong with it."""
    faults: list[Fault] = []
    if not text.strip():
        return Pieces((), (), (Fault("IVR046", "the text is empty", "say something, or leave the prompt out"),))
    if len(text) > MAX_TEXT:
        return Pieces((), (), (Fault("IVR046", f"the text is longer than {MAX_TEXT} characters", "split it"),))
    if "{" not in text and "}" not in text:
        return Pieces((Piece(text.strip()),))
    found: list[Piece] = []
    names: dict[str, None] = {}
    at = 0
    for hole in _HOLE.finditer(text):
        _fixed(text[at : hole.start()], found, faults)
        at = hole.end()
        _spoken(hole.group(1), hole.group(), found, names, faults)
    _fixed(text[at:], found, faults)
    return Pieces(tuple(found), tuple(names), tuple(faults))


def _fixed(text: str, found: list[Piece], faults: list[Fault]) -> None:
    brace = re.search(r"\{\{?|\}\}?", text)
    if brace:
        faults.append(
            Fault("IVR045", f"a lone {brace.group()}", "a spoken value is {{ name | format }}", brace.group())
        )
        return
    text = text.strip()
    if found:
        text = text.lstrip(_LEADING)
    if any(c.isalnum() for c in text) or (text and not found):
        found.append(Piece(text))


def _spoken(inner: str, hole: str, found: list[Piece], names: dict[str, None], faults: list[Fault]) -> None:
    form = _FORMAT.search(inner)
    known = ", ".join(FORMATS)
    if form is None:
        example = f"{{{{ {inner.strip() or 'name'} | digits }}}}"
        message = f"how to speak {quoted(inner.strip())}?"
        faults.append(Fault("IVR043", message, f"add a format, as in {example}; there are {known}", hole))
        return
    as_ = form.group(1) or ""
    if as_ not in FORMATS:
        hint = meant(as_, FORMATS) or f"there are {known}"
        faults.append(Fault("IVR044", f"no format named {quoted(as_)}", hint, as_))
    parsed = expr.parse(inner[: form.start()])
    names.update(dict.fromkeys(parsed.names))
    if parsed.fault:
        faults.append(parsed.fault)
    elif as_ == "label" and not (isinstance(parsed.tree, list) and parsed.tree[0] == "name"):
        faults.append(Fault("IVR085", "only an answer has a label", "write {{ name | label }}", hole))
    elif as_ in FORMATS:
        found.append(Piece("", parsed.tree, as_))


def computed(text: str) -> tuple[Any, tuple[str, ...], Fault | None] | None:
    """The tree of `{{ expr }}`, the names it reads, or what is wrong; None for a text without braces."""
    if "{{" not in text and "}}" not in text:
        return None
    hole = _HOLE.fullmatch(text.strip())
    if hole is None or "{{" in hole.group(1):
        hint = "make it one {{ }}, and join texts with +, as in {{ 'A' + number }}"
        return None, (), Fault("IVR045", "a computed value is one {{ expression }} and nothing beside it", hint)
    parsed = expr.parse(hole.group(1))
    fault = parsed.fault
    if fault is None or fault.code == "IVR051":
        form = _FORMAT.search(hole.group(1))
        if form and form.group(1) in FORMATS:
            hint = "formats belong into prompts"
            fault = Fault("IVR045", "a computed value has no format", hint, form.group().strip())
    return parsed.tree, parsed.names, fault
