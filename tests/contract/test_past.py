"""What a caller was asked before comes with the call: a real worker, callers over TCP, both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from servertools import Site, Worker, talk
from storetools import read

from ivr.hosts.caller import HangsUp, Hears, Press
from ivr.store.engine import make_engine

SURVEY = """
survey: visits
languages: [en]
digits: {first: 1500ms, tries: 1}
resume: {within: 2d, ask: {en: "Shall we go on?"}}
questions:
  - {id: score, csat: {en: "How was it?"}}
  - {id: often, number: {en: "How often?"}, range: 0..9}
"""
FLOW = """
flow: quick
languages: [en]
steps:
  ask: {survey: visits, next: bye, not_again: 30d}
  bye: {say: {en: "Goodbye."}, hang_up: true}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path)
    found.write(SURVEY)
    return found


def test_a_caller_who_broke_off_goes_on_in_the_next_call(site: Site, database: str) -> None:
    worker = Worker(site, database=database)
    switch = site.call("a", [Hears("How was it?"), Press("4"), Hears("How often?"), HangsUp()])
    assert talk(worker, switch).get(timeout=60).problems == []
    assert worker.end() == 0
    worker = Worker(site, database=database)  # another worker: what it knows is in the database
    switch = site.call("b", [Hears("Shall we go on?"), Press("1"), Hears("How often?"), Press("3")])
    assert talk(worker, switch).get(timeout=60).problems == []
    assert worker.end() == 0
    runs = {row["call_id"]: (row["status"], row["resumed_from"]) for row in read(database, "survey_run")}
    assert runs == {"a": ("resumed", None), "b": ("complete", "a")}
    given = {row["question"]: row["value"] for row in read(database, "answer") if row["call_id"] == "b"}
    assert given == {"visits.resume": "resume", "score": "4", "often": "3"}


def test_who_was_asked_is_not_asked_again(site: Site, database: str) -> None:
    (site.folder / "surveys").mkdir()
    (site.folder / "surveys" / "visits.yaml").write_text(SURVEY.replace("resume:", "#"))
    site.write(FLOW)
    worker = Worker(site, database=database)
    whole = [Hears("How was it?"), Press("4"), Hears("How often?"), Press("3"), Hears("Goodbye.")]
    assert talk(worker, site.call("a", whole)).get(timeout=60).problems == []
    assert worker.end() == 0
    worker = Worker(site, database=database)
    assert talk(worker, site.call("b", [Hears("Goodbye.")])).get(timeout=60).problems == []
    assert worker.end() == 0
    assert [row["call_id"] for row in read(database, "survey_run")] == ["a"]


def test_a_database_that_does_not_answer_holds_no_call_up(site: Site, database: str) -> None:
    worker = Worker(site, database=database)
    assert worker.port
    with make_engine(database).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE survey_run RENAME TO hidden")
    switch = site.call("a", [Hears("How was it?"), Press("4"), Hears("How often?"), Press("3")])
    assert talk(worker, switch).get(timeout=60).problems == []
    assert worker.events("history_failed")
    with make_engine(database).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO survey_run")
    worker.end()
