"""Runs of questionnaires in both databases: ends, break-offs gone on with, quotas that count once, alerts."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from storetools import at, read, recorder, run_row, until

from ivr.core import ordering
from ivr.core.effects import End, Save
from ivr.core.program import Program
from ivr.hosts.caller import Action, HangsUp, Hears, Press, ScriptedCaller
from ivr.hosts.journal import Journal
from ivr.hosts.past import wanted_of
from ivr.hosts.simulator import SimulatedCall, run
from ivr.lang.check import check_file
from ivr.lang.project import Project
from ivr.store import schema
from ivr.store.engine import make_engine
from ivr.store.history import history
from ivr.store.launches import definition_row
from ivr.store.quotas import counts

T0 = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
SURVEY = """
survey: visits
languages: [en]
facts: [region]
digits: {first: 1s, tries: 1}
resume: {within: 2d, ask: {en: "Go on?"}}
order: random
quotas: [{quota: north, when: region == 'north', completes: 3}]
alerts: [{alert: low, when: score <= 2, do: call_back}]
questions:
  - {id: score, csat: {en: "Score?"}, refuse: 9}
  - {id: often, number: {en: "How often?"}, range: 0..9}
  - {id: used, multiple: {en: "Which?"}, options: {1: mail, 2: web}}
  - {id: why, choice: {en: "Why?"}, options: {1: price, 2: time}, refuse: 9}
"""
KEYS = {"Score?": "2", "How often?": "7", "Which?": "21", "Why?": "9"}
GIVEN = {"score": 2, "often": 7, "used": ["mail", "web"], "why": None}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "surveys").mkdir()
    file = tmp_path / "surveys" / "visits.yaml"
    file.write_text(SURVEY)
    result = check_file(file, Project(tmp_path))
    assert result.program is not None, [str(p) for p in result.problems]
    return result.program


def asked_in_order(program: Program, seed: int) -> list[str]:
    """The texts, in the order that a seed gives."""
    return [list(KEYS)[n] for n in ordering.order(seed, "visits.@order", len(KEYS))]


def call(
    database: str, folder: Path, program: Program, call_id: str, script: Sequence[Action], when: datetime, **facts: Any
) -> SimulatedCall:
    """One call from 1001, all of it stored."""
    one = recorder(database, folder)
    journal = Journal(one.put, call_id, when)
    one.put("survey_definition", definition_row(program.surveys["visits"].hash, dict(_definition(program)), when))
    journal.begin(program, "1001", "95588", "en")

    def keep(effect: object) -> None:
        if isinstance(effect, Save):
            journal.save(effect)
        elif isinstance(effect, End):
            journal.end(effect, when + timedelta(minutes=1), "en")

    line = SimulatedCall(program, facts, call_id=call_id, on_effect=keep)
    caller = ScriptedCaller(script)
    run(line, caller)
    assert one.close()
    assert one.stats.dead_lettered == 0
    assert caller.problems == []
    return line


def _definition(program: Program) -> Any:
    return program.surveys["visits"].definition


def facts_of(database: str, program: Program, now: datetime) -> dict[str, Any]:
    return history(make_engine(database), "1001", wanted_of(program), now)


def test_a_call_that_broke_off_is_gone_on_with(database: str, tmp_path: Path, program: Program) -> None:
    seed = ordering.seed("first", "visits", 1)
    texts = asked_in_order(program, seed)
    answered = [step for text in texts[:2] for step in (Hears(text), Press(KEYS[text]))]
    call(database, tmp_path, program, "first", [*answered, Hears(texts[2]), HangsUp()], T0)

    known = facts_of(database, program, T0 + timedelta(hours=1))
    assert known["resume.visits"] is True
    assert known["asked.visits"] == pytest.approx(1 / 24)
    assert known["resume.visits.seed"] == seed

    rest = [step for text in texts[2:] for step in (Hears(text), Press(KEYS[text]))]
    again = [Hears("Go on?"), Press("1"), *rest]
    call(database, tmp_path, program, "second", again, T0 + timedelta(hours=1), **known)

    runs = {row["call_id"]: row for row in read(database, "survey_run")}
    assert {name: row["status"] for name, row in runs.items()} == {"first": "resumed", "second": "complete"}
    assert (runs["second"]["resumed_from"], runs["second"]["seed"]) == ("first", seed)
    assert (runs["second"]["answered"], runs["second"]["asked"]) == (4, 4)
    assert {row["definition"] for row in runs.values()} == {program.surveys["visits"].hash}
    whole = {
        row["question"]: json.loads(row["value"]) if row["value"] is not None else None
        for row in read(database, "answer")
        if row["call_id"] == "second" and row["survey"] == "visits"
    }
    assert whole == GIVEN
    missing = [row["missing"] for row in read(database, "answer") if row["question"] == "why"]
    assert set(missing) == {"refused"}
    alerts = [(row["call_id"], row["alert"], row["kind"]) for row in read(database, "outbox")]
    assert [alert[1:] for alert in alerts] == [("low", "call_back")]


NOTHING = {
    "too late": (timedelta(days=3), {}),
    "whole": (timedelta(hours=1), {"complete": True}),
    "another caller": (timedelta(hours=1), {"caller": "1002"}),
    "no number": (timedelta(hours=1), {"caller": "anonymous"}),
    "other questions": (timedelta(hours=1), {"definition": "another"}),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_not_gone_on_with(database: str, tmp_path: Path, program: Program, case: str) -> None:
    later, how = NOTHING[case]
    texts = asked_in_order(program, ordering.seed("first", "visits", 1))
    told = texts if how.get("complete") else texts[:1]
    script: list[Action] = [step for text in told for step in (Hears(text), Press(KEYS[text]))]
    call(database, tmp_path, program, "first", script if how.get("complete") else [*script, HangsUp()], T0)
    wanted = [one if "definition" not in how else _other(one) for one in wanted_of(program)]
    known = history(make_engine(database), str(how.get("caller", "1001")), wanted, T0 + later)
    assert not [name for name in known if name.startswith("resume.")]


def _other(one: Any) -> Any:
    return type(one)(one.survey, "another", one.launch, one.resume_ms, one.not_again_ms)


def test_beginning_anew_leaves_the_broken_off_run_as_it_was(database: str, tmp_path: Path, program: Program) -> None:
    texts = asked_in_order(program, ordering.seed("first", "visits", 1))
    call(database, tmp_path, program, "first", [Hears(texts[0]), Press(KEYS[texts[0]]), HangsUp()], T0)
    known = facts_of(database, program, T0 + timedelta(hours=1))
    fresh = asked_in_order(program, ordering.seed("second", "visits", 1))
    script = [Hears("Go on?"), Press("2"), *(s for text in fresh for s in (Hears(text), Press(KEYS[text])))]
    call(database, tmp_path, program, "second", script, T0 + timedelta(hours=1), **known)
    runs = {row["call_id"]: row["status"] for row in read(database, "survey_run")}
    assert runs == {"first": "partial", "second": "complete"}


def test_hanging_up_at_the_offer_to_go_on_loses_nothing(database: str, tmp_path: Path, program: Program) -> None:
    """Three calls: one breaks off, one hears the offer and hangs up, one goes on with the first."""
    texts = asked_in_order(program, ordering.seed("first", "visits", 1))
    call(database, tmp_path, program, "first", [Hears(texts[0]), Press(KEYS[texts[0]]), HangsUp()], T0)
    known = facts_of(database, program, T0 + timedelta(hours=1))
    call(database, tmp_path, program, "second", [Hears("Go on?"), HangsUp()], T0 + timedelta(hours=1), **known)
    known = facts_of(database, program, T0 + timedelta(hours=2))
    assert known["resume.visits.call"] == "first"
    rest = [Hears("Go on?"), Press("1"), Hears(texts[1]), HangsUp()]
    call(database, tmp_path, program, "third", rest, T0 + timedelta(hours=2), **known)
    assert facts_of(database, program, T0 + timedelta(hours=3))["resume.visits.call"] == "third", "a chain"
    runs = {row["call_id"]: row["status"] for row in read(database, "survey_run")}
    assert runs == {"first": "resumed", "second": "partial", "third": "partial"}


def test_nobody_is_called_back_twice_for_one_interview(database: str, tmp_path: Path, program: Program) -> None:
    """The first call gives the score and breaks off, the second goes on with it and breaks off, the third ends it."""
    orders = {f"c{n}": asked_in_order(program, ordering.seed(f"c{n}", "visits", 1)) for n in range(50)}
    first, texts = next((name, texts) for name, texts in orders.items() if texts[0] == "Score?")
    call(database, tmp_path, program, first, [Hears("Score?"), Press("2"), HangsUp()], T0)
    assert [row["alert"] for row in read(database, "outbox")] == ["low"]
    for hour, (name, end) in enumerate({"second": True, "third": False}.items(), 1):
        known = facts_of(database, program, T0 + timedelta(hours=hour))
        rest = [step for text in texts[1:] for step in (Hears(text), Press(KEYS[text]))]
        script = [Hears("Go on?"), Press("1"), *([HangsUp()] if end else rest)]
        call(database, tmp_path, program, name, script, T0 + timedelta(hours=hour), **known)
    assert [(row["call_id"], row["alert"]) for row in read(database, "outbox")] == [(first, "low")]


def test_a_run_that_stopped_late_in_a_long_call_is_gone_on_with(
    database: str, tmp_path: Path, program: Program
) -> None:
    texts = asked_in_order(program, ordering.seed("first", "visits", 1))
    call(database, tmp_path, program, "first", [Hears(texts[0]), Press(KEYS[texts[0]]), HangsUp()], T0)
    began = {"started_at": T0 - timedelta(hours=3)}
    with make_engine(database).begin() as connection:
        connection.execute(schema.call.update().values(**began))
    assert facts_of(database, program, T0 + timedelta(days=2, seconds=-60))["resume.visits"] is True


def test_a_quota_counts_each_interview_once_whoever_stores_it(database: str, tmp_path: Path) -> None:
    """Eight writers store the same forty interviews, each of them twice, at the same time."""
    rows = [
        {"survey": "visits", "launch": "-", "quota": quota, "call_id": f"c{n}", "occurrence": 1, "at": at(n)}
        for n in range(40)
        for quota in ("north", "women")
        if quota == "north" or n % 2
    ]

    dead: list[int] = []

    def store(number: int) -> None:
        one = recorder(database, tmp_path / str(number))
        for row in (*rows[number:], *rows[:number], *rows):
            one.put("quota", row)
        one.close(60)
        dead.append(one.stats.dead_lettered)

    threads = [threading.Thread(target=store, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):  # whoever found SQLite locked has spooled, and sends all of it again
        again = recorder(database, tmp_path / str(number))
        until(lambda again=again: not again.spool_pending)
        again.close(60)
    assert dead == [0] * 8
    assert counts(make_engine(database)) == {("visits", "-", "north"): 40, ("visits", "-", "women"): 20}


def test_a_complete_interview_counts_for_its_quota(database: str, tmp_path: Path, program: Program) -> None:
    for n, region in enumerate(("north", "south", "north")):
        texts = asked_in_order(program, ordering.seed(f"c{n}", "visits", 1))
        script = [step for text in texts for step in (Hears(text), Press(KEYS[text]))]
        call(database, tmp_path, program, f"c{n}", script, T0, region=region)
    assert counts(make_engine(database)) == {("visits", "-", "north"): 2}


ENDS = {
    "begun, partial, complete": (["begun", "partial", "complete"], "complete"),
    "an end stays": (["begun", "screened_out", "complete"], "screened_out"),
    "whatever the order": (["complete", "begun", "partial"], "complete"),
    "gone on with": (["begun", "partial", "resumed", "partial"], "resumed"),
    "refused": (["begun", "refused", "refused", "begun"], "refused"),
    "quota": (["quota_full", "begun"], "quota_full"),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_run_goes_forward_only(database: str, tmp_path: Path, case: str) -> None:
    statuses, left = ENDS[case]
    one = recorder(database, tmp_path)
    for n, status in enumerate(statuses):
        more = {"launch": "spring", "seed": 5, "agent": "1001"} if status == "begun" else {}
        one.put("run", run_row(status, n, **more))
    assert one.close()
    (row,) = read(database, "survey_run")
    assert row["status"] == left
    if "begun" in statuses:
        assert (row["launch"], row["seed"], row["agent"]) == ("spring", 5, "1001")
