"""Scripted calls as files: ``<flow>.calls.yaml`` beside a flow.

Law: YAML in, plain scripts out, and every mistake with file:line. What a script means on a line is ``caller``'s and
``simulator``'s business; what makes it pass is ``tester``'s.

    - call: a wrong key, then the operator
      given: {caller: "+8613800138000", called: "95588", language: en, facts: {caller.vip: true},
              far_ends: {operator: busy, desk: {talk: 20s, cause: NORMAL_CLEARING}},
              queues: {support: {agent: "1001", after: 3s, talk: 20s}}}    # or 20s, waits, no_agent, full, failed
      script:
        - hears: main_menu            # a prompt's name, or part of what is said
        - press: 9
        - silence
        - interrupt: "2#"             # over what is being said
        - wait: 3s
        - speak: 4s
        - hang_up
      ends: {at: goodbye, by: flow}
      saves: {overall: 5}             # answers, by question
      variables: {language: en}
      passes: [main_menu, operator]   # steps in this order, others between them allowed
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ivr.hosts.caller import Action, HangsUp, Hears, Interrupt, Pause, Press, Silence, Speak
from ivr.hosts.simulated_queue import UNANSWERED, QueueEnd
from ivr.hosts.simulator import FarEnd

#: Scripted calls of flows/hotline.yaml stand in flows/hotline.calls.yaml.
SUFFIX = ".calls.yaml"

_FACTS = {"caller": "caller.number", "called": "called.number", "language": "language", "name": "caller.name"}
_KEYS = re.compile(r"[0-9*#A-D]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNIT_MS = {"ms": 1, None: 1000, "s": 1000, "m": 60_000, "h": 3_600_000}


class ScriptError(ValueError):
    """A mistake in a scripted call: ``file:line:column: what, and what to do``."""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    name: str
    file: str
    line: int
    facts: Mapping[str, Any]
    script: tuple[Action, ...]
    far_ends: Mapping[str, FarEnd] = field(default_factory=dict)
    queues: Mapping[str, QueueEnd] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)  # at, by, cause
    saves: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    passes: tuple[str, ...] = ()


def duration_ms(text: str) -> int:
    """``3s``, ``500ms``, ``1.5m``, a bare number of seconds. Raises ValueError."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f'"{text}" is no duration; write 500ms, 3s or 2m')
    return round(float(found[1]) * _UNIT_MS[found[2]])


def keys(text: str) -> str:
    """What is pressed; spaces are for the reader. Raises ValueError."""
    pressed = text.replace(" ", "")
    if not _KEYS.fullmatch(pressed):
        raise ValueError(f'"{text}" is not on a keypad; keys are 0-9, * and # (quote them: "#")')
    return pressed


_ACTIONS: dict[str, Callable[[str], Action]] = {
    "hears": Hears,
    "press": lambda text: Press(keys(text)),
    "interrupt": lambda text: Interrupt(keys(text)),
    "wait": lambda text: Pause(duration_ms(text)),
    "speak": lambda text: Speak(duration_ms(text)),
}
_PLAIN: dict[str, Action] = {"silence": Silence(), "hang_up": HangsUp()}


def load_calls(path: Path) -> list[ScriptedCall]:
    """The scripted calls of a file. Raises ScriptError for the first mistake."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as exc:
        raise ScriptError(f"{path}: {exc}") from exc
    return _Reader(path).calls(root)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def error(self, node: yaml.Node, message: str) -> ScriptError:
        return ScriptError(f"{self.path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {message}")

    def calls(self, root: yaml.Node | None) -> list[ScriptedCall]:
        if not isinstance(root, yaml.SequenceNode):
            raise ScriptError(f"{self.path}: a list of calls is needed, each beginning with `- call: its name`")
        found = [self.call(n) for n in root.value]
        seen: dict[str, int] = {}
        for call in found:
            if call.name in seen:
                raise ScriptError(f'{self.path}:{call.line}: "{call.name}" is the call of line {seen[call.name]} too')
            seen[call.name] = call.line
        return found

    def mapping(self, node: yaml.Node, what: str, allowed: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what} is a map of keys to values")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if allowed and key.value not in allowed:
                raise self.error(key, f'{what} has no key "{key.value}"; it can have {", ".join(allowed)}')
            if key.value in found:
                raise self.error(key, f'"{key.value}" is there twice')
            found[str(key.value)] = value
        return found

    def text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, "a single value is needed here")
        return str(node.value)

    def value(self, node: yaml.Node) -> Any:
        """A value as a flow would hold it: keys and quoted texts are text, plain numbers numbers; or a list of them."""
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one) for one in node.value]
        text = self.text(node)
        if getattr(node, "style", None):
            return text
        if text in ("true", "false", "null", "none", "~", ""):
            return {"true": True, "false": False}.get(text)
        if re.fullmatch(r"-?(0|[1-9]\d*)", text):
            return int(text)
        return float(text) if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", text) else text

    def call(self, node: yaml.Node) -> ScriptedCall:
        body = self.mapping(node, "a call", ("call", "given", "script", "ends", "saves", "variables", "passes"))
        for key in ("call", "script"):
            if key not in body:
                raise self.error(node, f"a call needs `{key}:`")
        given = (
            self.mapping(body["given"], "given", (*_FACTS, "facts", "far_ends", "queues")) if "given" in body else {}
        )
        facts = {name: self.text(given[key]) for key, name in _FACTS.items() if key in given}
        if "facts" in given:
            facts |= {k: self.value(v) for k, v in self.mapping(given["facts"], "facts").items()}
        far_ends = self.mapping(given["far_ends"], "far_ends") if "far_ends" in given else {}
        queues = self.mapping(given["queues"], "queues") if "queues" in given else {}
        script = body["script"]
        if not isinstance(script, yaml.SequenceNode):
            raise self.error(script, "a script is a list of what the caller hears and does")
        ends = self.mapping(body["ends"], "ends", ("at", "by", "cause")) if "ends" in body else {}
        passes = body.get("passes")
        if passes is not None and not isinstance(passes, yaml.SequenceNode):
            raise self.error(passes, "passes is a list of step names")
        return ScriptedCall(
            name=self.text(body["call"]),
            file=str(self.path),
            line=node.start_mark.line + 1,
            facts=facts,
            script=tuple(self.action(a) for a in script.value),
            far_ends={k: self.far_end(v) for k, v in far_ends.items()},
            queues={k: self.queue(v) for k, v in queues.items()},
            ends={k: self.text(v) for k, v in ends.items()},
            saves=self.values(body, "saves"),
            variables=self.values(body, "variables"),
            passes=tuple(self.text(n) for n in passes.value) if passes is not None else (),
        )

    def values(self, body: Mapping[str, yaml.Node], key: str) -> dict[str, Any]:
        return {k: self.value(v) for k, v in self.mapping(body[key], key).items()} if key in body else {}

    def far_end(self, node: yaml.Node) -> FarEnd:
        """``busy``, ``no_answer``, ``failed``, or how long the talk lasts (``20s``), as a map with its ``cause``."""
        if isinstance(node, yaml.MappingNode):
            body = self.mapping(node, "a far end", ("talk", "cause"))
            cause = self.text(body["cause"]) if "cause" in body else ""
            return FarEnd("finished", self.duration(body.get("talk"), FarEnd().after_ms), cause)
        text = self.text(node)
        if text in ("busy", "no_answer", "failed"):
            return FarEnd(text, 500)
        try:
            return FarEnd("finished", duration_ms(text))
        except ValueError:
            raise self.error(node, f'"{text}": a far end is busy, no_answer, failed, or talks for 20s') from None

    def queue(self, node: yaml.Node) -> QueueEnd:
        """``waits``, ``no_agent``, ``full``, ``failed``, how long the talk lasts, or a map."""
        usual = QueueEnd()
        if isinstance(node, yaml.MappingNode):
            body = self.mapping(node, "a queue", ("agent", "after", "talk", "cause"))
            agent = self.text(body["agent"]) if "agent" in body else usual.agent
            cause = self.text(body["cause"]) if "cause" in body else usual.cause
            after_ms = self.duration(body.get("after"), usual.after_ms)
            return QueueEnd("answered", agent, after_ms, self.duration(body.get("talk"), usual.talk_ms), cause)
        text = self.text(node)
        if text in UNANSWERED:
            return QueueEnd(text)
        try:
            return QueueEnd(talk_ms=duration_ms(text))
        except ValueError:
            known = f"{', '.join(UNANSWERED)}, or its agent talks for 20s"
            raise self.error(node, f'"{text}": a queue is {known}') from None

    def duration(self, node: yaml.Node | None, default_ms: int) -> int:
        if node is None:
            return default_ms
        try:
            return duration_ms(self.text(node))
        except ValueError as exc:
            raise self.error(node, str(exc)) from None

    def action(self, node: yaml.Node) -> Action:
        if isinstance(node, yaml.ScalarNode):
            if node.value in _PLAIN:
                return _PLAIN[node.value]
            raise self.error(
                node,
                f'"{node.value}" is nothing a caller does; write silence or hang_up, or one of '
                f"{', '.join(f'{k}: …' for k in _ACTIONS)}",
            )
        body = self.mapping(node, "an action", tuple(_ACTIONS))
        if len(body) != 1:
            raise self.error(node, "one action a line")
        [(verb, value)] = body.items()
        try:
            return _ACTIONS[verb](self.text(value))
        except ValueError as exc:
            if isinstance(exc, ScriptError):
                raise
            raise self.error(value, str(exc)) from exc
