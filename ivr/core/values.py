"""Values: what the keys of an entry stand for.

Law: pure and total. Keys that are no answer of their kind are None. ``*`` is the decimal point of an amount; everywhere
else an entry is digits.

    digits   the keys as text            number   a whole number
    amount   12*50 is 12.5               ymd, dmy, mdy   eight digits, an ISO date: 2026-11-25
    multiple the items of the keys, each once, in the order of the items
    ranking  the items of the keys in their own order, none twice
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from ivr.core.nodes import Collect

#: kind -> where year, month and day stand among eight digits
_DATES: Final[dict[str, tuple[int, int, int]]] = {"ymd": (0, 4, 6), "dmy": (4, 2, 0), "mdy": (4, 0, 2)}
MAX_AMOUNT_DIGITS: Final = 15


def of_entry(node: Collect, keys: str) -> Any:
    """The value of ``keys`` at this question, or None when they are no answer."""
    kind = node.value
    if kind == "multiple" or kind == "ranking":
        return _items(node, keys)
    if kind == "amount":
        return _amount(keys, node.places)
    if kind in _DATES:
        return _date(keys, kind)
    if kind == "number":
        return int(keys) if keys.isascii() and keys.isdigit() else None
    return keys


def _amount(keys: str, places: int) -> float | None:
    whole, _, part = keys.partition("*")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit()) or len(part) > places or len(digits) > MAX_AMOUNT_DIGITS:
        return None
    return float(f"{whole or '0'}.{part or '0'}")


def _date(keys: str, kind: str) -> str | None:
    if len(keys) != 8 or not (keys.isascii() and keys.isdigit()):
        return None
    year, month, day = _DATES[kind]
    try:
        found = date(int(keys[year : year + 4]), int(keys[month : month + 2]), int(keys[day : day + 2]))
    except ValueError:
        return None
    return found.isoformat()


def _items(node: Collect, keys: str) -> list[Any] | None:
    if any(key not in node.items for key in keys):
        return None
    if node.value == "ranking":
        return None if len(set(keys)) < len(keys) else [node.items[key] for key in keys]
    chosen = [item for key, item in node.items.items() if key in keys]
    if len(chosen) > 1 and any(item in node.alone for item in chosen):
        return None
    return chosen


def declines(node: Collect, keys: str) -> bool:
    """Whether these keys refuse at once: they can begin no answer, and no longer way of refusing."""
    if keys not in node.missing or any(key != keys and key.startswith(keys) for key in node.missing):
        return False
    return bool(node.items) or (node.value != "amount" and not keys.isdigit())


def is_over(node: Collect, keys: str) -> bool:
    """Whether nothing can follow: as many keys as there can be, or every place of a ranking taken."""
    if any(key != keys and key.startswith(keys) for key in node.missing):
        return False
    if node.value == "multiple":  # a key pressed twice counts once
        return len(set(keys)) >= node.max_keys
    return len(keys) >= node.max_keys


def may_follow(node: Collect, keys: str) -> bool:
    """Whether an entry that begins like this can become an answer: a key that is no item is wrong at once."""
    if any(key.startswith(keys) for key in node.missing):
        return True
    if node.value == "multiple" or node.value == "ranking":
        return all(key in node.items for key in keys) and (node.value == "multiple" or len(set(keys)) == len(keys))
    return True
