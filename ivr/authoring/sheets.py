"""Sheets: a workbook of survey, choices and settings to rows of text that know their place.

Law: knows spreadsheets, nothing of questionnaires. Every cell is text here, as the spreadsheet shows it; a number
without decimals has none. A file that is no workbook, or one made to fill the memory, is refused with SheetError.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_SHEET_BYTES: Final = 100 * 1024 * 1024  # one sheet's XML, unpacked
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 400
SUFFIXES: Final = (".xlsx", ".xlsm", ".xls", ".ods")

#: sheet -> other names it goes by
SHEETS: Final[dict[str, tuple[str, ...]]] = {
    "survey": (),
    "choices": ("choices and columns", "choices_and_columns"),
    "settings": (),
}
#: header as people write it -> the one that is meant
HEADERS: Final[dict[str, str]] = {
    "list name": "list_name",
    "relevance": "relevant",
    "skip": "relevant",
    "caption": "label",
    "constraint message": "constraint_message",
    "constraining message": "constraint_message",
    "required message": "required_message",
    "read only": "read_only",
    "readonly": "read_only",
    "calculate": "calculation",
    "command": "type",
    "repeat count": "repeat_count",
    "choice filter": "choice_filter",
    "form title": "form_title",
    "form id": "form_id",
    "set form title": "form_title",
    "set form id": "form_id",
    "title": "form_title",
    "requiredmsg": "required_message",
    "id_string": "form_id",
    "default language": "default_language",
}
#: Columns of the form's XML, which old forms name themselves.
_BINDINGS: Final[dict[str, str]] = {
    "bind:relevant": "relevant",
    "bind:constraint": "constraint",
    "bind:jr:constraintmsg": "constraint_message",
    "bind:required": "required",
    "bind:readonly": "read_only",
    "bind:calculate": "calculation",
    "control:jr:count": "repeat_count",
    "body:jr:count": "repeat_count",
    "control:appearance": "appearance",
    "body:appearance": "appearance",
}
#: A value's column may be called so on the sheet of choices only.
_CHOICE_HEADERS: Final[dict[str, str]] = {"value": "name"}
_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*?(?<!/)>')
# Line and paragraph separators end a line in YAML; other control characters no reader of ours lets through.
_BREAKS = re.compile("[\r\n\x0b\x0c\x85\u2028\u2029]+")
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\ufeff\u200b\u200e\u200f]")


class SheetError(Exception):
    """The file cannot be read as a workbook; the words are for the person who chose it."""


@dataclass(frozen=True)
class Row:
    """One row: its cells by header. ``number`` counts from 1, as the spreadsheet does."""

    sheet: str
    number: int
    cells: dict[str, str]
    columns: dict[str, int]  # header -> column from 0

    def get(self, header: str) -> str:
        return self.cells.get(header, "")

    def place(self, header: str = "") -> str:
        column = self.columns.get(header)
        return f"{self.sheet}!{column_name(column) if column is not None else 'A'}{self.number}"


@dataclass
class Sheet:
    name: str
    columns: dict[str, int] = field(default_factory=dict)  # header, `label::English (en)` -> column from 0
    rows: list[Row] = field(default_factory=list)
    head: int = 1  # the row of the headers
    doubled: list[tuple[str, str]] = field(default_factory=list)  # place and header of a second column of a name

    def place(self, header: str, column: int | None = None) -> str:
        """Of a header."""
        at = self.columns.get(header, 0) if column is None else column
        return f"{self.name}!{column_name(at)}{self.head}"


def column_name(column: int) -> str:
    """0 is A, 26 is AA."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def read_workbook(path: Path) -> dict[str, Sheet]:
    """The sheets of SHEETS that the file has, by our names for them."""
    _vet(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            found = {_sheet_name(name): name for name in reversed(book.sheet_names)}
            return {name: _read(book, found[name]) for name in SHEETS if name in found}
    except PasswordError:
        raise SheetError("the workbook is protected by a password; save a copy without one") from None
    except (CalamineError, OSError, ValueError, OverflowError) as error:
        raise SheetError(f"this is no workbook that can be read: {' '.join(str(error).split())[:200]}") from None
    except BaseException as error:  # the reader's own panic is no Exception; anything else goes on
        if type(error).__name__ != "PanicException":
            raise
        raise SheetError("the workbook is damaged; open it in a spreadsheet and save it anew") from None


def _vet(path: Path) -> None:
    """Refuses what would fill the memory: calamine lays a sheet out whole, from its first cell to its last."""
    if path.suffix.lower() not in SUFFIXES:
        raise SheetError(f"{path.suffix or 'a file without an ending'} is no workbook; there are {' '.join(SUFFIXES)}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SheetError(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    if re.fullmatch(r"xl/worksheets/[^/]+\.xml", entry.filename):
                        _vet_sheet(archive, entry)
        elif path.suffix.lower() == ".ods":
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo("content.xml").file_size > MAX_SHEET_BYTES:
                    raise SheetError("the workbook is too large when unpacked")
    except FileNotFoundError:
        raise SheetError("there is no such file") from None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise SheetError(f"this is no workbook that can be read: {' '.join(str(error).split())[:200]}") from None


def _vet_sheet(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > MAX_SHEET_BYTES:
        raise SheetError("a sheet is too large when unpacked")
    with archive.open(entry) as stream:
        xml = stream.read(MAX_SHEET_BYTES)
    for cell in _CELL.finditer(xml):
        letters, row = cell[1].decode(), int(cell[2])
        if row > MAX_ROWS or (len(letters) > 2 and letters > "AAA") or _number(letters) >= MAX_COLUMNS:
            message = f"cell {letters}{row} lies beyond {column_name(MAX_COLUMNS - 1)}{MAX_ROWS}"
            raise SheetError(f"{message}; delete what is out there")


def _number(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column - 1


def _read(book: CalamineWorkbook, name: str) -> Sheet:
    table = book.get_sheet_by_name(name)
    if table.total_height > MAX_ROWS or table.total_width > MAX_COLUMNS:
        last = f"{column_name(MAX_COLUMNS - 1)}{MAX_ROWS}"
        raise SheetError(f"sheet {name!r} has cells beyond {last}; delete what is out there")
    return _sheet(name, table.to_python(skip_empty_area=False))


def _sheet_name(name: str) -> str:
    low = " ".join(name.lower().split())
    return next((ours for ours, others in SHEETS.items() if low == ours or low in others), low)


def _sheet(name: str, table: list[list[Any]]) -> Sheet:
    sheet = Sheet(name)
    ours = _sheet_name(name)
    lines = iter(enumerate(table, start=1))
    heads: list[str] = []
    for sheet.head, line in lines:
        heads = [_header(cell_text(cell), ours) for cell in line]
        if any(heads):
            break
    for column, title in enumerate(heads):
        if title in sheet.columns:
            sheet.doubled.append((sheet.place(title, column), title))
        elif title:
            sheet.columns[title] = column
    for number, line in lines:
        cells = {head: text for head, at in sheet.columns.items() if at < len(line) and (text := cell_text(line[at]))}
        if cells:
            sheet.rows.append(Row(name, number, cells, sheet.columns))
    return sheet


def _header(text: str, sheet: str) -> str:
    """`Label :: English (en)` is `label::English (en)`; `label:English` is the same, as old forms have it."""
    whole = "".join(text.lower().replace("::", ":").split())
    if whole in _BINDINGS:
        return _BINDINGS[whole]
    head, colons, rest = text.partition("::" if "::" in text else ":")
    head = " ".join(head.lower().split())
    head = HEADERS.get(head, head)
    if sheet == "choices":
        head = _CHOICE_HEADERS.get(head, head)
    return f"{head}::{rest.strip()}" if colons and rest.strip() else head


def cell_text(value: Any) -> str:
    """What the cell shows, on one line, without what cannot be written down."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return " ".join(_UNPRINTABLE.sub("", _BREAKS.sub(" ", str(value))).split())
