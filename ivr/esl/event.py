"""Events: one block of headers as FreeSWITCH sent it, read only as far as someone asks.

Law: knows the two spellings of a header block (plain: ``Name: urlencoded``; JSON: one compact object) and nothing of
sockets, framing or calls. An event is about 6 kB and a call reads four of its headers, so the bytes are kept and
``get`` finds one header by a search; ``headers`` parses everything. Nothing here raises, whatever the bytes are.

Shared rules: lines are split before values are decoded (a caller's name can hold ``%0A``); of repeated names the first
wins (the last, for ``get`` of what FreeSWITCH adds at an event's end and never twice: ``_AT_END``); invalid UTF-8
becomes U+FFFD; ``_undef_`` (how a plain block spells an empty value) becomes ``""``; an array is its first item for
``get`` and a list in ``headers`` and ``get_list``.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final, overload
from urllib.parse import unquote_to_bytes

Value = str | list[str]

_SIMPLE_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]+", re.ASCII)
_REST_OF_STRING: Final = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)


#: What to search for, by name: names are ours, so there are few. Filled as they are asked for, up to a bound.
_PLAIN_NEEDLES: Final[dict[str, bytes]] = {}
_JSON_NEEDLES: Final[dict[str, bytes]] = {}
_MOST_NEEDLES: Final = 4096
#: What FreeSWITCH adds to a channel's event comes last: found at once from there, instead of behind 6 kB.
_AT_END: Final = frozenset(
    ("Application", "Application-Response", "Application-UUID", "DTMF-Digit", "DTMF-Duration", "DTMF-Source")
)
# Bytes, as a compiler likes them: { , " \\
_BRACE: Final = 123
_COMMA: Final = 44
_QUOTE: Final = 34
_BACKSLASH: Final = 92
_LAST_ASCII: Final = 127
#: How values begin that are not what they seem in a plain block.
_ODD: Final = (b"ARRAY::", b"_undef_")


def _plain_needle(name: str) -> bytes | None:
    """The bytes a header starts with; None for a name too odd to search for (it is looked up after a full parse)."""
    return _needle(_PLAIN_NEEDLES, name, f"\n{name}: ")


def _json_needle(name: str) -> bytes | None:
    return _needle(_JSON_NEEDLES, name, f'"{name}":')


def _needle(known: dict[str, bytes], name: str, text: str) -> bytes | None:
    if not _SIMPLE_NAME.fullmatch(name):
        return None
    needle = text.encode("ascii")
    if len(known) < _MOST_NEEDLES:
        known[name] = needle
    return needle


class Event:
    """What both spellings share. ``raw`` are the bytes of the block itself."""

    __slots__ = ("_block", "_parsed", "dropped_lines")

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._parsed: dict[str, Value] | None = None
        self.dropped_lines = 0  # lines without ``: ``, known once ``headers`` was read

    @property
    def raw(self) -> bytes:
        return self._block

    @property
    def name(self) -> str:
        return self.get("Event-Name", "")

    @property
    def body(self) -> str:
        """The text that some events carry besides headers (BACKGROUND_JOB: the result of the job)."""
        return self.get("_body", "")

    @property
    def headers(self) -> dict[str, Value]:
        """Every header. Names are exact, as ``get`` takes them."""
        if self._parsed is None:
            self._parsed = self._parse()
        return self._parsed

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """One header's text, or ``default`` when it is not there."""
        raise NotImplementedError

    def get_list(self, name: str) -> list[str]:
        """All values of an array header; one for a plain header, none when it is not there."""
        found = self.headers.get(name, [])
        return [found] if isinstance(found, str) else list(found)

    def _get_parsed(self, name: str, default: str | None) -> str | None:
        return _first(self.headers[name]) if name in self.headers else default

    def _parse(self) -> dict[str, Value]:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Event) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:  # no values: they are somebody's
        return f"<{type(self).__name__} {self.name} {len(self.raw)} bytes>"


class PlainEvent(Event):
    """``Name: value`` lines. ``_block`` starts with the newline before the first line, so each line starts alike."""

    __slots__ = ("_encoded", "_head_end")

    def __init__(self, block: bytes, encoded: bool = True) -> None:
        super().__init__(block)
        self._encoded = encoded  # an ordinary reply's head is not URL-encoded
        self._head_end = -1

    @property
    def raw(self) -> bytes:
        return self._block[1:]

    @property
    def body(self) -> str:
        length = self.get("Content-Length", "")
        start = self._end_of_head() + 2
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            return ""
        return self._block[start : start + int(length)].decode("utf-8", "replace")

    def _end_of_head(self) -> int:
        if self._head_end < 0:
            # Only a block that announces a body has one, and to look for that is cheaper than for a blank line.
            has_body = self._block.rfind(b"\nContent-Length: ") >= 0
            end = self._block.find(b"\n\n") if has_body else -1
            self._head_end = len(self._block) if end < 0 else end
        return self._head_end

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        needle = _PLAIN_NEEDLES.get(name) or _plain_needle(name)
        if needle is None:
            return self._get_parsed(name, default)
        block, head_end = self._block, self._head_end
        if head_end < 0:
            head_end = self._end_of_head()
        # A name begins before the head ends, and so does what is looked for: a body behind it is never looked into.
        start = block.rfind(needle, 0, head_end) if name in _AT_END else block.find(needle, 0, head_end)
        if start < 0:
            return default
        start += len(needle)
        end = block.find(b"\n", start)
        value = block[start:end] if end >= 0 else block[start:]
        # Encoded, or perhaps ARRAY:: or _undef_, or not ASCII: looked at closely.
        # (`find`, not `in`: that first tries whether the bytes are a number, and an exception is made for each.)
        if value.find(b"%") >= 0 or value.startswith(_ODD) or not value.isascii():
            return _decoded(value) if self._encoded and len(value) < 64 else _first(self._value(value))
        return value.decode()

    def _value(self, raw: bytes) -> Value:
        return _plain_value(unquote_to_bytes(raw) if self._encoded and b"%" in raw else raw)

    def _parse(self) -> dict[str, Value]:
        headers: dict[str, Value] = {}
        dropped = 0
        for line in self._block[: self._end_of_head()].split(b"\n"):
            name, separator, value = line.partition(b": ")
            if not separator:
                dropped += bool(line)
                continue
            key = name.decode("utf-8", "replace")
            if key not in headers:
                headers[key] = self._value(value)
        self.dropped_lines = dropped
        return headers


class JsonEvent(Event):
    """One compact JSON object. A key is found as ``"Name":`` after ``{`` or ``,``.

    Inside a string every quote is escaped, so no value can look like that, whatever a caller put into it.
    ``JsonEvent(read, begin, stop)`` is the part of a read that holds it: 6 kB need not be copied to find four words.
    """

    __slots__ = ("_begin", "_stop")

    def __init__(self, block: bytes, begin: int = 0, stop: int = -1) -> None:
        super().__init__(block)
        self._begin = begin
        self._stop = len(block) if stop < 0 else stop

    @property
    def raw(self) -> bytes:
        return self._block[self._begin : self._stop]

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        needle = _JSON_NEEDLES.get(name) or _json_needle(name)
        if needle is None:
            return self._get_parsed(name, default)
        block, begin, stop = self._block, self._begin, self._stop
        start = block.rfind(needle, begin, stop) if name in _AT_END else block.find(needle, begin, stop)
        while start > begin and block[start - 1] not in (_BRACE, _COMMA):  # the tail of an odd key such as "x\"Name"
            start = block.find(needle, start + 1, stop)
        if start <= begin:
            return default
        start += len(needle)
        if start >= stop or block[start] != _QUOTE:  # an array, or something FreeSWITCH does not send
            return self._get_parsed(name, default)
        start += 1
        end = start
        while end < stop:  # to the quote; values are short, and most of them plain
            byte = block[end]
            if byte == _QUOTE:
                return block[start:end].decode()
            if byte == _BACKSLASH or byte > _LAST_ASCII:
                break
            end += 1
        return _careful(block[start:stop])

    def _parse(self) -> dict[str, Value]:
        try:
            decoded = _JSON.decode(self.raw.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return {}
        if not isinstance(decoded, dict):
            return {}
        return {_no_surrogates(name): _json_value(value) for name, value in decoded.items()}


def _careful(rest: bytes) -> str:
    """The value that begins here: with an escape, beyond ASCII, or cut."""
    end = rest.find(b'"')
    value = rest if end < 0 else rest[:end]
    if b"\\" not in value:
        return value.decode("utf-8", "replace")
    match = _REST_OF_STRING.match(rest)
    text = (match.group() if match else value).decode("utf-8", "replace")
    try:
        return _no_surrogates(json.loads(f'"{text}"', strict=False))
    except ValueError:  # an escape JSON does not know: the text as it came is better than no text
        return text


def _plain_value(raw: bytes) -> Value:
    text = raw.decode("utf-8", "replace")
    if text.startswith("ARRAY::"):
        return text[7:].split("|:")
    return "" if text == "_undef_" else text


@lru_cache(maxsize=512)
def _decoded(value: bytes) -> str:
    """Most short encoded values come again and again: ``FILE%20PLAYED``, ``_undef_``."""
    return _first(_plain_value(unquote_to_bytes(value) if b"%" in value else value))


def _first(value: Value) -> str:
    if isinstance(value, list):
        return value[0] if value else ""
    return value


def _first_wins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    first: dict[str, object] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return first


def _json_value(value: object) -> Value:
    if isinstance(value, str):
        return _no_surrogates(value)
    if isinstance(value, list):
        return [_first(_json_value(each)) for each in value]
    return "" if value is None else json.dumps(value)


def _no_surrogates(text: str) -> str:
    """``\\ud800`` alone is valid JSON, and can be stored nowhere."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# Numbers stay the text they were: FreeSWITCH sends strings, and Python refuses to convert very long ones.
_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_first_wins, parse_int=str, parse_float=str, parse_constant=str, strict=False
)
