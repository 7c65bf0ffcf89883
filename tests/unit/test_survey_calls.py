"""Questionnaires as they are asked: small ones, driven through the machine itself, whatever callers do to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ivr.core import machine
from ivr.core.effects import Clip, Effect, End, Failed, Listen, Play, RecordMessage, Save
from ivr.core.events import Digit, Event, HungUp, PlayDone, RecordDone, Started, TimerFired
from ivr.core.program import Program
from ivr.core.state import CallState
from ivr.lang.check import check_file
from ivr.lang.problem import Problem
from ivr.lang.project import Project

SILENCE = "-"
HANGS_UP = "!"


def checked(folder: Path, survey: str, flow: str = "") -> tuple[Program | None, tuple[Problem, ...]]:
    (folder / "surveys").mkdir(exist_ok=True)
    file = folder / "surveys" / "s.yaml"
    file.write_text(f"survey: s\nlanguages: [en]\n{survey}", encoding="utf-8")
    if flow:
        (folder / "flows").mkdir(exist_ok=True)
        file = folder / "flows" / "f.yaml"
        file.write_text(f"flow: f\nlanguages: [en]\n{flow}", encoding="utf-8")
    result = check_file(file, Project(folder))
    return result.program, result.problems


def compiled(folder: Path, survey: str, flow: str = "") -> Program:
    program, problems = checked(folder, survey, flow)
    assert program is not None, [str(p) for p in problems]
    return program


class Line:
    """A call. ``press`` gives keys one by one: ``-`` is silence until the timer fires, ``!`` hangs up."""

    def __init__(self, program: Program, facts: Mapping[str, Any] | None = None, call_id: str = "c1") -> None:
        self.program, self.now_ms = program, 0
        self.state = machine.start(program, {"caller.number": "1001", **(facts or {})}, call_id)
        self.effects: list[Effect] = []
        self.said: list[str] = []
        self.feed(Started(0))

    def feed(self, event: Event) -> None:
        self.state, found = machine.step(self.program, self.state, event)
        self.effects += found
        self.said += [item.text for e in found if isinstance(e, Play) for item in e.items if isinstance(item, Clip)]

    @property
    def wait(self) -> Effect | None:
        return next((e for e in reversed(self.effects) if isinstance(e, Play | Listen | RecordMessage | End)), None)

    def heard_out(self) -> None:
        while isinstance(self.wait, Play) and not self.state.ended:
            self.now_ms += 3000
            self.feed(PlayDone(self.wait.wait, self.now_ms))

    def press(self, keys: str) -> Line:
        for key in keys:
            if self.state.ended:
                break
            if key == SILENCE:
                self.heard_out()
                wait = self.wait
                self.now_ms += 5000
                if isinstance(wait, Listen):
                    self.feed(TimerFired(wait.wait, self.now_ms))
                elif isinstance(wait, RecordMessage):
                    self.feed(RecordDone(wait.wait, self.now_ms, "done", "a.wav"))
            elif key == HANGS_UP:
                self.feed(HungUp(self.now_ms))
            else:
                self.now_ms += 300
                self.feed(Digit(key, self.now_ms))
        return self

    def taken_over(self) -> Line:
        """Another worker goes on, with what a checkpoint keeps."""
        plain = self.state.to_json()
        for name in ("typed", "entry", "swallow"):
            plain.pop(name, None)
        self.state, found = machine.resume(self.program, CallState.from_json(plain), self.now_ms)
        self.effects += found
        return self

    def rows(self, table: str) -> list[Mapping[str, Any]]:
        return [e.row for e in self.effects if isinstance(e, Save) and e.table == table]

    @property
    def answers(self) -> dict[str, Any]:
        return {row["question"]: row["missing"] or row["value"] for row in self.rows("answer")}

    @property
    def status(self) -> str:
        return str(self.rows("run")[-1]["status"])

    @property
    def failures(self) -> list[str]:
        return [e.name for e in self.effects if isinstance(e, Failed)]


# -- length ----------------------------------------------------------------------------------------------


def test_questions_that_are_skipped_are_no_loop(tmp_path: Path) -> None:
    """Four hundred conditions that do not hold are passed in one turn."""
    skipped = "".join(f'  - {{id: q{n}, csat: {{en: "Q{n}?"}}, when: first == 2}}\n' for n in range(400))
    first, last = '  - {id: first, csat: {en: "First?"}}\n', '  - {id: last, csat: {en: "Last?"}}\n'
    line = Line(compiled(tmp_path, f"questions:\n{first}{skipped}{last}")).press("13")
    assert line.failures == []
    assert line.answers == {"first": 1, "last": 3}
    assert line.status == "complete"


def test_shuffled_questions_that_are_skipped_are_no_loop(tmp_path: Path) -> None:
    skipped = "".join(f'  - {{id: q{n}, csat: {{en: "Q{n}?"}}, when: kind == 2}}\n' for n in range(400))
    line = Line(compiled(tmp_path, f"facts: [kind]\norder: random\nquestions:\n{skipped}"))
    assert line.failures == []
    assert line.status == "complete"


# -- a run begins with nothing of another one -----------------------------------------------------------

TWICE = """
start: ask
digits: {give_up: bye}
steps:
  ask: {survey: s, next: more}
  more: {menu: {en: "Again?"}, keys: {1: {goto: ask}, 2: {goto: bye}}}
  bye: {say: {en: "Bye."}, hang_up: true}
"""


def test_a_second_run_asks_everything_though_the_first_was_left_in_the_middle_of_its_order(tmp_path: Path) -> None:
    survey = "order: random\nquestions:\n" + "".join(
        f'  - {{id: q{n}, csat: {{en: "Q{n}?"}}, screen_out: q{n} == 1}}\n' for n in range(4)
    )
    line = Line(compiled(tmp_path, survey, TWICE)).press("21").press("1").press("2222")
    assert [row["status"] for row in line.rows("run")] == ["begun", "screened_out", "begun", "complete"]
    assert len([row for row in line.rows("answer") if row["run"] == 2]) == 4


def test_a_second_run_does_not_take_an_answer_of_the_first_for_its_own(tmp_path: Path) -> None:
    survey = """
digits: {tries: 1}
refuse: "*"
alerts: [{alert: low, when: score <= 2, do: notify}]
questions:
  - {id: score, csat: {en: "Score?"}}
  - {id: why, choice: {en: "Why?"}, options: {1: a, 2: b}, when: score <= 2}
"""
    line = Line(compiled(tmp_path, survey, TWICE)).press("11")  # score 1, why a
    line.press("1").press("-")  # again; the score is not given this time
    assert [(row["occurrence"], row["alert"]) for row in line.rows("outbox")] == [(1, "low")]
    assert line.state.variables["score"] is None
    line.press("1*").press("14")  # refused; then once more, and given
    assert line.state.variables["score"] == 4
    assert not line.state.variables.get("score.missing")


def test_what_an_earlier_call_left_is_offered_once(tmp_path: Path) -> None:
    survey = """
resume: {within: 2d, ask: {en: "Go on?"}}
questions:
  - {id: one, csat: {en: "One?"}}
  - {id: two, csat: {en: "Two?"}}
"""
    facts = {"resume.s": True, "resume.s.call": "before", "resume.s.run": 1, "resume.s.answer.one": 5}
    line = Line(compiled(tmp_path, survey, TWICE), facts).press("1").press("4")
    assert [row["status"] for row in line.rows("run")] == ["begun", "begun", "resumed", "complete"]
    line.press("1").press("33")
    assert line.said.count("Go on?") == 1
    second = {row["question"]: row["value"] for row in line.rows("answer") if row["run"] == 2}
    assert second == {"one": 3, "two": 3}


def test_a_fact_of_a_questions_name_is_still_known_when_the_run_begins(tmp_path: Path) -> None:
    survey = """
facts: [region]
questions:
  - {id: region, choice: {en: "Where?"}, options: {1: north, 2: south}, when: not answered(region)}
  - {id: two, csat: {en: "Two?"}}
"""
    assert Line(compiled(tmp_path, survey), {"region": "north"}).press("3").answers == {"two": 3}
    assert Line(compiled(tmp_path, survey)).press("23").answers == {"region": "south", "two": 3}


# -- going on -------------------------------------------------------------------------------------------


def test_questions_may_be_named_as_what_is_known_of_the_call_before(tmp_path: Path) -> None:
    survey = """
resume: {within: 2d, ask: {en: "Go on?"}}
questions:
  - {id: call, csat: {en: "Call?"}}
  - {id: run, csat: {en: "Run?"}}
  - {id: seed, csat: {en: "Seed?"}}
  - {id: last, csat: {en: "Last?"}}
"""
    facts = {"resume.s": True, "resume.s.call": "before", "resume.s.run": 2, "resume.s.seed": 77}
    facts |= {f"resume.s.answer.{name}": 3 for name in ("call", "run", "seed")}
    line = Line(compiled(tmp_path, survey), facts).press("1").press("4")
    assert line.answers == {"s.resume": "resume", "call": 3, "run": 3, "seed": 3, "last": 4}
    (old,) = [row for row in line.rows("run") if "call_id" in row]
    assert (old["call_id"], old["occurrence"], old["status"]) == ("before", 2, "resumed")
    assert line.rows("run")[-1]["seed"] == 77


def test_whoever_goes_on_meets_a_quota_that_has_become_full(tmp_path: Path) -> None:
    survey = """
resume: {within: 2d, ask: {en: "Go on?"}}
quotas: [{quota: young, when: age < 30, completes: 1}]
questions:
  - {id: age, number: {en: "Age?"}, range: 1..99}
  - {id: two, csat: {en: "Two?"}}
"""
    program = compiled(tmp_path, survey)
    facts = {"resume.s": True, "resume.s.call": "before", "resume.s.run": 1, "resume.s.answer.age": 20}
    assert Line(program, {**facts, "quota.s.young": True}).press("1").status == "quota_full"
    assert Line(program, {**facts, "resume.s.answer.age": 40, "quota.s.young": True}).press("13").status == "complete"


# -- a worker dies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(5))
def test_a_takeover_in_a_shuffled_questionnaire_asks_everything_once(tmp_path: Path, after: int) -> None:
    survey = """
order: random
questions:
  - {id: a, csat: {en: "A?"}}
  - section: inner
    order: random
    questions:
      - {id: b, csat: {en: "B?"}}
      - {id: c, csat: {en: "C?"}}
      - {say: {en: "Well."}}
  - {id: d, csat: {en: "D?"}}
"""
    line = Line(compiled(tmp_path, survey))
    for n in range(5):
        if n == after:
            line.taken_over()
        while not line.state.ended and line.said[-1] == "Well.":
            line.heard_out()
        if not line.state.ended:
            line.press("3")
    assert sorted(row["question"] for row in line.rows("answer")) == ["a", "b", "c", "d"]
    assert line.status == "complete"


# -- keys -----------------------------------------------------------------------------------------------

#: question's own keys -> keys pressed -> what is stored
KEYS: dict[str, tuple[str, str, Any]] = {
    "a refusal longer than the one choice": (
        'multiple: {en: "Q?"}, options: {1: a, 2: b}, choose: 1, refuse: 99',
        "99",
        "refused",
    ),
    "a refusal longer than the ranking": (
        'ranking: {en: "Q?"}, options: {1: a, 2: b}, choose: 1, refuse: 99',
        "99",
        "refused",
    ),
    "a refusal longer than the code": ('code: {en: "Q?"}, digits: {length: 2}, refuse: "***"', "***", "refused"),
    "a code beside it": ('code: {en: "Q?"}, digits: {length: 2}, refuse: "***"', "12", "12"),
    "one of one": ('multiple: {en: "Q?"}, options: {1: a, 2: b}, choose: 1', "2", ["b"]),
    "a ranking that is complete early": (
        'ranking: {en: "Q?"}, options: {1: a, 2: b, 3: c}, choose: 2',
        "31",
        ["c", "a"],
    ),
    "one star of two": ('scale: {en: "Q?"}, range: 0..10, refuse: "*", dont_know: "**"', "*-", "refused"),
    "two stars of two": ('scale: {en: "Q?"}, range: 0..10, refuse: "*", dont_know: "**"', "**", "dont_know"),
    "nine beside ninety-nine": ('number: {en: "Q?"}, range: 0..8, refuse: 9, dont_know: 99', "9-", "refused"),
    "ninety-nine": ('number: {en: "Q?"}, range: 0..8, refuse: 9, dont_know: 99', "99", "dont_know"),
    "ten of ten": ('scale: {en: "Q?"}, range: 0..10, refuse: "*"', "10", 10),
    "one of ten": ('scale: {en: "Q?"}, range: 0..10, refuse: "*"', "1#", 1),
    "a point first": ('amount: {en: "Q?"}, range: 0..9.99, refuse: "*"', "*50#", 0.5),
    "a point alone": ('amount: {en: "Q?"}, range: 0..9.99, refuse: "*"', "*#", "refused"),
    "a star option": ('multiple: {en: "Q?"}, options: {"*": a, 2: b}', "*2#", ["a", "b"]),
    "a date refused": ('date: {en: "Q?"}, refuse: 99', "99#", "refused"),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys(tmp_path: Path, name: str) -> None:
    question, keys, stored = KEYS[name]
    line = Line(compiled(tmp_path, f"questions:\n  - {{id: q, {question}}}\n")).press(keys)
    assert line.answers == {"q": stored}
    assert line.state.ended


#: keys that cannot both refuse and answer
DOUBLE = {
    "two options": 'multiple: {en: "Q?"}, options: {1: a, 2: b}, refuse: 12',
    "an option twice": 'multiple: {en: "Q?"}, options: {1: a, 2: b}, refuse: 11',
    "a ranking": 'ranking: {en: "Q?"}, options: {1: a, 2: b, 3: c}, refuse: 12',
    "the end of a code": 'code: {en: "Q?"}, digits: {end: "*"}, refuse: "*"',
    "the end of a code, twice": 'code: {en: "Q?"}, digits: {end: "*"}, refuse: "**"',
    "the end of a code, last": 'code: {en: "Q?"}, digits: {end: "*"}, refuse: "9*"',
}


@pytest.mark.parametrize("name", DOUBLE)
def test_a_key_that_refuses_answers_nothing(tmp_path: Path, name: str) -> None:
    program, problems = checked(tmp_path, f"questions:\n  - {{id: q, {DOUBLE[name]}}}\n")
    assert [p.code for p in problems] == ["IVR077"]
    assert program is None


AHEAD = "".join(f'  - {{id: q{n}, csat: {{en: "Q{n}?"}}}}\n' for n in range(3))


@pytest.mark.parametrize(("digits", "keys"), [("", "1#2#3#"), (", barge_in: false", "1#2#3#---"), ("", "123")])
def test_all_is_typed_ahead_with_a_habitual_hash_after_each_answer(tmp_path: Path, digits: str, keys: str) -> None:
    survey = f"digits: {{type_ahead: keep{digits}}}\nquestions:\n{AHEAD}"
    assert Line(compiled(tmp_path, survey)).press(keys).answers == {"q0": 1, "q1": 2, "q2": 3}


# -- loops ----------------------------------------------------------------------------------------------

SAME = {
    "a question before the loop": """
questions:
  - {id: rating_radio, csat: {en: "Before?"}}
  - section: products
    loop: {over: products, as: product}
    questions: [{id: rating, csat: {en: "{{ product | label }}?"}}]
""",
    "a section named as a round": """
facts: [x]
questions:
  - section: products
    when: x == product
    loop: {over: products, as: product}
    questions: [{id: rating, csat: {en: "{{ product | label }}?"}}]
  - section: products_radio
    when: x == 5
    questions: [{id: other, csat: {en: "Other?"}}]
""",
    "a round named as a section": """
facts: [x]
questions:
  - section: products_radio
    when: x == 5
    questions: [{id: other, csat: {en: "Other?"}}]
  - section: products
    when: x == product
    loop: {over: products, as: product}
    questions: [{id: rating, csat: {en: "{{ product | label }}?"}}]
""",
}
LISTS = "lists: {products: {tv: {en: television}, radio: {en: radio}}, gifts: {tv: {en: set}}}\n"


@pytest.mark.parametrize("name", SAME)
def test_no_two_things_of_one_name(tmp_path: Path, name: str) -> None:
    program, problems = checked(tmp_path, LISTS + SAME[name])
    assert [p.code for p in problems] == ["IVR008"], problems
    assert program is None


def test_one_catalogue_prompt_speaks_of_the_item_of_each_loop(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "en.yaml").write_text('like: "Your {{ product | label }}, {{ product | label }}?"\n')
    survey = """
questions:
  - section: one
    loop: {over: products, as: product}
    questions: [{id: a, csat: like}]
  - section: two
    loop: {over: gifts, as: product}
    questions: [{id: b, csat: like}]
"""
    line = Line(compiled(tmp_path, LISTS + survey)).press("345")
    assert line.answers == {"a_tv": 3, "a_radio": 4, "b_tv": 5}
    assert [text for text in line.said if text not in ("Your", ",", "?")] == [
        *("television", "television", "radio", "radio", "set", "set")
    ]


def test_a_condition_of_a_loop_may_hold_the_item_in_a_list(tmp_path: Path) -> None:
    survey = """
questions:
  - section: one
    when: product in ['tv', 'phone']
    loop: {over: products, as: product}
    questions:
      - {id: a, csat: {en: "A {{ product | label }}?"}}
      - {id: b, csat: {en: "B?"}, when: "a in [1, 2] and product != 'radio'", confirm: {en: "{{ b | number }}?"}}
"""
    program, problems = checked(tmp_path, LISTS + survey)
    assert [p.code for p in problems] == ["IVR078", "IVR078"], "nobody is asked of the radio"
    survey = survey.replace("'phone'", "'radio'").replace("product != 'radio'", "product in ['tv', 'radio']")
    line = Line(compiled(tmp_path, LISTS + survey)).press("131").press("4")
    assert line.answers == {"a_tv": 1, "b_tv": 3, "a_radio": 4}
    assert program is None


# -- quotas in conditions -------------------------------------------------------------------------------


def test_a_rule_may_read_a_quota(tmp_path: Path) -> None:
    survey = """
quotas: [{quota: five, when: q == 5, completes: 1}]
digits: {tries: 1}
questions:
  - {id: q, csat: {en: "Q?"}, valid: q != 5 or not quota.five}
"""
    program = compiled(tmp_path, survey)
    assert Line(program).press("5").answers == {"q": 5}
    assert Line(program, {"quota.s.five": True}).press("5").answers == {}


def test_a_quota_of_those_who_refuse_stops_them_when_it_is_full(tmp_path: Path) -> None:
    survey = """
refuse: 9
quotas: [{quota: shy, when: q.missing == 'refused', completes: 1}]
questions:
  - {id: q, csat: {en: "Q?"}}
  - {id: r, csat: {en: "R?"}}
"""
    program = compiled(tmp_path, survey)
    assert Line(program, {"quota.s.shy": True}).press("9").status == "quota_full"
    assert Line(program, {"quota.s.shy": True}).press("33").status == "complete"
    assert [row["quota"] for row in Line(program).press("93").rows("quota")] == ["shy"]


# -- consent ---------------------------------------------------------------------------------------------

CONSENT = """\
consent:
  say: {en: "Yes 1, no 2, never again 9."}
  opt_out: {say: {en: "You are on the list."}}
thanks: {complete: {en: "Thanks."}, refused: {en: "Goodbye."}}
questions:
  - {id: age, number: {en: "Your age?"}, range: 1..120}
"""
#: keys -> how the survey ended, what was heard last, whether the number is listed
AT_CONSENT = {
    "1 42#": ("complete", "Thanks.", False),
    "2": ("refused", "Goodbye.", False),
    "9": ("refused", "Goodbye.", True),
}


@pytest.mark.parametrize("keys", AT_CONSENT)
def test_who_is_asked_for_consent_may_agree_refuse_or_never_be_called_again(tmp_path: Path, keys: str) -> None:
    line = Line(compiled(tmp_path, CONSENT), {"contact.number": "+8613800138000", "campaign.name": "march"})
    line.press(keys.replace(" ", ""))
    line.heard_out()
    status, last, listed = AT_CONSENT[keys]
    assert (line.status, line.said[-1], bool(line.rows("opt_out"))) == (status, last, listed)
    if listed:
        assert line.rows("opt_out")[0] | {"at_ms": 0} == {"number": "+8613800138000", "campaign": "", "at_ms": 0}
        said = next(n for n, e in enumerate(line.effects) if isinstance(e, Play) and "list" in str(e.items))
        saved = next(n for n, e in enumerate(line.effects) if isinstance(e, Save) and e.table == "opt_out")
        assert saved < said, "stored before it is confirmed"
        assert "You are on the list." in line.said


def test_the_key_and_the_scope_of_an_opt_out_can_be_chosen(tmp_path: Path) -> None:
    chosen = CONSENT.replace("opt_out: {say", 'opt_out: {key: "*", scope: campaign, say')
    line = Line(compiled(tmp_path, chosen), {"contact.number": "+8613800138000", "campaign.name": "march"})
    line.press("*")
    assert [row["campaign"] for row in line.rows("opt_out")] == ["march"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("key: 1, say", "yes and opt_out are the same key, 1"),
        ("key: 2, say", "no and opt_out are the same key, 2"),
        ("key: 12, say", "12"),
        ("tone", "`say`"),
    ],
)
def test_keys_at_the_consent_are_told_apart(tmp_path: Path, given: str, said: str) -> None:
    program, problems = checked(tmp_path, CONSENT.replace("opt_out: {say", f"opt_out: {{{given}"))
    assert program is None
    assert any(said in problem.message for problem in problems), [str(problem) for problem in problems]
