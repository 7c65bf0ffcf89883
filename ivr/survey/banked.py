"""Banked: a wording of the bank, as a questionnaire takes it over.

Law: as for ``survey.reading``. Mistakes of a wording are told of the bank's own file.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ivr.core.nodes import Prompt
from ivr.lang.asking import Asked, BankVersion, Question
from ivr.lang.catalogue import Catalogue
from ivr.lang.problem import Problems, quoted
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Source
from ivr.survey import questions as one
from ivr.survey.bank import Entry, read_entry
from ivr.survey.kinds import kind_of
from ivr.survey.tree import Asking

#: What the bank says of a question.
BANKED = tuple(f.name for f in fields(Asked))


def read_version(entry: Entry, wording: Map, asks: Reader) -> BankVersion | None:
    """One wording of the bank; its mistakes are told of its own file. Only what ``asks`` speaks is kept of it."""
    reader = Reader(entry.file_source, asks.problems, asks.catalogue, {})
    reader.languages = entry.languages
    reader.start(f"{asks.owner}@bank")
    before = asks.problems.errors
    shape: BankVersion | None = reader.shape(wording, "BankVersion", "a wording")
    if shape is None:
        return None
    one.check_keys(reader, shape, wording)
    for word, name, _ in reader.used:
        message = f"a question of the bank stands alone: {quoted(name)} is not known to it"
        reader.add("IVR084", word, message, "leave it out", part=name)
    for ident, prompt in reader.prompts.items():
        spoken = {lang: pieces for lang, pieces in prompt.pieces.items() if lang in asks.languages}
        asks.prompts.setdefault(ident, Prompt(prompt.name, spoken))
    for option in (shape.options or {}).values():
        option.say = _spoken(option.say, asks)
    if shape.labels:
        shape.labels = {step: _spoken(texts, asks) or {} for step, texts in shape.labels.items()}
    shape.label = _spoken(shape.label, asks)
    return shape if asks.problems.errors == before else None


def _spoken(texts: dict[str, str] | None, asks: Reader) -> dict[str, str] | None:
    return None if texts is None else {lang: text for lang, text in texts.items() if lang in asks.languages}


def check_bank_file(source: Source, problems: Problems, catalogue: Catalogue, prompts: dict[str, Prompt]) -> None:
    """Every wording of one file of the bank, in the file's own languages."""
    entry = read_entry(source)
    problems.found += entry.problems.found
    problems.errors += entry.problems.errors
    reader = Reader(source, problems, catalogue, prompts)
    reader.languages = entry.languages
    for number, wording in entry.versions.items():
        reader.start(f"{entry.name}@{number}")
        shape = read_version(entry, wording, reader)
        if shape is not None and (kind := kind_of(shape)):
            values: dict[str, Any] = {name: getattr(shape, name) for name in BANKED}
            asked = Asking(Question(id=entry.name, **values), kind, source.file, wording.start.line + 1, wording)
            one.check_answers(reader, asked)
