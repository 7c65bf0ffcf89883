"""Kinds of values: how one value is read, what an editor may check of it, what the reference calls it.

Law: a kind reads one node and says in words of its own what is wrong with it; it returns None then, and the file is
not compiled. Nothing here knows which key it stands under but its name, for the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ivr.core.program import END, REPEAT, Assign, Way
from ivr.lang import pattern as patterns
from ivr.lang import template
from ivr.lang.expr import NAME, Fault, usable_name
from ivr.lang.problem import meant, quoted
from ivr.lang.source import Map, Node, Seq, Text

if TYPE_CHECKING:
    from ivr.lang.reader import Reader

Schema = dict[str, Any]
MAX_KEYS = patterns.MAX_KEYS
DAY_MS = 24 * 3_600_000


@dataclass(frozen=True)
class Kind:
    name: str  # in the reference
    schema: Schema
    read: Callable[[Reader, Node, str], Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


#: YAML's own types for editors: they read `1` and `true` as numbers and booleans, and so we must allow them.
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
NAME_SCHEMA: Schema = {"type": "string", "pattern": f"^{NAME.pattern}$"}
DURATION_SCHEMA: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"}
KEY = re.compile(r"[0-9*#]{1,8}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
#: Channel type, then address. Nothing that a dial string could use to do more: , | { } [ ] & ^ $ ( ) quotes, blanks.
DIAL_STRING = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_.+@:;=%*#~-]+)+")


def _text(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    return word.value if word else None


def _name(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word and not NAME.fullmatch(word.value):
        r.add("IVR016", word, f"{quoted(word.value)} is not a name", NAME_HINT)
        return None
    return word.value if word else None


NAME_HINT = "names are letters, digits and _, a letter first"


def _variable(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    return r.variable(word) if word else None


def _bool(r: Reader, node: Node, key: str) -> bool | None:
    word = r.word(node, key)
    if word is None:
        return None
    if word.value not in ("true", "false"):
        r.add("IVR015", word, f"`{key}` is true or false, not {quoted(word.value)}")
        return None
    return word.value == "true"


def _true(r: Reader, node: Node, key: str) -> bool | None:
    word = r.word(node, key)
    if word and word.value != "true":
        r.add("IVR015", word, f"`{key}` can only be true, not {quoted(word.value)}", "else leave it out")
        return None
    return True if word else None


def _words(*words: str) -> Callable[[Reader, Node, str], str | None]:
    def read(r: Reader, node: Node, key: str) -> str | None:
        word = r.word(node, key)
        if word and word.value not in words:
            known = " or ".join(f"`{w}`" for w in words)
            r.add("IVR015", word, f"`{key}` is {known}, not {quoted(word.value)}", meant(word.value, words))
            return None
        return word.value if word else None

    return read


_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def _duration(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word is None:
        return None
    hit = _DURATION.fullmatch(word.value)
    if hit is None:
        bare = re.fullmatch(r"[0-9.]+", word.value)
        hint = f"write {word.value}s for seconds" if bare else "as in 500ms, 5s, 2.5s, 2m, 1h"
        r.add("IVR014", word, f"`{key}` is a time with its unit, not {quoted(word.value)}", hint)
        return None
    ms = round(float(hit[1]) * _UNITS[hit[2]])
    if not 0 < ms <= DAY_MS:
        r.add("IVR014", word, f"`{key}` is more than nothing and at most 24h, not {word.value}")
        return None
    return ms


def _count(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]?", word.value):
        r.add("IVR015", word, f"`{key}` is a number from 1 to 99, not {quoted(word.value)}")
        return None
    return int(word.value)


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
        pair = _pair(r, node, key, _count)
        return (0, *pair) if pair else None
    total = _count(r, node, key)
    return (total, 0, 0) if total else None


def _give_up(r: Reader, node: Node, key: str) -> tuple[str, str] | None:
    if isinstance(node, Map):
        return _pair(r, node, key, _target)
    step = _target(r, node, key)
    return (step, step) if step else None


def _target(r: Reader, node: Node, key: str) -> str | None:
    return _to(r, node, key, in_keys=False)


def _key_target(r: Reader, node: Node, key: str) -> str | None:
    return _to(r, node, key, in_keys=True)


def _to(r: Reader, node: Node, key: str, in_keys: bool) -> str | None:
    word = r.word(node, key)
    if word is None:
        return None
    if word.value == "hang_up":
        return END
    if word.value == "repeat":
        if not in_keys:
            hint = "name the step"
            r.add("IVR026", word, "`repeat` can only stand in the keys of a menu", hint)
            return None
        return REPEAT
    if not NAME.fullmatch(word.value):
        r.add("IVR016", word, f"{quoted(word.value)} is not a step name", NAME_HINT)
        return None
    r.targets.append((word, word.value))
    return word.value


def _prompt(r: Reader, node: Node, key: str) -> tuple[str, ...] | None:
    if isinstance(node, Seq):
        ids = [r.prompt(item, key) for item in node.items]
        if not ids:
            r.add("IVR046", node, f"`{key}` is an empty list", "name a prompt")
        return tuple(i for i in ids if i is not None)
    one = r.prompt(node, key)
    return (one,) if one else None


def _escalation(r: Reader, node: Node, key: str) -> tuple[tuple[str, ...], ...] | None:
    if not isinstance(node, Seq):
        hint = f"write `{key}: [{node.value}]`" if isinstance(node, Text) and node.value else ""
        r.add("IVR010", node, f"`{key}` is a list of prompts: for the first time, the second, ...", hint)
        return None
    if not node.items:
        r.add("IVR046", node, f"`{key}` is an empty list", "name a prompt, or leave it out")
        return None
    return tuple(_prompt(r, item, key) or () for item in node.items)


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


def _condition(r: Reader, node: Node, key: str) -> Any:
    word = r.word(node, key)
    return r.condition(word) if word else None


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
        step = _key_target(r, node, key)
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
        name, word = _name(r, k, key), r.word(v, k.value)
        if word and not DIAL_STRING.fullmatch(word.value):
            hint = "write type/address, as in user/1000 or sofia/gateway/main/95588"
            r.add("IVR029", word, f"{quoted(word.value)} is not a plain dial string", hint)
        elif name and word:
            found[name] = word.value
    return found


def _destination(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word:
        r.destinations_used.append(word)
    return word.value if word else None


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


def _range_of(r: Reader, node: Node, key: str, lowest: int, highest: int, one: bool) -> tuple[int, int] | None:
    word = r.word(node, key)
    if word is None:
        return None
    hit = re.fullmatch(r"([0-9]{1,9})(?:\.\.([0-9]{1,9}))?", word.value)
    if hit is None or (hit[2] is None and not one):
        forms = "6 or 6..10" if one else "1..5"
        r.add("IVR072", word, f"`{key}` is written {forms}, not {quoted(word.value)}")
        return None
    low, high = int(hit[1]), int(hit[2] or hit[1])
    if low > high:
        r.add("IVR072", word, f"`{key}` goes from high to low", f"write {high}..{low}")
        return None
    if low < lowest or high > highest:
        r.add("IVR072", word, f"`{key}` lies within {lowest}..{highest}, not {word.value}")
        return None
    return low, high


def _length(r: Reader, node: Node, key: str) -> tuple[int, int] | None:
    return _range_of(r, node, key, 1, MAX_KEYS, True)


def _range(r: Reader, node: Node, key: str) -> tuple[int, int] | None:
    return _range_of(r, node, key, 0, 999_999_999, False)


def _pattern(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word is None:
        return None
    vetted = patterns.vet(word.value)
    if isinstance(vetted, Fault):
        r.fault(word, vetted)
        return None
    return word.value


def _one_key(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word and not re.fullmatch(r"[0-9*#]", word.value):
        r.add("IVR030", word, f"`{key}` is one key of a telephone, not {quoted(word.value)}", "0-9 * #")
        return None
    return word.value if word else None


def _confirm(r: Reader, node: Node, key: str) -> Any:
    from ivr.lang.model import Confirm

    if isinstance(node, Map) and node.get("say") is not None:
        shape = r.shape(node, "Confirm", f"`{key}`")
        if shape and (shape.yes or "1") == (shape.no or "2"):
            r.add("IVR034", node, f"yes and no are the same key, {shape.yes or '1'}", "give `no` another key")
        return shape
    prompts = _prompt(r, node, key)
    return Confirm(prompts) if prompts else None


def _survey(r: Reader, node: Node, key: str) -> Text | None:
    return r.word(node, key) if _name(r, node, key) else None


def _options(r: Reader, node: Node, key: str) -> dict[str, str] | None:
    pairs = r.pairs(node, key, "{1: late, 2: price}")
    if pairs is None:
        return None
    found: dict[str, str] = {}
    values: dict[str, str] = {}
    for k, v in pairs:
        word = r.word(v, f"option {k.value}")
        if not KEY.fullmatch(k.value):
            r.add("IVR030", k, f"{quoted(k.value)} is no key of a telephone", "keys are 0-9 * #, up to 8 of them")
        if word is None:
            continue
        if word.value in values:
            r.add("IVR073", word, f"{quoted(word.value)} is also the value of key {values[word.value]}")
        values[word.value] = k.value
        found[k.value] = word.value
    if not pairs:
        r.add("IVR073", node, f"`{key}` is empty", "a choice has at least one option")
    r.prefixes(pairs)
    return found


def _raw(r: Reader, node: Node, key: str) -> Node:
    return node


def nested(shape: str) -> Kind:
    """A map with rows of its own; ``shape`` is a class of lang.model."""
    return Kind(f"[{shape}](#{shape.lower()})", ref(shape), lambda r, node, key: r.shape(node, shape, f"`{key}`"))


_KEY_MAP: Schema = {"type": "object", "propertyNames": {"pattern": f"^{KEY.pattern}$"}, "minProperties": 1}
_BOTH: Schema = {"type": "object", "required": ["silence", "wrong"], "additionalProperties": False}


def _either(one: Schema) -> Schema:
    return {"anyOf": [one, {**_BOTH, "properties": {"silence": one, "wrong": one}}]}


TEXT = Kind("text", SCALAR, _text)
NAME_KIND = Kind("name", NAME_SCHEMA, _name)
VARIABLE = Kind("name", NAME_SCHEMA, _variable)
BOOL = Kind("true or false", {"type": "boolean"}, _bool)
TRUE = Kind("true", {"const": True}, _true)
DURATION = Kind("time", ref("time"), _duration)
TRIES = Kind("number or map", _either({"type": "integer", "minimum": 1, "maximum": 99}), _tries)
TARGET = Kind("target", ref("target"), _target)
KEY_TARGET = Kind("target", ref("target"), _key_target)
GIVE_UP = Kind("target or map", _either(ref("target")), _give_up)
TYPE_AHEAD = Kind("keep or flush", {"enum": ["keep", "flush"]}, _words("keep", "flush"))
ENTRY_TYPE = Kind("digits or number", {"enum": ["digits", "number"]}, _words("digits", "number"))
END_KEY = Kind("key or none", {"enum": ["#", "*", "none"]}, _words("#", "*", "none"))
RECORD_END = Kind('"#" or any', {"enum": ["#", "any"]}, _words("#", "any"))
SURVEY_GIVE_UP = Kind("skip or stop", {"enum": ["skip", "stop"]}, _words("skip", "stop"))
PROMPT = Kind("prompt", ref("prompt"), _prompt)
ESCALATION = Kind("list of prompts", {"type": "array", "minItems": 1, "items": ref("prompt")}, _escalation)
CONDITION = Kind("condition", SCALAR, _condition)
ASSIGNS = Kind("map", {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": SCALAR}, _assigns)
KEYS = Kind(
    "map of keys",
    {
        **_KEY_MAP,
        "additionalProperties": {
            "anyOf": [ref("target"), ref("WayShape"), {"type": "array", "items": ref("WayShape")}]
        },
    },
    _ways,
)
BRANCHES = Kind("list of ways", {"type": "array", "minItems": 1, "items": ref("BranchShape")}, _branches)
DESTINATION = Kind("destination", NAME_SCHEMA, _destination)
DESTINATIONS = Kind(
    "map",
    {
        "type": "object",
        "propertyNames": NAME_SCHEMA,
        "additionalProperties": {"type": "string", "pattern": f"^{DIAL_STRING.pattern}$"},
    },
    _destinations,
)
FACTS = Kind("list of names", {"type": "array", "items": {"type": "string"}}, _facts)
VARIABLES = Kind("map", {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": SCALAR}, _variables)
LANGUAGES = Kind(
    "list of languages",
    {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{LANGUAGE.pattern}$"}},
    _languages,
)
_SPAN = r"[0-9]{1,9}\.\.[0-9]{1,9}"
LENGTH = Kind(
    "number or range",
    {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{_SPAN}$"}]},
    _length,
)
RANGE = Kind("range", {"type": "string", "pattern": f"^{_SPAN}$"}, _range)
PATTERN = Kind("regular expression", {"type": "string", "maxLength": patterns.MAX_LENGTH}, _pattern)
ONE_KEY = Kind("key", {"type": ["string", "integer"]}, _one_key)
CONFIRM = Kind("prompt or map", {"anyOf": [ref("Confirm"), ref("prompt")]}, _confirm)
SURVEY = Kind("questionnaire", NAME_SCHEMA, _survey)
OPTIONS = Kind("map of keys", {**_KEY_MAP, "additionalProperties": SCALAR}, _options)
STEPS = Kind(
    "map of steps",
    {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": ref("step"), "minProperties": 1},
    _raw,
)
QUESTIONS = Kind("list of questions", {"type": "array", "minItems": 1, "items": ref("Question")}, _raw)
