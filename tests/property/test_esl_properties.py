"""Any event reads back as it was written, any bytes end in messages or one ProtocolError."""

from __future__ import annotations

import itertools
import json
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.esl.codec import Decoder, EndOfStream, Message, ProtocolError
from ivr.esl.commands import CommandError, Trusted, api, execute
from ivr.esl.event import JsonEvent, PlainEvent

NAMES = st.one_of(st.sampled_from(["Unique-ID", "variable_x", "a"]), st.text(st.characters(codec="utf-8"), max_size=9))
VALUES = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ['"Unique-ID":"x"', "\nUnique-ID: x", "\\"]
)


def read(chunks: list[bytes]) -> tuple[list[Message], bool]:
    decoder, told = Decoder(), []
    try:
        for chunk in chunks:
            decoder.receive_data(chunk)
            while (message := decoder.next_message()) is not None:
                told.append(message)
        decoder.receive_eof()
        while (message := decoder.next_message()) is not None:
            told.append(message)
    except ProtocolError:
        return told, True
    return told, False


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES | st.lists(VALUES, min_size=1, max_size=3), max_size=6))
def test_a_json_event_reads_back(headers: dict[str, str | list[str]]) -> None:
    body = json.dumps(headers, ensure_ascii=False, separators=(",", ":")).encode()
    for name, value in {**headers, "Unique-ID": headers.get("Unique-ID")}.items():
        wanted = value[0] if isinstance(value, list) else value
        assert JsonEvent(body).get(name) == wanted
    assert JsonEvent(body).headers == headers


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9_.\-]+", fullmatch=True), VALUES, max_size=6))
def test_a_plain_event_reads_back(headers: dict[str, str]) -> None:
    lines = [f"{name}: {quote(value, safe='') or '_undef_'}\n" for name, value in headers.items()]
    block = ("\n" + "".join(lines) + "\n").encode()
    kept = {name: value for name, value in headers.items() if not value.startswith("ARRAY::") and value != "_undef_"}
    for name, value in {**kept, "Unique-ID": headers.get("Unique-ID")}.items():
        assert PlainEvent(block).get(name) == value
    assert kept.items() <= PlainEvent(block).headers.items()


WORDS = st.sampled_from(
    (
        b"\n",
        b"\n\n",
        b"Content-Type: ",
        b"Content-Length: ",
        b"text/event-json",
        b"text/event-plain",
        b"command/reply",
        b"api/response",
        b"text/disconnect-notice\n",
        b"Reply-Text: +OK",
        b"Event-Name: X",
        b"-1",
        b"0",
        b"3",
        b"{}",
    )
)
HOSTILE = st.lists(st.one_of(WORDS, st.binary(max_size=8), st.just(b"n" * 200)), max_size=30).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(HOSTILE, st.lists(st.integers(0, 400), max_size=5))
def test_row_39_any_bytes_in_any_cuts(data: bytes, places: list[int]) -> None:
    edges = [0, *sorted(places), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    told, failed = read([data])
    assert read(chunks) == (told, failed)
    assert failed or [each for each in told if isinstance(each, EndOfStream)] == told[-1:]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.sampled_from(["a\nb", "${x}", "unload mod_event_socket"]), st.booleans())
def test_row_17_one_command_is_one_packet(text: str, trusted: bool) -> None:
    argument = Trusted(text) if trusted else text
    try:
        packet = execute("log", argument, event_uuid="u")
    except CommandError:
        assert set(text) & set("\r\n\0") or "${" in text or any("\ud800" <= c <= "\udfff" for c in text)
    else:
        assert packet.split(b"\n\n", 1)[1] == text.encode()
    try:
        packet = api("echo", argument)
    except CommandError:
        return
    assert packet.count(b"\n") == 2
    assert packet.endswith(b"\n\n")
