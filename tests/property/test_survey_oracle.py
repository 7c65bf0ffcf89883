"""What `ivr check` claims nobody is asked, no caller of the machine is asked: small questionnaires, every caller.

The oracle is the machine itself: whatever can be pressed is pressed at every question, for every customer there can be.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ivr.core import machine
from ivr.core.events import Digit, PlayDone, RecordDone, Started, TimerFired
from ivr.core.program import Collect, Program
from ivr.core.state import CallState
from ivr.lang.check import check_file
from ivr.lang.project import Project

KINDS = {
    "scale": ('scale: {en: "Q?"}, range: 1..3', ("1", "2", "3")),
    "yes_no": ('yes_no: {en: "Q?"}', ("1", "2")),
    "multiple": ('multiple: {en: "Q?"}, options: {1: a, 2: b, 3: c}', ("1#", "2#", "3#", "12#", "13#", "23#", "123")),
    "ranking": ('ranking: {en: "Q?"}, options: {1: a, 2: b}', ("12", "21")),
    "number": ('number: {en: "Q?"}, range: 0..200', ("0#", "1#", "2#", "3#", "4#", "100#", "199#", "200")),
    "amount": ('amount: {en: "Q?"}, range: 0..4', ("0#", "1*5#", "2#", "2*01#", "3#", "4#")),
    "date": ('date: {en: "Q?"}, range: 2026-01-01..2026-12-31', ("20260101", "20260102", "20261230", "20261231")),
}
CONSTANTS = {
    "scale": ("1", "2", "3", "'2'"),
    "yes_no": ("'yes'", "'no'"),
    "number": ("1", "2", "3", "100", "200", "'2'"),
    "amount": ("1", "2", "3", "1.5"),
    "date": ("'2026-01-01'", "'2026-01-02'", "'2026-12-31'"),
}
FACTS = (None, True, False, 0, 2, "2", "a", "b", "ab", "c", ["a"], ["b"], ["a", "b"], ["a", "b", "c"])
FIRST_SEED, ROUNDS = 20261125, 40


def condition(dice: random.Random, known: list[tuple[str, str]], depth: int = 3) -> str:
    if depth and dice.random() < 0.7:
        if dice.random() < 0.2:
            return f"not ({condition(dice, known, depth - 1)})"
        word = dice.choice(("and", "and", "and", "or"))
        return f"({condition(dice, known, depth - 1)} {word} {condition(dice, known, depth - 1)})"
    name, kind = dice.choice(known[-2:])  # few names: conditions that meet
    if dice.random() < 0.15:
        return f"answered({name})"
    if kind in ("multiple", "ranking", "fact") and dice.random() < 0.7:
        return f"'{dice.choice('abc')}' {dice.choice(('in', 'not in'))} {name}"
    if kind in ("multiple", "ranking"):
        return f"length({name}) == {dice.randint(0, 3)}"
    constants = CONSTANTS.get(kind, ("'a'", "'b'", "2", "true"))
    if dice.random() < 0.1:
        return f"{name} in [{dice.choice(constants)}, {dice.choice(constants)}]"
    return f"{name} {dice.choice(('==', '!=', '<', '<=', '>', '>='))} {dice.choice(constants)}"


def survey(dice: random.Random) -> tuple[str, dict[str, tuple[str, ...]]]:
    known, lines, keys = [("f", "fact")], [], {}
    for number in range(4):
        name, kind = f"q{number}", dice.choice(list(KINDS))
        asked, keys[name] = KINDS[kind]
        own = f', when: "{condition(dice, known)}"' if number and dice.random() < 0.8 else ""
        known.append((name, kind))
        out = f', screen_out: "{condition(dice, known[-1:], 1)}"' if dice.random() < 0.3 else ""
        lines.append(f"  - {{id: {name}, {asked}{own}{out}}}")
    order = dice.choice(("", "", "order: random\n"))
    head = f'survey: s\nlanguages: [en]\nfacts: [f]\nrefuse: "*"\ndigits: {{tries: 1}}\n{order}questions:\n'
    return head + "\n".join(lines) + "\n", keys


def reached(program: Program, keys: dict[str, tuple[str, ...]], fact: object, call_id: str) -> set[str]:
    """The questions that some caller with this fact is asked in this call's order."""
    found: set[str] = set()
    seen: set[str] = set()
    state, _ = machine.step(program, machine.start(program, {"f": fact}, call_id), Started(0))
    todo = [state]
    while todo:
        state = todo.pop()
        node = program.nodes.get(state.node)
        place = f"{state.node} {sorted(state.variables.items(), key=str)} {state.orders}"
        if state.ended or not isinstance(node, Collect) or place in seen:
            continue
        seen.add(place)
        found.add(node.question)
        todo += [pressed(program, state, one) for one in (*keys[node.question], "*#", "")]
    return found


def pressed(program: Program, state: CallState, keys: str) -> CallState:
    """What becomes of it; without keys, of silence."""
    node = state.node
    for key in keys:
        if state.node == node and not state.ended:
            state, _ = machine.step(program, state, Digit(key, state.now_ms + 100))
    while not state.ended and state.node == node:
        wait = state.wait
        done = PlayDone if state.waiting == "play" else TimerFired if state.waiting != "record" else RecordDone
        state, _ = machine.step(program, state, done(wait, state.now_ms + 5000))
    state = state.copy()
    state.swallow = ""
    return state


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_nobody_is_asked_what_nobody_can_be_asked(tmp_path: Path, round_: int) -> None:
    dice = random.Random(FIRST_SEED + round_)
    text, keys = survey(dice)
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    result = check_file(file, Project(tmp_path))
    assert {p.code for p in result.problems} <= {"IVR078"}, [str(p) for p in result.problems]
    claimed = {f"q{n}" for n in range(4) for p in result.problems if f'"q{n}"' in p.message}
    # The same questionnaire, with what was said to be impossible still in it.
    program = result.program or _unchecked(file, tmp_path)
    calls = ("c1", "c2", "c3", "c4") if "random" in text else ("c1",)
    found = {name for fact in FACTS for call in calls for name in reached(program, keys, fact, call)}
    assert not claimed & found, f"seed {FIRST_SEED + round_}:\n{text}"


def _unchecked(file: Path, folder: Path) -> Program:
    """Compiled in spite of its problems."""
    from ivr.core.program import END, HangUp
    from ivr.lang.names import BUILTIN
    from ivr.lang.problem import Problems
    from ivr.survey.bank import Bank
    from ivr.survey.compiling import compile_survey
    from ivr.survey.reading import read

    project = Project(folder)
    prompts: dict[str, object] = {}
    whole = read(project.load(file), "s", Problems(), project.catalogue, prompts, BUILTIN, Bank())  # type: ignore[arg-type]
    assert whole is not None
    made = compile_survey(whole, "s", END)
    nodes = {**made.nodes, END: HangUp()}
    return Program("s", "", ("en",), "s", nodes, prompts, surveys={"s": made.plan})  # type: ignore[arg-type]
