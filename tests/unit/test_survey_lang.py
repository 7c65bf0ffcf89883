"""Questionnaires compiled: what each thing a designer can write becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ivr.core.nodes import Branch, Collect, Record, Shuffle, SurveyMark
from ivr.core.program import Program
from ivr.lang.check import check_file
from ivr.lang.project import Project
from ivr.survey.definition import Definition

ROOT = Path(__file__).parents[2]
KINDS = ROOT / "tests" / "flows" / "kinds.yaml"


@pytest.fixture(scope="module")
def kinds() -> Program:
    program = check_file(KINDS, Project(ROOT)).program
    assert program is not None
    return program


def compiled(folder: Path, survey: str, flow: str = "") -> Program:
    (folder / "surveys").mkdir(exist_ok=True)
    (folder / "surveys" / "s.yaml").write_text(f"survey: s\nlanguages: [en]\n{survey}")
    file = folder / "surveys" / "s.yaml"
    if flow:
        (folder / "flows").mkdir(exist_ok=True)
        file = folder / "flows" / "f.yaml"
        file.write_text(f"flow: f\nlanguages: [en]\n{flow}")
    result = check_file(file, Project(folder))
    assert result.program is not None, [str(p) for p in result.problems]
    return result.program


ONE = 'questions: [{id: q, csat: {en: "How?"}}]\n'


def test_the_definition_says_what_was_asked(kinds: Program) -> None:
    plan = kinds.surveys["kinds"]
    definition = Definition.from_json(json.loads(json.dumps(plan.definition)))
    assert definition.hash == plan.hash
    assert Definition.from_json(definition.to_json()) == definition
    assert definition.keep_days == 400
    assert definition.random == ("products",)
    assert [q.quota for q in definition.quotas] == ["north", "women"]
    found = {q.id: q for q in definition.questions}
    assert list(found)[3:9] == [
        "rating_tv",
        "reason_tv",
        "rating_radio",
        "reason_radio",
        "rating_phone",
        "reason_phone",
    ]
    overall = found["overall"]
    assert (overall.kind, overall.measure, overall.bank, overall.low, overall.high) == (
        "scale",
        "csat",
        "csat5@2",
        1,
        5,
    )
    assert overall.values[0].label["en"] == "very dissatisfied"
    assert overall.missing == {"refused": "*", "dont_know": "**"}
    assert found["zip"].missing == {"refused": "*"}
    assert found["rating_tv"].text["en"] == "How do you like your television 1 to 5."
    assert (found["rating_tv"].item, found["rating_tv"].base) == ("tv", "rating")
    assert found["reason_tv"].when == "'tv' in customer.products and rating_tv <= 2"
    assert found["bought"].low == "2020-01-01"
    assert found["liked"].choose == (2, 2)
    assert found["words"].kind == "voice"


def test_one_content_has_one_hash(tmp_path: Path) -> None:
    first = compiled(tmp_path, ONE).surveys["s"].hash
    assert compiled(tmp_path, "# a remark\n" + ONE).surveys["s"].hash == first
    assert compiled(tmp_path, ONE.replace("How?", "How so?")).surveys["s"].hash != first


def test_labels_are_prompts_only_where_they_are_spoken(kinds: Program, tmp_path: Path) -> None:
    spoken = {name for name in kinds.prompts if name.startswith("label/")}
    assert spoken == {f"label/overall/{n}" for n in range(1, 6)}
    flow = """steps:
  ask: {survey: s, next: told}
  told: {say: {en: "You said {{ q | label }}."}, hang_up: true}
"""
    labels = 'questions: [{id: q, csat: {en: "How?"}, labels: {1: a, 2: b, 3: c, 4: d, 5: e}}]\n'
    program = compiled(tmp_path, labels, flow)
    assert program.prompts["label/q/3"].pieces["en"][0].text == "c"


def test_a_random_section_is_a_shuffle_that_each_round_comes_back_to(kinds: Program) -> None:
    shuffle = kinds.nodes["kinds.@order.products"]
    assert isinstance(shuffle, Shuffle)
    rounds = tuple(f"kinds.@section.products_{item}" for item in ("tv", "radio", "phone"))
    assert shuffle.entries == rounds
    for name in rounds:
        node = kinds.nodes[name]
        assert isinstance(node, Branch)
        assert node.otherwise == "kinds.@order.products"
    assert kinds.nodes["kinds.reason_tv"].next == "kinds.@order.products"  # type: ignore[union-attr]


NODES: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "kinds.age": (
        Collect,
        {"value": "number", "min_keys": 1, "max_keys": 3, "missing": {"*": "refused", "**": "dont_know"}},
    ),
    "kinds.spent": (Collect, {"value": "amount", "places": 2, "max_keys": 7}),
    "kinds.bought": (Collect, {"value": "dmy", "min_keys": 8, "max_keys": 8}),
    "kinds.zip": (Collect, {"value": "digits", "pattern": "[1-9][0-9]{5}", "missing": {"*": "refused"}}),
    "kinds.used": (Collect, {"value": "multiple", "min_keys": 1, "max_keys": 3, "alone": ("nothing",)}),
    "kinds.liked": (Collect, {"value": "ranking", "min_keys": 2, "max_keys": 2}),
    "kinds.visits": (Collect, {"rule": ["!=", ["name", "visits"], 13]}),
    "kinds.effort": (Collect, {"value": "choice", "max_keys": 2}),
    "kinds.words": (Record, {"limit_ms": 30_000, "question": "words"}),
    "kinds.@complete": (SurveyMark, {"mark": "complete", "next": "kinds.@thanks"}),
    "kinds.@screened_out": (SurveyMark, {"mark": "screened_out", "next": "kinds.@thanks.screened_out"}),
}


@pytest.mark.parametrize("name", NODES)
def test_nodes(kinds: Program, name: str) -> None:
    cls, fields = NODES[name]
    node = kinds.nodes[name]
    assert isinstance(node, cls)
    assert {key: getattr(node, key) for key in fields} == fields


OFFERS: dict[str, tuple[str, Any]] = {
    "share": ("share: 25%", ["<", ["call", "draw", ["name", "call.id"], "ask.s"], 0.25]),
    "not again": (
        "not_again: 30d",
        ["or", ["not", ["call", "answered", ["name", "asked.s"]]], [">=", ["name", "asked.s"], 30.0]],
    ),
}


@pytest.mark.parametrize("name", OFFERS)
def test_to_whom_a_survey_is_offered(tmp_path: Path, name: str) -> None:
    key, condition = OFFERS[name]
    flow = f'steps:\n  ask: {{survey: s, next: bye, {key}}}\n  bye: {{say: {{en: "Bye."}}, hang_up: true}}\n'
    program = compiled(tmp_path, ONE, flow)
    node = program.nodes["ask"]
    assert isinstance(node, Branch)
    assert node.ways[0].goto == "ask.@begin"
    assert node.ways[0].when == condition
    assert node.otherwise == "bye"
    assert program.surveys["s"].not_again_ms == (30 * 86_400_000 if "not" in name else 0)


def test_programs_of_before_are_still_read(tmp_path: Path) -> None:
    """A call that began with an older Callweave is gone on with: its program has no surveys and no new fields."""
    program = compiled(tmp_path, ONE)
    old = program.to_json()
    del old["surveys"], old["launch"]
    for node in old["nodes"].values():
        for name in ("rule", "invalid", "missing", "items", "alone", "places"):
            node.pop(name, None)
        for ways in (node.get("ways") or {}).values() if isinstance(node.get("ways"), dict) else ():
            for way in ways:
                way.pop("missing")
    assert Program.from_json(old).nodes == program.nodes
