"""Catalogue: the prompts that flows call by name, from prompts/<language>.yaml.

Law: knows names and texts, not sound. A prompt's name is also a file's name (prompts/recordings/<language>/<name>),
so it is letters, digits and _ only.
"""

from __future__ import annotations

from pathlib import Path

from ivr.lang import template
from ivr.lang.expr import NAME
from ivr.lang.problem import Problems, meant, quoted
from ivr.lang.source import Map, Source, Text, load


class Catalogue:
    """``{name: {language: text}}``, and where each stands."""

    def __init__(self, folder: str = "prompts") -> None:
        self.folder = folder  # as messages call it
        self._texts: dict[str, dict[str, str]] = {}
        self._nodes: dict[tuple[str, str], tuple[Source, Text]] = {}
        self._languages: list[str] = []
        self.problems = Problems()

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._languages)

    @property
    def broken(self) -> bool:
        """A file could not be read as it stands: what is missing here may be there."""
        return bool(self.problems.errors)

    def get(self, name: str) -> dict[str, str]:
        """The texts by language; {} for an unknown name."""
        return self._texts.get(name, {})

    def names(self) -> list[str]:
        return list(self._texts)

    def where(self, name: str, language: str) -> tuple[str, int]:
        """File and line of a text."""
        source, node = self._nodes[name, language]
        return source.file, node.start.line + 1

    def add(self, source: Source, language: str) -> None:
        """Takes in one file."""
        self._languages.append(language)
        problems = self.problems
        problems.found += source.problems.found
        problems.errors += source.problems.errors
        if source.root is None:
            return
        if not isinstance(source.root, Map):
            problems.add("IVR010", source, source.root, "a prompt file is a map of name to text")
            return
        for key, value in source.root.items:
            if not NAME.fullmatch(key.value):
                hint = "names are letters, digits and _, a letter first"
                problems.add("IVR016", source, key, f"{quoted(key.value)} is not a prompt's name", hint)
                continue
            if not isinstance(value, Text):
                problems.add("IVR010", source, value, f"prompt {quoted(key.value)} is one text")
                continue
            for fault in template.pieces(value.value).faults:
                problems.add(fault.code, source, value, fault.message, fault.hint, part=fault.part)
            self._texts.setdefault(key.value, {})[language] = value.value
            self._nodes[key.value, language] = (source, key)

    def compare(self) -> None:
        """Warns of prompts that some languages lack."""
        for name, texts in self._texts.items():
            for language in self._languages:
                if language not in texts:
                    source, node = self._nodes[name, next(iter(texts))]
                    others = [n for n, t in self._texts.items() if language in t and n not in self._texts[name]]
                    hint = meant(name, [o for o in others if len(self._texts[o]) < len(self._languages)])
                    message = f"prompt {quoted(name)} has no text for {language}"
                    hint = hint or f"add it to {self.folder}/{language}.yaml"
                    self.problems.add("IVR041", source, node, message, hint, warning=True)


def read_catalogue(folder: Path, name: str) -> Catalogue:
    """The catalogue of ``folder``; ``name`` is how messages call the folder."""
    catalogue = Catalogue(name)
    for path in sorted(folder.glob("*.yaml")):
        catalogue.add(load(path, f"{name}/{path.name}"), path.stem)
    catalogue.compare()
    return catalogue
