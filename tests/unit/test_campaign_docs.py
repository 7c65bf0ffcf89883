"""docs/campaigns.md: its file is a good one, its tables and its day are the code's. `make golden` writes them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.campaign.model import DAY_MS, DEFAULT_RETRIES
from ivr.campaign.outcomes import OUTCOMES, tables
from ivr.cli.campaign_simulate import command
from ivr.lang.check import check_file

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "campaigns.md"


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->\n(.*?)<!-- end -->", re.DOTALL)


def same(name: str, text: str) -> None:
    page = PAGE.read_text("utf-8")
    if os.environ.get("GOLDEN"):
        page = block(name).sub(lambda _: f"<!-- {name} -->\n{text}\n<!-- end -->", page)
        PAGE.write_text(page, "utf-8")
    found = block(name).search(page)
    assert found is not None
    assert found[1] == text + "\n", "type: make golden"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = block("file").search(PAGE.read_text("utf-8"))
    assert found is not None
    for folder in ("surveys", "prompts", "flows"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "callweave.yaml").write_text("{}\n")
    (tmp_path / "campaigns").mkdir()
    path = tmp_path / "campaigns" / "aftercare.yaml"
    path.write_text(found[1].removeprefix("```yaml\n").removesuffix("```\n"), "utf-8")
    return path


def test_the_file_of_the_page_is_a_good_one(file):
    assert check_file(file).problems == ()


@pytest.mark.parametrize("name", ["sip", "causes"])
def test_outcome_tables(name):
    same(name, tables()[name])


def test_retry_table():
    lines = ["| outcome | retry, unless the file says otherwise |", "|---|---|"]
    for outcome in OUTCOMES:
        retry = DEFAULT_RETRIES.get(outcome)
        if outcome == "not_attempted":
            said = "at once: nobody was called, it counts as no attempt"
        elif retry is None:
            said = "never, and in no campaign" if outcome in ("invalid", "opted_out") else "never"
        else:
            minutes = retry.after_ms // 60_000
            after = "1d" if retry.after_ms == DAY_MS else f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
            said = f"after {after}, {retry.times} time{'s' if retry.times > 1 else ''}"
        lines.append(f"| `{outcome}` | {said} |")
    same("retries", "\n".join(lines))


def test_the_day_of_the_page(file):
    shown = CliRunner().invoke(command, [str(file), "--day", "2026-12-01"], env={"COLUMNS": "110"}, terminal_width=110)
    assert shown.exit_code == 0, shown.output
    lines = [line.rstrip() for line in shown.output.rstrip().splitlines()]
    same("day", "\n".join(["```text", *lines, "```"]))
