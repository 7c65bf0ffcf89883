"""A call survives its worker: kill -9, and the caller hears the question again, from another worker.

Two real server processes on one database. The telephone side is the scripted switch over TCP; the second connection
is what the dialplan's second `socket` action makes (dialplan/, and `make live` for a real one).
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from ivr.hosts.caller import HangsUp, Hears, Pause, Press, ScriptedCaller
from ivr.hosts.scripted_switch import ScriptedSwitch, Sound
from ivr.hosts.switch_client import place_call
from ivr.lang.check import check_file
from ivr.media.build import entries
from ivr.media.library import AudioLibrary

ROOT = Path(__file__).parents[2]
UUID = "11111111-2222-3333-4444-555555555555"


class Worker:
    """One `esl_app.py`, on a port of its own."""

    def __init__(self, folder: Path, name: str, config: Path) -> None:
        self.log = folder / f"{name}.log"
        argv = [sys.executable, str(ROOT / "esl_app.py"), f"--config={config}", "--listen=127.0.0.1:0"]
        argv += [f"--db=sqlite:///{folder / 'calls.db'}", f"--spool={folder / name}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(argv, stderr=log, cwd=folder)
        self.port = self._port()

    def _port(self) -> int:
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            for line in self.events("serving"):
                return int(line["address"].rpartition(":")[2])
            gevent.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def events(self, name: str) -> list[dict[str, str]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def end(self, how: signal.Signals) -> int:
        os.kill(self.process.pid, how)
        return self.process.wait(20)


class Site:
    """A folder with the example flows, and prompts made of silence: how they sound does not matter here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("flows", "surveys", "prompts"):
            (folder / name).symlink_to(ROOT / name)
        self.config = folder / "callweave.yaml"
        self.config.write_text("flows: {default: survey_line}\nprompts: {build: sounds}\n")
        program = check_file(ROOT / "flows/survey_line.yaml").program
        assert program is not None
        self.sounds: dict[str, Sound] = {}
        for entry in entries(AudioLibrary(folder / "sounds", folder / "recordings", 8000), [program]):
            entry.target.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(entry.target), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(bytes(16 * 100))
            self.sounds[str(entry.target)] = Sound(100, entry.clip.text)

    def call(self, caller: ScriptedCaller, **variables: str) -> ScriptedSwitch:
        known = {"callweave_fact_customer.language": "en", **variables}
        return ScriptedSwitch(
            caller, uuid=UUID, sounds=self.sounds.get, variables=known, caller_number="+8613900139001"
        )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.folder / "calls.db") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def workers(site: Site) -> Iterator[tuple[Worker, Worker]]:
    pair = Worker(site.folder, "one", site.config), Worker(site.folder, "two", site.config)
    yield pair
    for worker in pair:
        if worker.process.poll() is None:
            worker.end(signal.SIGKILL)


def until(condition: Callable[[], bool], what: str) -> None:
    with gevent.Timeout(60, AssertionError(f"never: {what}")):
        while not condition():
            gevent.sleep(0.01)


def test_a_call_goes_on_with_another_worker_when_its_own_is_killed(site: Site, workers: tuple[Worker, Worker]) -> None:
    one, two = workers
    first = ScriptedCaller(
        [
            *[Hears("this is customer service"), Press("1"), Hears("How satisfied"), Press("5")],
            *[Hears("How many times"), Press("2"), Pause(60_000)],
        ]
    )
    talk = gevent.spawn(place_call, "127.0.0.1", one.port, site.call(first))
    until(lambda: first.waiting == "wait 60s", "the caller is in the middle of an entry")
    one.end(signal.SIGKILL)
    talk.kill()

    second = ScriptedCaller(
        [
            *[Hears("How many times"), Press("2#"), Hears("You entered"), Press("1")],
            *[Hears("How likely"), Press("10"), Hears("Goodbye")],
        ]
    )
    result = place_call("127.0.0.1", two.port, site.call(second, callweave_takeover="true"))
    assert result.problems == []
    assert second.heard[0].startswith("How many times"), "nobody is asked twice for what they gave"
    assert two.events("call_taken_over")[0]["call"] == UUID

    assert two.end(signal.SIGTERM) == 0
    assert site.rows("SELECT question, occurrence, value FROM answer ORDER BY at") == [
        ("overall", 1, "5"),
        ("visits", 1, "2"),
        ("recommend", 1, "10"),
    ]
    assert site.rows("SELECT ended_by, end_node, status FROM call") == [("flow", "bye", "ended")]
    assert site.rows("SELECT survey, occurrence, status, answered FROM survey_run") == [("aftercare", 1, "complete", 3)]
    assert site.rows("SELECT json FROM call_state") == [("",)]


def test_a_call_that_no_worker_had_begins_at_the_beginning(site: Site, workers: tuple[Worker, Worker]) -> None:
    caller = ScriptedCaller([Hears("this is customer service"), Press("2"), Hears("Goodbye")])
    assert place_call("127.0.0.1", workers[0].port, site.call(caller, callweave_takeover="true")).problems == []


def test_a_call_that_is_over_is_not_taken_up_again(site: Site, workers: tuple[Worker, Worker]) -> None:
    for worker, variables in ((workers[0], {}), (workers[1], {"callweave_takeover": "true"})):
        caller = ScriptedCaller([Hears("this is customer service"), Press("2"), Hears("Goodbye")])
        assert place_call("127.0.0.1", worker.port, site.call(caller, **variables)).problems == []
        until(lambda: site.rows("SELECT status FROM call") == [("ended",)], "the end is stored")


def test_a_connection_that_breaks_is_no_end_of_the_call(site: Site, workers: tuple[Worker, Worker]) -> None:
    """Found in review: the worker lives, only its socket is gone. The caller is on the way to another worker."""
    one, two = workers
    first = ScriptedCaller([Hears("this is customer service"), Press("1"), Hears("How satisfied"), Pause(60_000)])
    talk = gevent.spawn(place_call, "127.0.0.1", one.port, site.call(first))
    until(lambda: first.waiting == "wait 60s", "the first question is asked")
    talk.kill()
    second = ScriptedCaller([Hears("How satisfied"), Press("4"), Hears("How many times"), HangsUp()])
    result = place_call("127.0.0.1", two.port, site.call(second, callweave_takeover="true"))
    assert result.problems == []
    until(lambda: site.rows("SELECT ended_by FROM call") == [("caller",)], "the end is stored")
    assert site.rows("SELECT question, value FROM answer") == [("overall", "4")]


def test_row_33_a_recovered_switch_brings_the_call_back_to_where_it_was(
    site: Site, workers: tuple[Worker, Worker]
) -> None:
    """FreeSWITCH was killed and `recover` runs the whole dialplan again, with the same uuid and `recovered` set."""
    one, _ = workers
    first = ScriptedCaller(
        [Hears("this is customer service"), Press("1"), Hears("How satisfied"), Press("3"), Pause(60_000)]
    )
    talk = gevent.spawn(place_call, "127.0.0.1", one.port, site.call(first))
    until(lambda: bool(first.heard) and first.heard[-1].startswith("How many times"), "the second question is asked")
    talk.kill()
    until(lambda: site.rows("SELECT ended_by FROM call") == [("switch-lost",)], "the switch is known to be gone")
    again = ScriptedCaller([Hears("How many times"), HangsUp()])
    assert place_call("127.0.0.1", one.port, site.call(again, recovered="true")).problems == []
    assert again.heard[0].startswith("How many times")
    until(lambda: site.rows("SELECT ended_by FROM call") == [("caller",)], "the end is stored")
    assert site.rows("SELECT count(*) FROM survey_run") == [(1,)], "one questionnaire, not two"
