"""What a call is to run: the answer to "what shall this channel do?".

Law: plain data, and how it is asked for; who finds it (``registry``, a rehearsal) is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.core.program import Program
from ivr.core.state import CallState
from ivr.esl.event import Event
from ivr.hosts.sounds import Sounds


@dataclass(frozen=True, slots=True)
class Route:
    """What a call is to run."""

    program: Program
    sounds: Sounds
    facts: Mapping[str, Any]
    destinations: Mapping[str, str]  # name -> dial string
    recordings: str = "recordings"  # folder, as the switch sees it
    #: A call that another worker had: its state, and how long ago it began, in milliseconds.
    taken_over: tuple[CallState, int] | None = None
    queues: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> what is said of it
    #: It comes back to the worker that it left, from a talk with an agent, for whom it had waited so long.
    waited_ms: int | None = None


#: Asked outside of the loop, when the answer has to be waited for.
Later = Callable[[], Route | str]
#: Finds what a call is to run from its channel's headers, or says in words why there is nothing.
Router = Callable[[Event], Route | str | Later]
