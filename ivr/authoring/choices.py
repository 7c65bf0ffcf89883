"""Choices: the lists of a form, and the keys that a caller presses for them.

Law: a list is looked at when a question uses it; every mistake in it is reported once, at its cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ivr.authoring import labels
from ivr.authoring.report import Report
from ivr.authoring.sheets import Row, Sheet
from ivr.authoring.tongues import missing, phrases, spoken_key

MOST_BY_ONE_KEY: Final = 10
MOST: Final = 89
KEYS_OF_MISSING: Final = {"refused": "*", "dont_know": "0"}

Texts = dict[str, str]
#: row, field -> its texts by language; what is missing is reported
ReadTexts = Callable[[Row, str], Texts]


@dataclass(frozen=True)
class Choice:
    name: str
    labels: Texts
    place: str


@dataclass
class Options:
    """A list with its keys, as one question offers it."""

    keys: dict[str, Choice] = field(default_factory=dict)
    missing: dict[str, tuple[str, Choice]] = field(default_factory=dict)  # refused | dont_know -> key, choice

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(choice.name for choice in self.keys.values())


class ChoiceLists:
    """The sheet of choices."""

    def __init__(self, sheet: Sheet | None, report: Report, texts: ReadTexts, twice: bool = False) -> None:
        """``twice``: the form says that names may stand twice, for filters; the first counts."""
        self.report, self.texts, self.twice = report, texts, twice
        self.rows: dict[str, list[Row]] = {}
        self._read: dict[str, list[Choice] | None] = {}
        name = ""
        for row in sheet.rows if sheet else ():
            name = row.get("list_name")
            if name:
                self.rows.setdefault(name, []).append(row)
            elif row.get("name") or any(head.startswith("label") for head in row.cells):
                report.error(row.place("list_name"), "list_name is missing", row.get("name"))

    def get(self, name: str) -> list[Choice] | None:
        """The choices of a list; None when there is no such list or it has mistakes, which are reported."""
        if name not in self._read:
            self._read[name] = self._list(self.rows[name]) if name in self.rows else None
        return self._read[name]

    def _list(self, rows: list[Row]) -> list[Choice] | None:
        found: dict[str, Choice] = {}
        before = self.report.count("error")
        for row in rows:
            name = row.get("name")
            if not name:
                self.report.error(row.place("name"), "the choice has no name")
            elif name in found:
                message = f"choice {name!r} stands twice in its list; the first is at {found[name].place}"
                (self.report.lost if self.twice else self.report.error)(row.place("name"), message, name)
            elif len(name) > 60:
                self.report.error(row.place("name"), "a choice's name has at most 60 characters", name)
            else:
                texts = self.texts(row, "label")
                told = {lang: labels.spoken(text, lambda _: "") or name for lang, text in texts.items()}
                if any(labels.refs(text) for text in texts.values()):
                    message = "an answer in a choice's label is not spoken"
                    self.report.lost(row.place("name"), message, name)
                found[name] = Choice(name, told, row.place("name"))
        return None if self.report.count("error") > before else list(found.values())


def keyed(choices: list[Choice], one_key: bool) -> Options | str:
    """Keys for a list of choices, in its order; or why there are none."""
    options = Options()
    rest = []
    for choice in choices:
        kind = missing(choice.name, list(choice.labels.values()))
        if kind and kind not in options.missing and len(choices) > 2:
            options.missing[kind] = KEYS_OF_MISSING[kind], choice
        else:
            rest.append(choice)
    zero_is_free = "dont_know" not in options.missing
    most = MOST_BY_ONE_KEY if zero_is_free else MOST_BY_ONE_KEY - 1
    if len(rest) <= most:
        keys = [*map(str, range(1, 10)), "0"]
    elif one_key:
        return f"{len(rest)} choices, and a caller has {most} keys of one digit for them"
    elif len(rest) > MOST:
        return f"{len(rest)} choices; nobody can listen to more than {MOST}"
    else:
        # From 11 on no key begins with 0, so that 0 alone is "I do not know".
        keys = [f"{n:02}" for n in range(1, 100)] if zero_is_free else [str(n) for n in range(11, 100)]
    options.keys = dict(zip(keys, rest, strict=False))
    return options


def recited(options: Options, language: str) -> list[str]:
    """`For X, press 1.` and so on, in the language's own words."""
    words = phrases(language)
    parts = []
    for key, choice in options.keys.items():
        text = choice.labels.get(language, choice.name).rstrip(".。")
        parts.append(words.option.format(text, spoken_key(language, key)))
    for kind, form in (("dont_know", words.dont_know), ("refused", words.refused)):
        if kind in options.missing:
            key, choice = options.missing[kind]
            parts.append(form.format(choice.labels.get(language, choice.name), spoken_key(language, key)))
    return parts


def written(options: Options) -> dict[str, Any]:
    """`options` of the questionnaire."""
    return {key: {"value": c.name, "say": dict(c.labels)} for key, c in options.keys.items()}
