"""What the server's tests share: a site with one flow and silent prompts, callers over TCP, a worker process."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gevent

from ivr.core.program import Program
from ivr.hosts.caller import Action, Hears, Press, ScriptedCaller
from ivr.hosts.scripted_switch import Faults, ScriptedSwitch, Sound
from ivr.hosts.switch_client import place_call
from ivr.lang.check import check_file
from ivr.media.build import entries
from ivr.media.library import AudioLibrary

ROOT = Path(__file__).parents[2]
#: So many questions of one digit each, and a goodbye.
QUESTIONS = 4
PROMPT_MS = 100


def flow(questions: int = QUESTIONS, goodbye: str = "Goodbye.") -> str:
    lines = ["flow: quick", "languages: [en]", "start: q1", "digits: {first: 1500ms, give_up: bye}", "steps:"]
    for n in range(1, questions + 1):
        way = f"q{n + 1}" if n < questions else "bye"
        asked = f'"Question {n}, please."'
        lines += [
            f"  q{n}:",
            f"    ask: {{en: {asked}}}",
            f"    into: q{n}",
            "    digits: {length: 1}",
            f"    next: {way}",
        ]
    return "\n".join([*lines, "  bye:", f"    say: {{en: {json.dumps(goodbye)}}}", "    hang_up: true", ""])


def answers(keys: str, *more: Action) -> list[Action]:
    """A caller who answers the questions with ``keys``, one each."""
    script: list[Action] = []
    for n, key in enumerate(keys, 1):
        script += [Hears(f"Question {n}"), Press(key)]
    return [*script, *more]


def until(condition: Callable[[], Any], what: str, limit_s: float = 60) -> None:
    """Lets the other greenlets and processes run until it is so."""
    with gevent.Timeout(limit_s, AssertionError(f"never: {what}")):
        while not condition():
            gevent.sleep(0.005)


class Site:
    """A folder with callweave.yaml, the flow and its prompts, which are silent: here nobody listens."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        self.config = folder / "callweave.yaml"
        self.database = f"sqlite:///{folder / 'calls.db'}"
        (folder / "flows").mkdir()
        (folder / "prompts").mkdir()
        self.config.write_text(f"flows: {{default: quick}}\nprompts: {{build: sounds}}\n{settings}")
        self.sounds: dict[str, Sound] = {}
        self.write(flow())

    def write(self, text: str) -> None:
        """The flow as a text; the prompts of one that can be served are made."""
        file = self.folder / "flows" / "quick.yaml"
        file.write_text(text)
        if program := check_file(file).program:
            self._speak(program)

    def _speak(self, program: Program) -> None:
        for entry in entries(AudioLibrary(self.folder / "sounds", self.folder / "recordings", 8000), [program]):
            entry.target.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(entry.target), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(bytes(16 * PROMPT_MS))
            self.sounds[str(entry.target)] = Sound(PROMPT_MS, entry.clip.text)

    def call(self, uuid: str, script: Sequence[Action], faults: Faults | None = None, **more: str) -> ScriptedSwitch:
        caller = ScriptedCaller(script)
        return ScriptedSwitch(caller, uuid=uuid, sounds=self.sounds.get, faults=faults, variables=more, guard_ms=15_000)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "calls.db") as connection:
            return connection.execute(query).fetchall()


class Worker:
    """One ``esl_app.py`` on a port of its own."""

    def __init__(self, site: Site, name: str = "one", database: str = "", **environment: str) -> None:
        self.log = site.folder / f"{name}-{time.monotonic_ns()}.log"
        self.spool = site.folder / name
        argv = [sys.executable, str(ROOT / "esl_app.py"), f"--config={site.config}", "--listen=127.0.0.1:0"]
        argv += [f"--db={database or site.database}", f"--spool={self.spool}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(argv, stderr=log, cwd=site.folder, env={**os.environ, **environment})

    @property
    def port(self) -> int:
        """Once it serves."""
        until(lambda: self.events("serving") or self.process.poll() is not None, f"it serves: {self.text}", 120)
        serving = self.events("serving")
        assert serving, self.text
        return int(serving[0]["address"].rpartition(":")[2])

    @property
    def text(self) -> str:
        return self.log.read_text()

    def events(self, *names: str) -> list[dict[str, Any]]:
        whole = re.findall(r"(?m)^\{.*\}$", self.text)
        return [line for line in map(json.loads, whole) if not names or line["event"] in names]

    def send(self, how: signal.Signals) -> None:
        os.kill(self.process.pid, how)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.send(how)
        until(lambda: self.process.poll() is not None, "the worker ends", 120)
        return self.process.wait()


def talk(worker: Worker, switch: ScriptedSwitch) -> gevent.Greenlet:
    """The switch places its call with this worker."""
    return gevent.spawn(place_call, "127.0.0.1", worker.port, switch, limit_s=60)


def watched() -> dict[str, str]:
    """The environment of a worker whose loop gevent's own watchman looks after: 0.3 s at most for one greenlet. Less is
    what a busy machine does to anybody; a test makes what it looks for longer than that."""
    return {"GEVENT_MONITOR_THREAD_ENABLE": "1", "GEVENT_MAX_BLOCKING_TIME": "0.3"}


def held_up(worker: Worker) -> int:
    """How often the watchman complained of the server's loop since the worker serves. It looks at every thread's loop:
    the one that connects to a database has one of its own, for a name to be looked up, and may keep it."""
    complaints = worker.text.partition('"serving"')[2].split("appears to be blocked")[1:]
    return sum("_with_no_loop_left" not in complaint.partition("Info:")[0] for complaint in complaints)
