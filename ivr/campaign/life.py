"""Life: the states of a campaign, and which move is allowed where, in one table.

Law: pure. Whoever moves a campaign asks here first; a move that is not allowed is refused in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STATES: Final = ("draft", "checked", "scheduled", "running", "paused", "draining", "done", "archived")
#: In these the dialler may have something to do with the campaign.
ALIVE: Final = ("running", "paused", "draining")


@dataclass(frozen=True, slots=True)
class Move:
    """``to``: "" leaves the state as it is."""

    name: str
    froms: tuple[str, ...]
    to: str
    done: str  # what it is called afterwards
    text: str  # what it does, for people


MOVES: Final[dict[str, Move]] = {
    move.name: move
    for move in (
        Move("check", ("draft", "checked"), "checked", "checked", "The file has no mistakes."),
        Move("schedule", ("checked",), "scheduled", "scheduled", "It is started on its first day, by `start --due`."),
        Move(
            "start", ("draft", "checked", "scheduled"), "running", "started", "Frozen as version 1; people are called."
        ),
        Move("pause", ("running",), "paused", "paused", "No new call; those going on end as they end."),
        Move("resume", ("paused",), "running", "resumed", "People are called again."),
        Move("stop", ("running", "paused"), "draining", "stopped", "Nobody new is called, ever; calls going on end."),
        Move("finish", ("running", "draining"), "done", "finished", "By the dialler, when nobody is left to call."),
        Move("archive", ("draft", "checked", "scheduled", "done"), "archived", "archived", "Out of the lists."),
        Move("edit", ("draft", "checked", "scheduled"), "draft", "edited", "To be checked again."),
        Move("edit_live", ("running", "paused"), "", "edited", "Its file becomes the next version."),
    )
}


class IllegalMove(ValueError):
    """The campaign is not in a state in which that can be done; the message says what can."""


def move(state: str, name: str, campaign: str) -> str:
    """The state after the move. Raises IllegalMove."""
    found = MOVES[name]
    if state in found.froms:
        return found.to or state
    if state not in STATES:
        raise IllegalMove(f"campaign {campaign} is in a state that this Callweave does not know: {state!r}")
    word = name.replace("_live", "")
    can = sorted({m.name for m in MOVES.values() if state in m.froms and m.name not in ("finish", "edit_live")})
    if any(state in m.froms for m in MOVES.values() if m.name == "edit_live"):
        can = sorted({*can, "edit"})
    rest = f"possible now: {', '.join(can)}" if can else _NOTHING[state]
    raise IllegalMove(f"campaign {campaign} is {state}: {word} is for one that is {_listed(found.froms)}; {rest}")


def edit_of(state: str) -> str:
    """Which of the two edits fits the state."""
    return "edit_live" if state in MOVES["edit_live"].froms else "edit"


def can_edit(state: str) -> bool:
    return any(state in MOVES[name].froms for name in ("edit", "edit_live"))


_NOTHING: Final = {
    "draining": "it is done when its last call has ended",
    "archived": "it stays as it is; to call again, give its file another name (`campaign:`) and create that",
}


def _listed(states: tuple[str, ...]) -> str:
    return states[0] if len(states) == 1 else f"{', '.join(states[:-1])} or {states[-1]}"


def table() -> str:
    """The Markdown table of docs/campaign-life.md."""
    rows = ["| move | from | to | |", "|---|---|---|---|"]
    for m in MOVES.values():
        name = f"`{m.name.replace('_live', '')}`"
        rows.append(f"| {name} | {', '.join(m.froms)} | {m.to or 'stays'} | {m.text} |")
    return "\n".join(rows)
