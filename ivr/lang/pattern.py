"""Patterns: regular expressions of a flow, vetted before a caller's keys ever meet them.

Law: a vetted pattern cannot be slow. Backtracking is harmless when no quantifier stands inside another, no
alternative is repeated, and few repeats are open-ended: keys are at most 64.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from ivr.lang.expr import Fault

MAX_LENGTH = 200
MAX_OPEN = 3  # open-ended repeats
MAX_WAYS = 65**3  # of dividing the keys among the repeats and alternatives, all tried in the worst case
MAX_KEYS = 64
KEYPAD = "0123456789*#"


@lru_cache(maxsize=1024)
def vet(pattern: str) -> Fault | tuple[int, int]:
    """What is wrong with ``pattern``, or the fewest and the most keys that it can match."""
    if len(pattern) > MAX_LENGTH:
        return Fault("IVR061", f"the pattern is longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "[[" means something else in a Python to come
            tree = _parser.parse(pattern)
            re.compile(pattern)
        fault = _Walk().walk(tree, inside=False)
        low, high = tree.getwidth()
    except re.error as error:
        return Fault("IVR060", f"the pattern is not a regular expression: {error.msg}")
    except Warning:
        return Fault("IVR060", "the pattern has a [ inside [ ]", "write \\\\[ if the sign is meant")
    except (RecursionError, OverflowError, MemoryError):
        return Fault("IVR061", "the pattern is nested too deeply")
    return fault or (int(low), int(high))


class _Walk:
    def __init__(self) -> None:
        self.open = 0
        self.ways = 1

    def walk(self, tree: Any, inside: bool) -> Fault | None:
        for code, value in tree:
            fault = self.item(code, value, inside)
            if fault:
                return fault
        return None

    def item(self, code: Any, value: Any, inside: bool) -> Fault | None:
        if code in (op.GROUPREF, op.GROUPREF_EXISTS):
            return Fault("IVR061", "the pattern refers back to a group", "write the group out")
        if code in (op.ASSERT, op.ASSERT_NOT):
            return Fault("IVR061", "the pattern looks ahead or behind", "use `valid:` with a condition")
        if code is op.LITERAL and chr(value) not in KEYPAD:
            return Fault("IVR060", f'no key gives "{chr(value)}"', "keys are 0-9 * #")
        if code is op.BRANCH:
            if inside:
                return Fault("IVR061", "an alternative `|` is repeated", "repeat a set like [12] instead")
            for part in value[1]:
                fault = self.walk(part, inside)
                if fault:
                    return fault
            return self.choice(len(value[1]))
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self.repeat(value, inside)
        elif code is op.SUBPATTERN:
            return self.walk(value[3], inside)
        elif code is op.ATOMIC_GROUP:
            return self.walk(value, inside)
        return None

    def repeat(self, value: Any, inside: bool) -> Fault | None:
        low, high, tree = value
        if low == high:  # {4}: no choice, so nothing to go back to
            return self.walk(tree, inside or low > 1)
        if inside:
            return Fault("IVR061", "a quantifier inside a repeated group", "write the inner one as {n}")
        if high > MAX_KEYS:
            self.open += 1
            if self.open > MAX_OPEN:
                return Fault("IVR061", f"more than {MAX_OPEN} open-ended repeats", "give them an upper end, {1,4}")
        return self.choice(min(high, MAX_KEYS) - low + 1) or self.walk(tree, inside or high > 1)

    def choice(self, ways: int) -> Fault | None:
        self.ways *= max(1, ways)
        if self.ways > MAX_WAYS:
            return Fault("IVR061", "the pattern can match in too many ways", "use fewer ? * + | and {a,b}")
        return None
