"""The figures in words: a table and bars for the terminal, a page for docs/, and the targets with whether they are met.

Law: prints; measures nothing but the name of the machine.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.runs import NAMES, Result

COLUMNS = ("at once", "server", "calls", "CPU ms/call", "core busy", "p50 ms", "p99 ms", "KB/call", "switch lag p99 ms")
BAR = 40


CALLS = """\
One call is five questions (of 1, 1, 4, 1 and 6 keys), pressed after each prompt by the same scripted callers, through
the same scripted switch, whose events have the headers of a real FreeSWITCH's. *callweave* is `esl_app.py` as it is
deployed: keys collected from DTMF events, every attempt and every answer stored in SQLite. *greenswitch* is the same
call with play_and_get_digits, as its README writes calls; *bare sockets* does only this one call and is the floor. Both
store nothing.
"""
METHOD = """\
Server and switch each have a core of their own. Calls start evenly spread, one for each that ends. A latency is from
the sending of an event that asks for an answer (a DTMF or a CHANNEL_EXECUTE_COMPLETE) to the kernel's stamp of the next
command's arrival, so a late switch does not count; its own lateness is the last column. CPU is the user and system time
of the server's process, all threads. The servers take turns, three rounds at 100 and at 1,000; the figures are the
median round's. KB/call is the growth of its resident memory while all callers are parked in the
first question.
"""


TRIED = """\
## Where the CPU of a call goes, and what was tried

The call path is compiled (`make fast`, ADR 0007). Most of what it costs is waking up: a process that sleeps between
events finds its caches cold, and what counts is how much code and data a wake-up touches (ADR 0008 says how that is
seen). A call that collects its keys itself wakes up twenty times, and the fewer calls there are at once, the colder it
is.

Kept: turns in the loop's own callback instead of a greenlet a call, one watcher and one timer a call, short replies
left in the kernel, heads compared instead of matched, events read where they lie, rows made by column in the writer's
thread, groups of 100 ms when busy, SQLite tables without row numbers, prompts made once, channel variables set only
where they differ. Tried and dropped: huge pages and no garbage collection (no change seen), a pause of 1 to 4 ms before
each poll (fewer wake-ups, the same CPU), leaving the middle digits of an entry unread (a hang-up would lie there
unseen), keys in mid-entry read in rounds of 100 ms together with those of other calls (fifteen wake-ups a call instead
of twenty, and the same CPU: fewer wake-ups alone save nothing), other optimisation levels and profile-guided builds of
the compiled part (in the noise). At first it was 9.2 ms at 1,000 at once.
"""


@dataclass(frozen=True)
class Figures:
    reading_us: dict[str, float]
    check_ratio: float
    check_line: str
    results: list[Result]

    def of(self, server: str, concurrent: int) -> Result | None:
        return next((r for r in self.results if r.server == server and r.concurrent == concurrent), None)

    @property
    def levels(self) -> list[int]:
        return sorted({r.concurrent for r in self.results})


@dataclass(frozen=True)
class Target:
    what: str
    limit: str
    found: str
    met: bool | None  # None: not measured in this run


def targets(figures: Figures) -> list[Target]:
    faster = figures.reading_us["greenswitch"] / figures.reading_us["callweave"]
    rows = [Target("Reading one event, against greenswitch", "≥ 10 × faster", f"{faster:.1f} ×", faster >= 10)]
    busiest = max(figures.levels)
    for level in [n for n in figures.levels if n > 1 or len(figures.levels) == 1]:
        ours, theirs = figures.of("callweave", level), figures.of("greenswitch", level)
        assert ours is not None
        assert theirs is not None
        share = ours.cpu_ms_per_call / theirs.cpu_ms_per_call
        what = f"CPU per call at {level:,} at once, everything stored, of greenswitch's"
        rows.append(Target(what, "≤ 0.40", f"{share:.2f}", share <= 0.4))
    ours, theirs = figures.of("callweave", busiest), figures.of("greenswitch", busiest)
    assert ours is not None
    assert theirs is not None
    share = ours.p99_ms / theirs.p99_ms
    met = share <= 0.5 if busiest >= 1000 else None
    rows.append(
        Target(f"p99 from event to command at {busiest:,} at once, of greenswitch's", "≤ 0.50", f"{share:.2f}", met)
    )
    ratio = figures.check_ratio
    rows.append(Target("`ivr check` of 5,000 lines, of the bare load", "≤ 3.0 ×", f"{ratio:.2f} ×", ratio <= 3.0))
    complete = all(r.good_calls == r.calls for r in figures.results)
    stored = all(r.stored in (None, r.calls * 5) for r in figures.results)
    rows.append(
        Target(
            "Every call went as scripted, every answer is in the database",
            "all",
            "all" if complete and stored else "not all",
            complete and stored,
        )
    )
    return rows


def _cells(r: Result) -> list[str]:
    kb = "–" if r.kb_per_call is None else f"{r.kb_per_call:.0f}"
    numbers = (
        f"{r.cpu_ms_per_call:.2f}",
        f"{r.busy:.0%}",
        f"{r.p50_ms:.2f}",
        f"{r.p99_ms:.2f}",
        kb,
        f"{r.lag_p99_ms:.1f}",
    )
    return [f"{r.concurrent:,}", r.server, f"{r.good_calls:,}/{r.calls:,}", *numbers]


def bars(rows: dict[str, float], unit: str) -> list[str]:
    longest = max(rows.values())
    return [
        f"{name:<14} {'█' * max(1, round(value / longest * BAR)):<{BAR}} {value:.2f} {unit}"
        for name, value in rows.items()
    ]


def _charts(figures: Figures) -> list[tuple[str, list[str]]]:
    charts = [("Reading one event", bars(figures.reading_us, "µs"))]
    level = max(figures.levels)
    for title, field, unit in (
        ("CPU per call", "cpu_ms_per_call", "ms"),
        ("p99 from event to command", "p99_ms", "ms"),
    ):
        rows = {name: getattr(r, field) for name in NAMES if (r := figures.of(name, level)) is not None}
        charts.append((f"{title}, {level:,} at once", bars(rows, unit)))
    return charts


def _mark(target: Target) -> str:
    return {True: "met", False: "MISSED", None: "not measured"}[target.met]


def show(console: Console, figures: Figures) -> None:
    for title, lines in _charts(figures):
        console.print(f"\n[bold]{title}[/bold]")
        for line in lines:
            console.print(line, highlight=False)
    table = Table(*COLUMNS, expand=False, padding=(0, 0))
    for result in figures.results:
        table.add_row(*_cells(result))
    console.print(table)
    table = Table("target", "limit", "found", "")
    for target in targets(figures):
        table.add_row(target.what, target.limit, target.found, _mark(target))
    console.print(table)
    for result in figures.results:
        for problem in result.problems:
            console.print(f"[red]{result.server}, {result.concurrent} at once: {problem}[/red]")


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def _rows(header: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown(figures: Figures) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("greenswitch", "gevent", "SQLAlchemy"))
    lines = [
        "# Benchmarks",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. Python {platform.python_version()}, {libraries}.",
        "`make bench` writes this page.",
        "",
        "## Targets",
        "",
        *_rows(("target", "limit", "found", ""), [[t.what, t.limit, t.found, _mark(t)] for t in targets(figures)]),
        "",
        "## Calls",
        "",
        CALLS,
        *_rows(COLUMNS, [_cells(r) for r in figures.results]),
        "",
        "",
        METHOD,
    ]
    for title, chart in _charts(figures):
        lines += [f"### {title}", "", "```", *chart, "```", ""]
    lines += [
        TRIED,
        "## Reading one event",
        "",
        "Framing, then four headers, of a recorded CHANNEL_EXECUTE_COMPLETE of 6 kB (plain); the quickest of 9 rounds.",
        "",
        *_rows(("reader", "µs"), [[name, f"{value:.1f}"] for name, value in figures.reading_us.items()]),
        "",
        "## Checking a flow",
        "",
        figures.check_line + ".",
    ]
    return "\n".join(lines) + "\n"
