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

from benchmarks import events, report, runs
from benchmarks.process import ROOT


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
    parser.add_argument("--answers", metavar="KEYS", help='What is pressed at each question, as "3 1 2580 5 123456".')
    args = parser.parse_args()
    if args.answers:
        os.environ["BENCH_ANSWERS"] = args.answers
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *_without_answers(sys.argv[1:])])
    levels = runs.QUICK if args.quick else runs.FULL
    levels = tuple(
        replace(level, calls=args.calls or level.calls) for level in levels if args.level in (None, level.concurrent)
    )
    whole = levels == runs.FULL and "BENCH_ANSWERS" not in os.environ
    console = Console()
    with console.status("reading events") as status:
        reading_us = events.microseconds()
        status.update("checking a flow of 5,000 lines")
        ratio, check_line = check_ratio()
        results = runs.all_levels(levels, status.update)
    figures = report.Figures(reading_us, ratio, check_line, results)
    report.show(console, figures)
    if whole and not args.no_write:
        path = Path(ROOT) / "docs" / "benchmarks.md"
        path.write_text(report.markdown(figures), "utf-8")
        console.print(f"written: {path.relative_to(ROOT)}")
    return int(any(target.met is False for target in report.targets(figures)))


if __name__ == "__main__":
    sys.exit(main())
