"""Expressions, templates and patterns: what is let through, and every attack that is not (faults 113, 114)."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ivr.core.expr import evaluate
from ivr.core.program import Piece
from ivr.lang import expr, pattern, template
from ivr.lang.expr import Fault

N = ["name", "n"]

TREES: list[tuple[str, Any]] = [
    ("n", N),
    ("true", True),
    ("none", None),
    ("'none'", "none"),
    ("-1", -1),
    ("-n", ["neg", N]),
    ("1.5", 1.5),
    ("caller.vip", ["name", "caller.vip"]),
    ("n == '1'", ["==", N, "1"]),
    ("n != 1 and not m", ["and", ["!=", N, 1], ["not", ["name", "m"]]]),
    ("1 <= n <= 5", ["and", ["<=", 1, N], ["<=", N, 5]]),
    ("n in [1, 2]", ["in", N, ["list", 1, 2]]),
    ("n not in (1, 'a')", ["not in", N, ["list", 1, "a"]]),
    ("n + 1 - m", ["-", ["+", N, 1], ["name", "m"]]),
    ("1 if n else 2", ["if", N, 1, 2]),
    ("starts_with(n, '86')", ["call", "starts_with", N, "86"]),
    ("number(number)", ["call", "number", ["name", "number"]]),
    ("  n\n  > 1 ", [">", N, 1]),
]


@pytest.mark.parametrize(("text", "tree"), TREES)
def test_trees(text: str, tree: Any) -> None:
    parsed = expr.parse(text)
    assert (parsed.fault, parsed.tree) == (None, tree)


#: Texts that try to do more than compare -> the code they get.
ATTACKS: list[tuple[str, str]] = [
    ("9**(9**9)", "IVR051"),
    ("'a' * 10**10", "IVR051"),
    ("2 << 64", "IVR051"),
    ("1 / 0", "IVR051"),
    ("'%s' % n", "IVR051"),
    ("n | m", "IVR051"),
    ("~n", "IVR051"),
    ("+n", "IVR051"),
    ("n[0]", "IVR051"),
    ("n.__class__", "IVR051"),
    ("''.__class__.__mro__", "IVR051"),
    ("().__class__", "IVR051"),
    ("_private", "IVR051"),
    ("__import__('os')", "IVR054"),
    ("eval('1')", "IVR054"),
    ("open('/etc/passwd')", "IVR054"),
    ("range(10**9)", "IVR054"),
    ("n.upper()", "IVR054"),
    ("'{}'.format(n)", "IVR054"),
    ("length(n)(n)", "IVR054"),
    ("length", ""),  # a name, to be found unknown
    ("length()", "IVR054"),
    ("length(n, n)", "IVR054"),
    ("length(x=n)", "IVR054"),
    ("length(*n)", "IVR051"),
    ("lambda: 1", "IVR051"),
    ("(lambda x: x)(1)", "IVR054"),
    ("[x for x in n]", "IVR051"),
    ("{x for x in n}", "IVR051"),
    ("(x for x in n)", "IVR051"),
    ("{1: 2}", "IVR051"),
    ("{1, 2}", "IVR051"),
    ("[*n]", "IVR051"),
    ("f'{n}'", "IVR051"),
    ("(n := 1)", "IVR051"),
    ("await n", "IVR051"),
    ("(yield n)", "IVR051"),
    ("n is none", "IVR051"),
    ("b'x'", "IVR051"),
    ("1j", "IVR050"),
    ("...", "IVR051"),
    ("1e999", "IVR050"),
    ("0x1f", "IVR050"),
    ("1_000", "IVR050"),
    ("1or n", "IVR050"),
    ("n == '1or'", ""),
    ("1" * 400 + ".0", "IVR051"),
    ("9999999999999999999", "IVR051"),
    ("'\\x41'", "IVR051"),
    ("n\0", "IVR051"),
    ("n; m", "IVR050"),
    ("import os", "IVR050"),
    ("n = 1", "IVR050"),
    ("", "IVR050"),
    ("(" * 250 + ")" * 250, "IVR050"),
    ("-" * 499 + "1", "IVR053"),
    ("not " * 100 + "n", "IVR053"),
    ("n" + "+n" * 200, "IVR053"),
    ("[" * 90 + "]" * 90, "IVR053"),
    ("n" * 501, "IVR053"),
    ("'\ud800'", "IVR050"),
    ("名字 == 1", "IVR051"),
]


@pytest.mark.parametrize(("text", "code"), ATTACKS)
def test_row_113_attacks(text: str, code: str) -> None:
    fault = expr.parse(text).fault
    assert (fault.code if fault else "") == code


def test_no_tree_is_deeper_than_evaluation_goes() -> None:
    text = "n" + "+n" * (expr.MAX_DEPTH - 1)
    parsed = expr.parse(text)
    assert parsed.fault is None
    assert evaluate(parsed.tree, {"n": 1}) == expr.MAX_DEPTH


PIECES: list[tuple[str, list[Piece]]] = [
    ("Hello.", [Piece("Hello.")]),
    (
        "You entered {{ n | digits }}. Press 1.",
        [Piece("You entered"), Piece("", N, "digits"), Piece("Press 1.")],
    ),
    ("{{ n|number }}", [Piece("", N, "number")]),
    ("{{ n | date }}.", [Piece("", N, "date")]),
    ("您输入的是{{ n | digits }}。", [Piece("您输入的是"), Piece("", N, "digits")]),
    ("{{ n | digits }} {{ n + 1 | number }}", [Piece("", N, "digits"), Piece("", ["+", N, 1], "number")]),
]


@pytest.mark.parametrize(("text", "pieces"), PIECES)
def test_pieces(text: str, pieces: list[Piece]) -> None:
    made = template.pieces(text)
    assert (made.faults, list(made.pieces)) == ((), pieces)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ n }}", "IVR043"),
        ("{{ }}", "IVR043"),
        ("{{ n | }}", "IVR044"),
        ("{{ n | attr('x') }}", "IVR043"),
        ("{{ n | safe }}", "IVR044"),
        ("{{ ''.__class__ | digits }}", "IVR051"),
        ("{% for x in n %}", "IVR045"),
        ("{{ n | digits", "IVR045"),
        ("n }}", "IVR045"),
        ("${system rm}", "IVR045"),
        (" ", "IVR046"),
        ("x" * 4001, "IVR046"),
    ],
)
def test_row_113_templates(text: str, code: str) -> None:
    assert [f.code for f in template.pieces(text).faults][:1] == [code]


@pytest.mark.parametrize(
    ("text", "widths"),
    [
        ("[0-9]{6}", (6, 6)),
        ("1[3-9][0-9]{9}", (11, 11)),
        (r"\d+", (1, 4294967295)),
        ("(12|34)?5", (1, 3)),
        (r"(\d{3}){2}", (6, 6)),
    ],
)
def test_patterns(text: str, widths: tuple[int, int]) -> None:
    found = pattern.vet(text)
    assert isinstance(found, tuple)
    assert (found[0], min(found[1], 4294967295)) == widths


@pytest.mark.parametrize(
    "text",
    [
        "(1+)+",
        "(1*)*2",
        "(1|1)*2",
        "(1|12)*3",
        "(1?){30}1",
        "((1?){5}){5}",
        "1*1*1*1*2",
        "1?" * 20 + "1" * 20,
        "(1|12)" * 25,
        r"(1)\1",
        "(?=1)1",
        "(?<!1)1",
        "(?P<a>1)(?P=a)",
        "(1)?(?(1)2|3)",
        "1{1,60}" * 4,
        "(" * 100 + ")" * 100 + "1" * 1,
        "[",
        "A",
        "[[1]",
        "1" * 201,
    ],
)
def test_row_114_slow_patterns(text: str) -> None:
    found = pattern.vet(text)
    assert isinstance(found, Fault) or text.startswith("((((")


def test_row_114_the_worst_that_is_let_through() -> None:
    worst = "[0-9]*[0-9]*[0-9]*#"
    assert not isinstance(pattern.vet(worst), Fault)
    begin = time.process_time()
    assert re.fullmatch(worst, "1" * pattern.MAX_KEYS) is None
    assert time.process_time() - begin < 0.5
