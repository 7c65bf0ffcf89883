"""The trace of a call: what it did, in lines that are equal on every host.

Law: no clock times and no wait numbers, so that the simulator, the scripted switch and a real one give the same
lines for the same caller. Secret keys never come here, as they are in no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ivr.core.effects import (
    Answer,
    CollectSecret,
    Dial,
    Effect,
    End,
    Enqueue,
    Failed,
    Item,
    Listen,
    Mark,
    Play,
    RecordMessage,
    Save,
    Spoken,
    StopPlay,
)


def item_text(item: Item) -> str:
    """One item as the trace writes it."""
    if isinstance(item, Spoken):
        return f"<{item.as_} {item.value}>"
    return item.text


def said(items: Iterable[Item]) -> str:
    """What a prompt says, as one line."""
    return " ".join(item_text(i) for i in items)


def names(items: Iterable[Item]) -> list[str]:
    """Catalogue names of the prompts that are said, each once, in order."""
    found = [i.prompt for i in items if not isinstance(i, Spoken) and i.prompt]
    return list(dict.fromkeys(found))


def line(effect: Effect) -> str:
    """One effect as one line; "" for what hosts may do differently (a prompt that stopped by itself)."""
    match effect:
        case Answer():
            return "answer"
        case Play(_, items, barge_in, node):
            lang = items[0].lang if items else ""
            return f"{node}: play[{lang}]{'' if barge_in else ' to the end'} {said(items)}"
        case Listen(_, timeout_ms, timer):
            return f"listen {timer} {timeout_ms} ms"
        case CollectSecret(_, items, low, high, _, _, _, _, node):
            return f"{node}: collect secret {low}..{high} {said(items)}"
        case RecordMessage(_, limit_ms, silence_ms, _, node, _, False):
            return f"{node}: listen up to {limit_ms} ms, {silence_ms} ms of silence"
        case RecordMessage(_, limit_ms, _, _, node):
            return f"{node}: record up to {limit_ms} ms"
        case Dial(_, destination, ring_ms, node):
            return f"{node}: dial {destination} ring {ring_ms} ms"
        case Enqueue(_, queue, wait_ms, keys, announce, _, node):
            told = f" keys {keys}" if keys else ""
            return f"{node}: queue {queue} up to {wait_ms} ms{told}{' announce ' + said(announce) if announce else ''}"
        case Save(table, row):
            return _saved(table, row)
        case Mark(name, value):
            return f"mark {name} {value}"
        case Failed(name, node, _):
            return f"{node}: failed {name}"
        case End(by, node, cause):
            return f"{node}: end by {by} {cause}"
        case StopPlay():
            return ""


def _saved(table: str, row: Mapping[str, Any]) -> str:
    if table == "attempt":
        keys = "***" if row["keys"] is None else row["keys"]
        which = f"{row['question']}#{row['occurrence']}.{row['attempt']}"
        return f"save attempt {which} {row['outcome']} {keys!r} {row['timer']}".rstrip()
    if table == "answer":
        secret = row["keys"] is None and row["value"] is None and not row["missing"]
        value = "***" if secret else row["value"]
        why = f" ({row['missing']})" if row["missing"] else ""
        return f"save answer {row['question']}#{row['occurrence']} {value!r}{why}"
    if table == "opt_out":
        return f"save opt_out {'of ' + row['campaign'] if row['campaign'] else 'of every campaign'}"
    if table == "quota":
        return f"save quota {row['survey']}#{row['occurrence']} {row['quota']}"
    if table == "outbox":
        return f"save outbox {row['survey']}#{row['occurrence']} {row['alert']} {row['kind']}"
    if row["status"] == "resumed":
        return f"save run {row['survey']}#{row['occurrence']} of the call before: resumed"
    return f"save run {row['survey']}#{row['occurrence']} {row['status']} {row['answered']}/{row['asked']}"


def lines(effects: Iterable[Effect]) -> list[str]:
    return [text for effect in effects if (text := line(effect))]
