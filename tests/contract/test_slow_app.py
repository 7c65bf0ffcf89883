"""A slow application (fault 30): FreeSWITCH's listener would wedge, and lose events after 100 000 in its queue.

So the server reads each call as fast as it comes, whatever the others do. What a call has to wait for is looked up in a
greenlet of its own; nothing else on the call's path may wait, and what tries to costs that call alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import gevent.event
import pytest
from servertools import flow, until
from test_server import OK, Serving, completed

from ivr.core.effects import Effect
from ivr.core.program import Program
from ivr.hosts.freeswitch import FreeSwitchCall, Later, Limits, Route
from ivr.hosts.switch.channel import Channel
from ivr.hosts.switch.wire import Command, CommandReader
from ivr.lang.check import check_file

#: More than a call of an hour brings, and as many as FreeSWITCH keeps for a listener that does not read.
FLOOD = 100_000


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Program:
    file = tmp_path_factory.mktemp("flow") / "quick.yaml"
    file.write_text(flow(2))
    program = check_file(file).program
    assert program is not None
    return program


class Beat:
    """How long the server's loop was held up at most."""

    def __init__(self) -> None:
        self.longest_ms = 0.0


@contextmanager
def watchman() -> Iterator[Beat]:
    beat = Beat()

    def run() -> None:
        while True:
            before = time.monotonic()
            gevent.sleep(0.005)
            beat.longest_ms = max(beat.longest_ms, (time.monotonic() - before) * 1000)

    watching = gevent.spawn(run)
    yield beat
    watching.kill()


def test_row_30_a_call_that_is_looked_up_holds_up_no_other_and_loses_nothing(quick: Program) -> None:
    let_go = gevent.event.Event()
    slowed: list[str] = []

    def look_up() -> Route | str:
        slowed.append("slow")
        assert let_go.wait(10)
        return serving.route

    def router(channel: Any) -> Route | str | Later:
        return look_up if channel.get("Unique-ID") == "slow" else serving.route

    serving = Serving(quick, router=router, limits=Limits())
    slow = gevent.spawn(serving.place, serving.call("slow"))
    until(lambda: slowed, "the slow call waits")
    others = [gevent.spawn(serving.place, serving.call(f"other{n}")) for n in range(20)]
    assert [one.get(timeout=60).problems for one in others] == [[]] * 20
    assert not slow.ready(), "it waits still"
    let_go.set()
    assert slow.get(timeout=60).problems == []
    assert serving.saved("slow") == {"q1": "4", "q2": "5"}
    serving.quiet()
    serving.server.drain(0)


def test_rows_30_129_keeping_an_effect_may_not_wait_and_costs_one_call_where_it_does(quick: Program) -> None:
    """``put`` takes a row at once, by its contract. Whoever breaks it is told, and no other call notices."""

    def on_effect(call: FreeSwitchCall, effect: Effect) -> None:
        if call.call_id == "slow" and type(effect).__name__ == "Save":
            gevent.sleep(1)

    serving = Serving(quick, on_effect=on_effect)
    slow = gevent.spawn(serving.place, serving.call("slow"))
    others = [gevent.spawn(serving.place, serving.call(f"other{n}")) for n in range(20)]
    assert [one.get(timeout=60).problems for one in others] == [[]] * 20
    slow.get(timeout=60)
    (crash,) = [fields for name, fields in serving.told if name == "call_crashed" and "what" not in fields]
    assert crash["call"] == "slow"
    assert type(crash["exc_info"]).__name__ == "BlockingSwitchOutError"
    serving.quiet()
    serving.server.drain(0)


def key(number: int, call: str) -> bytes:
    event = {"Event-Name": "DTMF", "Unique-ID": call, "DTMF-Digit": "w", "Event-Sequence": str(number)}
    body = json.dumps(event, separators=(",", ":")).encode()
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def test_row_30_a_flood_of_events_is_read_and_holds_up_no_other(quick: Program) -> None:
    serving = Serving(quick, limits=Limits())
    flood = b"".join(key(n, "flooded") for n in range(1_000))
    reader, commands = CommandReader(), list[Command]()
    with serving.peer() as peer, watchman() as beat:
        peer.recv(100)
        peer.sendall(Channel("flooded", "", "1", "2", {}, 0).connect_reply(0, True))
        until(lambda: serving.server.calls and next(iter(serving.server.calls.values())).state, "it is on the line")
        others = [gevent.spawn(serving.place, serving.call(f"c{n}")) for n in range(10)]
        peer.settimeout(5)
        for _ in range(FLOOD // 1_000):
            peer.sendall(flood)  # it never has to wait for long: the other side reads
        assert [one.get(timeout=60).problems for one in others] == [[]] * 10
        # The reader has come to the end of it: what follows is answered.
        uuid = ""
        while not uuid:
            commands += reader.feed(peer.recv(65_536))
            uuid = next((c.get("Event-UUID") for c in commands if c.get("execute-app-name") == "playback"), "")
        api = b"Content-Type: api/response\nContent-Length: 3\n\n+OK"
        peer.sendall(b"".join(api if c.word == "api" else OK for c in commands if c.word != "connect"))
        peer.sendall(completed("flooded", uuid, "playback"))
        until(lambda: b"playback" in peer.recv(65_536), "the call goes on")
    assert beat.longest_ms < 250, f"the loop was held up for {beat.longest_ms:.0f} ms"
    serving.quiet()
    assert serving.ends("flooded") == ["switch-lost"]
    serving.server.drain(0)
