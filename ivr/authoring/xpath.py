"""XPath: the expressions of an XLSForm's `relevant`, `constraint` and `calculation`, to a tree.

Law: pure, and total but for XPathError, which says what cannot be read. Knows the part of XPath that forms use
between questions: `${name}`, `.`, texts, numbers, operators, function calls. Paths into a document are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_LENGTH: Final = 4000
MAX_DEPTH: Final = 40


class XPathError(Exception):
    """What is wrong with an expression, in words for its author."""


class NotByPhone(XPathError):
    """It is a good expression, and has no meaning in a call."""


@dataclass(frozen=True, slots=True)
class Number:
    value: str  # as written


@dataclass(frozen=True, slots=True)
class Literal:
    value: str


@dataclass(frozen=True, slots=True)
class Ref:
    name: str  # ${name}


@dataclass(frozen=True, slots=True)
class Self:
    """`.`: the answer whose constraint this is."""


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    op: str  # or and = != < <= > >= + - * div mod
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negative:
    value: Expr


Expr = Number | Literal | Ref | Self | Call | Binary | Negative


class _Token(NamedTuple):
    kind: str
    text: str


_TOKENS = re.compile(
    r"""\s+
    | (?P<ref>\$\{\s*(?:[\w.-]+\#)?(?P<refname>[^{}\s]+)\s*\})
    | (?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    | (?P<text>"[^"]*"|'[^']*'|“[^”]*”|‘[^’]*’)
    | (?P<op><=|>=|!=|=|<|>|\+|-|\*|\||,|\(|\))
    | (?P<path>\.\.|//?|\[|\]|@|::)
    | (?P<self>\.)
    | (?P<word>[A-Za-z_][\w.-]*(?::[A-Za-z_][\w-]*)?)
    """,
    re.VERBOSE,
)
_LEVELS: Final = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
_OPERATORS = frozenset(op for level in _LEVELS for op in level)


def parse(text: str) -> Expr:
    """The tree of one expression."""
    if len(text) > MAX_LENGTH:
        raise NotByPhone(f"it is longer than {MAX_LENGTH} characters")
    parser = _Parser(list(_tokens(text)))
    tree = parser.level(0, MAX_DEPTH)
    if parser.at < len(parser.tokens):
        raise XPathError(f"{parser.tokens[parser.at].text!r} cannot stand where it does")
    return tree


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        hit = _TOKENS.match(text, at)
        if hit is None:
            raise XPathError(f"{text[at]!r} means nothing in an expression")
        at = hit.end()
        kind = hit.lastgroup
        if kind is None:
            continue
        if hit["ref"]:
            yield _Token("ref", hit["refname"])
        elif kind == "path":
            raise NotByPhone(f"{hit['path']!r}: a path into the form's document has no meaning in a call")
        elif kind == "text":
            yield _Token("text", hit["text"][1:-1])
        else:
            yield _Token(kind, hit[kind])


class _Parser:
    """Recursive descent over the tokens, one method per level of binding."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> _Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _Token("end", "")

    def take(self) -> _Token:
        token = self.peek()
        self.at += 1
        return token

    def need(self, sign: str) -> None:
        token = self.take()
        if token != _Token("op", sign):
            raise XPathError(f"{sign!r} is missing" + (f" before {token.text!r}" if token.text else " at the end"))

    def level(self, n: int, depth: int) -> Expr:
        if depth == 0:
            raise NotByPhone("it is nested too deeply")
        if n == len(_LEVELS):
            return self.unary(depth)
        left = self.level(n + 1, depth)
        operators = 0
        while self.peek().kind in ("op", "word") and self.peek().text in _LEVELS[n]:
            operators += 1
            if operators > 400:
                raise NotByPhone("it has too many parts")
            op = self.take().text
            left = Binary(op, left, self.level(n + 1, depth))
        return left

    def unary(self, depth: int) -> Expr:
        if self.peek() == _Token("op", "-"):
            self.take()
            if depth == 1:
                raise NotByPhone("it is nested too deeply")
            return Negative(self.unary(depth - 1))
        return self.primary(depth)

    def primary(self, depth: int) -> Expr:
        token = self.take()
        if token.kind == "number":
            return Number(token.text)
        if token.kind == "text":
            return Literal(token.text)
        if token.kind == "ref":
            return Ref(token.text)
        if token.kind == "self":
            return Self()
        if token == _Token("op", "("):
            inside = self.level(0, depth - 1)
            self.need(")")
            return inside
        if token.kind == "word" and self.peek() == _Token("op", "("):
            return Call(token.text.lower(), self.arguments(depth))
        if token.kind == "word" and token.text not in _OPERATORS:
            raise XPathError(f"{token.text!r} is neither a question, ${{{token.text}}}, nor a text in quotes")
        raise XPathError(
            f"{token.text!r} stands where a value should" if token.text else "something is missing at its end"
        )

    def arguments(self, depth: int) -> tuple[Expr, ...]:
        self.need("(")
        if self.peek() == _Token("op", ")"):
            self.take()
            return ()
        args = [self.level(0, depth - 1)]
        while self.peek() == _Token("op", ","):
            self.take()
            args.append(self.level(0, depth - 1))
        self.need(")")
        return tuple(args)


def refs(tree: Expr) -> set[str]:
    """Every question that the expression names."""
    return {node.name for node in walk(tree) if isinstance(node, Ref)}


def walk(tree: Expr) -> Iterator[Expr]:
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, Binary):
            todo += (node.left, node.right)
        elif isinstance(node, Negative):
            todo.append(node.value)
        elif isinstance(node, Call):
            todo += node.args


def chain(tree: Expr, op: str) -> list[Expr]:
    """`a or b or c` as a list; a tree of another kind is a list of one."""
    if isinstance(tree, Binary) and tree.op == op:
        return [*chain(tree.left, op), *chain(tree.right, op)]
    return [tree]


def conjuncts(tree: Expr) -> list[Expr]:
    """What all must hold."""
    return chain(tree, "and")
