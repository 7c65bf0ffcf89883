"""The door: a listening socket whose connections are handed over one by one.

Law: knows sockets and the loop, nothing of calls. Whatever accepting a connection raises costs that connection at most,
never the door (fault 38): without a file descriptor to spare the others wait outside for a moment.
"""

from __future__ import annotations

import _socket
import errno
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from gevent import socket
from gevent.hub import get_hub

BACKLOG: Final = 1024
PAUSE_S: Final = 0.5
_READ: Final = 1  # gevent's name for "readable" in loop.io()

Log = Callable[..., None]


class Connection(Protocol):
    """What is handed over: the interpreter's own socket, which does not block. gevent's would bring what no call
    uses: an object of Python's around it, with a watcher for each direction.
    """

    def fileno(self) -> int: ...
    def setsockopt(self, level: int, option: int, value: int, /) -> None: ...
    def getsockopt(self, level: int, option: int, /) -> int: ...
    def close(self) -> None: ...


class Door:
    """``take(connection, address)`` is called in the hub and must not wait. Raises OSError when it cannot listen."""

    def __init__(
        self, address: tuple[str, int], take: Callable[[Connection, str], None], log: Log, keepalive: Mapping[str, int]
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        listener = _socket.socket(family, socket.SOCK_STREAM)
        self._listener: Any = listener  # typeshed leaves out _accept, which makes no second object of it
        self.take = take
        self._log = log
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        # Set on the listening socket, they hold for every connection. Without NODELAY a small reply can wait 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in keepalive.items():
            if hasattr(socket, name):  # not on every system
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self.address: tuple[str, int] = listener.getsockname()[:2]
        self._family = family
        self._loop: Any = get_hub().loop
        self._io: Any = self._loop.io(listener.fileno(), _READ)
        self._timer: Any = None
        self._closed = False

    def open(self) -> None:
        if not self._closed:
            self._io.start(self._knocked)

    def close(self) -> None:
        """Nobody is let in any more. May be said twice."""
        if not self._closed:
            self._closed = True
            self._io.stop()
            self._io.close()
            self._listener.close()

    def _knocked(self) -> None:
        """One is let in at a time, so that calls on the line have their turn: the loop tells of the next at once."""
        try:
            fd, peer = self._listener._accept()
        except (BlockingIOError, ConnectionAbortedError):  # it went away while it waited
            return
        except OSError as exc:
            self._log("accept_failed", why=os.strerror(exc.errno or 0), hint=_HINTS.get(exc.errno or 0, ""))
            self._io.stop()
            self._timer = self._loop.timer(PAUSE_S)
            self._timer.start(self.open)
            return
        os.set_blocking(fd, False)
        connection = _socket.socket(self._family, socket.SOCK_STREAM, 0, fd)
        try:
            self.take(connection, peer[0])
        except Exception:  # noqa: BLE001 - what one connection does to us must not keep the next one out
            self._log("call_crashed", peer=peer[0], exc_info=True)
            connection.close()


_MORE_FILES: Final = "raise `ulimit -n`, or lower `max_calls`"
_HINTS: Final = {errno.EMFILE: _MORE_FILES, errno.ENFILE: _MORE_FILES}
