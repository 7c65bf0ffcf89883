"""Detecting: whether a person has answered, or a machine.

Law: as for ``core.machine``, whose node Detect this is. A person says a word and waits; a machine goes on speaking.
What is heard is measured by its length alone, and nothing of it is kept. Where it cannot be told, it is a person: no
person is to be treated as a machine for saying nothing, or for pressing a key.
"""

from __future__ import annotations

from typing import Final

from ivr.core.effects import Mark, RecordMessage
from ivr.core.events import Event, RecordDone
from ivr.core.nodes import Detect
from ivr.core.turn import Turn

#: A greeting is over when it has been silent for so long: machines pause between sentences.
END_SILENCE_MS: Final = 2000
_LISTENING, _WAITING = "greeting", "end of greeting"


def begin(turn: Turn, node: Detect) -> None:
    turn.state.typed = ""
    turn.state.phase = _LISTENING
    # Long enough that a greeting of ``greeting_ms`` and the silence after it are within.
    limit_ms = node.greeting_ms + node.silence_ms
    _listen(turn, limit_ms, node.silence_ms)


def _listen(turn: Turn, limit_ms: int, silence_ms: int) -> None:
    wait = turn.open_wait("record")
    turn.effects.append(RecordMessage(wait, limit_ms, silence_ms, "any", turn.state.node, tone=False, keep=False))


def on_event(turn: Turn, node: Detect, event: Event) -> str | None:
    if not isinstance(event, RecordDone):
        return None
    if turn.state.phase == _WAITING:
        turn.took("machine")
        return node.machine
    spoken_ms = event.duration_ms - node.silence_ms
    goes_on = event.duration_ms >= node.greeting_ms + node.silence_ms - _SLACK_MS
    if event.key or event.status != "done" or not (goes_on or spoken_ms >= node.greeting_ms):
        turn.took("person")
        return node.person
    turn.effects.append(Mark("outcome", "machine"))
    turn.assign("answered_by", "machine")
    if not node.end_ms:
        turn.took("machine")
        return node.machine
    turn.state.phase = _WAITING
    _listen(turn, node.end_ms, END_SILENCE_MS)
    return None


#: The switch stops a recording at its limit with this much to spare, either way.
_SLACK_MS: Final = 300


def ways(node: Detect) -> list[tuple[str, str]]:
    return [("person", node.person), ("machine", node.machine)]
