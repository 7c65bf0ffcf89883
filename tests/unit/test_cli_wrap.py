"""What `make demo` prints fits the terminal, with hanging indents; a Chinese character is two columns wide."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ivr.cli.demo import SHOWN, Shown, _transcript
from ivr.cli.wrap import hang, wrapped
from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.script import load_calls
from ivr.hosts.simulator import SimulatedCall, run
from ivr.lang.check import check_file
from ivr.lang.project import Project

ROOT = Path(__file__).resolve().parents[2]

WRAPPED = [
    ("", 10, [""]),
    ("one", 10, ["one"]),
    ("one two three", 7, ["one two", "three"]),
    ("one two three", 13, ["one two three"]),
    ("one  two\nthree", 13, ["one two three"]),
    ("abcdefghij kl", 4, ["abcd", "efgh", "ij", "kl"]),
    ("a abcdefghij", 4, ["a", "abcd", "efgh", "ij"]),
    ("一二三四五", 4, ["一二", "三四", "五"]),
    ("一二三四五", 5, ["一二", "三四", "五"]),
    ("一二三，四五", 6, ["一二", "三，四", "五"]),  # the comma stays with its character
    ("请按1。 For English", 8, ["请按1。", "For", "English"]),
    ("请按star键。", 8, ["请按star", "键。"]),
    ("再“好”，再见。", 8, ["再“好”，", "再见。"]),
    ("再见“好”", 5, ["再见", "“好”"]),
]


@pytest.mark.parametrize(("text", "width", "lines"), WRAPPED)
def test_wrapped(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


@given(st.text("ab 一，。」é\n1“”", max_size=60), st.integers(2, 20))
def test_no_line_is_wider_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert max(cell_len(line) for line in lines) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("head", "text", "lines"),
    [
        ("", "short", ["short"]),
        ("[dim]1 s[/dim] ♪ ", "one two three four five", ["1 s ♪ one two three", "      four five"]),
        ("[b]x[/b] ", "[red]markup is text[/red] here", ["x [red]markup is", "  text[/red] here"]),
    ],
)
def test_hang(head: str, text: str, lines: list[str]) -> None:
    console = Console(file=io.StringIO(), width=20, highlight=False)
    hang(console, head, text)
    assert console.file.getvalue().splitlines() == lines  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize(("flow", "index"), SHOWN)
def test_the_demos_transcripts_fit(flow: str, index: int, width: int) -> None:
    program = check_file(ROOT / "flows" / f"{flow}.yaml", Project(ROOT)).program
    assert program
    call = load_calls(ROOT / "flows" / f"{flow}.calls.yaml")[index]
    caller = ScriptedCaller(call.script)
    run(SimulatedCall(program, call.facts, far_ends=call.far_ends), caller)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    _transcript(console, Shown(flow, index, call, caller))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(cell_len(line) for line in lines) <= width
    said = "".join("".join(line[10:] for line in lines).split())
    assert all("".join(what.split()) in said for _, _, what in caller.log)
