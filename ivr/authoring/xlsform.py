"""Xlsform: an XLSForm workbook to a questionnaire, and a report of what a phone cannot ask.

Law: all or nothing. Every row that is broken is named, and with one such row there is no questionnaire; it is put in
its place in one move, and only when the checker finds no error in it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.authoring.conditions import Asked
from ivr.authoring.form import Form, form_name
from ivr.authoring.form_types import TYPES, Typed, read_type
from ivr.authoring.groups import NEVER, Groups
from ivr.authoring.labels import plain
from ivr.authoring.questions import Questions
from ivr.authoring.report import Report
from ivr.authoring.sheets import Row, Sheet, SheetError, read_workbook
from ivr.authoring.yamltext import Written, write
from ivr.lang.check import check_file
from ivr.lang.project import Project


@dataclass(frozen=True)
class Imported:
    """What became of a form. ``written`` is None when there is an error in the report."""

    name: str
    written: Written | None
    report: Report


def import_form(path: Path, *, name: str = "", languages: Sequence[str] = (), text: str = "voice") -> Imported:
    """Reads the workbook. ``text``: what becomes of free text, ``voice`` or ``drop``."""
    report = Report()
    try:
        sheets = read_workbook(path)
    except SheetError as error:
        report.error(path.name, str(error))
        return Imported(name, None, report)
    return convert(sheets, path.name, report, name=name, languages=languages, text=text)


def convert(
    sheets: dict[str, Sheet],
    file: str,
    report: Report,
    *,
    name: str = "",
    languages: Sequence[str] = (),
    text: str = "voice",
) -> Imported:
    """The sheets of a workbook that is called ``file``."""
    if "survey" not in sheets:
        report.error(file, "there is no sheet 'survey'; is this an XLSForm?")
        return Imported(name, None, report)
    form = Form(sheets, report, languages)
    reader = _Reader(form, text)
    for row in form.survey.rows:
        reader.row(row)
    reader.finish()
    name = name or form_name(form.setting("form_id")) or form_name(Path(file).stem)
    if not name:
        report.error("settings!A1", "the form has no form_id to be named after; give it a name")
    if report.ok and not report.taken:
        report.error("survey!A1", "there is nothing in the form that a phone can ask")
    if not report.ok:
        return Imported(name, None, report)
    root = _root(form, reader.groups, name)
    return Imported(name, write(root, [f"From {file} by `ivr survey import`."]), report)


def store(imported: Imported, out: Path, project: Project | None = None) -> bool:
    """Checks the questionnaire, and puts it at ``out`` when it is well; what the checker finds is in the report."""
    if imported.written is None:
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, raw = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=".yaml", dir=out.parent)
    temporary = Path(raw)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(imported.written.text)
        if not _checked(imported, temporary, project or Project.find(out)):
            return False
        temporary.chmod(0o644)
        os.replace(temporary, out)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _checked(imported: Imported, path: Path, project: Project) -> bool:
    assert imported.written is not None
    problems = check_file(path, project).problems
    own = project.display(path)
    for problem in problems:
        if problem.file != own:
            continue  # of the project's prompts: no part of this form
        place = imported.written.place(problem.line) or "survey!A1"
        hint = f"; {problem.hint}" if problem.hint else ""
        message = f"{problem.code}: {problem.message}{hint}"
        (imported.report.error if problem.severity == "error" else imported.report.note)(place, message)
    return imported.report.ok


def _root(form: Form, groups: Groups, name: str) -> dict[str, Any]:
    root: dict[str, Any] = {"survey": name}
    if form.setting("version"):
        root["version"] = form.setting("version")
    title = plain(form.setting("form_title"))
    root["title"] = title or name
    root["languages"] = list(form.languages)
    if groups.lists:
        root["lists"] = groups.lists
    root["questions"] = groups.items
    return root


class _Reader:
    """Goes through the rows once, from the first to the last."""

    def __init__(self, form: Form, text: str) -> None:
        self.form, self.report = form, form.report
        self.groups = Groups(form)
        self.questions = Questions(form, text)
        self.metadata: list[str] = []
        self.required = ""

    def row(self, row: Row) -> None:
        if row.get("disabled").lower() in ("yes", "true"):
            return
        self.report.rows += 1
        typed = read_type(row.get("type"))
        if not row.get("type"):
            if row.get("name") or any(head.startswith("label") for head in row.cells):
                self.report.error(row.place("type"), "the row has no type", row.get("name"))
            return
        if not typed.type:
            self.report.error(row.place("type"), f"no type {row.get('type')!r}", row.get("name"))
            return
        becomes = TYPES[typed.type].becomes
        if typed.type.startswith("begin_"):
            self.groups.begin(row, becomes == "loop")
        elif typed.type.startswith("end_"):
            self.groups.end(row, becomes == "loop")
        elif becomes == "metadata":
            self.metadata.append(typed.type)
        elif becomes == "condition":
            self._calculate(row)
        elif becomes == "lost":
            self.report.lost(row.place("type"), f"{typed.type}: {TYPES[typed.type].told}", row.get("name"))
            self._lose(row)
        else:
            self._asked(row, typed)

    def _asked(self, row: Row, typed: Typed) -> None:
        if self.groups.lost:
            self._lose(row)
            self.groups.leave_out()
            return
        when, note = self.groups.when(row, "asked of everybody")
        if when == NEVER:
            self.report.lost(row.place("relevant"), "relevant is always false: nobody is asked", row.get("name"))
            self._lose(row)
            return
        if row.get("required").lower() in ("yes", "true", "true()") and not self.required:
            self.required = row.place("required")
        self.questions.loop = self.groups.loop
        self.groups.add(self.questions.make(row, typed), when, note)

    def _lose(self, row: Row) -> None:
        """Conditions that name the row say that it is not asked."""
        name = row.get("name")
        if name:
            self.form.known.setdefault(name, Asked(name, ""))

    def _calculate(self, row: Row) -> None:
        """Kept for the conditions that use it; it is no question, and may have any name."""
        self._lose(row)
        if self.groups.lost:
            return
        name = row.get("name")
        if not name:
            self.report.error(row.place("name"), "the calculation has no name")
            return
        tree = self.form.expression(row, "calculation", "left out")
        if tree is not None:
            self.form.known[name] = Asked(name, "calculate", calculation=tree, loop=self.groups.loop)
            self.report.note(
                row.place("type"), "calculate: written out in the conditions that use it, not stored", name
            )

    def finish(self) -> None:
        self.groups.finish()
        if self.metadata:
            told = ", ".join(dict.fromkeys(self.metadata))
            self.report.note("survey!A1", f"{len(self.metadata)} of metadata ({told}): calls have their own")
        if self.required:
            self.report.note(self.required, "required: after its tries a question is skipped, or see `give_up: stop`")
