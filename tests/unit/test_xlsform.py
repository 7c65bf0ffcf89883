"""XLSForm workbooks to questionnaires: each type, each column, each broken row."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from formtools import ABC, LABELS, YES_NO, body, form, lines, workbook

from ivr.authoring import tongues
from ivr.authoring.form_types import TYPES, read_type
from ivr.authoring.formdoc import page
from ivr.authoring.xlsform import import_form, store
from ivr.lang.source import load

MANY = [["many", f"c{n}", f"Choice {n}"] for n in range(1, 13)]
TEN = [["ten", f"c{n}", f"Choice {n}"] for n in range(1, 11)]
MISSING = [["m", "a", "Apple"], ["m", "b", "Banana"], ["m", "98", "Don't know"], ["m", "99", "Prefer not to say"]]

#: cells of one row -> what stands in the file, line for line
TYPE_ROWS = [
    (["integer", "q", "Age?"], [], ["number:", '"Age? Enter the number, then press hash."', "range: 0..999999"]),
    (["integer", "q", "Age?", ". >= 18 and . < 100"], ["constraint"], ["range: 18..99"]),
    (["integer", "q", "Age?", ". = 1 or . = 5"], ["constraint"], ["range: 1..5", 'valid: "q == 1 or q == 5"']),
    (["decimal", "q", "Weight?", ". > 0 and . <= 99.5"], ["constraint"], ["amount:", "range: 0..100", "valid: "]),
    (["range", "q", "How?", "start=1 end=5 step=1"], ["parameters"], ["scale:", "range: 1..5", "from 1 to 5."]),
    (["range", "q", "How?", "start=0 end=100 step=10"], ["parameters"], ["number:", "range: 0..100"]),
    (["range", "q", "How?", "start=0 end=1 step=0.1"], ["parameters"], ["amount:", "range: 0..1"]),
    (["text", "q", "Code?", "numbers"], ["appearance"], ["code:", "Enter the digits, then press hash."]),
    (["text", "q", "Code?", "regex(., '^[0-9]{6}$')"], ["constraint"], ["code:", "length: 6", "pattern: "]),
    (["text", "q", "Why?"], [], ["voice:", "Your answer is recorded."]),
    (["audio", "q", "Why?"], [], ["voice:", "Please speak after the tone"]),
    (["date", "q", "When?"], [], ["date:", "eight digits"]),
    (
        ["date", "q", "When?", ". >= date('2020-01-01') and . < date('2026-01-01')"],
        ["constraint"],
        ['range: "2020-01-01..2025-12-31"'],
    ),
    (["note", "q", "Welcome"], [], ["- say:", 'en: "Welcome."']),
    (["acknowledge", "q", "Read it?"], [], ["choice:", "To confirm, press 1.", "value: OK, say: {en: OK}"]),
    (["select_one abc", "q", "Fruit?"], [], ["choice:", "For Apple, press 1. For Banana, press 2.", "value: a, say: "]),
    (["select one from abc", "q", "Fruit?"], [], ["choice:"]),
    (
        ["select_one yn", "q", "Well?"],
        [],
        ["yes_no:", "For Yes, press 1. For No, press 2.", '{value: "yes", say: {en: "Yes"}}'],
    ),
    (["select_multiple abc", "q", "Fruit?"], [], ["multiple:", "Press one key after another"]),
    (["select_multiple abc", "q", "Fruit?", "count-selected(.) <= 2"], ["constraint"], ["choose: 1..2"]),
    (["rank abc", "q", "Fruit?"], [], ["ranking:", "first choice first"]),
    (["select_one ten", "q", "Which?"], [], ["For Choice 10, press 0.", '"0": {value: c10']),
    (["select_one many", "q", "Which?"], [], ["For Choice 1, press 0 1.", '"12": {value: c12']),
    (
        ["select_one m", "q", "Fruit?"],
        [],
        ['dont_know: "0"', 'refuse: "*"', "If you do not know, press 0.", "press star."],
    ),
    (["select_one abc or_other", "q", "Fruit?"], [], ["value: other", "id: q_other", "when: \"q == 'other'\""]),
    (["select_multiple abc or_other", "q", "Fruit?"], [], ["when: \"'other' in q\""]),
    (["integer", "q", "Age?", "In years"], ["hint"], ["Age? In years. Enter the number"]),
    (["integer", "q", "Age?", "yes"], ["read_only"], ["- say:"]),
]


@pytest.mark.parametrize(("row", "extra", "wanted"), TYPE_ROWS)
def test_type(tmp_path, row, extra, wanted):
    made = form(tmp_path, [row, ["integer", "z", "Last?"]], *extra, choices=[*ABC, *YES_NO, *MANY, *TEN, *MISSING])
    text = body(made)
    assert [part for part in wanted if part not in text] == [], text


LABEL_ROWS = [
    ("**Bold** and <b>HTML</b>&nbsp;here", "Bold and HTML here."),
    ("# Title", "Title."),
    ("See [the page](https://x.test/a)", "See the page."),
    ("snake_case stays", "snake_case stays."),
    ("_under_ and *star*", "under and star."),
    ("Two\nlines", "Two lines."),
    ("Braces {here} go", "Braces here go."),
    ("5 < 6 > 4 ?", "5 < 6 > 4 ?"),
    ("You said ${n}?", "You said {{ n | number }}?"),
    ("You chose ${c}.", "You chose {{ c | label }}."),
    ("Since ${d}", "Since {{ d | date }}"),
    ("Why ${v}?", "Why ?"),
    ('Quote " and \\ stay', 'Quote \\" and \\\\ stay.'),
]


@pytest.mark.parametrize(("label", "spoken"), LABEL_ROWS)
def test_label(tmp_path, label, spoken):
    before = [["integer", "n", "N?"], ["select_one abc", "c", "C?"], ["date", "d", "D?"], ["text", "v", "V?"]]
    made = form(tmp_path, [*before, ["note", "q", label]], choices=ABC)
    assert f'en: "{spoken}"\n' in body(made)


#: rows -> place and words of each error. Row 1 is the header.
BROKEN = [
    ([["intger", "q", "Q?"]], ["survey!A2: no type 'intger'"]),
    ([["", "q", "Q?"]], ["survey!A2: the row has no type"]),
    ([["integer", "q", "Q?"], ["integer", "q", "R?"]], ["survey!B3: 'q' stands twice; the first is at survey!B2"]),
    ([["integer", "", "Q?"]], ["survey!B2: the question has no name"]),
    ([["integer", "1st", "Q?"]], ["survey!B2: '1st' is no name"]),
    ([["integer", "a-b", "Q?"]], ["survey!B2: 'a-b' is no name"]),
    ([["integer", "class", "Q?"]], ["survey!B2: 'class' is a word"]),
    ([["integer", "q", ""]], ["survey!C2: label is missing"]),
    ([["select_one nolist", "q", "Q?"]], ["survey!A2: there is no list 'nolist'"]),
    ([["select_one", "q", "Q?"]], ["survey!A2: select_one names no list"]),
    (
        [["select_one twice", "q", "Q?"]],
        ["choices!B6: choice 'x' stands twice in its list; the first is at choices!B5"],
    ),
    ([["select_one noname", "q", "Q?"]], ["choices!B7: the choice has no name"]),
    ([["select_one nolabel", "q", "Q?"]], ["choices!C8: label is missing"]),
    ([["begin group", "g", "G"], ["integer", "q", "Q?"]], ["survey!A2: the group is not closed"]),
    ([["integer", "q", "Q?"], ["end group", "", ""]], ["survey!A3: end_group without a begin_group"]),
    (
        [["begin repeat", "g", "G", "", "2"], ["integer", "q", "Q?"], ["end group", "", ""]],
        ["survey!A4: end_group closes the repeat that begins at survey!A2"],
    ),
    ([["integer", "q", "Q?", "${x} = 1"]], ["survey!D2: relevant names 'x', which is no question"]),
    ([["note", "n", "See ${x}"]], ["survey!C2: the text names 'x', which is no question"]),
    (
        [["integer", "p", "P?"], ["integer", "q", "Q?", "${p} >"]],
        ["survey!D3: relevant '${p} >': something is missing"],
    ),
    (
        [["integer", "p", "P?"], ["integer", "q", "Q?", "selected(${p}"]],
        ["survey!D3: relevant 'selected(${p}': ')' is"],
    ),
    (
        [["select_one abc", "p", "P?"], ["integer", "q", "Q?", "${p} = 'zebra'"]],
        ["survey!D3: relevant \"${p} = 'zebra'\": 'zebra' is none of the choices of p"],
    ),
    (
        [["begin repeat", "g", "G", "", "1 +"], ["integer", "q", "Q?"], ["end repeat", "", ""], ["integer", "z", "Z?"]],
        ["survey!E2: repeat_count '1 +': "],
    ),
    ([["geopoint", "q", "Q?"]], ["survey!A1: there is nothing in the form that a phone can ask"]),
    (
        [["intger", "q", "Q?"], ["integer", "r", ""], ["integer", "s", "S?", "${x} = 1"]],
        ["survey!A2: ", "survey!C3: ", "survey!D4: "],
    ),
]
BAD_CHOICES = [*ABC, ["twice", "x", "X"], ["twice", "x", "Y"], ["noname", "", "Z"], ["nolabel", "n", ""]]


@pytest.mark.parametrize(("rows", "wanted"), BROKEN)
def test_every_broken_row_is_named(tmp_path, rows, wanted):
    made = form(tmp_path, rows, "relevant", "repeat_count", choices=BAD_CHOICES)
    found = lines(made, "error")
    for part in wanted:
        assert [line for line in found if line.startswith(part)], found
    assert made.written is None
    assert not store(made, tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()


def test_a_form_may_allow_names_to_stand_twice(tmp_path):
    settings = [["allow_choice_duplicates"], ["yes"]]
    made = form(tmp_path, [["select_one twice", "q", "Q?"]], choices=BAD_CHOICES, settings=settings)
    assert lines(made, "lost")[0].startswith("choices!B6: choice 'x' stands twice")
    assert "For X, press 1." in body(made)
    assert "press 2" not in body(made)


def test_a_list_that_nobody_uses_may_be_broken(tmp_path):
    assert form(tmp_path, [["select_one abc", "q", "Q?"]], choices=BAD_CHOICES).report.ok


#: rows -> what is lost or changed, by place
LOST = [
    ([["geopoint", "q", "Where?"]], "lost", "survey!A2: geopoint"),
    ([["select_multiple many", "q", "Q?"]], "lost", "survey!A2: 12 choices, and a caller has 10 keys"),
    ([["rank many", "q", "Q?"]], "lost", "survey!A2: 12 choices"),
    ([["range", "q", "Q?", "", "start=-5 end=5"]], "lost", "survey!E2: from -5"),
    ([["integer", "q", "Q?", "", "", ". > -5"]], "lost", "survey!F2: from -4"),
    (
        [["begin repeat", "g", "G"], ["integer", "q", "Q?"], ["end repeat"]],
        "lost",
        "survey!A2: a repeat without a count",
    ),
    ([["text", "q", "Q?"]], "changed", "survey!A2: free text"),
    ([["integer", "q", "Q?", "", "", "", "5"]], "changed", "survey!G2: a default"),
    ([["select_one abc", "q", "Q?", "", "randomize=true"]], "changed", "survey!E2: randomize"),
    ([["select_one abc", "q", "Q?", "", "", "", "", "x=1"]], "changed", "survey!H2: choice_filter"),
    ([["select_one many", "q", "Q?", "", "", "", "", "x=1"]], "lost", "survey!H2: choice_filter"),
    ([["integer", "q", "Q?", "today() > 1"]], "lost", "survey!D2: relevant"),
    ([["integer", "q", "Q?", "false()"]], "lost", "survey!D2: relevant is always false"),
    ([["integer", "q", "Q?", "", "", ". > today()"]], "lost", "survey!F2: constraint"),
    ([["image", "p", "P?"], ["integer", "q", "Q?", "${p} != ''"]], "lost", "survey!D3: relevant"),
    ([["integer", "q", "Q?", "${z} = 1"]], "lost", "survey!D2: relevant"),
    ([["start", "s", ""], ["deviceid", "d", ""]], "note", "survey!A1: 2 of metadata (start, deviceid)"),
]


@pytest.mark.parametrize(("rows", "kind", "wanted"), LOST)
def test_what_is_lost_or_changed_is_told(tmp_path, rows, kind, wanted):
    extra = ("relevant", "parameters", "constraint", "default", "choice_filter")
    made = form(tmp_path, [*rows, ["integer", "z", "Last?"]], *extra, choices=[*ABC, *MANY])
    assert [line for line in lines(made, kind) if line.startswith(wanted)], made.report.lines
    assert made.written is not None


def test_a_condition_that_cannot_be_kept_is_beside_its_question(tmp_path):
    text = body(form(tmp_path, [["integer", "q", "Q?", "today() > 1"]], "relevant"))
    assert text.startswith("  # Asked if: today() > 1\n  - id: q\n")


def test_text_can_be_left_out(tmp_path):
    made = form(tmp_path, [["text", "t", "T?"], ["integer", "q", "Q?", "${t} != ''"]], "relevant", text="drop")
    assert "id: t" not in body(made)
    assert lines(made, "lost") == [
        "survey!A2: free text cannot be keyed in; left out",
        "survey!D3: relevant \"${t} != ''\": t is not asked by phone; asked of everybody",
    ]


SECTIONS = [
    ["begin group", "home", "Your home"],
    ["integer", "rooms", "Rooms?"],
    ["begin group", "garden", "Garden", "${rooms} > 2"],
    ["integer", "trees", "Trees?", "${rooms} < 9"],
    ["end group"],
    ["begin repeat", "child", "Child", "${rooms} > 1", "2"],
    ["integer", "age", "Age?"],
    ["integer", "school", "School?", "${age} > 5"],
    ["end repeat"],
    ["integer", "doors", "Doors?"],
    ["end group"],
    ["integer", "after", "After?"],
]


def test_groups_become_sections_that_do_not_nest(tmp_path):
    made = form(tmp_path, SECTIONS, "relevant", "repeat_count")
    kept = [line.strip() for line in body(made).splitlines()]
    kept = [line for line in kept if line.split(":")[0] in ("- section", "when", "- id", "loop", "title", "- say")]
    assert kept == [
        "- section: home",
        'title: "Your home"',
        "- id: rooms",
        "- id: trees",
        'when: "rooms > 2 and rooms < 9"',
        "- section: child",
        "title: Child",
        'when: "rooms > 1"',
        "loop: {over: child_items, as: child_item}",
        "- say:",
        "- id: age",
        "- id: school",
        'when: "age > 5"',
        "- section: home_2",
        'title: "Your home"',
        "- id: doors",
        "- id: after",
    ]
    assert 'n2: {en: "2"}' in made.written.text or 'n2:\n      en: "2"' in made.written.text


def test_conditions_that_are_together_too_long_are_told(tmp_path):
    long = " or ".join(f"${{n}} = {n}" for n in range(40, 70))
    rows = [
        ["integer", "n", "N?"],
        ["begin group", "g", "G", long],
        ["begin group", "h", "H", long.replace("= ", "= 1")],
        ["integer", "q", "Q?", long.replace("= ", "= 2")],
    ]
    made = form(tmp_path, [*rows, ["end group"], ["end group"]], "relevant")
    assert lines(made, "lost")[0].startswith("survey!A5: the conditions of its groups are together too long")
    assert "# Asked if: (n == 140 or " in body(made)


REPEATS = [
    ("3", "n3", ""),
    ("${n}", "n4", "n >= 4"),
    ("count-selected(${used})", "b:", "child_item in used"),
]


@pytest.mark.parametrize(("count", "item", "condition"), REPEATS)
def test_repeats_with_a_count_are_loops(tmp_path, count, item, condition):
    rows = [
        ["integer", "n", "N?", "", ". >= 1 and . <= 4"],
        ["select_multiple abc", "used", "U?"],
        ["begin repeat", "child", "Child", count],
        ["integer", "age", "Age?"],
        ["end repeat"],
    ]
    text = form(tmp_path, rows, "repeat_count", "constraint", choices=ABC).written.text
    assert item in text
    assert condition in text


LANGUAGES = [
    ("English", "en"),
    ("English (en)", "en"),
    ("中文 (zh)", "zh"),
    ("Chinese", "zh"),
    ("Français", "fr"),
    ("pt-BR", "pt-BR"),
    ("Portuguese (pt_BR)", "pt-BR"),
    ("EN", "en"),
    ("Klingon", ""),
    ("eng", ""),
    ("", ""),
]


@pytest.mark.parametrize(("name", "code"), LANGUAGES)
def test_language(name, code):
    assert tongues.code(name) == code


TWO = [
    ["type", "name", *LABELS, "relevant"],
    ["integer", "q", "Age?", "您多大？"],
    ["select_one yn", "r", "Well?", "好吗？"],
]
TWO_CHOICES = [["list_name", "name", *LABELS], ["yn", "yes", "Yes", "是"], ["yn", "no", "No", "否"]]


def two(tmp_path, **options):
    return import_form(
        workbook(tmp_path / "two.xlsx", TWO, TWO_CHOICES, [["default_language"], ["中文 (zh)"]]), **options
    )


def test_two_languages_and_the_default_comes_first(tmp_path):
    text = two(tmp_path).written.text
    assert "languages: [zh, en]" in text
    assert "好吗？是请按1。否请按2。" in text
    assert "Well? For Yes, press 1. For No, press 2." in text


def test_only_the_languages_that_are_wanted(tmp_path):
    text = two(tmp_path, languages=("en",)).written.text
    assert "languages: [en]" in text
    assert "您" not in text


def test_a_language_that_the_form_does_not_have(tmp_path):
    assert lines(two(tmp_path, languages=("en", "fr")), "error") == ["survey!A1: the form has no label::... (fr)"]


def test_a_label_that_is_missing_in_one_language(tmp_path):
    rows = [*TWO, ["integer", "s", "Only English?"]]
    made = import_form(workbook(tmp_path / "f.xlsx", rows, TWO_CHOICES))
    assert lines(made, "error") == ["survey!D4: label is missing in zh"]


def test_a_language_nobody_knows(tmp_path):
    rows = [["type", "name", "label::English", "label::Klingon"], ["integer", "q", "Q?", "Q"]]
    path = workbook(tmp_path / "f.xlsx", rows)
    assert lines(import_form(path), "error")[0].startswith("survey!D1: no language is known by the name 'Klingon'")
    made = import_form(path, languages=("en",))
    assert made.report.ok
    assert lines(made, "lost")[0].startswith("survey!D1: ")


def test_other_languages_get_the_neutral_form(tmp_path):
    rows = [["type", "name", "label::Swahili"], ["select_one yn", "q", "Ndiyo?"]]
    choices = [["list_name", "name", "label::Swahili"], ["yn", "y", "Ndiyo"], ["yn", "n", "Hapana"]]
    assert 'sw: "Ndiyo? Ndiyo: 1. Hapana: 2."' in import_form(workbook(tmp_path / "f.xlsx", rows, choices)).written.text


def test_settings(tmp_path):
    rows = [["type", "name", "label"], ["integer", "q", "Q?"]]
    settings = [
        ["form_title", "form_id", "version", "default_language"],
        ["A <b>title</b>", "My Form-3", 20260101, "French (fr)"],
    ]
    made = import_form(workbook(tmp_path / "f.xlsx", rows, (), settings))
    assert made.name == "my_form_3"
    assert made.written.text.startswith(
        '# From f.xlsx by `ivr survey import`.\nsurvey: my_form_3\nversion: "20260101"\n'
        'title: "A title"\nlanguages: [fr]\n'
    )


def test_places_count_blank_rows_and_columns(tmp_path):
    rows = [[], ["", "type", "name", "label"], [], ["", "integer", "q", "Q?"], ["", "bad", "r", "R?"]]
    assert lines(import_form(workbook(tmp_path / "f.xlsx", rows)), "error") == ["survey!B5: no type 'bad'"]


def test_what_is_written_is_read_back(tmp_path):
    label = 'It\'s "odd": - # {x} \\ é 你 😀 & *all*'
    made = form(tmp_path, [["integer", "q", label], ["select_one abc", "r", "no"]], choices=ABC)
    path = tmp_path / "form.yaml"
    path.write_text(made.written.text, encoding="utf-8")
    source = load(path, "form.yaml")
    assert source.problems.found == []
    question = source.root.get("questions").items[0]
    assert question.get("label").get("en").value == 'It\'s "odd": - # x \\ é 你 😀 & all'


def test_no_workbook(tmp_path):
    bad = tmp_path / "bad.xlsx"
    for data in (b"", b"PK\x03\x04 not a zip", b"hello"):
        bad.write_bytes(data)
        assert len(lines(import_form(bad), "error")) == 1
    (tmp_path / "notes.txt").write_text("x")
    assert "is no workbook" in lines(import_form(tmp_path / "notes.txt"), "error")[0]
    empty = workbook(tmp_path / "empty.xlsx", (), [["list_name"]])
    assert "no sheet 'survey'" in lines(import_form(empty), "error")[0]


ODS = """<?xml version="1.0"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="survey">{rows}<table:table-row table:number-rows-repeated="{more}"><table:table-cell{last}/>"""
ODS += """</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"""


MANIFEST = """<?xml version="1.0"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"""


def ods(path, rows, more=1_048_000, last=""):
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    table = "".join(f"<table:table-row>{''.join(map(cell.format, row))}</table:table-row>" for row in rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", ODS.format(rows=table, more=more, last=last))
    return path


def test_open_document_is_read_too(tmp_path):
    rows = [["type", "name", "label"], ["integer", "q", "Q?"]]
    assert "id: q" in body(import_form(ods(tmp_path / "f.ods", rows)))
    last = ' office:value-type="float" office:value="1"'
    far = import_form(ods(tmp_path / "g.ods", rows, more=30_000, last=last))
    assert "has cells beyond" in lines(far, "error")[0]


def test_a_cell_far_out_does_not_fill_the_memory(tmp_path):
    rows = [["type", "name", "label"], ["integer", "q", "Q?"]]
    path = workbook(tmp_path / "f.xlsx", rows)
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("survey")
    sheet.write(1_048_575, 16_383, "far")
    book.close()
    assert "lies beyond" in lines(import_form(path), "error")[0]


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_read_as_itself(name):
    written = f"{name} list" if name.startswith(("select", "rank")) else name
    assert read_type(written).type == name


def test_every_type_can_be_imported(tmp_path):
    rows = []
    for n, (name, told) in enumerate(TYPES.items()):
        if told.becomes in ("section", "loop"):
            continue
        listed = f"{name} abc" if name.startswith(("select", "rank")) else name
        rows.append([listed, f"q{n}", f"Question {n}?", "1 + 1" if name == "calculate" else ""])
    made = form(tmp_path, rows, "calculation", choices=ABC)
    assert lines(made, "error") == []
    lost = {name for name, told in TYPES.items() if told.becomes == "lost"}
    assert {line.message.split(":")[0] for line in made.report.lines if line.kind == "lost"} == lost


PAGE = Path(__file__).resolve().parents[2] / "docs" / "xlsform.md"


def test_the_page_is_made_of_the_tables():
    """`make golden` writes it."""
    if os.environ.get("GOLDEN"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "type: make golden"


def test_every_good_form_of_these_tests_is_an_xlsform(tmp_path):
    """pyxform, which makes the XForms that field apps run, takes them too."""
    from pyxform.xls2xform import convert

    for n, (row, extra, _) in enumerate(TYPE_ROWS):
        if row[0] in ("select one from abc",):
            continue
        survey = [["type", "name", "label::English (en)", *extra], row]
        listed = [["list_name", "name", "label::English (en)"], *ABC, *YES_NO, *MANY, *TEN, *MISSING]
        path = workbook(tmp_path / f"f{n}.xlsx", survey, listed)
        assert convert(str(path), validate=False).xform.startswith("<?xml"), row
    survey = [["type", "name", "label::English (en)", "relevant", "repeat_count"], *SECTIONS]
    assert "<repeat " in convert(str(workbook(tmp_path / "s.xlsx", survey)), validate=False).xform
