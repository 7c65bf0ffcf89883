"""Calling people: contacts imported, leases taken, a target held. Runs all three and says what came of them.

Law: measures by the modules named; a table for the terminal, a section of docs/benchmarks.md, and targets (issue 4).
"""

from __future__ import annotations

import platform
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import contacts, leases, pacing
from benchmarks.answers import POSTGRES
from benchmarks.report import Target, _mark, _rows, machine
from benchmarks.storing import _empty

HEAD = "## Calling people"
BATCHES = (1, 10, 50)
LEAST_WITHIN = 0.95
METHOD = """\
* **Contacts**: a CSV file as people send it (numbers in many spellings, facts) into a list, everything checked and
  normalised, against csv.reader over a file of the finished columns and the database's own way in: COPY, or
  executemany in one transaction. Peak is the most memory of the importing process.
* **Leases**: four processes take leases of 20,000 people (one at a time: 4,000) until none is left. Bare is one
  statement, `UPDATE ... WHERE contact_id IN (SELECT ... FOR UPDATE SKIP LOCKED)`, committed: it knows no do-not-call
  list, no consent, no calling window, no limit a day and no attempt. Callweave's lease is `store.leases.take`, as a
  dialler calls it: for as many as may begin at that moment, so that ten are many. *And sent* is with
  `store.leases.send`, which asks again and writes the attempts: all that is written before a call.
* **Pacing**: twenty made-up days for each target (`ivr campaign simulate` plays one); counted is each second with an
  open window, but the first five minutes after its opening. Below a target of about 40 the tenth is narrower than
  what chance alone does between a decision and an answer: docs/campaigns.md says more.
"""


@dataclass(frozen=True)
class Measured:
    imported: list[contacts.Measured]
    workbook: contacts.Run
    leased: list[leases.Leased]
    paced: list[dict[str, Any]]


def measure(say: Callable[[str], None], rows: int = 1_000_000) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contacts.write_files(folder, rows)
        imported: list[contacts.Measured] = []
        for place in (POSTGRES, f"sqlite:///{folder}/x.db"):
            say(f"{rows:,} people into {place.partition(':')[0]}")
            imported += contacts.measure(place, folder, rows, 3)
        say(f"a workbook of {rows:,} rows")
        contacts.write_workbook(folder)
        with _empty(f"sqlite:///{folder}/x.db") as url:
            workbook = contacts.one("xlsx", url, folder)
    leased = []
    for batch in BATCHES:
        say(f"leases, {batch} at a time")
        leased.append(leases.measure(POSTGRES, batch, 20_000, 5))
    say("twenty days of pacing for each target")
    return Measured(imported, workbook, leased, pacing.run(say=lambda line: None))


def targets(m: Measured) -> list[Target]:
    found = []
    for each in m.imported:
        if each.what == contacts.NEW:
            what = f"{each.database}: 1,000,000 contacts imported, of the bare reader and the database's own way in"
            found.append(
                Target(what, f"≥ {contacts.LEAST_RATIO:.0%}", f"{each.ratio:.0%}", each.ratio >= contacts.LEAST_RATIO)
            )
            peak = each.peak_mb
            found.append(
                Target(
                    f"{each.database}: memory of it",
                    f"< {contacts.MOST_MB} MB",
                    f"{peak:.0f} MB",
                    peak < contacts.MOST_MB,
                )
            )
    peak = m.workbook.peak_mb
    found.append(
        Target(
            "a workbook of as many rows: memory", f"< {contacts.MOST_MB} MB", f"{peak:.0f} MB", peak < contacts.MOST_MB
        )
    )
    for lot in m.leased:
        what = f"leases by 4 processes, {lot.batch} at a time, of the bare statement's rate"
        found.append(Target(what, f"≥ {leases.TARGET:.0%}", f"{lot.share:.0%}", lot.share >= leases.TARGET))
    twice = sum(lot.duplicates for lot in m.leased)
    found.append(Target("people leased twice", "0", str(twice), twice == 0))
    for row in m.paced:
        what = f"a target of {row['target']} held within 10 %, of the seconds of 20 days"
        found.append(Target(what, f"≥ {LEAST_WITHIN:.0%}", f"{row['within']:.1%}", row["within"] >= LEAST_WITHIN))
    over = [row["target"] for row in m.paced if row["most_in_a_second"] > row["per_second"]]
    found.append(Target("seconds with more calls than allowed", "none", "some" if over else "none", not over))
    return found


COLUMNS = ("what", "callweave", "bare", "of the bare rate")


def lines(m: Measured) -> list[list[str]]:
    found = [
        [
            f"{each.database}: {each.what}",
            *(f"{statistics.median(run.seconds for run in runs):.1f} s" for runs in (each.ours, each.bare)),
            f"{each.ratio:.0%}, peak {each.peak_mb:.0f} MB",
        ]
        for each in m.imported
    ]
    book = m.workbook
    found.append([f"the workbook, {book.rows:,} rows", f"{book.seconds:.1f} s", "–", f"peak {book.peak_mb:.0f} MB"])
    for lot in m.leased:
        rates = (f"{statistics.median(rates):,.0f} /s" for rates in (lot.ours, lot.bare))
        found.append([f"leases, {lot.batch} at a time", *rates, f"{lot.share:.0%}"])
        found.append([f"leased and sent, {lot.batch} at a time", f"{statistics.median(lot.sent):,.0f} /s", "–", "–"])
    return found


PACING = ("target", "within 10 %", "worst day", "fullest second (may)", "most at once (may)", "calls")


def _paced(m: Measured) -> list[list[str]]:
    return [
        [
            *(str(row["target"]), f"{row['within']:.1%}", f"{row['worst_day']:.1%}"),
            *(f"{row['most_in_a_second']} ({row['per_second']})", f"{row['most_at_once']} ({row['at_once']})"),
            f"{row['calls']:,}",
        ]
        for row in m.paced
    ]


def show(console: Console, m: Measured) -> bool:
    """True when every target is met."""
    for columns, rows in ((COLUMNS, lines(m)), (PACING, _paced(m))):
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    table = Table("target", "limit", "found", "")
    for target in targets(m):
        table.add_row(target.what, target.limit, target.found, _mark(target))
    console.print(table)
    return all(target.met for target in targets(m))


def markdown(m: Measured) -> str:
    page = [
        HEAD,
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. Python {platform.python_version()}, psycopg {version('psycopg')}.",
        "`python -m benchmarks --only outbound` writes this section.",
        "",
        *_rows(("target", "limit", "found", ""), [[t.what, t.limit, t.found, _mark(t)] for t in targets(m)]),
        "",
        *_rows(COLUMNS, lines(m)),
        "",
        *_rows(PACING, _paced(m)),
        "",
        METHOD,
    ]
    return "\n".join(page)
