"""The FreeSWITCH host against a switch that says anything, in any order, cut anywhere.

Whatever comes, nothing is raised, the call ends once, and a host that is not closed always knows when to act next: a
deadline that has been acted on is gone or later, so that no call hangs for ever and none spins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core.effects import Effect, End
from ivr.core.program import Program
from ivr.hosts.freeswitch import FreeSwitchCall, Route
from ivr.hosts.sounds import VirtualSounds
from ivr.hosts.switch.channel import Channel
from ivr.lang.check import check_file

FLOWS = ("everything", "agents")
UUID = "c0ffee"
#: After so many deadlines in a row, with nothing coming from the switch, every call is over.
MOST_DEADLINES = 300


@cache
def program(flow: str) -> Program:
    found = check_file(Path(__file__).parents[1] / "flows" / f"{flow}.yaml").program
    assert found is not None
    return replace(found, start="agents") if flow == "agents" else found


@cache
def connect_reply(full: bool) -> bytes:
    return Channel(UUID, "", "1001", "8001", {"socket_host": "127.0.0.1"}, 0).connect_reply(0, full)


def event(name: str, **fields: str) -> bytes:
    told = {"Event-Name": name, "Unique-ID": UUID, **fields}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def completion(host: FreeSwitchCall, more: dict[str, str]) -> bytes:
    """Of what runs, as a switch would say it."""
    fields = {"Application": host.link._app, "Application-UUID": host.link.running}
    # A secret's variable has a name of its own.
    running = host._performer.applications.running
    name = running.detail if running is not None and running.what == "secret" else "callweave_secret_1"
    renamed = {k.replace("NAME", name): v for k, v in more.items()}
    return event("CHANNEL_EXECUTE_COMPLETE", **fields, **renamed)


words = st.sampled_from(["", "0", "-1", "²", "9" * 5000, "3500", "x", "电话", "\x00", "123"])
more = st.dictionaries(
    st.sampled_from(
        [
            *("variable_record_ms", "variable_playback_terminator_used", "variable_read_result", "variable_NAME"),
            *("variable_NAME_invalid", "variable_originate_disposition", "variable_last_bridge_hangup_cause"),
            *("variable_cc_cause", "variable_cc_cancel_reason", "variable_cc_exit_key", "variable_cc_agent"),
            "Application-Response",
        ]
    ),
    st.one_of(
        words,
        st.sampled_from(
            ["success", "timeout", "failure", "SUCCESS", "USER_BUSY", "FILE NOT FOUND", "answered", "TIMEOUT"]
        ),
    ),
    max_size=4,
)
Say = Callable[[FreeSwitchCall], bytes]
REPLIES = [
    b"Content-Type: command/reply\nReply-Text: +OK\n\n",
    b"Content-Type: command/reply\nReply-Text: -ERR no\n\n",
    b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n",
    b"Content-Type: api/response\nContent-Length: 5\n\n-ERR\n",
    b"Content-Type: api/response\nContent-Length: 2\n\n1\n",
    b"Content-Type: api/response\nContent-Length: 2\n\n0\n",
]
ENDS = [
    event("CHANNEL_HANGUP", **{"Hangup-Cause": "NORMAL_CLEARING"}),
    b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nLinger-Time: 5\nContent-Length: 0\n\n",
    b"Content-Type: text/disconnect-notice\nContent-Disposition: disconnect\nContent-Length: 3\n\nbye",
    b"Content-Type: text/rude-rejection\nContent-Length: 2\n\nno",
    b"Content-Type: auth/request\n\n",
]


def key(digit: str, source: str, number: int) -> bytes:
    return event("DTMF", **{"DTMF-Digit": digit, "DTMF-Source": source, "Event-Sequence": str(number)})


def willing(host: FreeSwitchCall) -> bytes:
    """Every command is answered; of the queue there are two agents, one of them logged out, and one caller."""
    counts = iter((b"2\n", b"1\n", b"1\n"))
    found = b""
    for tag in host.link.pending_tags:
        body = next(counts, b"+OK\n") if tag == "queue" else b"+OK\n"
        found += b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)
    return found


says: st.SearchStrategy[Say] = st.one_of(
    st.just(willing),
    st.just(lambda host: completion(host, {"variable_cc_cause": "answered"})),
    st.sampled_from(REPLIES[:1] + REPLIES).map(lambda data: lambda host: data),
    st.just(lambda host: REPLIES[0] * len(host.link.pending_tags)),
    more.map(lambda fields: lambda host: completion(host, fields)),
    st.builds(
        lambda digits, source: (
            lambda host: b"".join(key(d, source, hash((d, i)) % 10_000) for i, d in enumerate(digits))
        ),
        st.text("0123456789*#ABCDwFx", min_size=1, max_size=12),
        st.sampled_from(["RTP", "INBAND_AUDIO", ""]),
    ),
    st.sampled_from([connect_reply(True), connect_reply(False)]).map(lambda data: lambda host: data),
)
rarely: st.SearchStrategy[Say] = st.one_of(
    st.sampled_from(ENDS).map(lambda data: lambda host: data),
    st.binary(min_size=1, max_size=40).map(lambda data: lambda host: data),
)
#: say something | let so much time pass | act on the deadline | a piece of the next word only
moves = st.lists(
    st.one_of(
        says.map(lambda say: ("say", say)),
        says.map(lambda say: ("say", say)),
        st.integers(0, 20_000).map(lambda ms: ("wait", ms)),
        st.just(("act", None)),
        st.tuples(st.just("piece"), st.tuples(says, st.integers(1, 400))),
    ),
    max_size=60,
)


class Call:
    """A host under test, and what must be true of it after every move."""

    def __init__(self, flow: str) -> None:
        self.now_ms = 1_000
        self.program = program(flow)
        self.effects: list[Effect] = []
        self.host = FreeSwitchCall(self._route, self.now_ms, on_start=self._started)
        self.host.data_to_send()

    def _route(self, channel: Any) -> Route:
        return Route(self.program, VirtualSounds(), {}, {"desk": "user/1"}, queues=self.program.queues)

    def _started(self, host: FreeSwitchCall, channel: Any) -> None:
        host.on_effect = self.effects.append

    def receive(self, data: bytes) -> None:
        if not self.host.closed and data:
            self.host.receive_data(data, self.now_ms)
            self.lawful()

    def act(self) -> None:
        due_ms = self.host.deadline_ms
        if self.host.closed or due_ms is None:
            return
        self.now_ms = max(self.now_ms, due_ms)
        self.host.advance(self.now_ms)
        self.lawful()
        left_ms = self.host.deadline_ms
        assert left_ms is None or left_ms > self.now_ms, "a deadline that was acted on is still due"

    def wait(self, ms: int) -> None:
        """As the server does: whatever falls due on the way is acted on in time."""
        until_ms = self.now_ms + ms
        while not self.host.closed and (self.host.deadline_ms or until_ms + 1) <= until_ms:
            self.act()
        self.now_ms = max(self.now_ms, until_ms)

    def lawful(self) -> None:
        self.host.data_to_send()
        assert self.host.closed or self.host.deadline_ms is not None, "nothing would ever happen to this call"
        ends = [e for e in self.effects if isinstance(e, End)]
        assert len(ends) <= 1
        assert not ends or self.effects[-1] is ends[0]


def play(call: Call, moves: list[Any]) -> None:
    for what, argument in moves:
        if call.host.closed:
            break
        if what == "say":
            call.receive(argument(call.host))
        elif what == "piece":
            call.receive(argument[0](call.host)[: argument[1]])
        elif what == "wait":
            call.wait(argument)
        else:
            call.act()


def finish(call: Call) -> None:
    """The switch says nothing more."""
    for _ in range(MOST_DEADLINES):
        if call.host.closed:
            break
        call.act()
    assert call.host.closed, "the call never ended"
    assert call.host.state is None or sum(isinstance(e, End) for e in call.effects) == 1


@pytest.mark.parametrize("flow", FLOWS)
@settings(max_examples=300, deadline=None)
@given(moves, st.one_of(st.none(), rarely))
def test_a_switch_that_says_anything(flow: str, moves: list[Any], last: Say | None) -> None:
    call = Call(flow)
    call.receive(connect_reply(True))
    play(call, moves)
    if last is not None:
        call.receive(last(call.host))
    finish(call)


@pytest.mark.parametrize("flow", FLOWS)
@settings(max_examples=150, deadline=None)
@given(moves, st.booleans())
def test_a_peer_that_is_no_switch(flow: str, moves: list[Any], full: bool) -> None:
    """Before the connect reply, or after one that gives no control."""
    call = Call(flow)
    if not full:
        call.receive(connect_reply(False))
    play(call, moves)
    finish(call)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=20), st.booleans())
def test_bytes_of_any_kind(pieces: list[bytes], connected: bool) -> None:
    call = Call(FLOWS[0])
    if connected:
        call.receive(connect_reply(True))
    for piece in pieces:
        call.receive(piece)
    finish(call)
