"""Expressions as JSON trees, and their evaluation.

Law: total. Any tree over any variables gives a value, never an exception; what does not fit is None or False.
A tree is a scalar (itself) or a list ``[operator, argument, ...]``; ``["name", "caller.number"]`` looks one flat key
up in the variables, so no name can ever reach a Python attribute or method. ``lang.expr`` makes the trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ivr.core.ordering import draw

Number = int | float
#: Longest text an expression may make: conditions compare and join short texts, nothing else.
MAX_TEXT: Final = 4096


def number(value: Any) -> Number | None:
    """The number that ``value`` is or spells, else None. True and False are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) and 0 < len(value) <= 64:
        text = value.strip()
        # int() and float() accept "1_0", "inf" and digits of other scripts; a keypad and a designer do not.
        if not text.isascii() or not text.lstrip("+-").replace(".", "", 1).isdigit():
            return None
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return None
    return None


def text(value: Any) -> str:
    """What a value looks like in a text: none is empty, booleans as the language writes them."""
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)[:MAX_TEXT]


def _pair(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Two values made comparable by order: both numbers, or both texts."""
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    a, b = number(left), number(right)
    return None if a is None or b is None else (a, b)


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) != isinstance(right, str) and left is not None and right is not None:
        a, b = number(left), number(right)
        return a is not None and a == b
    return bool(left == right)


def _order(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        pair = _pair(left, right)
        return pair is not None and test(*pair)

    return compare


def contains(container: Any, item: Any) -> bool:
    if isinstance(container, (list, tuple)):
        return any(equal(x, item) for x in container)
    if isinstance(container, str):
        return item is not None and text(item) in container
    return False


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return (left + right)[:MAX_TEXT]
    a, b = number(left), number(right)
    return None if a is None or b is None else a + b


def _minus(left: Any, right: Any) -> Any:
    a, b = number(left), number(right)
    return None if a is None or b is None else a - b


def _negative(value: Any) -> Any:
    a = number(value)
    return None if a is None else -a


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


#: name -> (function, number of arguments). The whole of what an expression can call.
FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], int]]] = {
    "length": (_length, 1),
    "lower": (lambda x: text(x).lower(), 1),
    "upper": (lambda x: text(x).upper(), 1),
    "starts_with": (lambda x, y: text(x).startswith(text(y)), 2),
    "ends_with": (lambda x, y: text(x).endswith(text(y)), 2),
    "contains": (contains, 2),
    "default": (lambda x, y: y if x is None or x == "" else x, 2),
    "number": (number, 1),
    "answered": (lambda x: x is not None, 1),
}
#: What only the compiler writes into a tree.
_INTERNAL: Final[dict[str, tuple[Callable[..., Any], int]]] = {"draw": (draw, 2)}
_OPERATORS: Final[dict[str, Callable[..., Any]]] = {
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": _order(lambda a, b: a < b),
    "<=": _order(lambda a, b: a <= b),
    ">": _order(lambda a, b: a > b),
    ">=": _order(lambda a, b: a >= b),
    "in": lambda a, b: contains(b, a),
    "not in": lambda a, b: not contains(b, a),
    "+": _plus,
    "-": _minus,
    "neg": _negative,
    "not": lambda a: not a,
}


def evaluate(tree: Any, variables: Mapping[str, Any]) -> Any:
    """The value of ``tree``. Unknown operators and names are None: the compiler has refused them already."""
    if not isinstance(tree, (list, tuple)):
        return tree
    if not tree:
        return None
    op, args = tree[0], tree[1:]
    if op == "name":
        return variables.get(args[0])
    if op == "and":
        return all(evaluate(a, variables) for a in args)
    if op == "or":
        return any(evaluate(a, variables) for a in args)
    if op == "if":
        return evaluate(args[1] if evaluate(args[0], variables) else args[2], variables)
    values = [evaluate(a, variables) for a in args]
    if op == "list":
        return values
    if op == "call":
        called = FUNCTIONS.get(values[0]) or _INTERNAL.get(values[0])
        return called[0](*values[1:]) if called and called[1] == len(values) - 1 else None
    operator = _OPERATORS.get(op)
    return operator(*values) if operator else None


def names(tree: Any) -> set[str]:
    """Every variable that ``tree`` reads."""
    if not isinstance(tree, (list, tuple)) or not tree:
        return set()
    if tree[0] == "name":
        return {tree[1]}
    found: set[str] = set()
    for arg in tree[1:]:
        found |= names(arg)
    return found
