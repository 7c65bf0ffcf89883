"""Flows drawn: what is on the arrows, quoting in both notations, and the example flows' golden drawings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.graph import command
from ivr.core.program import (
    END,
    REPEAT,
    Assign,
    Branch,
    Collect,
    Escalation,
    HangUp,
    Piece,
    Program,
    Prompt,
    Queue,
    Record,
    Say,
    SetVars,
    SurveyMark,
    Transfer,
    Way,
)
from ivr.lang.check import check_file
from ivr.lang.diagram import draw, words
from ivr.lang.notation import dot, mermaid

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "diagrams"
HOSTILE = 'a"b\\N</b>\n%%[x]{y}|z|`end`#1;&amp;\x1b中文。'


def program(text: str = "Hello.", **nodes) -> Program:
    speech = {"p": Prompt("p", {"en": (Piece(text), Piece("", ["name", "n"], "digits"), Piece("bye."))})}
    return Program("f", text, ("en",), next(iter(nodes)), nodes, speech, error="bye")


EVERY = program(
    menu=Collect(
        ("p",),
        ways={
            **{k: (Way("entry"),) for k in "123"},
            "5": (Way("menu2", when=["name", "vip"]), Way("entry")),
            "*": (Way(REPEAT),),
        },
        silence=Escalation(give_up="ring"),
        wrong=Escalation(give_up="bye"),
    ),
    menu2=Say((), "entry"),
    entry=Collect(("p",), min_keys=4, max_keys=4, end="", into="pin", secret=True, next="given"),
    given=SetVars((Assign("x", ["+", ["name", "x"], 1]),), "choose"),
    choose=Branch((Way("ring", when=[">", ["name", "x"], 3]),), "talk"),
    ring=Transfer("desk", (), 30000, "q", "talk", "talk", "bye"),
    talk=Record(("p",), 60000, 4000, "#", "m", "bye", "choose", "bye"),
    q=SurveyMark("csat", "begin", "q.one"),
    **{"q.one": Collect((), ways={"1": (Way("q.@complete", answer="good"),)}, survey="csat")},
    **{"q.@complete": SurveyMark("csat", "complete", END)},
    bye=HangUp(("p",)),
    **{END: HangUp(), "never": Say((), END)},
)


def arrows(drawn: Program) -> list[str]:
    style = {True: "-.", False: "--"}
    return [f"{a.tail} {style[a.dashed]} {a.label!r} {a.head}" for a in draw(drawn).arrows]


def test_agents():
    """A queue, and a transfer with a survey after it: what leads there, and what leads away from a broken talk."""
    ends = {"no_agent": "bye", "full": "bye", "timed_out": "desk", "failed": "bye"}
    queue = Queue("support", ("p",), (), 0, {"#": "desk"}, 60_000, "wait", "survey", **ends)
    desk = Transfer("desk", (), 30_000, "wait", "bye", "bye", "bye", "survey")
    nodes = {"wait": queue, "desk": desk, "survey": HangUp(("p",)), "bye": HangUp(("p",))}
    drawn = Program("t", "", ("en",), "wait", nodes, EVERY.prompts)
    assert arrows(drawn) == [
        "@start -- '' wait",
        "wait -- 'agent left' survey",
        "wait -. 'broken off' wait",
        "wait -- '#' desk",
        "wait -. 'no agent\\nfull\\nfailed' bye",
        "wait -. 'waited too long' desk",
        "desk -- 'far end left' survey",
        "desk -. 'broken off' wait",
        "desk -. 'busy\\nno answer\\nfailed' bye",
    ]
    assert [box.text[-1] for box in draw(drawn).boxes if box.shape == "person"] == ["queue support", "connect to desk"]


def test_arrows():
    assert arrows(EVERY) == [
        "@start -- '' menu",
        "@failure -. 'failure' bye",
        "menu -- '1–3\\n5 otherwise' entry",
        "menu -- '5 if vip' menu2",
        "menu -- '* repeat' menu",
        "menu -. 'silence' ring",
        "menu -. 'wrong key' bye",
        "entry -- '' given",
        "menu2 -- '' entry",
        "ring -- 'far end left' q",
        "ring -. 'busy\\nno answer' talk",
        "ring -. 'failed' bye",
        "given -- '' choose",
        "q -- '' q.one",
        "talk -- '' bye",
        "talk -. 'nothing said' choose",
        "choose -- 'x > 3' ring",
        "choose -- 'otherwise' talk",
        "q.one -- '1 good' q.@complete",
        "q.@complete -- '' @end",
    ]


def test_boxes():
    boxes = {box.name: box for box in draw(EVERY).boxes}
    assert "never" not in boxes
    assert boxes["menu"].text == ("Hello. {n} bye.",)
    assert boxes["entry"].text[-1] == "4 keys → pin (secret)"
    assert boxes["given"].text == ("x = x + 1",)
    assert boxes["talk"].text[-1] == "record up to 60 s"
    assert {name for name, box in boxes.items() if box.group == "q"} == {"q", "q.one", "q.@complete"}
    assert boxes["q"].title == "csat: begin"
    assert boxes[END].title == "hang up"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ("{n} bye.",)),
        ("One two three four five six seven eight nine ten", ("One two three four five six seven", None)),
        ("请按1，查询订单请按2，投诉请按3，转人工请按0。", ("请按1，查询订单请按2，投诉请按3，", None)),
        ("x" * 200, None),
        ("one\ntwo\tthree", ("one two three {n} bye.",)),
    ],
)
def test_texts_are_short_and_break_well(text, lines):
    said = draw(program(text, bye=HangUp(("p",)))).boxes[-1].text
    assert len(said) <= 2
    assert all(len(line) <= 70 for line in said)
    if lines:
        assert said[0] == lines[0]


TREES = [
    (["<=", ["name", "overall"], 2], "overall <= 2"),
    (["and", ["or", ["name", "a"], ["name", "b"]], ["not", ["name", "c"]]], "(a or b) and not c"),
    (["if", ["name", "a"], "x", None], "'x' if a else none"),
    (["in", ["name", "a"], ["list", 1, 2.5, True]], "a in [1, 2.5, true]"),
    (["call", "starts_with", ["name", "a"], "86"], "starts_with(a, '86')"),
    (["neg", ["+", ["name", "a"], 1]], "-(a + 1)"),
]


@pytest.mark.parametrize(("tree", "said"), TREES)
def test_conditions_are_said_as_they_were_written(tree, said):
    assert words(tree) == said


HARD = program(
    HOSTILE,
    start=Collect(("p",), ways={"1": (Way("bye", when=["==", ["name", "x"], HOSTILE]),)}),
    bye=Say(("p",), "s"),
    s=SurveyMark(HOSTILE, "begin", END),
    **{END: HangUp()},
)


def test_mermaid_keeps_labels_inside_their_quotes():
    for line in mermaid(draw(HARD)).splitlines()[2:]:
        inside = "".join(re.findall(r'"([^"]*)"', line))
        assert line.count('"') in (0, 2)
        assert not set(inside.replace("<br/>", "")) & set("<>[]{}|`\\&\x1b"), line
    assert mermaid(draw(HARD)).replace("\n", "").isprintable()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not here")
@pytest.mark.parametrize("drawn", [EVERY, HARD], ids=["every", "hard"])
def test_graphviz_takes_it_without_a_word(drawn):
    made = subprocess.run(["dot", "-Tsvg"], input=dot(draw(drawn)).encode(), capture_output=True, check=True)
    assert not [x for x in made.stderr.decode().splitlines() if "font" not in x.lower()]
    assert made.stdout.count(b'class="node"') == len(draw(drawn).boxes)


FLOWS = [p for p in sorted((ROOT / "flows").glob("*.yaml")) if not p.stem.endswith(".calls")]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda p: p.stem)
@pytest.mark.parametrize(("suffix", "write"), [("mmd", mermaid), ("dot", dot)])
def test_example_flows(flow, suffix, write):
    compiled = check_file(flow).program
    assert compiled is not None
    text, golden = write(draw(compiled)), GOLDEN / f"{flow.stem}.{suffix}"
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_command(tmp_path, monkeypatch):
    run = CliRunner().invoke
    flow = tmp_path / "f.yaml"
    flow.write_text("flow: f\nlanguages: [en]\nstart: bye\nsteps:\n  bye: {say: {en: Bye.}, hang_up: true}\n")
    assert "flowchart TD" in run(command, [str(flow)]).output
    assert run(command, [str(flow), "-o", str(tmp_path / "f.dot")]).exit_code == 0
    assert (tmp_path / "f.dot").read_text().startswith('digraph "f" {')
    unspoken = run(command, [str(flow), "--lang", "fr"])
    assert (unspoken.exit_code, "it has: en" in unspoken.output) == (2, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = run(command, [str(flow), "--format", "svg"])
    assert (missing.exit_code, "apt-get install graphviz" in missing.output) == (2, True)
    flow.write_text("flow: f\n")
    wrong = run(command, [str(flow)])
    assert (wrong.exit_code, "ivr check" in wrong.output) == (2, True)
