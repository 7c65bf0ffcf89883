"""docs/questionnaires.md: what it shows as YAML is good YAML."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ivr.lang.check import check_file

ROOT = Path(__file__).parents[2]
SHOWN = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "questionnaires.md").read_text("utf-8"), re.DOTALL)
FLOW = 'flow: after\nlanguages: [en, zh]\nsteps:\n{}  goodbye: {{say: {{en: "Bye.", zh: "再见。"}}, hang_up: true}}\n'
#: What begins a file of its own is one; a step stands in a flow.
FILES = [("surveys/visit.yaml" if text.startswith("survey:") else "flows/after.yaml", text) for text in SHOWN]


@pytest.mark.parametrize(("name", "text"), FILES, ids=[name for name, _ in FILES])
def test_what_the_page_shows_is_good(tmp_path: Path, name: str, text: str) -> None:
    shutil.copytree(ROOT / "surveys", tmp_path / "surveys")
    (tmp_path / "callweave.yaml").write_text("{}\n")
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text if name.startswith("surveys") else FLOW.format(text), "utf-8")
    assert [str(problem) for problem in check_file(file).problems] == []


def test_the_page_shows_both() -> None:
    assert {name for name, _ in FILES} == {"surveys/visit.yaml", "flows/after.yaml"}
