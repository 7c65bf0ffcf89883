"""What both kinds of link share: the things that can happen on one, and the queue of commands that wait.

Law: FreeSWITCH answers each command exactly once and in order, so replies are matched first in, first out, and by
nothing else. Whatever waits when the conversation ends fails exactly once. No clock: a reply that never comes is the
host's deadline to notice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from ivr.esl.codec import (
    ApiResponse,
    AuthRequest,
    CommandReply,
    Decoder,
    DisconnectNotice,
    EndOfStream,
    Message,
    ProtocolError,
    RudeRejection,
)
from ivr.esl.event import Event

MAX_PENDING: Final = 32  # FreeSWITCH closes a socket with 256 queued; more than a handful of ours is a bug

LostReason = Literal["eof", "protocol", "wrong-password", "rude-rejection"]
FailReason = Literal["hangup", "disconnected", "lost", "refused"]


class LinkError(Exception):
    """The host used a link wrongly. A bug, never something a caller or a switch can cause."""


@dataclass(frozen=True, slots=True)
class Connected:
    """We are in control of the call. ``channel`` holds all its headers."""

    uuid: str
    channel: Event


@dataclass(frozen=True, slots=True)
class Refused:
    """The socket is there but of no use: ``link.hangup()``, ``link.exit()``, close. Reason: no-channel | no-control."""

    reason: str
    detail: str


@dataclass(slots=True, init=False)
class Reply:
    """The answer to the command with this tag. ``+OK`` to an execute means accepted, not done."""

    tag: str
    text: str
    ok: bool

    def __init__(self, tag: str, text: str, ok: bool) -> None:
        self.tag = tag
        self.text = text
        self.ok = ok


@dataclass(slots=True, init=False)
class ApiReply:
    tag: str
    body: str
    ok: bool

    def __init__(self, tag: str, body: str, ok: bool) -> None:
        self.tag = tag
        self.body = body
        self.ok = ok


@dataclass(slots=True, init=False)
class ExecuteDone:
    """The application ended. ``response``: FILE PLAYED | FILE NOT FOUND | PLAYBACK ERROR | _none_ | ..."""

    event_uuid: str
    app: str
    response: str
    event: Event = field(repr=False)

    def __init__(self, event_uuid: str, app: str, response: str, event: Event) -> None:
        self.event_uuid = event_uuid
        self.app = app
        self.response = response
        self.event = event


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing more will come for this tag (an execute's is its event_uuid). Told once per tag, after its cause."""

    tag: str
    reason: FailReason
    detail: str = ""


@dataclass(slots=True, init=False)
class Dtmf:
    """One key of ``0-9 A-D * #``.

    ``source``: RTP | INBAND_AUDIO | ENDPOINT | APP | UNKNOWN. A key that came by two of them within moments was pressed
    once; to tell needs a clock, so the host does.
    """

    digit: str
    event: Event = field(repr=False)

    def __init__(self, digit: str, event: Event) -> None:
        self.digit = digit
        self.event = event

    @property
    def duration_samples(self) -> int:
        """Of 8 kHz; 0 when the switch does not say."""
        text = self.event.get("DTMF-Duration", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    @property
    def source(self) -> str:
        return self.event.get("DTMF-Source", "")


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over; told once. Its details may follow as an OtherEvent CHANNEL_HANGUP_COMPLETE."""

    cause: str
    event: Event = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lingering:
    """The call is over (HungUp may come before or after), and the last events come for ``seconds``."""

    seconds: int | None


@dataclass(frozen=True, slots=True)
class Disconnected:
    """FreeSWITCH said goodbye. Nothing follows."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is of no more use: close it. Nothing but Failed follows."""

    reason: LostReason
    detail: str


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of this call that the link has no opinion on, late completions among them."""

    event: Event


@dataclass(frozen=True, slots=True)
class AuthWanted:
    """Send ``link.auth(password)`` now."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The password was right."""


@dataclass(frozen=True, slots=True)
class JobDone:
    """A ``bgapi`` ended. ``body``: ``+OK <uuid>`` | ``-ERR CAUSE`` | any text."""

    job_uuid: str
    body: str
    ok: bool
    event: Event = field(repr=False)


LinkEvent = (
    Connected
    | Refused
    | Reply
    | ApiReply
    | ExecuteDone
    | Failed
    | Dtmf
    | HungUp
    | Lingering
    | Disconnected
    | Lost
    | OtherEvent
    | AuthWanted
    | Ready
    | JobDone
)


@dataclass(slots=True)
class _Pending:
    tag: str
    is_api: bool
    told: bool  # it failed already: its reply, should it come, is swallowed
    usual_bytes: int  # its reply when all is well; 0: any reply is news

    def __init__(self, tag: str, is_api: bool, usual_bytes: int) -> None:
        self.tag = tag
        self.is_api = is_api
        self.told = False
        self.usual_bytes = usual_bytes


class Conversation:
    """One connection. Subclasses say what a reply, an event, a notice mean; bytes go in, LinkEvents come out."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._pending: deque[_Pending] = deque()
        self._out: list[LinkEvent] = []
        self.closed = False
        self.foreign_events = 0  # of another call: dropped
        self.unknown_frames = 0

    def receive_data(self, data: bytes) -> list[LinkEvent]:
        """Everything that ``data`` completes, in order. Nothing once the link is closed."""
        return self._run(data)

    def receive_eof(self) -> list[LinkEvent]:
        return self._run(None)

    @property
    def pending_tags(self) -> tuple[str, ...]:
        return tuple(each.tag for each in self._pending if not each.told)

    @property
    def awaits_reply(self) -> bool:
        """Whether a reply is still to come that somebody waits for."""
        return any(not each.told for each in self._pending)

    @property
    def in_a_frame(self) -> bool:
        """Part of a message has come, and the rest has not."""
        return self._decoder.buffered_bytes > 0

    @property
    def quiet_bytes(self) -> int:
        """So many bytes can come and say nothing: replies that all is well. A refusal of the last one is longer."""
        quiet = 0
        for each in self._pending:
            if not each.usual_bytes:
                break
            quiet += each.usual_bytes
        return quiet

    @property
    def waits(self) -> bool:
        """Whether some reply is still to come."""
        return bool(self._pending)

    def _run(self, data: bytes | None) -> list[LinkEvent]:
        self._out = []
        if not self.closed:
            try:
                if data is None:
                    self._decoder.receive_eof()
                else:
                    self._decoder.receive_data(data)
                while not self.closed and (message := self._decoder.next_message()) is not None:
                    self._dispatch(message)
            except ProtocolError as error:
                self._lose("protocol", str(error))
        return self._out

    def _dispatch(self, message: Message) -> None:
        if isinstance(message, Event):
            self._on_event(message)
        elif isinstance(message, (CommandReply, ApiResponse)):
            if not self._pending:
                self._lose("protocol", "a reply that no command waits for")
                return
            pending = self._pending.popleft()
            if not pending.told:
                self._on_reply(pending, message)
        elif isinstance(message, DisconnectNotice):
            self._on_notice(message)
        elif isinstance(message, EndOfStream):
            self._lose("eof", f"{message.unread_bytes} bytes of a cut frame" if message.unread_bytes else "")
        elif isinstance(message, AuthRequest):
            self._on_auth_request()
        elif isinstance(message, RudeRejection):
            self._lose("rude-rejection", message.text)
        else:
            self.unknown_frames += 1

    def _on_reply(self, pending: _Pending, message: CommandReply | ApiResponse) -> None:
        text = message.text if isinstance(message, CommandReply) else message.body
        if pending.is_api:  # a refused api is answered by a command/reply
            self._out.append(ApiReply(pending.tag, text, message.ok))
        else:  # an api/response to what was no api: FreeSWITCH took the command for another one
            ok = message.ok and isinstance(message, CommandReply)
            self._out.append(Reply(pending.tag, text, ok))

    def _on_event(self, event: Event) -> None:
        raise NotImplementedError

    def _on_auth_request(self) -> None:
        raise NotImplementedError

    def _on_notice(self, notice: DisconnectNotice) -> None:
        self._close()
        self._out.append(Disconnected())
        self._fail_all("disconnected")

    def _lose(self, reason: LostReason, detail: str) -> None:
        self._close()
        self._out.append(Lost(reason, detail))
        self._fail_all("lost", reason)

    def _close(self) -> None:
        self.closed = True

    def _fail_all(self, reason: FailReason, detail: str = "") -> None:
        """Subclasses add what else waits."""
        self._fail(list(self.pending_tags), reason, detail)

    def _fail(self, tags: list[str], reason: FailReason, detail: str) -> None:
        for pending in self._pending:
            pending.told = True
        self._out.extend(Failed(tag, reason, detail) for tag in dict.fromkeys(tags))

    def _send(self, command: bytes, tag: str, is_api: bool = False, usual_bytes: int = 0) -> bytes:
        if len(self._pending) >= MAX_PENDING:
            raise LinkError(f"{MAX_PENDING} commands wait for their replies; {tag} is one too many")
        self._pending.append(_Pending(tag, is_api, usual_bytes))
        return command
