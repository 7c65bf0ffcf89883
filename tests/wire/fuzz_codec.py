"""A long run of hostile bytes through the codec and the links (fault row 39).

By hand: ``python tests/wire/fuzz_codec.py 1000000 [seed]``. Random bytes, and frames with bytes changed, dropped,
doubled and swapped, in random cuts. What must hold for each case: only ProtocolError comes out of the codec and nothing
out of a link; the same messages whatever the cuts; no case over a second; and memory that does not grow.
"""

from __future__ import annotations

import random
import resource
import sys
import time

from wiretools import api_reply, channel, complete, event, json_frame, notice, plain, plain_frame, received, reply

from ivr.esl.codec import CommandReply, Decoder, EndOfStream, Message, ProtocolError
from ivr.esl.event import Event
from ivr.esl.inbound import InboundLink
from ivr.esl.link import OutboundLink

FRAMES = [
    b"Content-Type: auth/request\n\n",
    channel(extra="variable_note: %E5%BC%A0%0Ax%\n"),
    reply("+OK"),
    reply("-ERR command not found"),
    api_reply("+OK Deleted: 1\n"),
    event("DTMF", DTMF_Digit="5"),
    complete("u-1"),
    plain("PLAYBACK_STOP", Playback_Status="done"),
    plain_frame(b"Event-Name: BACKGROUND_JOB\nContent-Length: 4\n\n+OK\n"),
    json_frame('{"Event-Name":"X","v":["a","\\"张"],"_body":"x\\n"}'.encode()),
    notice("linger"),
    notice("linger", "x" * 400),
    event("CHANNEL_HANGUP"),
    notice("disconnect"),
    b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
    b"Content-Type: command/reply\nhello",
    b"Content-Type: log/data\nContent-Length: 4\n\nabc\n",
]
TOKENS = [b"\n", b"\n\n", b"\r\n", b": ", b"Content-Length: ", b"Content-Type: ", b"-1", b"99999999", b"\0", b"\xff"]
TOKENS += [b'"', b"\\", b'","', b"{", b"[", b"%", b"%0A", b"ARRAY::", b"Unique-ID", b"Event-Name: ", b"Content-"]
HEADERS = ("Event-Name", "Unique-ID", "Application-UUID", "v", "Content-Length", "odd name\n", "")


def case(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(600))
    data = bytearray(b"".join(dice.choices(FRAMES, k=dice.randrange(1, 4))))
    for _ in range(dice.randrange(5)):
        at = dice.randrange(len(data) + 1)
        size = dice.choice((0, 1, 1, 3, 40))
        new = dice.choice((b"", dice.choice(TOKENS), dice.randbytes(1), bytes(data[at : at + 40])))
        data[at : at + size] = new
    return bytes(data)


def messages(chunks: list[bytes], decoder: Decoder) -> tuple[list[Message], bool]:
    """What came out, and whether it ended in a ProtocolError."""
    told: list[Message] = []
    try:
        for chunk in [*chunks, None]:
            if chunk is None:
                decoder.receive_eof()
            else:
                decoder.receive_data(chunk)
            while (message := decoder.next_message()) is not None:
                told.append(message)
    except ProtocolError:
        return told, True
    return told, False


def cuts(data: bytes, dice: random.Random) -> list[bytes]:
    places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(6)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def check(data: bytes, dice: random.Random) -> None:
    whole, failed = messages([data], Decoder())
    chunks = cuts(data, dice)
    assert messages(chunks, Decoder()) == (whole, failed), data
    assert failed or [m for m in whole if isinstance(m, EndOfStream)] == whole[-1:], data
    for message in whole:
        block = message.fields if isinstance(message, CommandReply) else message
        if isinstance(block, Event):
            for name in HEADERS:
                block.get(name)
            _ = block.headers, block.body, repr(block)
    outbound, inbound = OutboundLink(), InboundLink()
    outbound.connect()
    if dice.random() < 0.7:
        outbound.receive_data(channel())
        outbound.handshake()
        outbound.execute("playback", event_uuid="u-1")
    for chunk in chunks:
        outbound.receive_data(chunk)
        inbound.receive_data(chunk)
    outbound.receive_eof()
    inbound.receive_eof()
    assert outbound.closed
    assert inbound.closed
    assert not outbound.pending_tags
    assert not outbound.running


def run(cases: int, seed: int) -> float:
    """The slowest case in seconds."""
    dice = random.Random(seed)
    slowest = 0.0
    for _ in range(cases):
        data = case(dice)
        began = time.perf_counter()
        check(data, dice)
        slowest = max(slowest, time.perf_counter() - began)
    return slowest


def memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    FRAMES.append(received("digits-caller-hangs-up")[:9000])
    done, worst, before, began = 0, 0.0, 0, time.perf_counter()
    while done < total:
        worst = max(worst, run(min(20_000, total - done), seed + done))
        done += min(20_000, total - done)
        before = before or memory_kb()
    grown = memory_kb() - before
    print(f"{done} cases in {time.perf_counter() - began:.0f} s, slowest {worst * 1000:.1f} ms, memory grew {grown} kB")
    sys.exit(worst > 1 or grown > 20_000)
