"""A made-up year through every export and through the figures of a launch, on both databases, counted again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import polars
import pyreadstat
import pytest
from exporttools import export, rows
from frictionless import Package, Resource, Schema
from storetools import read

from ivr.results.export.selection import Selection
from ivr.results.figures import question_figures, survey_figures
from ivr.results.queries import Scope, answer_counts, outcome_counts, reading, run_counts
from ivr.store.engine import make_engine

SCHEMA = Path(__file__).with_name("flow-results-package.schema.json")
SURVEYS = ["aftercare", "service", "delivery", "staff", "annual"]
ANNUAL = Selection(survey="annual")


def counted(url: str, survey: str) -> tuple[set[str], Counter[str], Counter[str]]:
    """Calls of the survey's runs that count, and how often each question has a value, and has none."""
    calls = {r["call_id"] for r in read(url, "survey_run") if r["survey"] == survey and r["status"] != "resumed"}
    given = [a for a in read(url, "answer") if a["call_id"] in calls and a["survey"] == survey]
    return (
        calls,
        Counter(a["question"] for a in given if a["missing"] is None),
        Counter(a["question"] for a in given if a["missing"] is not None),
    )


@pytest.mark.parametrize("survey", SURVEYS)
def test_every_answer_is_in_every_table(year_database: str, tmp_path: Path, survey: str) -> None:
    calls, values, missing = counted(year_database, survey)
    assert len(calls) > 20
    meant = Selection(survey=survey)
    assert export(year_database, tmp_path / "long.csv", meant) == sum(values.values()) + sum(missing.values())
    frame = polars.read_csv(tmp_path / "long.csv", infer_schema=False)
    told = frame.filter(polars.col("missing").is_null()).group_by("question").len()
    assert dict(told.iter_rows()) == values
    assert export(year_database, tmp_path / "wide.parquet", meant, format="parquet", layout="wide") == len(calls)
    wide = polars.read_parquet(tmp_path / "wide.parquet")
    assert set(wide["call_id"]) == calls
    for question, count in values.items():
        column = next(n for n in (question, f"{question}__1", f"{question}__price") if n in wide.columns)
        assert wide[column].drop_nulls().len() == count, column
    for question, count in missing.items():
        assert wide[f"{question}__missing"].drop_nulls().len() == count, question


def test_all_surveys_are_each_of_them(year_database: str, tmp_path: Path) -> None:
    """Everything at once is read another way than one survey."""
    export(year_database, tmp_path / "all.jsonl", Selection(), format="jsonl")
    lines: list[str] = []
    for survey in SURVEYS:
        export(year_database, tmp_path / "one.jsonl", Selection(survey=survey), format="jsonl")
        lines += (tmp_path / "one.jsonl").read_text("utf-8").splitlines()
    assert sorted((tmp_path / "all.jsonl").read_text("utf-8").splitlines()) == sorted(lines)


def test_excel_and_spss_hold_the_same_runs(year_database: str, tmp_path: Path) -> None:
    for form, name in (("parquet", "a.parquet"), ("xlsx", "a.xlsx"), ("sav", "a.sav")):
        export(year_database, tmp_path / name, ANNUAL, format=form, layout="wide", language="en")
    typed = polars.read_parquet(tmp_path / "a.parquet")
    frame, _about = pyreadstat.read_sav(tmp_path / "a.sav", output_format="polars")
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True)["answers"]
    heads, *lines = sheet.iter_rows(values_only=True)
    at = heads.index("Would you recommend us?")
    assert typed["recommend"].to_list() == frame["recommend"].to_list() == [line[at] for line in lines]
    assert typed["wishes__price"].cast(polars.Float64).to_list() == frame["wishes__price"].to_list()
    seconds = [frame["begun_at"].dt.round("1ms"), typed["begun_at"].dt.replace_time_zone(None).dt.round("1ms")]
    assert seconds[0].to_list() == seconds[1].to_list()


@pytest.mark.parametrize("survey", SURVEYS)
def test_flow_results_package(year_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survey: str) -> None:
    calls, values, missing = counted(year_database, survey)
    count = export(year_database, tmp_path / "package", Selection(survey=survey), format="floip", language="en")
    assert count == sum(values.values()) + sum(missing.values())
    descriptor = json.loads((tmp_path / "package" / "datapackage.json").read_text("utf-8"))
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.validate(descriptor, schema)
    # frictionless looks a profile up as a file of that name, and holds the descriptor against it and its own rules.
    (tmp_path / "flow-results-package").write_text(SCHEMA.read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    report = Package.validate_descriptor(descriptor)
    assert report.valid, report.errors
    resource = descriptor["resources"][0]
    responses = json.loads((tmp_path / "package" / resource["path"]).read_text("utf-8"))
    assert len(responses) == count == len({str(row[1]) for row in responses})
    jsonschema.validate(responses, {"type": "array", "items": {"$ref": "#/definitions/row"}, **definitions(schema)})
    fields = Schema.from_descriptor({"fields": resource["schema"]["fields"]})
    heads = [field["name"] for field in resource["schema"]["fields"]]
    table = Resource(data=[heads, *responses[:500]], schema=fields).validate()
    assert table.valid, table.flatten(["rowNumber", "fieldName", "message"])[:3]
    for _at, _row, _contact, session, question, response, about in responses:
        assert session.split("/")[0] in calls
        fits(resource["schema"]["questions"][question], response, about)


def definitions(schema: dict[str, Any]) -> dict[str, Any]:
    return {"definitions": schema["definitions"]}


def fits(question: dict[str, Any], response: Any, about: dict[str, Any]) -> None:
    """What the specification says of the responses to each type of question."""
    if "missing" in about:
        assert response is None
    elif question["type"] == "select_one":
        assert response in question["type_options"]["choices"]
    elif question["type"] == "select_many":
        assert response
        assert set(response) <= set(question["type_options"]["choices"])
    elif question["type"] == "numeric":
        low, high = question["type_options"]["range"]
        assert low <= response <= high
    else:
        assert isinstance(response, str)


def test_the_package_keeps_its_id(year_database: str, tmp_path: Path) -> None:
    ids = []
    for name in ("one", "two"):
        export(year_database, tmp_path / name, ANNUAL, format="floip")
        ids.append(json.loads((tmp_path / name / "datapackage.json").read_text("utf-8"))["id"])
    assert ids[0] == ids[1]


def test_a_launch_of_many(year_database: str, tmp_path: Path) -> None:
    """Figures and export of one launch are those of its runs, counted one by one."""
    launch = max(Counter(run["launch"] for run in read(year_database, "survey_run")).items(), key=lambda n: n[1])[0]
    runs = [run for run in read(year_database, "survey_run") if run["launch"] == launch]
    calls = {run["call_id"] for run in runs}
    whole = {run["call_id"] for run in runs if run["status"] != "resumed"}
    given = [a for a in read(year_database, "answer") if a["call_id"] in whole]
    tried = [a for a in read(year_database, "attempt") if a["call_id"] in calls]
    with reading(make_engine(year_database)) as connection:
        scope = Scope(launch=launch)
        questions = question_figures(answer_counts(connection, scope), outcome_counts(connection, scope))
        surveys = survey_figures(run_counts(connection, scope))
    assert {q.question: q.answers for q in questions} == Counter(a["question"] for a in given)
    assert sum(q.silence for q in questions) == sum(a["outcome"] == "noinput" for a in tried) > 0
    assert sum(q.hangup for q in questions) == sum(a["outcome"] == "hangup" for a in tried) > 0
    assert [s.complete for s in surveys] == [sum(run["status"] == "complete" for run in runs)]
    assert export(year_database, tmp_path / "a.csv", Selection(launch=launch)) == len(given)
    assert {row["call_id"] for row in rows(tmp_path / "a.csv")} == {a["call_id"] for a in given}


def test_the_year_is_the_same_year_each_time_and_has_everything_in_it(year_database: str) -> None:
    """Each database takes the calls in its own order; what is in them is the same."""
    runs = read(year_database, "survey_run")
    ends = {"complete": 1201, "partial": 140, "refused": 43, "screened_out": 18, "resumed": 13, "quota_full": 3}
    assert Counter(run["status"] for run in runs) == ends
    assert {a["outcome"] for a in read(year_database, "attempt")} == {"digits", "noinput", "nomatch", "hangup"}
    assert {a["missing"] for a in read(year_database, "answer")} == {None, "refused", "dont_know"}
    assert {c["language"] for c in read(year_database, "call")} == {"zh", "en"}
    resumed = {run["resumed_from"] for run in runs if run["resumed_from"]}
    assert resumed == {run["call_id"] for run in runs if run["status"] == "resumed"}
    hours = Counter(call["started_at"].hour for call in read(year_database, "call"))
    assert sum(hours[h] for h in (1, 2, 3)) > 20 * sum(hours[h] for h in (16, 17, 18))
