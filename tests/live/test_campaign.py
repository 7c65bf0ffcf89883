"""A campaign on a real FreeSWITCH, with SIPp as called parties: every attempt's outcome is right."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from live_parties import Phones
from live_project import CERTIFICATES
from live_switch import PASSWORD, FreeSwitch, NotThere, find_freeswitch, free_port
from live_worker import REPOSITORY, Worker, built_library, compiled, make_project

from ivr.campaign.model import Attempts, Calling, Campaign, Gateway, Window
from ivr.store.engine import make_engine
from ivr.store.schema import metadata
from ivr.store.upgrade import upgrade

NO_RETRY = dict.fromkeys(("no_answer", "busy", "rejected", "congestion", "failed", "short", "machine", "unknown"))
FLOW = """\
flow: hello
languages: [en]
facts: [customer.name, customer.city]
start: pick
steps:
  pick:
    branch:
      - {when: "customer.city == '上海, {x=1}'", goto: greet}
      - {goto: stranger}
  greet:
    say: {en: "Hello, this is a test."}
    hang_up: true
  stranger:
    say: {en: "Goodbye."}
    hang_up: true
"""
CITY = "上海, {x=1}"
#: Of each, so many people.
EACH = 3
#: name -> (how its telephones behave, outcome, FreeSWITCH's word, SIP status)
WAYS: dict[str, tuple[dict[str, Any], str, str, int | None]] = {
    "answers": ({}, "answered", "NORMAL_CLEARING", None),
    "busy": ({"status": "486 Busy Here"}, "busy", "USER_BUSY", 486),
    "silent": ({"rings": True}, "no_answer", "NO_ANSWER", None),
    "unknown": ({"status": "404 Not Found"}, "invalid", "UNALLOCATED_NUMBER", 404),
    "early": ({"talk_ms": 700}, "short", "NORMAL_CLEARING", 200),
    "full": ({"status": "503 Service Unavailable"}, "congestion", "NORMAL_TEMPORARY_FAILURE", 503),
    "declines": ({"status": "603 Decline"}, "rejected", "CALL_REJECTED", 603),
}


def number(way: int, n: int) -> str:
    return f"+8613800{way}{n:05d}"


@dataclass
class Site:
    folder: Path
    switch: FreeSwitch
    worker: Worker
    rows: dict[str, dict[str, Any]]  # number -> attempt
    log: list[dict[str, Any]]
    text: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        binary = find_freeswitch()
    except NotThere as why:
        pytest.skip(str(why))
    if not shutil.which("sipp"):
        pytest.skip("no SIPp on PATH: on Debian, apt-get install sip-tester")
    folder = tmp_path_factory.mktemp("campaign")
    project = make_project(folder / "project")
    (project / "flows" / "hello.yaml").write_text(FLOW, encoding="utf-8")
    built_library(project, [compiled(project, "flows/hello.yaml")])
    phones = {name: Phones(folder, name, **how) for name, (how, *_) in WAYS.items()}
    port = free_port()
    worker = Worker(
        project, "worker", port, {"flows": {"paths": {"hello": "flows/hello.yaml"}}, "log": {"level": "debug"}}
    )
    upgrade(f"sqlite:///{worker.database}")
    seed(worker.database, folder / "ran")
    worker.start()
    switch = None
    try:
        gateways = {name: each.port for name, each in phones.items()}
        switch = FreeSwitch(
            binary, folder / "switch", [], [], {}, free_port(), certificates=CERTIFICATES, gateways=gateways
        )
        log = dial(project, switch, worker)
        switch.wait_empty()
        found = {row["number"]: row for row in attempts(worker.database)}
        entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        yield Site(folder, switch, worker, found, entries, log)
    finally:
        for each in phones.values():
            each.stop()
        if switch is not None:
            switch.stop()
        worker.stop()


def seed(database: Path, ran: Path) -> None:
    gateways = tuple(
        Gateway(name, f"sofia/gateway/{name}", ("+862112345678",), prefixes=(f"+8613800{way}",))
        for way, name in enumerate(WAYS)
    )
    calling = Calling((Window(tuple(range(7)), 0, 1440),), zone="Asia/Shanghai")
    what = Campaign("live", calling, gateways, 10, 30, flow="hello", ring_ms=4000, attempts=Attempts(retry=NO_RETRY))
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    tables = metadata.tables
    with make_engine(f"sqlite:///{database}").begin() as connection:
        connection.execute(
            tables["campaign"].insert(),
            {"campaign": "live", "title": "Live", "state": "running", "version": 1, "priority": 5},
        )
        version = {"campaign": "live", "version": 1, "json": json.dumps(what.to_json()), "launch": ""}
        connection.execute(tables["campaign_version"].insert(), version)
        for way in range(len(WAYS)):
            for n in range(EACH):
                who = {"contact_id": f"c{way}-{n}", "number": number(way, n)}
                # Whatever a name is, it is a name: not a variable, not a header, nothing that runs.
                facts = {"customer.name": f"王小明, 'x'}}${{system touch {ran}}}\nO'Hara^^:", "customer.city": CITY}
                person = {"list": "l", "consent": "yes", "language": "en", "facts": json.dumps(facts)}
                connection.execute(tables["contact"].insert(), {**who, **person})
                turn = {"campaign": "live", "state": "waiting", "next_at": long_ago, "priority": 5}
                connection.execute(tables["campaign_contact"].insert(), {**who, **turn, "attempts": 0, "fence": 0})


def attempts(database: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM dial_attempt")]


def dial(project: Path, switch: FreeSwitch, worker: Worker) -> str:
    """`ivr dial` until everybody was called; gives its log."""
    secret = project / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    argv = [
        sys.executable,
        "-c",
        "from ivr.cli.main import main; main()",
        "dial",
        f"--switch=127.0.0.1:{switch.control_port}",
    ]
    argv += [f"--password-file={secret}", f"--db=sqlite:///{worker.database}", "--campaign=live"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CALLWEAVE_CONFIG": str(project / "callweave.yaml")}
    file = project / "dial.log"
    with file.open("w") as log:
        process = subprocess.Popen(argv, cwd=project, env=environment, stderr=log, stdin=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 90
            while time.monotonic() < until and process.poll() is None:
                rows = attempts(worker.database)
                if len(rows) >= EACH * len(WAYS) and all(row["outcome"] for row in rows):
                    break
                time.sleep(0.2)
            process.terminate()
            process.wait(30)
        finally:
            if process.poll() is None:
                process.kill()
    return file.read_text()


@pytest.mark.parametrize(("way", "name"), list(enumerate(WAYS)), ids=list(WAYS))
def test_fault_93_every_attempts_outcome_is_right(site: Site, way: int, name: str) -> None:
    _, outcome, cause, sip_code = WAYS[name]
    for n in range(EACH):
        row = site.rows[number(way, n)]
        assert (row["outcome"], row["cause"], row["sip_code"]) == (outcome, cause, sip_code)
        assert (row["answered_at"] is not None) is (outcome in ("answered", "short"))
        assert bool(row["billed_ms"]) is (outcome in ("answered", "short"))
        assert row["gateway"] == name


def test_an_answered_call_enters_the_flow_and_is_joined_to_its_attempt(site: Site) -> None:
    for n in range(EACH):
        row = site.rows[number(0, n)]
        call = site.worker.call_row(row["attempt_id"])
        assert (call["flow"], call["ended_by"], call["status"]) == ("hello", "flow", "ended")


def test_everybody_was_called_once(site: Site) -> None:
    assert len(site.rows) == EACH * len(WAYS) == len(attempts(site.worker.database))


def test_neither_the_password_nor_a_number_is_in_the_log(site: Site) -> None:
    assert PASSWORD not in site.text
    assert not [n for way in range(len(WAYS)) for n in range(EACH) if number(way, n)[1:] in site.text]
    assert [entry["event"] for entry in site.log][:2] == ["dialling", "switch_up"]


def test_what_is_said_of_a_person_is_no_command(site: Site) -> None:
    """The name holds an expansion, quotes, a brace, a newline: nothing of it ran, and the flow has each fact whole."""
    assert not (site.folder / "ran").exists()
    assert {site.worker.call_row(site.rows[number(0, n)]["attempt_id"])["end_node"] for n in range(EACH)} == {"greet"}
