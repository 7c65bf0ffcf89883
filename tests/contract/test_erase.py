"""A person is removed everywhere, on both databases, and the bytes are gone from SQLite's file."""

from __future__ import annotations

import contextlib
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import inspect, text
from storetools import answer_row, at, attempt_row, call_row, read, recorder, run_row

from ivr.cli.main import main
from ivr.store import dnc, erase, leftovers, schema
from ivr.store.campaigns import Who
from ivr.store.engine import make_engine
from ivr.store.person import Person
from ivr.store.pseudonym import KeyFileError, keyed_hash, load_key, normal, pseudonym
from ivr.store.spool import Spool, encode, scan

Row = dict[str, Any]
NUMBER, OTHER = "8613800138000", "8613911112222"
#: Calls of the person, by the number as the switch gave it; and one of somebody else.
WRITTEN = {"call-one": NUMBER, "call-two": "+86 138 0013-8000", "call-three": "008613800138000", "call-other": OTHER}
KEY = b"k" * 32


def rows_of(call: str, caller: str) -> list[tuple[str, Row]]:
    later = call_row(call, caller=caller, ended_at=at(60))
    return [
        ("call", later),
        ("call_state", {"call_id": call, "program_hash": "p", "json": {"caller": caller}, "at": at(1)}),
        ("attempt", attempt_row(1, call, keys="4")),
        ("answer", answer_row(4, 1, call_id=call)),
        ("answer", answer_row(5, 2, call_id=call)),
        ("answer", {**answer_row(f"{call}-7.wav", 3, "message", call), "keys": ""}),
        ("run", run_row("complete", 9, call_id=call)),
        ("quota", {"survey": "csat", "launch": "-", "quota": "north", "call_id": call, "occurrence": 1, "at": at(9)}),
        ("outbox", {"call_id": call, "survey": "csat", "occurrence": 1, "alert": "a", "json": {"to": caller}}),
    ]


@pytest.fixture
def places(database: str, tmp_path: Path) -> erase.Places:
    one = recorder(database, tmp_path)
    for call, caller in WRITTEN.items():
        for table, row in rows_of(call, caller):
            one.put(table, row)
    # Somebody else keyed the person's number in: as text, and as a number.
    one.put("answer", {**answer_row(NUMBER, 4, "whose", "call-other"), "keys": NUMBER})
    one.put("answer", {**answer_row(int(NUMBER), 4, "number", "call-other"), "keys": NUMBER})
    one.put(
        "outbox", {"call_id": "call-other", "survey": "s", "occurrence": 1, "alert": "b", "json": {"to": int(NUMBER)}}
    )
    assert one.close()
    assert one.stats.dead_lettered == 0
    where = erase.Places(tmp_path / "recordings", tmp_path / "spool", tmp_path / "traces")
    for folder in (where.recordings, where.traces):
        assert folder
        folder.mkdir()
        for call in WRITTEN:
            (folder / f"{call}-7.wav").write_bytes(b"RIFF")
    assert where.traces
    (where.traces / "odd.txt").write_text(f"hotline: dial {NUMBER} ring 5 ms\n")
    spooled = [["answer", [call, "q", 1, caller]] for call, caller in WRITTEN.items()]
    (where.spool / "rows.spool").write_bytes(
        b"".join(encode(json.dumps(row).encode()) for row in spooled) + b"\xffCW1torn"
    )
    (where.spool / "rows.dead").write_text("".join(json.dumps({"reason": "no", "row": row}) + "\n" for row in spooled))
    (where.spool / "rows.bad").write_bytes(b"\xff\xff" + NUMBER.encode() + b"\xffcall-two\xff" + OTHER.encode())
    return where


def erased(database: str, places: erase.Places, number: str = NUMBER) -> erase.Erasure:
    engine = make_engine(database)
    person = erase.find(engine, number, at(3600))
    return erase.erase(engine, person, places, KEY, at(3600))


@pytest.mark.parametrize("typed", [NUMBER, "+86 138 0013 8000", "0086-138-0013-8000"])
def test_fault_103_nothing_is_left_and_others_keep_everything(database: str, places: erase.Places, typed: str) -> None:
    others = [row for row in read(database, "answer") if row["call_id"] == "call-other"]
    done = erased(database, places, typed)
    before = {line.where: line.before for line in done.proof if line.before}
    assert {w.removeprefix("table ") for w in before if w.startswith("table ")} == {
        *("call", "call_state", "attempt", "answer", "answer_history", "survey_run", "quota_complete", "outbox")
    }
    assert before[f"files in {places.recordings}"] == 3
    assert before[f"files in {places.traces}"] == 4
    assert before[f"rows in {places.spool}"] == 7
    assert done.complete
    assert done.calls == 3
    for table in ("call", "call_state", "attempt", "survey_run"):
        assert [row["call_id"] for row in read(database, table)] == ["call-other"], table
    left = {row["question"]: row for row in read(database, "answer")}
    for row in others:
        if row["question"] not in ("whose", "number"):
            assert left[row["question"]] == row
    for question in ("whose", "number"):
        assert (left[question]["value"], left[question]["value_number"]) == ("0" * 13, None)
    assert {row["alert"]: row["json"] for row in read(database, "outbox")}["b"] == '{"to": 0000000000000}'
    assert sorted(p.name for p in places.recordings.iterdir()) == ["call-other-7.wav"]


def test_a_quota_keeps_its_count_as_rows_of_nobody(database: str, places: erase.Places) -> None:
    erased(database, places)
    rows = read(database, "quota_complete")
    assert len(rows) == 4
    assert [(row["call_id"].startswith("erased-"), row["at"] is None) for row in rows].count((True, True)) == 3


def test_the_erasure_is_kept_under_a_keyed_hash(database: str, places: erase.Places) -> None:
    done = erased(database, places)
    (row,) = read(database, "erasure")
    assert (row["erasure"], row["at"]) == (done.id, at(3600))
    assert row["caller_hash"] == keyed_hash(KEY, "+" + NUMBER)
    told = json.loads(row["json"])
    assert (told["calls"], told["rows"]["call"], told["rows"]["quota_complete"]) == (3, 3, 3)
    assert NUMBER not in json.dumps(told)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)  # of PostgreSQL no file is ours
@pytest.mark.parametrize("word", [NUMBER, "call-one", "call-two", "138 0013-8000"])
def test_the_bytes_are_gone_from_the_file_of_sqlite(database: str, places: erase.Places, word: str) -> None:
    file = Path(database.removeprefix("sqlite:///"))

    def there() -> bool:
        """The log first: what a connection that closes moves out of it meanwhile is in the file then."""
        found = b""
        for path in (file.with_name(file.name + "-wal"), file):
            with contextlib.suppress(FileNotFoundError):
                found += path.read_bytes()
        return word.encode() in found

    assert there()
    assert erased(database, places).complete
    assert not there()


def test_the_spool_keeps_the_rows_of_others(database: str, places: erase.Places) -> None:
    erased(database, places)
    data = (places.spool / "rows.spool").read_bytes()
    kept = [(kind, data[start:end]) for kind, start, end in scan(data)]
    assert kept == [("row", json.dumps(["answer", ["call-other", "q", 1, OTHER]]).encode()), ("torn", b"\xffCW1torn")]
    assert [json.loads(line)["row"][1][0] for line in (places.spool / "rows.dead").open()] == ["call-other"]
    assert (
        places.spool / "rows.bad"
    ).read_bytes() == b"\xff\xff" + b"0" * 13 + b"\xff" + b"0" * 8 + b"\xff" + OTHER.encode()


@pytest.mark.parametrize("name", ["spool/8084", "spool-8084", "spool-8085/deep"])
def test_spools_of_every_worker_are_looked_through(
    database: str, places: erase.Places, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir(parents=True)
    file = tmp_path / name / "rows.spool"
    file.write_bytes(encode(json.dumps(["answer", ["call-two"]]).encode()))
    done = erased(database, places)
    assert file.read_bytes() == b""
    assert next(line for line in done.proof if line.where.startswith("rows in")).before == 8


def test_a_spool_that_a_server_works_with_is_left_to_it(database: str, places: erase.Places) -> None:
    spool = Spool(places.spool)
    try:
        with pytest.raises(erase.EraseError, match="stop that server"):
            erased(database, places)
        assert len(read(database, "call")) == 4
    finally:
        spool.close()
    assert erased(database, places).complete


def test_a_call_that_goes_on_is_left_alone(database: str, places: erase.Places, tmp_path: Path) -> None:
    one = recorder(database, tmp_path / "more")
    one.put("call", call_row("call-live", caller="+" + NUMBER))
    assert one.close()
    with pytest.raises(erase.EraseError, match="call-live"):
        erased(database, places)
    assert len(read(database, "call")) == 5
    # Its worker was lost: a day later it is no call that goes on.
    engine = make_engine(database)
    person = erase.find(engine, NUMBER, at(0) + timedelta(days=2))
    assert "call-live" in person.call_ids


@pytest.mark.parametrize("typed", ["", "anonymous", "+", "12"])
def test_what_is_no_number_is_refused(database: str, typed: str) -> None:
    with pytest.raises(erase.EraseError, match="no caller's number"):
        erase.find(make_engine(database), typed, at(0))


def test_what_an_author_wrote_stays_and_is_told(database: str, places: erase.Places, tmp_path: Path) -> None:
    one = recorder(database, tmp_path / "more")
    one.put("program", {"hash": "h", "flow": "f", "json": {"say": f"call {NUMBER}"}})
    assert one.close()
    done = erased(database, places)
    assert not done.complete
    left = [(line.where, line.authored) for line in done.proof if line.after]
    assert left[0] == ("table program", True)
    assert all(where.startswith("bytes of ") for where, _ in left[1:])
    assert NUMBER in read(database, "program")[0]["json"]


def test_a_longer_number_with_this_one_in_it_stays_and_sqlite_shows_its_bytes(
    database: str, places: erase.Places, tmp_path: Path
) -> None:
    one = recorder(database, tmp_path / "more")
    one.put("answer", {**answer_row(f"9{NUMBER}9", 4, "longer", "call-other"), "keys": ""})
    assert one.close()
    done = erased(database, places)
    assert [row["value"] for row in read(database, "answer") if row["question"] == "longer"] == [f"9{NUMBER}9"]
    left = [line.where for line in done.proof if line.after]
    assert len(left) == (1 if database.startswith("sqlite") else 0)
    assert all(where.startswith("bytes of ") for where in left)


def test_a_table_that_is_none_of_ours_is_searched_too(database: str, places: erase.Places) -> None:
    engine = make_engine(database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (n integer PRIMARY KEY, note varchar(100))"))
        connection.execute(text(f"INSERT INTO notes VALUES (1, 'ask +{NUMBER} again'), (2, 'nothing')"))
    done = erased(database, places)
    assert next(line for line in done.proof if line.where == "table notes").before == 1
    with engine.connect() as connection:
        notes = connection.execute(text("SELECT note FROM notes ORDER BY n")).scalars().all()
    assert notes == ["ask +0000000000000 again", "nothing"]
    assert done.complete


def test_nobody_of_that_number(database: str, places: erase.Places) -> None:
    done = erased(database, places, "4930555000111")
    assert (done.calls, done.complete) == (0, True)
    assert len(read(database, "call")) == 4


def test_ivr_erase(database: str, places: erase.Places, tmp_path: Path) -> None:
    key = tmp_path / "key"
    where = [f"--{name}={getattr(places, name)}" for name in ("recordings", "spool", "traces")]
    command = ["erase", "--caller", NUMBER, "--db", database, "--key-file", str(key), *where]
    asked = CliRunner().invoke(main, command, input="n\n")
    assert (asked.exit_code, "3 calls" in asked.output) == (1, True)
    assert len(read(database, "call")) == 4
    done = CliRunner().invoke(main, [*command, "--yes"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "Nothing of this caller is left" in done.output
    assert NUMBER not in done.output
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert read(database, "erasure")[0]["caller_hash"] == keyed_hash(load_key(key), NUMBER)
    assert inspect(make_engine(database)).get_view_names(), "VACUUM keeps the views"


# -- people who were to be called ------------------------------------------------------------------------------------


def called(database: str, state: str = "done") -> None:
    """The person and another one: in a list, in a campaign, called, and asked not to be called again."""
    engine = make_engine(database)
    with engine.begin() as connection:
        for who, number in (("p", "+" + NUMBER), ("o", "+" + OTHER)):
            contact = {"contact_id": f"contact-{who}", "list": "march", "number": number, "facts": "{}"}
            connection.execute(schema.contact.insert(), [contact])
            turn = {"campaign": "c", "contact_id": f"contact-{who}", "number": number, "state": state, "fence": 1}
            connection.execute(schema.campaign_contact.insert(), [{**turn, "lease_until": at(3700)}])
            for n in (1, 2):
                over = state != "unended" or n == 1
                ends = {"consent": "form", "leased_at": at(0)} | {
                    "ended_at": at(60) if over else None,
                    "outcome": "busy" if over else None,
                }
                attempt = {"attempt_id": f"attempt-{who}{n}", "campaign": "c", "number": number, "number_of": n}
                connection.execute(schema.dial_attempt.insert(), [{**attempt, "contact_id": f"contact-{who}", **ends}])
        audit = {"campaign": "c", "number": 1, "at": at(0), "by": "me", "what": "note"}
        connection.execute(schema.campaign_audit.insert(), [{**audit, "json": '{"ask": "contact-p"}'}])
    listed = [
        dnc.Entry("-", "+" + NUMBER, False, "opt_out", "call-one"),
        dnc.Entry("-", "+" + OTHER, False, "opt_out", "attempt-p1"),
        dnc.Entry("c", "+86138", True, "import", "file"),
    ]
    dnc.add(engine, listed, at(0), Who("me", at(0)))


@pytest.mark.parametrize("forget", [False, True])
def test_who_was_to_be_called_is_forgotten_and_stays_uncalled(
    database: str, places: erase.Places, forget: bool
) -> None:
    called(database)
    engine = make_engine(database)
    done = erase.erase(engine, erase.find(engine, NUMBER, at(3600)), places, KEY, at(3600), forget_dnc=forget)
    assert done.complete, [line for line in done.proof if line.after]
    for table, name in (("contact", "contact_id"), ("campaign_contact", "contact_id")):
        assert [row[name] for row in read(database, table)] == ["contact-o"], table
    tried = {
        row["attempt_id"]: (row["contact_id"], row["number"], row["consent"]) for row in read(database, "dial_attempt")
    }
    assert {tried.pop(f"attempt-o{n}") for n in (1, 2)} == {("contact-o", "+" + OTHER, "form")}
    assert [name.startswith("erased-") for name in tried] == [True, True]
    assert set(tried.values()) == {(None, None, None)}
    audit = {row["what"]: row["json"] for row in read(database, "campaign_audit")}
    assert audit["note"] == '{"ask": "erased"}'
    assert NUMBER not in audit["dnc add"]
    assert OTHER in audit["dnc add"]
    entries = {(e.scope, e.number): (e.reason, e.source, e.at) for e in dnc.entries(engine)}
    kept = {("-", "+" + NUMBER): ("opt_out", "erased", at(0))}
    assert entries == {
        **({} if forget else kept),
        ("-", "+" + OTHER): ("opt_out", "erased", at(0)),
        ("c", "+86138"): ("import", "file", at(0)),
    }
    line = next(line for line in done.proof if line.where == "table dnc")
    assert (line.after, line.kept) == ((0, False) if forget else (1, True))
    assert any("--forget-dnc" in note for note in done.notes) is not forget
    told = json.loads(read(database, "erasure")[0]["json"])["rows"]
    assert (told["contact"], told["campaign_contact"], told["dial_attempt"]) == (1, 1, 2)


def test_a_contact_that_never_called_and_is_written_without_its_country(database: str, places: erase.Places) -> None:
    called(database)
    engine = make_engine(database)
    person = erase.find(engine, "13800138000", at(3600), ["+" + NUMBER])
    assert (set(person.other_ids), len(person.call_ids)) == ({"contact-p", "attempt-p1", "attempt-p2"}, 3)
    assert erase.erase(engine, person, places, KEY, at(3600)).complete
    assert [row["number"] for row in read(database, "contact")] == ["+" + OTHER]


@pytest.mark.parametrize(
    ("state", "says"), [("leased", "campaign 'c' calls this number"), ("unended", "a campaign calls this number")]
)
def test_an_attempt_that_goes_on_is_left_alone(database: str, places: erase.Places, state: str, says: str) -> None:
    called(database, state)
    with pytest.raises(erase.EraseError, match=says):
        erased(database, places)
    assert len(read(database, "contact")) == 2
    engine = make_engine(database)
    later = at(0) + timedelta(days=2)
    assert erase.find(engine, NUMBER, later).other_ids, "the dialler died: its lease has ended"


@pytest.mark.parametrize("forget", [False, True])
def test_ivr_erase_says_what_is_kept(database: str, places: erase.Places, tmp_path: Path, forget: bool) -> None:
    called(database)
    where = [f"--{name}={getattr(places, name)}" for name in ("recordings", "spool", "traces")]
    words = ["erase", "--caller", "138 0013 8000", "--db", database, "--key-file", str(tmp_path / "key"), "--yes"]
    done = CliRunner().invoke(main, [*words, *where, *(["--forget-dnc"] if forget else [])], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert ("but for the do-not-call list" in done.output) is not forget
    assert ("1 (kept)" in done.output) is not forget
    assert [row["number"] for row in read(database, "contact")] == ["+" + OTHER]


TEXTS = [
    ("8613800138000", True), ("+8613800138000", True), ("008613800138000", True), ("x 8613800138000.", True),
    ('{"n":8613800138000}', True), ("186138001380001", False), ("a8613800138000", False), ("call-a", True),
    ("call-a-3.wav", True), ("call-ab", False), ("", False),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), TEXTS)
def test_what_tells_of_a_person(words: str, told: bool) -> None:
    person = Person("8613800138000", (), ("call-a",))
    assert person.in_text(words) is told
    assert not person.in_text(person.without(words))


def test_bytes_are_found_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_PIECE", 7)
    path = tmp_path / "file"
    person = Person("12345678", (), ("call-a",))
    for before in range(20):
        path.write_bytes(b"." * before + b"12345678" + b"-" * 3 + b"call-a" + b"12345678" * 2 + b"123456")
        assert leftovers.bytes_hold(path, person) == 4


def test_pseudonyms(tmp_path: Path) -> None:
    key = load_key(tmp_path / "deep" / "key")
    assert load_key(tmp_path / "deep" / "key") == key
    same = {pseudonym(key, n) for n in ("+86 138 0013-8000", "8613800138000", "008613800138000")}
    assert len(same) == 1
    (name,) = same
    assert len(name) == 16
    assert set(name) <= set("0123456789abcdef")
    assert pseudonym(key, "8613800138001") != name
    assert pseudonym(load_key(tmp_path / "other"), "8613800138000") != name
    assert pseudonym(key, None) == pseudonym(key, "") == pseudonym(key, " ") == ""
    assert normal("00") == "00"


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [("zz", 0o600, "no key"), ("00" * 32, 0o640, "chmod 600"), ("00" * 4, 0o600, "too short")],
)
def test_a_key_that_cannot_be_used(tmp_path: Path, content: str, mode: int, says: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=says):
        load_key(path)
