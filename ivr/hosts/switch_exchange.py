"""The scripted switch's control side over TCP: whole campaigns without a FreeSWITCH.

Law: sockets, clocks and greenlets; who answers and what they say is scripted (``hosts.switch.exchange``,
``hosts.scripted_switch``). An answered call is connected to our server as FreeSWITCH's ``socket`` application would.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket
from gevent.server import StreamServer

from ivr.hosts.scripted_switch import ScriptedSwitch
from ivr.hosts.switch.exchange import Exchange, Outbound, Peer
from ivr.hosts.switch_client import CallResult, place_call

READ_BYTES = 65_536
STEP_S = 0.02
LIMIT_S = 600.0


class ExchangeServer:
    """``talk(call)`` gives the switch that plays an answered call, or None: then its party hangs up by the clock.

    ``speed``: time on this switch goes so much faster, but for calls that are played at a server.
    """

    def __init__(
        self,
        exchange: Exchange,
        address: tuple[str, int] = ("127.0.0.1", 0),
        *,
        talk: Callable[[Outbound], ScriptedSwitch | None] = lambda call: None,
        speed: float = 1.0,
        on_result: Callable[[Outbound, CallResult], None] = lambda call, result: None,
    ) -> None:
        self.exchange, self._talk, self._speed, self._on_result = exchange, talk, speed, on_result
        self._zero = time.monotonic()
        self._peers: dict[int, tuple[Peer, Any]] = {}
        exchange.on_answer = self._answered
        self._server = StreamServer(address, self._handle)
        self._server.start()
        self.address: tuple[str, int] = self._server.socket.getsockname()[:2]
        self._clock = gevent.spawn(self._run)

    def close(self) -> None:
        self._server.stop()
        self._clock.kill()
        for _, connection in list(self._peers.values()):
            connection.close()

    def wait(self, seconds: float) -> None:
        """Lets the switch and its calls go on meanwhile."""
        gevent.sleep(seconds)

    def _now_ms(self) -> int:
        return int((time.monotonic() - self._zero) * 1000 * self._speed)

    def _handle(self, connection: Any, _address: Any) -> None:
        peer = self.exchange.connect(self._now_ms())
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peers[id(peer)] = (peer, connection)
        try:
            self._flush()
            while data := connection.recv(READ_BYTES):
                self.exchange.receive_data(peer, data, self._now_ms())
                self._flush()
        except OSError:
            pass  # a peer that was killed: its side of the story ends here
        finally:
            self.exchange.disconnect(peer)
            self._peers.pop(id(peer), None)
            connection.close()

    def _run(self) -> None:
        while True:
            self.exchange.advance(self._now_ms())
            self._flush()
            gevent.sleep(STEP_S)

    def _flush(self) -> None:
        for peer, connection in list(self._peers.values()):
            if peer.out:
                data = bytes(peer.out)
                peer.out.clear()
                try:
                    connection.sendall(data)
                except OSError:
                    self.exchange.disconnect(peer)
            if peer.closed:
                connection.close()

    def _answered(self, call: Outbound) -> None:
        switch = self._talk(call)
        if switch is not None:
            gevent.spawn(self._play, call, switch)

    def _play(self, call: Outbound, switch: ScriptedSwitch) -> None:
        """At the first server that lets it in, as `socket host|host` does."""
        for where in call.hosts:
            host, _, port = where.rpartition(":")
            result = place_call(host, int(port), switch, limit_s=LIMIT_S)
            if not any("cannot connect" in problem for problem in result.problems):
                break
        self._on_result(call, result)
        # One channel on a real switch, two objects here: what the flow has marked is in its last event.
        for name, value in switch.channel.variables.items():
            if name.startswith("callweave_") and isinstance(value, str):
                call.channel.set(name, value)
        by_party = switch.channel.get("sip_term_status") == "200"
        self.exchange.hang_up(call.uuid, self._now_ms(), by_party=by_party)
        self._flush()
