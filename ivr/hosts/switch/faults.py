"""What may go wrong on the way from the switch to the application, and the outlet that makes it go wrong.

Law: knows bytes, their order and their time; never what they mean (an event's name is only a label here).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mishap = Literal["drop", "twice", "late"]


@dataclass(frozen=True, slots=True)
class Faults:
    """None by default. Events are counted from 1 as they would be sent."""

    full: bool = True  # False: the dialplan says ``async`` without ``full``
    close_before_connect: bool = False  # accept, then close at once
    delay_ms: int = 0  # everything arrives this much later
    mishaps: Mapping[int | str, Mishap] = field(
        default_factory=dict
    )  # event's number, or its name; late: after the next
    cut_at_byte: int | None = None  # end of file after so many bytes, wherever that is
    close_at_ms: int | None = None  # end of file at a time, with no notice
    freeze_at_ms: int | None = None  # says nothing more, and does not close (SIGSTOP, half-open)
    inject: tuple[tuple[int, bytes], ...] = ()  # (at_ms, bytes) put on the wire between two messages
    notice_first: bool = False  # the linger notice comes before CHANNEL_HANGUP
    dribble: bool = False  # the wrapper sends one byte per segment
    reset: bool = False  # the wrapper ends with RST instead of FIN


class Outlet:
    """The bytes on their way. ``take`` gives what has arrived by now."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._inject = deque(sorted(faults.inject))
        self._late: bytes = b""
        self._events = 0
        self._sent = 0
        self._ends_ms: int | None = None
        self._frozen = False
        self.closed = False

    def put(self, data: bytes, now_ms: int, event: str = "") -> None:
        """``event`` is the label of an event; other messages are never lost or moved."""
        if self._ends_ms is not None:
            return
        if event:
            self._events += 1
            mishaps = self._faults.mishaps
            mishap = mishaps.get(self._events) or mishaps.get(event) if mishaps else None
            if mishap == "drop":
                return
            if mishap == "late":
                self._late += data
                return
            if mishap == "twice":
                data += data
            data, self._late = data + self._late, b""
        self._waiting.append((now_ms + self._faults.delay_ms, data))

    def end(self, now_ms: int) -> None:
        """End of file, after what is on its way."""
        if self._ends_ms is None:
            self._ends_ms = now_ms + self._faults.delay_ms

    @property
    def due_ms(self) -> int | None:
        if self.closed or self._frozen:
            return None
        dues = [self._ends_ms, self._waiting[0][0] if self._waiting else None]
        dues += [self._inject[0][0] if self._inject else None, self._faults.close_at_ms]
        return min((due for due in dues if due is not None), default=None)

    def take(self, now_ms: int) -> bytes:
        if self.closed or self._frozen:
            return b""
        faults = self._faults
        if faults.freeze_at_ms is not None and now_ms >= faults.freeze_at_ms:
            self._frozen = True
            return b""
        parts = []
        while self._inject and self._inject[0][0] <= now_ms:
            parts.append(self._inject.popleft()[1])
        while self._waiting and self._waiting[0][0] <= now_ms:
            parts.append(self._waiting.popleft()[1])
        data = b"".join(parts)
        if faults.cut_at_byte is not None and self._sent + len(data) >= faults.cut_at_byte:
            data = data[: faults.cut_at_byte - self._sent]
            self.closed = True
        self._sent += len(data)
        ends = [at for at in (self._ends_ms, faults.close_at_ms) if at is not None]
        if ends and now_ms >= min(ends) and not (self._waiting and self._ends_ms is not None):
            self.closed = True
        return data
