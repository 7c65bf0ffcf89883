"""Forms for tests: tables of cells to workbooks, and back to what the importer makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xlsxwriter

from ivr.authoring.xlsform import Imported, import_form

Table = list[list[Any]]
YES_NO = [["yn", "yes", "Yes"], ["yn", "no", "No"]]
ABC = [["abc", "a", "Apple"], ["abc", "b", "Banana"], ["abc", "c", "Cherry"]]
#: A form in two languages that uses most of what a phone can ask.
LABELS = ["label::English (en)", "label::中文 (zh)"]


def workbook(path: Path, survey: Table, choices: Table = (), settings: Table = (), heads: Table = ()) -> Path:
    """``survey`` and the others begin with their row of headers."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    for name, table in (("survey", survey), ("choices", choices), ("settings", settings)):
        if table:
            sheet = book.add_worksheet(name)
            for n, row in enumerate(table):
                for column, cell in enumerate(row):
                    if cell is not None and cell != "":
                        sheet.write(n, column, cell)
    book.close()
    return path


def form(
    tmp_path: Path, rows: Table, *extra: str, choices: Table = (), settings: Table = (), **options: Any
) -> Imported:
    """One question or a few in English: rows of type, name, label and the ``extra`` columns."""
    listed = [["list_name", "name", "label::English (en)"], *choices] if choices else []
    survey = [["type", "name", "label::English (en)", *extra], *rows]
    return import_form(workbook(tmp_path / "form.xlsx", survey, listed, settings), name="form", **options)


def lines(imported: Imported, kind: str) -> list[str]:
    return [f"{line.place}: {line.message}" for line in imported.report.lines if line.kind == kind]


def body(imported: Imported) -> str:
    """The questions of the written file."""
    assert imported.written is not None, lines(imported, "error")
    return imported.written.text.partition("questions:\n")[2]
