"""The event socket of one call: commands in; replies and the events that were asked for out.

Law: knows the protocol's commands and texts; what happens on the line is the session's business, what happens to
bytes on their way is the outlet's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ivr.hosts.switch import api
from ivr.hosts.switch.channel import Channel, Value, raw
from ivr.hosts.switch.faults import Faults, Outlet
from ivr.hosts.switch.session import Session
from ivr.hosts.switch.wire import BadLength, Command, CommandReader

#: The application has this long to say ``connect``.
CONNECT_LIMIT_MS = 25_000
#: Closing sooner after the reply to ``connect`` than this parks the caller for ever.
TRAP_MS = 2


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


MY_EVENTS = _set(
    "CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CREATE CHANNEL_DATA CHANNEL_DESTROY CHANNEL_EXECUTE "
    "CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_OUTGOING "
    "CHANNEL_PARK CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_STATE CHANNEL_UNBRIDGE CHANNEL_UNPARK "
    "DETECTED_SPEECH DTMF NOTALK TALK"
)
EVENTS = MY_EVENTS | _set(
    "ALL API BACKGROUND_JOB CALL_UPDATE CHANNEL_CALLSTATE CUSTOM DETECTED_TONE HEARTBEAT MEDIA_BUG_START "
    "MEDIA_BUG_STOP MESSAGE PLAYBACK_START PLAYBACK_STOP PRIVATE_COMMAND RECORD_START RECORD_STOP"
)
#: All that works without ``full``.
WITHOUT_FULL = _set("exit filter resume connect getvar myevents divert_events sendmsg")
GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
#: A reply is cut to what its buffer holds.
MOST_REPLY = 511


class Listener:
    def __init__(self, channel: Channel, outlet: Outlet, faults: Faults) -> None:
        self._channel, self._outlet, self._faults = channel, outlet, faults
        self._reader = CommandReader()
        self._format = ""
        self._wanted: set[str] = set()
        self._all = False
        self._mine = False
        self._deaf = False
        self._filters: list[tuple[str, str]] = []
        self._linger_s: int | None = None
        self._told_linger = False
        self._held: list[tuple[bytes, str]] = []  # events that wait for the end of a command
        self.session: Session | None = None  # set by the switch once both exist
        self.connected_ms: int | None = None
        self.cues = 0  # events sent after which an application has something to do

    # -- events ----------------------------------------------------------------------------------------

    def tell(self, name: str, headers: Mapping[str, Value], command: Command | None, body: str = "") -> None:
        """Send an event, if it was asked for."""
        if not self._format or not (self._all or name in self._wanted):
            return
        extra = tuple(headers.items())
        before: tuple[tuple[str, Value], ...] = ()
        if command is not None:
            before = (("Command", command.head), *command.headers)
            if command.body:
                before = (*before, ("_body", command.body))
        if self._filters and not self._passes(name, (*before, *extra)):
            return
        now = self._now
        data = self._channel.event(self._format, name, now, extra, before, body)
        if self._reader.inside:
            self._held.append((data, name))
        else:
            self._outlet.put(data, now, name)
        if name in ("DTMF", "CHANNEL_EXECUTE_COMPLETE"):
            self.cues += 1

    def _passes(self, name: str, extra: tuple[tuple[str, Value], ...]) -> bool:
        passes = False
        for header, wanted in self._filters:
            if header.lower() == "event-name":
                value: str | None = name
            elif name == "BACKGROUND_JOB":
                value = next((str(v) for k, v in extra if k.lower() == header.lower()), None)
            else:
                value = self._channel.header(header, extra)
            if value is None:
                continue
            negative = wanted.startswith("-")
            pattern = wanted.lstrip("+-")
            if pattern.startswith("/"):
                hit = re.search(pattern.strip("/"), value) is not None
            else:
                hit = value.lower() == pattern.lower()
            if hit and negative:
                return False
            passes = passes or hit
        return passes

    # -- replies ---------------------------------------------------------------------------------------

    @property
    def _now(self) -> int:
        return self.session.now if self.session else 0

    def _put(self, data: bytes) -> None:
        self._outlet.put(data, self._now)

    def _reply(self, text: str, more: str = "") -> None:
        if text.startswith("~"):  # sent raw, without the empty line that would end it
            self._put(b"Content-Type: command/reply\n" + raw(text[1:]))
            return
        self._put(b"Content-Type: command/reply\nReply-Text: " + raw(text)[:MOST_REPLY] + b"\n" + raw(more) + b"\n")

    def _api_reply(self, text: str) -> None:
        body = raw(text)
        self._put(b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body))

    def _notice(self, disposition: str) -> None:
        head = f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {self._channel.uuid}\n"
        head += f"Content-Disposition: {disposition}\n"
        if disposition == "linger":
            seconds = -1 if self._linger_s == 0 else self._linger_s
            head += f"Channel-Name: {self._channel.channel_name}\nLinger-Time: {seconds}\nContent-Length: 0\n\n"
            self._put(raw(head))
        else:
            self._put(raw(head) + b"Content-Length: %d\n\n%b" % (len(GOODBYE), GOODBYE))

    def close(self, notice: bool = True) -> None:
        if notice:
            self._notice("disconnect")
        self._outlet.end(self._now)

    # -- the end of the call ---------------------------------------------------------------------------

    def hanging_up(self) -> None:
        if self._faults.notice_first:
            self.linger()

    def linger(self) -> None:
        """The notice that the channel is gone; the socket stays for as long as was asked."""
        if self._linger_s is None or self._told_linger or self.session is None:
            return
        self._told_linger = True
        self._notice("linger")
        if self._linger_s > 0:
            self.session.at(self._now + self._linger_s * 1000 + 500, self.close)

    def ended(self) -> None:
        if self._linger_s is None:
            self.close()
        else:
            self.linger()

    # -- commands --------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        try:
            commands = self._reader.feed(data)
        except BadLength:
            self.close()
            return
        for command in commands:
            self._command(command)
        if self._held and not self._reader.inside:
            for event, name in self._held:
                self._outlet.put(event, self._now, name)
            self._held.clear()

    def _command(self, command: Command) -> None:
        word = command.word
        session = self.session
        assert session is not None
        if self.connected_ms is None:
            if word != "connect":
                self.close()
                return
            self.connected_ms = self._now
            session.fate = "in control"
            self._put(self._channel.connect_reply(self._now, self._faults.full))
            session.at(self._now + 5, lambda: self.tell("CHANNEL_PARK", {}, None))
            return
        if not self._faults.full and word not in WITHOUT_FULL:
            self._reply("-ERR command not found")
            return
        if "mod_event_socket" in command.head and re.search(r"\b(un|re)load\b", command.head):
            self._api_reply(f"+OK Job-UUID: {session.new_uuid()}\n")
            return
        handler = _COMMANDS.get(word)
        if handler is None:
            self._reply("-ERR command not found")
        else:
            handler(self, session, command)

    def _connect(self, session: Session, command: Command) -> None:
        self._put(self._channel.connect_reply(self._now, self._faults.full))

    def _linger(self, session: Session, command: Command) -> None:
        self._linger_s = int(command.rest) if command.rest.isdecimal() else 0
        self._reply(f"+OK will linger {self._linger_s} seconds" if self._linger_s else "+OK will linger")

    def _nolinger(self, session: Session, command: Command) -> None:
        self._linger_s = None
        self._reply("+OK will not linger")

    def _event(self, session: Session, command: Command) -> None:
        words = command.rest.replace(",", " ").split()
        fmt = "plain"
        if words and words[0].lower() in ("plain", "json", "xml"):
            fmt = "json" if words.pop(0).lower() == "json" else "plain"
        if "CUSTOM" in (upper := [w.upper() for w in words]):
            upper = upper[: upper.index("CUSTOM") + 1]
        known = [w for w in upper if w in EVENTS]
        if not known:
            self._reply("-ERR no keywords supplied")
            return
        self._format = fmt
        self._all = self._all or "ALL" in known
        self._wanted |= set(known)
        self._reply(f"+OK event listener enabled {fmt}")

    def _nixevent(self, session: Session, command: Command) -> None:
        gone = {w.upper() for w in command.rest.split()} & EVENTS
        if not gone:
            self._reply("-ERR no keywords supplied")
            return
        self._wanted -= gone
        self._reply("+OK events nixed")

    def _noevents(self, session: Session, command: Command) -> None:
        self._wanted.clear()
        self._all, self._deaf = False, True
        self._reply("+OK no longer listening for events")

    def _myevents(self, session: Session, command: Command) -> None:
        if self._mine or self._deaf:
            self._reply("-ERR aready enabled.")
            return
        self._mine = True
        self._format = "json" if "json" in command.rest else "plain"
        self._wanted |= MY_EVENTS
        self._reply("+OK Events Enabled")

    def _filter(self, session: Session, command: Command) -> None:
        words = command.rest.split(" ", 2)
        if words[0] == "delete":
            name, value = (*words[1:], "", "")[:2]
            self._filters = [(n, v) for n, v in self._filters if n != name or (value and v != value)]
            self._reply(f"+OK filter deleted. [{name}][{value}]")
        elif len(words) < 2:
            self._reply("-ERR invalid syntax")
        else:
            name, value = words[0], " ".join(words[1:])
            self._filters.append((name, value))
            self._reply(f"+OK filter added. [{name}]=[{value}]")

    def _divert(self, session: Session, command: Command) -> None:
        self._reply("+OK events diverted" if command.rest == "on" else "+OK events not diverted")

    def _getvar(self, session: Session, command: Command) -> None:
        self._reply(session.get(command.rest) or "-ERR command not found")

    def _resume(self, session: Session, command: Command) -> None:
        self._reply("+OK")

    def _exit(self, session: Session, command: Command) -> None:
        self._reply("+OK bye")
        self.close()
        if session.fate == "in control":
            session.abandoned()

    def _sendmsg(self, session: Session, command: Command) -> None:
        if command.rest and command.rest != self._channel.uuid:
            self._reply(f"-ERR invalid session id [{command.rest}]")
        elif session.queue(command):
            self._reply("+OK")
        else:
            self.close(notice=False)

    # -- api -------------------------------------------------------------------------------------------

    def _api(self, session: Session, command: Command) -> None:
        text, after = api.run(session, command.rest)
        self._api_reply(text)
        after()
        if session.cause:
            self.linger()

    def _bgapi(self, session: Session, command: Command) -> None:
        job = command.get("Job-UUID") or session.new_uuid()
        self._reply(f"+OK Job-UUID: {job}", f"Job-UUID: {job}\n")
        text, after = api.run(session, command.rest)
        name, _, arg = command.rest.partition(" ")
        headers: dict[str, Value] = {"Job-UUID": job, "Job-Owner-UUID": self._channel.uuid, "Job-Command": name}
        if arg:
            headers["Job-Command-Arg"] = arg
        after()
        self.tell("BACKGROUND_JOB", headers, None, text)


_COMMANDS: dict[str, Callable[[Listener, Session, Command], None]] = {
    "api": Listener._api,
    "bgapi": Listener._bgapi,
    "connect": Listener._connect,
    "divert_events": Listener._divert,
    "event": Listener._event,
    "exit": Listener._exit,
    "filter": Listener._filter,
    "getvar": Listener._getvar,
    "linger": Listener._linger,
    "myevents": Listener._myevents,
    "nixevent": Listener._nixevent,
    "noevents": Listener._noevents,
    "nolinger": Listener._nolinger,
    "resume": Listener._resume,
    "sendmsg": Listener._sendmsg,
}
