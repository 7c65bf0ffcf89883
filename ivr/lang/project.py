"""Project: where questionnaires and prompts stand. Settings may name other folders: ``ivr.ops.config`` reads them.

Law: finds files and remembers what it read; a file that changed on disk is read again.
"""

from __future__ import annotations

import os
from pathlib import Path

from ivr.lang.catalogue import Catalogue, read_catalogue
from ivr.lang.expr import NAME
from ivr.lang.source import Source, load


class Project:
    """``surveys``, ``prompts`` and ``flows`` stand in ``root`` unless they are named."""

    def __init__(
        self, root: Path, surveys: Path | None = None, prompts: Path | None = None, flows: Path | None = None
    ) -> None:
        self.root = root
        self.flows = flows or root / "flows"
        self.surveys = surveys or root / "surveys"
        self.prompts = prompts or root / "prompts"
        self._catalogue: tuple[object, Catalogue] | None = None
        self._sources: dict[Path, tuple[object, Source]] = {}

    @classmethod
    def find(cls, path: Path | str) -> Project:
        """The nearest folder above ``path`` with a callweave.yaml; else with prompts/ or flows/; else its own."""
        start = Path(os.path.abspath(path))
        folders = [start, *start.parents] if start.is_dir() else list(start.parents)
        for folder in folders:
            if (folder / "callweave.yaml").is_file():
                return cls(folder)
        for folder in folders:
            if (folder / "prompts").is_dir() or (folder / "flows").is_dir():
                return cls(folder)
        return cls(folders[0])

    @property
    def catalogue(self) -> Catalogue:
        folder = self.prompts
        stamp = [_stamp(path) for path in sorted(folder.glob("*.yaml"))]
        if self._catalogue is None or self._catalogue[0] != stamp:
            self._catalogue = stamp, read_catalogue(folder, self.display(folder))
        return self._catalogue[1]

    def survey_path(self, name: str) -> Path:
        """Where the questionnaire ``name`` stands, whether or not it does. Names never leave their folder."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a questionnaire's name")
        return self.surveys / f"{name}.yaml"

    def survey_names(self) -> list[str]:
        return [p.stem for p in sorted(self.surveys.glob("*.yaml")) if not p.stem.endswith(".calls")]

    def flow_path(self, name: str) -> Path:
        """Where the flow ``name`` stands, whether or not it does."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a flow's name")
        return self.flows / f"{name}.yaml"

    def flow_names(self) -> list[str]:
        return [p.stem for p in sorted(self.flows.glob("*.yaml")) if not p.stem.endswith(".calls")]

    @property
    def bank(self) -> Path:
        """Where questions stand that many questionnaires ask."""
        return self.surveys / "bank"

    def bank_files(self) -> list[Path]:
        return sorted(self.bank.glob("*.yaml"))

    def is_bank_file(self, path: Path) -> bool:
        return path.parent.name == self.bank.name and path.parent.resolve() == self.bank.resolve()

    def load(self, path: Path) -> Source:
        """A file's source, read once as long as it stays the same."""
        stamp = _stamp(path)
        known = self._sources.get(path)
        if known is None or stamp is None or known[0] != stamp:
            known = self._sources[path] = stamp, load(path, self.display(path))
        return known[1]

    def display(self, path: Path) -> str:
        """How messages name a file: from the working directory when it is below it."""
        full = os.path.abspath(path)
        here = os.path.join(os.getcwd(), "")
        return full.removeprefix(here)


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return str(path), status.st_mtime_ns, status.st_size
