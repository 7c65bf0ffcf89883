"""Contacts: a million people into a list, against the bare reader and the database's own way in.

Law: the same rows end in the same table, with the same indexes, of a database of their own, by turns. Bare means:
csv.reader over a file that has the finished columns already (ids, E.164, JSON), and psycopg's COPY, or executemany in
one transaction; nothing is looked at. Ours reads the file as people send it. Every round is a new list in an empty
table. Each run is a process of its own, so that the peak of its memory can be told.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.process import ROOT
from benchmarks.storing import _empty
from ivr.contacts.importing import RejectedFile, Wish, import_file
from ivr.contacts.people import contact_id
from ivr.store.engine import make_engine, parse_url

COLUMNS = ("contact_id", "list", "number", "name", "language", "zone", "consent", "facts", "imported_at")
LIST = "march"
NEW, AGAIN = "a new list", "the same file again"  # both against the bare way's new list
#: What the targets are (issue 4).
LEAST_RATIO, MOST_MB = 0.4, 300
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float
    rows: int


@dataclass(frozen=True)
class Measured:
    database: str
    what: str
    ours: tuple[Run, ...]
    bare: tuple[Run, ...]

    @property
    def ratio(self) -> float:
        """Of the bare speed, in the median round."""
        pairs = zip(self.ours, self.bare, strict=True)
        return statistics.median(bare.seconds / ours.seconds for ours, bare in pairs)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for run in self.ours)


def write_files(folder: Path, rows: int) -> None:
    """people.csv as somebody sends it, bare.csv as the table has it; in no order, as lists of customers are."""
    chance = random.Random(7)
    cities = ("上海", "北京", "广州", "昆明", "Chengdu")
    with (
        (folder / "people.csv").open("w", encoding="utf-8", newline="") as people,
        (folder / "bare.csv").open("w", encoding="utf-8", newline="") as bare,
    ):
        raw, finished = csv.writer(people), csv.writer(bare)
        raw.writerow(("手机号", "姓名", "城市", "会员等级", "同意"))
        for n in chance.sample(range(100_000_000), rows):
            number, name, city = (
                f"13{n % 10}{n:08}",
                chance.choice("王李张刘陈") + chance.choice("伟芳娜敏静"),
                cities[n % 5],
            )
            raw.writerow((number, name, city, n % 4, f"form-{n}"))
            facts = json.dumps({"city": city, "member_level": str(n % 4)}, ensure_ascii=False)
            row = (f"+86{number}", name, "", "Asia/Shanghai", f"form-{n}", facts, "2026-11-25 10:00:00.000000")
            finished.writerow((contact_id(LIST, f"+86{number}"), LIST, *row))


def ours(url: str, folder: Path, name: str = "people.csv") -> int:
    with RejectedFile(None) as none:
        report = import_file(make_engine(url), folder / name, Wish(LIST), datetime.now(UTC), none)
    return report.taken


def bare(url: str, folder: Path) -> int:
    with (folder / "bare.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        return _bare_copy(url, rows) if url.startswith("postgresql") else _bare_sqlite(url, rows)


def _bare_copy(url: str, rows: Iterator[list[str]]) -> int:
    count = 0
    plain = parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, options="-c timezone=UTC") as connection:
        sql = f"COPY contact ({', '.join(COLUMNS)}) FROM STDIN".encode()
        with connection.cursor() as cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
    return count


def _bare_sqlite(url: str, rows: Iterator[list[str]]) -> int:
    connection = sqlite3.connect(str(parse_url(url).database), isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    sql = f"INSERT INTO contact ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    count = connection.executemany(sql, rows).rowcount
    connection.execute("COMMIT")
    connection.close()
    return count


WAYS: dict[str, Callable[[str, Path], int]] = {
    "ours": ours,
    "bare": bare,
    "xlsx": lambda url, folder: ours(url, folder, "people.xlsx"),
}


def one(way: str, url: str, folder: Path) -> Run:
    """In a process of its own, start included in the memory and not in the time."""
    command = [sys.executable, "-m", "benchmarks.contacts", "--one", way, url, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way} on {url} failed:\n{done.stdout}{done.stderr}")
    return Run(**json.loads(done.stdout))


def _one(way: str, url: str, folder: Path) -> None:
    began = time.perf_counter()
    rows = WAYS[way](url, folder)
    seconds = time.perf_counter() - began
    peak = _peak_mb()
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "rows": rows}))


def _peak_mb() -> float:
    """Of this program: getrusage's figure would be that of the process that started it, where that was larger."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def measure(beside: str, folder: Path, rows: int, rounds: int) -> list[Measured]:
    """A new list; and, of the last round's table, the same file once more."""
    found: dict[str, list[Run]] = {"ours": [], "bare": [], "again": []}
    for n in range(rounds):
        for way in ("ours", "bare") if n % 2 else ("bare", "ours"):
            with _empty(beside) as url:
                found[way].append(_checked(one(way, url, folder), rows))
                if way == "ours":
                    found["again"].append(_checked(one(way, url, folder), rows))
    name = parse_url(beside).get_backend_name()
    bare_runs = tuple(found["bare"])
    return [
        Measured(name, NEW, tuple(found["ours"]), bare_runs),
        Measured(name, AGAIN, tuple(found["again"]), bare_runs),
    ]


def _checked(run: Run, rows: int) -> Run:
    if run.rows != rows:
        raise SystemExit(f"{run.rows} rows came in instead of {rows}")
    return run


def write_workbook(folder: Path) -> None:
    """With shared strings, as spreadsheets write it."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(folder / "people.xlsx"))
    sheet = book.add_worksheet()
    with (folder / "people.csv").open(encoding="utf-8", newline="") as file:
        for y, row in enumerate(islice(csv.reader(file), 1_048_576)):
            sheet.write_row(y, 0, [int(row[0]) if y else row[0], *row[1:]])
    book.close()


def show(console: Console, measured: list[Measured]) -> bool:
    """True when every target is met."""
    table = Table("database", "what", "callweave", "bare", "of the bare speed", "peak", "target")
    met = True
    for m in measured:
        first = m.what == NEW
        good = m.ratio >= LEAST_RATIO and m.peak_mb < MOST_MB
        met = met and (good or not first)
        table.add_row(
            *(m.database, m.what),
            *(f"{statistics.median(run.seconds for run in runs):.1f} s" for runs in (m.ours, m.bare)),
            *(f"{m.ratio:.0%}", f"{m.peak_mb:.0f} MB"),
            f"≥ {LEAST_RATIO:.0%}, < {MOST_MB} MB: {'met' if good else 'not met'}" if first else "",
        )
    console.print(table)
    return met


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contacts", description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("WAY", "URL", "FOLDER"), help="A run in this process.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in", dest="places", action="append", default=[], metavar="URL", help="Beside this database.")
    parser.add_argument("--excel", action="store_true", help="A workbook of as many rows, too: seconds, memory.")
    args = parser.parse_args()
    if args.one:
        _one(args.one[0], args.one[1], Path(args.one[2]))
        return 0
    return int(not run(Console(), args.rows, args.rounds, args.places, args.excel))


def run(
    console: Console, rows: int = 1_000_000, rounds: int = 3, places: Sequence[str] = (), excel: bool = False
) -> bool:
    """True when every target is met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, rows)
        beside = list(places) or ["postgresql://postgres@127.0.0.1:5432/postgres", f"sqlite:///{folder}/x.db"]
        measured: list[Measured] = []
        for place in beside:
            with console.status(f"{rows:,} people into {parse_url(place).get_backend_name()}"):
                measured += measure(place, folder, rows, rounds)
        met = show(console, measured)
        if excel:
            write_workbook(folder)
            with _empty(beside[-1]) as url:
                found = _checked(one("xlsx", url, folder), rows)
            met = met and found.peak_mb < MOST_MB
            told = f"{found.seconds:.1f} s, peak {found.peak_mb:.0f} MB (target < {MOST_MB} MB)"
            console.print(f"a workbook of {found.rows:,} rows: {told}")
    return met


if __name__ == "__main__":
    sys.exit(main())
