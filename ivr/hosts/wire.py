"""The wire of one call: wait for bytes or a deadline, read, write. A greenlet's own, without gevent's costs per read.

Law: a socket, a clock and one call. gevent's ``recv`` with a time-out tries first, raises, makes a Timeout and
starts a timer for each event; a call has a dozen events a minute and thousands of calls share the loop. Here one
watcher serves the whole call, and its timer is moved only when a deadline comes closer.
"""

from __future__ import annotations

import os
import time
from types import TracebackType

from gevent import getcurrent, socket
from gevent.hub import get_hub

from ivr.hosts.freeswitch import FreeSwitchCall

READ_BYTES = 16_384  # two or three events; a larger buffer would be made anew for each read
#: A peer that does not take our few bytes within this time is no switch that lives.
SEND_TIMEOUT_S = 10.0
_READ = 1  # gevent's name for "readable" in loop.io()


class Wire:
    """Used by the greenlet that makes it, within ``with``. ``wait`` is the only place where it sleeps, but for a
    ``send`` that the peer does not take."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._fd = connection.fileno()
        self._hub = get_hub()
        self._io = self._hub.loop.io(self._fd, _READ)
        self._timer = self._hub.loop.timer(0)
        self._timer_ms: int | None = None  # when it will fire; it may be early, never late
        self._greenlet = getcurrent()
        self._waiting = self._readable = self._deaf = False
        self._quiet_bytes = 0

    def __enter__(self) -> Wire:
        self._io.start(self._wake)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watcher in (self._io, self._timer):
            watcher.stop()
            watcher.close()

    def wait(self, deadline_ms: int | None) -> bool:
        """True: there is something to read (or the peer is gone). False: ``deadline_ms``, monotonic, has passed;
        a short reply may lie there all the same."""
        while True:
            if deadline_ms is not None:
                now_ms = time.monotonic_ns() // 1_000_000
                if deadline_ms <= now_ms:
                    return False
                if self._timer_ms is None or self._timer_ms > deadline_ms:
                    self._arm(deadline_ms, now_ms)
            if self._deaf:
                self._deaf = False
                self._io.start(self._wake)
            self._waiting = True
            try:
                self._hub.switch()
            finally:
                self._waiting = False
            if self._readable:
                return True

    def expect(self, quiet_bytes: int) -> None:
        """So many bytes may lie in the kernel and wake nobody: ``+OK`` to what was sent, which there is nothing to do
        about. An event, which is longer, a refusal, a deadline or the end of the connection does.
        """
        if quiet_bytes != self._quiet_bytes:
            self._quiet_bytes = quiet_bytes
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, quiet_bytes + 1)

    def receive(self) -> bytes | None:
        """What has arrived; b"" at the end, however it came; None when there is nothing."""
        try:
            return os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self, data: bytes) -> bool:
        """All of it, or False: the peer is gone or takes nothing."""
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        if sent == len(data):
            return True
        try:
            self._connection.settimeout(SEND_TIMEOUT_S)
            self._connection.sendall(data[sent:])
        except OSError:
            return False
        return True

    def _wake(self) -> None:
        if self._waiting:
            self._readable = True
            self._greenlet.switch()
        else:  # busy with something that waits: it would be told over and over
            self._deaf = True
            self._io.stop()

    def _expired(self) -> None:
        self._timer_ms = None
        if self._waiting:
            self._readable = False
            self._greenlet.switch()

    def _arm(self, deadline_ms: int, now_ms: int) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = self._hub.loop.timer((deadline_ms - now_ms) / 1000)
        self._timer.start(self._expired)
        self._timer_ms = deadline_ms


def converse(connection: socket.socket, call: FreeSwitchCall) -> None:
    """One call from its first byte to its last."""
    with Wire(connection) as wire:
        wire.send(call.data_to_send())
        wire.expect(call.quiet_bytes)
        while not call.closed:
            expired = not wire.wait(call.deadline_ms)
            data, now_ms = wire.receive(), time.monotonic_ns() // 1_000_000
            if data:
                call.receive_data(data, now_ms)
            elif data is not None:
                call.receive_eof(now_ms)
            if expired and not call.closed:
                call.advance(now_ms)
            out = call.data_to_send()
            wire.expect(call.quiet_bytes)
            if out and not wire.send(out):
                call.receive_eof(time.monotonic_ns() // 1_000_000)
