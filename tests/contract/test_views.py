"""The views on both databases: the same columns, the same rows, days of the zone, and what they mean."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from storetools import answer_row, at, attempt_row, call_row, read, run_row, stored

from ivr.cli.main import main
from ivr.store import schema, views
from ivr.store.engine import make_engine
from ivr.store.masking import mask
from ivr.store.upgrade import upgrade
from ivr.survey.definition import Definition, QuestionDef, QuotaDef, Value

Row = dict[str, Any]

REASONS = (Value("late", "1", {"en": "too late"}), Value("it's", "2"), Value("la", "3"))
QUESTIONS = (
    QuestionDef("overall", "scale", {"en": "How was it?", "zh": "如何？"}, measure="csat", low=1, high=5),
    QuestionDef("again", "scale", {"en": "Again?"}, {"en": "NPS"}, measure="nps", low=0, high=10),
    QuestionDef("ease", "scale", {"en": "Easy?"}, measure="ces", low=1, high=7, direction="down", top=3),
    QuestionDef("why", "multiple", {"en": "Why?"}, values=REASONS, missing={"refused": "*"}),
    QuestionDef("order", "ranking", {"en": "Order?"}, values=REASONS, choose=(2, 2)),
    QuestionDef("agent", "choice", {"en": "Who?"}, values=REASONS),
)
FIRST = Definition("csat", "Satisfaction", ("en", "zh"), QUESTIONS[:2], "1")
SECOND = Definition("csat", "Satisfaction", ("en", "zh"), QUESTIONS, "2", (QuotaDef("north", "x == 1", 2),))


def definition_row(definition: Definition, seconds: float) -> Row:
    told = {"survey": definition.survey, "version": definition.version, "title": definition.title}
    return {"hash": definition.hash, **told, "json": definition.to_json(), "first_seen": at(seconds)}


def answers(call: str, run: int = 1, **values: Any) -> list[tuple[str, Row]]:
    return [
        ("answer", {**answer_row(value, n, question, call), "keys": "", "run": run, "occurrence": run})
        for n, (question, value) in enumerate(values.items(), 1)
    ]


def missing(call: str, question: str, why: str) -> tuple[str, Row]:
    return "answer", {**answer_row(None, 1, question, call), "missing": why, "run": 1}


def run(call: str, status: str, begun: float = 0, **more: Any) -> tuple[str, Row]:
    told = {"call_id": call, "definition": SECOND.hash, "launch": "wave1", "agent": "ann", "queue": "repairs"}
    return "run", run_row(status, 60, **{**told, "begun_at": at(begun), **more})


def attempt(call: str, question: str, outcome: str, number: int = 1, **more: Any) -> tuple[str, Row]:
    return "attempt", attempt_row(
        number, call, **{"question": question, "node": f"s.{question}", "outcome": outcome, **more}
    )


#: Calls a..h, each with what is odd about it.
ROWS: list[tuple[str, Row]] = [
    ("survey_definition", definition_row(FIRST, 0)),
    ("survey_definition", definition_row(SECOND, 1)),
    ("launch", {"launch": "wave1", "survey": "csat", "definition": SECOND.hash, "sounds": 3, "created_at": at(0)}),
    *(("call", call_row(c, language="en", called="4000", ended_at=at(61.25))) for c in "abcdeg"),
    ("call", call_row("h", ended_at=None)),
    # a: everything answered; h goes on
    run("a", "complete"),
    *answers("a", overall=5, again=9, ease=3, why=["late", "it's"], order=["it's", "la"], agent="la"),
    attempt("a", "overall", "nomatch"),
    attempt("a", "overall", "digits", 2),
    ("quota", {"survey": "csat", "launch": "wave1", "quota": "north", "call_id": "a", "occurrence": 1, "at": at(1)}),
    run("h", "begun", asked=1, last_question="overall"),
    # b: broke off at the second question, in silence
    run("b", "partial", last_question="again", asked=2, answered=1),
    *answers("b", overall=2),
    attempt("b", "overall", "digits"),
    attempt("b", "again", "noinput"),
    attempt("b", "again", "hangup", 2),
    # c: was begun, then its call ended and nobody said so; a refusal
    run("c", "begun", last_question="why"),
    missing("c", "why", "refused"),
    # d: by the first version, without agent and launch, before answers knew their run; a secret in between
    run("d", "complete", definition=FIRST.hash, agent="", queue=None, launch=None),
    *(("answer", {**row, "run": None}) for _, row in answers("d", overall=3, again=10)),
    ("answer", answer_row(None, 1, "pin", "d")),
    # e: g went on with it
    run("e", "resumed"),
    *answers("e", overall=1),
    run("g", "complete", resumed_from="e", agent="bob"),
    *answers("g", overall=4, again=6, why=["la"]),
    # a again: a rehearsal in the same call
    run("a", "complete", occurrence=2, launch="rehearsal:ann"),
    *answers("a", 2, overall=1),
]  # fmt: skip


def outbound(n: int, outcome: str | None, **more: Any) -> tuple[str, Row]:
    row = {"attempt_id": f"out{n}", "campaign": "autumn", "contact_id": f"p{n % 2}", "number": "+8613800138000"}
    told = {"number_of": n, "version": 1, "gateway": "main", "leased_at": at(0), "outcome": outcome, "billed_ms": None}
    return "dial_attempt", {**row, **told, **more}


#: A campaign without a questionnaire, with an answered call that its flow ended, and one that is going on.
CAMPAIGN_ROWS: list[tuple[str, Row]] = [
    ("campaign", {"campaign": "autumn", "title": "Autumn", "state": "running", "version": 1, "priority": 5}),
    ("campaign", {"campaign": "empty", "title": "", "state": "draft", "version": 0, "priority": 5}),
    ("contact", {"contact_id": "p0", "list": "march", "number": "+8613800138000"}),
    *(
        (
            "campaign_contact",
            {"campaign": "autumn", "contact_id": f"p{n}", "number": f"+{n}", "zone": "", "state": state},
        )
        for n, state in enumerate(("waiting", "done", "done"))
    ),
    ("call", {"call_id": "out1", "flow": "reminder", "started_at": at(0), "ended_by": "flow"}),
    outbound(1, "answered", sent_at=at(0), answered_at=at(2.5), ended_at=at(60), billed_ms=57_500),
    outbound(2, "no_answer", sent_at=at(0), ended_at=at(30)),
    outbound(3, None, sent_at=at(0)),
]


@pytest.fixture
def filled(database: str, tmp_path: Path) -> Iterator[Engine]:
    yield from _filled(database, tmp_path)


def _filled(database: str, folder: Path) -> Iterator[Engine]:
    stored(database, folder, ROWS)
    engine = make_engine(database)
    with engine.begin() as connection:
        for table, row in CAMPAIGN_ROWS:
            connection.execute(schema.metadata.tables[table].insert(), row)
    views.refresh(engine)
    yield engine
    engine.dispose()


def rows(engine: Engine, sql: str) -> list[Row]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(sql)).mappings()]


def plain(value: Any) -> Any:
    """PostgreSQL's types as SQLite's texts."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else value


#: (a query, its rows)
FIGURES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "calls": ("SELECT call_id, caller_masked, seconds, status FROM v_calls WHERE call_id IN ('a', 'h')",
              [("a", "********000", 61.25, "ended"), ("h", "********000", None, "live")]),
    "runs": ("SELECT call_id, run, status, counted, version FROM v_runs",
             [("a", 1, "complete", 1, "2"), ("a", 2, "complete", 0, "2"), ("b", 1, "partial", 1, "2"),
              ("c", 1, "partial", 1, "2"), ("d", 1, "complete", 1, "1"), ("e", 1, "resumed", 0, "2"),
              ("g", 1, "complete", 1, "2"), ("h", 1, "begun", 1, "2")]),
    "run times": ("SELECT call_id, seconds FROM v_runs WHERE call_id IN ('a', 'c', 'h') AND run = 1",
                  [("a", 60.0), ("c", 61.25), ("h", None)]),
    "answers": ("SELECT call_id, question, value, missing, label FROM v_answers "
                "WHERE question IN ('again', 'pin', 'why')",
                [("a", "again", "9", None, "NPS"), ("a", "why", '["late", "it\'s"]', None, "Why?"),
                 ("c", "why", None, "refused", "Why?"), ("d", "again", "10", None, "NPS"),
                 ("g", "again", "6", None, "NPS"), ("g", "why", '["la"]', None, "Why?")]),
    "answers, once each": ("SELECT call_id, value_number FROM v_answers WHERE question = 'overall'",
                           [("a", 5.0), ("b", 2.0), ("d", 3.0), ("g", 4.0)]),
    "csat by agent": ("SELECT agent, survey, question, answers, satisfied, mean FROM v_csat_agent",
                      [("ann", "csat", "overall", 2, 1, 3.5), ("bob", "csat", "overall", 1, 1, 4.0)]),
    "csat by queue": ("SELECT queue, answers, satisfied FROM v_csat_queue", [("repairs", 3, 2)]),
    "nps": ("SELECT queue, answers, promoters, detractors, nps FROM v_nps_queue", [("repairs", 2, 1, 1, 0.0)]),
    "ces, lowest best": ("SELECT agent, question, satisfied FROM v_ces_agent", [("ann", "ease", 1)]),
    "funnel": ("SELECT flow, question, reached, answered, silence, wrong, hangup FROM v_flow_funnel",
               [("hotline", "again", 1, 0, 0, 0, 1), ("hotline", "overall", 2, 2, 0, 0, 0)]),
    "break-off": ("SELECT question, reached, answered, refused, broke_off FROM v_breakoff WHERE launch = 'wave1'",
                  [("again", 3, 2, 0, 1), ("agent", 1, 1, 0, 0), ("ease", 1, 1, 0, 0), ("order", 1, 1, 0, 0),
                   ("overall", 4, 3, 0, 0), ("why", 3, 2, 1, 1)]),
    "quotas": ("SELECT survey, launch, quota, target, completes FROM v_quota",
               [("csat", "-", "north", 2, 0), ("csat", "wave1", "north", 2, 1)]),
    "launches": ("SELECT launch, version, sounds, runs, complete, partial, begun FROM v_launches",
                 [("wave1", "2", 3, 5, 2, 2, 1)]),
    "campaigns": ("SELECT campaign, people, waiting, done, attempts, going_on, answered, no_answer, busy, complete, "
                  "billed_s FROM v_campaign",
                  [("autumn", 3, 1, 2, 3, 1, 1, 1, 0, 1, 57.5), ("empty", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)]),
    "attempts of campaigns": ("SELECT attempt_id, number_masked, list, number_of, outcome, ring_s, billed_s, complete "
                              "FROM v_attempts_outbound",
                              [("out1", "+**********000", None, 1, "answered", 2.5, 57.5, 1),
                               ("out2", "+**********000", "march", 2, "no_answer", None, None, 0),
                               ("out3", "+**********000", None, 3, None, None, None, 0)]),
    "questions": ("SELECT version, position, question, text, good_low, good_high, bad_low, bad_high FROM v_questions "
                  "WHERE question IN ('again', 'ease', 'why')",
                  [("1", 2, "again", "Again?", 9.0, 10.0, 0.0, 6.0), ("2", 2, "again", "Again?", 9.0, 10.0, 0.0, 6.0),
                   ("2", 3, "ease", "Easy?", 1.0, 3.0, 4.0, 7.0), ("2", 4, "why", "Why?", None, None, None, None)]),
    "wide": ('SELECT call_id, overall, again, "why_late", "why_it_s", "why_la", "why_missing" FROM v_survey_wide_csat',
             [("a", 5.0, 9.0, 1, 1, 0, None), ("b", 2.0, None, None, None, None, None),
              ("c", None, None, None, None, None, "refused"), ("d", 3.0, 10.0, None, None, None, None),
              ("g", 4.0, 6.0, 0, 0, 1, None), ("h", None, None, None, None, None, None)]),
    "wide, ranks and a name that is taken": ("SELECT call_id, agent, q_agent, order_1, order_2 FROM v_survey_wide_csat "
                                             "WHERE q_agent IS NOT NULL", [("a", "ann", "la", "it's", "la")]),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_figures(filled: Engine, name: str) -> None:
    sql, wanted = FIGURES[name]
    found = [tuple(row.values()) for row in rows(filled, sql)]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)


@pytest.mark.postgres
def test_both_databases_give_the_same_columns_and_rows(postgres_database: str, tmp_path: Path) -> None:
    with make_engine(postgres_database).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    found = []
    for url in (postgres_database, f"sqlite:///{tmp_path}/same.db"):
        upgrade(url, zone="Asia/Kathmandu")
        for engine in _filled(url, tmp_path / url[:4]):
            names = inspect(engine).get_view_names()
            read = {name: rows(engine, f'SELECT * FROM "{name}"') for name in sorted(names)}
            made = {n: [{k: plain(v) for k, v in row.items()} for row in each] for n, each in read.items()}
            found.append({n: sorted(map(repr, each)) for n, each in made.items()})
    assert found[0] == found[1]
    assert all(found[0].values()), "a view without a row compares nothing"
    assert len(found[0]) == len(views.static_views(True)) + 1


INSTANTS = [  # around the changes of 2026 and 2027, and the ends of days, in UTC
    datetime(2026, 3, 8, 6, 59, 59, 999_000, UTC), datetime(2026, 3, 8, 7, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 59, 59, tzinfo=UTC), datetime(2026, 11, 1, 6, 0, tzinfo=UTC),
    *(datetime(2026, month, day, hour, minute, 59, 999_000, UTC)
      for month, day in ((3, 28), (3, 29), (7, 5), (10, 25), (12, 31))
      for hour in range(24) for minute in (14, 15, 59)),
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Asia/Kathmandu"])
def test_days_are_those_of_the_zone(database: str, tmp_path: Path, zone: str) -> None:
    engine = make_engine(database)
    views.refresh(engine, zone)
    stored(database, tmp_path, [("call", call_row(f"{n:04}", started_at=t)) for n, t in enumerate(INSTANTS)])
    found = rows(engine, "SELECT day, week, hour FROM v_calls ORDER BY call_id")
    local = [instant.astimezone(ZoneInfo(zone)) for instant in INSTANTS]
    wanted = [(t.date().isoformat(), (t.date() - timedelta(days=t.weekday())).isoformat(), t.hour) for t in local]
    assert [tuple(plain(v) for v in row.values()) for row in found] == wanted


def test_a_zone_that_is_none_is_refused_and_the_old_one_stays(database: str) -> None:
    engine = make_engine(database)
    views.refresh(engine, "Asia/Shanghai")
    with pytest.raises(views.ZoneError, match="Europe/Berlin"):
        views.refresh(engine, "Europe/Atlantis")
    assert rows(engine, "SELECT zone FROM report_zone") == [{"zone": "Asia/Shanghai"}]


@pytest.mark.parametrize("number", ["13800138000", "+49 30 1234567", "110", "12", "", "anonymous", "ext12", "a1b2c3d4"])
def test_a_masked_number_shows_no_more_than_logs_do(database: str, tmp_path: Path, number: str) -> None:
    stored(database, tmp_path, [("call", call_row(caller=number))])
    (row,) = rows(make_engine(database), "SELECT caller_masked FROM v_calls")
    shown = row["caller_masked"]
    assert len(shown) == len(number)
    assert all(seen == by_mask or seen == "*" for seen, by_mask in zip(shown, mask(number), strict=True))


def test_what_is_right_is_left_alone_and_what_is_gone_is_made_again(filled: Engine) -> None:
    assert views.refresh(filled) == []
    with filled.begin() as connection:
        connection.execute(text("DROP VIEW v_quota"))
    assert "v_quota" in views.refresh(filled)
    assert rows(filled, "SELECT count(*) AS n FROM v_quota") == [{"n": 2}]


def test_a_new_version_gets_columns_and_the_old_ones_keep_their_names(filled: Engine) -> None:
    def columns() -> list[str]:
        return [column["name"] for column in inspect(filled).get_columns("v_survey_wide_csat")]

    before = columns()
    more = QuestionDef("OVERALL", "choice", {"en": "Overall?"}, values=(Value("x" * 100, "1"),))
    long = QuestionDef("ü" * 60, "multiple", {}, values=(Value("x" * 100, "1"), Value("x" * 101, "2"), Value(7, "3")))
    third = replace(SECOND, questions=(*QUESTIONS, more, long), version="3")
    with filled.begin() as connection:
        row = {**definition_row(third, 2), "json": json.dumps(third.to_json())}
        connection.execute(schema.survey_definition.insert(), [row])
    assert views.refresh_survey(filled, "csat") == "v_survey_wide_csat"
    after = columns()
    assert after[: len(before)] == before
    new = after[len(before) :]
    assert new[0] == "overall_2"
    assert len(new) == 4
    assert all(len(name.encode()) <= 63 for name in after)
    assert len({name.lower() for name in after}) == len(after)


def test_surveys_whose_names_become_the_same_have_views_of_their_own(filled: Engine) -> None:
    for survey in ("a b", "a-b"):
        definition = replace(FIRST, survey=survey)
        with filled.begin() as connection:
            row = {**definition_row(definition, 2), "json": json.dumps(definition.to_json())}
            connection.execute(schema.survey_definition.insert(), [row])
    names = [views.refresh_survey(filled, survey) for survey in ("a b", "a-b", "a b")]
    assert names == ["v_survey_wide_a_b", "v_survey_wide_a_b_2", "v_survey_wide_a_b"]


def test_every_view_and_column_says_what_it_means(filled: Engine) -> None:
    told = {(row["view_name"], row["column_name"]) for row in rows(filled, "SELECT * FROM v_help WHERE text <> ''")}
    look = inspect(filled)
    there = {(name, c["name"]) for name in look.get_view_names() for c in look.get_columns(name)}
    assert told == there | {(name, "-") for name in look.get_view_names()}
    if filled.dialect.name == "postgresql":
        comments = {(name, c["name"]) for name in look.get_view_names() for c in look.get_columns(name) if c["comment"]}
        assert comments == there


def test_a_definition_is_written_with_its_questions_and_quotas(database: str, tmp_path: Path) -> None:
    long = replace(FIRST, questions=(QuestionDef("x" * 300, "scale", {}),))
    given = [definition_row(definition, 0) for definition in (FIRST, SECOND, SECOND, long)]
    given.append({**definition_row(FIRST, 0), "hash": "odd", "json": '{"questions": 7}'})
    stored(database, tmp_path, [("survey_definition", row) for row in given])
    found = [(row["definition"], row["position"], row["question"]) for row in read(database, "survey_question")]
    wanted = [(d.hash, n, q.id) for d in (FIRST, SECOND) for n, q in enumerate(d.questions, 1)]
    assert sorted(found) == sorted(wanted)
    assert [(row["quota"], row["target"]) for row in read(database, "survey_quota")] == [("north", 2)]
    assert len(read(database, "survey_definition")) == 4


ODD = ["it's", 'a "b"', "50 %", "%s", "a\\b", "; DROP TABLE call", "满意", "x" * 100, "a.b", "ÄÖ", "select", "1st"]


def test_any_name_makes_a_column_that_has_its_answers(database: str, tmp_path: Path) -> None:
    """Names of questions and options, whatever is in them."""
    options = tuple(Value(name, str(n)) for n, name in enumerate(ODD))
    asked = [QuestionDef(name, "choice", {"en": name}, values=options) for name in ODD]
    many = [QuestionDef(f"{name} many", "multiple", {"en": name}, values=options) for name in ODD]
    survey = "odd; 'one\" 50 %"
    definition = Definition(survey, "", ("en",), (*asked, *many))
    given: list[tuple[str, Row]] = [
        ("survey_definition", definition_row(definition, 0)),
        ("call", call_row("c1")),
        ("run", run_row("complete", survey=survey, definition=definition.hash)),
    ]
    for n, name in enumerate(ODD):
        others = [other for m, other in enumerate(ODD) if m != n]
        given.append(("answer", {**answer_row(name, 1, name), "survey": survey, "run": 1}))
        given.append(("answer", {**answer_row(others, 1, f"{name} many"), "survey": survey, "run": 1, "keys": ""}))
    stored(database, tmp_path, given)
    engine = make_engine(database)
    (row,) = rows(engine, f'SELECT * FROM "{views.refresh_survey(engine, survey)}"')
    values = list(row.values())[-len(ODD) * (1 + len(ODD)) :]
    assert values[: len(ODD)] == ODD
    chosen = [values[len(ODD) * (1 + n) : len(ODD) * (2 + n)] for n in range(len(ODD))]
    assert chosen == [[0 if m == n else 1 for m in range(len(ODD))] for n in range(len(ODD))]


def test_more_columns_than_a_view_can_have(database: str) -> None:
    options = tuple(Value(f"o{n}", str(n)) for n in range(60))
    questions = [QuestionDef(f"q{n}", "multiple", {}, values=options) for n in range(30)]
    for survey, more in (("many", []), ("most", [QuestionDef(f"s{n}", "scale", {}) for n in range(1600)])):
        definition = Definition(survey, "", ("en",), (*questions, *more))
        engine = make_engine(database)
        with engine.begin() as connection:
            row = {**definition_row(definition, 0), "json": json.dumps(definition.to_json())}
            connection.execute(schema.survey_definition.insert(), [row])
        name = views.refresh_survey(engine, survey)
        columns = [c["name"] for c in inspect(engine).get_columns(name)]
        assert columns[-1] == ("q29" if survey == "many" else "s1450")
        assert len(columns) == (49 if survey == "many" else 1500)
        (said,) = rows(engine, f"SELECT text FROM v_help WHERE view_name = '{name}' AND column_name = '-'")
        assert ("149 columns are left out" in said["text"]) is (survey == "most")


def test_readers_and_others_who_refresh_do_not_fail_meanwhile(filled: Engine) -> None:
    """All views are dropped and made again, by two, while others read them, views on views included."""
    stop, failed = threading.Event(), []

    def work(turn: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                turn()
        except (SQLAlchemyError, AssertionError, views.ViewError) as error:  # told by the test's own thread
            failed.append(error)
            stop.set()

    def read_all() -> None:
        for name in ("v_csat_agent", "v_survey_wide_csat", "v_answers", "v_nps_queue"):
            assert rows(filled, f"SELECT * FROM {name}")

    threads = [threading.Thread(target=work, args=(turn,)) for turn in (read_all, read_all, lambda: changed(filled))]
    for thread in threads:
        thread.start()
    for _ in range(8):
        changed(filled)
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []


def changed(engine: Engine) -> None:
    """Makes every view anew, because one of them had another shape, unless somebody else was quicker."""
    with engine.begin() as connection:
        connection.execute(text("DROP VIEW v_launches"))
        connection.execute(text("CREATE VIEW v_launches AS SELECT 1 AS one"))
        connection.execute(text("UPDATE report_view SET made_of = 'something else'"))
    views.refresh(engine)


def test_definitions_from_before_there_were_columns_for_them(empty_database: str) -> None:
    upgrade(empty_database, "0004")
    old = {**definition_row(SECOND, 0), "json": json.dumps(SECOND.to_json())}
    with make_engine(empty_database).begin() as connection:
        connection.execute(schema.survey_definition.insert(), [old, {**old, "hash": "broken", "json": "{"}])
    upgrade(empty_database)
    engine = make_engine(empty_database)
    found = rows(engine, "SELECT question FROM v_questions ORDER BY position")
    assert [row["question"] for row in found] == [q.id for q in QUESTIONS]
    assert rows(engine, "SELECT overall FROM v_survey_wide_csat") == []


@pytest.mark.postgres
def test_a_view_that_somebody_built_on_ours_stays_or_is_named(postgres_database: str, tmp_path: Path) -> None:
    with make_engine(postgres_database).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    upgrade(postgres_database)
    engine = make_engine(postgres_database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW mine AS SELECT flow, count(*) FROM v_runs GROUP BY flow")
        connection.exec_driver_sql("UPDATE report_view SET made_of = 'something else'")
    assert "v_runs" in views.refresh(engine)  # replaced in its place
    assert rows(engine, "SELECT * FROM mine") == []
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW v_quota")
        connection.exec_driver_sql("CREATE VIEW v_quota AS SELECT 1 AS one")
        connection.exec_driver_sql("UPDATE report_view SET made_of = 'something else'")
    with pytest.raises(views.ViewError, match="mine"):
        views.refresh(engine)


PLANS = {
    # what is asked -> what SQLite's plan must have: no whole table is read but for the calls that are wanted
    "SELECT * FROM v_answers WHERE launch = 'wave1'": ["ix_survey_run_launch", "SEARCH a USING PRIMARY KEY"],
    "SELECT * FROM v_survey_wide_csat WHERE launch = 'wave1'": ["ix_survey_run_launch", "SEARCH a USING PRIMARY KEY"],
    "SELECT * FROM v_breakoff WHERE launch = 'wave1'": ["ix_survey_run_launch"],
    "SELECT * FROM v_survey_wide_csat": ["SCAN r", "SEARCH a USING PRIMARY KEY"],
    "SELECT * FROM v_csat_agent": ["SEARCH a USING INDEX ix_answer_survey (survey=? AND question=?)"],
    "SELECT * FROM v_answers WHERE call_id = 'a'": ["SEARCH r USING PRIMARY KEY", "SEARCH a USING PRIMARY KEY"],
}


@pytest.mark.parametrize("sql", PLANS)
def test_sqlite_finds_a_launch_by_its_index(tmp_path: Path, sql: str) -> None:
    url = f"sqlite:///{tmp_path}/plan.db"
    upgrade(url)
    for engine in _filled(url, tmp_path):
        plan = "\n".join(str(row["detail"]) for row in rows(engine, f"EXPLAIN QUERY PLAN {sql}"))
        for part in PLANS[sql]:
            assert part in plan
        assert plan.count(" a USING") == 1, "one pass over the answers, not one for each column"
        if sql == "SELECT * FROM v_survey_wide_csat":
            assert "TEMP B-TREE" not in plan, "nothing is sorted"


def test_ivr_db_views(database: str) -> None:
    def typed(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["db", "views", "--db", database, *words])
        return done.exit_code, done.output

    assert typed() == (0, "The views are as they should be.\n")
    assert typed("--zone", "Asia/Kathmandu")[0] == 0
    assert rows(make_engine(database), "SELECT zone FROM report_zone") == [{"zone": "Asia/Kathmandu"}]
    code, said = typed("--zone", "Mars/Olympus")
    assert (code, "Europe/Berlin" in said) == (1, True)
    code, said = typed("--survey", "nothing")
    assert (code, "was not asked" in said or "was asked yet" in said) == (1, True)
