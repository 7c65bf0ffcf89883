"""Wires: the control connections of a dialler over TCP, made again when they break.

Law: sockets, greenlets and pauses; what is said on them is ``control``'s. A password is in no log line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from gevent import socket
from gevent.event import Event as Flag

from ivr.hosts.dialler.control import Control, Down, Told
from ivr.hosts.dialler.dialler import Line

READ_BYTES = 65_536
CONNECT_S = 5.0
#: A switch that takes no byte for so long is no switch that lives.
SEND_S = 10.0
FIRST_PAUSE_S, MOST_PAUSE_S = 0.5, 15.0
#: A switch that vanished without a word: noticed after 10 s and 3 probes, also while nothing is said.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}

Log = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    password: str = field(repr=False)


class SwitchWire:
    """``flush`` sends what the line's control has to say."""

    def __init__(self, line: Line, address: Address, told: Callable[[str, Told], None], log: Log) -> None:
        self._line, self._address, self._told, self._log = line, address, told, log
        self._socket: socket.socket | None = None
        self._closing = Flag()
        self._was_up = False
        line.flush = self.flush

    def start(self) -> None:
        gevent.spawn(self._run)

    def close(self) -> None:
        self._closing.set()
        if self._socket is not None:
            self._socket.close()

    def flush(self) -> None:
        control, connection = self._line.control, self._socket
        data = control.data_to_send() if control is not None else b""
        if data and connection is not None and control is not None:
            try:
                connection.settimeout(SEND_S)
                connection.sendall(data)
                connection.settimeout(None)
            except OSError as error:
                self._broke(control, f"cannot send: {error}")

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._closing.is_set():
            self._was_up = False
            try:
                self._converse()
            except OSError as error:
                self._log("switch_missing", switch=self._line.name, why=str(error), again_in_s=pause_s)
            pause_s = FIRST_PAUSE_S if self._was_up else min(MOST_PAUSE_S, pause_s * 2)
            self._closing.wait(pause_s)

    def _converse(self) -> None:
        where = (self._address.host, self._address.port)
        connection = self._socket = socket.create_connection(where, timeout=CONNECT_S)
        control = self._line.control = Control(self._address.password, self._tell)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE.items():
                if hasattr(socket, name):  # not on every system
                    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            connection.settimeout(None)
            while not control.closed:
                data = connection.recv(READ_BYTES)
                if not data:
                    break
                control.receive_data(data)
                self.flush()
            self._broke(control, "the connection ended")
        except OSError as error:
            self._broke(control, str(error))
        finally:
            self._line.control, self._socket = None, None
            connection.close()

    def _tell(self, what: Told) -> None:
        self._was_up = self._was_up or not isinstance(what, Down)
        self._told(self._line.name, what)

    def _broke(self, control: Control, why: str) -> None:
        """Told once: a control that is closed says nothing more."""
        if not control.closed:
            control.receive_eof(why)
        if self._socket is not None:
            self._socket.close()
