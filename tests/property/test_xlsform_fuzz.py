"""Whatever stands in the cells of a form: a questionnaire without a mistake in it, or lines that say why not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.authoring.conditions import Asked, Conditions, Unfit, parse
from ivr.authoring.form_types import COLUMNS, TYPES
from ivr.authoring.report import Report
from ivr.authoring.sheets import Row, Sheet, cell_text
from ivr.authoring.xlsform import convert, import_form, store
from ivr.lang import expr
from ivr.lang.expr import MAX_LENGTH

NAMES = st.sampled_from(["q", "r", "s", "a-b", "class", "", "1st", "other", "q_other", "a" * 70])
WORDS = [
    "q",
    "r",
    "${q}",
    "${r}",
    "${z}",
    ".",
    "1",
    "'a'",
    "''",
    "0.5",
    "(",
    ")",
    ",",
    "and",
    "or",
    "not(",
    "selected(",
]
WORDS += [
    "=",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "div",
    "if(",
    "count-selected(",
    "regex(",
    "date(",
    "true()",
    "'",
    "\\",
    "99",
]
EXPRESSIONS = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
TEXTS = st.one_of(
    st.text(max_size=30), st.sampled_from(["", "Age?", "${q} {{ x }}", "<b>x", "**", "'{", "- a: b # c", "~"])
)
HEADS = [*(head for head in COLUMNS if head != "label"), "label::English (en)", "label::中文 (zh)"]
LISTED = [f"{name} abc" for name in TYPES if name.startswith(("select", "rank"))]
CELLS = {
    "type": st.sampled_from([*TYPES, *TYPES, *LISTED, *LISTED, "select_one abc or_other", "odd", ""]),
    "name": NAMES,
    "relevant": EXPRESSIONS,
    "constraint": EXPRESSIONS,
    "calculation": EXPRESSIONS,
    "repeat_count": st.one_of(EXPRESSIONS, st.sampled_from(["2", "99", "-1", "${q}", "count-selected(${q})"])),
    "parameters": st.sampled_from(
        ["", "start=1 end=5", "start=x", "start=5 end=1", "end=1e99", "randomize=true", "step=NaN"]
    ),
    "required": st.sampled_from(["", "yes", "no"]),
}
CHOICES = st.lists(st.tuples(st.sampled_from(["abc", "", "x"]), st.one_of(NAMES, TEXTS), TEXTS, TEXTS), max_size=13)


def sheet(name: str, heads: list[str], rows: list[list[str]]) -> Sheet:
    columns = {head: n for n, head in enumerate(heads)}
    made = []
    for n, cells in enumerate(rows):
        texts = {head: text for head, cell in zip(heads, cells, strict=True) if (text := cell_text(cell))}
        if texts:
            made.append(Row(name, n + 2, texts, columns))
    return Sheet(name, columns, made)


@st.composite
def forms(draw) -> dict[str, Sheet]:
    heads = ["type", "name", *draw(st.lists(st.sampled_from(HEADS[2:]), unique=True, max_size=8))]
    rows = draw(st.lists(st.tuples(*(CELLS.get(head, TEXTS) for head in heads)), min_size=1, max_size=9))
    choices = draw(CHOICES)
    titles = ["list_name", "name", "label::English (en)", "label::中文 (zh)"]
    return {"survey": sheet("survey", heads, rows), "choices": sheet("choices", titles, choices)}


FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(forms(), st.sampled_from(["voice", "drop"]))
def test_any_cells(tmp_path, sheets, text):
    made = convert(sheets, "form.xlsx", Report(), name="form", text=text)
    out = tmp_path / "out.yaml"
    out.unlink(missing_ok=True)
    assert (made.written is None) == (not made.report.ok)
    assert all(line.place and line.message for line in made.report.lines)
    assert store(made, out) == out.exists() == made.report.ok
    assert [path for path in tmp_path.iterdir() if path != out] == []


@FUZZ
@given(EXPRESSIONS | st.text(max_size=40))
def test_any_expression_is_a_condition_of_ours_or_says_why_not(text):
    known = {"q": Asked("q", "number"), "r": Asked("r", "multiple", ("a", "b"))}
    made = "true"
    with suppress(Unfit):
        made = Conditions(known).convert(parse(text), known["q"])
    assert expr.parse(made).fault is None
    assert len(made) <= MAX_LENGTH


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 10**6), st.sampled_from([".xlsx", ".xls", ".ods"]))
def test_any_bytes_and_a_workbook_that_was_damaged(tmp_path, data, at, suffix):
    path: Path = tmp_path / f"form{suffix}"
    if suffix == ".xlsx":
        book = xlsxwriter.Workbook(str(path))
        book.add_worksheet("survey").write_row(0, 0, ["type", "name", "label"])
        book.close()
        whole = bytearray(path.read_bytes())
        at %= len(whole)
        whole[at : at + len(data)] = data
        data = bytes(whole)
    path.write_bytes(data)
    made = import_form(path)
    assert made.report.lines
