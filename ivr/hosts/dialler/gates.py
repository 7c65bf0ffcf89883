"""Gates: what keeps a gateway or a switch from being used for a while.

Law: pure state and times in seconds, told from outside. A gateway is closed when its way fails again and again (then
one call tries it), and when what it says of people is not believable: numbers are burnt by a gateway that calls
everybody invalid, answers nobody, or drops whom it connects. A switch without room is left alone, twice as long each
time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from ivr.campaign.outcomes import OF_THE_WAY

_ANSWERED: Final = frozenset({"answered", "machine", "short", "opted_out"})


@dataclass(frozen=True, slots=True)
class Limits:
    failures: int = 5  # one after another: the gateway is closed
    rest_s: float = 30.0  # the first time; twice as long each time that the probe fails
    most_rest_s: float = 600.0
    watched: int = 40  # the last so many calls are looked at
    least: int = 30  # and not fewer
    least_answered: float = 0.03  # answer-seizure ratio below which it is closed
    most_short: float = 0.6  # of the answered, gone within 3 s
    most_invalid: float = 0.6  # of all
    distrust_s: float = 900.0


@dataclass(slots=True)
class Gate:
    """One gateway. ``open_at``: closed until then; ``why`` says what closed it."""

    limits: Limits = field(default_factory=Limits)
    open_at: float = 0.0
    why: str = ""
    _failures: int = 0
    _rest_s: float = 0.0
    _probing: bool = False
    _seen: deque[str] = field(default_factory=deque)

    def room(self, now: float) -> int | None:
        """How many calls it may have now: None no limit, 1 a probe, 0 none."""
        if now < self.open_at:
            return 0
        if self._rest_s:
            return 0 if self._probing else 1
        return None

    def sent(self, now: float) -> None:
        if self._rest_s and now >= self.open_at:
            self._probing = True

    def answered(self) -> None:
        """At the answer, and not when the call ends: who does not answer ends sooner, and of the first calls that ended
        none would have been answered.
        """
        self._failures, self._rest_s, self._probing = 0, 0.0, False
        self._note("answered")

    def ended(self, outcome: str, now: float, was_told: bool = False) -> str:
        """What became of a call; the text says why the gateway is closed by it, "" when it is not. ``was_told``: of its
        answer.
        """
        if outcome == "unknown":
            self._probing = False
            return ""
        if outcome in OF_THE_WAY:
            return self._failed(now)
        self._failures, self._rest_s, self._probing = 0, 0.0, False
        if not was_told:
            self._note(outcome)
        elif outcome == "short":
            if "answered" in self._seen:
                self._seen.remove("answered")
            self._note("short")
        return self._believed(now)

    def _note(self, outcome: str) -> None:
        self._seen.append(outcome)
        while len(self._seen) > self.limits.watched:
            self._seen.popleft()

    def _failed(self, now: float) -> str:
        limits = self.limits
        self._failures += 1
        if self._rest_s and not self._probing:
            return ""  # calls that were on their way when it was closed
        if not self._rest_s and self._failures < limits.failures:
            return ""
        self._rest_s = min(limits.most_rest_s, self._rest_s * 2 or limits.rest_s)
        self._probing, self.open_at = False, now + self._rest_s
        self.why = f"{self._failures} calls in a row failed on the way; tried again in {self._rest_s:g} s"
        return self.why

    def _believed(self, now: float) -> str:
        seen, limits = self._seen, self.limits
        if len(seen) < limits.least:
            return ""
        answered = sum(each in _ANSWERED for each in seen)
        short, invalid = seen.count("short"), seen.count("invalid")
        told = ""
        if answered < limits.least_answered * len(seen):
            told = f"{answered} of the last {len(seen)} calls were answered"
        elif invalid > limits.most_invalid * len(seen):
            told = f"{invalid} of the last {len(seen)} numbers were said to be invalid"
        elif answered >= limits.least // 3 and short > limits.most_short * answered:
            told = f"{short} of {answered} answered calls were gone within 3 s"
        if told:
            self.open_at, self.why = now + limits.distrust_s, f"{told}; no calls for {limits.distrust_s / 60:g} min"
            seen.clear()
            return self.why
        return ""


@dataclass(slots=True)
class Backoff:
    """A switch over its session limit or rate: nobody's failure, and nothing to hurry. After a pause one call tries
    it; each that gets a channel lets two more be sent before the switch has said of them whether they have one.
    """

    first_s: float = 0.5
    most_s: float = 5.0
    until: float = 0.0
    _wait_s: float = 0.0
    _window: int = 0  # 0: no limit
    _doubt: int = 0

    def room(self, now: float) -> int | None:
        """How many calls may be sent; None: any number."""
        if now < self.until:
            return 0
        return max(0, self._window - self._doubt) if self._window else None

    def sent(self) -> None:
        self._doubt += 1

    def taken(self) -> None:
        self._doubt = max(0, self._doubt - 1)
        self._wait_s = 0.0
        if self._window:
            self._window = self._window * 2 if self._window < 64 else 0

    def refused(self, now: float) -> bool:
        """True: this one begins a pause; those that were sent together are refused together."""
        self._doubt = max(0, self._doubt - 1)
        if now < self.until:
            return False
        self._wait_s = min(self.most_s, self._wait_s * 2 or self.first_s)
        self.until, self._window = now + self._wait_s, 1
        return True

    def forget(self) -> None:
        """What was sent on a connection that broke is not heard of."""
        self._doubt = 0
