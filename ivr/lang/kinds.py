"""Kinds of values: how one value is read, what an editor may check of it, what the reference calls it.

Law: a kind reads one node and says in words of its own what is wrong with it; it returns None then, and the file is
not compiled. Nothing here knows which key it stands under but its name, for the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ivr.core.program import END, REPEAT
from ivr.lang import pattern as patterns
from ivr.lang import queues
from ivr.lang.expr import NAME, Fault
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


def _text(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    return word.value if word else None


def read_name(r: Reader, node: Node, key: str) -> str | None:
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


def words(*choices: str) -> Callable[[Reader, Node, str], str | None]:
    def read(r: Reader, node: Node, key: str) -> str | None:
        word = r.word(node, key)
        if word and word.value not in choices:
            known = " or ".join(f"`{w}`" for w in choices)
            r.add("IVR015", word, f"`{key}` is {known}, not {quoted(word.value)}", meant(word.value, choices))
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


_SPANS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS}


def _span(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word is None:
        return None
    hit = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", word.value)
    if hit is None:
        hint = f"write {word.value}d for days" if word.value.isdigit() else "as in 30m, 12h, 7d, 400d"
        r.add("IVR014", word, f"`{key}` is a span of time with its unit, not {quoted(word.value)}", hint)
        return None
    return int(hit[1]) * _SPANS[hit[2]]


def _share(r: Reader, node: Node, key: str) -> float | None:
    word = r.word(node, key)
    if word is None:
        return None
    hit = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", word.value)
    if hit is None or not 0 < float(hit[1]) <= 100:
        r.add("IVR015", word, f"`{key}` is a part of the calls, not {quoted(word.value)}", "as in 30% or 2.5%")
        return None
    return float(hit[1]) / 100


def read_count(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]?", word.value):
        r.add("IVR015", word, f"`{key}` is a number from 1 to 99, not {quoted(word.value)}")
        return None
    return int(word.value)


def read_target(r: Reader, node: Node, key: str) -> str | None:
    return _to(r, node, key, in_keys=False)


def read_key_target(r: Reader, node: Node, key: str) -> str | None:
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


def read_prompt(r: Reader, node: Node, key: str) -> tuple[str, ...] | None:
    if isinstance(node, Seq):
        # One text in each language, side by side, is a greeting before the language is known: each is heard as it is.
        alone = [item.items[0][0].value for item in node.items if isinstance(item, Map) and len(item.items) == 1]
        spoken = len(alone) > 1 and set(alone) == set(r.languages)
        ids = [r.prompt(item, key, in_its_own_language=spoken) for item in node.items]
        if not ids:
            r.add("IVR046", node, f"`{key}` is an empty list", "name a prompt")
        return tuple(i for i in ids if i is not None)
    one = r.prompt(node, key)
    return (one,) if one else None


def _condition(r: Reader, node: Node, key: str) -> Any:
    word = r.word(node, key)
    return r.condition(word) if word else None


def _destination(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word:
        r.destinations_used.append(word)
    return word.value if word else None


def _queue(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word:
        r.queues_used.append(word)
    return word.value if word else None


def read_switch_queue(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word and not queues.NAME.fullmatch(word.value):
        r.add("IVR038", word, f"{quoted(word.value)} is not a queue's name on the switch", "write support@default")
        return None
    return word.value if word else None


def _sound(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word and (not queues.SOUND.fullmatch(word.value) or "${" in word.value):
        r.add("IVR015", word, f"`{key}` is a file or stream of the switch, not {quoted(word.value)}", "one word")
        return None
    return word.value if word else None


def _callers(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,3}", word.value):
        r.add("IVR015", word, f"`{key}` is a number from 1 to {queues.MOST_CALLERS}, not {quoted(word.value)}")
        return None
    return int(word.value)


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


def _survey(r: Reader, node: Node, key: str) -> Text | None:
    return r.word(node, key) if read_name(r, node, key) else None


TEXT = Kind("text", SCALAR, _text)
NAME_KIND = Kind("name", NAME_SCHEMA, read_name)
VARIABLE = Kind("name", NAME_SCHEMA, _variable)
BOOL = Kind("true or false", {"type": "boolean"}, _bool)
TRUE = Kind("true", {"const": True}, _true)
DURATION = Kind("time", ref("time"), _duration)
SPAN = Kind("span of time", {"type": "string", "pattern": "^[1-9][0-9]{0,4}[mhd]$"}, _span)
SHARE = Kind("share", {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,3})?%$"}, _share)
COUNT = Kind("number", {"type": "integer", "minimum": 1, "maximum": 99}, read_count)
TARGET = Kind("target", ref("target"), read_target)
KEY_TARGET = Kind("target", ref("target"), read_key_target)
TYPE_AHEAD = Kind("keep or flush", {"enum": ["keep", "flush"]}, words("keep", "flush"))
ENTRY_TYPE = Kind("digits or number", {"enum": ["digits", "number"]}, words("digits", "number"))
END_KEY = Kind("key or none", {"enum": ["#", "*", "none"]}, words("#", "*", "none"))
RECORD_END = Kind('"#" or any', {"enum": ["#", "any"]}, words("#", "any"))
SURVEY_GIVE_UP = Kind("skip or stop", {"enum": ["skip", "stop"]}, words("skip", "stop"))
DETECT = Kind("machine", {"const": "machine"}, words("machine"))
OPT_OUT_SCOPE = Kind("all or campaign", {"enum": ["all", "campaign"]}, words("all", "campaign"))
PROMPT = Kind("prompt", ref("prompt"), read_prompt)
CONDITION = Kind("condition", SCALAR, _condition)
DESTINATION = Kind("destination", NAME_SCHEMA, _destination)
QUEUE = Kind("queue", NAME_SCHEMA, _queue)
SWITCH_QUEUE = Kind("queue of the switch", {"type": "string", "pattern": f"^{queues.NAME.pattern}$"}, read_switch_queue)
STRATEGY = Kind("one of " + " ".join(queues.STRATEGIES), {"enum": [*queues.STRATEGIES]}, words(*queues.STRATEGIES))
SOUND = Kind("sound of the switch", {"type": "string", "pattern": f"^{queues.SOUND.pattern}$"}, _sound)
CALLERS = Kind("number", {"type": "integer", "minimum": 1, "maximum": queues.MOST_CALLERS}, _callers)
_SPAN = r"[0-9]{1,9}\.\.[0-9]{1,9}"
LENGTH = Kind(
    "number or range",
    {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^{_SPAN}$"}]},
    _length,
)
PATTERN = Kind("regular expression", {"type": "string", "maxLength": patterns.MAX_LENGTH}, _pattern)
ONE_KEY = Kind("key", {"type": ["string", "integer"]}, _one_key)
SURVEY = Kind("questionnaire", NAME_SCHEMA, _survey)
