"""Run the tests under coverage; the last line printed is pytest's own summary, for people and for CI.

Law: runs two programs and orders what they print. Exit status: pytest's, or 1 when coverage is under the floor.

    python tools/run_tests.py [--floor PERCENT] [pytest arguments]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the tests under coverage.")
    parser.add_argument("--floor", type=float, default=0, help="least coverage, in percent")
    args, rest = parser.parse_known_args()
    (ROOT / "build").mkdir(exist_ok=True)
    summary = ""
    run = [sys.executable, "-m", "coverage", "run", "-m", "pytest", *rest]
    # Coverage sees Python only: servers that tests start are not to take a compiled build (ivr/compiled.py).
    interpreted = {**os.environ, "CALLWEAVE_COMPILED": "0"}
    with subprocess.Popen(run, cwd=ROOT, env=interpreted, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tests:
        assert tests.stdout is not None
        for raw in tests.stdout:
            line = raw.decode("utf-8", "replace")
            print(line, end="", flush=True)
            if line.strip():
                summary = line.rstrip()
    status = tests.returncode
    # Programs that tests started left files of their own; with none of them there is nothing to combine.
    subprocess.run([sys.executable, "-m", "coverage", "combine", "-q", "--append"], cwd=ROOT, capture_output=True)
    report = [sys.executable, "-m", "coverage", "report", "--skip-covered", f"--fail-under={args.floor}"]
    covered = subprocess.run(report, cwd=ROOT)
    print(summary)
    return status or (1 if covered.returncode else 0)


if __name__ == "__main__":
    sys.exit(main())
