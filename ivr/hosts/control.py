"""Our control of one channel: what is said to the switch, what time it is, by when the switch has to answer.

Law: bytes and milliseconds. It knows that each command has one reply; why a command is given, and what becomes of a
call whose switch is silent, it does not. ``SwitchLost`` is how whatever uses it says that the switch cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ivr.esl import event as esl_event
from ivr.esl import link as esl
from ivr.esl.link import OK_BYTES
from ivr.hosts.deadlines import Deadlines, Limits

#: What the machine needs to know, and nothing more: each event is about 6 kB to receive.
EVENTS: Final = ("DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP")
#: A bridge that fails or ends comes back to us; any key stops a prompt.
CHANNEL_VARIABLES: Final = (
    ("playback_terminators", "any"),
    ("continue_on_fail", "true"),
    ("hangup_after_bridge", "false"),
)
#: Handshake and the busiest step come to about ten.
MOST_UNANSWERED: Final = 20


class SwitchLost(Exception):
    """The switch does not do its part: the call cannot go on with it."""


class Control:
    """``now_ms`` is set by the host at each turn; ``opened_ms`` is when the call began, by the same clock."""

    def __init__(self, opened_ms: int, limits: Limits, log: Callable[..., None]) -> None:
        self.link = esl.OutboundLink()
        self.limits = limits
        self.now_ms = opened_ms
        self.opened_ms = opened_ms
        self.due = Deadlines(opened_ms + limits.connect_ms)
        self._tell = log
        self._out: list[bytes] = [self.link.connect()]

    @property
    def at_ms(self) -> int:
        """How long the call has lasted."""
        return self.now_ms - self.opened_ms

    def passed(self, deadline_ms: int | None) -> bool:
        return deadline_ms is not None and deadline_ms <= self.now_ms

    def log(self, event: str, **fields: Any) -> None:
        self._tell(event, call=self.link.uuid, **fields)

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    # -- what is said ------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if data:
            self._out.append(data)
            if self.due.reply_ms is None:
                self.due.reply_ms = self.now_ms + self.limits.reply_ms

    def api(self, command: str, arguments: str, tag: str) -> None:
        self.send(self.link.api(command, arguments, tag=tag))

    def set(self, name: str, value: object, tag: str) -> None:
        """A channel variable."""
        self.send(self.link.api("uuid_setvar", f"{self.link.uuid} {name} {value}", tag=tag))

    def set_all(self, variables: Mapping[str, str], tag: str = "variables") -> None:
        said = ";".join(f"{name}={value}" for name, value in variables.items())
        self.send(self.link.api("uuid_setvar_multi", f"{self.link.uuid} {said}", tag=tag))

    def unset(self, *variables: str) -> None:
        """Every later event would carry them."""
        for variable in variables:
            self.send(self.link.api("uuid_setvar", f"{self.link.uuid} {variable}", tag="forget"))

    def subscribe(self, cancel_guard: bool) -> None:
        """The first words to a switch that has said whose call this is."""
        self.send(self.link.handshake(events=EVENTS, linger_s=self.limits.linger_s, cancel_guard=cancel_guard))

    def greet(self, channel: esl_event.Event) -> None:
        """As ``subscribe``, for a call that is ours from here on."""
        # Without a guard in the dialplan there is none to cancel: sched_transfer leaves its id behind.
        self.subscribe(cancel_guard=bool(channel.get("variable_last_sched_id", "")))
        wanted = {name: value for name, value in CHANNEL_VARIABLES if channel.get(f"variable_{name}") != value}
        if wanted:  # our own dialplan has set them
            self.set_all(wanted)

    # -- what is answered --------------------------------------------------------------------------------

    @property
    def quiet_bytes(self) -> int:
        """Of plain replies that are awaited, or of one that is late: so many bytes are no news."""
        if self.link.in_a_frame:  # the switch's last word is cut: its rest, however short
            return 0
        return max(OK_BYTES, self.link.quiet_bytes)

    def replied(self) -> None:
        """Replies come in order: one came, so the switch is alive, and the next has its full time."""
        self.due.reply_ms = self.now_ms + self.limits.reply_ms

    def expect_replies(self) -> None:
        """A switch that tells of keys and completions but answers nothing is none."""
        if len(self.link.pending_tags) >= MOST_UNANSWERED:
            raise SwitchLost(f"it leaves {MOST_UNANSWERED} commands without a reply")
