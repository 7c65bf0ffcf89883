"""`ivr export` as it is typed."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from exporttools import rows, store
from test_export import CALLS, FULL, NONE

from ivr.cli.main import main

DONE = [
    # what is typed after the name, the file, what is said
    (("--out", "a.csv"), "a.csv", f"{len(FULL) + len(NONE) + 1} answers in a.csv"),
    (("--out", "a.csv", "--layout", "wide"), "a.csv", "5 runs in a.csv"),
    (("--out", "a.csv", "--layout", "wide", "--status", "partial, complete"), "a.csv", "4 runs in a.csv"),
    (("--out", "a.csv", "--layout", "wide", "--since", "2026-11-22T10:04:00+00:00"), "a.csv", "2 runs in a.csv"),
    (("--out", "a.jsonl", "--format", "jsonl"), "a.jsonl", "answers in a.jsonl"),
    (("--out", "a.xlsx", "--format", "xlsx"), "a.xlsx", "answers in a.xlsx"),
    (("--out", "a.parquet", "--format", "parquet"), "a.parquet", "answers in a.parquet"),
    (("--out", "a.sav", "--format", "sav"), "a.sav", "5 runs in a.sav"),
    (("--out", "a", "--format", "floip"), "a/datapackage.json", "answers in a"),
    (("--out", "a.csv", "--pseudonym-key", "key", "--excel-bom"), "a.csv", "answers in a.csv"),
]


@pytest.fixture
def typed(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    store(database, tmp_path, CALLS)
    monkeypatch.setenv("CALLWEAVE_DB", database)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("0123456789abcdef\n")
    (tmp_path / "short").write_text("0123")
    return tmp_path


@pytest.mark.parametrize(("words", "name", "said"), DONE)
def test_done(typed: Path, words: tuple[str, ...], name: str, said: str) -> None:
    result = CliRunner().invoke(main, ["export", "colours", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert said in result.stderr
    assert not result.stdout
    assert (typed / name).stat().st_size > 100
    assert (typed / name).stat().st_mode & 0o044, "others may read it, as far as the umask lets them"


WRONG = [
    (("nothing", "--out", "a.csv"), 2, "no survey and no launch 'nothing' in this database; there are colours"),
    (("colours",), 2, "--out"),
    (("colours", "--out", "a.csv", "--status", "done"), 2, "'done' is no end of a run; there are begun, partial"),
    (("colours", "--out", "a.csv", "--since", "yesterday"), 2, "is no time"),
    (("colours", "--out", "a.csv", "--pseudonym-key", "short"), 2, "a key has 16 or more"),
    (("colours", "--out", "no/a.csv"), 1, "cannot write no/a.csv: No such file or directory"),
    (("colours", "--out", "-", "--format", "sav"), 2, "standard output"),
    (("--layout", "wide", "--out", "a.csv"), 2, "name a survey or a launch"),
]


@pytest.mark.parametrize(("words", "status", "said"), WRONG)
def test_wrong(typed: Path, words: tuple[str, ...], status: int, said: str) -> None:
    result = CliRunner().invoke(main, ["export", *words])
    assert result.exit_code == status, result.output
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not (typed / "a.csv").exists()


def test_standard_output(typed: Path) -> None:
    command = [sys.executable, "-c", "from ivr.cli.main import main; main()", "export", "--out", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert len(found) == len(FULL) + len(NONE) + 1
    assert done.stderr.strip() == f"{len(found)} answers in standard output"


def test_a_library_that_is_not_there_is_named(typed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    result = CliRunner().invoke(main, ["export", "colours", "--format", "sav", "--out", "a.sav"])
    assert (result.exit_code, "pip install 'callweave[analysis]'" in result.stderr) == (1, True)
    assert not list(typed.glob("*a.sav*"))


def test_the_key_makes_the_pseudonym(typed: Path) -> None:
    for name in ("a.csv", "b.csv"):
        CliRunner().invoke(main, ["export", "--out", name, "--pseudonym-key", "key"], catch_exceptions=False)
    people = {row["call_id"]: row["respondent"] for row in rows(typed / "a.csv")}
    assert len(set(people.values())) == len(people) == 3
    assert all(len(person) == 16 for person in people.values())
    assert (typed / "a.csv").read_bytes() == (typed / "b.csv").read_bytes()
