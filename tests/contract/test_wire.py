"""One call's wire over real TCP: what gives the call a turn, what may lie in the kernel, what it may wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from servertools import flow, until

from ivr.core.program import Program
from ivr.esl.link import OK_BYTES
from ivr.hosts.freeswitch import FreeSwitchCall, Later, Limits, Route
from ivr.hosts.sounds import VirtualSounds
from ivr.hosts.switch.channel import Channel
from ivr.hosts.wire import Wire
from ivr.lang.check import check_file

REPLY = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
#: Nothing is due on its own account within this time.
LIMITS = Limits(connect_ms=20_000, reply_ms=20_000, application_ms=20_000)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    file = tmp_path_factory.mktemp("flow") / "quick.yaml"
    file.write_text(flow(2))
    found = check_file(file).program
    assert found is not None
    return found


class Line:
    """A call on a wire, and the switch's end of it."""

    def __init__(self, program: Program, router: Callable[[Any], Route | str | Later] | None = None) -> None:
        self.route = Route(program, VirtualSounds(), {"caller.number": "1", "called.number": "2"}, {})
        self.told: list[str] = []
        self.over: list[Exception | None] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.near = socket.create_connection(listener.getsockname())
            self.far, _ = listener.accept()
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now_ms = time.monotonic_ns() // 1_000_000
        router = router or (lambda channel: self.route)
        self.call = FreeSwitchCall(router, now_ms, limits=LIMITS, log=lambda event, **fields: self.told.append(event))
        self.wire = Wire(self.near, self.call, self.over.append)
        self.wire.open()
        assert self.far.recv(100) == b"connect\n\n"
        self.channel = Channel("wired", "", "1", "2", {"Answer-State": "answered"}, 0)

    def connect(self) -> int:
        """The call is on the line and plays its first prompt; gives how many commands it has sent."""
        self.far.sendall(self.channel.connect_reply(0, True))
        until(lambda: self.call.link.running, "the first prompt plays")
        return len(self.call.link.pending_tags)

    def event(self, name: str, **headers: str) -> bytes:
        return self.channel.event("json", name, 0, [(key.replace("_", "-"), value) for key, value in headers.items()])

    def close(self) -> None:
        self.wire.close()
        self.near.close()
        self.far.close()


@pytest.fixture
def line(program: Program) -> Iterator[Line]:
    one = Line(program)
    yield one
    one.close()


def test_short_replies_give_no_turn_and_are_not_lost(line: Line) -> None:
    commands = line.connect()
    assert len(REPLY) == OK_BYTES
    line.far.sendall(REPLY * commands)
    gevent.sleep(0.1)
    assert len(line.call.link.pending_tags) == commands, "nobody was told of them"
    line.far.sendall(line.event("DTMF", DTMF_Digit="w"))
    until(lambda: not line.call.link.waits, "they are read with the next event")


@pytest.mark.parametrize(
    "text", ["-ERR x", "-ERR invalid session id [..]"], ids=["the shortest refusal", "a usual refusal"]
)
def test_a_refusal_gives_a_turn(line: Line, text: str) -> None:
    commands = line.connect()
    first = line.call.link.running
    done = {"Application": "playback", "Application_UUID": first, "Application_Response": "FILE PLAYED"}
    line.far.sendall(
        REPLY * commands + line.event("DTMF", DTMF_Digit="4") + line.event("CHANNEL_EXECUTE_COMPLETE", **done)
    )
    until(lambda: line.call.link.running not in ("", first), "the second prompt plays")
    assert len(line.call.link.pending_tags) == 1
    line.far.sendall(REPLY.replace(b"+OK", text.encode()))
    until(lambda: "application_refused" in line.told, "it is heard", 60)


def test_row_5_the_short_rest_of_a_cut_frame_gives_a_turn(line: Line) -> None:
    """Found in review: the last 20 bytes of an event, in a segment of their own, waited for the next deadline."""
    line.connect()
    event = line.event("DTMF", DTMF_Digit="4")
    line.far.sendall(event[:-20])
    until(lambda: line.call.link.in_a_frame, "the first part is read")
    line.far.sendall(event[-20:])
    until(lambda: not line.call.link.in_a_frame, "the rest is", 60)
    assert line.call.state is not None
    assert line.call.state.variables.get("q1") == "4"


def test_the_end_gives_a_turn(line: Line) -> None:
    line.connect()
    line.far.close()
    until(lambda: line.over, "it is over", 60)
    assert line.over == [None]
    assert line.told == ["switch_lost"]


def test_what_a_turn_raises_is_told_once_and_ends_the_wire(program: Program) -> None:
    def router(channel: Any) -> Route:
        raise RuntimeError("a bug")

    line = Line(program, router)
    line.far.sendall(line.channel.connect_reply(0, True))
    until(lambda: line.over, "it is over", 60)
    line.far.sendall(line.event("DTMF", DTMF_Digit="4"))
    gevent.sleep(0.05)
    assert [str(error) for error in line.over] == ["a bug"]
    line.close()


@pytest.mark.parametrize("fails", [False, True])
def test_a_call_that_waits_for_a_database_keeps_the_loop_free_and_loses_nothing(program: Program, fails: bool) -> None:
    """Bytes that lie there meanwhile do not keep the loop busy, and are found afterwards."""
    go_on = gevent.event.Event()

    def look_up() -> Route | str:
        assert go_on.wait(10)
        if fails:
            raise RuntimeError("a bug")
        return line.route

    line = Line(program, lambda channel: look_up)
    line.far.sendall(line.channel.connect_reply(0, True) + line.event("DTMF", DTMF_Digit="w"))
    until(lambda: line.call.later, "it waits")
    line.far.sendall(line.event("DTMF", DTMF_Digit="4"))
    cpu_s = time.process_time()
    gevent.sleep(0.3)
    assert time.process_time() - cpu_s < 0.15
    assert line.call.state is None
    go_on.set()
    if fails:
        until(lambda: line.over, "it is over")
        assert [str(error) for error in line.over] == ["a bug"]
    else:
        until(lambda: line.call.state and line.call.state.variables.get("q1") == "4", "the key is taken")
        assert line.over == []
    line.close()
