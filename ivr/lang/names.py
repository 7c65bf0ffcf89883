"""Names: what needs the whole file to tell whether a name is right.

Law: knows what may be named where: facts, variables, answers, destinations.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.lang import pattern
from ivr.lang.compiler import LENGTH
from ivr.lang.expr import Fault
from ivr.lang.model import Ask, Queue, Say, Step, Transfer
from ivr.lang.problem import nearest, quoted, undeclared
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Node, Text

#: Facts that every call has.
BUILTIN = frozenset({"caller.number", "caller.name", "called.number", "call.id", "language"})


#: Facts that a verb leaves behind it: none until then.
LEFT_BEHIND: dict[type[Step], tuple[str, ...]] = {
    Transfer: ("transfer.outcome", "transfer.cause", "agent.id"),
    Queue: ("queue.name", "queue.outcome", "queue.wait_ms", "queue.key", "agent.id"),
}


def check_names(reader: Reader, facts: set[str]) -> None:
    """Every name that is read is a fact, or is set somewhere."""
    known = {*BUILTIN, *facts, *reader.set_names, *reader.answers, *reader.left_behind}
    for word, name, where in reader.used:
        if name in known:
            continue
        near = nearest(name, known)
        hint = f'did you mean "{near}"?' if near else "set it in a step, or add it to `facts` or `variables`"
        if "." in name:
            hint = undeclared(name, near, "flow")
        place = f" in {where}" if where else ""
        reader.add("IVR052", word, f"no name {quoted(name)}{place}", hint, part="" if where else name)


def check_destinations(reader: Reader, declared: dict[str, str]) -> None:
    for word in reader.destinations_used:
        if word.value not in declared:
            near = nearest(word.value, declared)
            hint = f'did you mean "{near}"?' if near else "add it to `destinations` at the top of the file"
            reader.add("IVR028", word, f"no destination named {quoted(word.value)}", hint)


def check_queues(reader: Reader, declared: Mapping[str, object]) -> None:
    for word in reader.queues_used:
        if word.value not in declared:
            near = nearest(word.value, declared)
            hint = f'did you mean "{near}"?' if near else "add it to `queues` at the top of the file"
            reader.add("IVR037", word, f"no queue named {quoted(word.value)}", hint)


def check_settings(reader: Reader, shape: Step, name: Text, node: Node) -> None:
    """Keys of one step that contradict each other, or need each other."""
    reader.left_behind.update(LEFT_BEHIND.get(type(shape), ()))
    if isinstance(shape, Say) and isinstance(node, Map):
        if node.get("next") is None and node.get("hang_up") is None and not reader.misspelt & {"next", "hang_up"}:
            hint = "add `next: step` or `hang_up: true`"
            reader.add("IVR024", name, f"step {quoted(name.value)} says something and has no way on", hint)
        elif node.get("next") is not None and node.get("hang_up") is not None:
            reader.add("IVR024", name, f"step {quoted(name.value)} has both `next` and `hang_up`", "delete one")
    elif isinstance(shape, Ask) and shape.digits and shape.digits.pattern:
        _check_pattern(reader, shape.digits.pattern, shape.digits.length, node)


def _check_pattern(reader: Reader, text: str, length: tuple[int, int] | None, node: Node) -> None:
    widths = pattern.vet(text)
    if isinstance(widths, Fault):
        return
    low, high = length or LENGTH
    at = node.get("digits") if isinstance(node, Map) else None
    if widths[1] < low or widths[0] > high:
        message = f"no entry of {low}..{high} keys can match the pattern {quoted(text)}"
        reader.add("IVR062", at or node, message, "change `length` or `pattern`", part=text)
