"""Whom a campaign has tried to reach, and who calls, gets its questionnaire: a real worker, callers over TCP."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from servertools import Site, Worker, talk
from storetools import read
from test_launch import SURVEY

from ivr.hosts.caller import HangsUp, Hears, Press, ScriptedCaller
from ivr.hosts.scripted_switch import ScriptedSwitch
from ivr.ops.config import load_config
from ivr.ops.launching import open_launch
from ivr.store import schema
from ivr.store.engine import make_engine

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
RESUMED = SURVEY.replace("quotas:", 'resume: {within: 2d, ask: {en: "Shall we go on?"}}\nquotas:').replace(
    "thanks:", '  - {id: often, number: {en: "How often?"}, range: 0..9}\nthanks:'
)
HOTLINE = """
flow: quick
languages: [en]
steps:
  hello: {say: {en: "This is the hotline."}, hang_up: true}
"""
NUMBER = "+8613800138000"


@pytest.fixture
def site(tmp_path: Path, database: str) -> Site:
    """A hotline; and a campaign that has tried to reach one number, with a launch of its own."""
    found = Site(tmp_path, "country: CN\n")
    found.config.write_text(found.config.read_text().replace("default: quick", "default: quick, returning: true"))
    found.write(RESUMED.replace("TEXT", "the visit"))
    engine = make_engine(database)
    open_launch(load_config(found.config), engine, "aftercare-v1", found.folder / "flows" / "quick.yaml", NOW)
    for entry, sound in list(found.sounds.items()):
        found.sounds[entry.replace("/sounds/", "/launches/aftercare-v1/")] = sound
    found.write(HOTLINE)
    rows: dict[Any, dict[str, Any]] = {
        schema.campaign: {"campaign": "aftercare", "state": "running", "version": 1, "priority": 5},
        schema.campaign_version: {"campaign": "aftercare", "version": 1, "launch": "aftercare-v1"},
        schema.contact: {"contact_id": "p1", "list": "march", "number": NUMBER, "language": "en", "facts": "{}"},
        schema.campaign_contact: {
            **{"campaign": "aftercare", "contact_id": "p1", "number": NUMBER, "state": "waiting"},
            **{"attempts": 1, "next_at": NOW, "priority": 5, "fence": 1},
        },
    }
    with engine.begin() as connection:
        for table, row in rows.items():
            connection.execute(table.insert(), [row])
    return found


def call(site: Site, uuid: str, number: str, *script: Any) -> ScriptedSwitch:
    return ScriptedSwitch(
        ScriptedCaller(script), uuid=uuid, sounds=site.sounds.get, caller_number=number, guard_ms=15_000
    )


def test_who_was_called_and_calls_is_asked_and_called_no_more(site: Site, database: str) -> None:
    worker = Worker(site, database=database)
    # Spelt as the network spells it. The first call breaks off, the second goes on with it.
    first = call(site, "a", "13800138000", Hears("How was the visit?"), Press("4"), Hears("How often?"), HangsUp())
    assert talk(worker, first).get(timeout=60).problems == []
    (person,) = read(database, "campaign_contact")
    assert person["state"] == "waiting", "nobody knows the answer yet: the campaign goes on trying"
    worker.end()
    worker = Worker(site, database=database)
    more = [Hears("Shall we go on?"), Press("1"), Hears("How often?"), Press("2"), Hears("Thank you.")]
    assert talk(worker, call(site, "b", "0086 138 0013 8000", *more)).get(timeout=60).problems == []
    worker.end()
    runs = {row["call_id"]: (row["status"], row["launch"]) for row in read(database, "survey_run")}
    assert runs == {"a": ("resumed", "aftercare-v1"), "b": ("complete", "aftercare-v1")}
    assert {row["caller"] for row in read(database, "call")} == {NUMBER}
    (person,) = read(database, "campaign_contact")
    assert (person["state"], person["outcome"]) == ("done", "answered")


OTHERS = {
    "a stranger": ("13900139000", {}),
    "no number": ("anonymous", {}),
    "never tried": ("13800138000", {"attempts": 0}),
    "done with": ("13800138000", {"state": "done"}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_everybody_else_hears_what_they_dialled(site: Site, database: str, case: str) -> None:
    number, change = OTHERS[case]
    if change:
        with make_engine(database).begin() as connection:
            connection.execute(schema.campaign_contact.update().values(**change))
    worker = Worker(site, database=database)
    assert talk(worker, call(site, "a", number, Hears("This is the hotline."))).get(timeout=60).problems == []
    assert worker.end() == 0


def test_a_call_of_the_campaign_itself_runs_its_launch(site: Site, database: str) -> None:
    worker = Worker(site, database=database)
    ours = {
        "callweave_attempt": "x",
        "callweave_fact_contact.number": NUMBER,
        "callweave_fact_campaign.name": "aftercare",
    }
    caller = ScriptedCaller([Hears("How was the visit?"), Press("1"), Hears("How often?"), Press("1")])
    switch = ScriptedSwitch(
        caller, uuid="x", sounds=site.sounds.get, variables=ours, path="aftercare-v1", guard_ms=15_000
    )
    assert talk(worker, switch).get(timeout=60).problems == []
    unknown = ScriptedSwitch(
        ScriptedCaller([]), uuid="y", sounds=site.sounds.get, variables=ours, path="nothing-v1", guard_ms=15_000
    )
    talk(worker, unknown).get(timeout=60)
    assert "there is no launch nothing-v1" in worker.text
    assert worker.end() == 0
    (run,) = read(database, "survey_run")
    assert (run["launch"], run["status"]) == ("aftercare-v1", "complete")
    (row,) = [row for row in read(database, "call") if row["call_id"] == "x"]
    assert row["caller"] == NUMBER


OPT_OUT = """
flow: quick
languages: [en]
steps:
  hello: {opt_out: {en: "We will not call again."}, next: hang_up}
"""


def test_who_wants_no_calls_is_on_the_list_however_the_number_is_spelt(site: Site, database: str) -> None:
    site.write(OPT_OUT)
    worker = Worker(site, database=database)
    switch = call(site, "a", "0086 139 0013 9000", Hears("We will not call again."))
    assert talk(worker, switch).get(timeout=60).problems == []
    assert worker.end() == 0
    (entry,) = read(database, "dnc")
    assert (entry["scope"], entry["number"], entry["reason"], entry["source"]) == (
        "-",
        "+8613900139000",
        "opt_out",
        "a",
    )
