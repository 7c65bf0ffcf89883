"""CallState: everything that is known of one call between two events.

Law: plain data, JSON round-trip safe at every wait. Containers inside are never changed in place, only replaced, so
that a copy of the state is a shallow copy and ``step`` can be pure and cheap at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIELDS: dict[str, Any] = {
    "call_id": "",
    "program": "",  # hash of the Program that this call runs on
    "node": "",  # the step the call is at
    "variables": {},  # facts, answers, what `set` made; flat names
    "now_ms": 0,
    "wait": 0,  # id of the wait that is open; ids only grow
    "waiting": "",  # what it waits for: "" (not started) | play | first | between | secret | record | dial
    "phase": "",  # inside a step: "" | prompt | entry | confirm
    "typed": "",  # keys pressed ahead of the step that will use them
    "entry": "",  # keys of the entry under way
    "held": None,  # [value, keys] of an entry that waits to be confirmed
    "confirms": 0,  # attempts at confirming within the step
    "attempt": 0,  # attempts at the step since it was reached
    "attempt_ms": 0,  # when the attempt began
    "silences": 0,
    "wrongs": 0,
    "swallow": "",  # a habitual terminator still to be swallowed ...
    "swallow_ms": 0,  # ... until then
    "dialled_ms": 0,  # when the transfer that is open began
    "talked_ms": 0,  # spent in transfers so far: not the flow's time
    "visits": {},  # question -> how often it was reached
    "runs": {},  # survey -> [occurrence, questions reached, answered, last question, open]
    "failures": 0,  # named failures so far
    "overtime": False,  # the longest call time has passed and was acted on
    "ended": False,
}


class CallState:
    """One call's state. Fields and their meaning are in ``_FIELDS``; copies share what they hold."""

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
    failures: int
    overtime: bool
    ended: bool

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(_FIELDS)
        self.__dict__.update(values)

    def copy(self) -> CallState:
        new = CallState.__new__(CallState)
        new.__dict__.update(self.__dict__)
        return new

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CallState:
        return cls(**{k: data[k] for k in _FIELDS if k in data})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallState) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.__dict__.items() if v != _FIELDS.get(k)}
        return f"CallState({shown})"
