"""What a scripted call should be on a real line: played on the simulator first, with sounds as long as the real ones.

The simulator's trace is what the server's must equal; the moments at which its caller did something are what a caller
without ears (SIPp) does.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ivr.core.effects import Clip, Item, Save
from ivr.core.program import Program
from ivr.hosts.caller import Act, Gone, Key, ScriptedCaller, Voice
from ivr.hosts.script import ScriptedCall
from ivr.hosts.simulator import SimulatedCall, run
from ivr.hosts.sounds import words_of
from ivr.hosts.tester import Outcome, outcome
from ivr.media.library import AudioLibrary
from ivr.media.speech import words

#: What a switch adds to each prompt: the command's way there, and the last frame's way out.
PROMPT_MS = 25
#: And to one of several files, whatever their number: measured, the silence after a `file_string://`.
SEVERAL_MS = 250


class TimedSounds:
    """The audio library as the simulator needs it. Remembers what each file says, for the exchange's ear."""

    def __init__(self, library: AudioLibrary) -> None:
        self._library = library
        self._said: dict[str, list[str]] = {}

    def duration_ms(self, items: Sequence[Item]) -> int:
        files = [each for item in items for each in self._files(item)]
        return sum(files) + PROMPT_MS + (SEVERAL_MS if len(files) > 1 else 0)

    def _files(self, item: Item) -> list[int]:
        heard = [words_of(item)] if isinstance(item, Clip) else words(item.lang, item.as_, item.value)
        durations = []
        for path, text in zip(self._library.files(item), heard, strict=True):
            known = self._said.setdefault(str(path), [])
            if text not in known:
                known.append(text)
            durations.append(-(-self._library.duration_ms(path) // 20) * 20)
        return durations

    def said(self, played: str) -> str:
        """What is heard when the switch plays this; "" when it is no prompt."""
        if not played:
            return ""
        paths = played.removeprefix("file_string://").split("!")
        # Prompts that share a text share a file: a caller may have either in mind.
        return " ".join(" / ".join(self._said.get(path, [])) for path in paths).strip()


class _Planned(SimulatedCall):
    """Notes when the caller acts."""

    def note(self, act: Act) -> None:
        self.__dict__.setdefault("acts", []).append((self.now_ms, act))

    def press(self, key: str) -> None:
        self.note(Key(key))
        super().press(key)

    def speak(self, duration_ms: int) -> None:
        self.note(Voice(duration_ms))
        super().speak(duration_ms)

    def hang_up(self) -> None:
        self.note(Gone())
        super().hang_up()


@dataclass
class Plan:
    line: str  # the dialplan context that takes the call
    program: Program
    call: ScriptedCall
    expected: Outcome
    acts: list[tuple[int, Act]] = field(default_factory=list)
    duration_ms: int = 0

    @property
    def caller(self) -> str:
        return str(self.call.facts.get("caller.number", "1001"))

    @property
    def called(self) -> str:
        return str(self.call.facts.get("called.number", "8001"))

    @property
    def headers(self) -> dict[str, str]:
        far = ",".join(
            f"{name}={end.after_ms if end.outcome == 'finished' else end.outcome}"
            for name, end in self.call.far_ends.items()
        )
        facts = {f"X-Fact-{header(name)}": _text(value) for name, value in self.facts.items()}
        return {"X-Line": self.line, **({"X-Far": far} if far else {}), **facts}

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a SIP call does not bring by itself."""
        own = ("caller.number", "called.number", "caller.name")
        return {name: value for name, value in self.call.facts.items() if name not in own}

    def rows(self, table: str) -> list[Mapping[str, Any]]:
        return [e.row for e in self.expected.effects if isinstance(e, Save) and e.table == table]


def header(fact: str) -> str:
    return fact.replace(".", "-").replace("_", "-")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_numbers = itertools.count(1)


def plan(line: str, program: Program, call: ScriptedCall, sounds: TimedSounds) -> Plan:
    caller = ScriptedCaller(call.script)
    simulated = _Planned(
        program,
        call.facts,
        call_id=f"call-{call.line}",
        sounds=sounds,  # type: ignore[arg-type]
        far_ends=call.far_ends,
        queues=call.queues,
    )
    run(simulated, caller)
    expected = outcome(call, caller, simulated.effects, simulated.path, simulated.state.variables, simulated.now_ms)
    acts = simulated.__dict__.get("acts", [])
    return Plan(line, program, call, expected, acts, simulated.now_ms)
