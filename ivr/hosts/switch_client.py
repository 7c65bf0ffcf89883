"""Scripted calls over TCP: dials a server as FreeSWITCH's ``socket`` application does, in real time, with gevent.

Law: sockets, clocks and greenlets; what is said on them is the scripted switch's business. It also takes the times
that benchmarks are made of: how long the server took, by the kernel's own stamp of arrival where there is one, so
that a late greenlet here is not blamed on the server; and how late this side was, so that one can see.
"""

from __future__ import annotations

import socket as plain_socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import gevent
from gevent import socket
from gevent.pool import Pool

from ivr.hosts.scripted_switch import ScriptedSwitch

READ_BYTES = 65_536
#: A caller left to the dialplan is followed this long.
AFTERLIFE_MS = 600_000
#: Linux: deliver the time of arrival with the data, in nanoseconds of the real-time clock.
SO_TIMESTAMPNS = 35


@dataclass(slots=True)
class CallResult:
    """What became of one call."""

    uuid: str
    fate: str  # ScriptedSwitch.fate
    problems: list[str]  # what the caller's script did not get, and what went wrong on the wire; empty: all well
    heard: list[str]
    duration_s: float
    latencies_ms: list[float] = field(default_factory=list)  # from an event to the server's next command
    lags_ms: list[float] = field(default_factory=list)  # how late this side did what was due


def place_call(
    host: str,
    port: int,
    switch: ScriptedSwitch,
    *,
    limit_s: float = 300.0,
    connect_s: float = 10.0,
    measure: bool = False,
) -> CallResult:
    """Play ``switch``'s call at the server on ``host:port`` to its end. Never raises for what the server does."""
    return _Conversation(host, port, switch, limit_s, connect_s, measure).run()


def run_calls(
    host: str,
    port: int,
    calls: Iterable[ScriptedSwitch],
    *,
    concurrency: int = 100,
    every_s: float = 0.0,
    limit_s: float = 300.0,
    measure: bool = False,
    on_result: Callable[[CallResult], None] | None = None,
) -> list[CallResult]:
    """Play ``calls``, at most ``concurrency`` at once, starting one every ``every_s`` at most. In order of ending."""
    results: list[CallResult] = []

    def play(switch: ScriptedSwitch) -> None:
        result = place_call(host, port, switch, limit_s=limit_s, measure=measure)
        results.append(result)
        if on_result:
            on_result(result)

    pool = Pool(concurrency)
    next_start = time.monotonic()
    for switch in calls:
        if (wait_s := next_start - time.monotonic()) > 0:
            gevent.sleep(wait_s)
        next_start = max(next_start, time.monotonic() - 1.0) + every_s  # a second late is caught up, more is not
        pool.spawn(play, switch)
    pool.join()
    return results


class _Conversation:
    def __init__(
        self, host: str, port: int, switch: ScriptedSwitch, limit_s: float, connect_s: float, measure: bool
    ) -> None:
        self._address, self._switch, self._limit_ms = (host, port), switch, limit_s * 1000
        self._connect_s, self._measure = connect_s, measure
        self._wire_problems: list[str] = []
        self._latencies: list[float] = []
        self._lags: list[float] = []
        self._asked_ns = 0  # when the event went out that the server has not answered yet
        self._cues = 0
        self._zero = 0.0
        self._before: list[socket.socket] = []  # connections that the call has left

    def run(self) -> CallResult:
        self._zero = time.monotonic()
        try:
            self._socket = socket.create_connection(self._address, timeout=self._connect_s)
        except OSError as error:
            return self._result(f"cannot connect to {self._address[0]}:{self._address[1]}: {error}")
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._measure:
                self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._zero = time.monotonic()
            self._switch.connect(0)
            try:
                self._converse()
            except ConnectionError:  # closed with our events unread, a connection ends so
                self._peer_gone("broke")
            except OSError as error:
                self._peer_gone(f"broke ({error})")
            if self._switch.faults.reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            for each in (*self._before, self._socket):
                each.close()
        return self._result()

    def _converse(self) -> None:
        switch = self._switch
        while not switch.closed:
            due, now = switch.next_due_ms, self._now_ms()
            if due is not None and due <= now:
                if self._measure:
                    self._lags.append(now - due)
                self._send(switch.advance(int(now)))
                if switch.comes_back:
                    self._connect_again()
                continue
            if now > self._limit_ms:
                self._wire_problems.append(f"the call did not end within {self._limit_ms / 1000:g} s")
                return
            wait_ms = min(due if due is not None else self._limit_ms + 1, self._limit_ms + 1) - now
            self._socket.settimeout(max(wait_ms, 0.1) / 1000)
            try:
                data, arrived_ns = self._receive()
            except TimeoutError:
                continue
            now = self._now_ms()
            if not data:
                self._peer_gone("closed")
                return
            if self._asked_ns:
                self._latencies.append((arrived_ns - self._asked_ns) / 1e6)
                self._asked_ns = 0
            self._send(switch.receive_data(data, int(now)))

    def _connect_again(self) -> None:
        """As FreeSWITCH's second `socket`: the first connection stays open, and nothing more is said on it."""
        self._before.append(self._socket)
        self._socket = socket.create_connection(self._address, timeout=self._connect_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._switch.reconnect(int(self._now_ms()))

    def _peer_gone(self, how: str) -> None:
        switch = self._switch
        switch.peer_closed(int(self._now_ms()))
        if switch.fate != "ended":
            self._wire_problems.append(f"the server {how} the connection during the call (caller: {switch.fate})")

    def _receive(self) -> tuple[bytes, int]:
        """What came, and when: by the kernel's stamp if it gives one."""
        if not self._measure:
            return self._socket.recv(READ_BYTES), 0
        data, extra, _, _ = self._socket.recvmsg(READ_BYTES, 64)
        for level, kind, value in extra:
            if level == plain_socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(value) >= 16:
                seconds, nanoseconds = struct.unpack_from("qq", value)
                return data, seconds * 1_000_000_000 + nanoseconds
        return data, time.time_ns()

    def _send(self, data: bytes) -> None:
        if not data:
            return
        if self._switch.cues != self._cues:
            self._cues = self._switch.cues
            self._asked_ns = time.time_ns() if self._measure else 0
        self._socket.settimeout(30.0)
        if self._switch.faults.dribble:
            for byte in data:
                self._socket.sendall(bytes((byte,)))
                gevent.sleep(0)
        else:
            self._socket.sendall(data)

    def _now_ms(self) -> float:
        return (time.monotonic() - self._zero) * 1000

    def _result(self, problem: str = "") -> CallResult:
        switch = self._switch
        after_ms = int(self._now_ms()) + AFTERLIFE_MS
        # Nobody listens any more: what still happens to the caller need not take real time.
        while not switch.over and (due := switch.next_due_ms) is not None and due < after_ms:
            switch.advance(due)
        if not problem:
            switch.caller.line_ended()
        return CallResult(
            uuid=switch.channel.uuid,
            fate=switch.fate,
            problems=([problem] if problem else []) + self._wire_problems + switch.caller.problems,
            heard=switch.caller.heard,
            duration_s=time.monotonic() - self._zero,
            latencies_ms=self._latencies,
            lags_ms=self._lags,
        )
