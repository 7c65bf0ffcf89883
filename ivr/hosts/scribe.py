"""The scribe: writes a simulated call down as a scripted call, so that what was tried once is a test for ever.

Law: sees what the caller heard and did, in order; gives YAML that ``script`` reads back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ivr.core.effects import CollectSecret, Effect, End, Play, Save
from ivr.core.trace import names

_FACTS = {"caller.number": "caller", "called.number": "called", "language": "language", "caller.name": "name"}


class Scribe:
    """Told of every effect and every deed of the caller, in order."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self._lines: list[tuple[str, str]] = []  # (verb, argument)
        self._saves: dict[str, Any] = {}
        self._end: End | None = None

    def effect(self, effect: Effect, heard: str) -> None:
        """``heard`` is what is being said now, as the caller hears it."""
        match effect:
            case Play(_, items, _, _) | CollectSecret(_, items) if heard:
                if self._lines and self._lines[-1][0] == "hears":
                    self._lines.pop()  # nothing was done in between: only the last one matters
                self._lines.append(("hears", next(iter(names(items)), heard[:40].strip())))
            case Save("answer", row):
                self._saves[row["question"]] = row["value"]
            case End():
                self._end = effect

    def pressed(self, key: str, playing: bool) -> None:
        verb = "interrupt" if playing else "press"
        if self._lines and self._lines[-1][0] in ("press", "interrupt"):
            before = self._lines.pop()
            self._lines.append((before[0], before[1] + key))
        else:
            self._lines.append((verb, key))

    def silent(self) -> None:
        """The caller let a timer run out."""
        self._lines.append(("silence", ""))

    def spoke(self, duration_ms: int) -> None:
        self._lines.append(("speak", f"{duration_ms / 1000:g}s"))

    def hung_up(self) -> None:
        self._lines.append(("hang_up", ""))

    def yaml(self, name: str) -> str:
        """One entry of a ``.calls.yaml`` file."""
        out = [f"- call: {_quoted(name)}"]
        given = {_FACTS[k]: v for k, v in self._facts.items() if k in _FACTS and v}
        facts = {k: v for k, v in self._facts.items() if k not in _FACTS}
        if given or facts:
            parts = [f"{k}: {_quoted(v)}" for k, v in given.items()]
            if facts:
                parts.append("facts: {" + ", ".join(f"{k}: {_quoted(v)}" for k, v in facts.items()) + "}")
            out.append(f"  given: {{{', '.join(parts)}}}")
        out.append("  script:")
        out += [f"    - {verb}: {_quoted(what)}" if what else f"    - {verb}" for verb, what in self._lines]
        if self._end:
            out.append(f"  ends: {{at: {_quoted(self._end.node)}, by: {self._end.by}}}")
        if self._saves:
            out.append("  saves: {" + ", ".join(f"{k}: {_quoted(v)}" for k, v in self._saves.items()) + "}")
        return "\n".join(out) + "\n"


def _quoted(value: Any) -> str:
    """A scalar that reads back as itself: JSON's texts and numbers are YAML's."""
    return json.dumps(value, ensure_ascii=False)
