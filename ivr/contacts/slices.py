"""Slices: a large sheet of an .xlsx, of which calamine sees some thousand rows at a time.

Law: no cell is understood here. The sheet's XML is cut after rows; each slice becomes a small workbook in the memory,
with the styles of the whole one and the shared strings that the slice names, and calamine reads that: so a cell is the
same text however large its sheet. What is not written as spreadsheets write it (comments, other encodings, cells
without their place ...) raises Unusual before a row was given; then calamine has to lay the whole sheet out.
"""

from __future__ import annotations

import io
import re
import zipfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineWorkbook

#: A sheet whose XML is no larger than this is faster read at once, in about as much memory as Python itself.
LARGE_BYTES: Final = 16 << 20
#: About what is unpacked, cut and read at once; a row may be four times as long.
SLICE_BYTES: Final = 2 << 20
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
#: What calamine needs besides sheets and strings: which sheets there are, and which numbers are dates.
_BONES = re.compile(r"(?:.*/)?(?:\[Content_Types\]\.xml|\.rels|workbook\.xml(?:\.rels)?|styles\.xml)")
_MOST_BONES_BYTES: Final = 8 << 20
_STRINGS: Final = "xl/sharedStrings.xml"
_ATTRIBUTES: Final = rb'(?: (?!t=)[a-z]+="\w*")*'
_FORMULA: Final = rb"(?:<f\b[^<>]*(?:/>|>[^<]*</f>))?"
# Column, row, and what makes the cell more than empty: a number's text, a text even if it has no letter.
_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"' + _ATTRIBUTES + rb'(?:(?: t="[a-zA-Z]+")?/>'
    rb'| t="s"><v>([0-9]+)</v></c>'
    rb'|(?: t="[nbe]")?>' + _FORMULA + rb"(?:<v(?: [^<>/]*)?>([^<>]*)</v>|<v/>)?</c>"
    rb'| t="str">' + _FORMULA + rb"(<v(?: [^<>/]*)?>[^<>]*</v>|<v/>)?</c>"
    rb'| t="inlineStr">(<is>.*?</is>)?</c>)',
    re.DOTALL,
)
_CELL_BEGINS = re.compile(rb"<c[ >/]")
_SHARED = re.compile(rb'(?<= t="s"><v>)([0-9]+)(?=</v>)')
# A plain text, or the XML of any other.
_TEXT = re.compile(rb"<si>(?:<t>([^<]*)</t>|(<(?!/si>).*?)|)</si>|<si/>", re.DOTALL)
_UTF_8 = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*<(?:[a-z]|\?xml (?:(?!encoding)[^<>?])*(?:encoding=["']utf-8["'][^<>?]*)?\?>)""",
    re.IGNORECASE,
)
_SST: Final = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</sst>'
_END: Final = b"</sheetData></worksheet>"
# Its cells say which of the archive's files it is, and whether shared strings are looked for where they lie.
_PROBE: Final = b"<worksheet><sheetData><row><c><v>%d</v></c><c t='s'><v>0</v></c></row></sheetData></worksheet>"


def column_number(letters: bytes) -> int:
    """A is 1."""
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column


class Unusual(Exception):
    """Only calamine itself can read this sheet."""


@dataclass
class Extent:
    """Where cells with something in them are: rows from 1, columns from 1."""

    rows: int = 0
    columns: set[bytes] = field(default_factory=set)

    @property
    def first(self) -> int:
        return min(map(column_number, self.columns), default=1)

    @property
    def last(self) -> int:
        return max(map(column_number, self.columns), default=0)


def survey(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[Extent]:
    """The sheet's extent, growing with each slice. Raises Unusual."""
    extent = Extent()
    slices = _slices(archive, entry)
    next(slices)
    for xml in slices:
        cells = _CELL.findall(xml)
        if len(cells) != len(_CELL_BEGINS.findall(xml)):
            raise Unusual
        rows = [int(cell[1]) for cell in cells]
        if rows and (rows[0] <= extent.rows or rows != sorted(rows)):
            raise Unusual
        extent.rows = rows[-1] if rows else extent.rows
        extent.columns |= {cell[0] for cell in cells if cell[2] or cell[3] or cell[4] or cell[5]}
        yield extent


def _slices(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What stands before the rows, then whole rows."""
    with archive.open(entry) as stream:
        head, begins, rest = stream.read(SLICE_BYTES).partition(b"<sheetData>")
        if not begins or not _UTF_8.match(head) or b"<!" in head:
            raise Unusual
        yield head + begins
        while True:
            rows, ends, _ = rest.partition(b"</sheetData>")
            cut = len(rows) if ends else rest.rfind(b"</row>") + len(b"</row>")
            if b"<!" in rows or b"<?" in rows or len(rest) > 4 * SLICE_BYTES:
                raise Unusual
            if ends or cut >= len(b"</row>"):
                yield rest[:cut]
                rest = rest[cut:]
            if ends:
                return
            more = stream.read(SLICE_BYTES)
            if not more:
                raise Unusual
            rest += more


class _Strings:
    """Shared strings as the file has them, in one piece: a str each would be three times as much.

    A plain text stands without its tags; it cannot begin with <, so that the others are told by that.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._bytes = bytearray()
        self._ends = array("I", [0])
        if _STRINGS not in archive.namelist():
            return
        with archive.open(_STRINGS) as stream:
            rest = stream.read(SLICE_BYTES)
            if not _UTF_8.match(rest) or b"<sst" not in rest:
                raise Unusual
            while True:
                cut = rest.rfind(b"</si>") + len(b"</si>")
                done = rest[:cut] if cut >= len(b"</si>") else b""
                found = _TEXT.findall(done)
                if b"<!" in done or done.count(b"<si") != len(found) or len(rest) > 4 * SLICE_BYTES:
                    raise Unusual
                texts = [plain or other for plain, other in found]
                self._bytes += b"".join(texts)
                ends = accumulate(map(len, texts), initial=self._ends[-1])
                next(ends)
                self._ends.extend(ends)
                rest = rest[len(done) :]
                more = stream.read(SLICE_BYTES)
                if not more:
                    break
                rest += more
            if b"<!" in rest or b"<si" in rest:
                raise Unusual

    def xml(self, numbers: Iterable[bytes]) -> bytes:
        ends, texts = self._ends, self._bytes
        found = [bytes(texts[ends[n] : ends[n + 1]]) for n in map(int, numbers)]
        return _SST % b"".join([b"<si>%s</si>" % t if t[:1] == b"<" else b"<si><t>%s</t></si>" % t for t in found])


class LargeSheet:
    """What tables.py uses of a CalamineSheet: rows begin with the first one, be it empty."""

    def __init__(self, path: Path, wanted: str, extents: dict[str, Extent]) -> None:
        """Raises Unusual when the sheet is none of the large ones, or not where spreadsheets put it."""
        self._archive = zipfile.ZipFile(path)
        entries = self._archive.infolist()
        bones = [e for e in entries if _BONES.fullmatch(e.filename)]
        if sum(e.file_size for e in bones) > _MOST_BONES_BYTES:
            raise Unusual
        self._bones = [(e.filename, self._archive.read(e)) for e in bones]
        sheets = [e for e in entries if _SHEET.fullmatch(e.filename)]
        probes = [(e.filename, _PROBE % n) for n, e in enumerate(sheets)]
        with self._book([*probes, (_STRINGS, _SST % b"<si><t>here</t></si>")]) as book:
            if wanted and wanted not in book.sheet_names:
                raise Unusual
            found = book.get_sheet_by_name(wanted) if wanted else book.get_sheet_by_index(0)
            told: list[Any] = next(iter(found.iter_rows()), [])
        if len(told) != 2 or told[1] != "here" or sheets[int(told[0])].filename not in extents:
            raise Unusual
        self.name = found.name
        self._entry = sheets[int(told[0])]
        self._extent = extents[self._entry.filename]
        self.total_height = self._extent.rows
        self._strings = _Strings(self._archive)
        self.height = self._extent.rows if self._extent.columns else 0

    def _book(self, files: list[tuple[str, bytes]]) -> CalamineWorkbook:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, data in [*self._bones, *files]:
                archive.writestr(zipfile.ZipInfo(name), data)
        packed.seek(0)
        return CalamineWorkbook.from_filelike(packed)

    def _read(self) -> Iterator[tuple[int, list[list[Any]]]]:
        """(rows above, rows) of each slice that has any; as wide as the whole sheet is."""
        slices = _slices(self._archive, self._entry)
        head = next(slices)
        for xml in slices:
            parts = _SHARED.split(xml)
            ours: dict[bytes, int] = {}
            parts[1::2] = [b"%d" % ours.setdefault(number, len(ours)) for number in parts[1::2]]
            sheet = b"".join((head, *parts, _END))
            with self._book([(self._entry.filename, sheet), (_STRINGS, self._strings.xml(ours))]) as book:
                found = book.get_sheet_by_name(self.name)
                if found.start and found.end:
                    left = [""] * (found.start[1] + 1 - self._extent.first)
                    right = [""] * (self._extent.last - found.end[1] - 1)
                    yield found.start[0], [[*left, *row, *right] for row in found.to_python()]

    def iter_rows(self) -> Iterator[list[Any]]:
        above = 0
        with self._archive:
            for start, rows in self._read():
                yield from ([""] * len(rows[0]) for _ in range(start - above))
                yield from rows
                above = start + len(rows)
