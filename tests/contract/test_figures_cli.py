"""`ivr results figures` and its kin, and `ivr report`, as they are typed; over surveytools.RUNS."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from surveytools import fill

from ivr.cli import showing
from ivr.cli.main import main
from ivr.store.upgrade import upgrade


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = f"sqlite:///{tmp_path_factory.mktemp('figures')}/callweave.db"
    upgrade(found)
    fill(found)
    return found


def ivr(url: str, *words: str) -> Result:
    return CliRunner(env={"CALLWEAVE_DB": url, "COLUMNS": "200"}).invoke(main, list(words))


def table(url: str, *words: str) -> list[dict[str, str]]:
    result = ivr(url, "results", *words, "--format", "csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.output)))


def test_figures_have_one_row_for_each_number(url: str) -> None:
    rows = {(r["question"], r["figure"], r["value"]): r for r in table(url, "figures", "aftercare")}
    csat = rows["overall", "CSAT", ""]
    assert (csat["kind"], csat["estimate"], csat["n"], csat["effective n"]) == ("csat", "0.666667", "9", "9.0")
    assert (csat["low"][:6], csat["high"][:6]) == ("0.3542", "0.8794")  # Wilson's of 6 in 9
    assert rows["region", "share", "north"]["label"] == "North"
    assert rows["overall", "not_answered", ""]["count"] == "1"
    assert rows["best", "mean rank", "speed"]["estimate"] == "1.333333"


def test_days_are_those_of_the_views(url: str, tmp_path: Path) -> None:
    """Figures and views of one database count in the same days, unless somebody asks for others."""
    far = f"sqlite:///{tmp_path}/far.db"
    upgrade(far, zone="Pacific/Kiritimati")  # 14 hours before UTC
    fill(far)
    words = ["trend", "aftercare", "overall", "--by", "day"]
    utc, local = table(url, *words), table(far, *words)
    assert local == table(url, *words, "--zone", "Pacific/Kiritimati")
    assert utc == table(far, *words, "--zone", "UTC") != local
    result = ivr(far, "report", "aftercare", "--out", str(tmp_path / "report.html"))
    assert result.exit_code == 0, result.output
    assert "Days and weeks are those of Pacific/Kiritimati." in (tmp_path / "report.html").read_text("utf-8")


def test_figures_by_group_and_condition(url: str) -> None:
    words = ["figures", "aftercare", "--by", "agent,region", "--where", "overall >= 3", "--question", "overall"]
    rows = [r for r in table(url, *words) if r["figure"] == "CSAT"]
    assert [(r["agent"], r["region"], r["estimate"]) for r in rows] == [
        ("ann", "north", "0.666667"),
        ("ann", "south", "1.0"),
        ("bob", "north", "1.0"),
        ("bob", "", "1.0"),
        ("", "", "1.0"),
    ]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["figures", "aftercare"], ["13 runs, 7 questions", "CSAT 66.7% (35.4-87.9%)", "1 refused, 1 no answer"]),
        (["figures", "aftercare", "--language", "zh"], ["您满意吗？"]),
        (["figures", "aftercare", "--by", "agent"], ["ann", "75.0%", "bob", "50.0%"]),
        (["figures", "spring"], ["3 runs"]),
        (["figures", "aftercare", "--launch", "spring"], ["3 runs"]),
        (["figures", "aftercare", "--status", "complete"], ["7 runs"]),
        (
            ["crosstab", "aftercare", "region", "agent"],
            ["North", "75.0%", "Too few answers for letters", "Fisher's exact p"],
        ),
        (["crosstab", "aftercare", "said", "used"], ["No run has a value of both said and used."]),
        (["trend", "aftercare", "overall"], ["2026-W19", "100.0%", "-50.0 pp", "0.134"]),
        (["trend", "aftercare", "region", "--value", "south"], ["south", "33.3%"]),
        (["funnel", "aftercare"], ["7 complete, 3 partial", "17.6%"]),
        (["rates", "aftercare"], ["72.7%", "no eligible respondent", "1 that a later call goes on with"]),
    ],
)
def test_tables_for_people(url: str, words: list[str], shown: list[str]) -> None:
    result = ivr(url, "results", *words)
    assert result.exit_code == 0, result.output
    assert [text for text in shown if text not in result.output] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["figures", "aftercar"], 1, 'did you mean "aftercare"?'),
        (["figures", "aftercare", "--where", "agnet == 'ann'"], 1, 'did you mean "agent"?'),
        (["figures", "aftercare", "--where", "agent = 'ann'"], 2, "== compares"),
        (["figures", "aftercare", "--by", "agents"], 1, 'did you mean "agent"?'),
        (["figures", "aftercare", "--status", "done"], 2, "is no status of a run"),
        (["figures", "aftercare", "--zone", "Mars/Base"], 2, "is no time zone"),
        (["figures", "aftercare", "--question", "overal"], 1, 'did you mean "overall"?'),
        (["crosstab", "aftercare", "region", "region"], 1, "give two names"),
        (["trend", "aftercare", "region", "--value", "west"], 1, "there are: north, south"),
        (["trend", "aftercare", "overall", "--value", "5"], 1, "for questions with options"),
        (["figures", "aftercare", "--launch", "sprung"], 1, 'did you mean "spring"?'),
    ],
)
def test_mistakes_say_what_was_meant(url: str, words: list[str], code: int, said: str) -> None:
    result = ivr(url, "results", *words)
    assert (result.exit_code, said in result.output) == (code, True), result.output


WEIGHTS = [
    ("variables: {region: {north: 0.25, south: 0.75}}\n", 0, "Weighted by region: converged"),
    ("variables: {region: {north: 0.25, south: 0.7}}\n", 1, "sum to 0.95"),
    ("variables: {region: {north: 0.25, south: 0.75}}\ntrim: 3\n", 1, "trim is the least and the greatest"),
    ("variables: {regoin: {north: 1}}\n", 1, 'did you mean "region"?'),
    ("variables: {used: {web: 1}}\n", 1, "used is a multiple"),
    ("variables: {region: north}\n", 1, "needs a share for each category"),
    ("variable: {}\n", 1, "has no `variables`"),
    ("variables: {region: {north: 1}}\nseed: 1\n", 1, "'seed' is no key"),
    ("variables: {region: {north: 0.25, south: 0.75}}\nmissing: error\n", 1, "region is missing for some"),
    ("- [", 1, "is no YAML"),
]


@pytest.mark.parametrize(("text", "code", "said"), WEIGHTS)
def test_files_of_weights(url: str, tmp_path: Path, text: str, code: int, said: str) -> None:
    path = tmp_path / "weights.yaml"
    path.write_text(text, encoding="utf-8")
    result = ivr(url, "results", "figures", "aftercare", "--weights", str(path))
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_rates_as_json_have_their_counts(url: str) -> None:
    found: dict[str, Any] = json.loads(ivr(url, "results", "rates", "aftercare", "--format", "json").output)
    assert found["dispositions"] == {"1.1": 8, "2.11": 1, "2.12": 2, "4.70": 1, "4.80": 1}
    assert found["groups"]["I"] == 8
    strict = ivr(url, "results", "rates", "aftercare", "--format", "json", "--complete-above", "1").output
    assert json.loads(strict)["dispositions"] == {"1.1": 7, "1.2": 1, "2.11": 1, "2.12": 2, "4.70": 1, "4.80": 1}


def test_a_report_is_written_whole(url: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    where = "agent == 'ann'"
    result = ivr(url, "report", "aftercare", "--out", str(out), "--title", "Ann <3", "--where", where)
    assert result.exit_code == 0, result.output
    text = out.read_text(encoding="utf-8")
    assert '<h1><bdi lang="en">Ann &lt;3</bdi></h1>' in text
    assert "agent == &#39;ann&#39;" in text
    assert list(tmp_path.iterdir()) == [out]
    refused = ivr(url, "report", "aftercare", "--out", str(tmp_path / "no" / "report.html"))
    assert (refused.exit_code, "cannot be written" in refused.output) == (1, True)
    assert "it is in en, zh" in ivr(url, "report", "aftercare", "--out", str(out), "--language", "fr").output


@pytest.mark.parametrize(
    ("values", "shown"),
    [([1.0, 2.0, 3.0], "▁▅█"), ([2.0, None, 2.0], "▄ ▄"), ([None, None], ""), ([], "")],
)
def test_sparks(values: list[float | None], shown: str) -> None:
    assert "".join(showing.spark(values)) == shown
