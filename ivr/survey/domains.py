"""Domains: the few values of a name that can make a difference to the conditions it stands in.

Law: pure, bounded, and on the safe side: rather a value too many than one too few. Where a condition uses a name in a
way for which no few values speak (its length, a sum with another name), there is no domain, and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations, pairwise, permutations
from typing import Any, Final

from ivr.core import expr
from ivr.core.nodes import Expr
from ivr.survey.kinds import KINDS, chosen_of, range_of, values_of
from ivr.survey.tree import Asking

#: Numbers of no more steps than this are all tried.
MOST_STEPS: Final = 100
#: So many options of a list, each chosen or not, are all tried; in every order, so many.
MOST_OPTIONS: Final = 8
MOST_RANKED: Final = 4
#: A text that no condition compares with.
_OTHER: Final = "\x00other"
_ORDER: Final = ("<", "<=", ">", ">=")
_COMPARE: Final = ("==", "!=", "in", "not in", *_ORDER)


@dataclass
class Use:
    """How conditions use one name: what it is compared with, in which way."""

    constants: list[Any] = field(default_factory=list)
    ordered: bool = False  # less, greater
    holds: bool = False  # something is looked for in it
    loose: bool = False  # in any other way


def uses(trees: Iterable[Expr]) -> dict[str, Use]:
    found: dict[str, Use] = {}
    for tree in trees:
        _use(tree, found)
    return found


def _use(tree: Expr, found: dict[str, Use]) -> None:
    if not isinstance(tree, list | tuple) or not tree:
        return
    op, arguments = tree[0], tree[1:]
    if op == "name":
        found.setdefault(arguments[0], Use()).constants.append(0)  # whether it is something: nought is not
    elif op in ("and", "or", "not", "if"):
        for argument in arguments:
            _use(argument, found)
    elif op == "call" and arguments[0] == "answered" and _name(arguments[1]):
        found.setdefault(_name(arguments[1]), Use())
    elif op in _COMPARE and (side := _compared(arguments)):
        name, value, is_right = side
        use = found.setdefault(name, Use())
        use.constants += [value, *value] if isinstance(value, list) else [value]
        use.ordered |= op in _ORDER
        use.holds |= op in ("in", "not in") and is_right
    else:
        for name in expr.names(tree):
            found.setdefault(name, Use()).loose = True


def _name(tree: Expr) -> str:
    return tree[1] if isinstance(tree, list | tuple) and tree and tree[0] == "name" else ""


def _compared(sides: Any) -> tuple[str, Any, bool] | None:
    """A name and the value that it is compared with; whether the name stands on the right."""
    left, right = sides
    if (name := _name(left)) and not expr.names(right):
        return name, expr.evaluate(right, {}), False
    if (name := _name(right)) and not expr.names(left):
        return name, expr.evaluate(left, {}), True
    return None


def domain(use: Use, asked: Asking | None) -> list[Any] | None:
    """The values, none (not asked, not answered, not brought) among them; None where no few values speak for all."""
    if asked is None:
        return None if use.loose else _of_fact(use)
    data = KINDS[asked.kind].data or asked.kind
    keyed = list(values_of(asked.shape, asked.kind).values())
    if data in ("multiple", "ranking"):
        return _of_list(use, asked, keyed, data == "ranking")
    if keyed:
        return [None, *keyed]
    span = range_of(asked.shape, asked.kind)
    if data == "number" and span and span[1] - span[0] <= MOST_STEPS:
        return [None, *range(int(span[0]), int(span[1]) + 1)]
    if use.loose or use.holds:
        return None
    if data in ("number", "amount") and span:
        near = _numbers([*use.constants, *span])
        return [None, *(value for value in near if span[0] <= value <= span[1])]
    days = [text for value in use.constants if isinstance(value, str) for text in _texts(value, use.ordered)]
    if data == "date":
        return _unique([None, *(day for day in (*days, *(span or (_OTHER,))) if not span or span[0] <= day <= span[1])])
    numbers = [text for n in _numbers(use.constants) for text in (str(n), f"0{n}")]
    return _unique([None, *days, *numbers, _OTHER])


def _of_list(use: Use, asked: Asking, keyed: list[Any], ranked: bool) -> list[Any] | None:
    """Choices of options: of those that make a difference, and one that makes none."""
    alone = set(getattr(asked.shape, "alone", None) or ())
    lists = [value for value in use.constants if isinstance(value, list)]
    items = keyed
    if not use.loose and not lists:
        named = [item for item in keyed if any(expr.equal(item, value) for value in use.constants)]
        others = sorted((item for item in keyed if item not in named), key=lambda item: str(item) in alone)
        items = [*named, *others[:1]]
        ranked = False
    if len(items) > (MOST_RANKED if ranked else MOST_OPTIONS):
        return None
    some = permutations if ranked else combinations
    # Of those left out of ``items`` some may be chosen too: so this is the most, and there is no least.
    most = min(len(items), (chosen_of(asked.shape, asked.kind) or (0, len(items)))[1])
    lists = [list(chosen) for size in range(most + 1) for chosen in some(items, size)]
    return [None, *(chosen for chosen in lists if len(chosen) < 2 or not alone.intersection(map(str, chosen)))]


def missing_of(asked: Asking) -> list[Any]:
    """Why there may be no answer, as its keys have it; none where there is one, or where nobody was asked."""
    return [None, *dict.fromkeys(asked.missing.values())]


def _of_fact(use: Use) -> list[Any] | None:
    """Customer data may be anything: true, a text, a number, a list of what it is asked to hold."""
    texts = _unique(expr.text(value) for value in use.constants if value is not None and not isinstance(value, list))
    lists: list[Any] = [value for value in use.constants if isinstance(value, list)]
    if use.holds:
        if use.ordered or len(texts) > MOST_OPTIONS:
            return None
        lists += [list(held) for size in range(1, len(texts) + 1) for held in combinations(texts, size)]
    near = [text for value in texts for text in _texts(value, use.ordered)]
    numbers = _numbers(use.constants)
    return _unique([None, True, False, *near, *numbers, *map(str, numbers), *lists, _OTHER])


def _numbers(values: Iterable[Any]) -> list[Any]:
    """The numbers among them and beside them, and one between each two."""
    known = {number for value in values if (number := expr.number(value)) is not None}
    near = sorted(known | {number + step for number in known for step in (-1, 1)})
    return sorted({*near, *((low + high) / 2 for low, high in pairwise(near))})


def _texts(value: str, ordered: bool) -> Iterator[str]:
    """A text, and those just before and after it where that makes a difference."""
    yield value
    if not ordered:
        return
    yield value + "\0"
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return
    for days in (-1, 1):
        if date.min < day < date.max:
            yield (day + timedelta(days=days)).isoformat()


def _unique(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return found


def conditions_of(asked: Asking) -> tuple[Expr, ...]:
    """Under which conditions a question is asked."""
    return (*asked.under, *([asked.shape.when] if asked.shape.when is not None else []))
