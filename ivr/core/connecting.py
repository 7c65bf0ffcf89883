"""Connecting: what becomes of a caller who is put through, to a destination or to an agent of a queue.

Law: as for ``core.collecting``; functions give the step to go on with, or None to keep waiting. Keys pressed while the
caller waits or talks belong to the switch, which says by which key the caller has left.
"""

from __future__ import annotations

from typing import Final

from ivr.core.effects import Dial, Enqueue
from ivr.core.events import Event, PlayDone, QueueDone, TransferDone
from ivr.core.nodes import Queue, Transfer
from ivr.core.turn import Turn

#: The far end hung up: the talk was at its end. Any other cause broke it off.
IN_ORDER: Final = frozenset(("", "NORMAL_CLEARING", "NORMAL_UNSPECIFIED"))
#: The way that a talk takes which was broken off, where that is a way of its own.
BROKEN_OFF: Final = "broken off"


def begin(turn: Turn, node: Transfer | Queue) -> None:
    """What was to be said before has been said."""
    if isinstance(node, Queue):
        _enqueue(turn, node)
    else:
        _dial(turn, node)


def transferring(turn: Turn, node: Transfer, event: Event) -> str | None:
    if isinstance(event, PlayDone):
        begin(turn, node)
        return None
    if not isinstance(event, TransferDone):
        return None
    return dialled(turn, node, event)


def dialled(turn: Turn, node: Transfer, event: TransferDone) -> str:
    ways = {"finished": node.after_agent or node.next, "busy": node.busy, "no_answer": node.no_answer}
    turn.assign("transfer.outcome", event.outcome)
    turn.assign("transfer.cause", event.cause)
    if event.outcome == "finished":
        turn.assign("agent.id", event.agent)
        if _broken_off(event.cause, node):
            turn.took(BROKEN_OFF)
            return node.next
    turn.took(event.outcome if event.outcome in ways else "failed")
    return ways.get(event.outcome, node.failed)


def _broken_off(cause: str, node: Transfer | Queue) -> bool:
    """The talk ended, and nobody had ended it: not what a survey about the agent is for, if there is another way."""
    return cause not in IN_ORDER and node.after_agent not in ("", node.next)


def _dial(turn: Turn, node: Transfer) -> None:
    turn.state.typed = ""
    turn.state.dialled_ms = turn.state.now_ms
    turn.effects.append(Dial(turn.open_wait("dial"), node.destination, node.ring_ms, turn.state.node))


def queueing(turn: Turn, node: Queue, event: Event) -> str | None:
    if isinstance(event, PlayDone):
        begin(turn, node)
        return None
    if not isinstance(event, QueueDone):
        return None
    return queued(turn, node, event)


def queued(turn: Turn, node: Queue, event: QueueDone) -> str:
    turn.assign("queue.outcome", event.outcome)
    turn.assign("queue.wait_ms", event.wait_ms)
    turn.assign("queue.key", event.key)
    if event.outcome == "answered":
        turn.assign("agent.id", event.agent)
        if _broken_off(event.cause, node):
            turn.took(BROKEN_OFF)
            return node.next
        turn.took("answered")
        return node.after_agent
    if event.outcome == "left" and event.key in node.leave:
        turn.took(f"key {event.key}")
        return node.leave[event.key]
    ways = {"no_agent": node.no_agent, "full": node.full, "timed_out": node.timed_out}
    turn.took(event.outcome if event.outcome in ways else "failed")
    return ways.get(event.outcome, node.failed)


def _enqueue(turn: Turn, node: Queue) -> None:
    turn.state.typed = ""
    turn.state.dialled_ms = turn.state.now_ms
    turn.assign("queue.name", node.queue)
    announce = turn.items(node.announce) if node.announce_ms else ()
    every_ms = node.announce_ms if announce else 0
    wait = turn.open_wait("queue")
    turn.effects.append(
        Enqueue(wait, node.queue, node.wait_ms, "".join(node.leave), announce, every_ms, turn.state.node)
    )


def ways(node: Transfer | Queue) -> list[tuple[str, str]]:
    """Every way out of the step as (way, step it leads to)."""
    breaks = [(BROKEN_OFF, node.next)] if node.after_agent not in ("", node.next) else []
    talked = node.after_agent or node.next
    if isinstance(node, Transfer):
        ends = [("busy", node.busy), ("no_answer", node.no_answer), ("failed", node.failed)]
        return [("finished", talked), *breaks, *ends]
    keys = [(f"key {key}", step) for key, step in node.leave.items()]
    ends = [("no_agent", node.no_agent), ("full", node.full), ("timed_out", node.timed_out), ("failed", node.failed)]
    return [("answered", talked), *breaks, *keys, *ends]
