"""Program: a checked flow as plain data.

Law: knows node kinds and their fields, nothing of YAML, switches or databases. A Program is immutable once
compiled, round-trips through JSON, and is named by the hash of its content: a call finishes on the Program
it began with.

Everything a designer can write is compiled to the node kinds below; ``core.machine`` is their only interpreter.
Expressions are the JSON trees of ``core.expr``. A *speech* is what is heard at one point: a list of pieces per
language, see :class:`Prompt`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from ivr.core.effects import Clip
from ivr.core.nodes import (
    END,
    NODE_KINDS,
    REPEAT,
    Alert,
    Assign,
    Branch,
    CallBack,
    Collect,
    Detect,
    Escalation,
    Expr,
    HangUp,
    Node,
    OptOut,
    Piece,
    Prompt,
    Queue,
    Record,
    Say,
    SetVars,
    Shuffle,
    SurveyMark,
    SurveyPlan,
    Transfer,
    Way,
)

__all__ = [
    "END",
    "NODE_KINDS",
    "REPEAT",
    "Alert",
    "Assign",
    "Branch",
    "CallBack",
    "Collect",
    "Detect",
    "Escalation",
    "Expr",
    "HangUp",
    "Node",
    "OptOut",
    "Piece",
    "Program",
    "Prompt",
    "Queue",
    "Record",
    "Say",
    "SetVars",
    "Shuffle",
    "SurveyMark",
    "SurveyPlan",
    "Transfer",
    "Way",
]

_KINDS = {node: kind for kind, node in NODE_KINDS.items()}


@dataclass(frozen=True)
class Program:
    flow: str
    title: str
    languages: tuple[str, ...]  # the first is the fallback
    start: str
    nodes: Mapping[str, Node]
    prompts: Mapping[str, Prompt]  # by id: the catalogue name, or "<step>/<n>" for one written in place
    error: str = END  # step reached by a named failure (loop, missing prompt, switch error)
    variables: Mapping[str, Any] = field(default_factory=dict)  # initial values
    destinations: Mapping[str, str] = field(default_factory=dict)  # name -> dial string
    #: name -> what the switch is told of it: queue (its name there), full, strategy, ... (``lang.queues``)
    queues: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: tuple[str, ...] = ()  # names that the host may bring with the call
    max_call_ms: int = 3_600_000
    surveys: Mapping[str, SurveyPlan] = field(default_factory=dict)  # by the questionnaire's name
    launch: str = ""  # the launch that this program is frozen for
    where: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # step -> (file, line); not hashed

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``Program.from_json`` gives an equal Program back."""
        return {
            "flow": self.flow,
            "title": self.title,
            "languages": list(self.languages),
            "start": self.start,
            "error": self.error,
            "variables": dict(self.variables),
            "destinations": dict(self.destinations),
            **({"queues": _plain(self.queues)} if self.queues else {}),
            "facts": list(self.facts),
            "max_call_ms": self.max_call_ms,
            "surveys": {k: _plain(v) for k, v in self.surveys.items()},
            "launch": self.launch,
            "prompts": {k: _plain(v) for k, v in self.prompts.items()},
            "nodes": {k: {"kind": _KINDS[type(n)], **_plain(n)} for k, n in self.nodes.items()},
            "where": {k: list(v) for k, v in self.where.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Program:
        return cls(
            flow=data["flow"],
            title=data["title"],
            languages=tuple(data["languages"]),
            start=data["start"],
            error=data["error"],
            variables=dict(data["variables"]),
            destinations=dict(data["destinations"]),
            queues={k: dict(v) for k, v in data.get("queues", {}).items()},
            facts=tuple(data["facts"]),
            max_call_ms=data["max_call_ms"],
            prompts={k: _prompt(v) for k, v in data["prompts"].items()},
            nodes={k: _node(v) for k, v in data["nodes"].items()},
            surveys={k: _plan(v) for k, v in data.get("surveys", {}).items()},  # none before 0.2
            launch=data.get("launch", ""),
            where={k: (v[0], v[1]) for k, v in data.get("where", {}).items()},
        )

    def items_of(self, prompt_id: str, lang: str) -> list[Clip | tuple[str, str, Expr]]:
        """A prompt in one language (or in the first it has): its clips; (language, format, expression) of values."""
        prompt = self.prompts[prompt_id]
        spoken = lang if lang in prompt.pieces else next(iter(prompt.pieces), lang)
        pieces = prompt.pieces.get(spoken, ())
        return [
            (spoken, piece.as_, piece.expr) if piece.as_ else Clip(spoken, piece.text, prompt.name, part, len(pieces))
            for part, piece in enumerate(pieces)
        ]

    @cached_property
    def fixed_items(self) -> Mapping[tuple[str, str], tuple[Clip, ...]]:
        """(prompt, language) -> items, for the prompts that are the same in every call: made once, not at each play."""
        found: dict[tuple[str, str], tuple[Clip, ...]] = {}
        for prompt_id in self.prompts:
            for lang in self.languages:
                items = [item for item in self.items_of(prompt_id, lang) if isinstance(item, Clip)]
                if len(items) == len(self.items_of(prompt_id, lang)):
                    found[prompt_id, lang] = tuple(items)
        return found

    def label(self, name: str, value: Any) -> str:
        """The prompt that says what ``value`` of the answer ``name`` stands for; "" when it has none."""
        ident = f"label/{name}/{value}"
        return ident if ident in self.prompts else ""

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Variables that hold secret entries: never to be written anywhere."""
        return frozenset(n.into for n in self.nodes.values() if isinstance(n, Collect) and n.secret and n.into)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of what the caller can meet; where things stood in the file does not count."""
        data = self.to_json()
        del data["where"]
        text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value


def _prompt(data: Mapping[str, Any]) -> Prompt:
    return Prompt(data["name"], {k: tuple(Piece(**p) for p in v) for k, v in data["pieces"].items()})


def _assigns(data: Any) -> tuple[Assign, ...]:
    return tuple(Assign(**a) for a in data)


def _way(data: Mapping[str, Any]) -> Way:
    return Way(**{**data, "set": _assigns(data["set"])})


def _escalation(data: Mapping[str, Any]) -> Escalation:
    return Escalation(tuple(tuple(p) for p in data["prompts"]), data["tries"], data["give_up"])


def _plan(data: Mapping[str, Any]) -> SurveyPlan:
    alerts = tuple(Alert(**a) for a in data["alerts"])
    return SurveyPlan(**{**data, "quotas": _assigns(data["quotas"]), "alerts": alerts})


def _node(data: Mapping[str, Any]) -> Node:
    kind = data["kind"]
    body = {k: v for k, v in data.items() if k != "kind"}
    for key in ("prompts", "confirm", "questions", "invalid", "alone", "entries", "announce"):
        if key in body:
            body[key] = tuple(body[key])
    if "set" in body:
        body["set"] = _assigns(body["set"])
    if kind == "collect":
        body["ways"] = {k: tuple(_way(w) for w in v) for k, v in body["ways"].items()}
        body["silence"] = _escalation(body["silence"])
        body["wrong"] = _escalation(body["wrong"])
    elif kind == "branch":
        body["ways"] = tuple(_way(w) for w in body["ways"])
    node: Node = NODE_KINDS[kind](**body)
    return node
