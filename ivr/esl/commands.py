"""Commands: what we say to FreeSWITCH → bytes, ready to be written with one send.

Law: pure functions, and the only place where bytes for the event socket are made. Every field refuses CR, LF and NUL:
a newline is a second command, a NUL cuts the text, a lone CR loses the command and still gets ``+OK``.

Text that may hold somebody's words is a plain ``str``, and is refused when it holds ``${``: FreeSWITCH would run it
(``${system ...}``), and ``set`` expands twice, so there is no escape to trust. An author's own expansion is marked
where it is written: ``Trusted("ring_${caller_id_number}")``. Joining a Trusted to anything gives a plain ``str`` again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ivr.esl.trusted import Trusted

MAX_FIELD_BYTES: Final = 64 * 1024

_APPLICATION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}", re.ASCII)
_EVENT_NAME: Final = re.compile(r"[A-Z][A-Z_]{0,63}", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,127}", re.ASCII)
_FORBIDDEN: Final = {"\r": "a carriage return", "\n": "a newline", "\0": "a NUL"}
_FORBIDDEN_CHARACTER: Final = re.compile("[\r\n\0]")


class CommandError(ValueError):
    """A field that must not be sent. ``field`` names it; the text says what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def connect() -> bytes:
    """The first command on an outbound socket; within 25 s, or FreeSWITCH gives up (mod_event_socket.c:2712)."""
    return b"connect\n\n"


def auth(password: str) -> bytes:
    return _packet("auth " + _text("password", password, expands=False))


@lru_cache(maxsize=64)
def linger(seconds: int) -> bytes:
    """Keep the socket for the events after a hang-up. Always with a number: without one the session stays locked."""
    if isinstance(seconds, bool) or not 1 <= seconds <= 3600:
        raise CommandError("linger", f"{seconds!r} is not between 1 and 3600 seconds")
    return _packet(f"linger {seconds}")


def events(format: str, names: Iterable[str], subclasses: Iterable[str] = ()) -> bytes:
    """Subscribe. ``format``: json | plain. ``subclasses`` are those of CUSTOM, such as ``callcenter::info``."""
    return _events(format, tuple(names), tuple(subclasses))


@lru_cache(maxsize=64)
def _events(format: str, names: tuple[str, ...], subclasses: tuple[str, ...]) -> bytes:
    if format not in ("json", "plain"):
        raise CommandError("event format", f"{format!r} is not json or plain")
    words = [_match("event name", name, _EVENT_NAME) for name in names]
    custom = [_match("event subclass", name, _TOKEN) for name in subclasses]
    if custom:  # what follows CUSTOM is taken as subclasses, so it stands last
        words = [*(word for word in words if word != "CUSTOM"), "CUSTOM", *custom]
    if not words:
        raise CommandError("event name", "none given")
    return _packet(f"event {format} {' '.join(words)}")


def noevents() -> bytes:
    """Be told of nothing more but the end."""
    return b"noevents\n\n"


def filter(header: str, value: str) -> bytes:
    """Only events whose ``header`` is ``value``. Send it before ``events``, or other calls' events slip in between."""
    _match("filter header", header, _HEADER)
    if header == "delete":
        raise CommandError("filter header", "'delete' would take a filter away")
    return _packet(f"filter {header} {_match('filter value', value, _TOKEN)}")


def api(command: str, arguments: str = "") -> bytes:
    """Run it now and wait. It blocks the whole socket: short commands only, else ``bgapi``."""
    return _packet(_api("api", command, arguments))


def bgapi(command: str, arguments: str, job_uuid: str) -> bytes:
    """Run it aside; the answer is the BACKGROUND_JOB event whose Job-UUID is ours."""
    return _packet(f"{_api('bgapi', command, arguments)}\nJob-UUID: {_match('job uuid', job_uuid, _TOKEN)}")


def execute(application: str, argument: str = "", *, event_uuid: str, lock: bool = True) -> bytes:
    """Run a dialplan application on the call; CHANNEL_EXECUTE_COMPLETE answers with Application-UUID = ``event_uuid``.

    The argument goes in a body: it is length-framed, and a packet's head that holds ``unload`` or ``reload`` with
    ``mod_event_socket`` is taken for another command (mod_event_socket.c:1737). ``lock`` queues behind what runs;
    without it the application runs inside the running one.
    """
    head = (
        "sendmsg\ncall-command: execute"
        f"\nexecute-app-name: {_match('application', application, _APPLICATION)}"
        f"\nEvent-UUID: {_match('event uuid', event_uuid, _TOKEN)}"
    )
    if lock:
        head += "\nevent-lock: true"
    body = _text("argument", argument, of=application).encode("utf-8")
    if not body:
        return _packet(head)
    return _packet(f"{head}\ncontent-type: text/plain\ncontent-length: {len(body)}") + body


def hangup(cause: str = "NORMAL_CLEARING") -> bytes:
    """Works without ``full`` too, but waits behind a locked execute (1.8 s seen): prefer ``uuid_kill``."""
    return _packet(f"sendmsg\ncall-command: hangup\nhangup-cause: {_match('cause', cause, _EVENT_NAME)}")


def uuid_kill(uuid: str, cause: str = "NORMAL_CLEARING") -> bytes:
    return api("uuid_kill", f"{_match('uuid', uuid, _TOKEN)} {_match('cause', cause, _EVENT_NAME)}")


def uuid_break(uuid: str) -> bytes:
    """Stop the playback that runs. Without ``all``: that would flush queued commands, whose completion never comes."""
    return api("uuid_break", _match("uuid", uuid, _TOKEN))


def sched_del(uuid: str) -> bytes:
    """Cancel what is scheduled for the call: the dialplan's guard against an application that never took over."""
    return api("sched_del", _match("uuid", uuid, _TOKEN))


def exit() -> bytes:
    return b"exit\n\n"


def check_argument(field: str, argument: str) -> str:
    """The guard of ``execute`` and ``api``, for who wants to know before sending: the argument itself, or CommandError.

    There is no escaping in it, on purpose: ``set`` expands twice, and an escaped ``${`` runs the second time.
    """
    return _text(field, argument)


def _api(verb: str, command: str, arguments: str) -> str:
    _match("command", command, _APPLICATION, of=verb)
    text = _text("arguments", arguments, of=f"{verb} {command}")
    return f"{verb} {command} {text}" if text else f"{verb} {command}"


def _packet(head: str) -> bytes:
    folded = head.lower()
    if "mod_event_socket" in folded and ("unload" in folded or "reload" in folded):
        verb = head.partition("\n")[0].partition(" ")[0]
        raise CommandError(verb, "unload or reload of mod_event_socket; FreeSWITCH takes that for another command")
    return head.encode("utf-8") + b"\n\n"


def _match(field: str, text: str, pattern: re.Pattern[str], of: str = "") -> str:
    # A uuid, which is most of what is asked about, is known at a glance.
    if (
        pattern is _TOKEN
        and len(text) <= 128
        and text.isascii()
        and text[:1] != "-"
        and text.replace("-", "").isalnum()
    ):
        return text
    _text(field, text, of=of)
    if not pattern.fullmatch(text):
        raise CommandError(_named(field, of), f"{text!r} does not fit {pattern.pattern}")
    return text


def _named(field: str, of: str) -> str:
    """What an error calls the field."""
    if not of:
        return field
    return f"{of} {field}" if field == "command" else f"{field} of {of}"


def _text(field: str, text: str, expands: bool = True, of: str = "") -> str:
    # Nearly every text is short, printable ASCII without a "$": nothing is wrong with it.
    if len(text) <= MAX_FIELD_BYTES and text.isascii() and text.isprintable() and "$" not in text:
        return text
    if found := _FORBIDDEN_CHARACTER.search(text):
        name = _FORBIDDEN[found[0]]
        raise CommandError(_named(field, of), f"holds {name} at character {found.start() + 1}; it must be one line")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise CommandError(_named(field, of), f"character {error.start + 1} is half of a surrogate pair") from None
    if size > MAX_FIELD_BYTES:
        raise CommandError(_named(field, of), f"{size} bytes; the limit is {MAX_FIELD_BYTES}")
    if expands and not isinstance(text, Trusted) and "${" in text:
        at = text.find("${")
        raise CommandError(
            _named(field, of), f"holds ${{ at character {at + 1}; FreeSWITCH would run it (Trusted if it is meant)"
        )
    return text
