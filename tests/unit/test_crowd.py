"""Made-up callers: the same seed makes the same rows, all that can happen happens, and real calls are left alone."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.main import main
from ivr.core.program import Program
from ivr.hosts import crowd
from ivr.lang.check import check_file
from ivr.store.engine import make_engine
from ivr.store.rows import COLUMNS, Prepared, prepare
from ivr.store.upgrade import upgrade
from ivr.store.write import Database

ROOT = Path(__file__).resolve().parents[2]
FIRST = date(2026, 3, 2)
EVERY_KIND = """
survey: all
languages: [en]
refuse: "*"
questions:
  - {id: sat, csat: {en: "1 to 5"}, direction: down}
  - {id: nps, nps: {en: "0 to 10"}}
  - {id: yes, yes_no: {en: "yes?"}}
  - {id: num, number: {en: "how many"}, range: 0..30, confirm: {en: "{{ num | number }}?"}}
  - {id: sum, amount: {en: "how much"}, range: 0..99}
  - {id: day, date: {en: "when"}, format: dmy, range: 2026-01-01..2026-02-28}
  - {id: ref, code: {en: "reference"}, digits: {length: 6}}
  - {id: many, multiple: {en: "which"}, options: {1: a, 2: b, 3: c}, choose: 1..2}
  - {id: rank, ranking: {en: "rank"}, options: {1: a, 2: b, 3: c}, choose: 2}
  - {id: msg, voice: {en: "speak"}}
"""


def program(path: Path) -> Program:
    found = check_file(path)
    assert found.program is not None, found.problems
    return found.program


def rows_of(made: Program, count: int, seed: int) -> list[Prepared]:
    return [row for call in crowd.calls(made, count, seed, FIRST) for row in call]


def column(rows: list[Prepared], table: str, name: str) -> list[object]:
    at = COLUMNS[table].index(name)
    return [values[at] for found, values in rows if found == table]


def test_the_same_seed_makes_the_same_calls() -> None:
    service = program(ROOT / "surveys" / "service.yaml")
    assert rows_of(service, 40, 1) == rows_of(service, 40, 1)
    assert rows_of(service, 40, 1) != rows_of(service, 40, 2)


def test_everything_that_can_happen_happens() -> None:
    rows = rows_of(program(ROOT / "surveys" / "service.yaml"), 400, 1)
    assert set(column(rows, "attempt", "outcome")) == {"digits", "noinput", "nomatch", "hangup"}
    assert set(column(rows, "survey_run", "status")) >= {"complete", "partial", "refused"}
    assert set(column(rows, "answer", "missing")) == {None, "refused"}
    assert set(column(rows, "survey_run", "agent")) - {None} == set(crowd.AGENTS)
    assert Counter(column(rows, "call", "ended_by"))["caller"] > 20
    times = sorted(str(at) for at in column(rows, "survey_run", "at"))
    assert times[0] >= "2026-03-02"
    assert times[-1] < "2026-06-01"


def test_every_kind_of_question_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(EVERY_KIND, encoding="utf-8")
    rows = rows_of(program(path), 120, 3)
    answered = Counter(
        question
        for question, value in zip(column(rows, "answer", "question"), column(rows, "answer", "value"), strict=True)
        if value is not None
    )
    assert min(answered[name] for name in ("sat", "nps", "yes", "num", "sum", "day", "ref", "many", "rank", "msg")) > 30


@pytest.mark.parametrize("name", ["service", "aftercare", "csat"])
def test_the_questionnaires_of_the_repository_can_be_answered(name: str) -> None:
    rows = rows_of(program(ROOT / "surveys" / f"{name}.yaml"), 60, 5)
    assert Counter(column(rows, "survey_run", "status"))["complete"] > 20


def test_two_seeds_and_two_questionnaires_fill_one_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/example.db"
    for name, seed in (("csat", "1"), ("csat", "1"), ("csat", "2"), ("aftercare", "1")):
        words = ["--questionnaire", str(ROOT / "surveys" / f"{name}.yaml"), "--calls", "5", "--seed", seed, "--db", url]
        result = CliRunner().invoke(main, ["results", "example", *words])
        assert result.exit_code == 0, result.output
    with make_engine(url).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM call").scalar() == 15
        found = connection.exec_driver_sql("SELECT survey, count(*) FROM survey_run GROUP BY survey ORDER BY survey")
        assert found.all() == [("aftercare", 5), ("csat", 10)]


def test_a_database_with_real_calls_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/real.db"
    upgrade(url)
    Database(make_engine(url)).write([prepare("call", {"call_id": "real", "flow": "hotline"})])
    words = ["results", "example", "--questionnaire", str(ROOT / "surveys" / "csat.yaml"), "--calls", "3", "--db", url]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, "has real calls" in result.output) == (2, True), result.output
