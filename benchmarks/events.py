"""What it costs to read one event: framing, and the four headers a call looks at.

Law: the same bytes for all: a CHANNEL_EXECUTE_COMPLETE that a real FreeSWITCH sent, in plain format.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from email.parser import BytesHeaderParser
from pathlib import Path
from urllib.parse import unquote

from greenswitch.esl import ESLEvent

from ivr.esl.codec import Decoder
from ivr.esl.event import Event

RECORDING = Path(__file__).resolve().parent.parent / "tests" / "wire" / "transcripts" / "playback-complete.jsonl"
HEADERS = ("Event-Name", "Application-UUID", "Application", "Application-Response")


def recorded_event() -> bytes:
    """One whole message of the recording."""
    rows = [json.loads(line) for line in RECORDING.read_text("utf-8").splitlines()]
    stream = b"".join(row["data"].encode("latin-1") for row in rows if row["dir"] == "rx")
    at = stream.rindex(b"Content-Length:", 0, stream.index(b"Event-Name: CHANNEL_EXECUTE_COMPLETE"))
    head, _, rest = stream[at:].partition(b"\n\n")
    length = int(head.split(b"\n")[0].split(b": ")[1])
    return head + b"\n\n" + rest[:length]


def callweave(message: bytes, times: int) -> list[str]:
    decoder = Decoder()
    found: list[str] = []
    for _ in range(times):
        decoder.receive_data(message)
        event = decoder.next_message()
        assert isinstance(event, Event)
        found = [event.get(name, "") for name in HEADERS]
    return found


def greenswitch(message: bytes, times: int) -> list[str]:
    """The reading loop of greenswitch's ESLProtocol (receive_events, handle_event), without its queue."""
    stream = io.BytesIO(message * times)
    found: list[str] = []
    for _ in range(times):
        buffer = ""
        while (line := stream.readline().decode("utf-8")) != "\n":
            buffer += line
        event = ESLEvent(buffer)
        event.parse_data(stream.read(int(event.headers["Content-Length"])).decode("utf-8"))
        found = [event.headers.get(name, "") for name in HEADERS]
    return found


def email_parser(message: bytes, times: int) -> list[str]:
    """Python's own parser of header blocks, as it is often used for this protocol."""
    parser = BytesHeaderParser()
    found: list[str] = []
    for _ in range(times):
        head, _, rest = message.partition(b"\n\n")
        length = int(parser.parsebytes(head)["Content-Length"])
        event = parser.parsebytes(rest[:length])
        found = [unquote(event.get(name, "")) for name in HEADERS]
    return found


READERS: dict[str, Callable[[bytes, int], list[str]]] = {
    "callweave": callweave,
    "greenswitch": greenswitch,
    "email parser": email_parser,
}


def microseconds(rounds: int = 9, times: int = 300) -> dict[str, float]:
    """Of the quickest round of each reader; the rounds take turns, so that a busy machine is busy for all."""
    message = recorded_event()
    best = dict.fromkeys(READERS, float("inf"))
    answers = {tuple(reader(message, 1)) for reader in READERS.values()}
    if len(answers) != 1:
        raise SystemExit(f"the readers do not agree: {answers}")
    for _ in range(rounds):
        for name, reader in READERS.items():
            begin = time.perf_counter()
            reader(message, times)
            best[name] = min(best[name], (time.perf_counter() - begin) / times * 1e6)
    return best
