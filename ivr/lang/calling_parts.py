"""Calling parts: the values, maps and lists that only a campaign has.

Law: as for ``lang.kinds`` and ``lang.parts``. Whether a place of holidays is known is ``ivr.campaign``'s question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from ivr.lang.kinds import SCALAR, Kind, ref, words
from ivr.lang.problem import meant, quoted
from ivr.lang.source import Map, Node, Seq, Text

if TYPE_CHECKING:
    from ivr.lang.reader import Reader

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: What a file may say of the attempts after it. Nobody was called by `not_attempted`.
RETRIED: Final = (
    "answered",
    "machine",
    "no_answer",
    "busy",
    "rejected",
    "invalid",
    "congestion",
    "failed",
    "short",
    "opted_out",
    "unknown",
)
#: Channel type, then the way to the gateway; the number follows after a slash. Nothing that a dial string expands.
DIAL: Final = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_.-]+)*")
_CALLER_ID = re.compile(r"\+?[0-9]{3,15}")
_PREFIX = re.compile(r"\+[0-9]{1,15}")
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME = r"([01][0-9]|2[0-4]):([0-5][0-9])"
_WINDOW = re.compile(rf"({_DAY}(?:[-,]{_DAY})*|daily) +{_TIME}-{_TIME}")
_HOLIDAYS = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,4})?")


def _dial(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word and not DIAL.fullmatch(word.value):
        hint = "write type/address, as in sofia/gateway/main; the number follows by itself"
        r.add("IVR029", word, f"{quoted(word.value)} is not a plain dial string", hint)
        return None
    return word.value if word else None


def _numbers(pattern: re.Pattern[str], what: str, example: str) -> Callable[[Reader, Node, str], tuple[str, ...]]:
    def read(r: Reader, node: Node, key: str) -> tuple[str, ...]:
        found = []
        for item in r.entries(node, key, f'["{example}"]') or ():
            word = r.word(item, key)
            if word and not pattern.fullmatch(word.value):
                r.add("IVR091", word, f"{quoted(word.value)} is no {what}", f"as in {example}")
            elif word:
                found.append(word.value)
        if isinstance(node, Seq) and not node.items:
            r.add("IVR091", node, f"`{key}` is empty", "name one, or leave it out")
        return tuple(found)

    return read


def _rate(r: Reader, node: Node, key: str) -> float | None:
    """Whole calls in a second, or less than one: what a limit on any second can mean."""
    word = r.word(node, key)
    if word is None:
        return None
    hit = re.fullmatch(r"[1-9][0-9]{0,2}|0\.[0-9]{1,3}", word.value)
    if hit is None or not float(word.value):
        hint = "as in 5, or 0.5 for one in two seconds"
        message = f"`{key}` is calls in a second, 1 to 999 or below 1, not {quoted(word.value)}"
        r.add("IVR015", word, message, hint)
        return None
    return float(word.value)


def _calls(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word and not re.fullmatch(r"[1-9][0-9]{0,4}", word.value):
        r.add("IVR015", word, f"`{key}` is a number of calls from 1 to 99999, not {quoted(word.value)}")
        return None
    return int(word.value) if word else None


def _priority(r: Reader, node: Node, key: str) -> int | None:
    word = r.word(node, key)
    if word and not re.fullmatch(r"[1-9]", word.value):
        r.add("IVR015", word, f"`{key}` is 1, first, to 9, last, not {quoted(word.value)}")
        return None
    return int(word.value) if word else None


def _zone(r: Reader, node: Node, key: str) -> str | None:
    """ "" for `none`."""
    word = r.word(node, key)
    if word is None:
        return None
    if word.value == "none":
        return ""
    zones = available_timezones()
    if word.value not in zones:
        hint = meant(word.value, zones) or "as in Asia/Shanghai, Europe/Berlin; or none"
        r.add("IVR093", word, f"no time zone {quoted(word.value)}", hint)
        return None
    return word.value


def _windows(r: Reader, node: Node, key: str) -> tuple[tuple[tuple[int, ...], int, int], ...] | None:
    """(days, first minute, minute after the last) of each."""
    found = []
    items = r.entries(node, key, "[Mon-Fri 09:00-20:00]")
    for item in items or ():
        word = r.word(item, key)
        window = _window(r, word) if word else None
        if window:
            found.append(window)
    if items is not None and not items:
        r.add("IVR094", node, f"`{key}` is empty: nobody is ever called", "as in [Mon-Fri 09:00-20:00]")
    return tuple(found)


def _window(r: Reader, word: Text) -> tuple[tuple[int, ...], int, int] | None:
    hit = _WINDOW.fullmatch(word.value)
    if hit is None:
        hint = "as in Mon-Fri 09:00-12:00, Sat,Sun 10:00-18:00, daily 09:00-20:00"
        r.add("IVR093", word, f"{quoted(word.value)} is no window", hint)
        return None
    opens, closes = int(hit[2]) * 60 + int(hit[3]), int(hit[4]) * 60 + int(hit[5])
    if max(opens, closes) > 24 * 60:
        r.add("IVR093", word, "a day ends at 24:00", part=word.value[-11:])
        return None
    if opens >= closes:
        hint = f"two windows: until 24:00, and from 00:00 until {hit[4]}:{hit[5]}" if closes else "write 24:00"
        r.add("IVR094", word, f"{quoted(word.value)} never opens: it begins after its end", hint)
        return None
    return _days(hit[1]), opens, closes


def _days(text: str) -> tuple[int, ...]:
    if text == "daily":
        return tuple(range(7))
    found: set[int] = set()
    for part in text.split(","):
        ends = [DAYS.index(day) for day in part.split("-")]
        first, last = ends[0], ends[-1]
        found |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}  # Fri-Mon goes over the week's end
    return tuple(sorted(found))


def _holidays(r: Reader, node: Node, key: str) -> str | None:
    """ "" for `none`."""
    word = r.word(node, key)
    if word is None or word.value == "none":
        return None if word is None else ""
    if not _HOLIDAYS.fullmatch(word.value):
        r.add("IVR093", word, f"{quoted(word.value)} is no country", "as in CN, or DE-BY for a part of one; or none")
        return None
    return word.value


def _day(r: Reader, node: Node, key: str) -> str | None:
    word = r.word(node, key)
    if word is None:
        return None
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", word.value):
            return date.fromisoformat(word.value).isoformat()
    except ValueError:
        r.add("IVR093", word, f"{quoted(word.value)} is no day of the calendar")
        return None
    r.add("IVR093", word, f"`{key}` is a day, not {quoted(word.value)}", "as in 2026-12-01")
    return None


def _retries(r: Reader, node: Node, key: str) -> dict[str, Any] | None:
    """By outcome: a RetryShape, or "never"."""
    pairs = r.pairs(node, key, "{busy: {after: 10m, times: 3}}")
    if pairs is None:
        return None
    found: dict[str, Any] = {}
    for k, v in pairs:
        if k.value not in RETRIED:
            r.unknown_key(k, RETRIED, f"`{key}`")
        elif isinstance(v, Map):
            found[k.value] = r.shape(v, "RetryShape", f"the retry of {k.value}", k)
        else:
            word = r.word(v, k.value)
            if word and word.value != "never":
                hint = "write {after: 10m, times: 3}, or never"
                r.add("IVR015", word, f"{quoted(word.value)} says nothing of retries", hint)
            found[k.value] = "never"
    return found


def _named_prompt(r: Reader, node: Node, key: str) -> str | None:
    """A prompt of the catalogue: what is said here is built and heard like any other."""
    if not isinstance(node, Text):
        r.add("IVR010", node, f"`{key}` is the name of a prompt of prompts/", f"{key}: its_name")
        return None
    return r.prompt(node, key)


_NUMBERS = {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}}
_RETRY = {"anyOf": [{"const": "never"}, ref("RetryShape")]}
DIAL_KIND = Kind("dial string", {"type": "string", "pattern": f"^{DIAL.pattern}$"}, _dial)
CALLER_IDS = Kind("list of numbers", _NUMBERS, _numbers(_CALLER_ID, "number to call from", "+862112345678"))
PREFIXES = Kind("list of prefixes", _NUMBERS, _numbers(_PREFIX, "beginning of numbers", "+86"))
RATE = Kind("calls in a second", {"type": "number", "exclusiveMinimum": 0, "maximum": 999}, _rate)
CALLS = Kind("number of calls", {"type": "integer", "minimum": 1, "maximum": 99999}, _calls)
PRIORITY = Kind("number", {"type": "integer", "minimum": 1, "maximum": 9}, _priority)
ZONE = Kind("zone or none", {"type": "string"}, _zone)
WINDOWS = Kind(
    "list of windows",
    {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{_WINDOW.pattern}$"}},
    _windows,
)
HOLIDAYS = Kind("country or none", {"type": "string", "pattern": f"^({_HOLIDAYS.pattern}|none)$"}, _holidays)
DAY = Kind("day", {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}, _day)
RETRIES = Kind(
    "map of outcomes",
    {"type": "object", "propertyNames": {"enum": list(RETRIED)}, "additionalProperties": _RETRY},
    _retries,
)
PROMPT_NAME = Kind("name of a prompt", SCALAR, _named_prompt)
DETECT = Kind("signal, key or none", {"enum": ["signal", "key", "none"]}, words("signal", "key", "none"))
HANG_UP = Kind("hang_up", {"const": "hang_up"}, words("hang_up"))
CONSENT = Kind("required or not_required", {"enum": ["required", "not_required"]}, words("required", "not_required"))
