"""What runs on the switch: one application at a time, and at most one that is to follow.

Law: FreeSWITCH would nest or queue a second application; here it waits, or a prompt is stopped for it. Knows when one
should be over, never what it is for: that is ``performer``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ivr.esl import link as esl
from ivr.esl.commands import CommandError
from ivr.hosts.control import Control, SwitchLost


@dataclass(slots=True, init=False)
class Application:
    """``what``: play | secret | tone | record | dial | queue | talk. ``wait``: whose of the machine's."""

    what: str
    wait: int
    app: str
    argument: str
    expected_ms: int
    terminators: str
    detail: Any

    def __init__(
        self,
        what: str,
        wait: int,
        app: str,
        argument: str,
        expected_ms: int,
        terminators: str = "any",
        detail: Any = None,
    ) -> None:
        self.what = what
        self.wait = wait
        self.app = app
        self.argument = argument
        self.expected_ms = expected_ms
        self.terminators = terminators
        self.detail = detail


class Applications:
    """``running`` is on the switch, ``following`` starts as soon as that is over."""

    def __init__(self, control: Control) -> None:
        self.running: Application | None = None
        self.following: Application | None = None
        self._control = control
        self._terminators = "any"
        self._number = 0
        # A worker that takes over a call must not take the first worker's late completion for its own.
        self._prefix = f"cw{control.opened_ms & 0xFFFFFFFF:x}-"

    def number(self) -> int:
        """Another at each time: names what runs, and what it leaves on the channel."""
        self._number += 1
        return self._number

    def execute(self, wanted: Application) -> None:
        """Now, or as soon as the running application is over. Raises SwitchLost."""
        control = self._control
        if self.running is not None:
            self.following = wanted
            if self.running.what == "play" and control.due.break_ms is None:
                control.due.break_ms = control.now_ms + control.limits.break_ms
            return
        if control.link.state is not esl.State.UP:
            return
        control.expect_replies()
        event_uuid = f"{self._prefix}{self.number()}"
        try:
            if wanted.terminators != self._terminators:
                control.set("playback_terminators", wanted.terminators, tag="terminators")
                self._terminators = wanted.terminators
            control.send(control.link.execute(wanted.app, wanted.argument, event_uuid=event_uuid))
        except CommandError as exc:
            raise SwitchLost(f"{wanted.app}: {exc}") from exc
        self.goes_on(wanted, wanted.expected_ms + control.limits.application_ms)

    def goes_on(self, running: Application, within_ms: int) -> None:
        self.running = running
        self._control.due.application_ms = self._control.now_ms + within_ms

    def follow(self, wanted: Application) -> None:
        """After what has just ended, unless something else is to follow already."""
        self.following = self.following or wanted

    def next(self) -> Application | None:
        """What was to follow, and is now the caller's to start."""
        following, self.following = self.following, None
        return following

    # -- stopping ----------------------------------------------------------------------------------------

    def stop(self, wait: int) -> None:
        """The prompt of this wait. A key has stopped it already, most often; ``fall_silent`` is for when not."""
        if self.following is not None and self.following.wait == wait:
            self.following = None
        elif self.running is not None and self.running.what == "play":
            self._control.due.break_ms = self._control.now_ms + self._control.limits.break_ms

    def fall_silent(self) -> None:
        """It did not stop by itself. Raises SwitchLost."""
        self._control.due.break_ms = None
        self._control.expect_replies()
        self._control.send(self._control.link.stop_playback())

    # -- the end of one ----------------------------------------------------------------------------------

    def completed(self) -> Application | None:
        """The switch says that it is over. Gives what it was."""
        self._control.due.break_ms = None
        return self.refused()

    def refused(self) -> Application | None:
        """It never ran. Gives what it was."""
        running, self.running = self.running, None
        self._control.due.application_ms = None
        return running

    def abandon(self) -> None:
        """It is given up on; its completion, should it come, is nobody's."""
        self._control.link.abandon(self._control.link.running)
        self.running = None
        self._control.send(self._control.link.stop_playback())

    def forget(self) -> None:
        """The call is over, or is no longer ours."""
        self.running = self.following = None
