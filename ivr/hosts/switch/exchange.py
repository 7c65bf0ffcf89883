"""The control side of the scripted switch: told to call people, who answer, are busy, or do what is scripted.

Law: bytes and milliseconds in, bytes out; no socket, no clock. It speaks as mod_event_socket does to a control
connection, as far as a dialler uses it. What a person says after the answer is somebody else's: ``on_answer`` is told
of the call, and tells ``hang_up`` when it is over.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Literal

from ivr.hosts.switch.channel import Channel, Value, members, raw
from ivr.hosts.switch.wire import BadLength, Command, CommandReader

Behaviour = Literal["answers", "machine", "busy", "no_answer", "invalid", "rejected", "congestion", "failed"]
#: Of a call that is not answered: FreeSWITCH's word, and the SIP status (as recorded; 0: it says none).
ENDS: Final[dict[str, tuple[str, int]]] = {
    "busy": ("USER_BUSY", 486),
    "no_answer": ("NO_ANSWER", 0),
    "invalid": ("UNALLOCATED_NUMBER", 404),
    "rejected": ("CALL_REJECTED", 603),
    "congestion": ("NORMAL_TEMPORARY_FAILURE", 503),
    "failed": ("INCOMPATIBLE_DESTINATION", 488),
}
NO_CHANNEL: Final = "DESTINATION_OUT_OF_ORDER"
_ORIGINATE: Final = re.compile(
    r"originate \{(?P<variables>[^{}]*)\}(?P<dial>[^ ']+)/(?P<digits>[0-9]+) "
    r"'&socket\((?P<hosts>[^/ ]+)/(?P<path>\S+) async full\)'"
)


@dataclass(frozen=True, slots=True)
class Party:
    """What one number does. ``talk_ms``: hangs up so long after the answer; None: somebody tells ``hang_up``."""

    behaviour: Behaviour = "answers"
    after_ms: int = 2000  # until it answers, or says why not
    talk_ms: int | None = 20_000


@dataclass(slots=True)
class Outbound:
    """A call that the switch makes."""

    uuid: str
    digits: str
    dial: str
    hosts: tuple[str, ...]
    path: str
    party: Party
    channel: Channel
    job: str
    began_ms: int
    answered_ms: int | None = None


@dataclass(slots=True)
class Peer:
    """One control connection."""

    reader: CommandReader = field(default_factory=CommandReader)
    known: bool = False
    wanted: set[str] = field(default_factory=set)
    out: bytearray = field(default_factory=bytearray)
    closed: bool = False


class Exchange:
    """``loses(event, digits)``: events that get lost. ``per_second``, ``at_once``: limits of its sessions; 0: none."""

    def __init__(
        self,
        party_of: Callable[[str], Party],
        *,
        password: str = "ClueCon",
        per_second: int = 0,
        at_once: int = 0,
        loses: Callable[[str, str], bool] = lambda event, digits: False,
        on_answer: Callable[[Outbound], None] = lambda call: None,
    ) -> None:
        self.party_of, self.per_second, self.at_once, self.loses = party_of, per_second, at_once, loses
        self.on_answer = on_answer
        self._password = password
        self.calls: dict[str, Outbound] = {}
        self.originated: list[tuple[int, str, str]] = []  # (when, uuid, digits) of everybody whose telephone rang
        self.refused = 0
        self.peers: list[Peer] = []
        self._now = 0
        self._second, self._in_second = 0, 0
        self._alarms: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    # -- connections -----------------------------------------------------------------------------------

    def connect(self, now_ms: int) -> Peer:
        self.advance(now_ms)
        peer = Peer()
        peer.out += b"Content-Type: auth/request\n\n"
        self.peers.append(peer)
        return peer

    def receive_data(self, peer: Peer, data: bytes, now_ms: int) -> None:
        self.advance(now_ms)
        try:
            commands = peer.reader.feed(data)
        except BadLength:
            self._close(peer)
            return
        for command in commands:
            if not peer.closed:
                self._command(peer, command)

    def disconnect(self, peer: Peer) -> None:
        """From either side. What was subscribed to is not told to anybody."""
        peer.closed = True
        if peer in self.peers:
            self.peers.remove(peer)

    def die(self) -> None:
        """The process is killed: calls and connections end without a word."""
        for peer in list(self.peers):
            self.disconnect(peer)
        self.calls.clear()
        self._alarms.clear()

    def _close(self, peer: Peer) -> None:
        text = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
        peer.out += b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%b" % (len(text), text)
        self.disconnect(peer)

    # -- commands --------------------------------------------------------------------------------------

    def _command(self, peer: Peer, command: Command) -> None:
        word = command.word
        if not peer.known:
            if word == "auth" and command.rest == self._password:
                peer.known = True
                self._reply(peer, "+OK accepted")
            else:
                self._reply(peer, "-ERR invalid")
                self._close(peer)
        elif word == "event":
            peer.wanted |= set(command.rest.split()[1:])
            self._reply(peer, "+OK event listener enabled json")
        elif word == "api":
            body = raw(self._api(command.rest))
            peer.out += b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)
        elif word == "bgapi":
            job = command.get("Job-UUID")
            self._reply(peer, f"+OK Job-UUID: {job}", f"Job-UUID: {job}\n")
            self._originate(job, command.rest)
        elif word == "exit":
            self._reply(peer, "+OK bye")
            self._close(peer)
        else:
            self._reply(peer, "-ERR command not found")

    def _reply(self, peer: Peer, text: str, more: str = "") -> None:
        peer.out += raw(f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n")

    def _api(self, text: str) -> str:
        name, _, argument = text.partition(" ")
        if name == "uuid_exists":
            return "true" if argument in self.calls else "false"
        if name == "uuid_kill":
            if argument.split(" ")[0] not in self.calls:
                return "-ERR No such channel!\n"
            self.hang_up(argument.split(" ")[0], self._now, by_party=False)
            return "+OK\n"
        return f"-ERR {name} Command not found!\n"

    # -- calls -----------------------------------------------------------------------------------------

    def _originate(self, job: str, text: str) -> None:
        found = _ORIGINATE.fullmatch(text)
        if found is None:
            self._job(job, "", "-USAGE: <call url> <exten>|&<application_name>(<app_args>)\n")
            return
        variables = dict(pair.split("=", 1) for pair in found["variables"].split(","))
        uuid, digits = variables["origination_uuid"], found["digits"]
        if self._no_room() or uuid in self.calls:
            self.refused += 1
            self._job(job, digits, f"-ERR {NO_CHANNEL}\n")
            return
        caller = variables.get("origination_caller_id_number", "")
        channel = Channel(uuid, caller, caller, digits, variables, self._now)
        hosts = tuple(found["hosts"].split("|"))
        party = self.party_of(digits)
        call = Outbound(uuid, digits, found["dial"], hosts, found["path"], party, channel, job, self._now)
        self.calls[uuid] = call
        self.originated.append((self._now, uuid, digits))
        self._event("CHANNEL_CREATE", digits, channel)
        ring_ms = int(variables.get("originate_timeout", "60")) * 1000
        if party.behaviour == "no_answer" or party.after_ms >= ring_ms:
            self.at(self._now + ring_ms, lambda: self._unanswered(call, "no_answer"))
        elif party.behaviour in ("answers", "machine"):
            self.at(self._now + party.after_ms, lambda: self._answered(call))
        else:
            self.at(self._now + party.after_ms, lambda: self._unanswered(call, party.behaviour))

    def _no_room(self) -> bool:
        second = self._now // 1000
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        over = bool(self.per_second) and self._in_second > self.per_second
        return over or (bool(self.at_once) and len(self.calls) >= self.at_once)

    def _unanswered(self, call: Outbound, how: str) -> None:
        if self.calls.pop(call.uuid, None) is None:
            return
        cause, sip_code = ENDS[how]
        if sip_code:
            call.channel.set("sip_term_status", str(sip_code))
        self._over(call, cause)
        self._job(call.job, call.digits, f"-ERR {cause}\n")

    def _answered(self, call: Outbound) -> None:
        if call.uuid not in self.calls:
            return
        call.answered_ms = self._now
        call.channel.change(answered_ms=self._now, answer_state="answered")
        if call.party.behaviour == "machine":
            call.channel.set("callweave_outcome", "machine")  # as the flow marks it
        self._event("CHANNEL_ANSWER", call.digits, call.channel)
        self._job(call.job, call.digits, f"+OK {call.uuid}\n")
        if call.party.talk_ms is not None:
            self.at(self._now + call.party.talk_ms, lambda: self.hang_up(call.uuid, self._now))
        self.on_answer(call)

    def hang_up(self, uuid: str, now_ms: int, cause: str = "NORMAL_CLEARING", by_party: bool = True) -> None:
        """An answered call is over; else it was the flow that hung up."""
        self._now = max(self._now, now_ms)
        call = self.calls.pop(uuid, None)
        if call is not None:
            if by_party:
                call.channel.set("sip_term_status", "200")
            call.channel.set("sip_hangup_disposition", "recv_bye" if by_party else "send_bye")
            self._over(call, cause)

    def _over(self, call: Outbound, cause: str) -> None:
        billed_ms = self._now - call.answered_ms if call.answered_ms is not None else 0
        call.channel.set("billmsec", str(billed_ms))
        call.channel.set("hangup_cause", cause)
        call.channel.change(cause=cause, hangup_ms=self._now, answer_state="hangup")
        self._event("CHANNEL_HANGUP_COMPLETE", call.digits, call.channel)

    # -- events ----------------------------------------------------------------------------------------

    def _event(self, name: str, digits: str, channel: Channel) -> None:
        if not self.loses(name, digits):
            self._tell(name, channel.event("json", name, self._now))

    def _job(self, job: str, digits: str, body: str) -> None:
        if self.loses("BACKGROUND_JOB", digits):
            return
        pairs: list[tuple[str, Value]] = [
            ("Event-Name", "BACKGROUND_JOB"),
            ("Job-UUID", job),
            ("Job-Command", "originate"),
        ]
        pairs += [("Content-Length", str(len(raw(body)))), ("_body", body)]
        text = b"{" + members(pairs)[:-1] + b"}"
        self._tell("BACKGROUND_JOB", b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(text), text))

    def _tell(self, name: str, data: bytes) -> None:
        for peer in self.peers:
            if name in peer.wanted:
                peer.out += data

    # -- time ------------------------------------------------------------------------------------------

    def at(self, at_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._alarms, (at_ms, next(self._order), action))

    @property
    def next_due_ms(self) -> int | None:
        return self._alarms[0][0] if self._alarms else None

    def advance(self, now_ms: int) -> None:
        while self._alarms and self._alarms[0][0] <= now_ms:
            at_ms, _, action = heapq.heappop(self._alarms)
            self._now = max(self._now, at_ms)
            action()
        self._now = max(self._now, now_ms)
