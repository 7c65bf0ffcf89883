"""Checks: what only the whole graph tells.

Law: knows nodes and edges of a Program, not YAML; where to point is asked of the caller by step name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ivr.core.program import (
    END,
    REPEAT,
    Branch,
    CallBack,
    Collect,
    Detect,
    HangUp,
    Node,
    OptOut,
    Queue,
    Record,
    Say,
    SetVars,
    Shuffle,
    SurveyMark,
    Transfer,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one node."""

    code: str
    node: str
    message: str
    hint: str = ""
    warning: bool = False


def ways_on(name: str, node: Node) -> set[str]:
    """Every node that can come next."""
    found: set[str] = set()
    if isinstance(node, Collect):
        found = {way.goto for ways in node.ways.values() for way in ways}
        found |= {node.next, node.silence.give_up, node.wrong.give_up}
    elif isinstance(node, Branch):
        found = {way.goto for way in node.ways} | {node.otherwise}
    elif isinstance(node, Transfer):
        found = {node.next, node.after_agent, node.busy, node.no_answer, node.failed}
    elif isinstance(node, Queue):
        found = {node.next, node.after_agent, node.no_agent, node.full, node.timed_out, node.failed}
        found |= set(node.leave.values())
    elif isinstance(node, Record):
        found = {node.next, node.empty, node.failed}
    elif isinstance(node, Say | SetVars | SurveyMark | OptOut | CallBack):
        found = {node.next}
    elif isinstance(node, Detect):
        found = {node.person, node.machine}
    elif isinstance(node, Shuffle):
        found = {*node.entries, node.next}
    return {name if to == REPEAT else to for to in found if to}


def silent_ways(node: Node) -> set[str]:
    """Where a caller gets to who never presses a key nor says a word."""
    if isinstance(node, Collect):
        return {node.silence.give_up}
    if isinstance(node, Record):
        return {node.empty}
    if isinstance(node, Queue):
        return {node.no_agent, node.full, node.failed}  # at once, with nobody having been there
    if isinstance(node, Transfer | HangUp):
        return set()  # the far end, or the end, breaks the round
    return onwards("", node)


def onwards(name: str, node: Node) -> set[str]:
    """As ``ways_on``, without the ways that a Shuffle opens once each: its entries lead back, but not for ever."""
    return {node.next} if isinstance(node, Shuffle) else ways_on(name, node)


def unreachable(nodes: Mapping[str, Node], roots: Iterable[str], stands_for: Callable[[str], str]) -> list[str]:
    """Nodes that no way leads to. ``stands_for`` tells what a missing step's name most likely means."""
    seen: set[str] = set()
    todo = [*roots]
    while todo:
        name = todo.pop()
        if name not in nodes:
            name = stands_for(name)
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        todo.extend(ways_on(name, nodes[name]))
    return [name for name in nodes if name not in seen and name != END]


def loops(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected parts of a graph that hold a round, each as one way round it (Tarjan, no recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(sorted(edges[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, children = work[-1]
            for child in children:
                if child not in edges:
                    continue
                if child not in index:
                    index[child] = low[child] = len(index)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, iter(sorted(edges[child]))))
                    break
                if child in on_stack:
                    low[name] = min(low[name], index[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    part: set[str] = set()
                    while name not in part:
                        part.add(stack.pop())
                    on_stack -= part
                    if len(part) > 1 or name in edges[name]:
                        found.append(_round({n: edges[n] & part for n in part}, name))
    return found


def _round(part: Mapping[str, set[str]], start: str) -> list[str]:
    """The shortest way from ``start`` back to itself."""
    came: dict[str, str] = {}
    todo = [start]
    for name in todo:
        for child in sorted(part[name]):
            if child == start:
                path = [start, name] if name != start else [start]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return [start, *reversed(path[1:-1]), start] if name != start else [start, start]
            if child not in came:
                came[child] = name
                todo.append(child)
    return [start, start]


def findings(
    nodes: Mapping[str, Node], roots: Iterable[str], whole: bool, stands_for: Callable[[str], str]
) -> list[Finding]:
    """Everything about the graph. ``whole`` is false when steps are missing because they could not be read."""
    found: list[Finding] = []
    if whole:
        for name in unreachable(nodes, roots, stands_for):
            hint = "lead a way to it, or delete it"
            found.append(Finding("IVR023", name, f'no way leads to step "{name}"', hint))
    asks = (Collect, Record, Transfer, Queue, Detect, HangUp)
    endless = loops({name: onwards(name, node) for name, node in nodes.items() if not isinstance(node, asks)})
    for path in endless:
        way = " → ".join(path)
        hint = "put a menu or a question into the loop, or leave it"
        found.append(Finding("IVR025", path[0], f"the call goes round without asking anything: {way}", hint))
    known = {name for path in endless for name in path}
    for path in loops({name: silent_ways(node) for name, node in nodes.items()}):
        if known.isdisjoint(path):
            way = " → ".join(path)
            message = f"a caller who stays silent goes round until the call's time is up: {way}"
            hint = "let one of their `give_up` lead out"
            found.append(Finding("IVR035", path[0], message, hint, warning=True))
    return found
