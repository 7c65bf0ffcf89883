"""docs/campaign-life.md says what the tables say; GOLDEN=1 writes it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ivr.campaign import life
from ivr.campaign.forecast import DEFAULT
from ivr.campaign.outcomes import OUTCOMES
from ivr.campaign.scrub import RULES
from ivr.results.outbound.persons import DISPOSITIONS, UNCALLED

PAGE = Path(__file__).parents[2] / "docs" / "campaign-life.md"


def rules() -> str:
    return "\n".join(["| rule | |", "|---|---|", *(f"| `{rule}` | {text} |" for rule, text in RULES.items())])


def expected() -> str:
    shares = ", ".join(f"{outcome} {share:.0%}" for outcome, share in DEFAULT.shares.items())
    return f"{shares}; {DEFAULT.talk_s:g} s of talk, {DEFAULT.complete:.0%} of the answered to the end."


def dispositions() -> str:
    rows = ["| outcome of an attempt | counts as | group |", "|---|---|---|"]
    for outcome, case in (*DISPOSITIONS, ("none of these", UNCALLED)):
        rows.append(f"| {outcome} | {case.code} {case.name.lower().replace('_', ' ')} | {case.group} |")
    return "\n".join(rows)


TABLES = {"moves": life.table, "rules": rules, "expected": expected, "dispositions": dispositions}


@pytest.mark.parametrize("name", TABLES)
def test_page_has_the_table(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    marked = re.compile(rf"<!-- {name} -->\n(.*?)(?=\n\n[^|<]|\Z)", re.DOTALL)
    made = f"<!-- {name} -->\n{TABLES[name]()}"
    if os.environ.get("GOLDEN"):
        PAGE.write_text(marked.sub(lambda _: made, page, count=1), encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
    assert made in page


def test_every_outcome_of_a_call_counts_as_something() -> None:
    assert {outcome for outcome, _ in DISPOSITIONS} == set(OUTCOMES) - {"not_attempted"}


@pytest.mark.parametrize("state", life.STATES)
def test_every_state_is_come_to_and_left(state: str) -> None:
    assert state == "draft" or any(move.to == state for move in life.MOVES.values())
    assert state == "archived" or any(state in move.froms for move in life.MOVES.values())


@pytest.mark.parametrize(
    ("state", "name", "words"),
    [
        (
            "draft",
            "pause",
            "campaign c is draft: pause is for one that is running; possible now: archive, check, edit, start",
        ),
        ("archived", "start", "give its file another name"),
        ("draining", "stop", "it is done when its last call has ended"),
        ("running", "start", "possible now: edit, pause, stop"),
        ("broken", "start", "a state that this Callweave does not know"),
    ],
)
def test_refusals_say_what_can_be_done(state: str, name: str, words: str) -> None:
    with pytest.raises(life.IllegalMove, match=re.escape(words)):
        life.move(state, name, "c")
