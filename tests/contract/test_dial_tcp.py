"""A whole campaign over TCP without a FreeSWITCH: `ivr dial`, the scripted switch on a port, and a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

from dialtools import number, rows
from servertools import ROOT, Site, Worker, answers, until
from simtools import campaign, launch

from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.scripted_switch import ScriptedSwitch
from ivr.hosts.switch.exchange import Exchange, Party
from ivr.hosts.switch_exchange import ExchangeServer
from ivr.store.upgrade import upgrade

PARTIES = {
    "0": Party("answers", 100, None),
    "1": Party("busy", 100),
    "2": Party("invalid", 100),
    "3": Party("answers", 100, 200),
}
OUTCOMES = {"0": "answered", "1": "busy", "2": "invalid", "3": "short"}


def test_a_campaign_is_played_and_each_answer_is_joined_to_its_attempt(tmp_path):
    site = Site(tmp_path)
    text = site.config.read_text().replace("{default: quick}", "{paths: {quick: quick}}")
    site.config.write_text(text)
    upgrade(site.database)
    launch(site.database, campaign(flow="quick", per_second=20), 4, next_at=datetime(2026, 1, 1, tzinfo=UTC))
    worker = Worker(site)

    def talk(call):
        if call.digits[-1] != "0":
            return None
        caller = ScriptedCaller(answers("1234"))
        return ScriptedSwitch(caller, uuid=call.uuid, sounds=site.sounds.get, called_number=call.digits, path=call.path)

    server = ExchangeServer(Exchange(lambda digits: PARTIES[digits[-1]], password="open sesame"), talk=talk)
    site.config.write_text(f"{text}listen: 127.0.0.1:{worker.port}\n")
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    argv = [sys.executable, "-c", "from ivr.cli.main import main; main()", "dial"]
    argv += [f"--switch=127.0.0.1:{server.address[1]}", f"--password-file={password}", f"--db={site.database}"]
    log = tmp_path / "dial.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CALLWEAVE_CONFIG": str(site.config)}
    with log.open("w") as stream:
        dialler = subprocess.Popen(argv, env=environment, cwd=tmp_path, stderr=stream)
    try:
        done = lambda: [row["outcome"] for row in rows(site.database, "dial_attempt") if row["outcome"]]  # noqa: E731
        until(lambda: len(done()) == 4, f"four attempts have an outcome: {log.read_text()}", 60)
        dialler.terminate()
        until(lambda: dialler.poll() is not None, "the dialler ends")
        assert dialler.returncode == 0
    finally:
        dialler.kill()
        server.close()
        worker.end()
    found = {row["number"][-1]: row for row in rows(site.database, "dial_attempt")}
    assert {last: row["outcome"] for last, row in found.items()} == OUTCOMES
    attempt = found["0"]["attempt_id"]
    kept = site.rows(f"SELECT question, keys FROM answer WHERE call_id = '{attempt}' ORDER BY question")
    assert kept == [(f"q{n}", str(n)) for n in range(1, 5)]
    assert "open sesame" not in log.read_text()
    assert number(0)[1:] not in log.read_text()
