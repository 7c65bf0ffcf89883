"""A scripted caller: hears sound and silence, presses keys, hangs up. The same on every line.

Law: knows only what a person on the telephone knows: that something is being said (and what), that it is silent, and
how much time has passed. It never sees the machine. Time is the line's, in milliseconds; nothing here waits.

The simulator, the scripted switch and a plan for a real one all drive this class, which is what makes a script mean
the same thing on all three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: A person answers a question this long after it ends, and interrupts this long after it began.
THINK_MS = 400
INTERRUPT_MS = 300
#: From one key to the next.
KEY_GAP_MS = 200


@dataclass(frozen=True, slots=True)
class Hears:
    """Wait until something is said that contains ``what``: a prompt's name, or part of its text."""

    what: str


@dataclass(frozen=True, slots=True)
class Press:
    """Once it is silent, press ``keys``."""

    keys: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """While something is being said, press ``keys`` over it (typing ahead if there are many)."""

    keys: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Say and press nothing until something else is said."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for ``ms``, whatever happens on the line."""

    ms: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Once it is silent, speak for ``ms`` (into a recording)."""

    ms: int


@dataclass(frozen=True, slots=True)
class HangsUp:
    """Hang up, INTERRUPT_MS after the last thing that happened."""


Action = Hears | Press | Interrupt | Silence | Pause | Speak | HangsUp


@dataclass(frozen=True, slots=True)
class Key:
    key: str


@dataclass(frozen=True, slots=True)
class Voice:
    ms: int


@dataclass(frozen=True, slots=True)
class Gone:
    pass


Act = Key | Voice | Gone


class ScriptedCaller:
    """Follows ``script``. The line reports sounds, asks ``due_ms``, and carries out what ``act`` gives."""

    def __init__(self, script: Sequence[Action], start_ms: int = 0) -> None:
        self._script = list(script)
        self._index = 0
        self._since_ms = start_ms  # when the current action became the current one
        self._playing = ""  # what is being said now
        self._last = ""  # what was said last, for messages
        self._sound_ms = start_ms  # when sound last began or ended
        self._left = ""  # keys still to press of the current action
        self._key_due_ms = 0
        self.problems: list[str] = []
        self.heard: list[str] = []
        self.log: list[tuple[int, str, str]] = []  # (ms, hears | presses | speaks | hangs up, what)

    # -- what the line reports ------------------------------------------------------------------------

    def sound_started(self, said: str, now_ms: int) -> None:
        self._playing, self._last, self._sound_ms = said, said, now_ms
        self.heard.append(said)
        self.log.append((now_ms, "hears", said))
        action = self._action()
        if isinstance(action, Silence):
            self._advance(now_ms)
            action = self._action()
        if isinstance(action, Hears) and action.what in said:
            self._advance(now_ms)

    def sound_ended(self, now_ms: int) -> None:
        self._playing = ""
        self._sound_ms = now_ms

    def line_ended(self) -> None:
        """The call is over. What the script still wanted is a problem, but for a silence or a hang-up."""
        rest = [a for a in self._script[self._index :] if not isinstance(a, HangsUp | Silence | Pause)]
        if rest:
            self.problems.append(f"the call ended, but the script goes on: {_words(rest[0])}{self._heard_last()}")
        self._index = len(self._script)

    # -- what the caller does -------------------------------------------------------------------------

    @property
    def waiting(self) -> str:
        """What the script is at, in words; "" when it is done."""
        action = self._action()
        return _words(action) if action else ""

    @property
    def due_ms(self) -> int | None:
        """When the caller does something if nothing else happens before; None: only if something is heard."""
        action = self._action()
        match action:
            case Press() | Interrupt() if self._left:
                return self._key_due_ms
            case Press() | Speak():
                return None if self._playing else max(self._since_ms, self._sound_ms) + THINK_MS
            case Interrupt():
                return max(self._since_ms, self._sound_ms) + INTERRUPT_MS if self._playing else None
            case Pause(ms):
                return self._since_ms + ms
            case HangsUp():
                return self._since_ms + INTERRUPT_MS
        return None

    def act(self, now_ms: int) -> list[Act]:
        """What happens at ``now_ms``; empty when it is not time yet."""
        due = self.due_ms
        action = self._action()
        if due is None or now_ms < due or action is None:
            return []
        if isinstance(action, Press | Interrupt):
            keys = self._left or action.keys
            self._left = keys[1:]
            self._key_due_ms = now_ms + KEY_GAP_MS
            if not self._left:
                self._advance(now_ms)
            self._did(now_ms, "presses", keys[:1])
            return [Key(keys[0])] if keys else []
        self._advance(now_ms)
        if isinstance(action, Speak):
            self._since_ms = now_ms + action.ms
            self._did(now_ms, "speaks", f"{action.ms / 1000:g} s")
            return [Voice(action.ms)]
        if isinstance(action, HangsUp):
            self._did(now_ms, "hangs up", "")
            return [Gone()]
        return []

    # -- inside ----------------------------------------------------------------------------------------

    def _action(self) -> Action | None:
        return self._script[self._index] if self._index < len(self._script) else None

    def _did(self, now_ms: int, verb: str, what: str) -> None:
        """Keys pressed in one go are one line of the log."""
        if verb == "presses" and self.log and self.log[-1][1] == "presses":
            when, _, before = self.log.pop()
            now_ms, what = when, before + what
        self.log.append((now_ms, verb, what))

    def _advance(self, now_ms: int) -> None:
        self._index += 1
        self._since_ms = now_ms
        self._left = ""

    def _heard_last(self) -> str:
        return f' (heard last: "{self._last}")' if self._last else " (nothing was heard)"


def _words(action: Action) -> str:
    match action:
        case Hears(what):
            return f'hears "{what}"'
        case Press(keys):
            return f"press {keys}"
        case Interrupt(keys):
            return f"interrupt {keys}"
        case Pause(ms):
            return f"wait {ms / 1000:g}s"
        case Speak(ms):
            return f"speak {ms / 1000:g}s"
        case Silence():
            return "silence"
    return "hang up"
