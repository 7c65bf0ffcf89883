"""What a campaign came to: every attempt and every person counted once, on both databases, in figures, views, rows."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from campaigntools import ANNA, NOW, Field
from click.testing import CliRunner

from ivr.campaign.outcomes import OUTCOMES
from ivr.cli.main import main
from ivr.ops import campaigning
from ivr.results.outbound import live, persons, report
from ivr.results.outbound.attempts import GOING_ON
from ivr.results.queries import reading
from ivr.results.stats.aapor import Disposition

D = Disposition


@pytest.fixture
def field(tmp_path: Path, database: str) -> Field:
    found = Field(tmp_path, database)
    found.people(12)
    campaigning.create(found.config, found.engine, found.path, ANNA)
    campaigning.start(found.config, found.engine, "spring", ANNA)
    return found


def of_survey(field: Field) -> None:
    """As if it had asked a questionnaire."""
    with field.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE launch SET survey = 'visits' WHERE launch = 'spring-v1'")


def run_row(call: str, status: str, answered: int = 0, asked: int = 0, **more: Any) -> dict[str, Any]:
    row = {"call_id": call, "survey": "visits", "occurrence": 1, "status": status, "answered": answered}
    return {**row, "asked": asked, "begun_at": NOW, "at": NOW, "launch": "spring-v1", **more}


def call_row(call: str, ended_by: str | None = "flow") -> dict[str, Any]:
    ended = NOW + timedelta(minutes=1) if ended_by else None
    row = {"call_id": call, "flow": "quick", "started_at": NOW, "ended_at": ended, "ended_by": ended_by}
    return {**row, "status": "ended" if ended else "live"}


def stand(field: Field, contact: str, state: str, outcome: str | None, attempts: int = 1) -> None:
    told = f"'{outcome}'" if outcome else "NULL"
    with field.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE campaign_contact SET state = '{state}', outcome = {told}, attempts = {attempts}"
            f" WHERE contact_id = '{contact}'"
        )


def read(field: Field, zone: str = "Asia/Shanghai") -> report.Report:
    with reading(field.engine) as connection:
        return report.read(connection, "spring", zone)


def people(field: Field) -> persons.Persons:
    with reading(field.engine) as connection:
        return persons.read(connection, "spring")


PERSONS = [
    # outcomes of the attempts; runs of the last of them -> disposition
    ([], [], D.NOT_ATTEMPTED),
    (["not_attempted"], [], D.NOT_ATTEMPTED),
    (["no_answer", "busy"], [], D.ALWAYS_BUSY),
    (["no_answer"], [], D.NO_ANSWER),
    (["no_answer", "machine", "no_answer"], [], D.ANSWERING_MACHINE_UNKNOWN),
    (["rejected", "busy"], [], D.CALL_BLOCKING),
    (["invalid"], [], D.NON_WORKING_OR_DISCONNECTED),
    (["congestion", "failed", "unknown"], [], D.TECHNICAL_PROBLEM),
    (["short"], [], D.UNKNOWN_IF_ELIGIBLE_RESPONDENT),
    (["machine", "answered"], [], D.REFUSAL),
    (["opted_out"], [], D.REFUSAL),
    (["busy", "answered"], [("complete", 2, 2)], D.COMPLETE),
    (["opted_out"], [("complete", 2, 2)], D.COMPLETE),
    (["answered"], [("partial", 3, 4)], D.PARTIAL),
    (["answered"], [("partial", 1, 4)], D.BREAK_OFF),
    (["answered"], [("partial", 0, 0)], D.BREAK_OFF),
    (["answered"], [("screened_out", 1, 1)], D.NO_ELIGIBLE_RESPONDENT),
    (["answered"], [("quota_full", 1, 1)], D.QUOTA_FILLED),
    (["answered"], [("refused", 0, 1)], D.REFUSAL),
    (["answered"], [("begun", 1, 2)], None),
    (["answered"], [("resumed", 1, 2), ("complete", 2, 2)], D.COMPLETE),  # who called back went on
]


@pytest.mark.parametrize("at", range(0, len(PERSONS), 11))
def test_a_person_has_one_disposition(field: Field, at: int) -> None:
    """Eleven people at a time, each as in the table."""
    of_survey(field)
    chosen = PERSONS[at : at + 11]
    for n, (outcomes, runs, _) in enumerate(chosen):
        contact, call = f"march-{n:07}", ""
        for turn, outcome in enumerate(outcomes, 1):
            call = field.attempt(contact, outcome, NOW + timedelta(hours=turn), number_of=turn)
        if runs:
            field.rows("call", call_row(call, None if runs[0][0] == "begun" else "caller"))
            field.rows("survey_run", run_row(call, *runs[0]))
        for status, answered, asked in runs[1:]:
            field.rows("survey_run", run_row(f"back-{n}", status, answered, asked, resumed_from=call))
    found = people(field)
    expected = Counter(case for _, _, case in chosen if case is not None)
    expected[D.NOT_ATTEMPTED] += 12 - len(chosen)
    assert found.dispositions == dict(expected)
    assert found.talking == sum(case is None for _, _, case in chosen)
    assert sum(found.dispositions.values()) + found.talking == found.people == 12


def made_up(field: Field, seed: int) -> Counter[str]:
    """Attempts by chance; gives their outcomes."""
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    for n in range(12):
        for turn in range(1, chance.randint(1, 4)):
            outcome = chance.choice([*OUTCOMES, None]) if turn == 1 else chance.choice(OUTCOMES)
            at = NOW + timedelta(minutes=chance.randint(0, 3000))
            gateway = chance.choice(["main", "other"])
            ident = field.attempt(
                f"march-{n:07}", outcome, at, number_of=turn, gateway=gateway, billed_ms=chance.randint(0, 9) * 1000
            )
            seen[outcome or GOING_ON] += 1
            if outcome == "answered" and chance.random() < 0.7:
                field.rows("call", call_row(ident, chance.choice(["flow", "caller"])))
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_totals_add_up_whichever_way_they_are_counted(field: Field, seed: int) -> None:
    seen = made_up(field, seed)
    found = read(field)
    assert found.total.outcomes == dict(seen)
    for tallies in (found.gateways, found.lists, found.turns):
        assert sum(t.attempts for t in tallies.values()) == seen.total()
        assert sum(t.complete for t in tallies.values()) == found.total.complete
        assert sum(t.billed_ms for t in tallies.values()) == found.total.billed_ms
    assert sum(hour.dialled for hour in found.hours) == found.total.dialled
    assert sum(found.attempts_to_complete().values()) == found.total.complete
    assert sum(found.persons.states.values()) == found.persons.people == 12
    assert sum(found.persons.dispositions.values()) == 12
    columns = ", ".join(OUTCOMES)
    row = field.all(f"SELECT people, attempts, going_on, complete, billed_s, {columns} FROM v_campaign")[0]
    assert row[:5] == (12, seen.total(), seen[GOING_ON], found.total.complete, found.billed_s)
    assert dict(zip(OUTCOMES, row[5:], strict=True)) == {outcome: seen[outcome] for outcome in OUTCOMES}
    query = "SELECT sum(complete), count(*), count(DISTINCT attempt_id) FROM v_attempts_outbound"
    assert field.all(query) == [(found.total.complete, seen.total(), seen.total())]


COMPLETES = [
    # a questionnaire is asked, how the call ended, its run -> complete
    (False, "flow", None, 1),
    (False, "caller", None, 0),
    (False, "transferred", None, 1),
    (True, "flow", None, 0),
    (True, "caller", "complete", 1),
    (True, "flow", "partial", 0),
]


@pytest.mark.parametrize(("asks", "ended_by", "status", "complete"), COMPLETES)
def test_what_is_complete(field: Field, asks: bool, ended_by: str, status: str | None, complete: int) -> None:
    if asks:
        of_survey(field)
    ident = field.attempt("march-0000001", "answered")
    field.rows("call", call_row(ident, ended_by))
    if status:
        field.rows("survey_run", run_row(ident, status, 2, 2))
    found = read(field)
    assert (found.total.complete, found.persons.complete, found.survey) == (complete, complete, asks)
    assert field.all("SELECT complete FROM v_attempts_outbound") == [(complete,)]


HOURS = [
    ("Asia/Shanghai", datetime.fromisoformat("2026-12-01T02:59+00:00"), 10),
    ("Asia/Kolkata", datetime.fromisoformat("2026-12-01T04:29+00:00"), 9),  # half past: 9:59
    ("Asia/Kolkata", datetime.fromisoformat("2026-12-01T04:30+00:00"), 10),
    ("America/New_York", datetime.fromisoformat("2026-11-01T05:59+00:00"), 1),  # the hour that comes twice
    ("America/New_York", datetime.fromisoformat("2026-11-01T06:01+00:00"), 1),
    ("", datetime.fromisoformat("2026-12-01T02:00+00:00"), 11),  # the campaign's zone
]


@pytest.mark.parametrize(("zone", "at", "hour"), HOURS)
def test_hours_are_those_of_the_person(field: Field, zone: str, at: datetime, hour: int) -> None:
    with field.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE campaign_contact SET zone = '{zone}'")
    field.attempt("march-0000001", "answered", at)
    found = read(field, "Asia/Tokyo")
    assert [(h.hour, h.dialled, h.reached) for h in found.hours] == [(hour, 1, 1)]


def test_the_best_hour_is_one_that_is_surely_good(field: Field) -> None:
    for n in range(10):
        field.attempt(f"march-{n:07}", "answered" if n < 7 else "busy", NOW)
    field.attempt("march-0000010", "answered", NOW + timedelta(hours=3))
    best = read(field).best_hour
    assert best is not None
    assert (best.hour, best.rate.value) == (10, 0.7)  # not the one hour with its one call


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ((0, 0, 0), "best hour to call: nothing to compare, people were called in one hour of the day only"),
        ((0, 24, 48), "best hour to call: nothing to compare, people were called in one hour of the day only"),
        ((0, 3, 3), "best hour to call: 13:00 (highest lower end of its interval)"),
    ],
)
def test_of_one_hour_none_is_the_best(field: Field, hours: tuple[int, ...], says: str) -> None:
    for n, later in enumerate(hours):
        field.attempt(f"march-{n:07}", "answered", NOW + timedelta(hours=later))
    assert [line for line in run(field, "report", "spring").splitlines() if "best hour" in line] == [says]


def test_answered_is_an_outcome_and_reached_is_more(field: Field) -> None:
    """Who opted out was reached, and did not answer: one word for both figures had them contradict each other."""
    for n, outcome in enumerate(["answered", "answered", "opted_out", "busy"]):
        field.attempt(f"march-{n:07}", outcome, NOW + timedelta(hours=n // 3))
        stand(field, f"march-{n:07}", "done", outcome)
    lines = [line.split() for line in run(field, "report", "spring").splitlines() if line.strip()]
    assert [line[1] for line in lines if line[0] == "answered"] == ["2"]
    assert [line[:2] for line in lines if line[0] == "10:00"] == [["10:00", "3"]]
    heads = {line[0]: line for line in lines if "reached" in line and line[0] in ("call", "hour", "gateway", "list")}
    assert set(heads) == {"call", "hour", "gateway", "list"}
    assert not any("answered" in head for head in heads.values())
    assert [line[:3] for line in lines if line[0] == "main"] == [["main", "4", "3"]]
    told = json.loads(run(field, "report", "spring", "--format", "json"))
    assert told["attempts"]["all"]["answered"] == 2
    assert told["people"]["all"]["reached"] == 3
    assert told["hour"]["10"]["reach"] == {"value": 1.0, "low": pytest.approx(0.4385, abs=1e-3), "high": 1.0, "n": 3}


def test_reach_completion_cost_and_rates(field: Field) -> None:
    of_survey(field)
    for n, outcome in enumerate(["answered", "answered", "no_answer", "busy", "invalid"]):
        ident = field.attempt(f"march-{n:07}", outcome, billed_ms=30_000 if outcome == "answered" else 0)
        stand(field, f"march-{n:07}", "done", outcome)
        if n == 0:
            field.rows("call", call_row(ident))
            field.rows("survey_run", run_row(ident, "complete", 2, 2))
    stand(field, "march-0000005", "done", "no_consent", 0)
    found = read(field)
    assert (found.persons.called, found.persons.reached, found.persons.complete) == (5, 2, 1)
    assert found.persons.left_out == {"no_consent": 1}
    assert (found.reach.value, found.completion.value) == (0.4, 0.5)
    assert found.billed_s == 60
    assert found.cost(0.5) == 0.5
    counts = found.counts
    assert (counts.I, counts.R, counts.UH, counts.NE) == (1, 1, 9, 1)  # 7 of the 9 were not called
    assert found.rates["COOP1"] == 0.5
    assert found.rates["RR1"] == pytest.approx(1 / 11)


def run(field: Field, *args: str) -> str:
    env = {"CALLWEAVE_CONFIG": str(field.site.config), "CALLWEAVE_DB": field.database}
    result = CliRunner().invoke(main, ["campaign", *args], env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_says_it_in_three_ways(field: Field) -> None:
    seen = made_up(field, 7)
    of_survey(field)
    table = run(field, "report", "spring", "--per-minute", "0.6")
    assert f"all attempts   {seen.total()}" in " ".join(table.split()) or f"all attempts {seen.total()}" in " ".join(
        table.split()
    )
    assert "best hour to call" in table
    assert "COOP1" in table
    rows = list(csv.DictReader(io.StringIO(run(field, "report", "spring", "--format", "csv"))))
    counted = {r["figure"]: int(r["value"]) for r in rows if r["section"] == "attempts" and r["figure"] in seen}
    assert counted == dict(seen)
    told = json.loads(run(field, "report", "spring", "--format", "json"))
    assert told["attempts"]["all"]["attempts"] == seen.total()
    assert told["people"]["all"]["people"] == 12


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
def test_exports_have_every_attempt_and_no_number(field: Field, form: str, tmp_path: Path) -> None:
    seen = made_up(field, 3)
    out = tmp_path / f"attempts.{form}"
    run(field, "export", "spring", "--format", form, "--out", str(out))
    rows = _rows(out, form)
    assert len(rows) == seen.total()
    assert Counter(row["outcome"] or GOING_ON for row in rows) == seen
    assert not any("+8613800000" in str(value) for row in rows for value in row.values())
    assert {row["list"] for row in rows} == {"march"}


NO_FILE = "/dev/full is no file, and only CSV and JSON Lines can go there; name a file"


@pytest.mark.parametrize(
    ("form", "status", "says"),
    [
        ("csv", 1, "/dev/full cannot be written: the disk is full"),
        ("jsonl", 1, "/dev/full cannot be written: the disk is full"),
        ("xlsx", 2, NO_FILE),
        ("parquet", 2, NO_FILE),
    ],
)
def test_a_full_disk_is_said_with_the_file(field: Field, form: str, status: int, says: str) -> None:
    """/dev/full is a device, which stays one: nothing takes its place."""
    made_up(field, 3)
    env = {"CALLWEAVE_CONFIG": str(field.site.config), "CALLWEAVE_DB": field.database}
    args = ["campaign", "export", "spring", "--format", form, "--out", "/dev/full"]
    result = CliRunner().invoke(main, args, env=env, catch_exceptions=False)
    assert Path("/dev/full").is_char_device()
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (status, f"Error: {says}")


@pytest.mark.parametrize(
    "args",
    [
        ("--version",),
        ("check", "--help"),
        ("campaign", "list"),
        ("campaign", "preview", "spring"),
        ("campaign", "preview", "spring", "--format", "csv"),
        ("campaign", "report", "spring"),
    ],
)
def test_a_full_disk_below_standard_output_is_said(field: Field, args: tuple[str, ...]) -> None:
    env = {**os.environ, "CALLWEAVE_CONFIG": str(field.site.config), "CALLWEAVE_DB": field.database}
    code = "from ivr.cli.main import main; main()"
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", code, *args]
        done = subprocess.run(command, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 1
    assert "Error: standard output cannot be written: the disk is full" in done.stderr
    assert "ignored" not in done.stderr
    assert "sounds" not in done.stderr
    assert "Traceback" not in done.stderr


def _rows(out: Path, form: str) -> list[dict[str, Any]]:
    if form == "csv":
        return list(csv.DictReader(out.open(encoding="utf-8")))
    if form == "jsonl":
        return [{"outcome": None, **json.loads(line)} for line in out.read_text("utf-8").splitlines()]
    if form == "xlsx":
        import openpyxl

        sheet = openpyxl.load_workbook(out)["attempts"]
        head, *rest = sheet.iter_rows(values_only=True)
        return [dict(zip(map(str, head), row, strict=True)) for row in rest]
    import pyarrow.parquet as parquet

    found: list[dict[str, Any]] = parquet.read_table(out).to_pylist()
    return found


BREAKERS = [
    (["answered"] * 3, "ok"),
    (["congestion", "answered"], "ok"),
    (["answered", "congestion"], "failing"),
    (["answered", *["failed", "congestion", "not_attempted", "failed", "failed"]], "resting"),
    (["failed"] * 4, "failing"),
    (["failed"] * 5 + ["unknown"], "resting"),  # nobody knows: it says nothing of the gateway
]


@pytest.mark.parametrize(("outcomes", "breaker"), BREAKERS)
def test_a_gateways_breaker_as_the_books_show_it(field: Field, outcomes: list[str], breaker: str) -> None:
    for n, outcome in enumerate(outcomes):
        field.attempt(f"march-{n:07}", outcome, NOW + timedelta(seconds=n))
    with reading(field.engine) as connection:
        found = live.read(connection, "spring", NOW + timedelta(minutes=1))
        later = live.read(connection, "spring", NOW + timedelta(minutes=20))
    assert [one.breaker for one in found.gateways] == [breaker]
    assert later.gateways[0].breaker == ("failing" if breaker == "failing" else "ok")


def test_a_look_at_a_running_campaign(field: Field) -> None:
    field.attempt("march-0000000", None, NOW, answered_at=NOW, ended_at=None)
    field.attempt("march-0000001", None, NOW, ended_at=None)
    for n in (2, 3, 4, 5):
        field.attempt(f"march-{n:07}", "answered", NOW)
        stand(field, f"march-{n:07}", "done", "answered")
    stand(field, "march-0000000", "leased", None)
    with reading(field.engine) as connection:
        found = live.read(connection, "spring", NOW + timedelta(minutes=2))
    assert (found.going_on, found.talking, found.due) == (2, 1, 7)
    assert found.left == {"waiting": 7, "leased": 1, "done": 4}
    assert found.per_minute == 3
    assert found.done_per_minute == 2
    assert found.ends == NOW + timedelta(minutes=2 + 4)
    text = run(field, "watch", "spring", "--once")
    assert "waiting 7" in text
    assert "answered" in text
    assert "main" in text


def test_before_the_first_call_there_is_nothing_to_report(field: Field) -> None:
    assert "no attempt yet" in run(field, "report", "spring")
    assert "no attempt yet" in run(field, "watch", "spring", "--once")
