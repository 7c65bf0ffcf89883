"""Tables: a file of text or a workbook becomes a header and rows of cells, piece by piece.

Law: knows files, nothing of people. Cells are text; a formula's text stays text. A row that cannot be read is told
with its number and never stops the rest. Neither a text file nor a large .xlsx is ever in the memory as a whole.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from ivr.authoring.sheets import SUFFIXES, cell_text
from ivr.contacts.encodings import EncodingError, detect, named
from ivr.contacts.slices import LARGE_BYTES, Extent, LargeSheet, Unusual, column_number, survey

#: Rows that are handed over at once.
PIECE_ROWS: Final = 5_000
#: Lines that one row may have, by line breaks inside of quotes. More: the quote was never closed.
MOST_LINES: Final = 50
#: What calamine lays out at once, in cells. A spreadsheet's 1,048,576 rows of 30 columns.
MOST_CELLS: Final = 32_000_000
#: Shared strings, unpacked. A sheet can have 32 million of them, but lists of people have some hundred megabytes.
MOST_TEXT_BYTES: Final = 1 << 30
_BROKEN_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)
_DELIMITERS: Final = ",;\t|"
_CELL = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_ZIP_PIECE: Final = 1 << 20


class TableError(Exception):
    """The file cannot be read; the words are for the person who chose it."""


@dataclass(frozen=True)
class BadLine:
    row: int
    text: str
    reason: str


@dataclass
class Table:
    """``pieces`` gives (number of the first row, rows), or raises TableError in the middle of a damaged workbook.

    Rows count from 1, the header's row, as spreadsheets do.
    """

    header: list[str]
    pieces: Iterator[tuple[int, list[list[str]]]]
    size: int  # bytes, or rows of a workbook
    done: Callable[[], int]  # how many of them
    told: str  # encoding and delimiter, in words
    bad_lines: list[BadLine] = field(default_factory=list)
    header_row: int = 1


def read_table(
    path: Path, known_header: Callable[[str], bool], *, encoding: str = "", header: bool = True, sheet: str = ""
) -> Table:
    """Raises TableError."""
    try:
        if path.suffix.lower() in SUFFIXES:
            return _workbook(path, header, sheet)
        return _text(path, known_header, encoding, header)
    except FileNotFoundError:
        raise TableError("there is no such file") from None
    except EncodingError as error:
        raise TableError(str(error)) from None
    except OSError as error:
        raise TableError(f"it cannot be read ({error.strerror})") from None


# -- text --------------------------------------------------------------------------------------------------------------


def _text(path: Path, known_header: Callable[[str], bool], encoding: str, header: bool) -> Table:
    if path.stat().st_size == 0:
        raise TableError("the file is empty")
    with path.open("rb") as probe:
        if probe.read(4).startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            raise TableError(f"this is a workbook; give it the ending of one: {' '.join(SUFFIXES)}")
    found = named(path, encoding) if encoding else detect(path, known_header)
    file = path.open(encoding=found.name, errors=found.errors, newline="")
    first = file.readline()
    told = re.fullmatch(r"sep=(.)\r?\n?", first, re.IGNORECASE)
    skipped = 1 if told else 0
    sample = first if not told else ""
    sample += "".join(islice(file, 20))
    delimiter = told[1] if told else sniff(sample)
    file.seek(0)
    for _ in range(skipped):
        file.readline()
    reader = _Rows(file, delimiter)
    names: list[str] = []
    if header:
        for row in reader:
            if any(cell.strip() for cell in row):
                names = row
                break
        if not names:
            raise TableError("the file is empty: there is nothing but blank lines")
    words = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}.get(delimiter, delimiter)
    text = f"{found.name} ({found.why}), separated by {words}"
    raw: Any = file.buffer
    reader.number += skipped
    table = Table(names, iter(()), path.stat().st_size, raw.tell, text, header_row=reader.number)
    table.pieces = _pieces(reader, table, file)
    return table


def sniff(sample: str) -> str:
    """The delimiter: the one that most lines have equally often; a comma when there is none."""
    lines = [re.sub(r'"[^"]*"', "", line) for line in sample.splitlines() if line.strip()]
    best, score = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = [line.count(delimiter) for line in lines]
        if counts and counts[0]:
            same = sum(1 for count in counts if count == counts[0]) / len(counts)
            if same * min(counts[0], 10) > score:
                best, score = delimiter, same * min(counts[0], 10)
    return best


class _Rows:
    """Rows of a text; one whose quotes do not pair is read without them, and the lines after it are not lost."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self.number = 0  # of the row given last
        self.bad: list[BadLine] = []
        self._delimiter = delimiter
        self._file = file
        self._held: list[str] = []  # lines to read again
        self._lines: list[str] = []  # of the row that is being read
        self._reader = self._new()

    def _new(self) -> Any:
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        lines = self._lines
        while self._held:
            line = self._held.pop()
            lines.append(line)
            yield line
            if len(lines) > MOST_LINES:
                return
        for line in self._file:
            lines.append(line)
            yield line
            if len(lines) > MOST_LINES:
                return

    def __iter__(self) -> Iterator[list[str]]:
        lines = self._lines
        while True:
            try:
                for row in self._reader:
                    lines.clear()
                    self.number += 1
                    yield row
                return
            except csv.Error as error:
                first = lines[0]
                self._held.extend(reversed(lines[1:]))
                lines.clear()
                self._reader = self._new()
                self.number += 1
                yield self._without_quotes(first, str(error))

    def _without_quotes(self, line: str, reason: str) -> list[str]:
        text = line.rstrip("\r\n")
        row = next(csv.reader([text], delimiter=self._delimiter, quoting=csv.QUOTE_NONE), [])
        if text.count('"') % 2 and row:
            return row
        try:
            return next(csv.reader([text], delimiter=self._delimiter), row)
        except csv.Error:
            self.bad.append(BadLine(self.number, text[:200], f"the line cannot be read: {reason}"))
            return []


def _pieces(reader: _Rows, table: Table, file: TextIO) -> Iterator[tuple[int, list[list[str]]]]:
    rows = iter(reader)
    try:
        while True:
            first = reader.number + 1
            piece = list(islice(rows, PIECE_ROWS))
            table.bad_lines.extend(reader.bad)
            reader.bad.clear()
            if not piece:
                return
            yield first, piece
    finally:
        file.close()


# -- workbooks ---------------------------------------------------------------------------------------------------------


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in a workbook's reader, as TableError."""
    try:
        yield
    except PasswordError:
        raise TableError("the workbook is protected by a password; save a copy without one") from None
    except (CalamineError, ValueError, OverflowError, IndexError, *_BROKEN_ZIP) as error:
        raise TableError(f"this is no workbook that can be read: {' '.join(str(error).split())[:200]}") from None
    except BaseException as error:  # the reader's own panic is no Exception; anything else goes on
        if type(error).__name__ != "PanicException":
            raise
        raise TableError("the workbook is damaged; open it in a spreadsheet and save it anew") from None


def _workbook(path: Path, header: bool, sheet: str) -> Table:
    with _told():
        found = _sheet(path, sheet, _vet(path))
        if not found.height:
            raise TableError(f"the sheet {found.name!r} is empty")
        number = 0
        rows = found.iter_rows()
        names: list[str] = []
        if header:
            for row in rows:
                number += 1
                names = [cell_text(cell) for cell in row]
                if any(names):
                    break
    if header and not any(names):
        raise TableError(f"the sheet {found.name!r} is empty")
    progress = [number]
    table = Table(names, iter(()), found.total_height, lambda: progress[0], f"sheet {found.name!r}", header_row=number)
    table.pieces = _sheet_pieces(rows, number, progress)
    return table


def _sheet(path: Path, wanted: str, extents: dict[str, Extent]) -> CalamineSheet | LargeSheet:
    if extents:
        with suppress(Unusual):
            return LargeSheet(path, wanted, extents)
    book = CalamineWorkbook.from_path(str(path))
    if wanted and wanted not in book.sheet_names:
        raise TableError(f"there is no sheet {wanted!r}; there are {', '.join(book.sheet_names)}")
    return book.get_sheet_by_name(wanted) if wanted else book.get_sheet_by_index(0)


def _sheet_pieces(rows: Iterator[list[Any]], number: int, progress: list[int]) -> Iterator[tuple[int, list[list[str]]]]:
    while True:
        with _told():
            piece = [[cell_text(cell) for cell in row] for row in islice(rows, PIECE_ROWS)]
        if not piece:
            return
        yield number + 1, piece
        number += len(piece)
        progress[0] = number


def _vet(path: Path) -> dict[str, Extent]:
    """Refuses what would fill the memory. Large sheets that can be read in slices: the archive's file, its extent."""
    if path.stat().st_size == 0:
        raise TableError("the file is empty")
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        return {}
    extents = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith("/sharedStrings.xml") and entry.file_size > MOST_TEXT_BYTES:
                raise TableError("the workbook's texts are too large when unpacked")
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", entry.filename):
                extent = _extent(archive, entry) if entry.file_size > LARGE_BYTES else None
                if extent:
                    extents[entry.filename] = extent
                else:
                    _vet_sheet(archive, entry)
    return extents


def _extent(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Extent | None:
    """None: it is not written as spreadsheets do, or has no row."""
    extent = None
    with suppress(Unusual):
        for extent in survey(archive, entry):
            _vet_size(extent.rows, extent.last)
        return extent
    return None


def _vet_sheet(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Calamine lays a sheet out whole, from its first cell to its last: a cell far out makes a small file large."""
    rows = columns = 0
    with archive.open(entry) as stream:
        before = b""
        while piece := stream.read(_ZIP_PIECE):
            for letters, row in _CELL.findall(before + piece):
                rows = max(rows, int(row))
                columns = max(columns, column_number(letters))
            before = piece[-20:]
            _vet_size(rows, columns)


def _vet_size(rows: int, columns: int) -> None:
    if rows * columns > MOST_CELLS:
        raise TableError("the sheet has cells far out, or too many; delete what is beyond the list of people")
