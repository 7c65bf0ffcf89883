"""Expressions: the text of a condition or a spoken value to a JSON tree of ``core.expr``.

Law: total. Python's parser reads the text, an allow-list of its nodes is translated, nothing is ever compiled or
run. Whatever is not on the list is a Fault with words of its own, never an exception.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ivr.core.expr import FUNCTIONS
from ivr.lang.problem import meant, quoted

MAX_LENGTH = 500
MAX_DEPTH = 40  # evaluation recurses, and so does the Program's JSON
MAX_NUMBER = 10**15
WORDS = {"true": True, "false": False, "none": None}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# `1or`, `0x1f`, `1_000`, `1e999`: Python reads them, some with a warning; a designer means something else.
_STRANGE_NUMBER = re.compile(r"(?<![\w.])[0-9][0-9.]*[A-Za-z_]\w*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
#: Nodes that a designer may well try -> what is wrong with them.
_REFUSED: dict[type[ast.AST], str] = {
    ast.Subscript: "[ ] after a name is not allowed",
    ast.Lambda: "lambda is not allowed",
    ast.JoinedStr: "f-texts are not allowed",
    ast.NamedExpr: "a condition cannot set a name",
    ast.Dict: "a map { } is not allowed in an expression",
    ast.Set: "a set { } is not allowed in an expression",
    ast.ListComp: "loops are not allowed in an expression",
    ast.SetComp: "loops are not allowed in an expression",
    ast.DictComp: "loops are not allowed in an expression",
    ast.GeneratorExp: "loops are not allowed in an expression",
    ast.Starred: "* is not allowed here",
    ast.Await: "await is not allowed",
    ast.Yield: "yield is not allowed",
    ast.YieldFrom: "yield is not allowed",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong inside a text: ``part`` is the piece of the text to point at."""

    code: str
    message: str
    hint: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    tree: Any
    names: tuple[str, ...] = ()  # every variable that is read
    fault: Fault | None = None


class _Refused(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def usable_name(name: str) -> bool:
    """Whether ``name`` can be written in an expression: `from`, `class` and `true` cannot."""
    return NAME.fullmatch(name) is not None and name not in WORDS and not keyword.iskeyword(name)


@lru_cache(maxsize=8192)
def parse(text: str) -> Parsed:
    """The tree of one expression, and the names it reads; or the first thing wrong with it."""
    text = " ".join(text.split())
    if not text:
        return Parsed(None, fault=Fault("IVR050", "the expression is empty"))
    if len(text) > MAX_LENGTH:
        return Parsed(None, fault=Fault("IVR053", f"the expression is longer than {MAX_LENGTH} characters"))
    if "\\" in text or "\0" in text:
        return Parsed(None, fault=Fault("IVR051", "a backslash is not allowed in an expression", part="\\"))
    strange = _STRANGE_NUMBER.search(text)
    if strange and _STRANGE_NUMBER.search(_QUOTED.sub("''", text)):
        hint = "numbers are digits, with a point at most"
        return Parsed(None, fault=Fault("IVR050", f"{quoted(text)} is not an expression", hint, strange.group()))
    try:
        body = ast.parse(text, mode="eval").body
        names: dict[str, None] = {}
        tree = _translate(body, names, text, MAX_DEPTH)
    except _Refused as error:
        return Parsed(None, fault=error.fault)
    except SyntaxError as error:
        return Parsed(None, fault=_syntax(text, error))
    except (RecursionError, MemoryError):
        return Parsed(None, fault=Fault("IVR053", "the expression is nested too deeply"))
    except ValueError:
        return Parsed(None, fault=Fault("IVR050", f"{quoted(text)} is not an expression"))
    return Parsed(tree, tuple(names))


def _syntax(text: str, error: SyntaxError) -> Fault:
    hints = (
        (r"(?<![=!<>])=(?!=)", "== compares"),
        (r"&&", "write `and`"),
        (r"\|\|", "write `or`"),
        (r"!(?!=)", "write `not`"),
        (r"<>", "write !="),
        (r"=>|=<", "write >= or <="),
        (r"[（）“”‘’，＝＞＜！]", "use the half-width signs ( ) ' , = < >"),
    )
    outside = _QUOTED.sub(lambda m: " " * len(m.group()), text)
    for pattern, hint in hints:
        hit = re.search(pattern, outside)
        if hit:
            return Fault("IVR050", f"{quoted(text)} is not an expression", hint, hit.group())
    hint = ""
    if "never closed" in error.msg or "unmatched" in error.msg:
        hint = "the brackets do not pair"
    elif "unterminated string" in error.msg:
        hint = "a quote is not closed"
    elif (error.offset or 0) >= len(text):
        hint = "something is missing at its end"
    at = (error.offset or 1) - 1
    rest = text[at : at + 1].strip() if 0 <= at < len(text) else ""
    return Fault("IVR050", f"{quoted(text)} is not an expression", hint, rest if rest.isascii() else "")


def _segment(node: ast.AST, text: str) -> str:
    return ast.get_source_segment(text, node) or ""


def _refuse(node: ast.AST, text: str, message: str, hint: str = "") -> _Refused:
    return _Refused(Fault("IVR051", message, hint, _segment(node, text)))


def _translate(node: ast.expr, names: dict[str, None], text: str, depth: int) -> Any:
    if depth == 0:
        raise _Refused(Fault("IVR053", "the expression is nested too deeply"))
    branch = _BRANCHES.get(type(node))
    if branch is None:
        raise _refuse(node, text, _REFUSED.get(type(node), f"{quoted(_segment(node, text))} is not allowed"))
    return branch(node, names, text, depth - 1)


def _constant(node: ast.Constant, names: dict[str, None], text: str, depth: int) -> Any:
    value = node.value
    if value is None or isinstance(value, bool | str):
        return value
    # float("inf") is written 1e999, and JSON has no word for it.
    if isinstance(value, int | float) and abs(value) <= MAX_NUMBER:
        return value
    if isinstance(value, int | float):
        raise _refuse(node, text, "the number is too large", "put a phone or order number in quotes")
    raise _refuse(node, text, f"{quoted(_segment(node, text))} is not allowed")


def _name(node: ast.Name | ast.Attribute, names: dict[str, None], text: str, depth: int) -> Any:
    parts: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    if not isinstance(at, ast.Name):
        raise _refuse(node, text, "a dot belongs inside a name only")
    parts.append(at.id)
    if len(parts) == 1 and at.id in WORDS:
        return WORDS[at.id]
    name = ".".join(reversed(parts))
    if not all(NAME.fullmatch(p) for p in parts):
        raise _refuse(node, text, f"{quoted(name)} is not a name", "names are letters, digits and _, a letter first")
    names[name] = None
    return ["name", name]


def _call(node: ast.Call, names: dict[str, None], text: str, depth: int) -> Any:
    called = node.func.id if isinstance(node.func, ast.Name) else _segment(node.func, text)
    if not isinstance(node.func, ast.Name) or called not in FUNCTIONS:
        hint = meant(called, FUNCTIONS) or f"there are: {' '.join(FUNCTIONS)}"
        raise _Refused(Fault("IVR054", f"no function named {quoted(called)}", hint, called))
    arity = FUNCTIONS[called][1]
    if node.keywords or len(node.args) != arity:
        things = "one value" if arity == 1 else f"{arity} values"
        message = f"{called}() takes {things}, not {len(node.args) + len(node.keywords)}"
        raise _Refused(Fault("IVR054", message, part=called))
    return ["call", called, *(_translate(a, names, text, depth) for a in node.args)]


def _compare(node: ast.Compare, names: dict[str, None], text: str, depth: int) -> Any:
    values = [_translate(v, names, text, depth) for v in (node.left, *node.comparators)]
    pairs = []
    for n, operator in enumerate(node.ops):
        sign = _COMPARE.get(type(operator))
        if sign is None:
            raise _refuse(node, text, "`is` is not allowed", "== compares")
        pairs.append([sign, values[n], values[n + 1]])
    return pairs[0] if len(pairs) == 1 else ["and", *pairs]


def _bool(node: ast.BoolOp, names: dict[str, None], text: str, depth: int) -> Any:
    word = "and" if isinstance(node.op, ast.And) else "or"
    return [word, *(_translate(v, names, text, depth) for v in node.values)]


def _binary(node: ast.BinOp, names: dict[str, None], text: str, depth: int) -> Any:
    signs: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-"}
    sign = signs.get(type(node.op))
    if sign is None:
        raise _refuse(node, text, "only + and - calculate")
    return [sign, _translate(node.left, names, text, depth), _translate(node.right, names, text, depth)]


def _unary(node: ast.UnaryOp, names: dict[str, None], text: str, depth: int) -> Any:
    value = _translate(node.operand, names, text, depth)
    if isinstance(node.op, ast.Not):
        return ["not", value]
    if not isinstance(node.op, ast.USub):
        raise _refuse(node, text, "only `not` and - stand before a value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return -value
    return ["neg", value]


def _if(node: ast.IfExp, names: dict[str, None], text: str, depth: int) -> Any:
    return ["if", *(_translate(v, names, text, depth) for v in (node.test, node.body, node.orelse))]


def _list(node: ast.List | ast.Tuple, names: dict[str, None], text: str, depth: int) -> Any:
    return ["list", *(_translate(v, names, text, depth) for v in node.elts)]


_BRANCHES: dict[type[ast.expr], Callable[[Any, dict[str, None], str, int], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _name,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.BoolOp: _bool,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.IfExp: _if,
    ast.List: _list,
    ast.Tuple: _list,
}
