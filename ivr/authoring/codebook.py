"""Codebook: a Definition for those who read its answers: as a table, as a page, and (``ddi``) as DDI-Codebook.

Law: says what the Definition says and nothing else; no clock, no database. A table's cells are as they are: who
writes them into a spreadsheet's file gives the function that makes them safe there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from ivr.survey.definition import KINDS, Definition, QuestionDef, Value

#: Why there is no value, as people read it. The store has the words on the left.
MISSING_LABELS: Final = {
    "refused": {"en": "would rather not say", "zh": "不愿回答"},
    "dont_know": {"en": "does not know", "zh": "不清楚"},
}
_SORTS: Final = {"csat": "satisfaction (CSAT)", "nps": "recommendation (NPS)", "ces": "effort (CES)"}


def missing_label(why: str, language: str) -> str:
    texts = MISSING_LABELS.get(why, {})
    return texts.get(language) or texts.get(language.partition("-")[0]) or texts.get("en") or why


def limits(question: QuestionDef) -> str:
    """`1..5`, `0..99.99`, `2020-01-01..2026-12-31`; "" when nothing is said."""
    if question.low is None and question.high is None:
        return ""
    return f"{_plain(question.low)}..{_plain(question.high)}"


def _plain(value: float | str | None) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def chosen(question: QuestionDef) -> str:
    """How many are chosen, `1..3`."""
    if question.choose is None:
        return ""
    low, high = question.choose
    return str(low) if low == high else f"{low}..{high}"


def shuffled(definition: Definition) -> list[str]:
    """What is asked in random order, as people call it."""
    return [
        (definition.sections.get(name) or name) if name else "the whole questionnaire" for name in definition.random
    ]


def table(definition: Definition) -> tuple[list[str], list[list[Any]]]:
    """The heads, and one row for each value of each variable; a variable without values has one row."""
    languages = definition.languages
    heads = ["survey", "version", "variable", "kind", "measure", "section", "item", "base"]
    heads += [f"label_{lang}" for lang in languages] + [f"question_{lang}" for lang in languages]
    heads += ["value", "key", "missing", *(f"value_label_{lang}" for lang in languages)]
    heads += ["range", "decimals", "choose", "direction", "top", "when", "valid", "screen_out", "bank", "stored_as"]
    rows: list[list[Any]] = []
    for question in definition.questions:
        before: list[Any] = [definition.survey, definition.version, question.id, question.kind, question.measure]
        before += [question.section, question.item, question.base]
        before += [question.label.get(lang, "") for lang in languages]
        before += [question.text.get(lang, "") for lang in languages]
        scale = question.kind == "scale"
        after: list[Any] = [limits(question), question.decimals if question.kind == "amount" else "", chosen(question)]
        after += [question.direction if scale else "", question.top if scale else ""]
        after += [question.when, question.valid, question.screen_out, question.bank, KINDS.get(question.kind, "")]
        values: list[list[Any]] = [
            [value.value, value.key, "", *(value.label.get(lang, "") for lang in languages)]
            for value in question.values
        ]
        values += [
            ["", key, why, *(missing_label(why, lang) for lang in languages)] for why, key in question.missing.items()
        ]
        rows += [[*before, *value, *after] for value in values or [["", "", "", *("" for _ in languages)]]]
    return heads, rows


def csv_text(definition: Definition, safe: Callable[[Any], Any]) -> str:
    """The table as CSV. ``safe`` makes a cell harmless to spreadsheets, which run texts that begin with = + - @."""
    heads, rows = table(definition)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def html(definition: Definition, language: str = "") -> str:
    """One page that needs nothing else: for a screen of any size, and for paper."""
    language = language if language in definition.languages else definition.languages[0]
    languages = [language, *(lang for lang in definition.languages if lang != language)]
    page: str = _template().render(
        d=definition,
        languages=languages,
        language=language,
        sections=_sections(definition),
        kinds=KINDS,
        sorts=_SORTS,
        limits=limits,
        shuffled=shuffled(definition),
        chosen=chosen,
        missing_label=missing_label,
        labelled=_labelled,
    )
    return page


def _labelled(values: tuple[Value, ...]) -> bool:
    """Whether the values need a table: 0..100 without a label does not."""
    return any(value.label for value in values) or any(str(value.value) != value.key for value in values)


def _sections(definition: Definition) -> list[tuple[str, str, list[QuestionDef]]]:
    """Questions that stand together: section, title, questions."""
    found: list[tuple[str, str, list[QuestionDef]]] = []
    for question in definition.questions:
        if not found or found[-1][0] != question.section:
            found.append((question.section, definition.sections.get(question.section) or question.section, []))
        found[-1][2].append(question)
    return found


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("codebook.html.j2")
