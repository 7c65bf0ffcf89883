"""A year of answers: figures of one launch, a full export, and storing, each against the database's own statements.

Law: measures and returns; prints nothing, writes no page. Both sides of a figure take turns on the same data, and the
figure is the median of their ratios: what the machine does meanwhile meets both.
"""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import storing
from benchmarks.process import ROOT
from benchmarks.year import Year
from benchmarks.year_load import load
from ivr.store.engine import parse_url

POSTGRES = os.environ.get("CALLWEAVE_BENCH_PG", "postgresql://postgres@127.0.0.1:5432/postgres")
Say = Callable[[str], None]

_THEIRS = "a.call_id = r.call_id AND a.survey = r.survey AND a.run = r.occurrence"
#: What the figures of a launch are made of, as somebody writes it who knows the tables.
SUMMARY = (
    f"SELECT a.survey, a.question, a.value, count(*), sum(a.value_number) FROM survey_run r JOIN answer a ON {_THEIRS} "
    "WHERE r.launch = '{launch}' AND r.launch <> '' AND r.status <> 'resumed' GROUP BY 1, 2, 3",
    "SELECT a.survey, a.question, a.outcome, count(*) FROM survey_run r JOIN attempt a ON a.call_id = r.call_id "
    "AND a.survey = r.survey WHERE r.launch = '{launch}' AND r.launch <> '' GROUP BY 1, 2, 3",
    "SELECT r.survey, r.status, count(*) FROM survey_run r LEFT JOIN call c ON c.call_id = r.call_id "
    "WHERE r.launch = '{launch}' AND r.launch <> '' GROUP BY 1, 2",
)
#: The stored columns of an export; titles and labels are in no column.
EXPORT = (
    "SELECT r.call_id, c.caller, r.survey, r.launch, r.definition, r.status, a.question, a.value, a.value_number, "
    "a.missing, a.language, a.at, r.agent, r.queue, c.flow, r.occurrence, a.occurrence "
    f"FROM survey_run r JOIN answer a ON {_THEIRS} LEFT JOIN call c ON c.call_id = r.call_id "
    "WHERE r.status <> 'resumed'"
)


@dataclass(frozen=True)
class Versus:
    """Ours and the bare statements, in seconds, round by round."""

    ours_s: tuple[float, ...]
    bare_s: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How often longer ours takes."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours_s, self.bare_s, strict=True))

    @property
    def ours(self) -> float:
        return statistics.median(self.ours_s)

    @property
    def bare(self) -> float:
        return statistics.median(self.bare_s)


@dataclass(frozen=True)
class Measured:
    """Of one database."""

    database: str
    answers: int
    exported: int
    launch: str
    launch_runs: int
    summary: Versus
    summary_first: Versus  # against the first of the three statements alone
    export: Versus
    export_table: Versus  # against the table `answer` alone, nothing joined
    export_peak_mb: float
    stored_rows: int
    storing: Versus
    storing_copy: Versus | None  # against COPY, on PostgreSQL


@dataclass(frozen=True)
class Place:
    """A database with a year in it."""

    name: str
    url: str
    answers: int

    def bare(self, sql: str, *, csv: bool = False) -> list[str]:
        """The command that runs ``sql`` and writes to its standard output."""
        if self.name == "PostgreSQL":
            url = parse_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
            return ["psql", "-q", "-d", url, "-c", f"COPY ({sql}) TO STDOUT CSV" if csv else sql]
        return ["sqlite3", "-readonly", *(["-csv"] if csv else []), str(parse_url(self.url).database), sql]


@contextmanager
def places(answers: int, launches: int, given: Sequence[str], say: Say) -> Iterator[list[Place]]:
    """Both databases with the same year, made for the occasion unless ``given`` names some that have one."""
    if given:
        yield [Place(_kind(url), url, _count(url)) for url in given]
        return
    year, name = Year(answers, launches), f"callweave_year_{secrets.token_hex(4)}"
    folder = Path(tempfile.mkdtemp(prefix="callweave-year-"))
    try:
        server = psycopg.connect(POSTGRES, autocommit=True)
    except psycopg.OperationalError as error:
        told = " ".join(str(error).split())
        raise SystemExit(f"no PostgreSQL ({told}); set CALLWEAVE_BENCH_PG to a URL, or take --only calls") from None
    with server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            urls = [f"sqlite:///{folder}/year.db", POSTGRES.rpartition("/")[0] + f"/{name}"]
            found = []
            for url in urls:
                say(f"{_kind(url)}: a year of {answers:,} answers")
                counts = load(url, year, say=lambda text: None)
                found.append(Place(_kind(url), url, counts["answer"]))
            yield found
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            shutil.rmtree(folder)


def _kind(url: str) -> str:
    return "PostgreSQL" if parse_url(url).get_backend_name() == "postgresql" else "SQLite"


def _count(url: str) -> int:
    from sqlalchemy import func, select

    from ivr.results.queries import reading
    from ivr.store.engine import make_engine
    from ivr.store.schema import answer

    with reading(make_engine(url)) as connection:
        return connection.scalar(select(func.count()).select_from(answer)) or 0


def measure(place: Place, launch: tuple[str, int], rounds: int, say: Say) -> Measured:
    name = place.name
    if shutil.which("psql" if name == "PostgreSQL" else "sqlite3") is None:
        raise SystemExit("the bare statements run in psql and in sqlite3; install postgresql-client and sqlite3")
    summary, first = _summaries(place, launch[0], 2 * rounds + 1, say)
    export, table, peak_mb, exported = _exports(place, rounds, say)
    say(f"{name}: storing")
    stored = storing.measure(place.url, rounds=2 * rounds + 1)
    copied = Versus(stored.ours_s, stored.copy_s) if stored.copy_s else None
    plain = Versus(stored.ours_s, stored.plain_s)
    return Measured(
        *(name, place.answers, exported, *launch, summary, first, export, table, peak_mb, stored.rows, plain, copied)
    )


def _summaries(place: Place, launch: str, rounds: int, say: Say) -> tuple[Versus, Versus]:
    """The whole commands, from their start to their end: the shells start in no time, Python in half a second."""
    statements = [sql.format(launch=launch) for sql in SUMMARY]
    ours, bare, first = [], [], []
    for n in range(rounds + 1):
        say(f"{place.name}: figures of one launch, round {n} of {rounds}")
        times = (
            _run(_ivr("results", "summary", "--launch", launch, "--db", place.url))[0],
            _run(place.bare("; ".join(statements)))[0],
            _run(place.bare(statements[0]))[0],
        )
        if n:  # the first one reads from the disk for all
            for found, seconds in zip((ours, bare, first), times, strict=True):
                found.append(seconds)
    return Versus(tuple(ours), tuple(bare)), Versus(tuple(ours), tuple(first))


def _exports(place: Place, rounds: int, say: Say) -> tuple[Versus, Versus, float, int]:
    ours, bare, table = [], [], []
    peak_mb, count = 0.0, 0
    with tempfile.TemporaryDirectory(prefix="callweave-export-") as folder:
        out = Path(folder) / "answers.csv"
        key = Path(folder) / "key"
        key.write_text(secrets.token_hex(32))
        command = _ivr("export", "--out", str(out), "--pseudonym-key", str(key), "--language", "en", "--db", place.url)
        for n in range(rounds):
            say(f"{place.name}: full export, round {n + 1} of {rounds}")
            seconds, mb = _run(command)
            ours.append(seconds)
            peak_mb = max(peak_mb, mb)
            count = count or _lines(out) - 1
            bare.append(_run(place.bare(EXPORT, csv=True), out)[0])
            table.append(_run(place.bare("SELECT * FROM answer", csv=True), out)[0])
    return Versus(tuple(ours), tuple(bare)), Versus(tuple(ours), tuple(table)), peak_mb, count


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _ivr(*words: str) -> list[str]:
    return [sys.executable, "-c", "from ivr.cli.main import main; main()", *words]


def _run(command: list[str], out: Path | None = None) -> tuple[float, float]:
    """Seconds, and the most megabytes that the process had. Raises SystemExit when it fails."""
    with (out or Path(os.devnull)).open("wb") as stdout, tempfile.TemporaryFile() as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=stdout, stderr=stderr, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        peak_mb = 0.0
        while True:
            # Not what wait4 tells: that counts what this process had when it made the other one.
            peak_mb = max(peak_mb, _high_water_mb(process.pid))
            try:
                process.wait(0.05)
                break
            except subprocess.TimeoutExpired:
                continue
        seconds = time.perf_counter() - began
        if process.returncode:
            stderr.seek(0)
            raise SystemExit(f"{command[:4]} failed: {stderr.read().decode(errors='replace')[-500:]}")
    return seconds, peak_mb


def _high_water_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def typical_launch(place: Place) -> tuple[str, int]:
    """One of middling size, and how many runs it has."""
    from sqlalchemy import func, select

    from ivr.results.queries import reading
    from ivr.store.engine import make_engine
    from ivr.store.schema import survey_run

    with reading(make_engine(place.url)) as connection:
        run = survey_run.c
        query = select(run.launch, func.count()).where(run.launch != "").group_by(run.launch)
        found = sorted(connection.execute(query.order_by(run.launch)), key=lambda row: row[1])
    return found[len(found) // 2][0], found[len(found) // 2][1]


def all_places(answers: int, launches: int, given: Sequence[str], rounds: int, say: Say) -> list[Measured]:
    with places(answers, launches, given, say) as found:
        return [measure(place, typical_launch(place), rounds, say) for place in found]
