"""Synthesis: one sentence in, one WAV file out, by a worker process or by an outside program.

Law: knows processes and sentences, nothing of prompts or libraries of them. For building only, never on a call.
A sentence that fails is tried once more in a fresh worker, and then named in `SynthesisFailed`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any


class SynthesisFailed(Exception):
    """A sentence could not be spoken; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks a language: an espeak voice and its rate (words per minute), or an outside ``command``.

    The command gets the text on standard input and writes a WAV file to the path that replaces `{path}` in it
    (added at the end when it is not there): `[piper, --model, zh.onnx, --output_file, "{path}"]`.
    """

    name: str = ""
    rate: int = 165
    command: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the sound depends on besides the text: part of the name of the built file."""
        return json.dumps(self.command) if self.command else f"espeak:{self.name}:{self.rate}"


DEFAULT_VOICES: Mapping[str, Voice] = {"zh": Voice("cmn", 180), "en": Voice("en-us", 160)}


def voice_for(lang: str, voices: Mapping[str, Voice]) -> Voice:
    """The voice of ``lang``, else of its base language, else an espeak voice of that name."""
    base = lang.replace("_", "-").split("-")[0]
    for table in (voices, DEFAULT_VOICES):
        for name in (lang, base):
            if name in table:
                return table[name]
    return Voice(lang.lower())


def voices_from(settings: Mapping[str, Any]) -> dict[str, Voice]:
    """The `voices` table of callweave.yaml: `{zh: {voice: cmn, rate: 180}, en: {command: [piper, ...]}}`.

    Raises ValueError, naming the language and the key.
    """
    voices = {}
    for lang, own in settings.items():
        if not isinstance(own, Mapping) or (extra := set(own) - {"voice", "rate", "command"}):
            known = "voice, rate or command"
            wrong = ", ".join(sorted(extra)) if isinstance(own, Mapping) else str(own)
            raise ValueError(f"voices.{lang}: `{wrong}` is not known here; write {known}")
        default = voice_for(lang, {})
        command, rate = own.get("command", ()), str(own.get("rate", default.rate))
        if isinstance(command, str) or not all(isinstance(part, str) for part in command):
            raise ValueError(f"voices.{lang}.command: write a list of words, such as [piper, --model, x.onnx]")
        if not rate.isdigit() or not 80 <= int(rate) <= 450:
            raise ValueError(f"voices.{lang}.rate: {rate} is not a rate; write words per minute, 80 to 450")
        voices[lang] = Voice(str(own.get("voice", default.name)), int(rate), tuple(command))
    return voices


class Synthesiser:
    """One worker at a time, started when it is first needed. Not for use by several threads."""

    def __init__(self, timeout_s: float = 30.0, worker: tuple[str, ...] = ()) -> None:
        self._timeout_s = timeout_s
        self._command = worker or (sys.executable, "-m", "ivr.media.synth_worker")
        self._worker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Synthesiser:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        self.close()

    def say(self, text: str, voice: Voice, path: Path) -> None:
        """Write ``text`` to ``path``, a WAV file of whatever rate the voice has. Raises SynthesisFailed."""
        text = plain(text)
        if voice.command:
            self._say_outside(text, voice, path)
            return
        order = {"text": text, "voice": voice.name, "rate": voice.rate, "path": str(path)}
        why = ""
        for _ in range(2):
            answer = self._ask(order)
            if "ok" in answer:
                return
            why = answer["error"]
            self.close()
        raise SynthesisFailed(f"voice {voice.name} cannot say {text!r}: {why}")

    def close(self) -> None:
        """Ends the worker and what it started."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)  # started in a session of its own: the group is its alone
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        worker = self._worker or self._start()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(json.dumps(order) + "\n")
            worker.stdin.flush()
        except BrokenPipeError:
            return {"error": "the synthesis worker is gone"}
        with selectors.DefaultSelector() as waiting:
            waiting.register(worker.stdout, selectors.EVENT_READ)
            if not waiting.select(self._timeout_s):
                return {"error": f"no answer within {self._timeout_s:g} s"}
        line = worker.stdout.readline()
        if not line:
            return {"error": f"the synthesis worker died (status {worker.wait()})"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[str]:
        self._worker = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        return self._worker

    def _say_outside(self, text: str, voice: Voice, path: Path) -> None:
        command = [part.replace("{path}", str(path)) for part in voice.command]
        if command == list(voice.command):
            command.append(str(path))
        try:
            done = subprocess.run(
                command, input=text, text=True, encoding="utf-8", capture_output=True, timeout=self._timeout_s * 4
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SynthesisFailed(f"{command[0]} cannot say {text!r}: {error}") from error
        if done.returncode or not path.exists():
            why = (done.stderr.strip().splitlines() or ["it wrote no file"])[-1]
            raise SynthesisFailed(f"{command[0]} cannot say {text!r} (status {done.returncode}): {why}")


def plain(text: str) -> str:
    """``text`` without control characters: espeak takes some of them as commands, and ends at a zero."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
