"""Importing: files, one after the other, into a list.

Law: each file is one transaction, or nothing. What is told about a file is a Report; who shows it is not known here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Engine

from ivr.contacts import columns as columns_of
from ivr.contacts.columns import Columns, MapError
from ivr.contacts.people import Intake, Rejected
from ivr.contacts.shapes import Normaliser
from ivr.contacts.tables import Table, TableError, read_table
from ivr.results.cells import safe_cell
from ivr.store import contacts as store

REPORT_HEAD: Final = ("file", "row", "column", "cell", "reason")
#: Different reasons that are counted apart.
_MOST_REASONS: Final = 200


class FileError(Exception):
    """Nothing of the file was taken; the message says which file, why, and what to do."""


@dataclass(frozen=True)
class Wish:
    """What was typed."""

    list_name: str
    country: str = "CN"
    typed: Mapping[str, str] = field(default_factory=dict)  # field or fact -> header or position
    encoding: str = ""
    sheet: str = ""
    header: bool = True
    replace: bool = False


@dataclass
class Report:
    path: Path
    told: str  # encoding and delimiter
    columns: Columns
    rows: int = 0  # that could be people
    taken: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[Rejected] = field(default_factory=list)
    counts: store.Counts | None = None  # none: a dry run


class RejectedFile:
    """Where rejected rows go, as a spreadsheet reads them: UTF-8 with its mark, no cell a formula."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        if self._path:
            try:
                self._file = self._path.open("w", encoding="utf-8-sig", newline="")
            except OSError as error:
                raise FileError(f"{self._path}: cannot be written ({error.strerror}); name another file") from error
            self._writer = csv.writer(self._file)
            self._writer.writerow(REPORT_HEAD)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, path: Path, rows: Sequence[Rejected]) -> None:
        if self._writer:
            for r in rows:
                cells = (path.name, str(r.row), r.column, r.cell, r.reason)
                self._writer.writerow([safe_cell(cell) for cell in cells])


def open_table(path: Path, wish: Wish) -> tuple[Table, Columns]:
    """The file and its columns. Raises FileError."""
    try:
        known = columns_of.known_header
        table = read_table(path, known, encoding=wish.encoding, header=wish.header, sheet=wish.sheet)
        if not wish.header:
            return _without_header(table, wish)
        named = any(told in table.header for told in wish.typed.values())
        if not named and columns_of.looks_like_no_header(table.header):
            raise MapError(
                "the first row has a number in it, so there is no header; "
                "write --no-header --map number=1,name=2 with the columns' positions"
            )
        return table, columns_of.find(table.header, wish.typed)
    except (TableError, MapError) as error:
        raise FileError(f"{path}: {error}") from None


def _without_header(table: Table, wish: Wish) -> tuple[Table, Columns]:
    first = next(table.pieces, None)
    if first is None:
        raise TableError("the file is empty")
    rest = table.pieces

    def pieces() -> Any:
        yield first
        yield from rest

    table.pieces = pieces()
    return table, columns_of.without_header(max(len(row) for row in first[1]), wish.typed)


def import_file(
    engine: Engine | None,
    path: Path,
    wish: Wish,
    now: datetime,
    rejected: RejectedFile,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Report:
    """Without an engine it is a dry run. Raises FileError, store.ListError, staging.Busy."""
    table, columns = open_table(path, wish)
    report = Report(path, table.told, columns)
    intake = Intake(wish.list_name, columns, Normaliser(wish.country))
    with ExitStack() as stack:
        into: store.Import | None = None
        if engine is not None:
            given = {*columns.own, *(("facts",) if columns.facts else ())}
            into = stack.enter_context(store.importing(engine, wish.list_name, given, now, replace=wish.replace))
        try:
            for first, rows in table.pieces:
                intake.take(first, rows)
                if into is not None:
                    into.put(intake.contacts)
                intake.contacts.clear()
                note(report, [*intake.rejected, *bad_lines(table)], rejected)
                intake.rejected.clear()
                progress(table.done(), table.size)
        except TableError as error:
            raise FileError(f"{path}: {error}") from None
        except (UnicodeError, OSError) as error:
            raise FileError(f"{path}: it cannot be read to its end ({error})") from error
        report.taken = intake.taken
        report.rows = intake.taken + report.rejected
        if not report.rows:
            raise FileError(f"{path}: there is a header and nobody under it")
        if into is not None:
            report.counts = into.finish()
    return report


def note(report: Report, rows: Sequence[Rejected], file: RejectedFile) -> None:
    """Counts rows that were not taken, and writes them down."""
    report.rejected += len(rows)
    for row in rows:
        reason = "the same number as in another row" if row.reason.startswith("the same number") else row.reason
        if reason in report.reasons or len(report.reasons) < _MOST_REASONS:
            report.reasons[reason] = report.reasons.get(reason, 0) + 1
    report.examples.extend(rows[: 10 - len(report.examples)])
    file.add(report.path, rows)


def bad_lines(table: Table) -> list[Rejected]:
    found = [Rejected(bad.row, "", bad.text, bad.reason) for bad in table.bad_lines]
    table.bad_lines.clear()
    return found
