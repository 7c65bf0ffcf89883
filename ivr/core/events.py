"""Events: everything that can happen to a call, as the machine is told it.

Law: plain data. ``at_ms`` is milliseconds since the call began on a monotonic clock of the host; the machine has
no clock of its own. ``wait`` names the wait that an event answers: one for another wait is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Started:
    """The caller is there. Facts (caller.number, called.number, ...) are in the state already."""

    at_ms: int = 0


@dataclass(slots=True, init=False)
class Digit:
    """One key, of ``0-9 * # A-D``. Hosts drop everything else."""

    key: str
    at_ms: int

    def __init__(self, key: str, at_ms: int) -> None:
        self.key = key
        self.at_ms = at_ms


@dataclass(slots=True, init=False)
class PlayDone:
    """A Play effect ended. ``status``: done | missing (a file is not there; nothing was heard) | broken."""

    wait: int
    at_ms: int
    status: str
    detail: str

    def __init__(self, wait: int, at_ms: int, status: str = "done", detail: str = "") -> None:
        self.wait = wait
        self.at_ms = at_ms
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class TimerFired:
    wait: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class SecretDone:
    """Secret keys, collected by the switch itself. ``outcome``: digits | noinput | nomatch | missing."""

    wait: int
    at_ms: int
    keys: str = ""
    outcome: str = "digits"
    timer: str = ""  # which timer ended it: first | between | "" (a key did)


@dataclass(frozen=True, slots=True)
class RecordDone:
    """``status``: done | empty | failed. ``file`` is a name under the recordings folder."""

    wait: int
    at_ms: int
    status: str = "done"
    file: str = ""
    duration_ms: int = 0
    key: str = ""  # the key that ended it, if one did


@dataclass(frozen=True, slots=True)
class TransferDone:
    """``outcome``: finished (the far end answered, talked, and left) | busy | no_answer | failed."""

    wait: int
    at_ms: int
    outcome: str = "finished"
    cause: str = ""  # the switch's own word, e.g. USER_BUSY
    agent: str = ""  # who was reached


@dataclass(frozen=True, slots=True)
class QueueDone:
    """``outcome``: answered (an agent and the caller talked, and do no more) | left (by ``key``) | timed_out |
    no_agent | full | failed. ``wait_ms`` until the agent answered, or the caller was out of the queue.
    """

    wait: int
    at_ms: int
    outcome: str = "answered"
    agent: str = ""
    cause: str = ""  # of the talk's end, in the switch's own word
    wait_ms: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The line is gone, for whatever ``cause``: always accepted, and nothing but Save may follow."""

    at_ms: int
    cause: str = "NORMAL_CLEARING"


Event = Started | Digit | PlayDone | TimerFired | SecretDone | RecordDone | TransferDone | QueueDone | HungUp
