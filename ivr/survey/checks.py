"""Checks: what only the whole questionnaire tells: questions that nobody is asked, quotas that cannot fill.

Law: of a questionnaire that was read without a mistake; adds problems, changes nothing.
"""

from __future__ import annotations

from typing import Any

from ivr.core import expr
from ivr.lang.problem import quoted
from ivr.lang.source import Map, Seq
from ivr.survey.satisfy import Logic
from ivr.survey.tree import Questionnaire


def check_logic(survey: Questionnaire) -> None:
    """Every question can be asked, every quota can count, every alert can be raised."""
    reader, file = survey.reader, survey.file
    logic = Logic(survey.top)
    told: set[tuple[int, int]] = set()
    for asked in survey.questions:
        if logic.askable(asked):
            continue
        at = asked.node.get("when") if isinstance(asked.node, Map) else None
        place = (at or asked.node).start
        if place in told:  # the same question in another round of its loop
            continue
        told.add(place)
        message = f"nobody is ever asked {quoted(asked.shape.id)}: its conditions cannot hold together"
        reader.add("IVR078", at or asked.node, message, "change one of the conditions that lead to it")
    root: Any = reader.source.root
    listed: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
        ("quotas", "quota", file.quotas or ()),
        ("alerts", "alert", file.alerts or ()),
    )
    for key, word, shapes in listed:
        nodes = root.get(key)
        items = nodes.items if isinstance(nodes, Seq) else []
        seen: dict[str, int] = {}
        for shape, node in zip(shapes, items, strict=False):
            name, line = getattr(shape, word), node.start.line + 1
            if name in seen:
                reader.add(
                    "IVR008", node, f"{word} {quoted(name)} is here a second time; the first is at line {seen[name]}"
                )
            seen[name] = line
            when = shape.when
            if when is None or logic.possible([when], screened=word == "alert"):
                continue
            at = node.get("when") if isinstance(node, Map) else None
            what = "can never fill: nobody counts for it" if word == "quota" else "is never raised"
            hint = _hint(when)
            reader.add("IVR079", at or node, f"{word} {quoted(name)} {what}", hint)


def _hint(when: Any) -> str:
    names = sorted(expr.names(when))
    return f"look at the answers that {', '.join(names)} can have" if names else "its condition is always false"
