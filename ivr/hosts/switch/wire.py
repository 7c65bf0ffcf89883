"""Reading commands as FreeSWITCH reads them.

Law: bytes to commands; knows no command's meaning. Follows mod_event_socket's reader: an empty line ends a head, the
first line is the command, header names are case-insensitive and the first of a name wins, no value is URL-decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BODY = 16 * 1024 * 1024
MOST_HEAD = 10 * 1024 * 1024


class BadLength(Exception):
    """FreeSWITCH closes the connection on a Content-Length below 0 or above 16 MiB, and on an endless head."""


@dataclass(frozen=True, slots=True)
class Command:
    line: str
    headers: tuple[tuple[str, str], ...]  # as written, in order
    head: str  # the whole head: PRIVATE_COMMAND repeats it
    body: str

    def get(self, name: str) -> str:
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), "")

    @property
    def word(self) -> str:
        return self.line.partition(" ")[0]

    @property
    def rest(self) -> str:
        return self.line.partition(" ")[2].strip()


class CommandReader:
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[str, tuple[tuple[str, str], ...], str] | None = None
        self._wanted = 0

    def feed(self, data: bytes) -> list[Command]:
        self._buffer += data
        commands = []
        while (command := self._next()) is not None:
            commands.append(command)
        return commands

    @property
    def inside(self) -> bool:
        """Part of a command has come; FreeSWITCH sends no events until the rest does."""
        return self._head is not None or bool(self._buffer.strip(b"\r\n"))

    def _next(self) -> Command | None:
        if self._head is None:
            start = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
            del self._buffer[:start]
            ends = [
                (at, size)
                for mark in (b"\n\n", b"\r\n\r\n")
                if (at := self._buffer.find(mark)) >= 0
                for size in (len(mark),)
            ]
            if not ends:
                if len(self._buffer) > MOST_HEAD:
                    raise BadLength("the head of a command has no end")
                return None
            at, size = min(ends)
            head = bytes(self._buffer[:at]).decode("utf-8", "surrogateescape").replace("\r\n", "\n")
            del self._buffer[: at + size]
            first, *lines = head.split("\n")
            headers = tuple((n, v.lstrip()) for n, colon, v in (line.partition(":") for line in lines) if colon)
            self._head = (first.strip(), headers, head + "\n\n")
            length = next((v for n, v in headers if n.lower() == "content-length"), "0")
            self._wanted = int(length) if length.lstrip("-").isdecimal() else 0
            if not 0 <= self._wanted <= MOST_BODY:
                raise BadLength(f"Content-Length {length}")
        if len(self._buffer) < self._wanted:
            return None
        body = bytes(self._buffer[: self._wanted]).partition(b"\0")[0].decode("utf-8", "surrogateescape")
        del self._buffer[: self._wanted]
        command = Command(*self._head, body)
        self._head = None
        return command
