"""`ivr survey`: import, codebook and bank, as they are typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from formtools import ABC, YES_NO, workbook

from ivr.authoring import bankbook
from ivr.cli.main import main
from ivr.lang.check import check_file
from ivr.lang.project import Project
from ivr.survey.bank import read_bank

HEADS = ["type", "name", "label::English (en)"]
GOOD = [HEADS, ["integer", "age", "How old are you?"], ["geopoint", "place", "Where?"]]
BAD = [HEADS, ["integer", "age", ""], ["odd", "x", "X?"]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "callweave.yaml").write_text("{}\n")
    (tmp_path / "prompts").mkdir()
    return tmp_path


def run(*args: str):
    return CliRunner().invoke(main, ["survey", *args], catch_exceptions=False)


def test_import(folder):
    workbook(folder / "Visit 1.xlsx", GOOD)
    done = run("import", "Visit 1.xlsx", "--report", "report.csv")
    assert done.exit_code == 0, done.output
    assert "surveys/visit_1.yaml: 1 questions of 2 rows; 1 lost, 0 changed." in done.output
    assert "survey!A3" in done.output
    assert "id: age" in (folder / "surveys" / "visit_1.yaml").read_text()
    assert CliRunner().invoke(main, ["check", "surveys/visit_1.yaml"]).exit_code == 0
    lines = list(csv.reader((folder / "report.csv").open()))
    assert lines[0] == ["where", "kind", "question", "what"]
    assert ["survey!A3", "lost", "place", "geopoint: a phone line knows no place"] in lines


def test_a_bad_form_writes_nothing(folder):
    workbook(folder / "f.xlsx", BAD)
    done = run("import", "f.xlsx")
    assert done.exit_code == 1
    assert "survey!C2" in done.output
    assert "survey!A3" in done.output
    assert "Nothing is written: 2 to mend in f.xlsx." in done.output
    assert not list((folder / "surveys").glob("*")) if (folder / "surveys").exists() else True


def test_what_is_there_stays(folder):
    workbook(folder / "f.xlsx", GOOD)
    (folder / "mine.yaml").write_text("mine")
    refused = run("import", "f.xlsx", "--out", "mine.yaml")
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert (folder / "mine.yaml").read_text() == "mine"
    assert run("import", "f.xlsx", "--out", "mine.yaml", "--force").exit_code == 0
    assert (folder / "mine.yaml").read_text().startswith("# From f.xlsx")
    workbook(folder / "f.xlsx", BAD)
    assert run("import", "f.xlsx", "--out", "mine.yaml", "--force").exit_code == 1
    assert (folder / "mine.yaml").read_text().startswith("# From f.xlsx")


USAGE = [
    (["import", "no.xlsx"], "does not exist"),
    (["import", "f.xlsx", "--name", "1st"], "is no name"),
    (["import", "f.xlsx", "--languages", "English"], "is no language"),
    (["codebook", "nothing"], "there is no questionnaire surveys/nothing.yaml"),
    (["codebook", "no-name"], "is no questionnaire's name"),
]


@pytest.mark.parametrize(("args", "words"), USAGE)
def test_a_wrong_question_is_exit_status_2(folder, args, words):
    workbook(folder / "f.xlsx", GOOD)
    done = run(*args)
    assert done.exit_code == 2
    assert words in done.output


def test_the_terminal_is_safe_from_cells(folder):
    workbook(folder / "f.xlsx", [HEADS, ["integer", "age", "A?"], ["\x1b[31mred", "x", "[bold]X?"]])
    done = run("import", "f.xlsx")
    assert "\x1b" not in done.output
    assert "[31mred" in done.output


def test_options_reach_the_form(folder):
    rows = [["type", "name", "label::English (en)", "label::中文 (zh)"], ["select_one abc", "q", "Fruit?", "水果？"]]
    rows += [["text", "why", "Why?", "为什么？"]]
    listed = [["list_name", "name", "label::English (en)", "label::中文 (zh)"]]
    listed += [[*row, f"{row[2]}（中）"] for row in ABC]
    workbook(folder / "f.xlsx", rows, listed)
    done = run("import", "f.xlsx", "--name", "fruit", "--languages", "zh", "--text", "drop")
    assert done.exit_code == 0, done.output
    text = (folder / "surveys" / "fruit.yaml").read_text()
    assert "languages: [zh]" in text
    assert "Fruit" not in text
    assert "id: why" not in text


SURVEY = """survey: visit
languages: [en, zh]
questions:
  - id: overall
    csat: {en: "How satisfied?", zh: "满意吗？"}
    refuse: "*"
  - id: why
    choice: {en: "Why?", zh: "为什么？"}
    options: {1: {value: late, say: {en: "too late", zh: "迟到"}}, 2: {value: price, say: {en: "price", zh: "价格"}}}
    when: overall <= 2
"""


@pytest.fixture
def visit(folder):
    (folder / "surveys").mkdir()
    (folder / "surveys" / "visit.yaml").write_text(SURVEY, encoding="utf-8")
    return folder


CODEBOOKS = [
    ("csv", "visit,,overall,scale,csat"),
    ("html", "<title>visit: codebook</title>"),
    ("ddi", '<catgry missing="Y" missType="refused">'),
]


@pytest.mark.parametrize(("form", "words"), CODEBOOKS)
def test_codebook(visit, form, words):
    assert words in run("codebook", "visit", "--format", form).output
    done = run("codebook", "surveys/visit.yaml", "--format", form, "--out", "book")
    assert done.output == "book: 2 variables.\n"
    assert words in (visit / "book").read_text(encoding="utf-8")


def test_a_codebook_of_a_questionnaire_with_mistakes(visit):
    (visit / "surveys" / "bad.yaml").write_text("survey: bad\n")
    done = run("codebook", "bad")
    assert done.exit_code == 1
    assert "ivr check surveys/bad.yaml" in done.output
    assert run("codebook", "visit", "--language", "fr").exit_code == 2


BANK = """bank: mood
title: How it went
source: Nobody
tags: [feeling]
languages: [en, zh]
versions:
  - {version: 1, scale: {en: "Old words?", zh: "旧？"}, range: 1..3}
  - {version: 2, nps: {en: "New words?", zh: "新？"}, label: Mood, direction: up}
"""


@pytest.fixture
def banked(visit):
    (visit / "surveys" / "bank").mkdir()
    (visit / "surveys" / "bank" / "mood.yaml").write_text(BANK, encoding="utf-8")
    return visit


@pytest.mark.parametrize("words", [["moo"], ["WENT"], ["feeling", "how"], ["旧"], ["nps"], ["new", "old"], []])
def test_bank_is_searched_by_words(banked, words):
    done = run("bank", *words)
    assert done.exit_code == 0
    assert [cell for cell in ("mood", "How it went", "nps", "0..10", "1, 2", "Nobody") if cell not in done.output] == []


def test_bank_without_a_hit(banked):
    done = run("bank", "mood", "nothing")
    assert (done.exit_code, done.output) == (1, "No question has these words; 1 stand in surveys/bank.\n")


def test_one_question_of_the_bank(banked):
    said = run("bank", "mood").output
    wanted = ("version 1 (mood@1): scale, 1..3", "version 2 (mood@2): nps, 0..10", "旧？", "direction: ", "use: mood")
    assert [part for part in wanted if part not in said] == []


def test_bank_as_json(banked):
    (found,) = json.loads(run("bank", "feeling", "--format", "json").output)
    assert [version["range"] for version in found["versions"]] == ["1..3", "0..10"]
    assert [version["measure"] for version in found["versions"]] == ["", "nps"]
    assert found["versions"][1]["label"] == {"en": "Mood", "zh": "Mood"}


def test_a_bank_with_a_mistake_still_shows_the_rest(banked):
    (banked / "surveys" / "bank" / "odd.yaml").write_text("bank: [", encoding="utf-8")
    done = run("bank", "mood")
    assert "The bank has mistakes; see: ivr check surveys/bank" in done.output
    assert "mood@2" in done.output


CALLS = """- call: a household of two
  script:
    - hears: "How many people"
    - press: "2#"
    - hears: "Do you have a garden"
    - press: 1
    - hears: "Person: 1"
    - hears: "How old"
    - press: "34#"
    - hears: "Person: 2"
    - hears: "How old"
    - press: "7#"
    - hears: "people and Yes"
  ends: {by: flow}
  saves: {people: 2, garden: "yes", age_n1: 34, age_n2: 7}
"""


def test_an_imported_form_takes_a_call(folder):
    rows = [
        ["type", "name", "label::English (en)", "relevant", "constraint", "repeat_count"],
        ["integer", "people", "How many people live here?", "", ". >= 1 and . <= 3"],
        ["select_one yn", "garden", "Do you have a garden?"],
        ["begin repeat", "person", "Person", "", "", "${people}"],
        ["integer", "age", "How old?", "", ". <= 120"],
        ["end repeat"],
        ["note", "bye", "You said ${people} people and ${garden}."],
    ]
    listed = [["list_name", "name", "label::English (en)"], *YES_NO]
    workbook(folder / "home.xlsx", rows, listed)
    done = run("import", "home.xlsx")
    assert done.exit_code == 0, done.output
    (folder / "surveys" / "home.calls.yaml").write_text(CALLS, encoding="utf-8")
    tested = CliRunner().invoke(main, ["test", "surveys/home.calls.yaml"])
    assert tested.exit_code == 0, tested.output


BANK_FILES = sorted((Path(__file__).resolve().parents[2] / "surveys" / "bank").glob("*.yaml"))


@pytest.mark.parametrize("path", BANK_FILES, ids=lambda path: path.stem)
def test_the_bank_that_is_shipped(path):
    assert check_file(path).problems == ()
    project = Project.find(path)
    question = next(q for q in bankbook.questions(read_bank([project.load(path)])))
    assert question.source
    assert question.title
    assert set(question.languages) >= {"en", "zh"}
    for wording in question.versions:
        assert set(wording.text) == set(wording.label) == {"en", "zh"}
        if wording.kind != "voice" and wording == question.versions[-1]:
            assert wording.values
            assert all(set(words) == {"en", "zh"} for _, _, words in wording.values)
