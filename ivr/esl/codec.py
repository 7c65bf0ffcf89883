"""The codec: bytes from FreeSWITCH → messages. It never looks at a clock or a socket.

Law: feed it what arrived with ``receive_data``; take messages with ``next_message`` until it says NEED_DATA; say
``receive_eof`` when the peer is gone, and the last message is one EndOfStream. However the bytes were cut, the messages
are the same. It knows frames (a head, a blank line, Content-Length bytes) and never what a message means for a call.

    state      input                                   → result                           next state
    HEAD       no blank line yet                       → NEED_DATA                        HEAD
    HEAD       blank line, no Content-Length           → the message                      HEAD
    HEAD       blank line, Content-Length: n           →                                  BODY
    BODY       fewer than n bytes                      → NEED_DATA                        BODY
    BODY       n bytes                                 → the message                      HEAD
    HEAD/BODY  receive_eof, no whole frame left        → EndOfStream(unread bytes)        ENDED (NEED_DATA for ever)
    HEAD/BODY  a bad Content-Length, or over a cap     → raises ProtocolError             FAILED (raises it again)

After a ProtocolError the place of the next frame is unknown: close the connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ivr.esl.event import Event, JsonEvent, PlainEvent

MAX_HEAD_BYTES: Final = 256 * 1024  # a connect reply is 8 kB; URL-encoding triples what a 64 kB INVITE can carry
MAX_BODY_BYTES: Final = 16 * 1024 * 1024  # what FreeSWITCH itself accepts (mod_event_socket.c:38)
MAX_UNREAD_BYTES: Final = 1024 * 1024  # besides the frame being read: what one read may add

NEED_DATA: Final = None


class ProtocolError(Exception):
    """The bytes are not the event socket protocol. The connection must be closed."""


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """The greeting of the control socket: it wants ``auth``."""


@dataclass(slots=True, init=False)
class CommandReply:
    """The answer to a command. ``fields`` is the reply's own head; for ``connect`` it is the whole channel."""

    text: str
    fields: PlainEvent

    def __init__(self, text: str, fields: PlainEvent) -> None:
        self.text = text
        self.fields = fields

    @property
    def ok(self) -> bool:
        return not self.text.startswith("-")

    @property
    def is_connect(self) -> bool:
        return self.fields.name == "CHANNEL_DATA"


@dataclass(slots=True, init=False)
class ApiResponse:
    body: str

    def __init__(self, body: str) -> None:
        self.body = body

    @property
    def ok(self) -> bool:
        return not self.body.startswith(("-ERR", "-USAGE"))


@dataclass(frozen=True, slots=True)
class DisconnectNotice:
    """``disposition``: linger (events go on for ``linger_s``) | disconnect | "" (control socket)."""

    disposition: str
    uuid: str = ""
    linger_s: int | None = None
    truncated: bool = False
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RudeRejection:
    """The switch's access list refuses this address."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame of another kind (``log/data``, XML events): framed rightly, and nothing we asked for."""

    content_type: str
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """The peer is gone. ``unread_bytes`` of a cut frame are lost; 0 is a clean end."""

    unread_bytes: int


Message = Event | CommandReply | ApiResponse | DisconnectNotice | AuthRequest | RudeRejection | Unknown | EndOfStream

# Nine frames in ten are events, whose heads FreeSWITCH writes in exactly one way (mod_event_socket.c:1449); nearly all
# others are replies of one line, and most of these say +OK. Those two are compared as they are: a pattern's machinery
# is cold when a call wakes up, and costs more than all else here. Whatever looks different is read with care, in
# _read_head.
_USUAL: Final = re.compile(
    rb"Content-Type: api/response\nContent-Length: ([0-9]{1,8})\n\n"
    rb"|Content-Type: command/reply\nReply-Text: ([+\-][ -~]{0,200})\n\n"
)
_LENGTH_HEAD: Final = b"Content-Length: "
_JSON_HEAD: Final = b"\nContent-Type: text/event-json\n\n"
_PLAIN_HEAD: Final = b"\nContent-Type: text/event-plain\n\n"
_OK: Final = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
_LENGTH: Final = re.compile(rb"[0-9]{1,10}")
# A linger notice is built in 512 bytes (mod_event_socket.c, disco_buf): with a long channel name, which a caller can
# choose, it is cut there, its blank line is lost, and the next frame starts in the middle of a line. Only the place is
# sure; any pattern to look for could be put into the name.
_NOTICE: Final = b"Content-Type: text/disconnect-notice\n"
_NOTICE_CUT_AT: Final = 511
_NEXT_FRAME: Final = b"Content-"


#: One object for all: nothing of it ever changes.
_PLAIN_OK: Final = CommandReply("+OK", PlainEvent(b"\n" + _OK[:-2], encoded=False))

#: What a frame whose head was read is, as far as its head said so.
_ANY: Final = 0
_PLAIN: Final = 1
_JSON: Final = 2
_API: Final = 3
_REPLY: Final = 4


class Decoder:
    """One direction of one connection. ``dropped_lines`` counts head lines that are no header."""

    def __init__(self, *, max_head: int = MAX_HEAD_BYTES, max_body: int = MAX_BODY_BYTES) -> None:
        self._max_head = max_head
        self._max_body = max_body
        self._max_buffered = max_head + max_body + MAX_UNREAD_BYTES
        # What was received and not read starts at _at. A read that holds whole frames is kept as it came (bytes);
        # only a frame that is cut is put together (bytearray).
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._scanned = 0  # up to here the buffer was searched for a blank line: a byte at a time stays linear
        self._body_start = 0  # of the frame whose head is complete; 0 is state HEAD
        self._frame_end = 0
        self._kind = _ANY
        self._reply_text = ""
        self._eof = False
        self._ended = False
        self._error: ProtocolError | None = None
        self.dropped_lines = 0

    @property
    def buffered_bytes(self) -> int:
        return len(self._buffer) - self._at

    def receive_data(self, data: bytes) -> None:
        if self._error is not None:
            raise self._error
        if self._eof:
            raise self._fail("data after the end of the stream")
        unread = len(self._buffer) - self._at
        if unread + len(data) > self._max_buffered:
            raise self._fail(f"more than {self._max_buffered} unread bytes; take messages after each read")
        if unread == 0:
            self._buffer = data
            self._at = self._scanned = 0
            return
        if isinstance(self._buffer, bytes):
            self._drop_read(bytearray(self._buffer[self._at :]))
        elif self._at:
            del self._buffer[: self._at]
            self._drop_read(self._buffer)
        self._buffer += data

    def _drop_read(self, rest: bytearray) -> None:
        """``rest`` is what begins at _at: every place moves to the front by as much."""
        moved, self._buffer, self._at = self._at, rest, 0
        self._scanned = max(0, self._scanned - moved)
        if self._frame_end:
            self._body_start -= moved
            self._frame_end -= moved

    def receive_eof(self) -> None:
        self._eof = True

    def next_message(self) -> Message | None:
        if self._error is not None:
            raise self._error
        buffer = self._buffer
        end = self._frame_end
        if end == 0:
            if self._at == len(buffer):
                return self._at_end()
            if not (isinstance(buffer, bytes) and self._begin_event(buffer)):
                if isinstance(buffer, bytes) and buffer[self._at : self._at + len(_OK)] == _OK:
                    self._at += len(_OK)
                    self._scanned = self._at
                    return _PLAIN_OK
                match = _USUAL.match(buffer, self._at)
                if match is not None and match.end() - self._at <= self._max_head:
                    self._begin_usual(match)
                elif not self._read_head():
                    return self._at_end()
            end = self._frame_end
        if len(buffer) < end:
            return self._at_end()
        message: Message
        start, kind = self._body_start, self._kind
        if kind == _JSON:
            if isinstance(buffer, bytes):
                message = JsonEvent(buffer, start, end)
            else:
                message = JsonEvent(bytes(buffer[start:end]))
        elif kind == _PLAIN:  # it wants the newline before its first line
            message = PlainEvent(bytes(buffer[start - 1 : end]))
        elif kind == _REPLY:
            message = CommandReply(self._reply_text, PlainEvent(b"\n" + bytes(buffer[self._at : start - 2]), False))
        elif kind == _API:
            message = ApiResponse(bytes(buffer[start:end]).decode("utf-8", "replace"))
        else:
            message = self._message(start, end)
        self._at = self._scanned = end
        self._frame_end = 0
        self._kind = _ANY
        return message

    def _begin_event(self, buffer: bytes) -> bool:
        """The head of an event, if that is what comes."""
        at = self._at
        place = at + len(_LENGTH_HEAD)
        if buffer[at:place] != _LENGTH_HEAD:
            return False
        length, most = 0, min(len(buffer), place + 8)
        first = place
        while place < most:
            digit = buffer[place] - 48
            if not 0 <= digit <= 9:
                break
            length = length * 10 + digit
            place += 1
        kind, start = _JSON, place + len(_JSON_HEAD)
        if buffer[place:start] != _JSON_HEAD:
            kind, start = _PLAIN, place + len(_PLAIN_HEAD)
            if buffer[place:start] != _PLAIN_HEAD:
                return False
        if place == first or start - at > self._max_head:
            return False
        self._kind = kind
        self._begin_body(start, length)
        return True

    def _begin_usual(self, match: re.Match[bytes]) -> None:
        if match.lastindex == 2:
            self._kind, self._reply_text = _REPLY, match[2].decode("ascii")
            self._begin_body(match.end(), 0)
        else:
            self._kind = _API
            self._begin_body(match.end(), int(match[1]))

    def _read_head(self) -> bool:
        """Find the blank line. True when a frame's extent is known."""
        buffer = self._buffer
        while buffer[self._at : self._at + 1] == b"\n":
            self._at += 1
        at = self._at
        if (
            buffer.startswith(_NEXT_FRAME, at + _NOTICE_CUT_AT)
            and buffer.startswith(_NOTICE, at)
            and buffer.find(b"\n\n", at, at + _NOTICE_CUT_AT) < 0
        ):
            self._body_start = self._frame_end = at + _NOTICE_CUT_AT
            return True
        end = buffer.find(b"\n\n", max(at, self._scanned))
        if end - at > self._max_head or (end < 0 and len(buffer) - at > self._max_head):
            raise self._fail(f"a head of more than {self._max_head} bytes")
        if end < 0:
            self._scanned = max(at, len(buffer) - 1)
            return False
        head = bytes(buffer[at:end])
        length = _outer(head, b"Content-Length")
        if length is None:
            self._begin_body(end + 2, 0)
        elif _LENGTH.fullmatch(length):
            self._begin_body(end + 2, int(length))
        else:
            raise self._fail(f"Content-Length {length[:40]!r} is not a number of bytes")
        return True

    def _begin_body(self, start: int, length: int) -> None:
        if length > self._max_body:
            raise self._fail(f"a body of {length} bytes; the limit is {self._max_body}")
        self._body_start = start
        self._frame_end = start + length

    def _message(self, start: int, end: int) -> Message:
        buffer = self._buffer
        truncated = buffer[start - 2 : start] != b"\n\n"
        head = bytes(buffer[self._at : start]) if truncated else bytes(buffer[self._at : start - 2])
        if head.count(b": ") <= head.count(b"\n"):  # fewer than there are lines: some line has none
            self.dropped_lines += sum(b": " not in line for line in head.split(b"\n"))
        return _build(head, bytes(buffer[start - 1 : end]), truncated)

    def _consume(self, end: int) -> None:
        self._at = self._scanned = end
        self._body_start = self._frame_end = 0
        self._kind = _ANY

    def _at_end(self) -> EndOfStream | None:
        if self._at == len(self._buffer):  # all read: a call that waits keeps no bytes
            self._buffer, self._at, self._scanned = b"", 0, 0
        if not self._eof or self._ended:
            return NEED_DATA
        self._ended = True
        unread = self.buffered_bytes
        self._consume(len(self._buffer))
        return EndOfStream(unread)

    def _fail(self, what: str) -> ProtocolError:
        self._error = ProtocolError(what)
        self._buffer, self._at = b"", 0
        return self._error


def _build(head: bytes, newline_and_body: bytes, truncated: bool) -> Message:
    body = newline_and_body[1:]
    kind = (_outer(head, b"Content-Type") or b"").decode("utf-8", "replace")
    if kind == "command/reply" or (not kind and (head.startswith(b"Event-Name: ") or _outer(head, b"Reply-Text"))):
        fields = PlainEvent(b"\n" + head, encoded=head.startswith(b"Event-Name: "))
        return CommandReply(fields.get("Reply-Text", "").strip("\n"), fields)
    if kind == "api/response":
        return ApiResponse(body.decode("utf-8", "replace"))
    if kind == "text/event-json":
        return JsonEvent(body)
    if kind == "text/event-plain":
        return PlainEvent(newline_and_body)
    if kind == "text/disconnect-notice":
        linger = _outer(head, b"Linger-Time") or b""
        return DisconnectNotice(
            (_outer(head, b"Content-Disposition") or b"").decode("utf-8", "replace"),
            (_outer(head, b"Controlled-Session-UUID") or b"").decode("utf-8", "replace"),
            int(linger) if _LENGTH.fullmatch(linger) else None,
            truncated,
            body.decode("utf-8", "replace"),
        )
    if kind == "auth/request":
        return AuthRequest()
    if kind == "text/rude-rejection":
        return RudeRejection(body.decode("utf-8", "replace").strip())
    return Unknown(kind, head, body)


def _outer(head: bytes, name: bytes) -> bytes | None:
    """A header of the frame itself: never URL-encoded, the first one wins."""
    if head.startswith(name + b": "):
        start = 0
    else:
        start = head.find(b"\n" + name + b": ") + 1
        if start == 0:
            return None
    start += len(name) + 2
    end = head.find(b"\n", start)
    return head[start:] if end < 0 else head[start:end]
