"""The server: takes calls from FreeSWITCH on a port, one greenlet each, and keeps what callers say.

Law: sockets, clocks and signals are here and nowhere else; what a call does is ``freeswitch``'s. A peer that is no
FreeSWITCH, or a call that fails, costs one connection and one log line, never another call.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
from gevent import socket
from gevent.server import StreamServer

from ivr.core.effects import Effect, End
from ivr.esl.event import Event
from ivr.hosts.freeswitch import FreeSwitchCall, Limits, Router
from ivr.hosts.journal import Journal, Put
from ivr.hosts.keeper import Keeper
from ivr.hosts.wire import converse

BACKLOG = 1024
#: A socket that closes within 2 ms of the reply to `connect` leaves its caller parked for ever.
PARK_TRAP_S = 0.05
ACCEPT_PAUSE_S = 0.5
#: Calls being turned away at once; more are closed without a word.
SHED_AT_ONCE = 200
#: A switch that vanished without a word is noticed while its call is silent for an hour: after 30 s, 3 probes.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

Log = Callable[..., None]


class CallServer:
    """``put`` stores rows, ``allowed(address)`` says who may hand us calls, ``log(event, **fields)`` is told all.

    ``refusing()`` says why no new call can be taken (answers could not be kept), "" while all is well.
    """

    def __init__(
        self,
        address: tuple[str, int],
        router: Router,
        put: Put,
        log: Log,
        *,
        allowed: Callable[[str], bool] = lambda address: True,
        max_calls: int = 1000,
        limits: Limits | None = None,
        refusing: Callable[[], str] = lambda: "",
        on_effect: Callable[[FreeSwitchCall, Effect], None] | None = None,
    ) -> None:
        self.calls: dict[int, FreeSwitchCall] = {}
        self._router, self._put, self._log = router, put, log
        self._allowed, self._max_calls, self._limits, self._on_effect = allowed, max_calls, limits, on_effect
        self._refusing = refusing
        self._number = 0
        self._shedding = 0
        self.draining = False
        listener = socket.socket(_family(address[0]), socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        # Set on the listening socket, they hold for every connection. Without NODELAY a small reply can wait 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):  # not on every system
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._server = _Door(listener, self._handle, log)
        self.address: tuple[str, int] = listener.getsockname()[:2]

    def start(self) -> None:
        self._server.start()

    def drain(self, timeout_s: float, hurry: Callable[[], bool] = lambda: False) -> int:
        """Take no more calls, let those on the line finish. Gives how many were left in the end."""
        self.draining = True
        self._server.stop_accepting()
        self._server.close()
        until_ms = _now_ms() + timeout_s * 1000
        while self.calls and _now_ms() < until_ms and not hurry():
            gevent.sleep(0.05)
        left = list(self.calls.values())
        for call in left:
            call.leave()
        return len(left)

    # -- one connection ----------------------------------------------------------------------------------

    def _handle(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        if not self._allowed(peer[0]):
            self._log("peer_refused", peer=peer[0], why="not in `allow` of callweave.yaml")
            connection.close()
            return
        why = self._refusing()
        if len(self.calls) >= self._max_calls:
            why = f"{len(self.calls)} calls are on the line, as many as `max_calls` allows"
        if why:
            self._shed(connection, peer[0], why)
            return
        self._number += 1
        number = self._number
        call = FreeSwitchCall(
            self._router,
            _now_ms(),
            limits=self._limits,
            on_start=self._started,
            log=self._log_of(peer[0]),
        )
        self.calls[number] = call
        try:
            converse(connection, call)
        except Exception:  # noqa: BLE001 - one call's bug must not be another call's end (fault 129)
            # The socket closes without our hang-up: the dialplan's next action takes the caller on.
            self._log("call_crashed", call=call.call_id, peer=peer[0], exc_info=True)
            self._bury(call)
            gevent.sleep(PARK_TRAP_S)
        finally:
            del self.calls[number]
            with contextlib.suppress(OSError):
                connection.close()

    def _shed(self, connection: socket.socket, peer: str, why: str) -> None:
        """A call too many goes on with the dialplan's next action: another worker, perhaps. To be closed before it has
        been greeted would park its caller in silence until the dialplan's guard (faults 22 and 38).
        """
        told = self._log_of(peer)

        def log(event: str, **fields: Any) -> None:
            told("call_shed" if event == "no_flow" else event, **fields)

        if self._shedding >= SHED_AT_ONCE:
            log("call_shed", detail=why)
            return
        self._shedding += 1
        try:
            converse(connection, FreeSwitchCall(lambda channel: why, _now_ms(), limits=self._limits, log=log))
        finally:
            self._shedding -= 1
            connection.close()

    def _bury(self, call: FreeSwitchCall) -> None:
        """A crashed call is ended in the books, if what broke it lets that happen."""
        try:
            call.receive_eof(_now_ms())
        except Exception:  # noqa: BLE001 - its answers were kept as they were given
            self._log("call_crashed", call=call.call_id, what="its end", exc_info=True)

    def _started(self, call: FreeSwitchCall, channel: Event) -> None:
        """The call is known: from here on its effects are kept."""
        route = call.route
        assert route is not None
        assert call.state is not None
        program, known = route.program, route.facts
        now = datetime.now(UTC)
        taken_over_ms = route.taken_over[1] if route.taken_over else None
        journal = Journal(self._put, call.call_id, now - timedelta(milliseconds=taken_over_ms or 0))
        who = {"caller": known["caller.number"], "called": known["called.number"]}
        if taken_over_ms is None:
            journal.begin(program, **who, language=program.languages[0])
        event = "call_started" if taken_over_ms is None else "call_taken_over"
        self._log(event, call=call.call_id, flow=program.flow, **who)

        def ended(effect: End) -> None:
            how = {"by": effect.by, "step": effect.node, "cause": effect.cause}
            self._log("call_ended", call=call.call_id, flow=program.flow, **how)

        keeper = Keeper(journal, program, call, ended, self._on_effect)
        call.on_effect = keeper.keep

    def _log_of(self, peer: str) -> Log:
        return lambda event, **fields: self._log(event, peer=peer, **fields)


class _Door(StreamServer):
    """Accepts connections. Without a file descriptor to spare they wait at the door for a moment (fault 38)."""

    def __init__(self, listener: socket.socket, handle: Callable[..., None], log: Log) -> None:
        self._log = log
        super().__init__(listener, handle, spawn=gevent.spawn_raw)  # type: ignore[call-overload] # its stub leaves out what its docs offer

    def do_read(self) -> Any:
        try:
            return super().do_read()
        except OSError as exc:
            if exc.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._log("accept_failed", why=os.strerror(exc.errno), hint="raise `ulimit -n`, or lower `max_calls`")
            self.stop_accepting()
            gevent.spawn_later(ACCEPT_PAUSE_S, self._again)
            return None

    def _again(self) -> None:
        if self.started:
            self.start_accepting()


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
