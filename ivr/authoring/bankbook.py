"""Bankbook: the bank of questions for people who look for one: found by words, shown whole.

Law: reads what ``survey.bank`` found in the files; a wording is shown as it is written there, none is made up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ivr.lang.asking import BankVersion
from ivr.lang.rows import rows
from ivr.lang.source import Map, Node, Seq, Text
from ivr.survey.bank import Bank, Entry
from ivr.survey.kinds import KINDS, KindRow


@dataclass(frozen=True)
class Wording:
    """One version of a question."""

    version: int
    kind: str
    measure: str  # csat | nps | ces | ""
    range: str
    text: Mapping[str, str]
    label: Mapping[str, str] = field(default_factory=dict)
    values: tuple[tuple[str, str, Mapping[str, str]], ...] = ()  # key or step, value, words
    settings: Mapping[str, Any] = field(default_factory=dict)  # every other key, as written


@dataclass(frozen=True)
class Question:
    name: str
    title: str
    source: str
    tags: tuple[str, ...]
    languages: tuple[str, ...]
    versions: tuple[Wording, ...]  # the newest last

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def questions(bank: Bank) -> list[Question]:
    """Every question of the bank that has a wording, by name."""
    return [_question(entry) for _, entry in sorted(bank.entries.items()) if entry.versions]


def search(found: list[Question], words: tuple[str, ...]) -> list[Question]:
    """Those in which every word stands: in the name, the title, the tags, or a text in any language."""
    wanted = [word.casefold() for word in words]
    return [question for question in found if all(word in _haystack(question) for word in wanted)]


def _haystack(question: Question) -> str:
    parts = [question.name, question.title, *question.tags]
    for wording in question.versions:
        parts += [wording.kind, wording.measure, *wording.text.values(), *wording.label.values()]
        parts += [text for _, value, words in wording.values for text in (value, *words.values())]
    return "\n".join(parts).casefold()


def _question(entry: Entry) -> Question:
    versions = tuple(_wording(number, node, entry.languages) for number, node in sorted(entry.versions.items()))
    return Question(entry.name, entry.title, entry.source, entry.tags, entry.languages, versions)


def _wording(number: int, node: Map, languages: tuple[str, ...]) -> Wording:
    kind = next((key.value for key, _ in node.items if key.value in KINDS), "")
    told = {key.value: plain(value) for key, value in node.items}
    values: list[tuple[str, str, Mapping[str, str]]] = []
    for step, words in told.get("labels", {}).items() if isinstance(told.get("labels"), dict) else ():
        values.append((step, step, words if isinstance(words, dict) else dict.fromkeys(languages, words)))
    for key, option in told.get("options", {}).items() if isinstance(told.get("options"), dict) else ():
        whole = option if isinstance(option, dict) else {"value": option}
        values.append((key, str(whole.get("value", "")), whole.get("say", {})))
    known = rows(BankVersion)
    rest = {
        key: value
        for key, value in told.items()
        if key in known and key not in (kind, "version", "label", "labels", "options", "range")
    }
    row = KINDS.get(kind, KindRow())
    label = told.get("label", {})
    label = label if isinstance(label, dict) else dict.fromkeys(languages, str(label))
    limits = str(told.get("range") or (f"{row.range[0]}..{row.range[1]}" if row.range else ""))
    return Wording(number, kind, row.measure, limits, _texts(told.get(kind), languages), label, tuple(values), rest)


def _texts(told: Any, languages: tuple[str, ...]) -> dict[str, str]:
    """A prompt: by language, the name of one in prompts/, or a list of these."""
    if isinstance(told, dict):
        return {str(lang): str(text) for lang, text in told.items()}
    parts = [_texts(part, languages) for part in told] if isinstance(told, list) else []
    if parts:
        return {lang: " ".join(part.get(lang, "") for part in parts).strip() for lang in languages}
    return dict.fromkeys(languages, f"prompt {told}" if told else "")


def plain(node: Node) -> Any:
    """A node as values: texts, lists and maps."""
    if isinstance(node, Text):
        return re.sub(r"\s+", " ", node.value).strip()
    if isinstance(node, Seq):
        return [plain(item) for item in node.items]
    return {key.value: plain(value) for key, value in node.items}
