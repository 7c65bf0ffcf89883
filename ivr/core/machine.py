"""The machine: ``step(program, state, event) -> (state, effects)``.

Law: pure and total. No clock, no chance, no I/O, no log; whatever a caller, a switch or a service does, it raises
nothing. A step yields immediate effects, then exactly one wait or End; no effect means "still waiting". Events for
another wait change nothing. HungUp is always accepted, and after it nothing is played.

This is the only loop that moves a call from one node to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ivr.core import collecting, connecting, detecting, surveying, wishes
from ivr.core.effects import Answer, Effect, End, Failed, RecordMessage
from ivr.core.events import (
    Digit,
    Event,
    HungUp,
    PlayDone,
    QueueDone,
    RecordDone,
    SecretDone,
    Started,
    TimerFired,
    TransferDone,
)
from ivr.core.expr import evaluate
from ivr.core.program import (
    END,
    Branch,
    CallBack,
    Collect,
    Detect,
    HangUp,
    OptOut,
    Program,
    Queue,
    Record,
    Say,
    SetVars,
    Shuffle,
    SurveyMark,
    Transfer,
)
from ivr.core.state import CallState
from ivr.core.turn import Turn

#: Nodes passed between two waits, beyond twice those there are, before the call is taken to be going round in circles.
#: A questionnaire whose questions are all skipped passes each of them, and a Shuffle once more after each entry.
MAX_NODES_PER_TURN: Final = 200
#: After the longest call time the error exit has this long to say its goodbye.
OVERTIME_MS: Final = 60_000
KEYS: Final = frozenset("0123456789*#ABCD")

#: Which kind of wait an event answers.
_ANSWERS: Final[dict[type, tuple[str, ...]]] = {
    PlayDone: ("play",),
    TimerFired: ("first", "between"),
    SecretDone: ("secret",),
    RecordDone: ("record",),
    TransferDone: ("dial",),
    QueueDone: ("queue",),
}


def start(program: Program, facts: Mapping[str, Any], call_id: str) -> CallState:
    """The state of a call that has not begun. ``facts``: caller.number, called.number, and what the host knows."""
    variables = {
        "language": program.languages[0],
        **program.variables,
        **{k: v for k, v in facts.items() if _plain(v)},
        "call.id": call_id,
    }
    state = CallState()
    state.call_id, state.program, state.node, state.variables = call_id, program.hash, program.start, variables
    return state


def _plain(value: Any) -> bool:
    """What a fact can be: one value, or a list of them."""
    if isinstance(value, list):
        return all(isinstance(one, (str, int, float, bool)) for one in value)
    return value is None or isinstance(value, (str, int, float, bool))


def step(
    program: Program, state: CallState, event: Event, path: list[tuple[str, str]] | None = None
) -> tuple[CallState, list[Effect]]:
    """One event. The state given is not changed; an event that means nothing here gives the same state and [].

    To ``path``, if given, are added the steps reached, as (step, ""), and the ways taken out of them, as (step, way)
    with the names of :func:`ways`.
    """
    if state.ended:
        return state, []
    turn = Turn(program, state.copy(), path)
    turn.state.now_ms = max(state.now_ms, event.at_ms)
    if isinstance(event, HungUp):
        _hung_up(turn, event)
        return turn.state, turn.effects
    if isinstance(event, Started):
        if state.waiting:
            return state, []
        turn.effects.append(Answer())
        _run(turn, program.start)
        return turn.state, turn.effects
    if not _expected(state, event):
        return state, []
    if isinstance(event, (TransferDone, QueueDone)):
        turn.state.talked_ms += turn.state.now_ms - state.dialled_ms
    goto = _overtime(turn) if _too_long(turn) else _react(turn, event)
    if goto is not None:
        _run(turn, goto)
    return turn.state, turn.effects


def resume(
    program: Program,
    state: CallState,
    at_ms: int,
    dialled: TransferDone | QueueDone | None = None,
    path: list[tuple[str, str]] | None = None,
) -> tuple[CallState, list[Effect]]:
    """Another host takes over a call whose host died: the step it was at is said again, nothing else is asked again.

    What had been typed of an unfinished entry is gone with the host that heard it; answers, counters and the place
    are in ``state``. ``dialled`` is what became of a transfer or a queue that was under way; without it the call dials,
    or waits, again.
    """
    if state.ended:
        return state, []
    turn = Turn(program, state.copy(), path)
    turn.state.now_ms = max(state.now_ms, at_ms)
    turn.state.typed = turn.state.swallow = ""
    node = program.nodes.get(state.node)
    if not state.waiting:
        _run(turn, program.start)
    elif isinstance(node, Collect):
        collecting.again(turn, node)
    elif isinstance(node, Transfer) and state.waiting == "dial" and isinstance(dialled, TransferDone):
        turn.state.talked_ms += turn.state.now_ms - state.dialled_ms
        _run(turn, connecting.dialled(turn, node, dialled))
    elif isinstance(node, Queue) and state.waiting == "queue" and isinstance(dialled, QueueDone):
        turn.state.talked_ms += turn.state.now_ms - state.dialled_ms
        _run(turn, connecting.queued(turn, node, dialled))
    else:
        _run(turn, state.node)
    return turn.state, turn.effects


def _expected(state: CallState, event: Event) -> bool:
    if isinstance(event, Digit):  # during a talk, a recording or a secret entry keys are not the flow's
        return event.key in KEYS and state.waiting in ("play", "first", "between")
    return getattr(event, "wait", None) == state.wait and state.waiting in _ANSWERS.get(type(event), ())


# -- the longest call ------------------------------------------------------------------------------------


def _too_long(turn: Turn) -> bool:
    limit_ms = turn.program.max_call_ms + (OVERTIME_MS if turn.state.overtime else 0)
    return turn.state.now_ms - turn.state.talked_ms > limit_ms


def _overtime(turn: Turn) -> str:
    """The longest call time has passed: once to the error exit, then to the end."""
    if turn.state.waiting == "play":
        turn.stop_play()
    again, turn.state.overtime = turn.state.overtime, True
    goto = turn.fail("too_long", f"{turn.program.max_call_ms // 1000} s")
    turn.state.typed = ""
    return "" if again else goto


# -- events ----------------------------------------------------------------------------------------------


def _react(turn: Turn, event: Event) -> str | None:
    """What the node makes of an event: the step to go on with, or None to keep (or have opened) a wait."""
    node = turn.program.nodes.get(turn.state.node)
    if isinstance(event, PlayDone) and event.status == "missing":
        return turn.fail("missing_prompt", event.detail)
    if isinstance(event, PlayDone) and event.status == "broken":
        # Part of it was heard; the caller can still answer or ask for a repeat.
        turn.effects.append(Failed("broken_prompt", turn.state.node, event.detail))
    if isinstance(node, Collect):
        return collecting.on_event(turn, node, event)
    if isinstance(node, Say):
        return _said(turn, node, event)
    if isinstance(node, Record):
        return _recording(turn, node, event)
    if isinstance(node, Detect):
        return detecting.on_event(turn, node, event)
    if isinstance(node, Transfer):
        return connecting.transferring(turn, node, event)
    if isinstance(node, Queue):
        return connecting.queueing(turn, node, event)
    if isinstance(node, HangUp) and isinstance(event, PlayDone):
        _end(turn, "flow", node.cause)
    return None


def _said(turn: Turn, node: Say, event: Event) -> str | None:
    if isinstance(event, Digit):
        if collecting.swallowed(turn, event.key):
            _say_again(turn, node, node.barge_in)
            return None
        turn.state.typed = (turn.state.typed + event.key)[: collecting.MAX_ENTRY]
        if not node.barge_in:
            return None
        turn.stop_play()
    elif not isinstance(event, PlayDone):
        return None
    turn.took("next")
    return node.next


def _say_again(turn: Turn, node: Say | Record, barge_in: bool) -> None:
    """A key that was only habit has silenced the prompt, if any key does: it begins anew."""
    if barge_in:
        turn.stop_play()
        turn.play(turn.items(node.prompts), barge_in)


def _recording(turn: Turn, node: Record, event: Event) -> str | None:
    if isinstance(event, PlayDone):
        wait = turn.open_wait("record")
        turn.effects.append(RecordMessage(wait, node.limit_ms, node.silence_ms, node.end, turn.state.node))
        return None
    if isinstance(event, Digit) and collecting.swallowed(turn, event.key):
        _say_again(turn, node, barge_in=True)
        return None
    if isinstance(event, Digit):
        # A key over the announcement means "let me speak": straight to the tone.
        turn.stop_play()
        return _recording(turn, node, PlayDone(turn.state.wait, turn.state.now_ms))
    if not isinstance(event, RecordDone):
        return None
    question = node.question or turn.state.node
    if event.status != "failed":  # then nobody was asked anything
        turn.save_attempt(node, question, "digits" if event.status == "done" else "noinput", event.key, "", 1)
    if event.status == "done":
        turn.assign(node.into, event.file)
        turn.save_answer(node, event.file, event.key)
        turn.took("recorded")
        return node.next
    turn.took(event.status)
    if event.status == "empty":
        return node.empty
    turn.effects.append(Failed("record_failed", turn.state.node, event.file))
    return node.failed


# -- nodes -----------------------------------------------------------------------------------------------


def _run(turn: Turn, goto: str) -> None:
    """Pass through nodes until one waits or the call ends."""
    state = turn.state
    limit = MAX_NODES_PER_TURN + 2 * len(turn.program.nodes)
    for _ in range(limit):
        if not goto:
            return _end(turn, "error", "NORMAL_TEMPORARY_FAILURE")
        if goto not in turn.program.nodes:
            if goto == END:
                return _end(turn, "flow", "NORMAL_CLEARING")
            goto = turn.fail("no_such_step", goto)
            continue
        state.node, state.phase, state.entry, state.held = goto, "", "", None
        turn.took("")
        found = _enter(turn, goto)
        if found is None:
            return None
        goto = found
    goto = turn.fail("loop", f"{limit} steps without waiting for the caller")
    return _run(turn, goto)


def _enter(turn: Turn, name: str) -> str | None:
    node = turn.program.nodes[name]
    state = turn.state
    if isinstance(node, Collect):
        return collecting.enter(turn, node)
    if isinstance(node, Say):
        # Who types ahead has heard it before; a message that must be heard has barge-in off.
        items = turn.items(node.prompts)
        if not items or (state.typed and node.barge_in):
            turn.took("next")
            return node.next
        turn.play(items, node.barge_in)
        return None
    if isinstance(node, SetVars):
        turn.assign_all(node.set)
        turn.took("next")
        return node.next
    if isinstance(node, Branch):
        for number, way in enumerate(node.ways, 1):
            if way.when is None or evaluate(way.when, state.variables):
                turn.took(f"when {number}")
                turn.assign_all(way.set)
                return way.goto
        turn.took("otherwise")
        return node.otherwise
    if isinstance(node, SurveyMark):
        return surveying.mark(turn, node)
    if isinstance(node, Shuffle):
        return surveying.shuffle(turn, name, node)
    if isinstance(node, OptOut):
        return wishes.opt_out(turn, node)
    if isinstance(node, CallBack):
        return wishes.call_back(turn, node)
    if isinstance(node, Detect):
        detecting.begin(turn, node)
        return None
    state.typed = ""
    items = turn.items(node.prompts)
    if isinstance(node, (Transfer, Queue)):
        if items:
            turn.play(items, barge_in=False)
        else:
            connecting.begin(turn, node)
    elif isinstance(node, Record):
        turn.reach(node.question or name, node.survey)
        state.attempt, state.attempt_ms = 1, state.now_ms
        if not items:
            return _recording(turn, node, PlayDone(state.wait, state.now_ms))
        turn.play(items, barge_in=True)
    elif items:
        turn.play(items, barge_in=False)
    else:
        _end(turn, "flow", node.cause)
    return None


def ways(program: Program, name: str) -> list[tuple[str, str]]:
    """Every way out of a step as (way, step it leads to): what branch coverage counts and a picture draws."""
    node = program.nodes[name]
    if isinstance(node, Collect):
        return collecting.ways(node)
    if isinstance(node, Branch):
        found = [(f"when {number}", way.goto) for number, way in enumerate(node.ways, 1)]
        return found if node.ways and node.ways[-1].when is None else [*found, ("otherwise", node.otherwise)]
    if isinstance(node, (Transfer, Queue)):
        return connecting.ways(node)
    if isinstance(node, Record):
        return [("recorded", node.next), ("empty", node.empty), ("failed", node.failed)]
    if isinstance(node, Detect):
        return detecting.ways(node)
    if isinstance(node, Shuffle):
        return [*((f"entry {n}", to) for n, to in enumerate(node.entries, 1)), ("next", node.next)]
    return [] if isinstance(node, HangUp) else [("next", node.next)]


# -- the end ---------------------------------------------------------------------------------------------


def _end(turn: Turn, by: str, cause: str) -> None:
    surveying.end_all(turn)
    turn.state.ended = True
    turn.state.waiting = ""
    turn.state.wait += 1
    turn.effects.append(End(by, turn.state.node, cause))


def _hung_up(turn: Turn, event: HungUp) -> None:
    node = turn.program.nodes.get(turn.state.node)
    if turn.state.waiting and isinstance(node, Collect):
        collecting.hung_up(turn, node)
    elif turn.state.waiting and isinstance(node, Record):
        turn.save_attempt(node, node.question or turn.state.node, "hangup", "", "", 1)
    _end(turn, "caller", event.cause)
