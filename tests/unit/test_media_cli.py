"""`ivr prompts` as it is typed: what it prints, and its exit status."""

import pytest
from click.testing import CliRunner

from ivr.cli.prompts import command

FLOW = """
flow: tiny
languages: [zh, en]
steps:
  hello:
    say: [hello, {zh: "再见。", en: "Goodbye."}]
    hang_up: true
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "callweave.yaml").write_text("prompts: {rate: 8000}\n", encoding="utf-8")
    (tmp_path / "flows").mkdir()
    (tmp_path / "prompts").mkdir()
    (tmp_path / "flows" / "tiny.yaml").write_text(FLOW, encoding="utf-8")
    (tmp_path / "prompts" / "zh.yaml").write_text('hello: "您好。"\n', encoding="utf-8")
    (tmp_path / "prompts" / "en.yaml").write_text('hello: "Hello."\n', encoding="utf-8")
    return lambda *words: CliRunner().invoke(command, words)


def test_a_project_from_nothing_to_built(run, tmp_path):
    checked = run("check")
    assert checked.exit_code == 1
    assert "prompt hello (zh): not built; type: ivr prompts build" in checked.output
    assert "4 sounds: 4 missing or damaged, 0 warnings." in checked.output
    assert "missing" in run("list").output
    built = run("build")
    assert (built.exit_code, built.output) == (0, "4 built, 0 already there: build/prompts\n")
    assert run("build", "flows/tiny.yaml").output.startswith("0 built, 4 already there")
    assert run("check").exit_code == 0
    rows = [line.split() for line in run("list").output.splitlines()]
    assert rows[0] == ["prompt", "zh", "en"]
    assert rows[1][:2] == ["hello", "synthesised"]
    (tmp_path / "prompts" / "zh.yaml").write_text('hello: "早上好。"\n', encoding="utf-8")
    assert run("build", "--prune").output.startswith("1 built, 3 already there, 1 removed")


def test_refusals(run, tmp_path):
    assert run("build", "--prune", "flows/tiny.yaml").exit_code == 2
    (tmp_path / "flows" / "tiny.yaml").write_text("flow: tiny\nsteps: 3\n", encoding="utf-8")
    broken = run("build")
    assert broken.exit_code == 1
    assert "has mistakes; see: ivr check" in broken.output
    (tmp_path / "flows" / "tiny.yaml").unlink()
    assert run("list").exit_code == 2
