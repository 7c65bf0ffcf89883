"""Definition: a questionnaire as it was asked, for those who read its answers.

Law: plain data, JSON round-trip safe, named by the hash of its content. It says nothing of how a call goes: that is
the Program's. Texts are by language; fixed text stands as it is spoken, a spoken value as ``{name}``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

Texts = Mapping[str, str]  # language -> text

#: kind -> what its answers are in the store (`answer.value`).
KINDS: Final[dict[str, str]] = {
    "choice": "one of the values",
    "yes_no": "yes | no",
    "scale": "a whole number, low..high",
    "number": "a whole number",
    "amount": "a number with decimals",
    "date": "an ISO date, 2026-11-25",
    "code": "the keys as text",
    "multiple": "a JSON list of values, in the order of the options",
    "ranking": "a JSON list of values, the first ranked first",
    "voice": "the name of a recording",
}
#: Satisfaction measures; each is a scale.
MEASURES: Final = ("csat", "nps", "ces")
#: Why there is an answer without a value (`answer.missing`).
MISSING: Final = ("refused", "dont_know")


@dataclass(frozen=True)
class Value:
    """One possible answer. ``value`` is what is stored, ``key`` what is pressed."""

    value: str | int
    key: str
    label: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class QuestionDef:
    id: str
    kind: str  # one of KINDS
    text: Texts  # what is asked
    label: Texts = field(default_factory=dict)  # short, for tables; {}: none was given
    measure: str = ""  # csat | nps | ces | ""
    values: tuple[Value, ...] = ()  # choice, yes_no, multiple, ranking: all; scale: each step, labelled or not
    low: float | str | None = None  # scale, number, amount: number; date: ISO date
    high: float | str | None = None
    direction: str = "up"  # scale: "up": the highest is best; "down": the lowest is
    top: int = 2  # how many steps at the good end count as satisfied
    choose: tuple[int, int] | None = None  # multiple, ranking: how many are chosen, at least and at most
    decimals: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)  # refused | dont_know -> the key for it
    when: str = ""  # the condition under which it is asked, as written
    valid: str = ""
    screen_out: str = ""
    section: str = ""
    item: str = ""  # of the list that its loop goes over
    base: str = ""  # its id before the loop made it one of several
    bank: str = ""  # the bank's question it is, csat5@2

    def title(self, language: str = "") -> str:
        """Its label, or else what is asked, in ``language`` or the first there is."""
        for texts in (self.label, self.text):
            if texts:
                return texts.get(language) or next(iter(texts.values()))
        return self.id


@dataclass(frozen=True)
class QuotaDef:
    quota: str
    when: str
    completes: int


@dataclass(frozen=True)
class Definition:
    survey: str
    title: str
    languages: tuple[str, ...]
    questions: tuple[QuestionDef, ...]
    version: str = ""
    quotas: tuple[QuotaDef, ...] = ()
    sections: Mapping[str, str] = field(default_factory=dict)  # name -> title
    random: tuple[str, ...] = ()  # what is asked in random order: sections, "" for the whole questionnaire
    keep_days: int | None = None  # answers older than this are removed; None: kept

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), ensure_ascii=False))
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Definition:
        return cls(
            **{
                **data,
                "languages": tuple(data["languages"]),
                "questions": tuple(_question(q) for q in data["questions"]),
                "quotas": tuple(QuotaDef(**q) for q in data["quotas"]),
                "random": tuple(data["random"]),
            }
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of everything above."""
        return content_hash(self.to_json())

    def question(self, ident: str) -> QuestionDef | None:
        return next((q for q in self.questions if q.id == ident), None)


def content_hash(data: Any) -> str:
    """SHA-256 (hex) of a JSON value, whatever the order of its keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _question(data: Mapping[str, Any]) -> QuestionDef:
    choose = data["choose"]
    values = tuple(Value(**v) for v in data["values"])
    return QuestionDef(**{**data, "values": values, "choose": tuple(choose) if choose else None})
