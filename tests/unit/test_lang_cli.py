"""`ivr check` from the outside: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.check import command

GOOD = "flow: x\nlanguages: [en]\nsteps:\n  a: {say: hello, hang_up: true}\n"
BAD = GOOD.replace("hello", "helo")
BAD_TEXT = """\
flows/x.yaml:4:12: IVR012 no prompt named "helo"; did you mean "hello"?
      a: {say: helo, hang_up: true}
               ^~~~
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {
        "flows/x.yaml": GOOD,
        "flows/x.calls.yaml": "- call: one\n",
        "prompts/en.yaml": "hello: Hello\n",
        "callweave.yaml": "database: x\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_clean() -> None:
    assert run() == (0, "3 files: no mistakes.\n")
    assert run(".") == (0, "3 files: no mistakes.\n")
    assert run("flows/x.yaml") == (0, "1 file: no mistakes.\n")


def test_mistakes(folder: Path) -> None:
    (folder / "flows/x.yaml").write_text(BAD)
    assert run() == (1, f"{BAD_TEXT}3 files: 1 error, 0 warnings.\n")
    status, out = run("--format", "json")
    assert status == 1
    assert json.loads(out) == [
        {
            "code": "IVR012",
            "severity": "error",
            "file": "flows/x.yaml",
            "line": 4,
            "column": 12,
            "message": 'no prompt named "helo"',
            "hint": 'did you mean "hello"?',
            "source_line": "  a: {say: helo, hang_up: true}",
            "length": 4,
        }
    ]


def test_a_broken_catalogue_is_said_once_and_hides_nothing(folder: Path) -> None:
    (folder / "prompts/en.yaml").write_text("hello: 'Hello\n")
    assert run() == (
        1,
        "prompts/en.yaml:1:8: IVR005 a quote is opened and never closed; add the closing quote\n"
        "    hello: 'Hello\n           ^\n3 files: 1 error, 0 warnings.\n",
    )


def test_a_warning_is_no_failure(folder: Path) -> None:
    (folder / "prompts/zh.yaml").write_text("{}\n")
    status, out = run("prompts")
    assert (status, "IVR041 warning:" in out, out.splitlines()[-1]) == (0, True, "2 files: 0 errors, 1 warning.")


def test_explain_and_schema() -> None:
    assert run("--explain", "ivr012")[1].startswith("IVR012: No such prompt\n")
    assert "flow" in json.loads(run("--schema")[1])["$defs"]["FlowFile"]["properties"]


@pytest.mark.parametrize("words", [("nowhere.yaml",), ("--explain", "IVR999"), ("--format", "xml")])
def test_wrong_questions(words: tuple[str, ...]) -> None:
    status, out = run(*words)
    assert status == 2
    assert "Error:" in out
