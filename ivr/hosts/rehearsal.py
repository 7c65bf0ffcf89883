"""A rehearsal: the FreeSWITCH host and the scripted switch, byte against byte, in virtual time.

Law: moves bytes and time between the two and does nothing else. The host under test is the one that serves live
calls; only its socket and its clock are replaced, by a list and a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr.core.effects import Effect
from ivr.core.program import Program
from ivr.esl.event import Event
from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.freeswitch import FreeSwitchCall, Limits, Route
from ivr.hosts.script import ScriptedCall
from ivr.hosts.scripted_switch import Destination, Faults, ScriptedSwitch, Sound
from ivr.hosts.simulator import FarEnd
from ivr.hosts.sounds import VirtualSounds
from ivr.hosts.switch.line import Sound as SwitchSound
from ivr.hosts.tester import Outcome, outcome

#: The tone before a recording.
TONE_MS = 250
_LONGEST_MS = 7_200_000


def destination(far: FarEnd) -> Destination:
    """How a far end of a scripted call looks to the switch."""
    match far.outcome:
        case "busy":
            return Destination("busy", ring_ms=far.after_ms, cause=far.cause)
        case "no_answer":
            return Destination("no_answer", cause=far.cause)
        case "failed":
            return Destination("fails", ring_ms=far.after_ms, cause=far.cause or "CALL_REJECTED")
    return Destination("answers", talk_ms=far.after_ms, cause=far.cause)


class Rehearsal:
    """One scripted call of ``program``, carried by real bytes. ``pieces(data)`` cuts what the host receives."""

    def __init__(
        self,
        program: Program,
        call: ScriptedCall,
        *,
        faults: Faults | None = None,
        limits: Limits | None = None,
        pieces: Callable[[bytes], list[bytes]] = lambda data: [data],
        log: Callable[..., None] = lambda event, **fields: None,
    ) -> None:
        self.call = call
        self.sounds = VirtualSounds()
        self.caller = ScriptedCaller(call.script)
        self.effects: list[Effect] = []
        self.path: list[tuple[str, str]] = []
        self.sent: list[bytes] = []  # by the host
        self.received: list[bytes] = []
        self.now_ms = 0
        self._program, self._pieces = program, pieces
        facts = call.facts
        self.switch = ScriptedSwitch(
            self.caller,
            uuid=f"call-{call.line}",
            sounds=self._sound,
            caller_number=str(facts.get("caller.number", "1001")),
            called_number=str(facts.get("called.number", "8001")),
            destinations={f"far/{name}": destination(far) for name, far in self._far_ends(program, call).items()},
            faults=faults,
            guard_ms=15_000,
        )
        self.host = FreeSwitchCall(self._route, 0, limits=limits, on_start=self._started, log=log, path=self.path)

    @staticmethod
    def _far_ends(program: Program, call: ScriptedCall) -> Mapping[str, FarEnd]:
        return {name: call.far_ends.get(name, FarEnd()) for name in program.destinations}

    def _sound(self, path: str) -> SwitchSound | None:
        if path.startswith("tone_stream://"):
            return Sound(TONE_MS, "")
        found = self.sounds.find(path)
        return Sound(found.duration_ms, found.said) if found else None

    def _route(self, channel: Event) -> Route:
        destinations = {name: f"far/{name}" for name in self._program.destinations}
        return Route(self._program, self.sounds, self.call.facts, destinations, "/recordings")

    def _started(self, host: FreeSwitchCall, channel: Event) -> None:
        host.on_effect = self.effects.append

    def run(self) -> Outcome:
        """Until both sides have closed, or nothing will ever happen again."""
        self.switch.connect(0)
        self._to_switch()
        while not self.host.closed and self.now_ms < _LONGEST_MS:
            due = min((d for d in (self.switch.next_due_ms, self.host.deadline_ms) if d is not None), default=None)
            if due is None:
                break
            self.now_ms = max(self.now_ms, due)
            if self.switch.next_due_ms is not None and self.switch.next_due_ms <= self.now_ms:
                self._to_host(self.switch.advance(self.now_ms))
            elif not self.host.closed:
                self.host.advance(self.now_ms)
                self._to_switch()
        self.switch.peer_closed(self.now_ms)
        self.caller.line_ended()
        variables = self.host.state.variables if self.host.state else {}
        return outcome(self.call, self.caller, self.effects, self.path, variables, self.now_ms)

    def _to_host(self, data: bytes) -> None:
        if data:
            self.received.append(data)
            for piece in self._pieces(data):
                if not self.host.closed:
                    self.host.receive_data(piece, self.now_ms)
                    self._to_switch()
        if self.switch.closed and not self.host.closed:
            self.host.receive_eof(self.now_ms)

    def _to_switch(self) -> None:
        data = self.host.data_to_send()
        if data:
            self.sent.append(data)
            self._to_host(self.switch.receive_data(data, self.now_ms))
