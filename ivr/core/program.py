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
from typing import Any, ClassVar

from ivr.core.effects import Clip

Expr = Any  # a JSON tree of core.expr: a literal, or [operator, argument, ...]

#: Step name that means "hear this step again" wherever a goto is allowed.
REPEAT = "@repeat"
#: Step name of the compiler's own node that ends the call politely.
END = "@end"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a prompt: fixed ``text`` (a clip), or the value of ``expr`` spoken ``as_`` digits, number, ..."""

    text: str = ""
    expr: Expr = None
    as_: str = ""  # "" for fixed text; else digits | number | ordinal | date | time | money


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said at one point. ``name`` is the catalogue name ("" for a prompt written in place)."""

    name: str
    pieces: Mapping[str, tuple[Piece, ...]]  # by language


@dataclass(frozen=True, slots=True)
class Assign:
    name: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class Way:
    """Where a key or a branch leads: assignments first, then the step. ``when`` false means: not there."""

    goto: str
    when: Expr = None  # None: always
    set: tuple[Assign, ...] = ()
    answer: Any = None  # for a question: the value that this key stands for


@dataclass(frozen=True, slots=True)
class Escalation:
    """What one kind of failure (silence, wrong key) leads to."""

    prompts: tuple[tuple[str, ...], ...] = ()  # the n-th failure plays prompts[n], the last repeats; (): the step's own
    tries: int = 0  # give up after so many of this kind; 0: only the total counts
    give_up: str = ""  # step


@dataclass(frozen=True, slots=True)
class Say:
    kind: ClassVar[str] = "say"
    prompts: tuple[str, ...]
    next: str
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class Collect:
    """Plays ``prompts`` and reads keys. Menus, asks and survey questions are all this node.

    With ``ways`` it is a choice: the keys are matched against the ways by longest prefix.
    Without, it is an entry of ``min_keys..max_keys`` keys ended by ``end`` keys, the timer, or ``max_keys``.
    """

    kind: ClassVar[str] = "collect"
    prompts: tuple[str, ...]
    ways: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)  # keys pressed -> first way whose `when` holds
    min_keys: int = 1
    max_keys: int = 1
    end: str = "#"  # keys that end an entry; "" none
    pattern: str = ""  # a vetted regular expression the whole entry matches; "" any
    valid: Expr = None  # a condition on `into` (as if already set); None: always
    value: str = "digits"  # what `into` becomes: digits (text) | number (int) | choice (the Way's answer)
    into: str = ""  # variable to set; "" none
    next: str = ""  # entry accepted
    secret: bool = False
    barge_in: bool = True
    flush: bool = False  # drop what was typed ahead when the step is reached
    first_ms: int = 5000
    between_ms: int = 2500
    tries: int = 3  # failures of any kind together; 0: only the escalations' own
    silence: Escalation = Escalation()
    wrong: Escalation = Escalation()
    confirm: tuple[str, ...] = ()  # prompts; then confirm_yes accepts, confirm_no asks again
    confirm_yes: str = "1"
    confirm_no: str = "2"
    question: str = ""  # name its attempts and answer are stored under ("": the step's name)
    survey: str = ""  # survey id when the answer belongs to one
    store: bool = True  # emit the accepted value as an answer (menus: attempts only)


@dataclass(frozen=True, slots=True)
class SetVars:
    kind: ClassVar[str] = "set"
    set: tuple[Assign, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Branch:
    kind: ClassVar[str] = "branch"
    ways: tuple[Way, ...]
    otherwise: str  # where it goes when no way's condition holds


@dataclass(frozen=True, slots=True)
class Transfer:
    kind: ClassVar[str] = "transfer"
    destination: str  # name declared in `destinations`, never caller text
    prompts: tuple[str, ...]  # heard before
    ring_ms: int
    next: str  # the far end hung up and the caller is still there
    busy: str
    no_answer: str
    failed: str


@dataclass(frozen=True, slots=True)
class Record:
    kind: ClassVar[str] = "record"
    prompts: tuple[str, ...]
    limit_ms: int
    silence_ms: int  # so much silence ends the recording
    end: str  # key that ends it: "#" or "any"
    into: str
    next: str
    empty: str  # nothing was said
    failed: str
    question: str = ""
    survey: str = ""


@dataclass(frozen=True, slots=True)
class SurveyMark:
    """Opens or closes a run of a survey in the data."""

    kind: ClassVar[str] = "survey_mark"
    survey: str
    mark: str  # begin | complete | partial
    next: str
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    kind: ClassVar[str] = "hang_up"
    prompts: tuple[str, ...] = ()
    cause: str = "NORMAL_CLEARING"


Node = Say | Collect | SetVars | Branch | Transfer | Record | SurveyMark | HangUp
NODE_KINDS: dict[str, type[Any]] = {
    k.kind: k for k in (Say, Collect, SetVars, Branch, Transfer, Record, SurveyMark, HangUp)
}


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
    facts: tuple[str, ...] = ()  # names that the host may bring with the call
    max_call_ms: int = 3_600_000
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
            "facts": list(self.facts),
            "max_call_ms": self.max_call_ms,
            "prompts": {k: _plain(v) for k, v in self.prompts.items()},
            "nodes": {k: {"kind": n.kind, **_plain(n)} for k, n in self.nodes.items()},
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
            facts=tuple(data["facts"]),
            max_call_ms=data["max_call_ms"],
            prompts={k: _prompt(v) for k, v in data["prompts"].items()},
            nodes={k: _node(v) for k, v in data["nodes"].items()},
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


def _node(data: Mapping[str, Any]) -> Node:
    kind = data["kind"]
    body = {k: v for k, v in data.items() if k != "kind"}
    for key in ("prompts", "confirm", "questions"):
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
