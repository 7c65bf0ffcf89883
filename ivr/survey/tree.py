"""Tree: a questionnaire as it was read, before it becomes nodes: questions, texts, and groups of them.

Law: plain data of one reading. A loop is unrolled here: what it asks of an item stands under the item's own names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.core.nodes import Expr
from ivr.lang.asking import Question, SurveyFile
from ivr.lang.reader import Reader
from ivr.lang.source import Node


@dataclass
class Asking:
    """One question. ``shape.id`` is its whole name, ``base`` what the file calls it."""

    shape: Question
    kind: str
    file: str
    line: int
    node: Node
    base: str = ""
    section: str = ""
    item: str = ""
    bank: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)  # key -> refused | dont_know
    labels: Mapping[Any, Mapping[str, str]] = field(default_factory=dict)  # answer -> text by language
    under: tuple[Expr, ...] = ()  # the conditions of the groups around it


@dataclass
class Heard:
    """A text between questions. ``name`` begins with @."""

    name: str
    prompts: tuple[str, ...]
    when: Expr
    line: int


@dataclass
class Group:
    """What belongs together: a section, one round of a loop, or (name "") all of the file."""

    name: str
    when: Expr = None
    random: bool = False
    line: int = 1
    title: str = ""
    items: list[Item] = field(default_factory=list)

    def questions(self) -> Iterator[Asking]:
        """All of them, those of the groups inside too, in the file's order."""
        for item in self.items:
            if isinstance(item, Asking):
                yield item
            elif isinstance(item, Group):
                yield from item.questions()

    def groups(self) -> Iterator[Group]:
        for item in self.items:
            if isinstance(item, Group):
                yield item
                yield from item.groups()


Item = Asking | Heard | Group


@dataclass
class Questionnaire:
    """One survey as read for one step."""

    file: SurveyFile
    reader: Reader
    top: Group
    sound: bool  # no mistake in it

    @property
    def spoken_labels(self) -> set[str]:
        """Whole names of answers whose label is spoken by this questionnaire."""
        named = {name for _, name in self.reader.labelled}
        return {asked.shape.id for asked in self.questions if asked.shape.id in named or asked.base in named}

    @property
    def questions(self) -> list[Asking]:
        return list(self.top.questions())
