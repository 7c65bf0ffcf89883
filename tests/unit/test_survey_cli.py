"""`ivr survey`: import, codebook and bank, as they are typed."""

from __future__ import annotations

import csv

import pytest
from click.testing import CliRunner
from formtools import ABC, workbook

from ivr.cli.main import main

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
