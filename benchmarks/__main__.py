"""``python -m benchmarks``: run everything side by side, print it, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Two small levels, a minute: to see that it works.")
    parser.add_argument("--no-write", action="store_true", help="Leave docs/benchmarks.md as it is.")
    args = parser.parse_args()
    console = Console()
    with console.status("reading events") as status:
        reading_us = events.microseconds()
        status.update("checking a flow of 5,000 lines")
        ratio, check_line = check_ratio()
        results = runs.all_levels(runs.QUICK if args.quick else runs.FULL, status.update)
    figures = report.Figures(reading_us, ratio, check_line, results)
    report.show(console, figures)
    if not args.no_write and not args.quick:
        path = Path(ROOT) / "docs" / "benchmarks.md"
        path.write_text(report.markdown(figures), "utf-8")
        console.print(f"written: {path.relative_to(ROOT)}")
    return int(any(target.met is False for target in report.targets(figures)))


if __name__ == "__main__":
    sys.exit(main())
