"""A large sheet is read in slices, and every cell is what it is when calamine lays the sheet out at once (row 102)."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from ivr.contacts import slices, tables
from ivr.contacts.tables import TableError, read_table

ROWS = 60


def hostile(path: Path, inline: bool = False, date_1904: bool = False) -> Path:
    """Everything a cell can be, over and over, in a sheet that begins in C4, with gaps between and after."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": inline, "date_1904": date_1904})
    styles = [book.add_format({"num_format": f}) for f in ("yyyy-mm-dd", "[h]:mm:ss", "0.00", "h:mm", '"d"0', "@")]
    bold = book.add_format({"bold": True})
    book.add_worksheet("other").write(0, 0, "not this")
    sheet = book.add_worksheet("people & <co>")
    for n in range(ROWS):
        y = 3 + n * (1 if n < 20 else 3)
        sheet.write_string(y, 2, f'  a &amp; <{n}> "q" \'t="s"\' _x000D_ 王\n\u00a0')
        sheet.write(y, 3, 13800138000 + n)
        sheet.write_boolean(y, 4, n % 2)
        for x, style in enumerate(styles, start=5):
            sheet.write_number(y, x, 45000.5 + n if n % 3 else n / 7, style)
        sheet.write_datetime(y, 11, dt.datetime(2026, 1, 2, 3, 4, 5), styles[0])
        sheet.write_formula(y, 12, "=1+1", None, 2)
        sheet.write_formula(y, 13, '="x"', None, "x<y" if n % 2 else "")
        sheet.write_formula(y, 14, "=1/0", None, "#DIV/0!")
        sheet.write_rich_string(y, 15, "a", bold, " b ", "c")
        sheet.write_blank(y, 16 + n % 3, None, bold)
        if n > 40:
            sheet.write_string(y, 1, "beyond the header")
        sheet.write_number(y, 20, 1e300 / (n + 1))
    sheet.write_blank(400, 30, None, bold)
    book.close()
    return path


def rows_of(path: Path) -> tuple[list[str], int, list[tuple[int, list[str]]]]:
    table = read_table(path, lambda name: False, sheet="people & <co>")
    rows = [(first + n, row) for first, piece in table.pieces for n, row in enumerate(piece)]
    return table.header, table.header_row, rows


def sliced(monkeypatch: pytest.MonkeyPatch, slice_bytes: int = 3000) -> list[str]:
    """From here on; what was read so is noted in the list."""
    noted: list[str] = []
    monkeypatch.setattr(tables, "LARGE_BYTES", 0)
    monkeypatch.setattr(slices, "SLICE_BYTES", slice_bytes)
    whole = slices.LargeSheet.iter_rows

    def iter_rows(self: slices.LargeSheet) -> object:
        noted.append(self.name)
        return whole(self)

    monkeypatch.setattr(slices.LargeSheet, "iter_rows", iter_rows)
    return noted


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("date_1904", [False, True])
@pytest.mark.parametrize("slice_bytes", [1100, 3000, 20_000, 1 << 20])
def test_both_readers_see_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inline: bool, date_1904: bool, slice_bytes: int
) -> None:
    path = hostile(tmp_path / "people.xlsx", inline, date_1904)
    at_once = rows_of(path)
    noted = sliced(monkeypatch, slice_bytes)
    assert rows_of(path) == at_once
    assert noted == ["people & <co>"]
    assert len(at_once[2]) > ROWS


def changed(path: Path, change: Callable[[bytes], bytes], name: str = "xl/worksheets/sheet2.xml") -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    files[name] = change(files[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in files.items():
            archive.writestr(entry, data)
    return path


STRINGS = "xl/sharedStrings.xml"
ODD: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("comment", "xl/worksheets/sheet2.xml", lambda xml: xml.replace(b"<sheetData>", b"<sheetData><!-- </row> -->")),
    ("cdata", STRINGS, lambda xml: re.sub(rb"(<si><t[^>]*>)", rb"\1<![CDATA[</si>]]>", xml)),
    ("no places", "xl/worksheets/sheet2.xml", lambda xml: re.sub(rb' r="[A-Z]+[0-9]+"', b"", xml)),
    ("ISO dates", "xl/worksheets/sheet2.xml", lambda xml: xml.replace(b' t="b"><v>1<', b' t="d"><v>2026-01-02<')),
    ("prefixes", "xl/worksheets/sheet2.xml", lambda xml: re.sub(rb"<(/?)(row|c|v|is|f)\b", rb"<\1x:\2", xml)),
    ("entity", "xl/worksheets/sheet2.xml",
     lambda xml: xml.replace(b"<worksheet", b'<!DOCTYPE worksheet [<!ENTITY a "aaaa">]><worksheet', 1)),
    ("rows not in order", "xl/worksheets/sheet2.xml",
     lambda xml: re.sub(rb"(<row .*?</row>)(<row .*?</row>)", rb"\2\1", xml, count=1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [odd[1:] for odd in ODD], ids=[odd[0] for odd in ODD])
def test_what_no_spreadsheet_writes_is_left_to_calamine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[bytes], bytes]
) -> None:
    path = changed(hostile(tmp_path / "people.xlsx"), change, name)
    at_once = outcome(path)
    noted = sliced(monkeypatch)
    assert outcome(path) == at_once
    assert noted == []


def outcome(path: Path) -> object:
    try:
        return rows_of(path)
    except TableError as error:
        return str(error)


BROKEN: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("a string that is not there", "xl/worksheets/sheet2.xml",
     lambda xml: re.sub(rb' t="s"><v>[0-9]+', b' t="s"><v>99999', xml)),
    ("no number", "xl/worksheets/sheet2.xml", lambda xml: xml.replace(b' t="b"><v>', b' t="n"><v>x')),
    ("cut off", "xl/worksheets/sheet2.xml", lambda xml: xml[: len(xml) // 2]),
    ("no strings", STRINGS, lambda xml: b""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
@pytest.mark.parametrize("in_slices", [False, True])
def test_a_damaged_workbook_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[bytes], bytes], in_slices: bool
) -> None:
    path = changed(hostile(tmp_path / "people.xlsx"), change, name)
    if in_slices:
        sliced(monkeypatch)
    with pytest.raises(TableError):
        rows_of(path)


def test_progress_moves_while_a_large_sheet_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = hostile(tmp_path / "people.xlsx")
    sliced(monkeypatch)
    monkeypatch.setattr(tables, "PIECE_ROWS", 10)
    table = read_table(path, lambda name: False, sheet="people & <co>")
    done = [table.done() for _ in table.pieces]
    assert done == sorted(set(done))
    assert len(done) > 10
    assert done[-1] <= table.size


def test_texts_that_would_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = hostile(tmp_path / "people.xlsx")
    monkeypatch.setattr(tables, "MOST_TEXT_BYTES", 1000)
    with pytest.raises(TableError, match="texts are too large"):
        rows_of(path)
