"""What the wire tests share: recordings of a real FreeSWITCH, and ways to feed them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ivr.esl.codec import Decoder, Message
from ivr.esl.event import JsonEvent, PlainEvent
from ivr.esl.link import LinkEvent, OutboundLink

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.jsonl"))
UUID = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Step:
    direction: str  # rx | tx | eof
    data: bytes


def steps(name: str) -> list[Step]:
    path = Path(__file__).parent / "transcripts" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [Step(row["dir"], row.get("data", "").encode("latin-1")) for row in rows]


def received(name: str) -> bytes:
    return b"".join(step.data for step in steps(name) if step.direction == "rx")


def read(*chunks: bytes, eof: bool = True, decoder: Decoder | None = None) -> list[Message]:
    decoder = decoder or Decoder()
    messages: list[Message] = []
    for chunk in chunks:
        decoder.receive_data(chunk)
        messages += drain(decoder)
    if eof:
        decoder.receive_eof()
        messages += drain(decoder)
    return messages


def drain(decoder: Decoder) -> list[Message]:
    messages = []
    while (message := decoder.next_message()) is not None:
        messages.append(message)
    return messages


def plain(name: str = "TEST", **headers: str) -> bytes:
    lines = {"Event-Name": name, "Unique-ID": UUID, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return plain_frame("".join(f"{k}: {v}\n" for k, v in lines.items()).encode() + b"\n")


def plain_frame(body: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body)


def json_frame(body: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def event(name: str, uuid: str = UUID, **headers: str) -> bytes:
    values = {"Event-Name": name, "Unique-ID": uuid, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return json_frame(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())


def complete(event_uuid: str, app: str = "playback", response: str = "FILE PLAYED", uuid: str = UUID) -> bytes:
    return event(
        "CHANNEL_EXECUTE_COMPLETE",
        uuid,
        Application=app,
        Application_UUID=event_uuid,
        Application_Response=response,
    )


def reply(text: str = "+OK") -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def api_reply(body: str) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body.encode()), body.encode())


def channel(control: str = "Control: full\n", unique_id: str = f"Unique-ID: {UUID}\n", extra: str = "") -> bytes:
    return (
        f"Event-Name: CHANNEL_DATA\n{unique_id}Caller-Caller-ID-Number: 1001\n{extra}"
        f"Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\n{control}\n"
    ).encode()


def notice(disposition: str = "linger", name: str = "sofia/internal/1001") -> bytes:
    """As FreeSWITCH builds it: the linger one in a buffer of 512."""
    head = (
        f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {UUID}\nContent-Disposition: {disposition}\n"
    )
    if disposition == "linger":
        return f"{head}Channel-Name: {name}\nLinger-Time: 3\nContent-Length: 0\n\n".encode()[:511]
    text = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
    return f"{head}Content-Length: {len(text)}\n\n{text}".encode()


def up() -> OutboundLink:
    """A link in control of a call, with nothing waiting."""
    link = OutboundLink()
    link.connect()
    link.receive_data(channel())
    return link


def kinds(events: list[LinkEvent]) -> list[str]:
    return [type(each).__name__ for each in events]


def first_event(frame: bytes) -> PlainEvent | JsonEvent:
    (message,) = read(frame, eof=False)
    assert isinstance(message, PlainEvent | JsonEvent)
    return message
