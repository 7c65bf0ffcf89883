"""Codebook: what the questions of an export asked, and what their values mean, from the stored definitions.

Law: reads definitions, and the names of questions that no definition has. Where a survey had several definitions,
an answer is labelled by its own; a column, which they share, by the newest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, select

from ivr.results.export.selection import Selection
from ivr.store.schema import answer, call, survey_definition, survey_run
from ivr.survey.definition import MISSING, Definition, QuestionDef, Texts, Value

#: Answers that are JSON lists.
LISTS = ("multiple", "ranking")
NUMBERS = ("scale", "number", "amount")


@dataclass(frozen=True)
class Codebook:
    """``definitions`` by their hash, the oldest first."""

    definitions: Mapping[str, Definition]
    language: str = ""
    undefined: tuple[str, ...] = ()  # questions that no definition has
    first_seen: Mapping[str, datetime] = field(default_factory=dict)

    def title(self, definition: str, ident: str) -> str:
        return self._titles.get((definition, ident), ident)

    def label(self, definition: str, ident: str, value: str) -> str:
        """What a value means, in words; "" when the definition has none. A list's are joined by "; "."""
        kind, by_value = self._labels.get((definition, ident), ("", {}))
        if kind not in LISTS:
            return by_value.get(value, "")
        return "; ".join(by_value.get(one) or one for one in listed(value)) if value else ""

    @cached_property
    def _labels(self) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
        return {
            (name, question.id): (question.kind, {str(v.value): self.text(v.label) for v in question.values})
            for name, definition in self.definitions.items()
            for question in definition.questions
        }

    @cached_property
    def _titles(self) -> dict[tuple[str, str], str]:
        return {
            (name, question.id): question.title(self.language)
            for name, definition in self.definitions.items()
            for question in definition.questions
        }

    def text(self, texts: Texts) -> str:
        """In the language that is meant, or the first there is."""
        return (texts.get(self.language) or next(iter(texts.values()))) if texts else ""

    def survey_title(self) -> str:
        return next((d.title for d in reversed(list(self.definitions.values())) if d.title), "")

    def questions(self) -> list[QuestionDef]:
        """Every question once, with all the values that any definition gave it; those of no definition are texts."""
        merged: dict[str, QuestionDef] = {}
        for definition in reversed(list(self.definitions.values())):
            for question in definition.questions:
                known = merged.get(question.id)
                merged[question.id] = question if known is None else _with_values_of(known, question)
        return [*merged.values(), *(QuestionDef(ident, "code", {}) for ident in self.undefined if ident not in merged)]


def listed(value: str) -> list[str]:
    """The values in the JSON list of an answer; what is no list is its only value."""
    try:
        found = json.loads(value)
    except ValueError:
        return [value]
    return [one if isinstance(one, str) else json.dumps(one) for one in found] if isinstance(found, list) else [value]


def _with_values_of(newer: QuestionDef, older: QuestionDef) -> QuestionDef:
    known = {str(v.value) for v in newer.values}
    more: Iterable[Value] = (v for v in older.values if str(v.value) not in known)
    return replace(newer, values=(*newer.values, *more), missing={**older.missing, **newer.missing})


def read(connection: Connection, selection: Selection, language: str = "") -> Codebook:
    """The definitions of the runs that are meant, and the questions that were answered without one."""
    joined = survey_run.outerjoin(call, call.c.call_id == survey_run.c.call_id)
    used = select(survey_run.c.definition).select_from(joined).where(selection.runs()).distinct().subquery()
    stored = survey_definition
    query = select(stored.c.hash, stored.c.json, stored.c.first_seen).join(used, used.c.definition == stored.c.hash)
    found = connection.execute(query.order_by(stored.c.first_seen, stored.c.hash)).all()
    definitions = {row.hash: Definition.from_json(json.loads(row.json)) for row in found}
    first_seen: dict[str, Any] = {row.hash: row.first_seen for row in found}
    return Codebook(definitions, language, _undefined(connection, selection, set(definitions)), first_seen)


def _undefined(connection: Connection, selection: Selection, known: set[str]) -> tuple[str, ...]:
    """Questions of runs without a definition; looked for only when there are such runs."""
    joined = survey_run.outerjoin(call, call.c.call_id == survey_run.c.call_id)
    without = selection.runs() & func.coalesce(survey_run.c.definition, "").not_in(known)
    if connection.execute(select(1).select_from(joined).where(without).limit(1)).first() is None:
        return ()
    of_run = (answer.c.call_id == survey_run.c.call_id) & (answer.c.survey == survey_run.c.survey)
    query = select(answer.c.question).select_from(joined.join(answer, of_run)).where(without).distinct()
    return tuple(connection.scalars(query.order_by(answer.c.question)))


def missing_codes(question: QuestionDef) -> tuple[str, ...]:
    """Why this question may have no value, in the order of `MISSING`."""
    return tuple(why for why in MISSING if why in question.missing)


#: Columns of the codebook as a table.
HEADS = ("question", "title", "kind", "value", "label", "key", "asked when", "section", "measure")


def table(codebook: Codebook) -> list[tuple[str, ...]]:
    """One row a question, and one for each of its values and missing codes."""
    rows: list[tuple[str, ...]] = []
    for question in codebook.questions():
        title = question.title(codebook.language)
        rows.append((question.id, title, question.kind, "", "", "", question.when, question.section, question.measure))
        told = [(str(v.value), codebook.text(v.label), v.key) for v in question.values]
        told += [(why, WORDS[why], question.missing[why]) for why in missing_codes(question)]
        rows += [(question.id, title, question.kind, *value, "", "", "") for value in told]
    return rows


WORDS = {"refused": "would rather not say", "dont_know": "does not know"}
