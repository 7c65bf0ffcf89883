"""The figures of a year of answers in words: a table for the terminal, a section of docs/benchmarks.md, and targets.

Law: prints; measures nothing.
"""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from benchmarks.answers import Measured, Versus
from benchmarks.report import Target, _mark, _rows, machine

HEAD = "## A year of answers"
METHOD = """\
The made-up year (`python -m benchmarks.year`) is 50 launches of five questionnaires; the same calls are in both
databases. Both sides of each figure are run by turns, and what is told is the median of the rounds' ratios.

* **Figures of one launch**: the whole command `ivr results summary --launch`, Python's start included, against psql or
  sqlite3 running the three statements that give the same figures, written by hand (answers by value, attempts by
  outcome, runs by end), with the database's settings as they are. Against the first statement alone: the next row.
* **Full export**: `ivr export --format csv` of all runs but those that another call went on with, pseudonyms, titles,
  labels and guards included, to a file; against psql's `COPY (query) TO STDOUT CSV` or `sqlite3 -csv` of the same
  stored columns, to a file. Against `SELECT * FROM answer`, one table and nothing joined: the next row, no target.
* **Storing**: `store.write.Database` in groups of 200 rows, one transaction each, as the recorder hands them over,
  against the driver's executemany of plain INSERTs (no ON CONFLICT: what would fail or double when a group is sent
  again), same rows, groups and transactions, each commit on the disk. COPY has no target: it cannot store twice either.
"""


def targets(measured: Sequence[Measured]) -> list[Target]:
    rows = []
    for m in measured:
        ratio = m.summary.ratio
        rows.append(
            Target(
                f"{m.database}: figures of one launch, of the bare SQL's time", "≤ 2.0 ×", f"{ratio:.2f} ×", ratio <= 2
            )
        )
        rate = 1 / m.export.ratio
        what = f"{m.database}: full CSV export, of the database's own rate"
        rows.append(Target(what, "≥ 50%", f"{rate:.0%}", rate >= 0.5))
        peak = m.export_peak_mb
        rows.append(Target(f"{m.database}: memory of the export", "< 200 MB", f"{peak:.0f} MB", peak < 200))
        rate = 1 / m.storing.ratio
        rows.append(Target(f"{m.database}: storing, of the driver's batches", "≥ 70%", f"{rate:.0%}", rate >= 0.7))
    return rows


COLUMNS = ("database", "what", "callweave", "bare", "ratio of times")


def lines(measured: Sequence[Measured]) -> list[list[str]]:
    found = []
    for m in measured:
        found += [
            [m.database, f"figures of launch {m.launch}, {m.launch_runs:,} runs", *_seconds(m.summary)],
            [m.database, "… against the answers' statement alone", *_seconds(m.summary_first)],
            [m.database, f"export of {m.exported:,} answers", *_seconds(m.export)],
            [m.database, "… against the table `answer` alone", *_seconds(m.export_table)],
            [m.database, f"storing {m.stored_rows:,} rows", *_seconds(m.storing)],
        ]
        if m.storing_copy:
            found.append([m.database, "… against COPY", *_seconds(m.storing_copy)])
    return found


def _seconds(versus: Versus) -> list[str]:
    return [f"{versus.ours:.2f} s", f"{versus.bare:.2f} s", f"{versus.ratio:.2f}"]


def show(console: Console, measured: Sequence[Measured]) -> None:
    table = Table(*COLUMNS)
    for line in lines(measured):
        table.add_row(*line)
    console.print(table)
    table = Table("target", "limit", "found", "")
    for target in targets(measured):
        table.add_row(target.what, target.limit, target.found, _mark(target))
    console.print(table)


def markdown(measured: Sequence[Measured]) -> str:
    libraries = f"Python {platform.python_version()}, psycopg {version('psycopg')}, SQLite {sqlite3.sqlite_version}"
    answers = ", ".join(f"{m.answers:,} answers in {m.database}" for m in measured)
    page = [
        HEAD,
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. {libraries}. {answers}.",
        "`python -m benchmarks --only answers` writes this section.",
        "",
        *_rows(("target", "limit", "found", ""), [[t.what, t.limit, t.found, _mark(t)] for t in targets(measured)]),
        "",
        *_rows(COLUMNS, lines(measured)),
        "",
        METHOD,
    ]
    return "\n".join(page)
