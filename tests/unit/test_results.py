"""`ivr results` and `ivr db`: figures as plain functions, and what is printed, over a small known set of calls."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.cli.main import main
from ivr.results.cells import safe_cell
from ivr.results.figures import bar, question_figures, survey_figures
from ivr.results.queries import Count
from ivr.store.recorder import Recorder
from ivr.store.upgrade import upgrade

T0 = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def rows() -> list[tuple[str, dict[str, Any]]]:
    """Three calls: complete, with silence and a wrong key; hung up in the second question; a live one with a PIN."""
    kept: list[tuple[str, dict[str, Any]]] = []

    def call(call_id: str, start: float, **more: Any) -> None:
        kept.append(
            ("call", {"call_id": call_id, "flow": "hotline", "language": "en", "started_at": at(start), **more})
        )

    def attempt(call_id: str, question: str, n: int, outcome: str, keys: str | None, end: float, **more: Any) -> None:
        row = {"call_id": call_id, "question": question, "occurrence": 1, "attempt": n, "outcome": outcome}
        row |= {"keys": keys, "key_count": len(keys or ""), "ended_at": at(end), "survey": "csat", **more}
        kept.append(("attempt", row))

    def answer(call_id: str, question: str, value: Any, end: float, survey: str = "csat") -> None:
        row = {"call_id": call_id, "question": question, "occurrence": 1, "survey": survey, "value": value}
        kept.append(("answer", row | {"keys": None if value is None else str(value), "at": at(end)}))

    def run(call_id: str, status: str, end: float, **more: Any) -> None:
        row = {"call_id": call_id, "survey": "csat", "occurrence": 1, "status": status, "at": at(end), **more}
        kept.append(("run", row))

    call("aaaa-1", 0, caller="13800138000", ended_at=at(60), ended_by="flow", end_node="bye", cause="NORMAL_CLEARING")
    run("aaaa-1", "begun", 1)
    attempt("aaaa-1", "overall", 1, "noinput", "", 8, timer="first")
    attempt("aaaa-1", "overall", 2, "nomatch", "9", 15)
    attempt("aaaa-1", "overall", 3, "digits", "5", 20)
    answer("aaaa-1", "overall", 5, 20)
    attempt("aaaa-1", "reason", 1, "digits", "1", 30)
    answer("aaaa-1", "reason", "=price", 30)
    run("aaaa-1", "complete", 31, answered=2, asked=2)
    call("bbbb-2", 100, caller="+441632960001", ended_at=at(130), ended_by="caller", end_node="rate.reason")
    run("bbbb-2", "begun", 101)
    attempt("bbbb-2", "overall", 1, "digits", "2", 110)
    answer("bbbb-2", "overall", 2, 110)
    attempt("bbbb-2", "reason", 1, "hangup", "", 130)
    call("cccc-3", 200, caller="110")
    attempt("cccc-3", "pin", 1, "digits", None, 210, key_count=4, survey="")
    answer("cccc-3", "pin", None, 210, survey="")
    return kept


def stored(folder: Path, kept: Iterable[tuple[str, dict[str, Any]]]) -> str:
    url = f"sqlite:///{folder}/calls.db"
    upgrade(url)
    recorder = Recorder(url, folder / "spool")
    for table, row in kept:
        recorder.put(table, row)
    assert recorder.close()
    return url


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return stored(tmp_path_factory.mktemp("results"), rows())


def ivr(*arguments: str, db: str = "") -> Result:
    return CliRunner(env={"CALLWEAVE_DB": db or None, "TZ": "UTC"}).invoke(main, list(arguments))


def table(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.output)))


def test_figures_keep_silence_wrong_keys_and_hangups_apart(database: str) -> None:
    found = json.loads(ivr("results", "summary", "--format", "json", db=database).output)
    questions = {question["question"]: question for question in found["questions"]}
    overall, reason = questions["overall"], questions["reason"]
    assert (overall["silence"], overall["wrong"], overall["hangup"]) == (1, 1, 0)
    assert (reason["silence"], reason["wrong"], reason["hangup"]) == (0, 0, 1)
    assert overall["mean"] == 3.5
    assert [(v["value"], v["count"], v["share"]) for v in overall["values"]] == [("2", 1, 0.5), ("5", 1, 0.5)]
    assert reason["mean"] is None
    others = {"screened_out": 0, "quota_full": 0, "refused": 0}
    assert found["surveys"] == [
        {"survey": "csat", "begun": 2, "complete": 1, "partial": 1, "open": 0, "completion": 0.5, **others}
    ]


def test_summary_is_narrowed_by_survey_flow_and_time(database: str) -> None:
    def questions(*more: str) -> list[str]:
        return [row["question"] for row in table(ivr("results", "summary", "--format", "csv", *more, db=database))]

    assert questions("--survey", "csat") == ["overall", "overall", "reason"]
    assert questions("--flow", "hotline", "--since", "2026-11-22T10:03:00+00:00") == ["pin"]
    assert questions("--flow", "other") == []


def test_row_122_list_masks_callers_as_logs_do_unless_told(database: str) -> None:
    assert [row["caller"] for row in table(ivr("results", "list", "--format", "csv", db=database))] == [
        "***",
        "'+*********001",
        "********000",
    ]
    unmasked = table(ivr("results", "list", "--unmask", "--format", "csv", db=database))
    # A quote before the plus: a spreadsheet would take it for a formula.
    assert [row["caller"] for row in unmasked] == ["110", "'+441632960001", "13800138000"]


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's zone, in POSIX words: they need no tables of zones."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "more", "name", "clock", "last"),
    [
        ("UTC0", (), "UTC", "11-22 10:00", "10:01:00"),
        ("CST-8", (), "UTC+8", "11-22 18:00", "18:01:00"),
        ("CST6", (), "UTC-6", "11-22 04:00", "04:01:00"),
        ("IST-5:30", (), "UTC+5:30", "11-22 15:30", "15:31:00"),
        ("CST-8", ("--utc",), "UTC", "11-22 10:00", "10:01:00"),
    ],
    indirect=["zone"],
)
def test_tables_have_this_machines_times_and_say_so(
    database: str, zone: None, more: tuple[str, ...], name: str, clock: str, last: str
) -> None:
    listed = CliRunner().invoke(main, ["results", "list", "--db", database, *more]).output.splitlines()
    assert listed[0].split() == ["started"]
    assert f"({name})" in listed[1]
    assert [line for line in listed if line.startswith("aaaa") and clock in line]
    shown = CliRunner().invoke(main, ["results", "show", "aaaa", "--db", database, *more]).output.splitlines()
    assert f"time ({name})" in shown[2]
    assert shown[-1].startswith(last)
    assert "  2026-11-22, flow" in shown[1]
    found = table(CliRunner().invoke(main, ["results", "list", "--db", database, "--format", "csv", *more]))
    assert found[-1]["started"] == "2026-11-22T10:00:00.000+00:00"


@pytest.mark.parametrize("zone", ["CET-1CEST,M3.5.0,M10.5.0/3"], indirect=True)
def test_summer_time_names_both_zones(tmp_path: Path, zone: None) -> None:
    months = (("call", {"call_id": str(m), "started_at": datetime(2026, m, 1, 12, tzinfo=UTC)}) for m in (7, 11))
    listed = CliRunner().invoke(main, ["results", "list", "--db", stored(tmp_path, months)]).output.splitlines()
    assert "(UTC+2 / UTC+1)" in " ".join(line.strip() for line in listed[:2])
    assert ["11-01 13:00" in listed[-2], "07-01 14:00" in listed[-1]] == [True, True]


RUNS = [
    # statuses of each run, as they were stored; what --survey asks for; whether the call is over; what is told
    ((), "", True, ("", "")),
    ((("csat", "complete"),), "", True, ("csat", "complete")),
    ((("csat", "begun"),), "", True, ("csat", "partial")),
    ((("csat", "begun"),), "", False, ("csat", "begun")),
    ((("nps", "complete"), ("csat", "partial")), "", True, ("nps; csat", "complete; partial")),
    ((("nps", "complete"), ("csat", "partial")), "csat", True, ("csat", "partial")),
    ((("nps", "complete"), ("nps", "begun")), "", False, ("nps; nps", "complete; begun")),
]


@pytest.mark.parametrize(("runs", "survey", "over", "told"), RUNS)
def test_calls_tell_how_their_surveys_ended(
    tmp_path: Path, runs: tuple[tuple[str, str], ...], survey: str, over: bool, told: tuple[str, str]
) -> None:
    kept: list[tuple[str, dict[str, Any]]] = [
        ("call", {"call_id": "a", "started_at": at(0), "ended_at": at(60) if over else None})
    ]
    for n, (name, status) in enumerate(runs, 1):
        row = {"call_id": "a", "survey": name, "occurrence": n, "begun_at": at(n), "at": at(n), "status": status}
        kept.append(("run", row))
    url = stored(tmp_path, kept)
    (line,) = table(ivr("results", "list", "--format", "csv", "--survey", survey, db=url))
    assert (line["survey"], line["survey status"]) == told
    (record,) = json.loads(ivr("results", "list", "--format", "json", "--survey", survey, db=url).output)
    assert (record["survey"], record["survey_status"]) == told
    shown = ivr("results", "list", "--survey", survey, db=url).output
    assert all(status in shown for status in told[1].split("; "))


def test_show_is_the_call_in_order_of_time(database: str) -> None:
    shown = json.loads(ivr("results", "show", "aaaa", "--format", "json", db=database).output)
    assert [(m["what"], m["step"], m["keys"], m["answer"]) for m in shown] == [
        ("call began", "", "", "hotline"),
        ("survey begun", "csat", "", ""),
        ("silence (no key in time)", "overall", "", ""),
        ("wrong key", "overall", "9", ""),
        ("pressed", "overall", "5", ""),
        ("answer", "overall", "5", "5"),
        ("pressed", "reason", "1", ""),
        ("answer", "reason", "=price", "=price"),
        ("survey complete", "csat", "", "2 of 2 answered"),
        ("call ended by the flow", "bye", "", "NORMAL_CLEARING"),
    ]


def test_secrets_are_never_shown(database: str) -> None:
    shown = json.loads(ivr("results", "show", "cccc", "--unmask", "--format", "json", db=database).output)
    assert [(m["keys"], m["answer"]) for m in shown[1:]] == [("(secret)", ""), ("", "(secret)")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("results", "show", "zzzz"), "ivr results list"),
        (("results", "list", "--since", "yesterday"), "write 2026-11-22"),
        (("results", "list", "--flow", "other"), "ask again without"),
        (("results", "summary", "--survey", "other"), "ask again without"),
        (("db", "status"), "is ready, schema"),
        (("db", "upgrade"), "already"),
    ],
)
def test_what_is_said(database: str, arguments: tuple[str, ...], said: str) -> None:
    assert said in ivr(*arguments, db=database).output


def test_a_database_that_is_not_there_or_empty_says_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    for arguments in (["results", "list"], ["db", "status"]):
        result = ivr(*arguments, "--db", url)
        assert result.exit_code == 1
        assert "Type: ivr db upgrade" in result.output
        assert not (tmp_path / "new.db").exists()
    assert "tables created" in ivr("db", "upgrade", "--db", url).output
    assert "No calls in" in ivr("results", "list", "--db", url).output
    assert "No answers in" in ivr("results", "summary", "--db", url).output
    assert ivr("results", "list", "--db", "mysql://x/y").exit_code == 2
    away = ivr("db", "status", "--db", "postgresql://someone:secret@127.0.0.1:1/x")
    assert away.exit_code == 1
    assert "no database at" in away.output
    assert "secret" not in away.output


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+2", "@x", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", "\t1"])
def test_row_123_no_cell_is_a_formula(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "5", "-5", "-0.5", "price", "中文", 5, None, -3])
def test_row_123_other_cells_stay(cell: object) -> None:
    assert safe_cell(cell) == cell


def test_figures_of_counts() -> None:
    answers = [Count("s", "q", "10", 1, 10.0), Count("s", "q", "2", 3, 6.0), Count("", "menu", "yes", 1)]
    first, second = question_figures(answers, [Count("s", "q", "noinput", 2)])
    assert [value.value for value in first.values] == ["2", "10"]
    assert (first.mean, first.silence, second.question, second.mean) == (4.0, 2, "menu", None)
    assert survey_figures([Count("s", "", "begun", 2)])[0].completion is None


@pytest.mark.parametrize(("share", "drawn"), [(0, ""), (1, "████"), (0.5, "██"), (0.001, "▏"), (0.53125, "██▏")])
def test_bars(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_other_ends_are_begun_and_neither_complete_nor_partial() -> None:
    counts = {"complete": 3, "partial": 1, "screened_out": 2, "quota_full": 1, "refused": 4, "begun": 1, "resumed": 5}
    (found,) = survey_figures([Count("s", "", status, count) for status, count in counts.items()])
    assert (found.begun, found.completion, found.screened_out) == (12, 0.75, 2)
    assert (found.quota_full, found.refused, found.open) == (1, 4, 1)
