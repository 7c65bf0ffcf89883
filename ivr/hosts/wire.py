"""The wire of one call: its bytes and its deadlines become turns of the call, in the hub's own callbacks.

Law: a file descriptor, a clock and one call. Nothing here waits: a turn reads what is there, lets the call make of it
what it will, and writes. What a call has to wait for (a database that is asked for the place where another worker
left it) it hands back as a function, which runs in a greenlet while the wire rests. A greenlet a call would cost two
switches an event, and gevent's ``recv`` with a time-out a Timeout and a timer as well; a call has a dozen events a
minute and thousands of calls share the loop. One watcher serves the whole call, and its timer is moved only when a
deadline comes closer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import socket
from gevent.hub import get_hub

from ivr.hosts.freeswitch import FreeSwitchCall

READ_BYTES: Final = 16_384  # two or three events; a larger buffer would be made anew for each read
#: A peer that does not take our few bytes within this time is no switch that lives.
SEND_TIMEOUT_S = 10.0
#: gevent's names for "readable" and "writable" in loop.io().
_READ, _WRITE = 1, 2


class Wire:
    """One connection until it is closed. ``over(error)`` is told once, after the last turn: the descriptor is the
    caller's to close. ``error`` is what a turn raised: a bug in that call, and of no concern to the others.
    """

    def __init__(self, connection: Any, call: FreeSwitchCall, over: Callable[[Exception | None], None]) -> None:
        """``connection``: a socket that does not block, of which ``fileno`` and ``setsockopt`` are used."""
        self._connection = connection
        self._fd: int = connection.fileno()
        self._call = call
        self._over: Callable[[Exception | None], None] | None = over
        self._loop: Any = get_hub().loop
        self._io: Any = self._loop.io(self._fd, _READ)
        self._outlet: Any = None  # watches for room to write, while there is none
        self._timer: Any = None
        self._due_ms: int | None = None  # the call's deadline
        self._timer_ms: int | None = None  # when it will fire; it may be early, never late
        self._unsent = b""
        self._send_due_ms = 0
        self._quiet_bytes = 0
        self._resting = False  # the call waits for something that is not the switch

    def open(self) -> None:
        """The first words, and from here on whatever comes."""
        self._io.start(self._readable)
        try:
            self._answer(time.monotonic_ns() // 1_000_000)
        except Exception as error:  # noqa: BLE001 - see the class
            self._end(error)

    def close(self) -> None:
        """No more turns: the call is left as it is, and nobody is told."""
        self._over = None
        self._release()

    # -- what the loop calls -----------------------------------------------------------------------------

    def _readable(self) -> None:
        self._turn(True)

    def _expired(self) -> None:
        self._timer_ms = None
        if self._over is not None:
            self._turn(False)

    def _writable(self) -> None:
        try:
            self._send(b"", time.monotonic_ns() // 1_000_000)
            if not self._unsent:
                self._release_outlet()
                if not self._resting:
                    self._io.start(self._readable)
            if self._call.closed:
                self._end(None)
        except Exception as error:  # noqa: BLE001 - see the class
            self._end(error)

    # -- a turn ------------------------------------------------------------------------------------------

    def _turn(self, readable: bool) -> None:
        """``readable``: there is something to read, or the peer is gone. Otherwise a deadline may have passed; a
        short reply may lie there all the same.
        """
        try:
            call, now_ms = self._call, time.monotonic_ns() // 1_000_000
            expired = self._due_ms is not None and self._due_ms <= now_ms
            if self._unsent:
                if now_ms >= self._send_due_ms:
                    self._lose(now_ms)
            elif self._resting:
                pass
            elif readable or expired:
                self._read(now_ms)
                if expired and not call.closed:
                    call.advance(now_ms)
            self._answer(now_ms)
        except Exception as error:  # noqa: BLE001 - see the class
            self._end(error)

    def _read(self, now_ms: int) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._call.receive_data(data, now_ms)
        else:  # the end, however it came
            self._call.receive_eof(now_ms)

    def _answer(self, now_ms: int) -> None:
        """What the call has to say, and when it wants to be asked again."""
        call = self._call
        out = call.data_to_send()
        if out:
            self._send(out, now_ms)
        if call.closed and not self._unsent:
            self._end(None)
            return
        if call.later is not None and not self._resting:
            self._rest(call.later)
        quiet_bytes = call.quiet_bytes
        if quiet_bytes != self._quiet_bytes:
            # So many bytes may lie in the kernel and wake nobody: `+OK` to what was sent, which there is nothing to
            # do about. An event, which is longer, a refusal, a deadline or the end of the connection does.
            self._quiet_bytes = quiet_bytes
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, quiet_bytes + 1)
        self._due_ms = call.deadline_ms
        due_ms = self._send_due_ms if self._unsent else self._due_ms
        if due_ms is not None and (self._timer_ms is None or self._timer_ms > due_ms):
            self._arm(due_ms, now_ms)

    def _send(self, data: bytes, now_ms: int) -> None:
        data = self._unsent + data if self._unsent else data
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose(now_ms)
            return
        if sent == len(data):
            self._unsent = b""
            return
        if sent or not self._unsent:
            self._send_due_ms = now_ms + round(SEND_TIMEOUT_S * 1000)
        self._unsent = data[sent:]
        if self._outlet is None:  # until there is room the peer is not listened to either
            self._io.stop()
            self._outlet = self._loop.io(self._fd, _WRITE)
            self._outlet.start(self._writable)

    def _lose(self, now_ms: int) -> None:
        """The peer is gone or takes nothing."""
        self._unsent = b""
        self._call.receive_eof(now_ms)

    # -- what is not the switch's ------------------------------------------------------------------------

    def _rest(self, later: Callable[[], Any]) -> None:
        self._resting = True
        self._io.stop()
        gevent.spawn_raw(self._look_up, later)

    def _look_up(self, later: Callable[[], Any]) -> None:
        """In a greenlet of its own: it may wait."""
        try:
            found = later()
            if self._over is None:
                return
            now_ms = time.monotonic_ns() // 1_000_000
            self._resting = False
            self._io.start(self._readable)
            self._call.go_on(found, now_ms)
            self._answer(now_ms)
        except Exception as error:  # noqa: BLE001 - see the class
            self._end(error)

    # -- time and the end --------------------------------------------------------------------------------

    def _arm(self, due_ms: int, now_ms: int) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        self._timer = self._loop.timer(max(0, due_ms - now_ms) / 1000)
        self._timer.start(self._expired)
        self._timer_ms = due_ms

    def _end(self, error: Exception | None) -> None:
        over, self._over = self._over, None
        if over is not None:
            self._release()
            over(error)

    def _release(self) -> None:
        self._release_outlet()
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
        self._io.stop()
        self._io.close()

    def _release_outlet(self) -> None:
        if self._outlet is not None:
            self._outlet.stop()
            self._outlet.close()
            self._outlet = None
