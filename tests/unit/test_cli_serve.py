"""A server's messages name the command that it was started with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IVR = ("-c", "from ivr.cli.main import main; main(prog_name='ivr')", "serve")
APP = (str(ROOT / "esl_app.py"),)

STARTED = [
    (IVR, ("--help",), 0, "Usage: ivr serve [OPTIONS]"),
    (IVR, ("--no-such-option",), 2, "Try 'ivr serve --help' for help."),
    (IVR, ("--listen", "x"), 2, "Try 'ivr serve --help' for help."),
    (IVR, ("--config", "bad.yaml"), 2, "Try 'ivr serve --help' for help."),
    (APP, ("--help",), 0, "Usage: esl_app.py [OPTIONS]"),
    (APP, ("--listen", "x"), 2, "Try 'esl_app.py --help' for help."),
    (APP, ("--config", "bad.yaml"), 2, "Try 'esl_app.py --help' for help."),
]


@pytest.mark.parametrize(("program", "arguments", "status", "line"), STARTED)
def test_the_name_it_was_started_with(
    tmp_path: Path, program: tuple[str, ...], arguments: tuple[str, ...], status: int, line: str
) -> None:
    (tmp_path / "bad.yaml").write_text("listn: 1\n", encoding="utf-8")
    argv = [sys.executable, *program, *arguments]
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    said = ran.stdout + ran.stderr
    assert ran.returncode == status, said
    assert line in said.splitlines()
    assert ("esl_app" in said) is (program is APP)
