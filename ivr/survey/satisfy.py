"""Satisfy: whether anybody can ever be asked a question, or counted for a quota.

Law: pure, bounded. Each name is given the few values that can make a difference to the conditions it stands in: the
answers there are, and the numbers and texts it is compared with, and their neighbours. Where that would be more than
``MOST`` cases, nothing is claimed: what is reported here can really not happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any, Final

from ivr.core import expr
from ivr.core.nodes import Expr
from ivr.survey.kinds import KINDS, range_of, values_of
from ivr.survey.tree import Asking

MOST: Final = 20_000
#: Each name has two values at least: with more names than this there are more than ``MOST`` cases.
MOST_NAMES: Final = MOST.bit_length()
#: A text that no condition compares with.
_OTHER: Final = "\x00other"


def askable(asked: Asking, questions: Mapping[str, Asking]) -> bool:
    """Whether some caller is asked this question. ``questions``: all of them, by whole name."""
    conditions = [*asked.under, *([asked.shape.when] if asked.shape.when is not None else [])]
    return not conditions or possible(conditions, questions)


def possible(conditions: Iterable[Expr], questions: Mapping[str, Asking]) -> bool:
    """Whether some caller's answers and data meet all of ``conditions``, as the skip logic lets them be given."""
    conditions = list(conditions)
    involved = _involved(conditions, questions)
    if len(involved) > MOST_NAMES:
        return True
    trees = [*conditions]
    for name in involved:
        if asked := questions.get(name):
            trees += [t for t in (asked.shape.when, asked.shape.screen_out, *asked.under) if t is not None]
    domains = {name: _domain(name, trees, questions.get(name)) for name in involved}
    size = 1
    for values in domains.values():
        size *= len(values)
        if size > MOST:
            return True
    return any(
        _consistent(known, questions) and all(expr.evaluate(c, known) for c in conditions) for known in _cases(domains)
    )


def _cases(domains: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in product(*domains.values()):
        yield dict(zip(domains, values, strict=True))


def _involved(conditions: Iterable[Expr], questions: Mapping[str, Asking]) -> list[str]:
    """Every name that the conditions read, and those that decide whether what they read is asked at all.

    Not all of them where there are too many to try.
    """
    found: dict[str, None] = {}
    todo = [name for condition in conditions for name in sorted(expr.names(condition))]
    while todo:
        name = todo.pop(0)
        if name in found:
            continue
        found[name] = None
        if len(found) > MOST_NAMES:
            break
        if asked := questions.get(name):
            trees = (asked.shape.when, asked.shape.screen_out, *asked.under)
            todo += [inner for tree in trees for inner in sorted(expr.names(tree))]
    return list(found)


def _consistent(known: Mapping[str, Any], questions: Mapping[str, Asking]) -> bool:
    """Answers are only there where they were asked for, and nobody goes on who was screened out."""
    for name, value in known.items():
        asked = questions.get(name)
        if asked is None or value is None:
            continue
        conditions = [*asked.under, *([asked.shape.when] if asked.shape.when is not None else [])]
        if not all(expr.evaluate(c, known) for c in conditions):
            return False
        if asked.shape.screen_out is not None and expr.evaluate(asked.shape.screen_out, known):
            return False
    return True


def _domain(name: str, trees: Iterable[Expr], asked: Asking | None) -> list[Any]:
    """Values of ``name`` that can make a difference; none (not asked, not brought) among them."""
    beside = [value for tree in trees for value in _beside(name, tree)]
    if asked is None:
        return _of_fact(beside)
    data = KINDS[asked.kind].data or asked.kind
    keyed = list(values_of(asked.shape, asked.kind).values())
    if data in ("multiple", "ranking"):
        return [None, [], *([one] for one in keyed), keyed]
    if keyed:
        return [None, *keyed]
    span = range_of(asked.shape, asked.kind)
    near = [value for one in beside for value in _near(one)]
    if span is not None:
        near = [*span, *(value for value in near if type(value) is not bool and _inside(value, span))]
    return _unique([None, *near, *([] if span else [_OTHER])])


def _inside(value: Any, span: tuple[Any, Any]) -> bool:
    return isinstance(value, str) == isinstance(span[0], str) and bool(span[0] <= value <= span[1])


def _of_fact(beside: list[Any]) -> list[Any]:
    """Customer data may be anything: true, a text, a list of what it is asked to hold."""
    texts = [value for value in beside if isinstance(value, str)]
    lists: list[Any] = [texts] if len(texts) > 1 else []
    near = [value for one in beside for value in _near(one)]
    return _unique([None, True, False, *near, *lists, _OTHER])


def _near(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [value]
    if isinstance(value, int | float):
        return [value - 1, value, value + 1]
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return [value]
        return [(day + timedelta(days=n)).isoformat() for n in (-1, 0, 1)]
    return []


def _unique(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return found


def _beside(name: str, tree: Expr) -> Iterator[Any]:
    """The constants that stand beside ``name`` in an operation, in lists too."""
    if not isinstance(tree, list | tuple) or not tree:
        return
    arguments = tree[1:]
    if tree[0] not in ("and", "or", "not", "if") and any(name in expr.names(a) for a in arguments):
        yield from (value for a in arguments for value in _constants(a))
    for argument in arguments:
        yield from _beside(name, argument)


def _constants(tree: Expr) -> Iterator[Any]:
    if isinstance(tree, list | tuple):
        if tree and tree[0] in ("list", "call", "+", "-", "neg"):
            yield from (value for one in tree[1 if tree[0] != "call" else 2 :] for value in _constants(one))
    elif tree is not None:
        yield tree
