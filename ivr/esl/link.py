"""One call's outbound-socket conversation: methods give the bytes to send, received bytes give LinkEvents.

Law: knows the order of a conversation and which reply, completion and hang-up is whose; never what the call is about,
what time it is, or how bytes travel. Send what a method returns before calling the next (FreeSWITCH answers in order).

    state       input                          → state       told
    NEW         connect()                      → CONNECTING
    CONNECTING  reply: full control            → UP          Connected
    CONNECTING  reply: anything else           → REFUSED     Refused
    UP          CHANNEL_HANGUP(_COMPLETE)      → DOWN        HungUp, Failed for all that waits
    UP          linger notice                  → DOWN        Lingering, Failed ...
    DOWN        CHANNEL_HANGUP(_COMPLETE)      → DOWN        HungUp, unless told already
    not CLOSED  disconnect notice              → CLOSED      Disconnected, Failed ...
    not CLOSED  end of stream, protocol error  → CLOSED      Lost, Failed ...

Commands belong to UP. Before it they are a bug (LinkError). After it they are empty bytes and nothing is registered:
FreeSWITCH would answer ``+OK`` and never run them, and the list that told of the hang-up may still be in the host's
hands, so that this is no bug. ``exit`` ends a DOWN or REFUSED conversation early.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from ivr.esl import commands
from ivr.esl.codec import ApiResponse, CommandReply, DisconnectNotice
from ivr.esl.conversation import (
    ApiReply,
    AuthWanted,
    Connected,
    Conversation,
    Disconnected,
    Dtmf,
    ExecuteDone,
    Failed,
    FailReason,
    HungUp,
    JobDone,
    Lingering,
    LinkError,
    LinkEvent,
    Lost,
    OtherEvent,
    Ready,
    Refused,
    Reply,
    _Pending,
)
from ivr.esl.event import Event

__all__ = [
    "CALL_EVENTS",
    "ApiReply",
    "AuthWanted",
    "Connected",
    "Disconnected",
    "Dtmf",
    "ExecuteDone",
    "Failed",
    "HungUp",
    "JobDone",
    "Lingering",
    "LinkError",
    "LinkEvent",
    "Lost",
    "OtherEvent",
    "OutboundLink",
    "Ready",
    "Refused",
    "Reply",
    "State",
]

CALL_EVENTS: Final = ("DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "PLAYBACK_STOP")
#: `Reply-Text: +OK`, and the `+OK` of an API command, as whole frames. What is longer is no plain +OK.
OK_BYTES: Final = 45
API_OK_BYTES: Final = 50
KEYS: Final = frozenset("0123456789ABCD*#")


class State(Enum):
    NEW = "new"
    CONNECTING = "connecting"
    UP = "up"
    REFUSED = "refused"
    DOWN = "down"
    CLOSED = "closed"


TRANSITIONS: Final = {
    (State.NEW, "connect"): State.CONNECTING,
    (State.CONNECTING, "full control"): State.UP,
    (State.CONNECTING, "no control"): State.REFUSED,
    (State.UP, "call over"): State.DOWN,
    (State.NEW, "end"): State.CLOSED,
    (State.CONNECTING, "end"): State.CLOSED,
    (State.UP, "end"): State.CLOSED,
    (State.REFUSED, "end"): State.CLOSED,
    (State.DOWN, "end"): State.CLOSED,
}


class OutboundLink(Conversation):
    """``uuid`` is "" until Connected. ``running`` is the event_uuid of the execute that has not completed, or ""."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.NEW
        self.uuid = ""
        self.running = ""
        self._app = ""
        self._used: set[str] = set()
        self._hung_up = False
        self._last_dtmf = ""

    # What to send

    def connect(self) -> bytes:
        if self.state is not State.NEW:
            raise LinkError(f"connect() in state {self.state.value}")
        self._move("connect")
        return self._send(commands.connect(), "connect")

    def handshake(
        self,
        *,
        linger_s: int = 10,
        events: Iterable[str] = CALL_EVENTS,
        subclasses: Iterable[str] = (),
        cancel_guard: bool = True,
    ) -> bytes:
        """Everything between Connected and the first step, for one write. Tags: linger, filter, events, guard."""
        if not self._may_send("handshake()"):
            return b""
        # All are built before the first is registered: a field that is refused leaves nothing waiting.
        parts = [
            (commands.linger(linger_s), "linger", False, 66 + len(str(linger_s))),
            (commands.filter("Unique-ID", self.uuid), "filter", False, 74 + len(self.uuid)),
            (commands.events("json", events, subclasses), "events", False, 73),
        ]
        if cancel_guard:
            parts.append((commands.sched_del(self.uuid), "guard", True, 62))
        return b"".join([self._send(command, tag, is_api, usual) for command, tag, is_api, usual in parts])

    def execute(self, application: str, argument: str = "", *, event_uuid: str, lock: bool = True) -> bytes:
        """Ends in ExecuteDone or Failed with this event_uuid, which must be new in the life of the call."""
        if not self._may_send("execute()"):
            return b""
        if self.running:
            raise LinkError(f"execute({application}) while {self._app} ({self.running}) runs")
        if event_uuid in self._used:
            raise LinkError(f"event_uuid {event_uuid} was used before")
        command = commands.execute(application, argument, event_uuid=event_uuid, lock=lock)
        data = self._send(command, event_uuid, usual_bytes=OK_BYTES)
        self._used.add(event_uuid)
        self.running, self._app = event_uuid, application
        return data

    def abandon(self, event_uuid: str) -> None:
        """Wait for it no more (the host's deadline has passed). Its completion, should it come, is an OtherEvent."""
        if self.running == event_uuid:
            self.running = self._app = ""

    def api(self, command: str, arguments: str = "", *, tag: str) -> bytes:
        if not self._may_send("api()"):
            return b""
        return self._send(commands.api(command, arguments), tag, is_api=True, usual_bytes=API_OK_BYTES)

    def ask(self, command: str, arguments: str, *, tag: str) -> bytes:
        """An API command whose answer is not `+OK`: however short, it is news."""
        return self._send(commands.api(command, arguments), tag, is_api=True) if self._may_send("ask()") else b""

    def send(self, command: bytes, tag: str) -> bytes:
        """Any other command of ivr.esl.commands that is answered by a command/reply."""
        return self._send(command, tag) if self._may_send("send()") else b""

    def stop_playback(self, tag: str = "break") -> bytes:
        return (
            self._send(commands.uuid_break(self.uuid), tag, is_api=True) if self._may_send("stop_playback()") else b""
        )

    def kill(self, cause: str = "NORMAL_CLEARING", tag: str = "kill") -> bytes:
        """Hang up at once, whatever plays."""
        if not self._may_send("kill()"):
            return b""
        return self._send(commands.uuid_kill(self.uuid, cause), tag, is_api=True, usual_bytes=API_OK_BYTES)

    def hangup(self, cause: str = "NORMAL_CLEARING", tag: str = "hangup") -> bytes:
        """For a REFUSED call: works without full control. Otherwise ``kill`` is quicker."""
        if self.state is not State.REFUSED and not self._may_send("hangup()"):
            return b""
        return self._send(commands.hangup(cause), tag)

    def exit(self) -> bytes:
        if self.state not in (State.REFUSED, State.DOWN) and not self._may_send("exit()"):
            return b""
        return self._send(commands.exit(), "exit")

    # What was received

    def _on_reply(self, pending: _Pending, message: CommandReply | ApiResponse) -> None:
        if self.state is State.CONNECTING:
            self._on_connect(message)
            return
        super()._on_reply(pending, message)
        told = self._out[-1]
        if isinstance(told, Reply) and not told.ok and pending.tag == self.running:
            self.running = self._app = ""
            self._out.append(Failed(pending.tag, "refused", told.text))

    def _on_connect(self, message: CommandReply | ApiResponse) -> None:
        if not isinstance(message, CommandReply) or not message.is_connect or not _usable(message.fields):
            text = message.text if isinstance(message, CommandReply) else message.body
            self._refuse("no-channel", f"the reply to connect holds no channel: {text[:80]!r}")
            return
        self.uuid = message.fields.get("Unique-ID", "")
        control = message.fields.get("Control", "")
        if control != "full":
            self._refuse("no-control", f"Control: {control!r}; the dialplan's socket action must say 'async full'")
            return
        self._move("full control")
        self._out.append(Connected(self.uuid, message.fields))

    def _refuse(self, reason: str, detail: str) -> None:
        self._move("no control")
        self._out.append(Refused(reason, detail))

    def _on_event(self, event: Event) -> None:
        mine = event.get("Unique-ID") == self.uuid or event.get("Job-Owner-UUID") == self.uuid
        if not self.uuid or not mine:
            self.foreign_events += 1
            return
        name = event.name
        if name == "CHANNEL_EXECUTE_COMPLETE" and self._completes(event):
            done = ExecuteDone(self.running, self._app, event.get("Application-Response", ""), event)
            self.running = self._app = ""
            self._out.append(done)
        elif name == "DTMF":
            self._on_dtmf(event)
        elif name in ("CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE") and not self._hung_up:
            self._hung_up = True
            self._call_over(HungUp(event.get("Hangup-Cause", ""), event))
        else:
            self._out.append(OtherEvent(event))

    def _completes(self, event: Event) -> bool:
        # The id alone can stick to the next application (switch_core_session.c:2855), the name alone is anyone's.
        return (
            self.running != ""
            and event.get("Application-UUID") == self.running
            and event.get("Application") == self._app
        )

    def _on_dtmf(self, event: Event) -> None:
        digit, sequence = event.get("DTMF-Digit", ""), event.get("Event-Sequence", "")
        if digit not in KEYS or (sequence and sequence == self._last_dtmf):
            return  # w W f F are flash and pauses, no keys; the same event twice is one key
        self._last_dtmf = sequence
        self._out.append(Dtmf(digit, event))

    def _on_auth_request(self) -> None:
        self._lose("protocol", "this is FreeSWITCH's control socket, not a call")

    def _on_notice(self, notice: DisconnectNotice) -> None:
        if notice.disposition == "linger" or notice.truncated:
            self._call_over(Lingering(notice.linger_s))
        else:
            super()._on_notice(notice)

    def _call_over(self, told: HungUp | Lingering) -> None:
        self._out.append(told)
        if self.state is State.UP:
            self._move("call over")
            self._fail_all("hangup")

    def _close(self) -> None:
        super()._close()
        self._move("end")

    def _fail_all(self, reason: FailReason, detail: str = "") -> None:
        tags = [*self.pending_tags, *([self.running] if self.running else [])]
        self.running = self._app = ""
        self._fail(tags, reason, detail)

    def _move(self, by: str) -> None:
        self.state = TRANSITIONS[self.state, by]

    def _may_send(self, what: str) -> bool:
        if self.state in (State.NEW, State.CONNECTING):
            raise LinkError(f"{what} before Connected")
        return self.state is State.UP


def _usable(channel: Event) -> bool:
    """The channel has an id that can be named in a command."""
    try:
        commands.sched_del(channel.get("Unique-ID", ""))
    except commands.CommandError:
        return False
    return True
