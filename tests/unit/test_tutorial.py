"""docs/tutorial.md: its files are written, its commands run one after the other, in a folder of their own."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.main import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


def blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def run(line: str) -> str:
    command, _, into = line.partition(" > ")
    words = shlex.split(command)
    assert words[0] == "ivr"
    result = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, f"{line}\n{result.output}"
    if into:
        Path(into).write_text(result.output, encoding="utf-8")
    return result.output


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CALLWEAVE_DB", raising=False)
    said: dict[str, str] = {}
    for kind, text in blocks():
        if kind == "yaml":
            name = text.splitlines()[0].removeprefix("# ")
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        else:
            assert kind == "sh"
            said.update((line, run(line)) for line in text.splitlines())
    assert len(said) == 14
    output = {" ".join(line.split()[1:3]): text for line, text in said.items()}
    assert "✎ satisfied = 2" in output["simulate surveys/visit.yaml"]
    assert "600 made-up calls" in output["results example"]
    assert "chi-square" in output["results crosstab"]
    assert "2026-03" in next(text for line, text in said.items() if line.startswith("ivr results trend"))
    report = Path("report.html").read_text(encoding="utf-8")
    assert "Satisfaction with the visit" in report
    assert "Figures are weighted by age." in report
    assert Path("figures.csv").read_text(encoding="utf-8").startswith("question,kind,figure,")
    assert {row["figure"] for row in json.loads(Path("trend.json").read_text(encoding="utf-8"))} == {"NPS"}
