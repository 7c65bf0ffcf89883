"""Conditions: an XLSForm's expressions to conditions of ours, as text.

Law: pure. A condition means the same to a caller as to a form, or it is refused with Unfit and the reason; nothing
is guessed. An answer that was not given is empty text there and none here: comparisons with '' become `answered`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ivr.authoring import xpath
from ivr.authoring.xpath import Binary, Call, Expr, Literal, Negative, Number, Ref, Self
from ivr.lang import expr as language

#: What an answer is when conditions read it.
NUMERIC: Final = ("scale", "number", "amount")
CHOSEN: Final = ("choice", "yes_no")
LISTS: Final = ("multiple", "ranking")
#: XPath function -> ours, with the same values and the same meaning
FUNCTIONS: Final[dict[str, tuple[str, int]]] = {
    "starts-with": ("starts_with", 2),
    "ends-with": ("ends_with", 2),
    "coalesce": ("default", 2),
    "number": ("number", 1),
    "lower-case": ("lower", 1),
    "upper-case": ("upper", 1),
}
#: XPath functions that are written otherwise here -> how
REWRITTEN: Final[dict[str, str]] = {
    "selected": "`'a' in q`, or `q == 'a'` of a choice",
    "count-selected": "`length(q)`",
    "string-length": "`length(q)`",
    "not": "`not`",
    "if": "`a if c else b`",
    "true": "`true`",
    "false": "`false`",
    "boolean": "the condition itself",
    "date": "the date as text",
    "contains": "`contains(a, b)`",
    "concat": "`a + b`",
    "regex": "`digits.pattern` of a `code`; in a constraint only",
}
#: Functions whose answer is true or false.
_TESTS: Final = frozenset({"selected", "not", "true", "false", "boolean", "starts-with", "ends-with", "contains"})


class Unfit(Exception):
    """Why an expression has no counterpart."""


class Broken(Unfit):
    """It has no meaning in any form: its author has to mend it."""


@dataclass(frozen=True)
class Asked:
    """What conditions may know of one question of the form."""

    name: str
    kind: str  # of our language; "calculate"; "" when a phone cannot ask it
    values: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)  # value of the form -> refused | dont_know
    calculation: Expr | None = None
    loop: str = ""  # the repeat that it stands in


class Conditions:
    """Converts expressions; ``known`` grows while the form is read, so that it holds the questions before."""

    def __init__(self, known: Mapping[str, Asked]) -> None:
        self.known = known
        self.own: Asked | None = None  # whose constraint is read: `.`
        self.loop = ""
        self._open: list[str] = []  # calculations being written out

    def convert(self, tree: Expr, own: Asked | None = None, loop: str = "") -> str:
        """The condition as text; Unfit says why there is none."""
        self.own, self.loop, self._open = own, loop, []
        text = _bare(self._test(tree))
        fault = language.parse(text).fault
        if fault:
            raise Unfit(
                f"written out it is too long or too deep: {fault.message}"
                if fault.code == "IVR053"
                else f"it cannot be written: {fault.message}"
            )
        return text

    # What is true or false.

    def _test(self, node: Expr) -> str:
        if isinstance(node, Binary) and node.op in ("and", "or"):
            return "(" + f" {node.op} ".join(self._test(part) for part in xpath.chain(node, node.op)) + ")"
        if isinstance(node, Binary) and node.op in _COMPARE:
            return self._compare(node)
        if isinstance(node, Call) and node.name in _TESTS:
            return self._test_call(node)
        if isinstance(node, Call) and node.name == "if":
            condition, yes, no = self._args(node, 3)
            return f"({self._test(yes)} if {self._test(condition)} else {self._test(no)})"
        if isinstance(node, Ref | Self):
            asked = self._asked(node)
            if asked.calculation is not None:
                return self._inline(asked, self._test)
            return f"answered({asked.name})"
        return self._value(node)

    def _test_call(self, node: Call) -> str:
        if node.name == "selected":
            return self._selected(node)
        if node.name == "not":
            return f"not {self._test(self._args(node, 1)[0])}"
        if node.name == "boolean":
            return self._test(self._args(node, 1)[0])
        if node.name in ("true", "false"):
            self._args(node, 0)
            return node.name
        if node.name == "contains":
            a, b = self._args(node, 2)
            return f"contains({self._value(a)}, {self._value(b)})"
        return self._plain_call(node)

    def _selected(self, node: Call) -> str:
        question, value = self._args(node, 2)
        if not isinstance(question, Ref | Self):
            raise Unfit("selected() asks about a question, selected(${q}, 'a')")
        asked = self._asked(question)
        if not isinstance(value, Literal | Number):
            raise Unfit("selected() with a value that is not written out")
        if asked.kind in CHOSEN:
            return self._equals(asked, value.value, "==")
        if asked.kind not in LISTS:
            raise Unfit(f"selected() of {asked.name}, which is no choice")
        if value.value in asked.missing:
            return f"{asked.name}.missing == {quote(asked.missing[value.value])}"
        self._among(asked, value.value)
        return f"{quote(value.value)} in {asked.name}"

    def _among(self, asked: Asked, value: str) -> None:
        if value not in asked.values:
            raise Broken(f"{value!r} is none of the choices of {asked.name}: {', '.join(asked.values)}")

    def _equals(self, asked: Asked, value: str, sign: str) -> str:
        """A choice compared with one of its values."""
        if value in asked.missing:
            return f"{asked.name}.missing {sign} {quote(asked.missing[value])}"
        self._among(asked, value)
        return f"{asked.name} {sign} {quote(value)}"

    def _compare(self, node: Binary) -> str:
        left, right, op = node.left, node.right, node.op
        if isinstance(right, Ref | Self) and not isinstance(left, Ref | Self):
            left, right, op = right, left, _MIRROR[op]
        sign = _COMPARE[op]
        if isinstance(left, Ref | Self):
            asked = self._asked(left)
            literal = right.value if isinstance(right, Literal | Number) else None
            if literal == "" and op in ("=", "!="):
                if asked.calculation is not None:
                    raise Unfit(f"{asked.name} is calculated; it is never empty here")
                return f"answered({asked.name})" if op == "!=" else f"not answered({asked.name})"
            if literal is not None and asked.kind in CHOSEN:
                if op in ("=", "!="):
                    return self._equals(asked, literal, sign)
                if not all(_is_number(v) for v in (*asked.values, literal)):
                    raise Unfit(f"{asked.name} is no number to compare by {op}")
                return f"number({asked.name}) {sign} {literal}"
            if asked.kind in LISTS:
                raise Unfit(f"{asked.name} is a list of choices; ask with selected()")
            if literal is not None and asked.kind == "date" and op not in ("=", "!="):
                return f"{asked.name} {sign} {quote(literal)}"
            if literal is not None and (asked.kind in NUMERIC or op not in ("=", "!=")) and _is_number(literal):
                return f"{self._value(left)} {sign} {literal}"
        if op not in ("=", "!="):
            return f"{self._ordered(left)} {sign} {self._ordered(right)}"
        return f"{self._value(left)} {sign} {self._value(right)}"

    def _ordered(self, node: Expr) -> str:
        """`<` makes numbers of both sides in XPath; two texts would be compared by letters here."""
        if isinstance(node, Literal) and _is_number(node.value):
            return node.value
        if isinstance(node, Ref | Self) and self._asked(node).kind in (*CHOSEN, "code"):
            return f"number({self._value(node)})"
        return self._value(node)

    # What has a value.

    def _value(self, node: Expr) -> str:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Literal):
            return quote(node.value)
        if isinstance(node, Negative):
            return f"-{self._value(node.value)}"
        if isinstance(node, Ref | Self):
            asked = self._asked(node)
            return self._inline(asked, self._value) if asked.calculation is not None else asked.name
        if isinstance(node, Binary):
            if node.op in ("+", "-"):
                return f"({self._value(node.left)} {node.op} {self._value(node.right)})"
            if node.op in ("*", "div", "mod"):
                raise Unfit(f"a condition cannot calculate with {node.op}")
            return f"({self._test(node)})"
        return self._call(node)

    def _call(self, node: Call) -> str:
        if node.name in _TESTS:
            return f"({self._test_call(node)})"
        if node.name == "if":
            condition, yes, no = self._args(node, 3)
            return f"({self._value(yes)} if {self._test(condition)} else {self._value(no)})"
        if node.name == "count-selected":
            asked = self._asked_of(node)
            if asked.kind in LISTS:
                return f"length({asked.name})"
            raise Unfit(f"count-selected() of {asked.name}, which is no list of choices")
        if node.name == "string-length":
            asked = self._asked_of(node)
            if asked.kind == "code":
                return f"length({asked.name})"
            raise Unfit(f"string-length() of {asked.name}, which is no text of keys")
        if node.name == "date" and len(node.args) == 1 and isinstance(node.args[0], Literal):
            return quote(node.args[0].value)
        if node.name == "concat" and node.args:
            return "(" + " + ".join(self._value(a) for a in node.args) + ")"
        return self._plain_call(node)

    def _plain_call(self, node: Call) -> str:
        if node.name not in FUNCTIONS:
            reason = _NEVER.get(node.name, "no condition has such a function")
            raise Unfit(f"{node.name}(): {reason}")
        name, arity = FUNCTIONS[node.name]
        return f"{name}({', '.join(self._value(a) for a in self._args(node, arity))})"

    def _args(self, node: Call, arity: int) -> tuple[Expr, ...]:
        if len(node.args) != arity:
            raise Unfit(f"{node.name}() takes {arity} values, not {len(node.args)}")
        return node.args

    def _asked_of(self, node: Call) -> Asked:
        (arg,) = self._args(node, 1)
        if not isinstance(arg, Ref | Self):
            raise Unfit(f"{node.name}() of something else than an answer")
        return self._asked(arg)

    def _asked(self, node: Ref | Self) -> Asked:
        if isinstance(node, Self):
            if self.own is None:
                raise Unfit("`.` has a meaning in a constraint only")
            return self.own
        asked = self.known.get(node.name)
        if asked is None:
            raise Unfit(f"{node.name} is not asked before this")
        if not asked.kind:
            raise Unfit(f"{node.name} is not asked by phone")
        if asked.kind == "voice":
            raise Unfit(f"{node.name} is a recording; nothing can be read in it")
        if asked.loop != self.loop and asked.loop:
            raise Unfit(f"{node.name} is asked several times, in the repeat {asked.loop}")
        return asked

    def _inline(self, asked: Asked, convert: Callable[[Expr], str]) -> str:
        if asked.name in self._open:
            raise Unfit(f"{asked.name} is calculated from itself")
        assert asked.calculation is not None
        self._open.append(asked.name)
        try:
            return f"({_bare(convert(asked.calculation))})"
        except Unfit as error:
            raise type(error)(f"{asked.name} is calculated, and {error}") from None
        finally:
            self._open.pop()


_COMPARE: Final = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MIRROR: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEVER: Final = {
    "today": "a condition does not know the day",
    "now": "a condition does not know the time",
    "regex": "a pattern can only be held against the keys of a `code`, in its own constraint",
    "random": "there is no chance in a condition; `share` and `order: random` have it",
    "position": "a loop does not count",
    "indexed-repeat": "a loop's answers have names of their own",
    "pulldata": "there is no data file beside a call; bring it as a fact",
    "instance": "there is no data file beside a call; bring it as a fact",
    "jr:choice-name": "labels are spoken, `{{ q | label }}`, and not compared",
}


def quote(text: str) -> str:
    """A text in an expression of ours, which knows no backslash."""
    if "\\" in text:
        raise Unfit(f"the text {text!r} has a backslash")
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    raise Unfit(f"the text {text!r} has both kinds of quotes")


def _is_number(text: str) -> bool:
    head, _, rest = text.removeprefix("-").partition(".")
    return text.isascii() and head.isdigit() and (not rest or rest.isdigit()) and not text.endswith(".")


def _bare(text: str) -> str:
    """Without the one pair of brackets around it all."""
    if not text.startswith("(") or not text.endswith(")"):
        return text
    depth, quoted = 0, ""
    for at, sign in enumerate(text):
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "'\"":
            quoted = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0 and at < len(text) - 1:
                return text
    return text[1:-1]


def parse(text: str) -> Expr:
    """The tree. Raises Broken where it can be read by nobody, else Unfit."""
    try:
        return xpath.parse(text)
    except xpath.NotByPhone as error:
        raise Unfit(str(error)) from None
    except xpath.XPathError as error:
        raise Broken(str(error)) from None
