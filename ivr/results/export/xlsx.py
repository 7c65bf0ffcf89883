"""Excel: a sheet with the answers, a second with the codebook, further ones where a sheet is full.

Law: XlsxWriter in its mode of constant memory: rows go to temporary files. Text stays text: nothing becomes a
formula, a link or a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from ivr.results.export import codebook
from ivr.results.export.lines import OnRows
from ivr.results.export.table import Table

#: Rows of a sheet, its header among them.
MOST_ROWS: Final = 1_048_576
#: Characters of a cell.
MOST_TEXT: Final = 32_767
_SAFE: Final = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write(path: Path, table: Table, *, on_rows: OnRows, most_rows: int = MOST_ROWS) -> int:
    """Gives how many rows there were, without headers."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent), **_SAFE})
    try:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        answers = book.add_worksheet(table.rows)
        if table.rows == "answers":
            _codebook(book.add_worksheet("codebook"), table, bold)
        count, sheets = 0, 1
        while True:
            written, more = _sheet(answers, table, bold, time, most_rows, on_rows)
            count += written
            if more is None:
                return count
            sheets += 1
            answers = book.add_worksheet(f"{table.rows} {sheets}")
            table = replace(table, records=chain([more], table.records))
    finally:
        book.close()


def _sheet(
    sheet: Any, table: Table, bold: Any, time: Any, most_rows: int, on_rows: OnRows
) -> tuple[int, tuple[Any, ...] | None]:
    """Fills one sheet; gives how many rows it got, and the first one that found no place."""
    for n, column in enumerate(table.columns):
        sheet.set_column(n, n, 20 if column.type in ("text", "time") else 12, time if column.type == "time" else None)
        sheet.write_string(0, n, f"{column.title} (UTC)" if column.type == "time" else column.title, bold)
    sheet.freeze_panes(1, 1)
    at = 0
    records: Iterator[tuple[Any, ...]] = iter(table.records)
    for at, record in enumerate(islice(records, most_rows - 1), 1):
        for n, cell in enumerate(record):
            if cell is not None:
                _write(sheet, at, n, cell, time)
        if at % 1_000 == 0:
            on_rows(1_000)
    on_rows(at % 1_000)
    return at, next(records, None)


def _write(sheet: Any, row: int, n: int, cell: Any, time: Any) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, n, cell[:MOST_TEXT])
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, n, cell.astimezone(UTC).replace(tzinfo=None), time)
    else:
        sheet.write_number(row, n, cell)


def _codebook(sheet: Any, table: Table, bold: Any) -> None:
    for n, head in enumerate(("column", *codebook.HEADS)):
        sheet.set_column(n, n, 20)
        sheet.write_string(0, n, head, bold)
    names: dict[str, list[str]] = {}
    for column in table.columns:
        if column.question is not None:
            names.setdefault(column.question.id, []).append(column.name)
    for at, row in enumerate(codebook.table(table.codebook), 1):
        for n, text in enumerate((", ".join(names.get(row[0], ())) if not row[3] else "", *row)):
            sheet.write_string(at, n, text[:MOST_TEXT])
