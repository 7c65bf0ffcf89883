"""Do not call: added, found however it is written, asked in SQL and in memory with one answer, brought in and out."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, literal, select
from storetools import read

from ivr.cli.main import main
from ivr.ops.operator import login_name
from ivr.store import dnc, schema
from ivr.store.campaigns import Who
from ivr.store.dnc import EVERYWHERE, Counts, Entry, Listed
from ivr.store.engine import make_engine

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
A, B = "+8613800138000", "+8613900139000"


def entry(number: str, scope: str = EVERYWHERE, prefix: bool = False, reason: str = "asked", source: str = "") -> Entry:
    return Entry(scope, number, prefix, reason, source)


def both(database: str, number: str, campaign: str) -> bool:
    """The answer of SQL, which has to be that of the set in memory."""
    engine = make_engine(database)
    table = schema.contact
    row = {"contact_id": "x", "list": "x", "number": number}
    with engine.begin() as connection:
        connection.execute(delete(table))
        connection.execute(insert(table), [row])
        for asked in (campaign, literal(campaign)):
            condition = dnc.listed(table.c.number, asked, engine.dialect.name)
            found = connection.execute(select(table.c.number).where(condition)).all()
        negative = connection.execute(select(table.c.number).where(~condition)).all()
    assert len(found) + len(negative) == 1
    why = dnc.load(engine, campaign).why(number, campaign)
    assert (why is not None) == bool(found)
    assert bool(found) == any(e.scope in (EVERYWHERE, campaign) for e in dnc.why(engine, number))
    return bool(found)


CASES = [
    ("nothing", [], A, False),
    ("the number", [entry(A)], A, True),
    ("another", [entry(B)], A, False),
    ("for this campaign", [entry(A, "c")], A, True),
    ("for another campaign", [entry(A, "d")], A, False),
    ("a prefix", [entry("+86138", prefix=True)], A, True),
    ("a prefix of one digit", [entry("+8", prefix=True)], A, True),
    ("the whole number as a prefix", [entry(A, prefix=True)], A, True),
    ("a prefix for another campaign", [entry("+86138", "d", prefix=True)], A, False),
    ("a beginning that is a number of its own", [entry("+86138001380")], A, False),
    ("a longer number", [entry(A + "1")], A, False),
    ("a longer prefix", [entry(A + "1", prefix=True)], A, False),
    ("the longest there is", [entry("+123456789012345")], "+123456789012345", True),
    ("the longest prefix", [entry("+12345678901234", prefix=True)], "+123456789012345", True),
    ("an inner call", [entry("1001")], "1001", True),
]


@pytest.mark.parametrize(("entries", "number", "listed"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_who_is_listed(database: str, entries: list[Entry], number: str, listed: bool) -> None:
    dnc.add(make_engine(database), entries, NOW)
    assert both(database, number, "c") is listed


DIGITS = st.text(st.sampled_from("12"), min_size=1, max_size=4).map("+1".__add__)
ENTRIES = st.lists(st.builds(entry, DIGITS, st.sampled_from(["-", "c", "d"]), st.booleans()), max_size=6)


@given(ENTRIES, DIGITS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_memory_agree(database: str, entries: list[Entry], number: str) -> None:
    engine = make_engine(database)
    with engine.begin() as connection:
        connection.execute(delete(schema.dnc))
    dnc.add(engine, entries, NOW)
    expected = any(
        e.scope in ("-", "c") and (number == e.number or (e.is_prefix and number.startswith(e.number))) for e in entries
    )
    assert both(database, number, "c") is expected


def test_the_index_is_used_however_long_the_list_is(database: str) -> None:
    engine = make_engine(database)
    dnc.add(engine, [entry(f"+86139{n:08}") for n in range(20_000)], NOW)
    condition = dnc.listed(schema.contact.c.number, "c", engine.dialect.name)
    query = select(schema.contact.c.number).where(~condition)
    text = str(query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})).replace("%", "%%")
    explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with engine.begin() as connection:
        rows = [{"contact_id": str(n), "list": "x", "number": f"+86138{n:08}"} for n in range(100)]
        connection.execute(insert(schema.contact), rows)
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {text}"))
        connection.rollback()
    assert ("dnc_pkey" in plan) or ("PRIMARY KEY (scope=? AND number=?)" in plan), plan


def test_the_first_entry_stays_but_for_an_opt_out(database: str) -> None:
    engine = make_engine(database)
    later = NOW + timedelta(days=1)
    assert dnc.add(engine, [entry(A, reason="import", source="file")], NOW) == Counts(1, 0)
    assert dnc.add(engine, [entry(A, reason="list", source="other"), entry(B)], later) == Counts(1, 1)
    assert dnc.why(engine, A) == [Entry("-", A, False, "import", "file", NOW)]
    dnc.add(engine, [entry(A, reason="opt_out", source="call-1")], later)
    assert dnc.why(engine, A) == [Entry("-", A, False, "opt_out", "call-1", later)]
    dnc.add(engine, [entry(A, reason="opt_out", source="call-2")], NOW)
    dnc.add(engine, [entry(A, prefix=True, reason="asked")], NOW)
    assert dnc.why(engine, A) == [Entry("-", A, True, "opt_out", "call-1", later)]
    # Twice at once: the opt-out counts.
    dnc.add(engine, [entry(B, "c", reason="asked"), entry(B, "c", reason="opt_out"), entry(B, "c", reason="x")], NOW)
    assert [e.reason for e in dnc.why(engine, B) if e.scope == "c"] == ["opt_out"]


def test_why_tells_everything(database: str) -> None:
    engine = make_engine(database)
    dnc.add(engine, [entry("+861", "c", True), entry(A, "d"), entry(A), entry("+86138", prefix=True), entry(B)], NOW)
    found = [(e.scope, e.number) for e in dnc.why(engine, A)]
    assert found == [("-", "+86138"), ("-", A), ("c", "+861"), ("d", A)]


def test_an_import_that_breaks_off_leaves_nothing(database: str) -> None:
    engine = make_engine(database)

    def breaking() -> None:
        with dnc.importing(engine) as into:
            into.put([entry(A)], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaking()
    assert read(database, "dnc") == []
    assert dnc.add(engine, [entry(A)], NOW) == Counts(1, 0)


def test_the_set_in_memory_alone() -> None:
    listed = Listed([entry("+86138", prefix=True, reason="p"), entry(A, "c", reason="n")])
    for number, campaign, reason in [(A, "c", "p"), (A, "d", "p"), ("+8613", "c", None), (B, "c", None)]:
        found = listed.why(number, campaign)
        assert (found and found.reason) == reason


# -- the command -------------------------------------------------------------------------------------------------------


def ivr(database: str, *words: str, **more: Any) -> Result:
    return CliRunner().invoke(main, ["dnc", *words, "--db", database], env={"COLUMNS": "160"}, **more)


SPELLINGS = ["13800138000", "+86 138 0013 8000", "0086-13800138000", "１３８００１３８０００", "8613800138000"]


@pytest.mark.parametrize("typed", SPELLINGS)
@pytest.mark.parametrize("asked", SPELLINGS[:3])
def test_every_spelling_is_the_same_number(database: str, typed: str, asked: str) -> None:
    assert ivr(database, "add", typed, "--reason", "opt_out", "--source", "letter").exit_code == 0
    found = ivr(database, "check", asked)
    assert found.exit_code == 1
    for word in ("all campaigns", A, "opt_out", "letter"):
        assert word in found.output
    assert both(database, A, "any")


def test_add_check_remove(database: str) -> None:
    assert "1 added, 0 known" in ivr(database, "add", "400", "--prefix", "--campaign", "c").output
    assert ivr(database, "check", "13800138000").exit_code == 0
    ivr(database, "add", "13800138000", "--reason", "opt_out")
    ivr(database, "add", "138", "--prefix")
    asked = ivr(database, "remove", "13800138000", input="n\n")
    assert (asked.exit_code, len(read(database, "dnc"))) == (1, 3)
    done = ivr(database, "remove", "13800138000", "--yes")
    assert done.exit_code == 0
    assert "Still listed for all campaigns: +86138..." in done.output
    again = ivr(database, "remove", "13800138000")
    assert again.exit_code == 1
    assert ivr(database, "add", "110").exit_code == 2
    assert ivr(database, "add", "4x", "--prefix").exit_code == 2
    assert ivr(database, "add", A, "--campaign", "a b").exit_code == 2


def test_out_and_in_again(database: str, tmp_path: Path) -> None:
    engine = make_engine(database)
    dnc.add(engine, [entry(A, reason="=1+1", source='x,"y"'), entry("+86400", "c", True), entry(B, "c")], NOW)
    before = read(database, "dnc")
    out = tmp_path / "dnc.csv"
    assert ivr(database, "export", "--output", str(out)).exit_code == 0
    with engine.begin() as connection:
        connection.execute(delete(schema.dnc))
    done = ivr(database, "import", str(out))
    assert "3 added, 0 known already, 0 rows not taken" in done.output
    assert read(database, "dnc") == before
    assert ivr(database, "export", "--campaign", "c").output.count("\n") == 3


def test_numbers_from_any_file(database: str, tmp_path: Path) -> None:
    path, report = tmp_path / "people.csv", tmp_path / "report.csv"
    path.write_bytes("姓名;手机号\n王;138 0013 8000\n李;110\n张;１３９００１３９０００\n".encode("gbk"))
    done = ivr(database, "import", str(path), "--campaign", "c", "--report", str(report))
    assert done.exit_code == 0, done.output
    assert {(r["scope"], r["number"], r["source"]) for r in read(database, "dnc")} == {
        ("c", A, "people.csv"), ("c", B, "people.csv")
    }  # fmt: skip
    assert "people.csv,3,手机号,110" in report.read_text("utf-8-sig")
    bare = tmp_path / "bare.txt"
    bare.write_text("13700137000\n13800138000\n")
    assert "2 added" in ivr(database, "import", str(bare), "--no-header").output
    beginnings = tmp_path / "begin.csv"
    beginnings.write_text("number\n400\n+86170\nx\n")
    assert "2 added, 0 known already, 1 rows" in ivr(database, "import", str(beginnings), "--prefix").output
    assert both(database, "+8617012345678", "z")


def test_the_log_has_who_did_what_also_of_what_is_gone(database: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"phone\n{A}\n{B}\n110\n")
    for words in (
        ("add", A, "--reason", "opt_out", "--source", "letter", "--by", "anna"),
        ("add", "400", "--prefix", "--campaign", "c"),
        ("remove", A, "--yes", "--by", "bob"),
        ("remove", "+86400", "--prefix", "--campaign", "c"),
        ("import", str(file), "--by", "carl"),
    ):
        assert ivr(database, *words).exit_code == 0, words
    assert ivr(database, "remove", A, "--campaign", "c").exit_code == 1, "nothing was done"
    told = json.loads(ivr(database, "log", "--as", "json").output)
    me = login_name()
    assert [(t["campaign"], t["by"], t["what"], t.get("numbers")) for t in told] == [
        ("-", "anna", "dnc add", [A]),
        ("c", me, "dnc add", ["+86400..."]),
        ("-", "bob", "dnc remove", [A]),
        ("c", me, "dnc remove", ["+86400..."]),
        ("-", "carl", "dnc import", None),
    ]
    assert (told[2]["reason"], told[2]["source"]) == ("opt_out", "letter")
    assert {word: told[4][word] for word in ("file", "new", "known", "rows", "rejected")} == {
        **{"file": "people.csv", "new": 2, "known": 0, "rows": 3, "rejected": 1}
    }
    assert all(t["at"] for t in told)
    assert [(row["campaign"], row["number"]) for row in read(database, "campaign_audit")] == [
        *(("-", 1), ("-", 2), ("-", 3), ("c", 1), ("c", 2))
    ]
    table = " ".join(ivr(database, "log").output.split())
    assert f"bob dnc remove all campaigns {A}; opt_out; letter" in table
    assert "2 added; 0 known already; 1 rows not taken" in table
    assert "anna" not in ivr(database, "log", "--campaign", "c").output


def test_of_many_who_add_at_once_each_has_a_row_of_the_log(database: str) -> None:
    gate = threading.Barrier(6)

    def press(n: int) -> None:
        engine = make_engine(database)
        gate.wait()
        for m in range(5):
            dnc.add(engine, [entry(f"+8613800{n}{m:05}")], NOW, Who(f"p{n}", NOW))
            dnc.remove(engine, f"+8613800{n}{m:05}", EVERYWHERE, Who(f"p{n}", NOW))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(press, range(6)))
    assert [row["number"] for row in read(database, "campaign_audit")] == list(range(1, 61))
