"""One call's wire over real TCP: what wakes the call, and what may lie in the kernel."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket

from ivr.esl.link import OK_BYTES
from ivr.hosts.wire import Wire

REPLY = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
LONG_MS = 5_000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with near, far:
        yield near, far


def waited_ms(wire: Wire, longest_ms: int) -> tuple[bool, float]:
    """Whether there was something to read, and how long that took to be known."""
    began = time.monotonic()
    readable = wire.wait(time.monotonic_ns() // 1_000_000 + longest_ms)
    return readable, (time.monotonic() - began) * 1000


def test_a_short_reply_wakes_nobody_and_is_not_lost(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    assert len(REPLY) == OK_BYTES
    with Wire(near) as wire:
        wire.expect(OK_BYTES)
        far.sendall(REPLY)
        assert waited_ms(wire, 100)[0] is False
        assert wire.receive() == REPLY


@pytest.mark.parametrize(
    "text", ["-ERR x", "-ERR invalid session id [..]"], ids=["the shortest refusal", "a usual refusal"]
)
def test_a_refusal_wakes_the_call(ends: tuple[socket.socket, socket.socket], text: str) -> None:
    near, far = ends
    with Wire(near) as wire:
        wire.expect(OK_BYTES)
        far.sendall(REPLY.replace(b"+OK", text.encode()))
        readable, ms = waited_ms(wire, LONG_MS)
        assert readable
        assert ms < LONG_MS / 2


def test_row_5_the_short_rest_of_a_cut_frame_wakes_the_call(ends: tuple[socket.socket, socket.socket]) -> None:
    """Found in review: the last 20 bytes of an event, in a segment of their own, waited for the next deadline."""
    near, far = ends
    with Wire(near) as wire:
        wire.expect(OK_BYTES)
        far.sendall(b"x" * 1400)
        assert wire.wait(None)
        assert wire.receive() == b"x" * 1400
        wire.expect(0)
        gevent.spawn_later(0.05, far.sendall, b"y" * 20)
        readable, ms = waited_ms(wire, LONG_MS)
        assert readable
        assert ms < LONG_MS / 2
        assert wire.receive() == b"y" * 20


def test_the_end_wakes_the_call(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    with Wire(near) as wire:
        wire.expect(OK_BYTES)
        far.close()
        assert waited_ms(wire, LONG_MS)[0]
        assert wire.receive() == b""


def test_who_is_busy_with_something_else_is_not_told_over_and_over(ends: tuple[socket.socket, socket.socket]) -> None:
    """A call that waits for a database while bytes lie there must not keep the loop busy, and must find them after."""
    near, far = ends
    with Wire(near) as wire:
        far.sendall(b"x" * 100)
        cpu_s = time.process_time()
        gevent.sleep(0.3)
        assert time.process_time() - cpu_s < 0.15
        assert wire.wait(None)
        assert wire.receive() == b"x" * 100
