"""Wide: a view of one survey with a column for every question that any version of it asked, one row a counted run.

Law: pure text, made from the survey's definitions, the oldest first, so that a column keeps its name when new ones
come. One pass over the answers: every column is an aggregate of the same group.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ivr.store.questions import first
from ivr.store.sqlwords import Words, literal
from ivr.store.viewlist import COUNTED, OF_RUN, RUNS, Col, View, run_columns

#: PostgreSQL's limit of a name, in bytes.
NAME_BYTES: Final = 63
#: PostgreSQL takes 1,600 columns, SQLite 2,000.
MOST_COLUMNS: Final = 1500
PREFIX: Final = "v_survey_wide_"
_NUMBERS: Final = ("scale", "number", "amount")


def safe_name(name: str) -> str:
    """A name for a column or a view: small letters, digits and _, of any script, in 63 bytes."""
    plain = re.sub(r"\W", "_", name).lower() or "_"
    if len(plain.encode()) <= NAME_BYTES:
        return plain
    mark = "_" + hashlib.sha256(name.encode()).hexdigest()[:6]
    return plain.encode()[: NAME_BYTES - len(mark)].decode(errors="ignore") + mark


class Names:
    """Names that are there once: both databases ignore, or fold, capitals."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.lower() for name in taken}

    def take(self, wanted: str) -> str:
        """``wanted`` made safe, with a number behind it when it is there already."""
        name, number = safe_name(wanted), 1
        while name in self._taken:
            number += 1
            ending = f"_{number}"
            name = safe_name(wanted).encode()[: NAME_BYTES - len(ending)].decode(errors="ignore") + ending
        self._taken.add(name)
        return name


@dataclass
class _Question:
    """A question as all versions of the survey had it."""

    id: str
    title: str
    kinds: set[str] = field(default_factory=set)
    parts: dict[str, Col] = field(default_factory=dict)  # what the column is for -> the column


def wide_view(postgres: bool, name: str, survey: str, definitions: Sequence[Mapping[str, Any]]) -> View:
    """``definitions``: the survey's, as plain data, the oldest first."""
    w = Words(postgres)
    columns = run_columns(w)
    found = _questions(w, definitions, [c.name for c in columns], options=True)
    if len(columns) + sum(len(q.parts) for q in found) > MOST_COLUMNS:
        found = _questions(w, definitions, [c.name for c in columns], options=False)
    chosen = [*columns, *(column for question in found for column in question.parts.values())]
    cut = len(chosen) - MOST_COLUMNS
    left_out = f" {cut} columns are left out: a view has {MOST_COLUMNS} at most." if cut > 0 else ""
    # One group for a run. PostgreSQL wants the keys of all tables that columns are of; SQLite would sort for them.
    # It hands a condition on to the tables only when it is on what is grouped by, and with the status the groups
    # come in the order of an index.
    group = "r.call_id, r.survey, r.occurrence, r.launch, r.status" + (", c.call_id, d.hash" if postgres else "")
    text = f"Survey {survey}: one row a counted run, one column a question of any of its versions.{left_out}"
    return View(
        name,
        text,
        tuple(chosen[:MOST_COLUMNS]),
        f"""{RUNS}
LEFT JOIN answer a ON {OF_RUN} AND a.survey <> ''
WHERE {w.by_key("r.survey")} = {literal(survey)} AND {COUNTED}
GROUP BY {group}""",
        survey,
    )


def _questions(
    w: Words, definitions: Sequence[Mapping[str, Any]], taken: list[str], *, options: bool
) -> list[_Question]:
    names, found = Names(taken), dict[str, _Question]()
    for definition in definitions:
        for data in definition["questions"]:
            ident = data["id"]
            question = found.setdefault(ident, _Question(ident, ""))
            question.title = first(data.get("label"), definition["languages"]) or first(
                data.get("text"), definition["languages"]
            )
            question.kinds.add(data["kind"])
            base = ident if safe_name(ident) not in taken else f"q_{ident}"
            for part, wanted in _parts(data, base, options):
                if part not in question.parts:
                    question.parts[part] = Col(names.take(wanted), "text", "", "")
    for question in found.values():
        question.parts = {part: _column(w, question, part, col.name) for part, col in question.parts.items()}
    return list(found.values())


def _parts(data: Mapping[str, Any], base: str, options: bool) -> Iterator[tuple[str, str]]:
    """(what a column is for, the name that it should have)."""
    values = [value["value"] for value in data.get("values") or ()]
    if data["kind"] == "multiple" and options:
        yield from ((f"option {json.dumps(value, ensure_ascii=False)}", f"{base}_{value}") for value in values)
    elif data["kind"] == "ranking" and options:
        places = (data.get("choose") or [0, len(values)])[1]
        yield from ((f"place {number}", f"{base}_{number}") for number in range(1, places + 1))
    else:
        yield "value", base
    if data.get("missing"):
        yield "missing", f"{base}_missing"


def _column(w: Words, question: _Question, part: str, name: str) -> Col:
    what, _, detail = part.partition(" ")
    title = f"{question.title} ({question.id})" if question.title else question.id
    kind, then = "text", "a.value"
    if what == "missing":
        then, title = "a.missing", f"{title}: why there is no answer (refused, dont_know)"
    elif what == "option":
        # The list as JSON writes it, each item between ", " and ",": no text within an item can look so.
        items = "', ' || substr(a.value, 2, length(a.value) - 2) || ','"
        then = f"CASE WHEN a.value LIKE '[%' THEN {w.holds(items, literal(f', {detail},'))} END"
        kind, title = "whole", f"{title}: 1 when {detail} was chosen, 0 when it was not"
    elif what == "place":
        then, title = w.item("a.value", int(detail) - 1), f"{title}: place {detail}"
    elif question.kinds <= set(_NUMBERS):
        kind, then = "number", "a.value_number"
    return Col(name, kind, f"max(CASE WHEN a.question = {literal(question.id)} THEN {then} END)", title)
