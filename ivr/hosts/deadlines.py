"""How long a call waits for its switch and its caller, and until when it waits now.

Law: milliseconds on the host's clock. It says what is due first; what is done about it is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the host waits for a switch, in milliseconds."""

    connect_ms: int = 5_000  # from accept to the reply to `connect`
    reply_ms: int = 10_000  # to a command
    application_ms: int = 15_000  # beyond what an application should take
    break_ms: int = 150  # for a prompt to stop by itself when a key was pressed
    kill_ms: int = 3_000  # from our hang-up to the switch's word of it
    same_key_ms: int = 120  # one key by two ways (RTP and INFO) is one key, beyond how long it was held
    longest_talk_ms: int = 4 * 3_600_000  # in a bridge
    linger_s: int = 5


class Deadlines:
    """When each thing is given up on; None where nothing is awaited."""

    def __init__(self, reply_ms: int) -> None:
        self.timer_ms: int | None = None  # the caller's next key
        self.application_ms: int | None = None  # the end of what runs
        self.break_ms: int | None = None  # a prompt that should stop by itself
        self.reply_ms: int | None = reply_ms  # the reply to the oldest command
        self.gone_ms: int | None = None  # the switch's word of how the call ended
        self.close_ms: int | None = None  # the switch closes the connection

    @property
    def soonest_ms(self) -> int | None:
        due = self.timer_ms
        if self.application_ms is not None and (due is None or self.application_ms < due):
            due = self.application_ms
        if self.break_ms is not None and (due is None or self.break_ms < due):
            due = self.break_ms
        if self.reply_ms is not None and (due is None or self.reply_ms < due):
            due = self.reply_ms
        if self.close_ms is not None and (due is None or self.close_ms < due):
            due = self.close_ms
        if self.gone_ms is not None and (due is None or self.gone_ms < due):
            due = self.gone_ms
        return due

    def forget(self) -> None:
        """Nothing is awaited any more but that the connection closes."""
        self.timer_ms = self.application_ms = self.break_ms = self.reply_ms = self.gone_ms = None
