"""docs/cli.md says what the commands say; `make golden` writes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from ivr.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


def test_page_equals_help(tmp_path):
    # In a process of its own: click keeps the first help option that a command is asked for, of whichever test.
    made = tmp_path / "cli.md"
    subprocess.run([sys.executable, str(ROOT / "tools" / "cli_docs.py"), str(made)], cwd=ROOT, check=True, timeout=60)
    text = made.read_text(encoding="utf-8")
    page = ROOT / "docs" / "cli.md"
    if os.environ.get("GOLDEN"):
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text, "type: make golden"


def test_every_command_has_a_help_and_is_in_the_page():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0, name
        assert f"\n## ivr {name}\n" in page
