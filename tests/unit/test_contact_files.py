"""Files of people as they come: encodings, delimiters, broken rows, headers, workbooks (row 102)."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xlsxwriter

from ivr.contacts import columns as columns_of
from ivr.contacts import slices, tables
from ivr.contacts.columns import MapError, find, parse_map
from ivr.contacts.encodings import detect
from ivr.contacts.importing import FileError, RejectedFile, Report, Wish, import_file
from ivr.contacts.people import Intake, contact_id, facts_of, language_of, zone_named
from ivr.contacts.shapes import Normaliser, prefix_of, zone_of
from ivr.contacts.tables import PIECE_ROWS, TableError, read_table, sniff

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
CHINESE = "手机号,姓名,城市\n13800138000,王芳,上海\n13900139000,李娜,北京\n"
TRADITIONAL = "手機號碼,姓名,城市\n0912345678,王芳,臺北\n0922345678,陳娜,高雄\n"
LATIN = "phone,name\n+4930901820,Jürgen Müßig\n+33142685300,François Lefèvre\n"


def taken(tmp_path: Path, data: bytes | str, name: str = "people.csv", **wish: object) -> tuple[Report, list[str]]:
    """A dry run, and the lines of the report of rejected rows."""
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    told = tmp_path / "rejected.csv"
    with RejectedFile(told) as rejected:
        report = import_file(None, path, Wish("march", **wish), NOW, rejected)  # type: ignore[arg-type]
    return report, told.read_text("utf-8-sig").splitlines()[1:]


def people(text: str, typed: str = "", country: str = "CN") -> Intake:
    """What becomes of rows that need no file."""
    rows = [line.split(",") for line in text.splitlines()]
    columns = find(rows[0], parse_map(typed) if typed else {})
    intake = Intake("march", columns, Normaliser(country))
    intake.take(2, rows[1:])
    return intake


ENCODED = [
    (CHINESE, "utf-8", "CN", "上海"), (CHINESE, "utf-8-sig", "CN", "上海"), (CHINESE, "utf-16", "CN", "上海"),
    (CHINESE, "gbk", "CN", "上海"), (CHINESE, "gb18030", "CN", "上海"), (CHINESE, "gb2312", "CN", "上海"),
    (TRADITIONAL, "big5", "TW", "臺北"), (TRADITIONAL, "utf-8", "TW", "臺北"),
    (LATIN, "latin-1", "DE", "Jürgen Müßig"), (LATIN, "cp1252", "DE", "Jürgen Müßig"), (LATIN, "utf-16", "DE", "Müßig"),
    (LATIN, "utf-16-le", "DE", "Müßig"), (LATIN, "utf-16-be", "DE", "Müßig"), (LATIN, "utf-32", "DE", "Müßig"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "encoding", "country", "word"), ENCODED)
def test_encodings(tmp_path: Path, text: str, encoding: str, country: str, word: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(encoding))
    table = read_table(path, columns_of.known_header)
    rows = [row for _, piece in table.pieces for row in piece]
    assert word in ",".join(cell for row in rows for cell in row)
    report, rejected = taken(tmp_path, text.encode(encoding), country=country)
    assert (report.taken, rejected) == (2, [])


def test_utf_16_without_its_mark_and_with_bytes_of_both_ends(tmp_path: Path) -> None:
    for data in (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), codecs.BOM_UTF16_LE + CHINESE.encode("utf-16-le")):
        report, _ = taken(tmp_path, data)
        assert report.taken == 2


def test_a_wrong_byte_in_utf_8_does_not_change_the_encoding(tmp_path: Path) -> None:
    data = (CHINESE + "13700137000,张伟,上海\n" * 20).encode() + b"13600136000,\xff,x\n"
    path = tmp_path / "people.csv"
    path.write_bytes(data)
    found = detect(path, columns_of.known_header)
    assert (found.name, found.damaged) == ("utf-8", True)
    report, _ = taken(tmp_path, data)
    assert report.taken == 4


@pytest.mark.parametrize(("encoding", "says"), [("gbkk", "no encoding"), ("utf-8", "not in utf-8")])
def test_an_encoding_that_was_typed_has_to_be_right(tmp_path: Path, encoding: str, says: str) -> None:
    with pytest.raises(FileError, match=says):
        taken(tmp_path, CHINESE.encode("gbk"), encoding=encoding)


SNIFFED = [
    ("phone,name\n1,a\n", ","), ("phone;name\n1;a,b\n", ";"), ("phone\tname\n1\ta\n", "\t"), ("phone|name\n1|a\n", "|"),
    ("phone\n138\n", ","), ('"a,b";c\n"d";e\n', ";"), ("", ","),
]  # fmt: skip


@pytest.mark.parametrize(("text", "delimiter"), SNIFFED)
def test_delimiters(text: str, delimiter: str) -> None:
    assert sniff(text) == delimiter


BROKEN = [
    ("nul", "phone,name\n13800138000,a\0b\n", 1, []),
    ("nul in a number", "phone,name\n1380013\x008000,a\n", 0, ["2"]),
    ("sep", "sep=;\r\nphone;name\r\n13800138000;a\r\n", 1, []),
    ("lone quote at a cell's beginning", 'phone,name\n13800138000,"Al\n13900139000,b\n13700137000,c\n', 3, []),
    ("lone quote in a cell", 'phone,name\n13800138000,6" Al\n13900139000,b\n', 2, []),
    ("text after a quote", 'phone,name\n13800138000,"Al"x\n13900139000,b\n', 2, []),
    ("line break in quotes", 'phone,name\n13800138000,"A\nl"\n13900139000,b\n', 2, []),
    ("quote at the end", 'phone,name\n13800138000,a\n13900139000,"', 2, []),
    ("fewer cells", "phone,name,city\n13800138000\n", 1, []),
    ("more cells, empty", "phone,name\n13800138000,a,,\n", 1, []),
    ("more cells", "phone,name\n13800138000,a,b\n13900139000,b\n", 1, ["2"]),
    ("blank lines", "\n\nphone,name\n\n13800138000,a\n,,,\n \n13900139000,b\nx,c\n", 2, ["9"]),
    ("no number", "phone,name\n,Anna\n13800138000,b\n", 1, ["2"]),
    ("no line break at the end", "phone,name\n13800138000,a", 1, []),
    ("old line ends", "phone,name\r13800138000,a\r13900139000,b\r", 2, []),
    ("duplicate", "phone,name\n13800138000,a\n+86 138-0013-8000,b\n０１３８００１３８０００,c\n", 1, ["3", "4"]),
    ("formula", "phone,name\n=cmd|'/c calc'!A0,a\n13800138000,=1+1\n", 1, ["2"]),
    ("lost digits", "phone,name\n1.38001E+10,a\n13800138000.0,b\n", 1, ["2"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count", "rows"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken_rows_never_stop_the_rest(tmp_path: Path, text: str, count: int, rows: list[str]) -> None:
    report, rejected = taken(tmp_path, text)
    assert report.taken == count
    assert [line.split(",")[1] for line in rejected] == rows
    assert report.rejected == len(rows)


def test_a_quote_that_is_never_closed_loses_no_row(tmp_path: Path) -> None:
    lines = [f"138{n:08},name {n}" for n in range(2 * PIECE_ROWS)]
    lines[7] = '13800000007,"Al'
    report, rejected = taken(tmp_path, "phone,name\n" + "\n".join(lines) + "\n")
    assert (report.taken, rejected) == (2 * PIECE_ROWS, [])


NOTHING = [
    ("", "empty"), ("\n\n\n", "empty"), ("phone,name\n", "nobody under it"), ("phone,name\n\n,\n", "nobody under it"),
    ("13800138000,Anna\n13900139000,Bert\n", "no header"), ("a,b\n1,2\n", "no column of numbers"),
    ("PK\x03\x04", "workbook"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), NOTHING)
def test_files_without_people(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FileError, match=says):
        taken(tmp_path, text)


def test_a_file_without_a_header_is_read_by_positions(tmp_path: Path) -> None:
    typed = {"number": "2", "name": "1"}
    report, _ = taken(tmp_path, "Anna,13800138000\nBert,13900139000\n", header=False, typed=typed)
    assert (report.taken, report.columns.own) == (2, {"number": 1, "name": 0})


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("people")
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            sheet.write(y, x, cell)
    book.close()
    return path


@pytest.fixture(params=["laid out", "in slices"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small workbooks are laid out; here slices of a few rows are made of them, too."""
    if request.param == "in slices":
        monkeypatch.setattr(tables, "LARGE_BYTES", 0)
        monkeypatch.setattr(slices, "SLICE_BYTES", 1200)
    return str(request.param)


@pytest.mark.usefixtures("reader")
def test_a_workbook(tmp_path: Path) -> None:
    """Numbers come as floats; dates, booleans and formulas as what the spreadsheet shows."""
    book = workbook(
        tmp_path / "p.xlsx",
        [
            ["电话", "姓名", "vip", "since", "city"],
            [13800138000, "王芳", True, "2026-01-02", "='x'"],
            [1.38e20, "b", False],
        ],
    )
    report, rejected = taken(tmp_path, book.read_bytes(), "people.xlsx")
    assert report.taken == 1
    assert [line.split(",")[1:4] for line in rejected] == [["3", "电话", "1.38e+20"]]
    assert "lost digits" in rejected[0]
    with pytest.raises(FileError, match="no sheet 'x'"):
        taken(tmp_path, book.read_bytes(), "people.xlsx", sheet="x")


@pytest.mark.usefixtures("reader")
def test_a_workbook_with_a_cell_far_out_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "far.xlsx", [["phone"], [13800138000]])
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "phone")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    with pytest.raises(TableError, match="far out"):
        read_table(path, columns_of.known_header)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0broken", b"no workbook"])
@pytest.mark.parametrize("suffix", ["xlsx", "xls", "ods"])
@pytest.mark.usefixtures("reader")
def test_what_is_no_workbook(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"people.{suffix}"
    path.write_bytes(data)
    with pytest.raises(TableError):
        read_table(path, columns_of.known_header)


@pytest.mark.usefixtures("reader")
def test_rows_are_counted_as_the_spreadsheet_counts_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], [], ["phone", "name"], [13800138000, "a"], [], [], ["x", "b"]]
    _, rejected = taken(tmp_path, workbook(tmp_path / "p.xlsx", rows).read_bytes(), "people.xlsx")
    assert [line.split(",")[1] for line in rejected] == ["7"]
    with pytest.raises(FileError, match="is empty"):
        taken(tmp_path, workbook(tmp_path / "p.xlsx", []).read_bytes(), "people.xlsx")


# -- numbers -----------------------------------------------------------------------------------------------------------

NUMBERS = [
    ("13800138000", "CN", "+8613800138000"), ("+8613800138000", "CN", "+8613800138000"),
    ("8613800138000", "CN", "+8613800138000"), ("008613800138000", "CN", "+8613800138000"),
    ("+86 138 0013 8000", "CN", "+8613800138000"), ("０１０－６２３４５６７８", "CN", "+861062345678"),
    ("１３８００１３８０００", "CN", "+8613800138000"), ("138-0013-8000", "CN", "+8613800138000"),
    ("(010) 6234 5678", "CN", "+861062345678"), ("13800138000.0", "CN", "+8613800138000"),
    ('="13800138000"', "CN", "+8613800138000"), ("'13800138000", "CN", "+8613800138000"),
    ("\u200e13800138000\u00a0", "CN", "+8613800138000"), ("+1 202-555-0123", "CN", "+12025550123"),
    ("0912 345 678", "TW", "+886912345678"), ("030 901820", "DE", "+4930901820"), ("2025550123", "US", "+12025550123"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "country", "number"), NUMBERS)
def test_numbers(text: str, country: str, number: str) -> None:
    assert Normaliser(country)(text).number == number


REFUSED = [
    ("", "empty"), ("110", "emergency"), ("120", "emergency"), ("112", "emergency"), ("10086", "short code"),
    ("95588", "short code"), ("12315", "short code"), ("1380013800", "plan"), ("138001380001", "plan"),
    ("+999123456789", "no country"), ("1.38001E+10", "lost digits"), ("1.38e10", "lost digits"),
    ("13800138000,13900139000", ": ,"), ("{x}13800138000", r"\{"), ("13800138000@gw", "@"), ("138;139", ": ;"),
    ("13800138000 转 5", "转"), ("138+00138000", r"\+"), ("++8613800138000", r"\+"), ("abc", "letter"),
    ("=1+1", "formula"), ("1" * 61, "longer"), ("9" * 25, "too long"), ("1380013\x008000", "character"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_what_cannot_be_called_says_why(text: str, says: str) -> None:
    found = Normaliser("CN")(text)
    assert found.number == ""
    assert re.search(says, found.reason), found.reason


ZONES = [
    ("+8613800138000", "Asia/Shanghai"), ("+4930901820", "Europe/Berlin"), ("+12025550123", ""), ("+447911123456", ""),
    ("+61291234567", "Australia/Sydney"), ("+61412345678", ""),
]  # fmt: skip


@pytest.mark.parametrize(("number", "zone"), ZONES)
def test_a_zone_is_told_where_it_is_sure(number: str, zone: str) -> None:
    assert zone_of(number) == zone


PREFIXES = [
    ("400", "CN", "+86400"), ("+86 400", "CN", "+86400"), ("0086400", "CN", "+86400"), ("010", "CN", "+8610"),
    ("+1", "CN", "+1"), ("00", "CN", ""), ("4x", "CN", ""), ("", "CN", ""), ("+0", "CN", ""), ("1" * 16, "CN", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "country", "number"), PREFIXES)
def test_beginnings(text: str, country: str, number: str) -> None:
    assert prefix_of(text, country).number == number


# -- columns and rows --------------------------------------------------------------------------------------------------

HEADERS = [
    (["Phone", "Full Name", "City"], {"number": 0, "name": 1}, {"City": "city"}),
    (["姓名", "手机号码", "城市", "备注"], {"name": 0, "number": 1}, {"城市": "city", "备注": "note"}),
    (["name", "tel.", "from", "é à", "某某"], {"name": 0, "number": 1},
     {"from": "from_", "é à": "e_a", "某某": "column_5"}),
    (["mobile", "phone"], {"number": 1}, {"mobile": "mobile"}),
    (["电话", "City", "city", ""], {"number": 0}, {"City": "city", "city": "city_2", "column 4": ""}),
    (["number", "Zone", "语言", "授权"], {"number": 0, "zone": 1, "language": 2, "consent": 3}, {}),
    (["number", "1st order"], {"number": 0}, {"1st order": "c_1st_order"}),
    (["number", "customer.region", "a..b", "No.", "x.class"], {"number": 0},
     {"customer.region": "customer.region", "a..b": "a_b", "No.": "no", "x.class": "x_class"}),
]  # fmt: skip


@pytest.mark.parametrize(("header", "own", "facts"), HEADERS)
def test_columns_are_guessed_and_facts_get_names(header: list[str], own: dict[str, int], facts: dict[str, str]) -> None:
    found = find(header, {})
    assert found.own == own
    assert {head: name for head, name in found.told() if name not in found.own} == facts


def test_columns_that_were_typed() -> None:
    found = find(["A", "B", "手机"], parse_map("number=B,region=1"))
    assert (found.own, found.facts) == ({"number": 1}, {"region": 0, "column_3": 2})
    assert find(["A", "B"], parse_map("number=B,customer.region=A")).facts == {"customer.region": 0}


MAPS = ["number", "=x", "number=a,number=b", "class=a", "手机=a", "number=", "customer.=a", "a..b=c", "x.class=a"]


@pytest.mark.parametrize("text", MAPS)
def test_a_map_that_says_nothing(text: str) -> None:
    with pytest.raises(MapError):
        parse_map(text)


@pytest.mark.parametrize(
    ("typed", "says"), [("number=C", "no column 'C'"), ("number=A", "above 2"), ("name=B", "no column of n")]
)
def test_a_map_that_does_not_fit(typed: str, says: str) -> None:
    with pytest.raises(MapError, match=says):
        find(["A", "A", "B"], parse_map(typed))


def test_a_contact() -> None:
    found = people("phone,name,lang,tz,consent,vip,zip\n138-0013-8000, 王芳 ,中文,asia/shanghai,form 7,TRUE,00123\n")
    ((ident, *rest),) = found.contacts
    assert ident == contact_id("march", "+8613800138000")
    assert rest[:5] == ["+8613800138000", "王芳", "zh", "Asia/Shanghai", "form 7"]
    assert facts_of(rest[5]) == {"vip": True, "zip": "00123"}


def test_what_the_file_does_not_say_is_none_and_the_number_tells_the_zone() -> None:
    ((_, *rest),) = people("phone\n13800138000\n").contacts
    assert rest == ["+8613800138000", None, None, "Asia/Shanghai", None, None]


ODD = [("phone,zone\n13800138000,Asia/Bejing\n", "zone"), ("phone,language\n13800138000,klingon!\n", "language")]


@pytest.mark.parametrize(("text", "column"), ODD)
def test_zones_and_languages_that_are_none(text: str, column: str) -> None:
    found = people(text)
    assert (found.contacts, [r.column for r in found.rejected]) == ([], [column])


@pytest.mark.parametrize("cell", ['"', "\\", "\t", "\n", "\ud800x", "a\0b", "é", "\u2028", "true", "1"])
def test_facts_are_json_whatever_is_in_them(cell: str) -> None:
    columns = find(["phone", "note"], {})
    intake = Intake("l", columns, Normaliser("CN"))
    intake.take(2, [["13800138000", cell]])
    clean = cell.strip().replace("\0", "").replace("\ud800", "")
    assert facts_of(intake.contacts[0][6]) == {"note": True if cell == "true" else clean}


@pytest.mark.parametrize(("cell", "code"), [("zh_CN", "zh-CN"), ("EN", "en"), ("普通话", "zh"), ("", ""), ("x", None)])
def test_languages(cell: str, code: str | None) -> None:
    assert language_of(cell) == code


@pytest.mark.parametrize(
    ("cell", "zone"), [("Europe/berlin", "Europe/Berlin"), ("America/New York", "America/New_York"), ("x", "")]
)
def test_zones(cell: str, zone: str) -> None:
    assert zone_named(cell) == zone


def test_the_report_is_no_formula(tmp_path: Path) -> None:
    _, rejected = taken(tmp_path, "phone,name\n=HYPERLINK(1),a\n")
    assert "'=HYPERLINK(1)" in rejected[0]
    assert "a formula, not a number" in rejected[0]
