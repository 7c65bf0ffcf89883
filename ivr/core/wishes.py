"""Wishes: what a caller wants of the calls to come: none any more, or another one later.

Law: as for ``core.machine``, whose nodes OptOut and CallBack these are. A wish is saved before anything more is said.
"""

from __future__ import annotations

from typing import Any, Final

from ivr.core.effects import Failed, Mark, Save
from ivr.core.program import CallBack, OptOut
from ivr.core.turn import Turn

#: What a row of the outbox says where no questionnaire is meant: a key column is never empty.
NO_SURVEY: Final = "-"


def number(turn: Turn) -> str:
    """Whom the call is with: the contact that a campaign called, or else the caller; "" when nobody knows."""
    known = turn.state.variables
    return str(known.get("contact.number") or known.get("caller.number") or "")


def opt_out(turn: Turn, node: OptOut) -> str:
    state = turn.state
    who = number(turn)
    campaign = str(state.variables.get("campaign.name") or "")
    turn.took("next")
    if not who:
        turn.effects.append(Failed("no_number", state.node, "nobody knows which number is not to be called"))
        return node.next
    row = {"number": who, "campaign": campaign if node.scope == "campaign" else "", "at_ms": state.now_ms}
    turn.effects.append(Save("opt_out", row))
    turn.effects.append(Mark("outcome", "opted_out"))
    turn.assign("opted_out", True)
    return node.next


def call_back(turn: Turn, node: CallBack) -> str:
    state = turn.state
    turn.took("next")
    visits = state.visits.get(state.node, 0) + 1
    state.visits = {**state.visits, state.node: visits}
    told: dict[str, Any] = (
        {"after_ms": node.after_ms} if not node.at else {"at": str(state.variables.get(node.at) or "")}
    )
    told["campaign"] = str(state.variables.get("campaign.name") or "")
    row = {
        "survey": NO_SURVEY,
        "occurrence": visits,
        "alert": state.node,
        "kind": "call_back",
        "json": told,
        "at_ms": state.now_ms,
    }
    turn.effects.append(Save("outbox", row))
    return node.next
