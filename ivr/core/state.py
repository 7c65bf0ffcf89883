"""CallState: everything that is known of one call between two events.

Law: plain data, JSON round-trip safe at every wait. Containers inside are never changed in place, only replaced, so
that a copy of the state is a shallow copy and ``step`` can be pure and cheap at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_FIELDS: Final[dict[str, Any]] = {
    "call_id": "",
    "program": "",  # hash of the Program that this call runs on
    "node": "",  # the step the call is at
    "variables": {},  # facts, answers, what `set` made; flat names
    "now_ms": 0,
    "wait": 0,  # id of the wait that is open; ids only grow
    "waiting": "",  # what it waits for: "" (not started) | play | first | between | secret | record | dial | queue
    "phase": "",  # inside a step: "" | prompt | entry | confirm
    "typed": "",  # keys pressed ahead of the step that will use them
    "entry": "",  # keys of the entry under way
    "held": None,  # [value, keys] of an entry that waits to be confirmed
    "said": [],  # prompts of this attempt, where they are not the step's own
    "confirms": 0,  # attempts at confirming within the step
    "attempt": 0,  # attempts at the step since it was reached
    "attempt_ms": 0,  # when the attempt began
    "silences": 0,
    "wrongs": 0,
    "swallow": "",  # a habitual terminator still to be swallowed ...
    "swallow_ms": 0,  # ... until then
    "dialled_ms": 0,  # when the transfer, or the queue, that is open began
    "talked_ms": 0,  # spent in transfers and queues so far: not the flow's time
    "visits": {},  # question -> how often it was reached
    "runs": {},  # survey -> [occurrence, questions reached, answered, last question, open, seed]
    "orders": {},  # Shuffle -> [its entries' order, how many have been gone through]
    "failures": 0,  # named failures so far
    "overtime": False,  # the longest call time has passed and was acted on
    "ended": False,
}


class CallState:
    """One call's state. Fields and their meaning are in ``_FIELDS``; copies share what they hold.

    ``CallState(other)`` is a copy, ``CallState()`` a call that has not begun.
    """

    call_id: str
    program: str
    node: str
    variables: Mapping[str, Any]
    now_ms: int
    wait: int
    waiting: str
    phase: str
    typed: str
    entry: str
    held: Any
    said: list[str]
    confirms: int
    attempt: int
    attempt_ms: int
    silences: int
    wrongs: int
    swallow: str
    swallow_ms: int
    dialled_ms: int
    talked_ms: int
    visits: Mapping[str, int]
    runs: Mapping[str, list[Any]]
    orders: Mapping[str, list[Any]]
    failures: int
    overtime: bool
    ended: bool

    def __init__(self, like: CallState | None = None) -> None:
        if like is not None:
            self.call_id = like.call_id
            self.program = like.program
            self.node = like.node
            self.variables = like.variables
            self.now_ms = like.now_ms
            self.wait = like.wait
            self.waiting = like.waiting
            self.phase = like.phase
            self.typed = like.typed
            self.entry = like.entry
            self.held = like.held
            self.said = like.said
            self.confirms = like.confirms
            self.attempt = like.attempt
            self.attempt_ms = like.attempt_ms
            self.silences = like.silences
            self.wrongs = like.wrongs
            self.swallow = like.swallow
            self.swallow_ms = like.swallow_ms
            self.dialled_ms = like.dialled_ms
            self.talked_ms = like.talked_ms
            self.visits = like.visits
            self.runs = like.runs
            self.orders = like.orders
            self.failures = like.failures
            self.overtime = like.overtime
            self.ended = like.ended
            return
        self.call_id = ""
        self.program = ""
        self.node = ""
        self.variables = {}
        self.now_ms = 0
        self.wait = 0
        self.waiting = ""
        self.phase = ""
        self.typed = ""
        self.entry = ""
        self.held = None
        self.said = []
        self.confirms = 0
        self.attempt = 0
        self.attempt_ms = 0
        self.silences = 0
        self.wrongs = 0
        self.swallow = ""
        self.swallow_ms = 0
        self.dialled_ms = 0
        self.talked_ms = 0
        self.visits = {}
        self.runs = {}
        self.orders = {}
        self.failures = 0
        self.overtime = False
        self.ended = False

    def copy(self) -> CallState:
        return CallState(self)

    def to_json(self) -> dict[str, Any]:
        """What is not as it was at first: a state is written at every prompt, and most of it never changes."""
        found: dict[str, Any] = {}
        if self.call_id:
            found["call_id"] = self.call_id
        if self.program:
            found["program"] = self.program
        if self.node:
            found["node"] = self.node
        if self.variables:
            found["variables"] = self.variables
        if self.now_ms:
            found["now_ms"] = self.now_ms
        if self.wait:
            found["wait"] = self.wait
        if self.waiting:
            found["waiting"] = self.waiting
        if self.phase:
            found["phase"] = self.phase
        if self.typed:
            found["typed"] = self.typed
        if self.entry:
            found["entry"] = self.entry
        if self.held is not None:
            found["held"] = self.held
        if self.said:
            found["said"] = self.said
        if self.confirms:
            found["confirms"] = self.confirms
        if self.attempt:
            found["attempt"] = self.attempt
        if self.attempt_ms:
            found["attempt_ms"] = self.attempt_ms
        if self.silences:
            found["silences"] = self.silences
        if self.wrongs:
            found["wrongs"] = self.wrongs
        if self.swallow:
            found["swallow"] = self.swallow
        if self.swallow_ms:
            found["swallow_ms"] = self.swallow_ms
        if self.dialled_ms:
            found["dialled_ms"] = self.dialled_ms
        if self.talked_ms:
            found["talked_ms"] = self.talked_ms
        if self.visits:
            found["visits"] = self.visits
        if self.runs:
            found["runs"] = self.runs
        if self.orders:
            found["orders"] = self.orders
        if self.failures:
            found["failures"] = self.failures
        if self.overtime:
            found["overtime"] = self.overtime
        if self.ended:
            found["ended"] = self.ended
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CallState:
        state = cls()
        for name in _FIELDS:
            if name in data:
                setattr(state, name, data[name])
        return state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallState) and self.to_json() == other.to_json()

    def __repr__(self) -> str:
        return f"CallState({self.to_json()})"
