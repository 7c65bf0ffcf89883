"""`ivr prompts` as it is typed: what it prints, and its exit status."""

import pytest
from click.testing import CliRunner

from ivr.cli.prompts import command
from ivr.ops.config import load_config
from ivr.ops.doctor import examine

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
    assert "4 sound files: 4 missing or damaged, 0 warnings." in checked.output
    assert "missing" in run("list").output
    built = run("build")
    assert (built.exit_code, built.output) == (0, "sound files: 4 built, 0 already there: build/prompts\n")
    assert run("build", "flows/tiny.yaml").output.startswith("sound files: 0 built, 4 already there")
    assert run("check").exit_code == 0
    rows = [line.split() for line in run("list").output.splitlines()]
    assert rows[0] == ["prompt", "zh", "en"]
    assert rows[1][:2] == ["hello", "synthesised"]
    (tmp_path / "prompts" / "zh.yaml").write_text('hello: "早上好。"\n', encoding="utf-8")
    assert run("build", "--prune").output.startswith("sound files: 1 built, 3 already there, 1 removed")


COUNTED = [
    # what the steps say, the files that come of it, whatever the number of prompts
    ("hello, {zh: 再见。, en: Goodbye.}", 4),
    ("hello, {zh: 您好。, en: Goodbye.}", 3),  # a text of the flow is the catalogue's: one file for both
    ("hello, {zh: 您好。, en: Hello.}, hello", 2),
]


@pytest.mark.parametrize(("says", "files"), COUNTED)
def test_every_command_counts_the_same_sound_files(run, tmp_path, says, files):
    flow = f"flow: tiny\nlanguages: [zh, en]\nsteps:\n  hello: {{say: [{says}], hang_up: true}}\n"
    (tmp_path / "flows" / "tiny.yaml").write_text(flow, encoding="utf-8")

    def doctor():
        return next(f.what for f in examine(load_config(tmp_path / "callweave.yaml", {})) if f.name == "prompts")

    assert doctor() == f"{files} of {files} sound files are not built"
    assert run("check").output.endswith(f"{files} sound files: {files} missing or damaged, 0 warnings.\n")
    assert run("build").output.startswith(f"sound files: {files} built, 0 already there")
    assert run("check").output == f"{files} sound files: 0 missing or damaged, 0 warnings.\n"
    assert doctor() == f"{files} sound files in {tmp_path / 'build' / 'prompts'}"
    assert len(list((tmp_path / "build" / "prompts").rglob("*.wav"))) == files


def test_refusals(run, tmp_path):
    assert run("build", "--prune", "flows/tiny.yaml").exit_code == 2
    (tmp_path / "flows" / "tiny.yaml").write_text("flow: tiny\nsteps: 3\n", encoding="utf-8")
    broken = run("build")
    assert broken.exit_code == 1
    assert "has mistakes; see: ivr check" in broken.output
    (tmp_path / "flows" / "tiny.yaml").unlink()
    assert run("list").exit_code == 2
