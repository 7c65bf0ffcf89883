"""One channel's headers, and events of them as the bytes FreeSWITCH sends.

Law: knows how an event is written (plain and JSON) and nothing about when one happens. Written for speed: what does
not change between two events of a call is encoded once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from ivr.hosts.switch import template

Value = str | list[str]
Pairs = Iterable[tuple[str, Value]]

#: 2026-11-22 07:24:41 GMT: virtual time has to begin somewhere.
EPOCH_MS = 1_795_332_281_376

#: FreeSWITCH leaves what already looks like %XX as it is, which is why its plain events are ambiguous.
_UNSAFE = re.compile(rb"%(?![0-9A-F]{2})|[\x00-\x20\x7f-\xff\"#&+:;<=>?@\[\\\]^`{|}]")

#: Events that come without the channel's variables.
_BARE = frozenset({"DTMF", "CHANNEL_STATE", "PRIVATE_COMMAND", "BACKGROUND_JOB"})
#: Events that are not about the channel at all.
_FOREIGN = frozenset({"BACKGROUND_JOB"})


def raw(text: str) -> bytes:
    """The bytes that were read as ``text``, whether they were UTF-8 or not."""
    return text.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=8192)
def quoted(text: str) -> bytes:
    """A value as it stands in a plain event."""
    if not text:
        return b"_undef_"
    return _UNSAFE.sub(lambda m: b"%%%02X" % m[0][0], raw(text))


@lru_cache(maxsize=8192)
def _plain_line(name: str, value: str) -> bytes:
    return raw(name) + b": " + quoted(value) + b"\n"


def plain(pairs: Pairs) -> bytes:
    lines = []
    for name, value in pairs:
        text = value if isinstance(value, str) else "ARRAY::" + "|:".join(value)
        lines.append(_plain_line(name, text))
    return b"".join(lines)


@lru_cache(maxsize=8192)
def _json_member(name: str, value: str) -> bytes:
    return raw(json.dumps(name, ensure_ascii=False) + ":" + json.dumps(value, ensure_ascii=False) + ",")


def members(pairs: Pairs) -> bytes:
    """JSON members, each with the comma after it."""
    out = []
    for name, value in pairs:
        if isinstance(value, str):
            out.append(_json_member(name, value))
        else:
            whole = json.dumps(name) + ":" + json.dumps(value, ensure_ascii=False, separators=(",", ":")) + ","
            out.append(raw(whole))
    return b"".join(out)


_CORE = {"plain": plain(template.CORE), "json": members(template.CORE)}
_ENCODE = {"plain": plain, "json": members}


@lru_cache(maxsize=64)
def _date(epoch_s: int) -> tuple[str, str]:
    when = datetime.fromtimestamp(epoch_s, UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S"), when.strftime("%a, %d %b %Y %H:%M:%S GMT")


@lru_cache(maxsize=256)
def _static_head(fmt: str, name: str, epoch_s: int) -> tuple[bytes, bytes]:
    local, gmt = _date(epoch_s)
    fired = template.FIRED_BY.get(name, ("switch_event.c", "switch_event_fire", "1"))
    encode = _ENCODE[fmt]
    head = encode([("Event-Name", name)]) + _CORE[fmt] + encode([("Event-Date-Local", local), ("Event-Date-GMT", gmt)])
    calling = ("Event-Calling-File", "Event-Calling-Function", "Event-Calling-Line-Number")
    return head, encode(zip(calling, fired, strict=True))


class Channel:
    """The state of one call's channel. Change ``variables`` through ``set``; other fields through ``change``."""

    def __init__(self, uuid: str, name: str, number: str, called: str, variables: Mapping[str, str], created_ms: int):
        self.uuid, self.created_ms = uuid, created_ms
        self.channel_name = f"sofia/internal/{number or 'anonymous'}@127.0.0.1:5090"
        self.facts = {"uuid": uuid, "number": number, "called": called, "name": name or number, "profile": "1"}
        self.facts["channel"] = self.channel_name
        self.state, self.state_number, self.call_state, self.answer_state = "CS_EXECUTE", "4", "RINGING", "ringing"
        self.cause = ""
        self.answered_ms: int | None = None
        self.hangup_ms: int | None = None
        self.other_leg: list[tuple[str, Value]] = []
        self.variables: dict[str, Value] = {}
        for key, value in template.VARIABLES:
            filled = [template.filled(v, self.facts) for v in ([value] if isinstance(value, str) else value)]
            self.variables[key] = filled[0] if isinstance(value, str) else filled
        self.variables |= variables
        self._sequence = 744
        self._cache: dict[tuple[str, str], bytes] = {}

    # -- state -----------------------------------------------------------------------------------------

    def get(self, name: str) -> str:
        value = self.variables.get(name, "")
        return value if isinstance(value, str) else value[0]

    def set(self, name: str, value: str | None) -> None:
        """As FreeSWITCH does: a variable set again moves to the end; None or "" unsets it."""
        self.variables.pop(name, None)
        if value:
            self.variables[name] = value
        self._cache.pop(("plain", "variables"), None)
        self._cache.pop(("json", "variables"), None)

    def true(self, name: str) -> bool:
        return self.get(name).lower() in {"true", "yes", "on", "t", "1", "enable", "enabled", "active", "allow"}

    def change(self, **fields: str | int) -> None:
        for name, value in fields.items():
            setattr(self, name, value)
        self._cache.clear()

    def transferred(self) -> None:
        """Another part of the dialplan has it: with a profile of its own, whose number every event tells."""
        self.facts["profile"] = str(int(self.facts["profile"]) + 1)
        self._cache.clear()

    # -- writing ---------------------------------------------------------------------------------------

    def _state_pairs(self) -> list[tuple[str, Value]]:
        return [
            ("Channel-State", self.state),
            ("Channel-Call-State", self.call_state),
            ("Channel-State-Number", self.state_number),
            ("Channel-Name", self.channel_name),
            ("Unique-ID", self.uuid),
            ("Call-Direction", "inbound"),
            ("Presence-Call-Direction", "inbound"),
            ("Channel-HIT-Dialplan", "true"),
            ("Channel-Call-UUID", self.uuid),
            ("Answer-State", self.answer_state),
            *([("Hangup-Cause", self.cause)] if self.cause else []),
            *template.CODEC,
        ]

    def profile(self, prefix: str) -> list[tuple[str, Value]]:
        times = {"created": self.created_ms, "answered": self.answered_ms, "hangup": self.hangup_ms}
        pairs: list[tuple[str, Value]] = [(prefix + n, template.filled(v, self.facts)) for n, v in template.PROFILE]
        pairs += [(prefix + n, str((times.get(t) or 0) * 1000)) for n, t in template.PROFILE_TIMES]
        return pairs + [(prefix + n, v) for n, v in template.PROFILE_FLAGS]

    def _block(self, fmt: str, part: str) -> bytes:
        found = self._cache.get((fmt, part))
        if found is None:
            if part == "variables":
                found = _ENCODE[fmt](("variable_" + n, v) for n, v in self.variables.items())
            else:
                found = _ENCODE[fmt](self._state_pairs() + self.profile("Caller-") + self.other_leg)
            self._cache[fmt, part] = found
        return found

    def _head(self, fmt: str, name: str, now_ms: int) -> bytes:
        self._sequence += 1
        epoch_ms = EPOCH_MS + now_ms
        head, calling = _static_head(fmt, name, epoch_ms // 1000)
        if fmt == "plain":
            stamp = b"Event-Date-Timestamp: %d\n" % (epoch_ms * 1000)
            return head + stamp + calling + b"Event-Sequence: %d\n" % self._sequence
        stamp = b'"Event-Date-Timestamp":"%d",' % (epoch_ms * 1000)
        return head + stamp + calling + b'"Event-Sequence":"%d",' % self._sequence

    def event(self, fmt: str, name: str, now_ms: int, extra: Pairs = (), before: Pairs = (), body: str = "") -> bytes:
        """One whole message: the event ``name``, with ``extra`` headers at its end and ``before`` at its beginning."""
        encode = _ENCODE[fmt]
        parts = [encode(before), self._head(fmt, name, now_ms)]
        if name == "CHANNEL_HANGUP_COMPLETE":  # it says its cause twice
            parts.append(encode([("Hangup-Cause", self.cause)]))
        if name not in _FOREIGN:
            parts.append(self._block(fmt, "channel"))
        if name not in _BARE:
            parts.append(self._block(fmt, "variables"))
        parts.append(encode(extra))
        if fmt == "plain":
            content = raw(body)
            parts.append(b"Content-Length: %d\n\n%b" % (len(content), content) if body else b"\n")
            text = b"".join(parts)
        else:
            if body:
                parts.append(members([("Content-Length", str(len(raw(body)))), ("_body", body)]))
            text = b"{" + b"".join(parts)[:-1] + b"}"
        return b"Content-Length: %d\nContent-Type: text/event-%b\n\n%b" % (len(text), fmt.encode(), text)

    def connect_reply(self, now_ms: int, full: bool) -> bytes:
        """The reply to ``connect``: one flat block, its Content-Type near the end."""
        return self.dump(now_ms, self.profile("Channel-")) + (
            b"Content-Type: command/reply\nReply-Text: %%2BOK%%0A\nSocket-Mode: async\nControl: %b\n\n"
            % (b"full" if full else b"single-channel")
        )

    def dump(self, now_ms: int, profile: Pairs = ()) -> bytes:
        """All that is known of the channel."""
        head = self._head("plain", "CHANNEL_DATA", now_ms) + plain(profile)
        return head + self._block("plain", "channel") + self._block("plain", "variables")

    def header(self, name: str, extra: Pairs) -> str | None:
        """A header of an event by name, as a filter sees it."""
        lower = name.lower()
        for key, value in (*extra, *self._state_pairs()):
            if key.lower() == lower:
                return value if isinstance(value, str) else value[0]
        if lower.startswith("variable_"):
            return self.get(name[9:]) or None
        return next((str(v) for k, v in self.profile("Caller-") if k.lower() == lower), None)


def local_stamp(now_ms: int) -> str:
    return _date((EPOCH_MS + now_ms) // 1000)[0]
