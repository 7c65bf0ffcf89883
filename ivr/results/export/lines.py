"""CSV and JSON Lines.

Law: writes text to a stream that it is given. Cells that a spreadsheet would run are guarded in CSV, and in CSV only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any, Final, TextIO

from ivr.results.export import long
from ivr.results.export.source import CHUNK, Answers
from ivr.results.export.table import Table

#: What tells Excel that a CSV file is UTF-8.
BOM: Final = "\ufeff"
OnRows = Callable[[int], None]


def write_long(out: TextIO, answers: Answers, made: long.Long, *, csv: bool, on_rows: OnRows) -> int:
    """By the lines that ``long`` makes ready; gives how many answers there were."""
    if csv:
        out.write(",".join(long.COLUMNS) + "\n")
    count = 0
    for text, lines in long.lines(answers, made, long.CSV if csv else long.JSON_LINES):
        out.write(text)
        count += lines
        on_rows(lines)
    return count


def write_table(out: TextIO, table: Table, *, csv: bool, on_rows: OnRows) -> int:
    names = [column.name for column in table.columns]
    if csv:
        out.write(long.csv_cells(names, names) + "\n")
    count = 0
    while records := list(islice(table.records, CHUNK)):
        for record in records:
            cells = [_text(cell) for cell in record]
            out.write(f"{long.csv_cells(names, cells)}\n" if csv else f"{{{long.json_cells(names, cells)}}}\n")
        count += len(records)
        on_rows(len(records))
    return count


def _text(cell: Any) -> Any:
    return cell.isoformat(timespec="milliseconds") if isinstance(cell, datetime) else cell
