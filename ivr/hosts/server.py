"""The server: takes calls from FreeSWITCH on a port, each on its own wire, and keeps what callers say.

Law: who may connect, how many calls there are, and what becomes of one that is over or fails; what a call does is
``freeswitch``'s, when it does it ``wire``'s. A peer that is no FreeSWITCH, or a call that fails, costs one connection
and one log line, never another call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import gevent
from gevent.hub import get_hub

from ivr.core.effects import Effect, End
from ivr.esl.event import Event
from ivr.hosts.door import Connection, Door
from ivr.hosts.freeswitch import FreeSwitchCall, Later, Limits, Route, Router
from ivr.hosts.journal import Journal, Put, person
from ivr.hosts.keeper import Keeper
from ivr.hosts.wire import Wire

#: A socket that closes within 2 ms of the reply to `connect` leaves its caller parked for ever.
PARK_TRAP_S = 0.05
#: Calls being turned away at once; more are closed without a word.
SHED_AT_ONCE: Final = 200
#: A switch that vanished without a word is noticed while its call is silent for an hour: after 30 s, 3 probes.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

Log = Callable[..., None]


class CallServer:
    """``put`` stores rows, ``allowed(address)`` says who may hand us calls, ``log(event, **fields)`` is told all.

    ``ended(call, end)`` is told of every call that is over, and must not wait. ``discard(file)`` removes a recording
    that was only listened to. ``normal(number)`` spells it as lists do. ``refusing()`` says why no new call can be
    taken (answers could not be kept), "" while all is well.
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
        discard: Callable[[str], None] = lambda file: None,
        ended: Callable[[FreeSwitchCall, End], None] = lambda call, end: None,
        normal: Callable[[str], str] = lambda number: number,
        on_effect: Callable[[FreeSwitchCall, Effect], None] | None = None,
    ) -> None:
        self.calls: dict[int, FreeSwitchCall] = {}
        self._by_id: dict[str, FreeSwitchCall] = {}  # the one that has each call now
        self._router, self._put, self._log = router, put, log
        self._allowed, self._max_calls, self._limits, self._on_effect = allowed, max_calls, limits, on_effect
        self._refusing, self._discard, self._ended, self._normal = refusing, discard, ended, normal
        self._number = 0
        self._shedding = 0
        self.draining = False
        self.door = Door(address, self._handle, log, KEEPALIVE)
        self.address = self.door.address

    def start(self) -> None:
        self.door.open()

    def drain(self, timeout_s: float, hurry: Callable[[], bool] = lambda: False) -> int:
        """Take no more calls, let those on the line finish. Gives how many were left in the end."""
        self.draining = True
        until_ms = _now_ms() + timeout_s * 1000
        while self.calls and _now_ms() < until_ms and not hurry():
            if not any(call.queued for call in self.calls.values()):  # who is with an agent will want to come back
                self.door.close()
            gevent.sleep(0.05)
        self.door.close()
        left = list(self.calls.values())
        for call in left:
            call.leave()
        return len(left)

    # -- one connection ----------------------------------------------------------------------------------

    def _handle(self, connection: Connection, peer: str) -> None:
        if not self._allowed(peer):
            self._log("peer_refused", peer=peer, why="not in `allow` of callweave.yaml")
            connection.close()
            return
        why = self._refusing()
        if len(self.calls) >= self._max_calls and self._on_line() >= self._max_calls:
            why = f"{self._on_line()} calls are on the line, as many as `max_calls` allows"
        if why:
            self._shed(connection, peer, why)
            return
        self._number += 1
        number = self._number
        call = FreeSwitchCall(
            self._route,
            _now_ms(),
            limits=self._limits,
            on_start=self._started,
            log=self._log_of(peer),
        )
        self.calls[number] = call

        def gone() -> None:
            del self.calls[number]
            if self._by_id.get(call.call_id) is call:
                del self._by_id[call.call_id]
            connection.close()

        def over(error: Exception | None) -> None:
            if error is None:
                gone()
                return
            # One call's bug must not be another call's end (fault 129). The socket closes without our hang-up: the
            # dialplan's next action takes the caller on.
            self._log("call_crashed", call=call.call_id, peer=peer, exc_info=error)
            self._bury(call)
            get_hub().loop.timer(PARK_TRAP_S).start(gone)

        Wire(connection, call, over).open()

    def _shed(self, connection: Connection, peer: str, why: str) -> None:
        """A call too many goes on with the dialplan's next action: another worker, perhaps. To be closed before it has
        been greeted would park its caller in silence until the dialplan's guard (faults 22 and 38).
        """
        told = self._log_of(peer)

        def log(event: str, **fields: Any) -> None:
            told("call_shed" if event == "no_flow" else event, **fields)

        def over(error: Exception | None) -> None:
            self._shedding -= 1
            connection.close()
            if error is not None:
                log("call_crashed", exc_info=error)

        if self._shedding >= SHED_AT_ONCE:
            log("call_shed", detail=why)
            connection.close()
            return
        self._shedding += 1
        Wire(connection, FreeSwitchCall(lambda channel: why, _now_ms(), limits=self._limits, log=log), over).open()

    def _route(self, channel: Event) -> Route | str | Later:
        """A call that was with an agent comes back on a connection of its own: it goes on where it was."""
        found = self._router(channel)
        before = self._by_id.get(channel.get("Unique-ID", ""))
        if before is None or isinstance(found, str):
            return self._came_late(found)
        return before.hand_over(_now_ms()) or self._came_late(found)

    def _came_late(self, found: Route | str | Later) -> Route | str | Later:
        return "the server is being stopped" if self.draining else found

    def _on_line(self) -> int:
        """Callers who talk with an agent ask nothing of us, and must find us when they come back."""
        return sum(not call.idle for call in self.calls.values())

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
        self._by_id[call.call_id] = call
        now = datetime.now(UTC)
        taken_over_ms = route.taken_over[1] if route.taken_over else None
        journal = Journal(self._put, call.call_id, now - timedelta(milliseconds=taken_over_ms or 0), self._normal)
        who = {"caller": person(known), "called": known["called.number"]}
        if taken_over_ms is None:
            journal.begin(program, **who, language=program.languages[0])
        event = "call_started" if taken_over_ms is None else "call_taken_over"
        event = event if route.waited_ms is None else "call_came_back"
        self._log(event, call=call.call_id, flow=program.flow, **who)

        def ended(effect: End) -> None:
            how = {"by": effect.by, "step": effect.node, "cause": effect.cause}
            self._log("call_ended", call=call.call_id, flow=program.flow, **how)
            self._ended(call, effect)

        call.discard = self._discard
        keeper = Keeper(journal, program, call, ended, self._on_effect)
        call.on_effect = keeper.keep

    def _log_of(self, peer: str) -> Log:
        return lambda event, **fields: self._log(event, peer=peer, **fields)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
