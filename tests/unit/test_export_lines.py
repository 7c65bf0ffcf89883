"""What exports are made of, without a database: cells, COPY's text, times, names for SPSS, the benchmarks' page."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.page import HEADS, with_section, with_sections_of
from benchmarks.year_load import copy_line
from ivr.results.cells import safe_cell
from ivr.results.export.files import FORMATS
from ivr.results.export.long import COLUMNS, csv_cell, json_cell, number
from ivr.results.export.parquet import ROW_GROUP
from ivr.results.export.people import respondents
from ivr.results.export.sav import MOST_RUNS, _name
from ivr.results.export.source import _cells, iso, moment

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(TEXTS, min_size=2))
def test_csv_cells_read_back_guarded(cells: list[str]) -> None:
    line = ",".join(csv_cell(cell) for cell in cells) + "\n"
    assert next(csv.reader(io.StringIO(line, newline=""))) == [safe_cell(cell) for cell in cells]


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1))
def test_rows_of_copy_read_back(rows: list[list[str]]) -> None:
    """Written as PostgreSQL writes them, by the year's loader."""
    assert [_cells(copy_line(tuple(row))[:-1]) for row in rows] == rows


NUMBERS: list[tuple[Any, Any]] = [
    (None, None),
    ("", None),
    ("5", 5),
    (5.0, 5),
    ("2.5", 2.5),
    (1e300, 1e300),
    ("-3", -3),
]


@pytest.mark.parametrize(("raw", "shown"), NUMBERS)
def test_numbers(raw: Any, shown: Any) -> None:
    found = number(raw)
    assert (found, type(found)) == (shown, type(shown))


TIMES = [
    ("2026-11-22 10:00:00.123456", "2026-11-22T10:00:00.123+00:00", 123456),
    ("2026-11-22 10:00:00.123456+00", "2026-11-22T10:00:00.123+00:00", 123456),
    ("2026-11-22 10:00:00.1+00", "2026-11-22T10:00:00.100+00:00", 100000),
    ("2026-11-22 10:00:00+00", "2026-11-22T10:00:00.000+00:00", 0),
    ("2026-11-22 10:00:00", "2026-11-22T10:00:00.000+00:00", 0),
]


@pytest.mark.parametrize(("raw", "shown", "us"), TIMES)
def test_times(raw: str, shown: str, us: int) -> None:
    found = moment(raw)
    assert iso(raw) == shown
    assert found is not None
    assert (found.microsecond, found.isoformat()[:19], found.utcoffset()) == (us, shown[:19], found - found)


def test_nothing_is_nothing() -> None:
    assert (iso(""), iso(None), moment(""), csv_cell(None), json_cell(""), json_cell(None)) == (
        *("", "", None, "", "null", "null"),
    )
    assert respondents(None)("") == respondents(b"k" * 16)("") == ""


NAMES = [
    (["rating", "Rating", "RATING"], ["rating", "Rating_2", "RATING_3"]),
    (["liked__red", "9th", "_x", "with", "a b", "x_"], ["liked__red", "v_9th", "v__x", "v_with", "a_b", "x"]),
    (["n" * 70, "n" * 71], ["n" * 64, "n" * 62 + "_2"]),
    (["颜" * 30], ["颜" * 21]),
]


@pytest.mark.parametrize(("names", "found"), NAMES)
def test_names_for_spss(names: list[str], found: list[str]) -> None:
    taken: set[str] = set()
    assert [_name(name, taken) for name in names] == found


def test_one_part_of_the_benchmarks_leaves_the_others_as_they_were() -> None:
    year, people = HEADS
    page = with_section("# Benchmarks\n\ncalls 1\n", f"{people}\n\npeople 1\n")
    page = with_section(page, f"{year}\n\nyear 1\n")
    page = with_section(page, f"{year}\n\nyear 2\n")
    page = with_sections_of(page, "# Benchmarks\n\ncalls 2\n")
    assert page == f"# Benchmarks\n\ncalls 2\n\n{year}\n\nyear 2\n\n{people}\n\npeople 1\n"


def test_json_cells_are_json() -> None:
    assert json.loads(json_cell('a"\n\\😀')) == 'a"\n\\😀'


DOCS = (Path(__file__).parents[2] / "docs" / "exports.md").read_text("utf-8")


def test_the_page_names_every_column_and_format() -> None:
    told = " ".join(DOCS.split())
    assert f"`{', '.join(COLUMNS)}`" in told
    assert [f for f in FORMATS if f"| `{f}` |" not in told] == []
    assert f"at most {MOST_RUNS:,} runs" in told
    assert f"row group of {ROW_GROUP:,} rows" in told
