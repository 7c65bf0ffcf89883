"""A queue without a call centre: how agents behave in a scripted call, and a caller's stay in it in virtual time.

Law: as for the simulator. What is said here of time and keys is what mod_callcenter does (docs/queues.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.core.effects import Enqueue
from ivr.core.events import QueueDone


@dataclass(frozen=True, slots=True)
class QueueEnd:
    """What becomes of callers in a queue. ``outcome``: answered (``after_ms`` in the queue, then a talk of
    ``talk_ms``) | waits (nobody answers) | no_agent | full | failed.
    """

    outcome: str = "answered"
    agent: str = "1001"
    after_ms: int = 2000
    talk_ms: int = 2000
    cause: str = "NORMAL_CLEARING"  # of the talk's end


#: Words of a scripted call for a queue that no agent answers.
UNANSWERED = ("waits", "no_agent", "full", "failed")


class SimulatedQueue:
    """One caller in a queue from ``now_ms`` on. ``playing``: what is announced now."""

    def __init__(self, wait: Enqueue, end: QueueEnd, now_ms: int, said: str, said_ms: int) -> None:
        self.playing = ""
        self._wait, self._end, self._began_ms = wait, end, now_ms
        self._said, self._said_ms = said, said_ms
        self._over_ms = now_ms + wait.wait_ms
        self._announce_ms = now_ms + wait.announce_ms if wait.announce_ms else None
        self._silent_ms: int | None = None
        self._talk_ms: int | None = None  # when the talk ends
        self._waited_ms = 0
        if end.outcome in ("no_agent", "full", "failed"):
            self._over_ms, self._announce_ms = now_ms, None
        elif end.outcome == "answered":
            self._over_ms = min(self._over_ms, now_ms + end.after_ms)

    @property
    def due_ms(self) -> int:
        if self._talk_ms is not None:
            return self._talk_ms
        dues = (self._over_ms, self._announce_ms, self._silent_ms)
        return min(due for due in dues if due is not None)

    def fall_due(self, now_ms: int) -> QueueDone | None:
        """What happens at ``due_ms``; the end of the stay if it is that."""
        if self._talk_ms is not None:
            return self._done(now_ms, "answered", agent=self._end.agent, cause=self._end.cause)
        if now_ms >= self._over_ms:
            return self._out_of_queue(now_ms)
        if self._silent_ms is not None and now_ms >= self._silent_ms:
            self._silent_ms, self.playing = None, ""
        elif self._announce_ms is not None:
            self._announce_ms = now_ms + self._wait.announce_ms
            self._silent_ms, self.playing = now_ms + self._said_ms, self._said
        return None

    def press(self, key: str, now_ms: int) -> QueueDone | None:
        if self._talk_ms is not None or key not in self._wait.keys:
            return None
        self._waited_ms = now_ms - self._began_ms
        return self._done(now_ms, "left", key=key)

    def _out_of_queue(self, now_ms: int) -> QueueDone | None:
        self._waited_ms, self.playing = now_ms - self._began_ms, ""
        if self._end.outcome in ("no_agent", "full", "failed"):
            return self._done(now_ms, self._end.outcome)
        if self._end.outcome == "answered" and self._waited_ms >= self._end.after_ms:
            self._talk_ms = now_ms + self._end.talk_ms
            return None
        return self._done(now_ms, "timed_out")

    def _done(self, now_ms: int, outcome: str, agent: str = "", cause: str = "", key: str = "") -> QueueDone:
        self.playing = ""
        return QueueDone(self._wait.wait, now_ms, outcome, agent, cause, self._waited_ms, key)
