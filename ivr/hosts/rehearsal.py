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
from ivr.hosts.freeswitch import FreeSwitchCall, Limits, Route, Router
from ivr.hosts.script import ScriptedCall
from ivr.hosts.scripted_switch import Destination, Faults, ScriptedQueue, ScriptedSwitch, Sound
from ivr.hosts.simulated_queue import QueueEnd
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


def queue(end: QueueEnd, full: int) -> ScriptedQueue | None:
    """How a queue of a scripted call looks to the switch; None: there is no such queue."""
    match end.outcome:
        case "failed":
            return None
        case "full":
            return ScriptedQueue("waits", members=full)
        case "waits":
            return ScriptedQueue("waits")
        case "no_agent":
            return ScriptedQueue("no_agent")
    return ScriptedQueue("answers", end.agent, end.after_ms, end.talk_ms, end.cause)


def queues(program: Program, call: ScriptedCall) -> dict[str, ScriptedQueue]:
    """By the name that the switch knows."""
    found = {
        str(said["queue"]): queue(call.queues.get(name, QueueEnd()), int(said.get("full", 0)))
        for name, said in program.queues.items()
    }
    return {name: one for name, one in found.items() if one is not None}


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
            queues=queues(program, call),
            faults=faults,
            guard_ms=15_000,
        )
        self._limits, self._log = limits, log
        self.before: list[FreeSwitchCall] = []  # whose connections the call has left
        self.host = self._new_host(self._route)

    def _new_host(self, route: Router) -> FreeSwitchCall:
        return FreeSwitchCall(
            route, self.now_ms, limits=self._limits, on_start=self._started, log=self._log, path=self.path
        )

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
        known = self._program.queues
        return Route(self._program, self.sounds, self.call.facts, destinations, "/recordings", queues=known)

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
                if self.switch.comes_back:
                    self._come_back()
            elif not self.host.closed:
                self.host.advance(self.now_ms)
                self._to_switch()
        self.switch.peer_closed(self.now_ms)
        for host in self.before:
            host.receive_eof(self.now_ms)
        self.caller.line_ended()
        variables = self.host.state.variables if self.host.state else {}
        return outcome(self.call, self.caller, self.effects, self.path, variables, self.now_ms)

    def _come_back(self) -> None:
        """From the talk with an agent, on another connection: as ``server`` does when it is still the same worker."""
        before = self.host
        self.before.append(before)
        self.switch.reconnect(self.now_ms)
        self.host = self._new_host(lambda channel: before.hand_over(self.now_ms) or self._route(channel))
        self._to_switch()

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
