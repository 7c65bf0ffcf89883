"""The codec against recordings of a real FreeSWITCH, and against the wire rows of the fault table."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from greenswitch.esl import ESLEvent
from wiretools import (
    TRANSCRIPTS,
    UUID,
    api_reply,
    channel,
    complete,
    drain,
    event,
    first_event,
    json_frame,
    notice,
    plain,
    plain_frame,
    read,
    received,
    reply,
)

from ivr.esl.codec import (
    AuthRequest,
    CommandReply,
    Decoder,
    DisconnectNotice,
    EndOfStream,
    ProtocolError,
    RudeRejection,
    Unknown,
)
from ivr.esl.event import Event, JsonEvent, PlainEvent

NAMES = [path.stem for path in TRANSCRIPTS]


def naive(frame: bytes) -> dict[str, str]:
    """What greenswitch 0.0.19 makes of the same event."""
    return ESLEvent(frame.split(b"\n\n", 1)[1].decode("utf-8")).headers


@pytest.mark.parametrize("name", NAMES)
def test_row_05_a_recording_reads_the_same_however_it_is_cut(name: str) -> None:
    data = received(name)
    whole = read(data)
    assert whole[-1] == EndOfStream(0)
    assert not any(isinstance(each, Unknown) for each in whole)
    assert sum(isinstance(each, Event) for each in whole) == data.count(b"\nContent-Type: text/event-")
    assert read(*(data[at : at + 1] for at in range(len(data)))) == whole
    dice = random.Random(name)
    for most in (7, 300, 9000):
        cuts = sorted({0, len(data), *(dice.randrange(len(data)) for _ in range(len(data) // most))})
        assert read(*(data[a:b] for a, b in itertools.pairwise(cuts))) == whole


@pytest.mark.parametrize("name", NAMES)
def test_one_header_found_is_the_header_parsed(name: str) -> None:
    for message in read(received(name)):
        block = message.fields if isinstance(message, CommandReply) else message
        if not isinstance(block, Event):
            continue
        fresh = JsonEvent(block.raw) if isinstance(block, JsonEvent) else type(block)(block._block)
        for header, value in block.headers.items():
            assert fresh.get(header) == (value if isinstance(value, str) else value[0]), header
        assert fresh.get("No-Such-Header") is None
        if isinstance(block, JsonEvent):  # another reader agrees on the whole event
            assert block.headers == json.loads(block.raw)


CONVERSATION = b"".join(
    [
        b"Content-Type: auth/request\n\n",
        channel(extra="variable_note: %E5%BC%A0%0Ax\n"),
        reply("+OK will linger 3 seconds"),
        api_reply("+OK Deleted: 1\n"),
        event("DTMF", DTMF_Digit="5"),
        plain("PLAYBACK_STOP", Playback_Status="done"),
        json_frame('{"Event-Name":"X","v":["a","\\"张"]}'.encode()),
        notice("linger"),
        complete("u-1"),
        notice("linger", "x" * 400),
        event("CHANNEL_HANGUP"),
        notice("disconnect"),
    ]
)


def test_row_05_every_cut_offset_of_a_small_conversation() -> None:
    whole = read(CONVERSATION)
    assert len(whole) == 13
    for cut in range(len(CONVERSATION) + 1):
        assert read(CONVERSATION[:cut], CONVERSATION[cut:]) == whole, cut


def test_row_07_every_truncation_ends_in_one_end_of_stream() -> None:
    whole = read(CONVERSATION)
    for cut in range(len(CONVERSATION) + 1):
        messages = read(CONVERSATION[:cut])
        assert [each for each in messages if isinstance(each, EndOfStream)] == messages[-1:], cut
        # all but a truncated notice cut again before the frame that would have shown its end
        assert messages[:-1] == whole[: len(messages) - 1], cut


def test_row_01_a_newline_in_a_value_forges_no_header() -> None:
    frame = plain(Caller_Name="x%0Avariable_paid: yes")
    assert naive(frame)["variable_paid"] == "yes"
    ours = first_event(frame)
    assert ours.get("variable_paid") is None
    assert "variable_paid" not in ours.headers
    assert ours.get("Caller-Name") == "x\nvariable_paid: yes"


def test_row_01_nor_does_a_quote_in_a_json_value() -> None:
    evil = '","Unique-ID":"evil","x":"'
    body = json.dumps({"Caller-Name": evil, "Unique-ID": UUID}, separators=(",", ":")).encode()
    assert first_event(json_frame(body)).get("Unique-ID") == UUID
    key = b'{"odd\\"Unique-ID":"evil","Unique-ID":"good"}'
    assert first_event(json_frame(key)).get("Unique-ID") == "good"


def test_row_01_as_recorded() -> None:
    (connect,) = [m for m in read(received("utf8-caller-name")) if isinstance(m, CommandReply) and m.is_connect]
    assert connect.fields.get("Caller-Caller-ID-Name") == "张三 %{x} 50\n\nZ"


@pytest.mark.parametrize("odd", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1c", "\r"])
def test_row_02_only_the_byte_newline_splits(odd: str) -> None:
    frame = plain(Note=f"a{odd}B: c", After="kept")
    assert "B" in "".join(naive(frame))
    ours = first_event(frame)
    assert ours.get("Note") == f"a{odd}B: c"
    assert ours.headers["Note"] == f"a{odd}B: c"
    assert ours.get("After") == "kept"


@pytest.mark.parametrize(
    "frame", [json_frame(b'{"Event-Name":"X","n":"a\xffb"}'), plain_frame(b"Event-Name: X\nn: a\xffb\n\n")]
)
def test_row_03_invalid_utf8_is_replaced(frame: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        naive(frame)
    ours = first_event(frame)
    assert ours.get("n") == "a\ufffdb"
    assert ours.headers["n"] == "a\ufffdb"
    assert first_event(plain_frame(b"n: a%FFb\n\n")).get("n") == "a\ufffdb"


def test_row_04_a_line_that_is_no_header_is_dropped_and_counted() -> None:
    body = b"nonsense\nEvent-Name: X\n\n"
    with pytest.raises(AttributeError):
        ESLEvent(body.decode())
    ours = first_event(plain_frame(body))
    assert ours.headers == {"Event-Name": "X"}
    assert ours.dropped_lines == 1
    decoder = Decoder()
    (message,) = read(b"Content-Type: command/reply\nnonsense\nReply-Text: +OK\n\n", eof=False, decoder=decoder)
    assert isinstance(message, CommandReply)
    assert message.text == "+OK"
    assert decoder.dropped_lines == 1


def test_row_06_many_frames_in_one_read() -> None:
    messages = read(*[b"".join([reply(str(n)) for n in range(50)])], eof=False)
    assert [m.text for m in messages if isinstance(m, CommandReply)] == [str(n) for n in range(50)]


def test_row_07_end_inside_a_body_is_told_once() -> None:
    frame = plain()
    decoder = Decoder()
    assert read(frame[:-1], decoder=decoder) == [EndOfStream(len(frame) - 1)]
    assert drain(decoder) == []
    with pytest.raises(ProtocolError):
        decoder.receive_data(b"x")


@pytest.mark.parametrize(
    "length", ["-1", "99999999", "2147483647", "9" * 30, "1e3", "0x10", "12 ", "", "٣", "+5", "16777217"]
)
@pytest.mark.parametrize("kind", ["text/event-plain", "api/response", "text/disconnect-notice", "x/y"])
def test_row_09_a_bad_length_closes(length: str, kind: str) -> None:
    decoder = Decoder()
    decoder.receive_data(f"Content-Length: {length}\nContent-Type: {kind}\n\nbody".encode())
    for _ in range(2):  # and stays closed
        with pytest.raises(ProtocolError):
            decoder.next_message()
    with pytest.raises(ProtocolError):
        decoder.receive_data(b"x")
    assert decoder.buffered_bytes == 0


def test_row_09_caps_on_head_and_unread_bytes() -> None:
    decoder = Decoder(max_head=100)
    with pytest.raises(ProtocolError, match="head of more than 100"):
        read(b"a" * 101, decoder=decoder)
    with pytest.raises(ProtocolError, match="head of more than 100"):
        read(b"a" * 101 + b"\n\n", decoder=Decoder(max_head=100))
    decoder = Decoder(max_head=100, max_body=100)
    for _ in range(16):
        decoder.receive_data(b"a" * 65536)
    with pytest.raises(ProtocolError, match="unread"):
        decoder.receive_data(b"a" * 65536)
    assert len(read(json_frame(b"x" * 100), decoder=Decoder(max_body=100))) == 2


def test_row_10_first_wins_and_arrays_are_lists() -> None:
    ours = first_event(plain_frame(b"A: 1\nA: 2\nL: ARRAY%3A%3Aa%7C%3Ab c\nE: _undef_\nB: \n\n"))
    assert (ours.get("A"), ours.headers["A"]) == ("1", "1")
    assert (ours.get("L"), ours.headers["L"], ours.get_list("L")) == ("a", ["a", "b c"], ["a", "b c"])
    assert (ours.get("E"), ours.get("B"), ours.get("C", "x")) == ("", "", "x")
    ours = first_event(json_frame(b'{"A":"1","A":"2","L":["a","b"],"E":"","N":7,"Z":null,"O":[]}'))
    assert (ours.get("A"), ours.headers["A"]) == ("1", "1")
    assert (ours.get("L"), ours.get_list("L"), ours.get_list("A"), ours.get_list("Q")) == ("a", ["a", "b"], ["1"], [])
    assert (ours.get("E"), ours.get("N"), ours.get("Z"), ours.get("O"), ours.get("Q")) == ("", "7", "", "", None)
    (message,) = read(b"Content-Type: command/reply\nReply-Text: one\nReply-Text: two\n\n", eof=False)
    assert isinstance(message, CommandReply)
    assert message.text == "one"


def test_row_11_json_keeps_a_percent_as_it_was() -> None:
    assert first_event(event("X", Name="%41")).get("Name") == "%41"
    assert first_event(plain("X", Name="%41")).get("Name") == "A"  # why we subscribe to JSON


def test_json_escapes() -> None:
    ours = first_event(json_frame(b'{"a":"q\\"b\\\\","b":"\\u5f20\\n","c":"\\ud800x","d":"\\q","e":"\\\\"}'))
    assert [ours.get(k) for k in "abcde"] == ['q"b\\', "张\n", "\ufffdx", "\\q", "\\"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"{", b'{"a"', b'{"a":', b'{"a":"b', b'{"a":"b\\', b"[" * 100_000]
)
def test_broken_json_raises_nothing(body: bytes) -> None:
    ours = first_event(json_frame(body))
    assert ours.headers == {}
    assert ours.get("a") in (None, "b", "b\\")


FOLLOWERS = [
    event("CHANNEL_HANGUP"),
    plain("X"),
    reply("+OK"),
    api_reply("ok\n"),
    notice("linger"),
    notice("disconnect"),
]
TAILS = ["", "Content-Length: 99", "Content-Length: ", "Content-Type: command/reply", "Content-Type: api/response"]


@pytest.mark.parametrize("follower", FOLLOWERS, ids=["json", "plain", "reply", "api", "linger", "disconnect"])
@pytest.mark.parametrize("tail", TAILS)
def test_row_15_a_cut_linger_notice_costs_no_other_frame(follower: bytes, tail: str) -> None:
    (wanted,) = read(follower, eof=False)
    for size in range(300, 430):  # every place in which 511 bytes can end: in the name, in Linger-Time, in the end
        cut = notice("linger", "n" * (size - len(tail)) + tail)
        messages = read(cut, follower, eof=False)
        assert len(messages) == 2, size
        assert isinstance(messages[0], DisconnectNotice)
        assert messages[0].disposition == "linger"
        assert messages[0].truncated == (not cut.endswith(b"\n\n"))
        assert messages[1] == wanted


def test_row_15_greenswitch_glues_the_next_event_on() -> None:
    glued = notice("linger", "n" * 400) + event("CHANNEL_HANGUP")
    head = glued.split(b"\n\n", 1)[0].decode()
    assert "CHANNEL_HANGUP" not in str(ESLEvent(head).headers)
    assert ESLEvent(head).headers["Content-Type"] == "text/event-json"  # the notice itself is gone, its length wrong
    assert "Content-Length" not in ESLEvent(head).headers


def test_row_15_nothing_after_it_is_an_end() -> None:
    assert read(notice("linger", "n" * 400)) == [EndOfStream(511)]


def test_row_16_the_notice_is_read_by_its_length() -> None:
    messages = read(notice("disconnect"), reply("+OK"), eof=False)
    assert isinstance(messages[0], DisconnectNotice)
    assert messages[0].disposition == "disconnect"
    assert messages[0].text.startswith("Disconnected, goodbye.\nSee you")
    assert isinstance(messages[1], CommandReply)


def test_row_36_greeting_and_rejection() -> None:
    rude = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
    assert read(b"Content-Type: auth/request\n\n", rude, eof=False) == [
        AuthRequest(),
        RudeRejection("Access Denied, go away."),
    ]


def test_what_has_no_type_or_another_type_is_framed_all_the_same() -> None:
    log = b"Content-Type: log/data\nContent-Length: 4\nLog-Level: 7\n\nabc\n"
    messages = read(b"\n\n", log, b"Reply-Text: +OK\n\n", b"Odd: x\nContent-Length: 2\n\n{}", reply("+OK"), eof=False)
    assert [type(each) for each in messages] == [Unknown, CommandReply, Unknown, CommandReply]
    assert isinstance(messages[0], Unknown)
    assert (messages[0].content_type, messages[0].body) == ("log/data", b"abc\n")


def test_an_event_whose_head_is_written_another_way() -> None:
    body = b"Event-Name: X\n\n"
    (message,) = read(b"Content-Type: text/event-plain\nContent-Length: 15\n\n" + body, eof=False)
    assert message == PlainEvent(b"\n" + body)


def test_a_body_inside_a_plain_event_is_no_header() -> None:
    body = b"Event-Name: BACKGROUND_JOB\nContent-Length: 17\n\n+OK\nUnique-ID: x\n"
    ours = first_event(plain_frame(body))
    assert ours.body == "+OK\nUnique-ID: x\n"
    assert ours.get("Unique-ID") is None
    assert "Unique-ID" not in ours.headers
    jobs = [m for m in read(received("bgapi-and-json")) if isinstance(m, Event) and m.name == "BACKGROUND_JOB"]
    assert [job.body.strip() != "" for job in jobs] == [True] * len(jobs)
    assert jobs


def test_an_event_does_not_show_its_values() -> None:
    assert repr(first_event(event("DTMF", DTMF_Digit="5"))).startswith("<JsonEvent DTMF ")
