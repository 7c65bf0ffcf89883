"""Parts: how the maps and lists of a file are read, those with keys of the designer's own choosing.

Law: as for ``lang.kinds``, which reads the single values in them. Maps with fixed keys are shapes of ``lang.model``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ivr.core.program import Assign, Way
from ivr.lang import template
from ivr.lang.expr import usable_name
from ivr.lang.kinds import (
    KEY,
    NAME_SCHEMA,
    SCALAR,
    Kind,
    Schema,
    read_count,
    read_key_target,
    read_name,
    read_prompt,
    read_switch_queue,
    read_target,
    ref,
)
from ivr.lang.problem import meant, quoted
from ivr.lang.queues import NAME as QUEUE_NAME
from ivr.lang.source import Map, Node, Seq, Text

if TYPE_CHECKING:
    from ivr.lang.reader import Reader


LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
ONE_KEY = re.compile(r"[0-9*#]")
#: Channel type, then address. Nothing that a dial string could use to do more: , | { } [ ] & ^ $ ( ) quotes, blanks.
DIAL_STRING = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_.+@:;=%*#~-]+)+")


def _pair(r: Reader, node: Map, key: str, read: Callable[[Reader, Node, str], Any]) -> tuple[Any, Any] | None:
    """`{silence: x, wrong: y}`."""
    found: dict[str, Any] = {}
    for k, v in node.items:
        if k.value in ("silence", "wrong"):
            found[k.value] = read(r, v, k.value)
        else:
            r.unknown_key(k, ("silence", "wrong"), f"`{key}`")
    for name in ("silence", "wrong"):
        if name not in {k.value for k, _ in node.items}:
            r.add("IVR013", node, f"`{key}` as a map needs both `silence` and `wrong`", f"add `{name}:`")
            return None
    return found["silence"], found["wrong"]


def _tries(r: Reader, node: Node, key: str) -> tuple[int, int, int] | None:
    if isinstance(node, Map):
        pair = _pair(r, node, key, read_count)
        return (0, *pair) if pair else None
    total = read_count(r, node, key)
    return (total, 0, 0) if total else None


def _give_up(r: Reader, node: Node, key: str) -> tuple[str, str] | None:
    if isinstance(node, Map):
        return _pair(r, node, key, read_target)
    step = read_target(r, node, key)
    return (step, step) if step else None


def _escalation(r: Reader, node: Node, key: str) -> tuple[tuple[str, ...], ...] | None:
    if not isinstance(node, Seq):
        hint = f"write `{key}: [{node.value}]`" if isinstance(node, Text) and node.value else ""
        r.add("IVR010", node, f"`{key}` is a list of prompts: for the first time, the second, ...", hint)
        return None
    if not node.items:
        r.add("IVR046", node, f"`{key}` is an empty list", "name a prompt, or leave it out")
        return None
    return tuple(read_prompt(r, item, key) or () for item in node.items)


def _assigns(r: Reader, node: Node, key: str) -> tuple[Assign, ...] | None:
    pairs = r.pairs(node, key, "{name: value}")
    if pairs is None:
        return None
    found: list[Assign] = []
    for k, v in pairs:
        name = r.variable(k)
        word = r.word(v, k.value, empty=True)
        if word is None or name is None:
            continue
        r.assigned.append(k)
        computed = template.computed(word.value)
        if computed is None:
            value = literal(word)
            if name == "language" and value not in r.languages:
                hint = meant(word.value, r.languages) or f"there are: {', '.join(r.languages)}"
                r.add("IVR042", word, f"{quoted(word.value)} is not among the file's languages", hint)
            found.append(Assign(name, value))
        else:
            tree, names, fault = computed
            r.uses(word, names)
            r.copied.extend((word, n, name) for n in names)
            if fault:
                r.fault(word, fault)
            found.append(Assign(name, tree))
    return tuple(found)


_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
_LITERALS = {"true": True, "false": False, "none": None}


def literal(word: Text) -> Any:
    """An unquoted number, true, false or none is that; everything else is text (`012`, `no`, `+86…`)."""
    if not word.plain:
        return word.value
    if word.value in _LITERALS:
        return _LITERALS[word.value]
    hit = _NUMBER.fullmatch(word.value)
    if hit is None:
        return word.value
    return float(word.value) if hit[2] else int(word.value)


def _ways(r: Reader, node: Node, key: str) -> dict[str, tuple[Way, ...]] | None:
    pairs = r.pairs(node, key, '{1: step, "*": repeat}')
    if pairs is None:
        return None
    found: dict[str, tuple[Way, ...]] = {}
    for k, v in pairs:
        if not KEY.fullmatch(k.value):
            r.add("IVR030", k, f"{quoted(k.value)} is no key of a telephone", "keys are 0-9 * #, up to 8 of them")
        items = v.items if isinstance(v, Seq) else [v]
        ways: list[Way] = []
        for n, item in enumerate(items):
            way = _way(r, item, k.value)
            if way is None:
                continue
            ways.append(way)
            if way.when is None and n + 1 < len(items) and not _has_key(item, "when"):
                r.add("IVR032", items[n + 1], f"this way of key {k.value} is never taken: the one before has no `when`")
                break
        if not items:
            r.add("IVR010", v, f"key {k.value} leads nowhere", "name a step")
        found[k.value] = tuple(ways)
    if not pairs:
        r.add("IVR010", node, f"`{key}` is empty", "a menu has at least one key")
    r.prefixes(pairs)
    return found


def _has_key(node: Node, key: str) -> bool:
    return isinstance(node, Map) and node.get(key) is not None


def _way(r: Reader, node: Node, key: str) -> Way | None:
    if isinstance(node, Text):
        step = read_key_target(r, node, key)
        return Way(step) if step else None
    shape = r.shape(node, "WayShape", f"key {key}")
    return Way(shape.goto, shape.when, shape.set or ()) if shape and shape.goto else None


def _branches(r: Reader, node: Node, key: str) -> tuple[Way, ...] | None:
    if not isinstance(node, Seq) or not node.items:
        r.add("IVR010", node, f"`{key}` is a list of {{when: condition, goto: step}}, the last without `when`")
        return None
    found: list[Way] = []
    last = len(node.items) - 1
    for n, item in enumerate(node.items):
        shape = r.shape(item, "BranchShape", f"way {n + 1} of `{key}`")
        if n < last and isinstance(item, Map) and not _has_key(item, "when"):
            r.add("IVR032", node.items[n + 1], "this way is never taken: the one before has no `when`")
        if n == last and _has_key(item, "when"):
            hint = "add `- goto: step` without `when`"
            r.add("IVR033", item, "the last way has a `when`: where to, if it does not hold?", hint)
        if shape and shape.goto:
            found.append(Way(shape.goto, shape.when, shape.set or ()))
    return tuple(found)


def _destinations(r: Reader, node: Node, key: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for k, v in r.pairs(node, key, "{operator: user/1000}") or ():
        name, word = read_name(r, k, key), r.word(v, k.value)
        if word and not DIAL_STRING.fullmatch(word.value):
            hint = "write type/address, as in user/1000 or sofia/gateway/main/95588"
            r.add("IVR029", word, f"{quoted(word.value)} is not a plain dial string", hint)
        elif name and word:
            found[name] = word.value
    return found


def _queues(r: Reader, node: Node, key: str) -> dict[str, dict[str, Any]] | None:
    """`{support: support@default}`, or with a map of what the switch is to be told of it."""
    found: dict[str, dict[str, Any]] = {}
    for k, v in r.pairs(node, key, "{support: support@default}") or ():
        name = read_name(r, k, key)
        if isinstance(v, Map):
            shape = r.shape(v, "QueueSettings", f"queue {quoted(k.value)}")
            said = {s: getattr(shape, s) for s in shape.__slots__ if getattr(shape, s) is not None} if shape else {}
        else:
            queue = read_switch_queue(r, v, k.value)
            said = {"queue": queue} if queue else {}
        if name:
            found[name] = said
    return found


def _leave(r: Reader, node: Node, key: str) -> dict[str, str] | None:
    pairs = r.pairs(node, key, '{"#": step}')
    if pairs is None:
        return None
    found: dict[str, str] = {}
    for k, v in pairs:
        if not ONE_KEY.fullmatch(k.value):
            r.add(
                "IVR030", k, f"{quoted(k.value)} is no single key of a telephone", "one of 0-9 * #: a queue hears one"
            )
        step = read_target(r, v, k.value)
        if step:
            found[k.value] = step
    if not pairs:
        r.add("IVR010", node, f"`{key}` is empty", "name a key, or leave it out")
    return found


def _facts(r: Reader, node: Node, key: str) -> tuple[str, ...]:
    found = []
    for item in r.entries(node, key, "[caller.vip]") or ():
        word = r.word(item, key)
        if word is None:
            continue
        if all(usable_name(part) for part in word.value.split(".")):
            found.append(word.value)
        else:
            r.add("IVR016", word, f"{quoted(word.value)} is not a name", "as in vip or caller.vip")
    return tuple(found)


def _variables(r: Reader, node: Node, key: str) -> dict[str, Any]:
    found = {}
    for k, v in r.pairs(node, key, "{name: value}") or ():
        name, word = r.variable(k), r.word(v, k.value, empty=True)
        if word and template.computed(word.value) is not None:
            r.add("IVR045", word, "a first value is plain, without {{ }}", "compute it in a `set` step")
        elif name and word:
            found[name] = literal(word)
    return found


def _languages(r: Reader, node: Node, key: str) -> tuple[str, ...]:
    found: list[str] = []
    for item in r.entries(node, key, "[zh, en]") or ():
        word = r.word(item, key)
        if word is None:
            continue
        if not LANGUAGE.fullmatch(word.value):
            r.add("IVR016", word, f"{quoted(word.value)} is not a language code", "as in zh, en, pt-BR")
        elif word.value in found:
            r.add("IVR008", word, f"{quoted(word.value)} is here a second time")
        else:
            found.append(word.value)
    if isinstance(node, Seq) and not node.items:
        r.add("IVR010", node, f"`{key}` is empty", "name at least one language")
    return tuple(found)


def _confirm(r: Reader, node: Node, key: str) -> Any:
    from ivr.lang.asking import Confirm

    if isinstance(node, Map) and node.get("say") is not None:
        shape = r.shape(node, "Confirm", f"`{key}`")
        if shape and (shape.yes or "1") == (shape.no or "2"):
            r.add("IVR034", node, f"yes and no are the same key, {shape.yes or '1'}", "give `no` another key")
        return shape
    prompts = read_prompt(r, node, key)
    return Confirm(prompts) if prompts else None


def _raw(r: Reader, node: Node, key: str) -> Node:
    return node


def nested(shape: str) -> Kind:
    """A map with rows of its own; ``shape`` is a class of lang.model."""
    return Kind(f"[{shape}](#{shape.lower()})", ref(shape), lambda r, node, key: r.shape(node, shape, f"`{key}`"))


KEY_MAP: Schema = {"type": "object", "propertyNames": {"pattern": f"^{KEY.pattern}$"}, "minProperties": 1}
_BOTH: Schema = {"type": "object", "required": ["silence", "wrong"], "additionalProperties": False}


def _either(one: Schema) -> Schema:
    return {"anyOf": [one, {**_BOTH, "properties": {"silence": one, "wrong": one}}]}


TRIES = Kind("number or map", _either({"type": "integer", "minimum": 1, "maximum": 99}), _tries)
GIVE_UP = Kind("target or map", _either(ref("target")), _give_up)
ESCALATION = Kind("list of prompts", {"type": "array", "minItems": 1, "items": ref("prompt")}, _escalation)
ASSIGNS = Kind("map", {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": SCALAR}, _assigns)
KEYS = Kind(
    "map of keys",
    {
        **KEY_MAP,
        "additionalProperties": {
            "anyOf": [ref("target"), ref("WayShape"), {"type": "array", "items": ref("WayShape")}]
        },
    },
    _ways,
)
BRANCHES = Kind("list of ways", {"type": "array", "minItems": 1, "items": ref("BranchShape")}, _branches)
DESTINATIONS = Kind(
    "map",
    {
        "type": "object",
        "propertyNames": NAME_SCHEMA,
        "additionalProperties": {"type": "string", "pattern": f"^{DIAL_STRING.pattern}$"},
    },
    _destinations,
)
_QUEUE = {"anyOf": [{"type": "string", "pattern": f"^{QUEUE_NAME.pattern}$"}, ref("QueueSettings")]}
QUEUES = Kind("map", {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": _QUEUE}, _queues)
LEAVE = Kind(
    "map of keys",
    {
        "type": "object",
        "propertyNames": {"pattern": f"^{ONE_KEY.pattern}$"},
        "minProperties": 1,
        "additionalProperties": ref("target"),
    },
    _leave,
)
FACTS = Kind("list of names", {"type": "array", "items": {"type": "string"}}, _facts)
VARIABLES = Kind("map", {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": SCALAR}, _variables)
LANGUAGES = Kind(
    "list of languages",
    {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{LANGUAGE.pattern}$"}},
    _languages,
)
CONFIRM = Kind("prompt or map", {"anyOf": [ref("Confirm"), ref("prompt")]}, _confirm)
STEPS = Kind(
    "map of steps",
    {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": ref("step"), "minProperties": 1},
    _raw,
)
QUESTIONS = Kind(
    "list of questions",
    {"type": "array", "minItems": 1, "items": {"anyOf": [ref("Question"), ref("Section"), ref("SayText")]}},
    _raw,
)
