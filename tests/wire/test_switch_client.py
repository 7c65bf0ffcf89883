"""Scripted calls over TCP, against a server of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from ivr.hosts.caller import Hears, Press, ScriptedCaller
from ivr.hosts.scripted_switch import Faults, ScriptedSwitch, Sound
from ivr.hosts.switch_client import place_call, run_calls

PLAY = (
    b"connect\n\nlinger 1\n\nmyevents\n\nsendmsg\ncall-command: execute\nexecute-app-name: answer\n\n"
    b"sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: /a.wav\n\n"
)


def plays_and_hangs_up_on_a_key(socket: Any, peer: object) -> None:
    socket.sendall(PLAY)
    heard = b""
    while data := socket.recv(65536):
        heard += data
        if b"DTMF-Digit: 7" in heard:
            heard = b""
            socket.sendall(b"sendmsg\ncall-command: hangup\n\nexit\n\n")


def closes_in_mid_prompt(socket: Any, peer: object) -> None:
    socket.sendall(PLAY)
    gevent.sleep(0.05)
    socket.close()


Serve = Callable[[Callable[[Any, object], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[StreamServer] = []

    def start(handle: Callable[[Any, object], None]) -> int:
        servers.append(StreamServer(("127.0.0.1", 0), handle))
        servers[-1].start()
        return int(servers[-1].server_port)

    yield start
    for server in servers:
        server.stop()


def switch(number: int = 1, **options: Any) -> ScriptedSwitch:
    caller = ScriptedCaller([Hears("hello"), Press("7")])
    uuid = f"11111111-2222-3333-4444-{number:012d}"
    return ScriptedSwitch(caller, uuid=uuid, sounds=lambda path: Sound(2000, "hello"), speed=100, **options)


@pytest.mark.parametrize("faults", [Faults(), Faults(dribble=True), Faults(delay_ms=30), Faults(reset=True)])
def test_a_call_is_played_to_its_end(serve: Serve, faults: Faults) -> None:
    result = place_call("127.0.0.1", serve(plays_and_hangs_up_on_a_key), switch(faults=faults), measure=True)
    assert (result.problems, result.heard, result.fate) == ([], ["hello"], "ended")
    assert result.latencies_ms
    assert all(ms < 1000 for ms in result.latencies_ms)


def test_many_calls_at_once(serve: Serve) -> None:
    calls = (switch(number) for number in range(20))
    results = run_calls("127.0.0.1", serve(plays_and_hangs_up_on_a_key), calls, concurrency=10)
    assert [result.problems for result in results] == [[]] * 20
    assert len({result.uuid for result in results}) == 20


def test_what_goes_wrong_is_said(serve: Serve) -> None:
    dies = place_call("127.0.0.1", serve(closes_in_mid_prompt), switch(dialplan={"": (("playback", "/b.wav"),)}))
    assert "the connection during the call (caller: dialplan)" in dies.problems[0]
    assert dies.heard == ["hello", "hello"]  # the dialplan's next action is heard too
    nobody = place_call("127.0.0.1", 1, switch())
    assert "cannot connect to 127.0.0.1:1" in nobody.problems[0]
    early = place_call(
        "127.0.0.1", serve(plays_and_hangs_up_on_a_key), switch(faults=Faults(close_before_connect=True))
    )
    assert early.fate == "parked for ever"
    slow = place_call(
        "127.0.0.1", serve(plays_and_hangs_up_on_a_key), switch(faults=Faults(freeze_at_ms=0)), limit_s=0.2
    )
    assert "did not end within 0.2 s" in slow.problems[0]
