"""``python -m benchmarks``: run everything side by side, print it, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks import answers, events, outbound, page, report, report_answers, runs
from benchmarks.process import ROOT

PAGE = Path(ROOT) / "docs" / "benchmarks.md"


def check_ratio() -> tuple[float, str]:
    """The ratio of `ivr check` to the bare YAML load, and the line that says so."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.check_speed"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = re.search(r"ratio ([\d.]+)", done.stdout)
    if found is None:
        raise SystemExit(f"benchmarks/check_speed.py said nothing of a ratio:\n{done.stdout}{done.stderr}")
    return float(found[1]), done.stdout.splitlines()[0]


def _without_answers(words: list[str]) -> list[str]:
    at = next(n for n, word in enumerate(words) if word.startswith("--answers"))
    return words[:at] + words[at + (1 if "=" in words[at] else 2) :]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Two small levels, a minute: to see that it works.")
    parser.add_argument("--no-write", action="store_true", help="Leave docs/benchmarks.md as it is.")
    parser.add_argument("--level", type=int, choices=[1, 100, 1000], help="Only so many at once.")
    parser.add_argument("--calls", type=int, help="So many calls instead of the level's own number.")
    parser.add_argument("--only", choices=["calls", "answers", "outbound"], help="One part of the benchmarks.")
    parser.add_argument(
        "--year", type=int, default=10_000_000, help="Answers of the made-up year; needs 12 GB of disk."
    )
    parser.add_argument(
        "--year-in", action="append", default=[], metavar="URL", help="A database that has one already."
    )
    parser.add_argument("--answers", metavar="KEYS", help='What is pressed at each question, as "3 1 2580 5 123456".')
    args = parser.parse_args()
    if args.answers:
        os.environ["BENCH_ANSWERS"] = args.answers
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *_without_answers(sys.argv[1:])])
    console = Console()
    small = args.quick or args.level is not None
    calls_met = args.only not in (None, "calls") or _calls(args, console)
    answers_met = args.only not in (None, "answers") or small or _answers(args, console)
    outbound_met = args.only not in (None, "outbound") or small or _outbound(args, console)
    return int(not (calls_met and answers_met and outbound_met))


def _calls(args: argparse.Namespace, console: Console) -> bool:
    """Callweave, greenswitch and bare sockets; True when every target was met."""
    levels = runs.QUICK if args.quick else runs.FULL
    levels = tuple(
        replace(level, calls=args.calls or level.calls) for level in levels if args.level in (None, level.concurrent)
    )
    whole = levels == runs.FULL and "BENCH_ANSWERS" not in os.environ
    with console.status("reading events") as status:
        reading_us = events.microseconds()
        status.update("checking a flow of 5,000 lines")
        ratio, check_line = check_ratio()
        results = runs.all_levels(levels, status.update)
    figures = report.Figures(reading_us, ratio, check_line, results)
    report.show(console, figures)
    if whole and not args.no_write:
        old = PAGE.read_text("utf-8") if PAGE.exists() else ""
        _write(console, page.with_sections_of(old, report.markdown(figures)))
    return not any(target.met is False for target in report.targets(figures))


def _answers(args: argparse.Namespace, console: Console) -> bool:
    """A year of answers in both databases; True when every target was met."""
    with console.status("a year of answers") as status:
        measured = answers.all_places(args.year, 50, args.year_in, 3, status.update)
    report_answers.show(console, measured)
    if not args.no_write and all(place.answers >= 9_500_000 for place in measured):
        _write(console, page.with_section(PAGE.read_text("utf-8"), report_answers.markdown(measured)))
    return all(target.met for target in report_answers.targets(measured))


def _outbound(args: argparse.Namespace, console: Console) -> bool:
    """Contacts, leases and pacing; True when every target was met."""
    with console.status("calling people") as status:
        measured = outbound.measure(status.update)
    met = outbound.show(console, measured)
    if not args.no_write:
        _write(console, page.with_section(PAGE.read_text("utf-8"), outbound.markdown(measured)))
    return met


def _write(console: Console, text: str) -> None:
    PAGE.write_text(text, "utf-8")
    console.print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
