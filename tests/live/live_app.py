"""An application of the tests' own on the outbound socket: asks a real switch what our notes claim."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from ivr.esl.conversation import LinkEvent, OtherEvent
from ivr.esl.event import Event
from ivr.esl.link import ApiReply, Connected, Disconnected, ExecuteDone, HungUp, Lost, OutboundLink, Reply


class Application:
    """Listens on ``port`` for one call. Blocking, each wait bounded."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(10)
        self.link = OutboundLink()
        self.channel: Event
        self.told: list[tuple[float, LinkEvent]] = []
        self._number = 0

    def accept(self) -> socket.socket:
        self.connection, _ = self._listener.accept()
        self._listener.close()
        return self.connection

    def answer(self, *events: str) -> None:
        """Take the call: connect, handshake, answer."""
        self.accept()
        self.connection.sendall(self.link.connect())
        told = self.until(lambda one: isinstance(one, Connected | Lost))
        assert isinstance(told, Connected), told
        self.channel = told.channel
        names = ("DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "PLAYBACK_START", "PLAYBACK_STOP", *events)
        self.connection.sendall(self.link.handshake(events=names, linger_s=3))
        self.execute("answer")

    def until(self, wanted: Callable[[LinkEvent], bool], timeout_s: float = 15.0) -> LinkEvent:
        """The next thing told that is wanted. The others stay in ``told``, with when they came."""
        until = time.monotonic() + timeout_s
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"it never came; told were {[one for _, one in self.told[-8:]]}")
            self.connection.settimeout(left)
            try:
                data = self.connection.recv(65_536)
            except TimeoutError:
                continue
            now = time.monotonic()
            told = self.link.receive_data(data) if data else self.link.receive_eof()
            self.told += [(now, one) for one in told]
            for one in told:
                if wanted(one):
                    return one

    def api(self, command: str, arguments: str = "") -> str:
        self.connection.sendall(self.link.api(command, arguments, tag=command))
        reply = self.until(lambda one: isinstance(one, ApiReply | Lost))
        assert isinstance(reply, ApiReply)
        return reply.body.strip()

    def begin(self, application: str, argument: str = "") -> str:
        self._number += 1
        uuid = f"t{self._number}"
        self.connection.sendall(self.link.execute(application, argument, event_uuid=uuid))
        return uuid

    def execute(self, application: str, argument: str = "", timeout_s: float = 30.0) -> Event:
        """Run it and give its completion."""
        uuid = self.begin(application, argument)
        return self.completion(uuid, timeout_s)

    def completion(self, uuid: str, timeout_s: float = 30.0) -> Event:
        done = self.until(
            lambda one: isinstance(one, HungUp | Lost) or (isinstance(one, ExecuteDone) and one.event_uuid == uuid),
            timeout_s,
        )
        assert isinstance(done, ExecuteDone), done
        return done.event

    def events(self, name: str) -> list[tuple[float, Event]]:
        return [(at, one.event) for at, one in self.told if isinstance(one, OtherEvent) and one.event.name == name]

    def hang_up(self) -> None:
        self.connection.sendall(self.link.kill())
        self.until(lambda one: isinstance(one, Disconnected | Lost))

    def close(self) -> None:
        for each in (self._listener, getattr(self, "connection", None)):
            if each is not None:
                each.close()

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


__all__ = ["Application", "Reply"]
