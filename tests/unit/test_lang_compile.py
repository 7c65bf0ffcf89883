"""What the language compiles to: one small file per verb, and the examples of the repository."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.core.program import (
    END,
    REPEAT,
    Assign,
    Branch,
    CallBack,
    Collect,
    Detect,
    Escalation,
    HangUp,
    OptOut,
    Piece,
    Program,
    Queue,
    Record,
    Say,
    SetVars,
    SurveyMark,
    Transfer,
    Way,
)
from ivr.lang import compiler, model, schema
from ivr.lang.check import check_file
from ivr.lang.project import Project

ROOT = Path(__file__).parents[2]
HEAD = """\
flow: x
languages: [en]
digits: {first: 4s, tries: {silence: 2, wrong: 3}, give_up: bye}
destinations: {op: user/1000}
queues: {help: help@default}
variables: {n: 0, zero: "007", m: 007}
error: bye
"""
BYE = "  bye: {say: {en: Bye}, hang_up: true}\n"


def compiled(tmp_path: Path, text: str, name: str = "x.yaml") -> Program:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    result = check_file(path)
    assert [str(p) for p in result.problems if p.severity == "error"] == []
    assert result.program is not None
    return result.program


MENU = Collect(
    prompts=("a/1",),
    ways={"1": (Way("bye"),)},
    store=False,
    first_ms=4000,
    tries=0,
    silence=Escalation((), 2, "bye"),
    wrong=Escalation((), 3, "bye"),
)
ENTRY = replace(MENU, ways={}, store=True, into="k", next="bye", max_keys=20)
KEY_SET = (Assign("n", ["+", ["name", "n"], 1]),)

#: The step `a` -> its node.
STEPS: list[tuple[str, Any]] = [
    ("{say: {en: Hi}, next: bye}", Say(("a/1",), "bye")),
    ("{say: [{en: Hi}, {en: Ho}], next: hang_up, barge_in: false}", Say(("a/1", "a/2"), END, False)),
    ("{say: {en: Hi}, hang_up: true}", HangUp(("a/1",))),
    ("{hang_up: true}", HangUp()),
    ("{goto: bye}", Branch((), "bye")),
    ("{menu: {en: Hi}, keys: {1: bye}}", MENU),
    (
        '{menu: {en: Hi}, keys: {"*": repeat, "#": hang_up}, digits: {type_ahead: flush, tries: 4, give_up: hang_up}}',
        replace(
            MENU,
            ways={"*": (Way(REPEAT),), "#": (Way(END),)},
            end="",
            flush=True,
            tries=4,
            silence=Escalation((), 0, END),
            wrong=Escalation((), 0, END),
        ),
    ),
    (
        '{menu: {en: Hi}, keys: {1: [{goto: bye, when: n > 1}, {goto: a, set: {n: "{{ n + 1 }}"}}]}}',
        replace(MENU, ways={"1": (Way("bye", [">", ["name", "n"], 1]), Way("a", set=KEY_SET))}),
    ),
    (
        "{menu: {en: Hi}, keys: {1: bye}, silence: [{en: A}, [{en: B}, {en: C}]], wrong: [{en: D}]}",
        replace(
            MENU,
            silence=Escalation((("a/2",), ("a/3", "a/4")), 2, "bye"),
            wrong=Escalation((("a/5",),), 3, "bye"),
        ),
    ),
    ("{ask: {en: Hi}, into: k, next: bye}", ENTRY),
    (
        "{ask: {en: Hi}, into: k, next: bye, type: number, valid: k > 1, secret: true, confirm: {en: Sure?}, "
        "digits: {length: 6, end: none, pattern: '1[0-9]+'}}",
        replace(
            ENTRY,
            min_keys=6,
            max_keys=6,
            end="",
            pattern="1[0-9]+",
            valid=[">", ["name", "k"], 1],
            value="number",
            secret=True,
            confirm=("a/2",),
        ),
    ),
    (
        '{ask: {en: Hi}, into: k, next: bye, confirm: {say: {en: Sure?}, yes: 5, no: "*"}, '
        'digits: {end: "*", length: 2..4}}',
        replace(ENTRY, min_keys=2, max_keys=4, end="*", confirm=("a/2",), confirm_yes="5", confirm_no="*"),
    ),
    (
        "{set: {n: '{{ n + 1 }}', a: 012, b: 12, c: '12', d: none, e: true, f: -1.5, g: no}, next: bye}",
        SetVars(
            (
                *KEY_SET,
                Assign("a", "012"),
                Assign("b", 12),
                Assign("c", "12"),
                Assign("d", None),
                Assign("e", True),
                Assign("f", -1.5),
                Assign("g", "no"),
            ),
            "bye",
        ),
    ),
    (
        "{branch: [{when: n == 1, goto: bye, set: {n: 2}}, {goto: hang_up}]}",
        Branch((Way("bye", ["==", ["name", "n"], 1], (Assign("n", 2),)),), END),
    ),
    (
        "{branch: [{when: n == 1, goto: bye}, {goto: hang_up, set: {n: 2}}]}",
        Branch((Way("bye", ["==", ["name", "n"], 1]), Way(END, set=(Assign("n", 2),))), END),
    ),
    ("{transfer: op, failed: bye}", Transfer("op", (), 30_000, END, "bye", "bye", "bye")),
    (
        "{transfer: op, say: {en: Hi}, ring: 1m, failed: bye, busy: hang_up, next: bye}",
        Transfer("op", ("a/1",), 60_000, "bye", END, "bye", "bye"),
    ),
    (
        '{queue: help, failed: bye, wait: 5m, leave: {"#": hang_up}, announce: {every: 30s, say: {en: Wait}}}',
        Queue("help", (), ("a/1",), 30_000, {"#": END}, 300_000, END, END, "bye", "bye", "bye", "bye"),
    ),
    ("{detect: machine, person: bye, machine: hang_up}", Detect(2500, 1000, 0, "bye", END)),
    (
        "{detect: machine, person: bye, machine: bye, greeting: 3s, pause: 2s, end: 30s}",
        Detect(3000, 2000, 30_000, "bye", "bye"),
    ),
    ("{opt_out: {en: Done}, next: bye}", OptOut("all", "a.@said")),
    ("{opt_out: {en: Done}, scope: campaign, next: bye}", OptOut("campaign", "a.@said")),
    ("{callback: {en: Noted}, after: 2h, next: bye}", CallBack(7_200_000, "", "a.@said")),
    ("{record: {en: Hi}, next: hang_up}", Record(("a/1",), 120_000, 4000, "#", "", END, END, "bye")),
    (
        "{record: {en: Hi}, next: hang_up, limit: 9s, quiet: 500ms, end: any, into: m, empty: bye, failed: hang_up}",
        Record(("a/1",), 9000, 500, "any", "m", END, "bye", END),
    ),
]


@pytest.mark.parametrize(("step", "node"), STEPS)
def test_steps(step: str, node: Any, tmp_path: Path) -> None:
    program = compiled(tmp_path, f"{HEAD}steps:\n  a: {step}\n{BYE}")
    assert program.nodes["a"] == node
    assert program.nodes[END] == HangUp()
    assert program.start == "a"
    assert program.where["a"] == (Project(tmp_path).display(tmp_path / "x.yaml"), 9)
    assert program.variables == {"n": 0, "zero": "007", "m": "007"}
    assert Program.from_json(json.loads(json.dumps(program.to_json()))) == program


SURVEY = """\
survey: s
languages: [en]
give_up: {give_up}
intro: {{en: Hello}}
questions:
  - {{id: a, scale: {{en: A}}, range: 0..2}}
  - {{id: b, choice: {{en: B}}, options: {{1: late, "*": other}}, when: a < 2}}
  - {{id: c, number: {{en: C}}, range: 5..30, confirm: {{en: "{{{{ c | number }}}}?"}}}}
thanks: {{en: Thanks}}
"""


def test_survey(tmp_path: Path) -> None:
    program = compiled(tmp_path, SURVEY.format(give_up="stop"))
    nodes, ids = program.nodes, ("a", "b", "c")
    assert nodes["s"] == SurveyMark("s", "begin", "s.@intro", ids)
    assert nodes["s.@intro"] == Say(("s/1",), "s.a")
    assert nodes["s.b.@when"] == Branch((Way("s.b", ["<", ["name", "a"], 2]),), "s.c")
    assert nodes["s.@complete"] == SurveyMark("s", "complete", "s.@thanks", ids)
    assert nodes["s.@partial"] == SurveyMark("s", "partial", END, ids)
    assert nodes["s.@thanks"] == Say(("s/2",), END)
    stop = Escalation((), 0, "s.@partial")
    a = Collect(
        prompts=("s.a/1",),
        ways={
            "0": (Way("s.b.@when", answer=0),),
            "1": (Way("s.b.@when", answer=1),),
            "2": (Way("s.b.@when", answer=2),),
        },
        value="choice",
        into="a",
        next="s.b.@when",
        flush=True,
        silence=stop,
        wrong=stop,
        question="a",
        survey="s",
    )
    assert nodes["s.a"] == a
    assert nodes["s.b"] == replace(
        a,
        prompts=("s.b/1",),
        ways={"1": (Way("s.c", answer="late"),), "*": (Way("s.c", answer="other"),)},
        into="b",
        next="s.c",
        question="b",
    )
    assert nodes["s.c"] == replace(
        a,
        prompts=("s.c/1",),
        ways={},
        max_keys=2,
        valid=["and", [">=", ["name", "c"], 5], ["<=", ["name", "c"], 30]],
        value="number",
        confirm=("s.c/2",),
        into="c",
        next="s.@complete",
        question="c",
    )
    assert program.prompts["s.c/2"].pieces["en"] == (Piece("", ["name", "c"], "number"),)


def test_survey_skips(tmp_path: Path) -> None:
    nodes = compiled(tmp_path, SURVEY.format(give_up="skip")).nodes
    assert "s.@partial" not in nodes
    assert [n.silence.give_up for n in nodes.values() if isinstance(n, Collect)] == ["s.b.@when", "s.c", "s.@complete"]


def test_survey_in_a_flow(tmp_path: Path) -> None:
    (tmp_path / "surveys").mkdir()
    (tmp_path / "flows").mkdir()
    (tmp_path / "surveys" / "s.yaml").write_text(SURVEY.format(give_up="skip"), encoding="utf-8")
    branch = "b: {branch: [{when: a == 1, goto: bye}, {goto: hang_up}]}"
    text = f"{HEAD}steps:\n  ask: {{survey: s, next: b}}\n  {branch}\n{BYE}"
    program = compiled(tmp_path, text, "flows/x.yaml")
    assert program.nodes["ask"] == SurveyMark("s", "begin", "ask.@intro", ("a", "b", "c"))
    assert program.nodes["ask.@thanks"] == Say(("ask/2",), "b")
    assert program.where["ask.b"][0].endswith("surveys/s.yaml")


EXAMPLES = [*sorted((ROOT / "flows").glob("*.yaml")), *sorted((ROOT / "surveys").glob("*.yaml"))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_examples_are_clean(path: Path) -> None:
    assert check_file(path).problems == ()


def test_every_verb_is_whole() -> None:
    """One shape, one compiler branch, one docs row and one test each."""
    assert set(compiler._COMPILE) == set(model.VERBS.values())
    docs = (ROOT / "docs" / "language.md").read_text("utf-8")
    for verb, shape in model.VERBS.items():
        assert verb in model.ROWS[shape]
        assert f"### `{verb}`" in docs
        assert verb == "survey" or any(step.startswith(f"{{{verb}:") for step, _ in STEPS)


def test_schema_keys_are_the_readers_keys() -> None:
    defs = schema.schema()["$defs"]
    for name, shape in model.SHAPES.items():
        assert list(defs[name]["properties"]) == list(model.ROWS[shape])
        assert set(defs[name]["required"]) == {r.key for r in model.ROWS[shape].values() if r.required}
    refs = set(_refs(schema.schema()))
    assert refs <= {f"#/$defs/{name}" for name in defs}


def _refs(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [v for k, v in value.items() if k == "$ref"] + [r for v in value.values() for r in _refs(v)]
    return [r for v in value for r in _refs(v)] if isinstance(value, list) else []
