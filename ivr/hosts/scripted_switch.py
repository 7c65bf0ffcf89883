"""FreeSWITCH's outbound event socket for one call, imitated byte for byte, without a socket and without a clock.

Law: bytes and milliseconds in, bytes out. The caller is scripted, sounds are looked up, destinations are data: no
telephone, no file, no network. Proved against recordings of a real FreeSWITCH by tests/wire/test_scripted_switch.py.

    switch = ScriptedSwitch(ScriptedCaller([...]), uuid=..., sounds=lookup)
    switch.connect(now_ms)                     # the switch has reached the application; it says nothing yet
    data = switch.receive_data(data, now_ms)   # the application said something; what comes back at once
    data = switch.advance(now_ms)              # time has passed; what came of it
    switch.next_due_ms                         # call advance by then; None: only bytes can change anything
    switch.closed                              # the switch has closed its side
    switch.peer_closed(now_ms)                 # the application has
    switch.comes_back                          # the dialplan's `socket` has another connection to make:
    switch.reconnect(now_ms)                   # from here on all bytes are of that one
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from itertools import count

from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.switch.channel import Channel
from ivr.hosts.switch.faults import Faults, Outlet
from ivr.hosts.switch.line import Destination, ScriptedQueue, Sound
from ivr.hosts.switch.listener import CONNECT_LIMIT_MS, TRAP_MS, Listener
from ivr.hosts.switch.online import Plan
from ivr.hosts.switch.session import Session

__all__ = ["Destination", "Faults", "ScriptedQueue", "ScriptedSwitch", "Sound"]


class ScriptedSwitch:
    """One call. ``guard_ms``: the dialplan's sched_transfer before ``socket``, to ``fallback``.

    ``dialplan`` names what runs elsewhere: extension -> [(application, argument)], and under "" the actions after
    ``socket``. ``speed``: sounds last 1/speed of their length; nothing else is hurried.
    """

    def __init__(
        self,
        caller: ScriptedCaller,
        *,
        uuid: str,
        sounds: Callable[[str], Sound | None],
        caller_number: str = "1001",
        caller_name: str = "",
        called_number: str = "8001",
        variables: Mapping[str, str] | None = None,
        destinations: Mapping[str, Destination] | None = None,
        queues: Mapping[str, ScriptedQueue] | None = None,
        dialplan: Mapping[str, Plan] | None = None,
        faults: Faults | None = None,
        guard_ms: int | None = None,
        fallback: str = "fallback XML public",
        speed: float = 1.0,
        path: str = "",
    ) -> None:
        self.caller = caller
        self.faults = faults or Faults()
        socket_arg = "127.0.0.1:8084" + (f"/{path}" if path else "") + " async" + (" full" if self.faults.full else "")
        own = {"last_sched_id": "6"} if guard_ms is not None else {}
        own |= {"socket_path": path} if path else {}
        own |= {"current_application_data": socket_arg, "current_application": "socket", "socket_host": "127.0.0.1"}
        self.channel = Channel(uuid, caller_name, caller_number, called_number, own | dict(variables or {}), 0)
        self._outlet = Outlet(self.faults)
        self._listener = Listener(self.channel, self._outlet, self.faults)
        self._guard_ms, self._fallback = guard_ms, fallback
        self._alarms: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._up = False
        self._peer_closed = False
        self._session = Session(
            channel=self.channel,
            caller=caller,
            sounds=sounds,
            destinations=destinations or {},
            queues=queues or {},
            dialplan=dialplan or {},
            speed=speed,
            socket_arg=socket_arg,
            tell=self._listener.tell,
            at=self._at,
            ended=self._listener.ended,
            hanging_up=self._listener.hanging_up,
            guarded=guard_ms is not None,
        )
        self._listener.session = self._session

    # -- what happens ----------------------------------------------------------------------------------

    def connect(self, now_ms: int = 0) -> None:
        """The switch's connection has been accepted."""
        self._session.now = now_ms
        self.channel.change(created_ms=now_ms)
        self._up = True
        if self.faults.close_before_connect:
            self._outlet.end(now_ms)
            self._session.fate = "parked for ever"
            self._outlet.take(now_ms)
            return
        self._at(now_ms + CONNECT_LIMIT_MS, self._connect_limit)
        if self._guard_ms is not None:
            self._at(now_ms + self._guard_ms, self._guard)

    def receive_data(self, data: bytes, now_ms: int) -> bytes:
        self._run(now_ms)
        if not self.closed:
            self._listener.receive(data)
            self._session.settle()
        return self._outlet.take(now_ms)

    def advance(self, now_ms: int) -> bytes:
        self._run(now_ms)
        return self._outlet.take(now_ms)

    def peer_closed(self, now_ms: int) -> None:
        """The application has closed its side. What becomes of the caller is in ``fate``."""
        self._run(now_ms)
        if self._peer_closed:
            return
        self._peer_closed = True
        self._outlet.end(now_ms)
        self._outlet.take(now_ms + self.faults.delay_ms)
        connected = self._listener.connected_ms
        if self._session.fate == "ended":
            return
        if connected is None or now_ms - connected < TRAP_MS:
            self._session.fate = "parked for ever"
        elif self._session.fate == "in control":
            self._session.abandoned()
            self._session.settle()

    @property
    def comes_back(self) -> bool:
        return self._session.calls_worker and not self._session.cause

    def reconnect(self, now_ms: int) -> None:
        """Nothing more is told on the connection before, which in a real switch stays open and silent."""
        self._outlet = Outlet(self.faults)
        self._listener = Listener(self.channel, self._outlet, self.faults)
        self._listener.session = self._session
        self._session.connected_again(self._listener.tell, self._listener.ended, self._listener.hanging_up)
        self.channel.change(state="CS_EXECUTE", state_number="4")
        self._peer_closed = False
        self._at(now_ms + CONNECT_LIMIT_MS, self._connect_limit)
        if self._guard_ms is not None:
            self._session.guarded = True
            self._at(now_ms + self._guard_ms, self._guard)

    # -- what can be asked -----------------------------------------------------------------------------

    @property
    def next_due_ms(self) -> int | None:
        if not self._up:
            return None
        dues = [self._outlet.due_ms, self._alarms[0][0] if self._alarms else None]
        if self._session.fate != "parked for ever":
            dues.append(self._session.due_ms)
        return min((due for due in dues if due is not None), default=None)

    @property
    def closed(self) -> bool:
        """The switch has closed its side (after the bytes given so far)."""
        return self._outlet.closed

    @property
    def over(self) -> bool:
        """The call itself is over, whether or not the socket lingers."""
        return self._session.over

    @property
    def fate(self) -> str:
        """waiting | in control | with an agent | transferred | dialplan | parked for ever | ended."""
        return self._session.fate

    @property
    def cues(self) -> int:
        """How many events were sent after which an application has something to do: DTMF and completions."""
        return self._listener.cues

    # -- time ------------------------------------------------------------------------------------------

    def _at(self, at_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._alarms, (at_ms, next(self._order), action))

    def _run(self, now_ms: int) -> None:
        """Everything that is due by ``now_ms``, each at its own time and in order."""
        if not self._up:
            return
        session = self._session
        while True:
            alarm = self._alarms[0][0] if self._alarms else None
            due = None if session.fate == "parked for ever" else session.due_ms
            if alarm is not None and alarm <= now_ms and (due is None or alarm <= due):
                session.now = max(session.now, alarm)
                heapq.heappop(self._alarms)[2]()
                session.settle()
            elif due is not None and due <= now_ms:
                session.now = max(session.now, due)
                session.wake()
            else:
                break
        session.now = max(session.now, now_ms)

    def _connect_limit(self) -> None:
        if self._listener.connected_ms is None:
            self._session.fate = "parked for ever"
            self._listener.close()

    def _guard(self) -> None:
        if self._session.guarded:
            self._session.guarded = False
            if self._session.fate == "parked for ever":
                self._session.fate = "in control"
            self._session.transfer(self._fallback)
