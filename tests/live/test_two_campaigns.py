"""The two shipped campaigns on a real FreeSWITCH, to fifty SIPp telephones: every attempt's outcome, and every key.

As a person would do it: `ivr contacts import`, `campaign create`, `campaign start`, one `ivr dial` for both.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from live_fifty import APPOINTMENT, FACTS, FILES, LISTS, PEOPLE, SURVEY, WAYS, Way, adapted, numbers, people
from live_parties import Phones, unhurried
from live_plan import TimedSounds, plan
from live_project import CERTIFICATES
from live_switch import PASSWORD, FreeSwitch, NotThere, find_freeswitch, free_port
from live_worker import REPOSITORY, Worker, built_library, compiled, make_project

from ivr.cli import demo_books
from ivr.core.program import Program
from ivr.hosts.script import ScriptedCall
from ivr.media.library import AudioLibrary
from ivr.store.engine import make_engine
from ivr.store.launches import program_of, read
from ivr.store.upgrade import upgrade

LIMIT_S = 150.0
ALL = [
    (name, campaign, n) for name, way in WAYS.items() for campaign in way.people for n in range(way.people[campaign])
]


@dataclass
class Site:
    project: Path
    worker: Worker

    @property
    def database(self) -> str:
        return f"sqlite:///{self.worker.database}"

    def ivr(self, *arguments: str) -> str:
        """What a command prints; the test fails with its words."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"ivr {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        words = [sys.executable, "-c", "from ivr.cli.main import main; main()", *arguments]
        return [*words, "--db", self.database]

    @property
    def environment(self) -> dict[str, str]:
        config = str(self.project / "callweave.yaml")
        return {**os.environ, "PYTHONPATH": str(REPOSITORY), "CALLWEAVE_CONFIG": config}

    def attempts(self) -> list[dict[str, Any]]:
        names = (
            "attempt_id",
            "campaign",
            "number",
            "outcome",
            "cause",
            "sip_code",
            "answered_at",
            "billed_ms",
            "gateway",
        )
        return [
            dict(zip(names, row, strict=True))
            for row in self.worker.rows(f"select {', '.join(names)} from dial_attempt")
        ]

    def attempt(self, number: str) -> dict[str, Any]:
        found = [row for row in self.attempts() if row["number"] == number]
        assert len(found) == 1, f"{number} was called {len(found)} times"
        return found[0]

    def answers(self, attempt_id: str) -> dict[str, str]:
        found = self.worker.rows("select question, value from answer where call_id = ?", attempt_id)
        return {str(question): str(value) for question, value in found}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        binary = find_freeswitch()
    except NotThere as why:
        pytest.skip(str(why))
    if not shutil.which("sipp"):
        pytest.skip("no SIPp on PATH: on Debian, apt-get install sip-tester")
    folder = tmp_path_factory.mktemp("two")
    project = make_project(folder / "project")
    library = built_library(
        project, [compiled(project, f) for f in ("flows/appointment.yaml", "surveys/aftercare.yaml")]
    )
    worker = Worker(project, "worker", free_port(), {"country": "CN", "log": {"level": "debug"}})
    made = Site(project, worker)
    upgrade(made.database)
    programs = {name: begun(made, name) for name in FILES}
    phones: dict[str, Phones] = {}
    switch = None
    worker.start()
    try:
        for name, way in WAYS.items():
            phones[name] = telephones(folder, name, way, programs, library)
        gateways = {name: each.port for name, each in phones.items()}
        switch = FreeSwitch(
            binary, folder / "switch", [], [], {}, free_port(), certificates=CERTIFICATES, gateways=gateways
        )
        dial(made, switch)
        switch.wait_empty()
        yield made
    finally:
        for each in phones.values():
            each.stop()
        if switch is not None:
            switch.stop()
        worker.stop()


def begun(site: Site, name: str) -> Program:
    """The campaign is started as it is shipped, but for hours, gateways and retries; gives what it calls with."""
    sheet = site.project / f"{LISTS[name]}.csv"
    with sheet.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(people(name))
    assert f"{PEOPLE[name]} new" in site.ivr("contacts", "import", str(sheet), "--list", LISTS[name])
    said = yaml.safe_load((REPOSITORY / "campaigns" / FILES[name]).read_text(encoding="utf-8"))
    file_ = site.project / "campaigns" / FILES[name]
    file_.parent.mkdir(exist_ok=True)
    file_.write_text(yaml.safe_dump(adapted(said), allow_unicode=True), encoding="utf-8")
    site.ivr("campaign", "create", str(file_))
    assert f"{PEOPLE[name]} waiting" in site.ivr("campaign", "start", name)
    engine = make_engine(site.database)
    launch = next(each for each in read(engine) if each.name.startswith(name))
    return Program.from_json(program_of(engine, launch))


def telephones(folder: Path, name: str, way: Way, programs: dict[str, Program], library: AudioLibrary) -> Phones:
    """What whoever answers does, and when, is what the simulator's caller does with sounds as long as these."""
    if not way.script:
        return Phones(folder, name, **way.phone)
    facts = {**FACTS[way.campaign], "contact.number": numbers(name, way.campaign)[0]}
    call = ScriptedCall(name, "", 0, facts, tuple(way.script))
    planned = plan(name, programs[way.campaign], call, TimedSounds(library))
    assert not planned.expected.problems, planned.expected.problems
    return Phones(folder, name, acts=unhurried(planned.acts))


def dial(site: Site, switch: FreeSwitch) -> None:
    """`ivr dial` until everybody was called; TERM has to end it."""
    secret = site.project / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    argv = site.command("dial", f"--switch=127.0.0.1:{switch.control_port}", f"--password-file={secret}")
    with (site.project / "dial.log").open("w") as log:
        process = subprocess.Popen(argv, cwd=site.project, env=site.environment, stderr=log, stdin=subprocess.DEVNULL)
        try:
            until = time.monotonic() + LIMIT_S
            while time.monotonic() < until and process.poll() is None:
                rows = site.attempts()
                wishes = site.worker.rows("select call_id from outbox where done_at is null")
                if len(rows) >= sum(PEOPLE.values()) and all(row["outcome"] for row in rows) and not wishes:
                    break
                time.sleep(0.3)
            process.terminate()
            assert process.wait(30) == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.mark.parametrize(("name", "campaign", "n"), ALL, ids=[f"{name}-{c.split('_')[0]}-{n}" for name, c, n in ALL])
def test_fault_93_what_became_of_each_of_fifty_people(site: Site, name: str, campaign: str, n: int) -> None:
    way = WAYS[name]
    row = site.attempt(numbers(name, campaign)[n])
    assert (row["outcome"], row["cause"], row["sip_code"]) == (way.outcome, way.cause, way.sip_code)
    assert (row["campaign"], row["gateway"]) == (campaign, name)
    talked = way.outcome in ("answered", "opted_out", "machine", "short")
    assert (row["answered_at"] is not None, bool(row["billed_ms"])) == (talked, talked)
    assert site.answers(row["attempt_id"]) == way.answers
    if way.answers:
        call = site.worker.call_row(row["attempt_id"])
        assert (call["ended_by"], call["status"]) == (way.ended_by, "ended")
    runs = site.worker.rows("select status from survey_run where call_id = ?", row["attempt_id"])
    assert [status for (status,) in runs] == ([way.run] if way.run else [])


def test_whoever_pressed_nine_is_on_the_do_not_call_list_and_nobody_else(site: Site) -> None:
    listed = site.worker.rows("select number, scope, reason, source from dnc order by number")
    wanted = [(number, "-", "opt_out", site.attempt(number)["attempt_id"]) for number in numbers("stops", APPOINTMENT)]
    assert listed == wanted


def test_whoever_moved_the_appointment_waits_for_a_call_at_that_time(site: Site) -> None:
    waiting = site.worker.rows("select number from campaign_contact where state = 'waiting' order by number")
    assert [number for (number,) in waiting] == numbers("moves", APPOINTMENT)


@pytest.mark.parametrize(("name", "asked"), [(APPOINTMENT, "choose"), (SURVEY, "overall")])
def test_status_and_report_add_up(site: Site, name: str, asked: str) -> None:
    books = demo_books.read(make_engine(site.database), name, LISTS[name], asked, "Asia/Shanghai")
    assert books.faults() == []
    ways = {each: way for each, way in WAYS.items() if name in way.people}
    outcomes = {way.outcome: 0 for way in ways.values()}
    for way in ways.values():
        outcomes[way.outcome] += way.people[name]
    found = json.loads(site.ivr("campaign", "report", name, "--format", "json"))
    attempts, people_ = found["attempts"]["all"], found["people"]["all"]
    assert {outcome: attempts[outcome] for outcome in outcomes} == outcomes
    assert sum(outcomes.values()) == attempts["attempts"] == people_["people"] == people_["called"] == PEOPLE[name]
    complete = sum(
        way.people[name] for way in ways.values() if way.run == "complete" or (name == APPOINTMENT and way.answers)
    )
    assert people_["complete"] == complete - (len(numbers("stops", name)) if name == APPOINTMENT else 0)
    assert {gateway: tally["attempts"] for gateway, tally in found["gateway"].items()} == {
        each: way.people[name] for each, way in ways.items()
    }
    waiting = len(numbers("moves", name))
    status = site.ivr("campaign", "status", name)
    assert f"people: {waiting} waiting, 0 leased, {PEOPLE[name] - waiting} done" in " ".join(status.split())


def test_everybody_was_called_once_and_the_log_names_nobody(site: Site) -> None:
    assert len(site.attempts()) == len(ALL) == 50
    log = (site.project / "dial.log").read_text()
    assert PASSWORD not in log
    assert not [row["number"] for row in site.attempts() if row["number"][1:] in log]
