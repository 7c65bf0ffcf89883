"""Names: what needs the whole file to tell whether a name is right.

Law: knows what may be named where: facts, variables, answers, destinations.
"""

from __future__ import annotations

from ivr.lang import pattern
from ivr.lang.expr import Fault
from ivr.lang.model import Ask, EntryDigits, Menu
from ivr.lang.problem import nearest, quoted
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Node

#: Facts that every call has.
BUILTIN = frozenset({"caller.number", "caller.name", "called.number", "call.id", "language"})


def check_names(reader: Reader, facts: set[str]) -> None:
    """Every name that is read is a fact, or is set somewhere."""
    known = {*BUILTIN, *facts, *reader.set_names, *reader.answers}
    for word, name, where in reader.used:
        if name in known:
            continue
        near = nearest(name, known)
        hint = f'did you mean "{near}"?' if near else "set it in a step, or add it to `facts` or `variables`"
        place = f" in {where}" if where else ""
        reader.add("IVR052", word, f"no name {quoted(name)}{place}", hint, part="" if where else name)


def check_destinations(reader: Reader, declared: dict[str, str]) -> None:
    for word in reader.destinations_used:
        if word.value not in declared:
            near = nearest(word.value, declared)
            hint = f'did you mean "{near}"?' if near else "add it to `destinations` at the top of the file"
            reader.add("IVR028", word, f"no destination named {quoted(word.value)}", hint)


def check_settings(reader: Reader, shape: Ask | Menu, node: Node) -> None:
    """Settings of one step that contradict each other."""
    digits = shape.digits
    if not isinstance(shape, Ask) or not isinstance(digits, EntryDigits) or not digits.pattern:
        return
    widths = pattern.vet(digits.pattern)
    if isinstance(widths, Fault):
        return
    low, high = digits.length or (1, pattern.MAX_KEYS)
    at = node.get("digits") if isinstance(node, Map) else None
    if widths[1] < low or widths[0] > high:
        message = f"no entry of {low}..{high} keys can match the pattern {quoted(digits.pattern)}"
        reader.add("IVR062", at or node, message, "change `length` or `pattern`", part=digits.pattern)
