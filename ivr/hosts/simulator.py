"""The simulator: a telephone line without a telephone. Performs the machine's effects in virtual time.

Law: the machine decides, this only plays, waits, records and dials as a switch would. Time stands still until
``advance`` is called, so a call of minutes is tested in a millisecond and the terminal can show it in real time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.core import machine, trace
from ivr.core.effects import CollectSecret, Dial, Effect, End, Enqueue, Listen, Play, RecordMessage, Save
from ivr.core.events import (
    Digit,
    Event,
    HungUp,
    PlayDone,
    RecordDone,
    SecretDone,
    Started,
    TimerFired,
    TransferDone,
)
from ivr.core.program import Program
from ivr.core.state import CallState
from ivr.hosts.caller import Gone, Key, ScriptedCaller, Voice
from ivr.hosts.completions import LEAST_RECORDING_MS, agent_of
from ivr.hosts.simulated_queue import QueueEnd, SimulatedQueue
from ivr.hosts.sounds import VirtualSounds, said

#: FreeSWITCH's own floor for the first key of a secret entry (play_and_get_digits).
SECRET_FIRST_FLOOR_MS = 1000


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How a destination behaves. ``outcome``: finished | busy | no_answer | failed, after ``after_ms``."""

    outcome: str = "finished"
    after_ms: int = 2000
    cause: str = ""


FAR_END_CAUSES = {
    "finished": "NORMAL_CLEARING",
    "busy": "USER_BUSY",
    "no_answer": "NO_ANSWER",
    "failed": "CALL_REJECTED",
}


@dataclass
class SimulatedCall:
    """One call of ``program``. Feed it keys and time; read ``effects``, ``trace`` and ``state``."""

    program: Program
    facts: Mapping[str, Any] = field(default_factory=dict)
    call_id: str = "simulated"
    sounds: VirtualSounds = field(default_factory=VirtualSounds)
    far_ends: Mapping[str, FarEnd] = field(default_factory=dict)
    queues: Mapping[str, QueueEnd] = field(default_factory=dict)
    caller: ScriptedCaller | None = None  # told of every sound
    on_effect: Callable[[Effect], None] | None = None

    def __post_init__(self) -> None:
        self.now_ms = 0
        self.state: CallState = machine.start(self.program, self.facts, self.call_id)
        self.effects: list[Effect] = []
        self.path: list[tuple[str, str]] = []  # steps reached and ways taken, as machine.step tells them
        self.saves: list[Save] = []
        self.playing = ""  # what is being said now
        self.voice_until_ms = 0  # the caller speaks until then
        self.end: End | None = None
        self._wait: Effect | None = None
        self._wait_ms = 0  # when it was opened
        self._due_ms: int | None = None
        self._secret = ""
        self._spoke_ms = 0
        self._queue: SimulatedQueue | None = None

    # -- the world ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._feed(Started(self.now_ms))

    def press(self, key: str) -> None:
        wait = self._wait
        if isinstance(wait, CollectSecret):
            self._press_secret(wait, key)
        elif isinstance(wait, RecordMessage) and (wait.end == "any" or key in wait.end):
            self._record_done(wait, key)
        elif isinstance(wait, Enqueue) and self._queue is not None:
            if done := self._queue.press(key, self.now_ms):
                self._feed(done)
        else:
            self._feed(Digit(key, self.now_ms))

    def speak(self, duration_ms: int) -> None:
        self.voice_until_ms = self.now_ms + duration_ms
        if isinstance(self._wait, RecordMessage):
            self._spoke_ms = self.voice_until_ms - self._wait_ms
            self._due_ms = min(
                self._wait_ms + self._wait.limit_ms, max(self.now_ms, self.voice_until_ms) + self._wait.silence_ms
            )

    def hang_up(self) -> None:
        self._feed(HungUp(self.now_ms))

    @property
    def over(self) -> bool:
        return self.end is not None

    @property
    def waiting_for(self) -> Effect | None:
        """The wait that is open."""
        return self._wait

    @property
    def secret_open(self) -> bool:
        """The keys pressed now are nobody's to see."""
        return isinstance(self._wait, CollectSecret)

    @property
    def next_due_ms(self) -> int | None:
        """When the line does something by itself."""
        return None if self.end else self._due_ms

    def advance(self, to_ms: int) -> None:
        """Let time pass until ``to_ms``, doing on the way what falls due."""
        while (due := self.next_due_ms) is not None and due <= to_ms:
            self.now_ms = max(self.now_ms, due)
            self._fall_due()
        self.now_ms = max(self.now_ms, to_ms)

    # -- inside ------------------------------------------------------------------------------------------

    def _feed(self, event: Event) -> None:
        self.state, effects = machine.step(self.program, self.state, event, self.path)
        for effect in effects:
            self.effects.append(effect)
            self._perform(effect)
            if self.on_effect:
                self.on_effect(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Save():
                self.saves.append(effect)
            case Play(_, items, _, _):
                self._open(effect, self.sounds.duration_ms(items), said(items))
            case Listen(_, timeout_ms, _):
                self._open(effect, timeout_ms)
            case CollectSecret(_, items):
                self._secret = ""
                first_ms = max(effect.first_ms, SECRET_FIRST_FLOOR_MS)
                self._open(effect, self.sounds.duration_ms(items) if items else first_ms, said(items))
            case RecordMessage(_, limit_ms, silence_ms, _, _):
                self._spoke_ms = max(0, self.voice_until_ms - self.now_ms)  # whoever is speaking goes on
                self._open(effect, min(limit_ms, self._spoke_ms + silence_ms))
            case Dial(_, destination, ring_ms, _):
                far = self.far_ends.get(destination, FarEnd())
                self._open(effect, ring_ms if far.outcome == "no_answer" else far.after_ms)
            case Enqueue(_, queue):
                said_ms = self.sounds.duration_ms(effect.announce) if effect.announce else 0
                end = self.queues.get(queue, QueueEnd())
                self._queue = SimulatedQueue(effect, end, self.now_ms, said(effect.announce), said_ms)
                self._open(effect, self._queue.due_ms - self.now_ms)
            case End():
                self._sound("")
                self.end, self._wait, self._due_ms = effect, None, None

    def _open(self, wait: Effect, due_in_ms: int, playing: str = "") -> None:
        self._wait, self._wait_ms, self._due_ms = wait, self.now_ms, self.now_ms + due_in_ms
        self._sound("")
        self._sound(playing)

    def _sound(self, playing: str) -> None:
        """Tell the caller what begins or ends to be heard."""
        was, self.playing = self.playing, playing
        if self.caller and was and not playing:
            self.caller.sound_ended(self.now_ms)
        if self.caller and playing:
            self.caller.sound_started(playing, self.now_ms)

    def _fall_due(self) -> None:
        wait, self._due_ms = self._wait, None
        match wait:
            case Play(number):
                self._sound("")
                self._feed(PlayDone(number, self.now_ms))
            case Listen(number):
                self._feed(TimerFired(number, self.now_ms))
            case CollectSecret():
                self._secret_timer(wait)
            case RecordMessage():
                self._record_done(wait, "")
            case Dial(number, destination):
                far = self.far_ends.get(destination, FarEnd())
                cause = far.cause or FAR_END_CAUSES[far.outcome]
                agent = agent_of(self.program.destinations.get(destination, ""))
                self._feed(TransferDone(number, self.now_ms, far.outcome, cause, agent))
            case Enqueue() if self._queue is not None:
                queue = self._queue
                done = queue.fall_due(self.now_ms)
                if queue.playing != self.playing:
                    self._sound(queue.playing)
                if done is not None:
                    self._feed(done)
                else:
                    self._due_ms = queue.due_ms

    def _press_secret(self, wait: CollectSecret, key: str) -> None:
        """As play_and_get_digits does with one try."""
        self._sound("")
        if key in wait.end:
            outcome = "digits" if len(self._secret) >= wait.min_keys else "nomatch" if self._secret else "noinput"
            self._feed(SecretDone(wait.wait, self.now_ms, self._secret, outcome))
            return
        self._secret += key
        if len(self._secret) >= wait.max_keys:
            self._feed(SecretDone(wait.wait, self.now_ms, self._secret))
        else:
            self._due_ms = self.now_ms + wait.between_ms

    def _secret_timer(self, wait: CollectSecret) -> None:
        if self.playing:  # the prompt is over, the caller's time begins
            self._sound("")
            self._due_ms = self.now_ms + max(wait.first_ms, SECRET_FIRST_FLOOR_MS)
        elif not self._secret:
            self._feed(SecretDone(wait.wait, self.now_ms, "", "noinput", "first"))
        else:
            outcome = "digits" if len(self._secret) >= wait.min_keys else "nomatch"
            self._feed(SecretDone(wait.wait, self.now_ms, self._secret, outcome, "between"))

    def _record_done(self, wait: RecordMessage, key: str) -> None:
        length_ms = self.now_ms - self._wait_ms
        spoke_ms = min(self._spoke_ms, length_ms)
        status = "done" if spoke_ms >= LEAST_RECORDING_MS else "empty"
        name = f"{self.call_id}-{wait.wait}.wav"
        self._feed(RecordDone(wait.wait, self.now_ms, status, name if status == "done" else "", length_ms, key))

    @property
    def trace(self) -> list[str]:
        return trace.lines(self.effects)


def run(call: SimulatedCall, caller: ScriptedCaller, limit_ms: int = 7_200_000) -> None:
    """Play ``caller`` against ``call`` until the call ends. A caller who has nothing left to do stays on the line."""
    call.caller = caller
    call.begin()
    while call.end is None and call.now_ms <= limit_ms:
        line_due, caller_due = call.next_due_ms, caller.due_ms
        if caller_due is not None and (line_due is None or caller_due < line_due):
            call.advance(caller_due)
            for act in caller.act(call.now_ms):
                match act:
                    case Key(key):
                        call.press(key)
                    case Voice(ms):
                        call.speak(ms)
                    case Gone():
                        call.hang_up()
        elif line_due is not None:
            call.advance(line_due)
        else:
            break
    caller.line_ended()
