"""One switch's control socket, as the dialler uses it: originate, ask whether a call exists, hear how calls end.

Law: bytes and lines in, bytes out, without a socket or a clock (``hosts.dialler.wires`` has those). The password goes
into one command and nowhere else. Whoever it belongs to is told of what happens by ``told``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ivr.esl.conversation import (
    ApiReply,
    AuthWanted,
    Disconnected,
    Failed,
    JobDone,
    LinkEvent,
    Lost,
    OtherEvent,
    Ready,
    Reply,
)
from ivr.esl.event import Event
from ivr.esl.inbound import InboundLink, State

EVENTS: Final = ("BACKGROUND_JOB", "CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE")
_EXISTS: Final = "exists:"
#: Commands that wait for their replies: FreeSWITCH answers in order, and a link takes 32.
MOST_ASKED: Final = 12
MOST_WAITING: Final = 28


@dataclass(frozen=True, slots=True)
class Up:
    """Logged in, and events come: what was open on this switch is to be looked for."""


@dataclass(frozen=True, slots=True)
class Down:
    why: str


@dataclass(frozen=True, slots=True)
class Job:
    """What became of an originate. ``sent`` False: the switch did not take the command."""

    attempt_id: str
    body: str
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    attempt_id: str
    there: bool


@dataclass(frozen=True, slots=True)
class Heard:
    event: Event


Told = Up | Down | Job | Exists | Heard


class Control:
    """One connection, from its first byte to its last. ``up`` between Up and Down."""

    def __init__(self, password: str, told: Callable[[Told], None]) -> None:
        self._password, self._told = password, told
        self._link = InboundLink()
        self._out: list[bytes] = []
        self._to_ask: deque[str] = deque()
        self.up = False

    @property
    def closed(self) -> bool:
        return self._link.state is State.CLOSED

    @property
    def room(self) -> int:
        """How many more originates it may be given now."""
        return max(0, MOST_WAITING - len(self._link.pending_tags)) if self.up else 0

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def originate(self, attempt_id: str, arguments: str) -> None:
        self._out.append(self._link.bgapi("originate", arguments, job_uuid=attempt_id))

    def exists(self, attempt_id: str) -> None:
        self._to_ask.append(attempt_id)
        self._ask()

    def _ask(self) -> None:
        while self._to_ask and len(self._link.pending_tags) < MOST_ASKED:
            attempt_id = self._to_ask.popleft()
            self._out.append(self._link.api("uuid_exists", attempt_id, tag=_EXISTS + attempt_id))

    def receive_data(self, data: bytes) -> None:
        for event in self._link.receive_data(data):
            self._on(event)
        if self.up:
            self._ask()

    def receive_eof(self, why: str = "the connection ended") -> None:
        for event in self._link.receive_eof():
            self._on(event, why)

    def _on(self, event: LinkEvent, why: str = "") -> None:
        match event:
            case AuthWanted():
                self._out.append(self._link.auth(self._password))
            case Ready():
                self._out.append(self._link.events(EVENTS))
            case Reply(tag="events"):
                if event.ok:
                    self.up = True
                    self._told(Up())
            case JobDone():
                self._told(Job(event.job_uuid, event.body.strip()))
            case Failed(reason="refused"):
                self._told(Job(event.tag, event.detail, sent=False))
            case ApiReply() if event.tag.startswith(_EXISTS):
                there = event.body.strip()
                if there in ("true", "false"):
                    self._told(Exists(event.tag.removeprefix(_EXISTS), there == "true"))
            case OtherEvent():
                self._told(Heard(event.event))
            case Lost() | Disconnected():
                self.up = False
                said = (
                    f"{event.reason} {event.detail}".strip() if isinstance(event, Lost) else "the switch said goodbye"
                )
                self._told(Down(why or said))
