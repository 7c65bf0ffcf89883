"""Lists of people in both databases: imported, again, in part, in place of another; and nothing is ever half there."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from storetools import read

from ivr.cli.main import main
from ivr.contacts.importing import FileError, RejectedFile, Wish, import_file
from ivr.contacts.people import contact_id
from ivr.store import contacts, schema
from ivr.store.contacts import Counts
from ivr.store.engine import make_engine
from ivr.store.staging import Busy, copy_line

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
A, B, C = "+8613800138000", "+8613900139000", "+8613700137000"


def take(database: str, folder: Path, text: str, name: str = "march", hours: int = 0, **wish: Any) -> Counts:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    engine = make_engine(database)
    with RejectedFile(None) as none:
        found = import_file(engine, path, Wish(name, **wish), NOW + timedelta(hours=hours), none).counts
    assert found
    return found


def stored(database: str, name: str = "march") -> dict[str, dict[str, Any]]:
    return {row["number"]: row for row in read(database, "contact") if row["list"] == name}


FILE = "phone,name,city,consent\n13800138000,王芳,上海,f1\n13900139000,李娜,,\n"


def test_a_list_and_the_same_again(database: str, tmp_path: Path) -> None:
    assert take(database, tmp_path, FILE) == Counts(2, 0, 0)
    first = read(database, "contact")
    assert stored(database)[A] == {
        **{"contact_id": contact_id("march", A), "list": "march", "number": A, "name": "王芳", "language": ""},
        **{"zone": "Asia/Shanghai", "consent": "f1", "facts": '{"city": "上海"}', "imported_at": NOW},
    }
    assert take(database, tmp_path, FILE, hours=1) == Counts(0, 0, 2)
    assert read(database, "contact") == first
    assert take(database, tmp_path, FILE, "april") == Counts(2, 0, 0)


CHANGES = [
    ("another name", "phone,name\n+86 138 0013 8000,Wang\n",
     {"name": "Wang", "consent": "f1", "facts": '{"city": "上海"}'}),
    ("consent withdrawn", "phone,consent\n13800138000,\n", {"consent": "", "name": "王芳"}),
    ("facts as a whole", "phone,vip\n13800138000,true\n", {"facts": '{"vip": true}', "name": "王芳"}),
    ("a zone that was told", "phone,zone\n13800138000,Asia/Urumqi\n", {"zone": "Asia/Urumqi", "name": "王芳"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "changed"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_what_a_file_says_is_taken_and_the_rest_stays(
    database: str, tmp_path: Path, text: str, changed: dict[str, str]
) -> None:
    take(database, tmp_path, FILE)
    assert take(database, tmp_path, text, hours=1) == Counts(0, 1, 0)
    row = stored(database)[A]
    assert {name: row[name] for name in changed} == changed
    assert row["imported_at"] == NOW + timedelta(hours=1)
    assert stored(database)[B]["imported_at"] == NOW
    assert take(database, tmp_path, "phone\n13800138000\n", hours=2) == Counts(0, 0, 1)


def waiting(database: str, number: str, state: str = "waiting", campaign: str = "c") -> None:
    row = {"campaign": campaign, "contact_id": contact_id("march", number), "number": number, "state": state}
    with make_engine(database).begin() as connection:
        connection.execute(schema.campaign_contact.insert(), [row])


def test_replace_makes_the_list_what_the_file_says(database: str, tmp_path: Path) -> None:
    take(database, tmp_path, FILE)
    take(database, tmp_path, FILE, "april")
    waiting(database, B)
    waiting(database, B, "done", "d")
    found = take(database, tmp_path, "phone,name\n13700137000,new\n13800138000,王芳\n", replace=True)
    assert found == Counts(1, 0, 1, removed=1)
    assert set(stored(database)) == {A, C}
    assert set(stored(database, "april")) == {A, B}
    assert [row["state"] for row in read(database, "campaign_contact")] == ["done"]
    with pytest.raises(contacts.ListError, match="stays as it is"):
        take(database, tmp_path, "phone,name\nx,new\n", replace=True)
    assert set(stored(database)) == {A, C}


@pytest.mark.parametrize("known", [False, True], ids=["a new list", "a list that is there"])
def test_a_file_that_breaks_off_leaves_nothing(database: str, tmp_path: Path, known: bool) -> None:
    """Its encoding was typed and the last byte is not in it; thousands of rows were on their way."""
    if known:
        take(database, tmp_path, FILE)
    before = read(database, "contact")
    path = tmp_path / "big.csv"
    engine = make_engine(database)

    class Stop(Exception):
        pass

    def stop(done: int, size: int) -> None:
        if done > size / 2:
            raise Stop

    path.write_text("phone,name\n" + "".join(f"138{n:08},x\n" for n in range(60_000)))
    with RejectedFile(None) as none, pytest.raises(Stop):
        import_file(engine, path, Wish("march"), NOW, none, stop)
    assert read(database, "contact") == before
    assert take(database, tmp_path, FILE) == (Counts(0, 0, 2) if known else Counts(2, 0, 0))


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from ivr.contacts.importing import RejectedFile, Wish, import_file
from ivr.store import contacts
from ivr.store.engine import make_engine
from ivr.store.staging import Staging
if sys.argv[3] == "at the end":
    Staging.commit = lambda self: os.kill(os.getpid(), signal.SIGKILL)
def progress(done, size):
    if sys.argv[3] == "half way" and done > size / 2:
        os.kill(os.getpid(), signal.SIGKILL)
with RejectedFile(None) as none:
    import_file(make_engine(sys.argv[1]), Path(sys.argv[2]), Wish("march"), datetime.now(UTC), none, progress)
"""


@pytest.mark.parametrize("when", ["half way", "at the end"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_a_killed_import_leaves_nothing(database: str, tmp_path: Path, when: str, known: bool) -> None:
    if known:
        take(database, tmp_path, FILE)
    before = read(database, "contact")
    path = tmp_path / "big.csv"
    path.write_text("phone,name\n" + "".join(f"138{n:08},x\n" for n in range(20_000)))
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), database, str(path), when], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert read(database, "contact") == before


def test_two_at_once(database: str, tmp_path: Path) -> None:
    """On PostgreSQL the second one is told; SQLite takes one writer after the other."""
    engine = make_engine(database, wait_ms=200)
    row = (contact_id("march", A), A, "x", None, "", None, None)
    with contacts.importing(engine, "march", ["name"], NOW) as first:
        first.put([row])
        if engine.dialect.name == "postgresql":
            with pytest.raises(Busy):
                take(database, tmp_path, FILE)
        else:
            assert take(database, tmp_path, FILE) == Counts(2, 0, 0)
        assert take(database, tmp_path, FILE, "april") == Counts(2, 0, 0)
        first.finish()
    assert stored(database)[A]["name"] == "x"


@pytest.mark.parametrize("text", ["a\tb", "a\\b", "a\nb", "a\rb", "\\N", "", "é王", "a\\\tb"])
def test_texts_come_as_they_are(database: str, text: str) -> None:
    engine = make_engine(database)
    for _ in range(2):  # straight into the table, then past what is there
        with contacts.importing(engine, "odd", ["name", "facts"], NOW) as into:
            into.put([(contact_id("odd", A), A, text, None, "", None, '{"a": "\\\\"}')])
            into.finish()
        assert stored(database, "odd")[A]["name"] == text
        assert stored(database, "odd")[A]["facts"] == '{"a": "\\\\"}'


def test_lines_of_copy() -> None:
    assert copy_line(("a", "b")) == "a\tb\n"
    assert copy_line(("a", None, 1)) == "a\t\\N\t1\n"
    assert copy_line(("a\tb", "c\\")) == "a\\tb\tc\\\\\n"


# -- the command -------------------------------------------------------------------------------------------------------


def ivr(database: str, *words: str, **more: Any) -> Result:
    return CliRunner().invoke(main, [*words, "--db", database], env={"COLUMNS": "160"}, **more)


def test_ivr_contacts(database: str, tmp_path: Path) -> None:
    file, rejected = tmp_path / "people.csv", tmp_path / "rejected.csv"
    file.write_bytes((FILE + "110,police,,\n13800138000,twice,,\n").encode("gbk"))
    dry = ivr(database, "contacts", "import", str(file), "--list", "march", "--dry-run")
    assert (dry.exit_code, read(database, "contact")) == (0, []), dry.output
    assert "2 people would be taken" in dry.output
    done = ivr(database, "contacts", "import", str(file), "--list", "march", "--report", str(rejected))
    assert done.exit_code == 0, done.output
    assert "2 new, 0 updated, 0 as they were." in done.output
    assert "gb18030" in done.output
    with rejected.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))
    assert [row[1:4] for row in rows[1:]] == [["4", "phone", "110"], ["5", "phone", "13800138000"]]
    assert "emergency" in rows[1][4]
    assert rows[2][4] == "the same number as in row 2"
    lists = ivr(database, "contacts", "list", "--as", "json")
    assert '"people": 2' in lists.output
    shown = ivr(database, "contacts", "show", "march")
    assert A not in shown.output
    assert "王芳" in shown.output
    assert A in ivr(database, "contacts", "show", "138 0013 8000").output
    assert A in ivr(database, "contacts", "show", "march", "--full-numbers").output


def test_show_has_facts_as_an_object(database: str, tmp_path: Path) -> None:
    take(database, tmp_path, "phone,name,city,member\n13800138000,A,Ulm,true\n13900139000,B,,false\n")
    for what in ("march", A):
        shown = json.loads(ivr(database, "contacts", "show", what, "--as", "json").output)
        assert shown[0]["facts"] == {"city": "Ulm", "member": True}
    assert "city=Ulm, member=True" in ivr(database, "contacts", "show", "march", "--as", "csv").output
    assert "city=Ulm" in ivr(database, "contacts", "show", A).output


def test_an_export_comes_back_as_it_was(database: str, tmp_path: Path) -> None:
    odd = 'phone,name,a,b\n13800138000,"=1+1","x, ""y""",true\n13900139000,-x,王,00123\n'
    take(database, tmp_path, odd)
    before = stored(database)
    out = tmp_path / "out.csv"
    assert ivr(database, "contacts", "export", "march", "--output", str(out)).exit_code == 0
    assert "'=1+1" in out.read_text("utf-8-sig")
    again = ivr(database, "contacts", "import", str(out), "--list", "march")
    assert again.exit_code == 0, again.output
    after = stored(database)
    assert {n: r["facts"] for n, r in after.items()} == {n: r["facts"] for n, r in before.items()}
    assert after[A]["name"] == "=1+1", "the guard against formulas is no part of the name"


def test_remove(database: str, tmp_path: Path) -> None:
    take(database, tmp_path, FILE)
    waiting(database, A)
    asked = ivr(database, "contacts", "remove", "march", "--number", "13800138000", input="n\n")
    assert (asked.exit_code, len(stored(database))) == (1, 2)
    done = ivr(database, "contacts", "remove", "march", "--number", "138 00138000", "--yes")
    assert "1 contacts removed, 1 of them waited" in done.output
    assert set(stored(database)) == {B}
    assert ivr(database, "contacts", "remove", "march", "--yes").exit_code == 0
    assert ivr(database, "contacts", "remove", "march", "--yes").exit_code == 1


WRONG = [
    (["import", "FILE", "--list", "m", "--country", "XX"], 2, "no country"),
    (["import", "FILE", "--list", "m", "--map", "number"], 2, "number=HEADER"),
    (["import", "FILE", "FILE", "--list", "m", "--replace"], 2, "one file"),
    (["import", "FILE", "--list", "m", "--map", "number=nope"], 1, "no column 'nope'"),
    (["import", "FILE", "--list", "x" * 300], 1, "1 to 200 characters"),
    (["show", "nothing"], 1, "no list"),
    (["export", "nothing"], 1, "no list"),
    (["remove", "march", "--number", "110"], 2, "emergency"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "says"), WRONG)
def test_what_cannot_be_done_says_why(database: str, tmp_path: Path, words: list[str], status: int, says: str) -> None:
    (tmp_path / "FILE").write_text(FILE)
    done = ivr(database, "contacts", *[str(tmp_path / "FILE") if w == "FILE" else w for w in words])
    assert (done.exit_code, says in done.output) == (status, True), done.output
    assert read(database, "contact") == []


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"), RejectedFile(tmp_path / "no" / "where.csv"):
        pass
    assert os.listdir(tmp_path) == []
