"""Bank: questions that many questionnaires ask in the same words.

Law: finds and names what stands in surveys/bank; a wording is read as part of the questionnaire that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ivr.lang.asking import BankFile
from ivr.lang.catalogue import Catalogue
from ivr.lang.problem import Problems, quoted
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Seq, Source, Text
from ivr.survey.head import read_head


@dataclass(frozen=True)
class Entry:
    """One file of the bank. ``versions``: number -> where its wording stands."""

    name: str
    title: str
    file_source: Source
    source: str = ""
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    versions: dict[int, Map] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)  # of this file

    @property
    def newest(self) -> int:
        return max(self.versions, default=0)


class Bank:
    """``entries`` by name; ``problems`` of all its files."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.problems = Problems()

    def add(self, source: Source) -> None:
        entry = read_entry(source)
        self.problems.found += entry.problems.found
        self.problems.errors += entry.problems.errors
        self.entries[entry.name] = entry


def read_entry(source: Source) -> Entry:
    """One file; without versions when it is no question of a bank."""
    root = source.root
    problems = Problems()
    problems.found += source.problems.found
    problems.errors += source.problems.errors
    stem = Path(source.file).stem
    if not isinstance(root, Map):
        if root is not None:
            problems.add("IVR084", source, root, "this is no question of a bank", "begin with `bank: name`")
        return Entry(stem, "", source, problems=problems)
    reader = Reader(source, problems, Catalogue(), {})
    file: BankFile = read_head(reader, root, "BankFile", "a bank's file")
    if file.bank and file.bank != stem:
        reader.add("IVR084", root.get("bank") or root, f"the file is {stem}.yaml, and its bank {quoted(file.bank)}")
    versions: dict[int, Map] = {}
    nodes = file.versions.items if isinstance(file.versions, Seq) else []
    if file.versions is not None and not nodes:
        reader.add("IVR084", file.versions, "`versions` is a list of wordings", "`- {version: 1, scale: ...}`")
    for node in nodes:
        number = node.get("version") if isinstance(node, Map) else None
        if not isinstance(node, Map) or not isinstance(number, Text) or not number.value.isdigit():
            reader.add("IVR084", node, "a wording is a map with its `version`", "`- {version: 1, scale: ...}`")
            continue
        if int(number.value) in versions:
            reader.add("IVR008", number, f"version {number.value} is here a second time")
        versions[int(number.value)] = node
    return Entry(
        stem, file.title or "", source, file.source or "", file.tags or (), file.languages or (), versions, problems
    )


def read_bank(sources: Iterable[Source]) -> Bank:
    bank = Bank()
    for source in sources:
        bank.add(source)
    return bank
