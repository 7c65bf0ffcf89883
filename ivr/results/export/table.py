"""Table: an export as columns and a stream of records, for the formats that are no lines of text.

Law: puts long and wide behind one shape; no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from ivr.results.export import source
from ivr.results.export.codebook import Codebook
from ivr.results.export.long import COLUMNS, Long
from ivr.results.export.selection import Selection
from ivr.results.export.wide import Column, Wide

_LONG_TYPES: Final = {"value_number": "number", "at": "time", "run": "whole", "occurrence": "whole"}


@dataclass(frozen=True)
class Table:
    columns: list[Column]
    records: Iterator[tuple[Any, ...]]  # None where there is nothing; times aware
    codebook: Codebook
    #: What the table is called where a format has a name for it.
    name: str
    #: What its rows are; only answers have a codebook beside them.
    rows: str = "answers"


def long_table(connection: Connection, selection: Selection, book: Codebook, respondent: Callable[[str], str]) -> Table:
    long = Long(book, respondent)
    columns = [Column(name, name, _LONG_TYPES.get(name, "text")) for name in COLUMNS]
    records = long.records(source.answers(connection, selection))
    return Table(columns, records, book, selection.launch or selection.survey or "answers")


def wide_table(connection: Connection, selection: Selection, book: Codebook, respondent: Callable[[str], str]) -> Table:
    wide = Wide(book, respondent)
    records = wide.records(source.runs(connection, selection))
    return Table(wide.columns, records, book, selection.launch or selection.survey or "runs")
