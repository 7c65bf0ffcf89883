"""The scripted switch says what a real FreeSWITCH said: each recording's commands are given to it, at their times.

What is compared: kind of message, event, application and its UUID, its response, digit, playback status, reply text,
the body of an api's answer, and the notice's disposition, in order. Where the two may differ is data: ALLOWED.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ivr.hosts.caller import Action, HangsUp, Interrupt, Pause, Press, ScriptedCaller
from ivr.hosts.scripted_switch import Destination, Faults, ScriptedSwitch, Sound

TRANSCRIPTS = Path(__file__).parent / "transcripts"
SOUNDS = {"/srv/fsw/t/tone3.wav": Sound(3000, "tone"), "/srv/fsw/t/short.wav": Sound(1000, "short")}
Message = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    name: str
    script: tuple[Action, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


GUARD = {"guard_ms": 20_000, "path": "hotline"}
CASES = [
    Case("application-closes-mid-call"),
    Case("bgapi-and-json"),
    Case(
        "bridge-answered-far-end-hangs-up",
        options={"destinations": {"loopback/9197/public": Destination("answers", talk_ms=2540)}},
    ),
    Case("bridge-busy"),
    Case("bridge-no-answer", options={"destinations": {"loopback/9198/public": Destination("no_answer")}}),
    Case("chinese-arg-with-body"),
    Case("digits-caller-hangs-up", (Pause(1900), Interrupt("1"), Pause(1), HangsUp())),
    Case("digits-no-match", (Pause(1900), Interrupt("9"))),
    Case("digits-one-then-trailing-terminator", (Pause(900), Interrupt("5"), Press("#"))),
    Case("digits-terminated", (Pause(1900), Interrupt("123#"))),
    Case("digits-timeout"),
    Case("digits-type-ahead", (Pause(900), Interrupt("4"))),
    Case("errors"),
    Case("json-break-then-next-playback", options=GUARD),
    Case("json-caller-hangs-up-in-playback", (Pause(1790), HangsUp()), GUARD),
    Case("json-digits-by-rtp-while-parked", (Pause(1832), Press("3"), Pause(500), Press("5"), Press("7")), GUARD),
    Case("json-guard-cancelled-then-digits-by-events", (Pause(1900), Interrupt("7"), Pause(500), Press("8#")), GUARD),
    Case(
        "json-guard-not-cancelled",
        (Pause(8773), HangsUp()),
        {"guard_ms": 5521, "path": "hotline", "dialplan": {"fallback": (("answer", ""), ("echo", ""))}},
    ),
    Case("json-prompt-list-one-missing", options=GUARD),
    Case("json-record-stopped-by-silence", options=GUARD),
    Case("json-uuid-kill-in-playback", options=GUARD),
    Case("myevents", options={"faults": Faults(full=False)}),
    Case("playback-barge-in-terminator", (Pause(1900), Interrupt("5"))),
    Case("playback-break-by-api"),
    Case("playback-caller-hangs-up", (Pause(1790), HangsUp())),
    Case("playback-complete"),
    Case("playback-missing-file"),
    Case("read-app", (Pause(1900), Interrupt("78"))),
    Case("record-terminated", (Pause(2800), Press("#"))),
    Case("say-number"),
    Case("sensitive-digits", (Pause(1900), Interrupt("4321"))),
    Case("transfer-away", options={"dialplan": {"9197": (("answer", ""), ("sleep", "2500"), ("hangup", ""))}}),
    Case("two-executes-queued-with-event-lock"),
    Case("two-executes-without-event-lock"),
    Case("unknown-application"),
    Case("utf8-caller-name"),
]

#: The differences that are allowed: recording -> why. In these, two threads of FreeSWITCH wrote at the same moment, so
#: its replies and notices on one hand and its events on the other are compared each in their own order.
RACES = {
    "bridge-no-answer": "the linger notice overtook CHANNEL_HANGUP (Faults.notice_first asks for that)",
    "json-caller-hangs-up-in-playback": "a command came between CHANNEL_ANSWER and its CHANNEL_EXECUTE_COMPLETE",
    "json-guard-cancelled-then-digits-by-events": "a command came between CHANNEL_EXECUTE and CHANNEL_ANSWER",
    "json-guard-not-cancelled": "a command came between CHANNEL_EXECUTE and CHANNEL_ANSWER",
}


# -- reading a stream of messages, independently of ivr.esl ------------------------------------------------


def messages(buffer: bytes) -> Iterator[dict[str, str]]:
    while b"\n\n" in buffer:
        head, _, buffer = buffer.partition(b"\n\n")
        message = {n: v for n, _, v in (line.partition(": ") for line in head.decode().split("\n"))}
        if message.get("Event-Name") == "CHANNEL_DATA":
            yield {"kind": "connected", "Reply-Text": unquote(message["Reply-Text"])}
            continue
        length = int(message.get("Content-Length", "0"))
        body, buffer = buffer[:length].decode(), buffer[length:]
        kind = message["Content-Type"]
        if kind == "text/event-json":
            yield {"kind": "event", **{k: str(v) for k, v in json.loads(body).items()}}
        elif kind == "text/event-plain":
            lines = (line.partition(": ") for line in body.partition("\n\n")[0].split("\n"))
            yield {"kind": "event", **{n: unquote(v) for n, _, v in lines}}
        else:
            yield {"kind": kind, "body": body, **message}


COMPARED = """
    kind Event-Name Application Application-Data Application-UUID Application-Response DTMF-Digit Playback-Status
    Playback-File-Path Hangup-Cause Event-UUID Reply-Text body Content-Disposition variable_read_result
"""
FREE_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def normalised(message: dict[str, str]) -> Message:
    row = {name: FREE_UUID.sub("<uuid>", message.get(name, "")) for name in COMPARED.split()}
    row["Reply-Text"] = row["Reply-Text"].strip()
    if len(row["body"]) > 100:  # status and uuid_dump
        row["body"] = "…"
    return tuple(f"{name}={value}" if name != "kind" else value for name, value in row.items() if value)


def heard(data: bytes) -> list[Message]:
    return [normalised(message) for message in messages(data)]


# -- the comparison ----------------------------------------------------------------------------------------


def replay(case: Case) -> tuple[list[Message], list[Message], ScriptedSwitch]:
    real, said, switch = replay_bytes(case)
    return heard(real), heard(said), switch


def raw_messages(case: Case) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    real, said, _ = replay_bytes(case)
    return list(messages(real)), list(messages(said))


def replay_bytes(case: Case) -> tuple[bytes, bytes, ScriptedSwitch]:
    """What FreeSWITCH said, and what the scripted switch says to the same commands."""
    rows = [json.loads(line) for line in (TRANSCRIPTS / f"{case.name}.jsonl").read_text("utf-8").splitlines()]
    real = b"".join(row["data"].encode("latin-1") for row in rows if row["dir"] == "rx")
    uuid = re.search(rb"\nUnique-ID: (\S+)", real)
    assert uuid is not None
    switch = ScriptedSwitch(ScriptedCaller(case.script), uuid=uuid[1].decode(), sounds=SOUNDS.get, **case.options)
    switch.connect(0)
    said, told = b"", b""
    for row in rows:
        if row["dir"] == "rx":
            told += row["data"].encode("latin-1")
        if row["dir"] != "tx":
            continue
        at_ms = round(row["t"] * 1000)
        said += switch.advance(at_ms)
        # An application answers what it has heard: wait for that, as it did, if the switch is a little later.
        while len(heard(said)) < len(heard(told)) and (due := switch.next_due_ms) is not None and due < at_ms + 800:
            at_ms = max(at_ms, due)
            said += switch.advance(at_ms)
        said += switch.receive_data(row["data"].encode("latin-1"), at_ms)
    while not switch.closed and (due := switch.next_due_ms) is not None and due < 60_000:
        said += switch.advance(due)
    return real, said, switch


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_says_what_freeswitch_said(case: Case) -> None:
    real, said, _ = replay(case)
    if case.name in RACES:
        assert said != real, "no race any more: take it off the list"
        real.sort(key=is_event)
        said.sort(key=is_event)
    assert said == real


def is_event(message: Message) -> bool:
    return message[0] == "event"


def test_an_event_is_as_long_and_as_mixed_as_a_real_one() -> None:
    """Benchmarks read these events: their headers are those of FreeSWITCH, in its order."""
    for name in ("playback-complete", "json-uuid-kill-in-playback"):
        case = next(case for case in CASES if case.name == name)
        real, said = ({m["Event-Name"]: m for m in found if m["kind"] == "event"} for found in raw_messages(case))
        for event in (
            "CHANNEL_ANSWER",
            "PLAYBACK_START",
            "PLAYBACK_STOP",
            "CHANNEL_EXECUTE_COMPLETE",
            "CHANNEL_HANGUP",
        ):
            assert set(said[event]) <= set(real[event])
            assert list(said[event])[:60] == list(real[event])[:60]
            size, real_size = (sum(map(len, (*m, *m.values()))) for m in (said[event], real[event]))
            assert 0.85 < size / real_size < 1.05
