"""Constraints: what an XLSForm's `constraint` says of an answer, as `range`, `choose`, `alone`, `digits` and the rest.

Law: pure. What a key of a question says exactly is taken out of the condition; what is left stays a condition.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from ivr.authoring.xpath import Binary, Call, Expr, Literal, Negative, Number, Self, conjuncts
from ivr.lang import pattern
from ivr.lang.expr import Fault

_MIRROR: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
Bound = Decimal | None


@dataclass(frozen=True)
class Span:
    """The lowest and the highest value; None: no end. ``exact``: the constraint says this and nothing more."""

    low: Bound
    high: Bound
    exact: bool


def number(node: Expr) -> Decimal | None:
    """The number that is written out."""
    if isinstance(node, Negative):
        inner = number(node.value)
        return None if inner is None else -inner
    if isinstance(node, Number | Literal):
        try:
            value = Decimal(node.value)
        except InvalidOperation:
            return None
        return value if value.is_finite() and abs(value) < 10**12 else None
    return None


def span(tree: Expr, step: Decimal, subject: str = "") -> Span:
    """Within which numbers `.` (or a function of it, ``subject``) must lie; ``step`` is between two numbers."""
    if isinstance(tree, Binary) and tree.op in ("and", "or"):
        a, b = span(tree.left, step, subject), span(tree.right, step, subject)
        if tree.op == "and":
            return Span(_most(a.low, b.low, max), _most(a.high, b.high, min), a.exact and b.exact)
        low = None if a.low is None or b.low is None else min(a.low, b.low)
        high = None if a.high is None or b.high is None else max(a.high, b.high)
        return Span(low, high, False)
    if isinstance(tree, Binary) and tree.op in _MIRROR:
        left, right, op = tree.left, tree.right, tree.op
        if _is_subject(right, subject):
            left, right, op = right, left, _MIRROR[op]
        value = number(right)
        if _is_subject(left, subject) and value is not None:
            if op == "=":
                return Span(value, value, True)
            if op in ("<", "<="):
                return Span(None, value - step if op == "<" else value, True)
            if op in (">", ">="):
                return Span(value + step if op == ">" else value, None, True)
    return Span(None, None, False)


def _is_subject(node: Expr, subject: str) -> bool:
    if not subject:
        return isinstance(node, Self)
    return isinstance(node, Call) and node.name == subject and node.args == (Self(),)


def _most(a: Bound, b: Bound, choose: Callable[[Decimal, Decimal], Decimal]) -> Bound:
    if a is None or b is None:
        return a if b is None else b
    return choose(a, b)


def days(tree: Expr) -> tuple[str, str, list[Expr]]:
    """The first and the last day that a date may be, "" for none, and what else is asked of it."""
    low, high, rest = "", "", []
    for part in conjuncts(tree):
        day = _day_bound(part)
        if day is None:
            rest.append(part)
        elif day[0] == "low":
            low = max(low, day[1])
        else:
            high = min(high or day[1], day[1])
    return low, high, rest


def _day_bound(part: Expr) -> tuple[str, str] | None:
    if not isinstance(part, Binary) or part.op not in ("<", "<=", ">", ">="):
        return None
    left, right, op = part.left, part.right, part.op
    if isinstance(right, Self):
        left, right, op = right, left, _MIRROR[op]
    if isinstance(right, Call) and right.name == "date" and len(right.args) == 1:
        right = right.args[0]
    if not isinstance(left, Self) or not isinstance(right, Literal):
        return None
    try:
        day = dt.date.fromisoformat(right.value)
        day += dt.timedelta({"<": -1, ">": 1}.get(op, 0))
    except (ValueError, OverflowError):
        return None
    return "high" if op in ("<", "<=") else "low", day.isoformat()


@dataclass
class Keys:
    """What the keys of a `code` look like."""

    length: tuple[int, int] | None = None
    pattern: str = ""


def keys(tree: Expr) -> Keys | None:
    """A text of digits: its length and pattern; None when keys alone cannot meet the constraint."""
    found = Keys()
    for part in conjuncts(tree):
        if isinstance(part, Call) and part.name == "regex" and len(part.args) == 2 and part.args[0] == Self():
            if not isinstance(part.args[1], Literal) or found.pattern:
                return None
            found.pattern = part.args[1].value.removeprefix("^").removesuffix("$")
            vetted = pattern.vet(found.pattern)
            if isinstance(vetted, Fault) or not _digits_only(found.pattern) or vetted[1] == 0:
                return None
            low, high = max(vetted[0], 1), min(vetted[1], pattern.MAX_KEYS)
            found.length = _meet(found.length, (low, high))
            continue
        length = span(part, Decimal(1), "string-length")
        if not length.exact or (length.low is None and length.high is None):
            return None
        low, high = int(length.low or 1), int(length.high if length.high is not None else pattern.MAX_KEYS)
        found.length = _meet(found.length, (max(low, 1), min(high, pattern.MAX_KEYS)))
    if found.length and found.length[0] > found.length[1]:
        return None
    return found


def _meet(a: tuple[int, int] | None, b: tuple[int, int]) -> tuple[int, int]:
    return b if a is None else (max(a[0], b[0]), min(a[1], b[1]))


def _digits_only(text: str) -> bool:
    """No letters, no `.` and no `\\w`: a caller has ten digits. `\\d` and sets of digits are as good."""
    bare = text.replace("\\d", "")
    return bool(bare or text) and not any(c.isalpha() or c in ".\\^$ @_" or not c.isascii() for c in bare)


@dataclass
class Chosen:
    """How many are chosen, which choice stands alone, and what else is asked."""

    low: int = 1
    high: int = 0  # 0: all
    alone: tuple[str, ...] = ()
    rest: tuple[Expr, ...] = ()


def chosen(tree: Expr) -> Chosen:
    found = Chosen()
    alone, rest = [], []
    for part in conjuncts(tree):
        name = _alone(part)
        count = span(part, Decimal(1), "count-selected")
        if name:
            alone.append(name)
        elif count.exact and (count.low is not None or count.high is not None):
            if count.low is not None:
                found.low = max(found.low, int(count.low))
            if count.high is not None:
                found.high = min(found.high or int(count.high), int(count.high))
        else:
            rest.append(part)
    found.alone, found.rest = tuple(alone), tuple(rest)
    return found


def _alone(part: Expr) -> str:
    """`not(selected(., 'none') and count-selected(.) > 1)`: none is chosen alone."""
    if not isinstance(part, Call) or part.name != "not" or len(part.args) != 1:
        return ""
    both = conjuncts(part.args[0])
    if len(both) != 2:
        return ""
    for picked, counted in (both, both[::-1]):
        count = span(counted, Decimal(1), "count-selected")
        if (
            isinstance(picked, Call)
            and picked.name == "selected"
            and len(picked.args) == 2
            and picked.args[0] == Self()
            and isinstance(picked.args[1], Literal)
            and count == Span(Decimal(2), None, True)
        ):
            return picked.args[1].value
    return ""


def joined(parts: list[Expr] | tuple[Expr, ...]) -> Expr | None:
    """Conditions that must all hold as one."""
    whole: Expr | None = None
    for part in parts:
        whole = part if whole is None else Binary("and", whole, part)
    return whole
