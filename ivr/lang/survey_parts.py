"""Survey parts: the values, maps and lists that only a questionnaire has.

Law: as for ``lang.kinds`` and ``lang.parts``.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from ivr.lang.expr import NAME
from ivr.lang.kinds import KEY, NAME_HINT, NAME_SCHEMA, SCALAR, Kind, Schema, read_count, read_prompt, ref, words
from ivr.lang.parts import KEY_MAP, LANGUAGE
from ivr.lang.problem import meant, quoted
from ivr.lang.source import Map, Node, Seq, Text

if TYPE_CHECKING:
    from ivr.lang.reader import Reader

#: How a survey ends; what `thanks` can be by.
OUTCOMES = ("complete", "partial", "screened_out", "quota_full", "refused")
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_RANGE = re.compile(rf"(?:({_NUMBER})\.\.({_NUMBER})|({_DAY})\.\.({_DAY}))")


def _texts(r: Reader, node: Node, key: str) -> dict[str, str] | None:
    """A text for each language of the file."""
    pairs = r.pairs(node, key, '{en: "too late"}')
    if pairs is None:
        return None
    found: dict[str, str] = {}
    for k, v in pairs:
        word = r.word(v, k.value)
        if k.value not in r.languages:
            hint = meant(k.value, r.languages) or f"there are: {', '.join(r.languages)}"
            r.add("IVR042", k, f"{quoted(k.value)} is not among the file's languages", hint)
        elif word is not None:
            if "{" in word.value or "}" in word.value:
                r.add("IVR045", word, f"`{key}` is plain text, without braces", part="{")
            found[k.value] = word.value.strip()
    for language in r.languages:
        if language not in {k.value for k, _ in pairs}:
            r.add("IVR041", node, f"`{key}` has no text for {language}", f"add `{language}:`")
    return found


def _text_or_texts(r: Reader, node: Node, key: str) -> dict[str, str] | None:
    if isinstance(node, Map):
        return _texts(r, node, key)
    word = r.word(node, key)
    return dict.fromkeys(r.languages, word.value) if word else None


def _consent(r: Reader, node: Node, key: str) -> Any:
    from ivr.lang.asking import ConsentShape

    if not (isinstance(node, Map) and node.get("say") is not None):
        prompts = read_prompt(r, node, key)
        return ConsentShape(prompts) if prompts else None
    shape = r.shape(node, "ConsentShape", f"`{key}`")
    if shape:
        keys = {"yes": shape.yes or "1", "no": shape.no or "2"}
        if shape.opt_out:
            keys["opt_out"] = shape.opt_out.key or "9"
        for number, (name, pressed) in enumerate(keys.items()):
            for other in list(keys)[:number]:
                if keys[other] == pressed:
                    r.add(
                        "IVR034", node, f"{other} and {name} are the same key, {pressed}", f"give `{name}` another key"
                    )
    return shape


def _options(r: Reader, node: Node, key: str) -> dict[str, Any] | None:
    """Keys to OptionShape: a bare value is one without words."""
    from ivr.lang.asking import OptionShape

    pairs = r.pairs(node, key, "{1: late, 2: price}")
    if pairs is None:
        return None
    found: dict[str, Any] = {}
    values: dict[str, str] = {}
    for k, v in pairs:
        if not KEY.fullmatch(k.value):
            r.add("IVR030", k, f"{quoted(k.value)} is no key of a telephone", "keys are 0-9 * #, up to 8 of them")
        shape: OptionShape | None
        if isinstance(v, Map):
            shape = r.shape(v, "OptionShape", f"option {k.value}")
        else:
            word = r.word(v, f"option {k.value}")
            shape = OptionShape(word.value) if word else None
        if shape is None or shape.value is None:
            continue
        if shape.value in values:
            r.add("IVR073", v, f"{quoted(shape.value)} is also the value of key {values[shape.value]}")
        values[shape.value] = k.value
        found[k.value] = shape
    if not pairs:
        r.add("IVR073", node, f"`{key}` is empty", "a choice has at least one option")
    r.prefixes(pairs)
    return found


def _labels(r: Reader, node: Node, key: str) -> dict[str, dict[str, str]] | None:
    found: dict[str, dict[str, str]] = {}
    for k, v in r.pairs(node, key, "{1: not at all, 5: very much}") or ():
        texts = _text_or_texts(r, v, f"label {k.value}")
        if texts is not None:
            found[k.value] = texts
    return found


def _range(r: Reader, node: Node, key: str) -> tuple[Any, Any] | None:
    word = r.word(node, key)
    if word is None:
        return None
    hit = _RANGE.fullmatch(word.value)
    if hit is None:
        forms = "1..5, 0..99.99 or 2020-01-01..2026-12-31"
        r.add("IVR072", word, f"`{key}` is written {forms}, not {quoted(word.value)}")
        return None
    low: Any
    high: Any
    if hit[3]:
        low, high = hit[3], hit[4]
        for day in (low, high):
            if not _is_day(day):
                r.add("IVR072", word, f"{day} is no day of the calendar", part=day)
                return None
    else:
        low, high = (float(n) if "." in n else int(n) for n in (hit[1], hit[2]))
    if low > high:
        r.add("IVR072", word, f"`{key}` goes from high to low", f"write {hit[4] or hit[2]}..{hit[3] or hit[1]}")
        return None
    return low, high


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _words(r: Reader, node: Node, key: str) -> tuple[str, ...]:
    found = (r.word(item, key) for item in r.entries(node, key, "[one, two]") or ())
    return tuple(word.value for word in found if word is not None)


def _missing_key(r: Reader, node: Node, key: str) -> str | None:
    """A key, or "" for `none`."""
    word = r.word(node, key)
    if word is None:
        return None
    if word.value == "none":
        return ""
    if not KEY.fullmatch(word.value) or "#" in word.value:
        hint = '0-9 and "*", as in "*" or 99; or none'
        r.add("IVR030", word, f"`{key}` is a key of a telephone, not {quoted(word.value)}", hint)
        return None
    return word.value


def _use(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word and not re.fullmatch(rf"(bank\.)?{NAME.pattern}(@[1-9][0-9]?)?", word.value):
        r.add("IVR080", word, f"{quoted(word.value)} is no question of a bank", "as in csat5 or csat5@2")
        return None
    return word.value.removeprefix("bank.") if word else None


def _lists(r: Reader, node: Node, key: str) -> dict[str, Any]:
    from ivr.lang.asking import ItemOfList

    found: dict[str, Any] = {}
    for k, v in r.pairs(node, key, "{products: {tv: {en: television}}}") or ():
        items = []
        for name, texts in r.pairs(v, f"list {k.value}", "{tv: {en: television}}") or ():
            if not NAME.fullmatch(name.value):
                r.add("IVR016", name, f"{quoted(name.value)} is not a name", NAME_HINT)
            spoken = _text_or_texts(r, texts, name.value)
            if spoken is not None:
                items.append(ItemOfList(name.value, spoken))
        found[k.value] = tuple(items)
    return found


def _thanks(r: Reader, node: Node, key: str) -> dict[str, tuple[str, ...]] | None:
    """By outcome; one prompt is for those who finish."""
    if isinstance(node, Map) and any(k.value in OUTCOMES for k, _ in node.items):
        found = {}
        for k, v in node.items:
            if k.value not in OUTCOMES:
                r.unknown_key(k, OUTCOMES, f"`{key}`")
            elif (prompts := read_prompt(r, v, k.value)) is not None:
                found[k.value] = prompts
        return found
    prompts = read_prompt(r, node, key)
    return {"complete": prompts} if prompts else None


def _completes(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word and not re.fullmatch(r"[1-9][0-9]{0,7}", word.value):
        r.add("IVR015", word, f"`{key}` is a number from 1 up, not {quoted(word.value)}")
        return None
    return int(word.value) if word else None


def _decimals(r: Reader, node: Node, key: str) -> int | None:
    if isinstance(node, Text) and node.value == "0":
        return 0
    count = read_count(r, node, key)
    if count is not None and count > 6:
        r.add("IVR015", node, f"`{key}` is at most 6, not {count}")
        return None
    return count


def shapes(name: str) -> Kind:
    """A list of maps, each of the shape ``name``."""

    def read(r: Reader, node: Node, key: str) -> tuple[Any, ...] | None:
        items = node.items if isinstance(node, Seq) else r.entries(node, key, f"- {{{key.rstrip('s')}: name, ...}}")
        found = [r.shape(item, name, f"one of `{key}`") for item in items or ()]
        return tuple(shape for shape in found if shape is not None)

    return Kind(f"list of [{name}](#{name.lower()})", {"type": "array", "items": ref(name)}, read)


def _raw(r: Reader, node: Node, key: str) -> Node:
    return node


_BY_LANGUAGE: Schema = {
    "type": "object",
    "propertyNames": {"pattern": f"^{LANGUAGE.pattern}$"},
    "additionalProperties": {"type": ["string", "number"]},
}
_MAP: Schema = {"type": "object"}
_BY_OUTCOME: Schema = {
    **_MAP,
    "propertyNames": {"enum": list(OUTCOMES)},
    "additionalProperties": ref("prompt"),
    "minProperties": 1,
}
TEXTS = Kind("text by language", _BY_LANGUAGE, _texts)
TEXT_OR_TEXTS = Kind("text, or text by language", {"anyOf": [SCALAR, _BY_LANGUAGE]}, _text_or_texts)
OPTIONS = Kind("map of keys", {**KEY_MAP, "additionalProperties": {"anyOf": [SCALAR, ref("OptionShape")]}}, _options)
LABELS = Kind("map of steps", {**_MAP, "additionalProperties": {"anyOf": [SCALAR, _BY_LANGUAGE]}}, _labels)
RANGE = Kind("range", {"type": "string", "pattern": f"^{_RANGE.pattern}$"}, _range)
WORDS = Kind("list of words", {"type": "array", "items": SCALAR}, _words)
MISSING_KEY = Kind("key or none", {"type": ["string", "integer"]}, _missing_key)
CONSENT = Kind("prompt or map", {"anyOf": [ref("ConsentShape"), ref("prompt")]}, _consent)
USE = Kind("question of the bank", {"type": "string"}, _use)
LISTS = Kind("map of lists", {**_MAP, "propertyNames": NAME_SCHEMA, "additionalProperties": _MAP}, _lists)
THANKS = Kind(
    "prompt, or prompts by outcome",
    {"anyOf": [ref("prompt"), _BY_OUTCOME]},
    _thanks,
)
ORDER = Kind("fixed or random", {"enum": ["fixed", "random"]}, words("fixed", "random"))
DIRECTION = Kind("up or down", {"enum": ["up", "down"]}, words("up", "down"))
DATE_FORMAT = Kind("ymd, dmy or mdy", {"enum": ["ymd", "dmy", "mdy"]}, words("ymd", "dmy", "mdy"))
ALERT_KIND = Kind("notify or call_back", {"enum": ["notify", "call_back"]}, words("notify", "call_back"))
COMPLETES = Kind("number", {"type": "integer", "minimum": 1}, _completes)
DECIMALS = Kind("number", {"type": "integer", "minimum": 0, "maximum": 6}, _decimals)
VERSIONS = Kind("list of versions", {"type": "array", "minItems": 1, "items": ref("BankVersion")}, _raw)
