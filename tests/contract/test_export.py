"""Exports of a small questionnaire, each format read back by another program, on both databases."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pyreadstat
import pytest
from exporttools import definition, export, rows, store
from storetools import at

from ivr.results.cells import safe_cell
from ivr.results.export import codebook, files, sav, source, xlsx
from ivr.results.export.files import ExportError
from ivr.results.export.selection import NothingToExport, Selection, named
from ivr.results.queries import reading
from ivr.store.engine import make_engine
from ivr.store.pseudonym import pseudonym
from ivr.survey.definition import QuestionDef

#: What callers and switches bring, and what is stored of it.
HOSTILE = {
    "formula": "=cmd|'/c calc'!A1",
    "plus": "+86 138",
    "at sign": "  @SUM(A1)",
    "full width": "＝1+1",
    "negative": "-5",
    "comma": "a,b",
    "quotes": 'say "hi", "there"',
    "lines": "two\nlines\r\nthree",
    "tab first": "\tx\ty",
    "backslashes": "\\N \\\\ \\t \\",
    "only a backslash": "\\",
    "NUL": "a\0b",
    "control": "a\x01b\x1f\x7f",
    "emoji": "😀 中文 é",
    "surrogate": "a\ud800b",
    "long": "x" * 9_999 + "é",
    "spaces": "  both ends  ",
    "quoted first": '"=1"',
}
TEXTS = ["csv", "jsonl", "parquet", "xlsx"]


def kept(text: str) -> str:
    """As the store keeps it."""
    return text.replace("\0", "").replace("\ud800", "\ufffd")


@pytest.mark.parametrize("form", TEXTS)
def test_hostile_values_come_back_as_they_are(database: str, tmp_path: Path, form: str) -> None:
    store(database, tmp_path, {name: {"answers": {"words": text}} for name, text in HOSTILE.items()})
    out = tmp_path / f"out.{form}"
    assert export(database, out, format=form) == len(HOSTILE)
    found = {row["call_id"]: row["value"] for row in rows(out)}
    if form == "csv":
        assert found == {name: safe_cell(kept(text)) for name, text in HOSTILE.items()}
    else:
        assert found == {name: kept(text) for name, text in HOSTILE.items()}


def test_hostile_names_are_guarded_too(database: str, tmp_path: Path) -> None:
    told = {"agent": "=1+1", "queue": 'a,"b"\n\t@'}
    store(database, tmp_path, {"+c1": {"run": told, "answers": {"colour": "blue"}}})
    export(database, tmp_path / "long.csv", language="en")
    row = rows(tmp_path / "long.csv")[0]
    assert (row["call_id"], row["agent"], row["queue"], row["label"]) == ("'+c1", "'=1+1", 'a,"b"\n\t@', "'=blue")
    export(database, tmp_path / "wide.csv", layout="wide")
    row = rows(tmp_path / "wide.csv")[0]
    assert (row["call_id"], row["agent"], row["queue"]) == ("'+c1", "'=1+1", 'a,"b"\n\t@')


FULL: dict[str, Any] = {
    **{"overall": 4, "colour": "red", "liked": ["blue"], "ranked": ["blue", "red"], "day": "2026-11-20", "paid": 12.5},
    **{"status": "0042", "words": "recordings/c1.wav"},
}
NONE: dict[str, Any] = {
    **{"overall": ("refused",), "colour": ("dont_know",), "liked": ("refused",), "day": ("refused",)},
    "paid": ("dont_know",),
}
CALLS: dict[str, dict[str, Any]] = {
    "c1": {"answers": FULL, "run": {"agent": "1001", "queue": "support", "launch": "spring"}},
    "c2": {"answers": NONE, "run": {"launch": "spring"}},
    "c3": {"status": "partial", "answers": {"overall": 1}},
    "c4": {"status": "begun", "answers": {}},
    "c5": {"status": "resumed", "answers": {"overall": 2}},
    "c6": {"status": "refused", "call": {"caller": ""}},
}
WIDE: dict[str, dict[str, Any]] = {
    "c1": {
        **{"status": "complete", "overall": 4, "colour": "red", "liked__red": 0, "liked__blue": 1, "ranked__1": "blue"},
        **{"ranked__2": "red", "day": date(2026, 11, 20), "paid": 12.5, "status_2": "0042", "words": FULL["words"]},
        **{"overall__missing": None, "agent": "1001", "queue": "support", "flow": "paint", "launch": "spring"},
        **{"begun_at": at(0), "ended_at": at(80), "respondent": "********000"},
    },
    "c2": {
        **{"overall": None, "overall__missing": "refused", "colour__missing": "dont_know", "liked__red": None},
        **{"liked__missing": "refused", "day__missing": "refused", "paid": None, "paid__missing": "dont_know"},
    },
    "c3": {"status": "partial", "overall": 1, "colour": None, "ranked__1": None, "launch": None},
    "c4": {"status": "partial", "overall": None},  # its call is over
    "c6": {"status": "refused", "respondent": None},
}


def test_wide_rows(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    assert export(database, tmp_path / "wide.parquet", format="parquet", layout="wide") == len(WIDE)
    found = {row["call_id"]: row for row in rows(tmp_path / "wide.parquet")}
    assert {call: {name: found[call][name] for name in told} for call, told in WIDE.items()} == WIDE
    assert set(found) == set(WIDE)


def plain(cell: Any) -> str:
    """How a cell of a typed format reads in CSV."""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


@pytest.mark.parametrize("layout", ["long", "wide"])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_formats_say_the_same(database: str, tmp_path: Path, form: str, layout: str) -> None:
    store(database, tmp_path, CALLS)
    export(database, tmp_path / "a.csv", layout=layout)
    export(database, tmp_path / f"a.{form}", format=form, layout=layout)
    typed = [{name: safe_cell(plain(cell)) for name, cell in row.items()} for row in rows(tmp_path / f"a.{form}")]
    order = sorted
    assert order(map(str, typed)) == order(map(str, rows(tmp_path / "a.csv")))
    assert list(typed[0]) == list(rows(tmp_path / "a.csv")[0])


def test_long_rows_are_labelled_by_their_own_definition(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    export(
        database,
        tmp_path / "a.jsonl",
        Selection(survey="colours", statuses=("complete",)),
        format="jsonl",
        language="zh",
    )
    found = {(r["call_id"], r["question"]): r for r in rows(tmp_path / "a.jsonl")}
    assert len(found) == len(FULL) + len(NONE)
    row = found["c1", "ranked"]
    assert (row["title"], row["value"], row["label"]) == ("Which first?", '["blue", "red"]', "蓝; 红")
    row = found["c1", "colour"]
    assert (row["title"], row["label"], row["value_number"], row["missing"]) == ("颜色", "红", None, None)
    assert (found["c1", "overall"]["value_number"], found["c2", "overall"]["missing"]) == (4, "refused")
    assert found["c1", "colour"]["at"] == "2026-11-22T10:00:01.001+00:00"


SELECTED = [
    (Selection(), {"c1", "c2", "c3", "c4", "c6"}),
    (Selection(statuses=("resumed",)), {"c5"}),
    (Selection(survey="colours"), {"c1", "c2", "c3", "c4", "c6"}),
    (Selection(launch="spring"), {"c1", "c2"}),
    (Selection(survey="colours", statuses=("partial",)), {"c3", "c4"}),
    (Selection(survey="colours", statuses=("resumed", "refused")), {"c5", "c6"}),
    (Selection(survey="colours", since=at(200)), {"c3", "c4", "c6"}),
    (Selection(survey="colours", launch="spring", statuses=("partial",)), set()),
]


@pytest.mark.parametrize(("selection", "calls"), SELECTED)
def test_selection(database: str, tmp_path: Path, selection: Selection, calls: set[str]) -> None:
    store(database, tmp_path, CALLS)
    answered = {call for call in calls if CALLS[call].get("answers")}
    assert export(database, tmp_path / "long.csv", selection) == sum(len(CALLS[call]["answers"]) for call in answered)
    assert {row["call_id"] for row in rows(tmp_path / "long.csv")} == answered
    if selection.survey or selection.launch:
        assert export(database, tmp_path / "wide.csv", selection, layout="wide") == len(calls)
        assert {row["call_id"] for row in rows(tmp_path / "wide.csv")} == calls


NAMES = [
    ("colours", Selection(survey="colours")),
    ("spring", Selection(launch="spring")),
    ("survey:colours", Selection(survey="colours")),
    ("launch:spring", Selection(launch="spring")),
    ("launch:colours", "no survey and no launch"),
    ("autumn", "there are colours"),
    ("both", "write survey:both or launch:both"),
]


@pytest.mark.parametrize(("name", "meant"), NAMES)
def test_names(database: str, tmp_path: Path, name: str, meant: Selection | str) -> None:
    store(database, tmp_path, {**CALLS, "b1": {"run": {"survey": "both", "launch": "both"}}})
    with reading(make_engine(database)) as connection:
        if isinstance(meant, str):
            with pytest.raises(NothingToExport, match=meant):
                named(connection, name)
        else:
            assert named(connection, name) == meant


def test_versions_share_columns_and_keep_old_values(database: str, tmp_path: Path) -> None:
    newer = definition("2", [QuestionDef("extra", "yes_no", {"en": "More?"})])
    store(database, tmp_path, {"c1": {"answers": FULL}, "c2": {"answers": {"extra": "yes"}, "definition": newer}})
    export(database, tmp_path / "a.jsonl", format="jsonl", layout="wide")
    found = rows(tmp_path / "a.jsonl")
    assert [(row["overall"], row["extra"]) for row in found] == [(4, None), (None, "yes")]


def test_answers_without_a_definition_and_from_before_runs(database: str, tmp_path: Path) -> None:
    old = {"run": {"definition": None}, "answers": {"mystery": "42", "overall": 3}}
    store(database, tmp_path, {"c1": old})
    with make_engine(database).begin() as connection:
        connection.exec_driver_sql("UPDATE answer SET run = NULL")
    export(database, tmp_path / "a.jsonl", format="jsonl", layout="wide")
    row = rows(tmp_path / "a.jsonl")[0]
    assert (row["mystery"], row["overall"]) == ("42", "3")
    assert export(database, tmp_path / "b.csv") == 2


def test_respondents(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    key = b"0123456789abcdef"
    export(database, tmp_path / "a.csv", key=key, layout="wide")
    assert [row["respondent"] for row in rows(tmp_path / "a.csv")][:2] == [
        pseudonym(key, "13800130000"),
        pseudonym(key, "13800130001"),
    ]
    everything = {"csv": "long", "jsonl": "wide", "floip": "long", "sav": "wide"}
    for form, layout in everything.items():
        export(database, tmp_path / f"all.{form}", format=form, layout=layout)
    export(database, tmp_path / "all.zip", format="floip")
    files = [path for path in tmp_path.rglob("all.*") if path.is_file()] + list(
        (tmp_path / "all.floip").rglob("*.json")
    )
    assert len(files) == 6
    for path in files:
        assert b"1380013" not in path.read_bytes()


def test_excel(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    export(database, tmp_path / "a.xlsx", format="xlsx", layout="wide", language="en")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["answers", "codebook"]
    heads = [cell.value for cell in book["answers"][1]]
    assert {"How was it?", "Which do you like?: red, the colour", "Which first?: 1", "begun_at (UTC)"} <= set(heads)
    first = dict(zip(heads, (cell.value for cell in book["answers"][2]), strict=True))
    assert (first["How was it?"], first["begun_at (UTC)"], first["Your number?"]) == (
        4,
        datetime(2026, 11, 22, 10),
        "0042",
    )
    told = [[cell.value or "" for cell in row] for row in book["codebook"]]
    assert ["", "colour", "Which colour?", "choice", "blue", "=blue", "2", "", "", ""] in told
    assert ["", "colour", "Which colour?", "choice", "refused", "would rather not say", "*", "", "", ""] in told
    assert told[-2][0] == "status_2"
    assert all(cell.data_type != "f" for sheet in book for row in sheet for cell in row)


def test_excel_goes_on_in_further_sheets(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(database, tmp_path, CALLS)
    monkeypatch.setattr(xlsx.write, "__kwdefaults__", {"most_rows": 3})
    assert export(database, tmp_path / "a.xlsx", format="xlsx", layout="wide") == 5
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["answers", "codebook", "answers 2", "answers 3"]
    assert [book[name].max_row for name in ("answers", "answers 2", "answers 3")] == [3, 3, 2]
    assert [cell.value for cell in book["answers 3"][1]] == [cell.value for cell in book["answers"][1]]


def test_parquet_explains_itself(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    export(database, tmp_path / "a.parquet", format="parquet", layout="wide", language="zh")
    schema = pyarrow.parquet.read_schema(tmp_path / "a.parquet")
    colour = schema.field("colour").metadata
    assert colour[b"title"].decode() == "颜色"
    assert json.loads(colour[b"labels"]) == {"red": "红", "blue": "蓝"}
    assert set(json.loads(colour[b"missing"])) == {"refused", "dont_know"}
    assert [str(schema.field(name).type) for name in ("overall", "liked__red", "day", "begun_at", "answered")] == [
        *("double", "int8", "date32[day]", "timestamp[us, tz=UTC]", "int32"),
    ]
    assert json.loads(schema.metadata[b"callweave.codebook"])[0]["question"] == "overall"


def test_spss(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    assert export(database, tmp_path / "a.sav", format="sav", layout="wide", language="en") == 5
    frame, about = pyreadstat.read_sav(tmp_path / "a.sav", user_missing=True, output_format="polars")
    first, second = frame.row(0, named=True), frame.row(1, named=True)
    names = ("overall", "colour", "liked__red", "liked__blue", "ranked__1", "ranked__2", "paid", "day", "status_2")
    assert [first[name] for name in names] == [4, 1, 0, 1, 2, 1, 12.5, date(2026, 11, 20), "0042"]
    assert [second[name] for name in ("overall", "colour", "liked__red", "paid")] == [-98, -99, -98, -99]
    assert (second["day"], second["day__missing"]) == (None, "refused")
    assert about.variable_value_labels["colour"] == {
        **{1: "red, the colour", 2: "=blue", -98: "would rather not say", -99: "does not know"},
    }
    assert about.missing_ranges["colour"] == [{"lo": -98, "hi": -98}, {"lo": -99, "hi": -99}]
    assert about.column_names_to_labels["overall"] == "How was it?"
    assert about.file_label == "Colours of things"
    hidden, _ = pyreadstat.read_sav(tmp_path / "a.sav", output_format="polars")
    assert hidden["overall"].to_list()[:2] == [4, None]


def test_spss_refuses_what_does_not_fit_in_memory(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(database, tmp_path, CALLS)
    monkeypatch.setattr(sav.write, "__kwdefaults__", {"most_runs": 4})
    with pytest.raises(sav.TooManyRuns, match="parquet"):
        export(database, tmp_path / "a.sav", format="sav", layout="wide")
    assert [path.name for path in tmp_path.iterdir() if "a.sav" in path.name] == []


def test_flow_results_rows(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    assert export(database, tmp_path / "p.zip", format="floip", language="en") == len(FULL) + len(NONE) + 1
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert archive.namelist() == ["datapackage.json", "data/responses.json"]
        responses = json.loads(archive.read("data/responses.json"))
    found = {row[1]: row for row in responses}
    assert [found[f"c1/{q}/1"][5] for q in ("overall", "colour", "liked", "ranked", "day", "paid", "status")] == [
        *(4, "red", ["blue"], ["blue", "red"], "2026-11-20", 12.5, "0042"),
    ]
    assert found["c1/overall/1"][0] == "2026-11-22T10:00:00.000+00:00"
    assert found["c2/colour/1"][5:] == [None, {"missing": "dont_know"}]
    assert found["c1/words/1"][6] == {"language": "eng"}
    contacts = {row[3]: row[2] for row in responses}
    assert len(set(contacts.values())) == len(contacts) == 3


WRONG = [
    ({"format": "sav"}, "a", Selection(survey="colours"), "--layout wide"),
    ({"format": "floip", "layout": "wide"}, "a", Selection(survey="colours"), "one row an answer"),
    ({"format": "floip"}, "a", Selection(), "name a survey or a launch"),
    ({"layout": "wide"}, "a", Selection(), "name a survey or a launch"),
    ({"format": "xlsx"}, "-", Selection(), "standard output"),
    ({"format": "jsonl", "excel_bom": True}, "a", Selection(), "--excel-bom"),
    ({"format": "floip"}, "there", Selection(survey="colours"), "is there already"),
]


@pytest.mark.parametrize(("options", "name", "selection", "told"), WRONG)
def test_what_does_not_go_together(
    database: str, tmp_path: Path, options: dict[str, Any], name: str, selection: Selection, told: str
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(ExportError, match=told):
        export(database, name if name == "-" else tmp_path / name, selection, **options)


@pytest.mark.parametrize("form", [*TEXTS, "sav", "floip"])
def test_a_file_is_whole_or_not_there(database: str, tmp_path: Path, form: str) -> None:
    store(database, tmp_path, CALLS)
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("before")
    target = out / ("a" if form != "floip" else "a.zip")

    class Full(Exception):
        pass

    def stop(_rows: int) -> None:
        raise Full

    options = files.Options(form, "wide" if form == "sav" else "long")
    with reading(make_engine(database)) as connection, pytest.raises(Full):
        files.export(connection, Selection(survey="colours"), str(target), options, stop)
    assert [path.name for path in out.iterdir()] == ["a"]
    assert (out / "a").read_text() == "before"


def test_one_snapshot(database: str, tmp_path: Path) -> None:
    """What is stored while an export runs is in the next one."""
    store(database, tmp_path, CALLS)
    meant = Selection(survey="colours")
    with reading(make_engine(database)) as connection:
        codebook.read(connection, meant)
        store(database, tmp_path, {"late": {"answers": {"overall": 5}}})
        seen = {row[0] for row in source.answers(connection, meant).rows if row[-1]}
    assert seen == {"c1", "c2", "c3"}
    assert export(database, tmp_path / "a.csv") == len(FULL) + len(NONE) + 2


def test_excel_reads_the_csv_as_utf_8(database: str, tmp_path: Path) -> None:
    store(database, tmp_path, CALLS)
    export(database, tmp_path / "a.csv", excel_bom=True)
    export(database, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbf" + (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[0] == "call_id"
