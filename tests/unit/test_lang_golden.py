"""Every mistake has a file that makes it, and the words that it gets: tests/golden/check/*.yaml and *.txt.

`make golden` (GOLDEN=1) rewrites the words; a person reads the diff as prose.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ivr.lang import reference
from ivr.lang.check import check_file
from ivr.lang.codes import CODES
from ivr.lang.project import Project

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "check"
FILES = sorted(p.name for p in GOLDEN.glob("*.yaml"))


def same(path: Path, text: str) -> None:
    if os.environ.get("GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def said(path: str) -> str:
    result = check_file(path, Project(Path.cwd()))
    return "".join(f"{p}\n{p.excerpt()}\n" if p.excerpt() else f"{p}\n" for p in result.problems)


@pytest.mark.parametrize("name", FILES)
def test_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    text = said(name)
    same(GOLDEN / name.replace(".yaml", ".txt"), text)
    code = re.match(r"ivr\d+", name)
    assert code is None or f" {code.group().upper()} " in text


def test_missing_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    assert said("nowhere.yaml") == "nowhere.yaml:1:1: IVR001 there is no such file\n"
    assert said("prompts") == "prompts:1:1: IVR001 this is a directory, not a file\n"


def test_catalogue_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    assert said("prompts/en.yaml").splitlines()[0] == (
        'prompts/en.yaml:4:1: IVR041 warning: prompt "only_english" has no text for zh; add it to prompts/zh.yaml'
    )


def test_catalogue_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts").mkdir()
    Path("prompts/en.yaml").write_text("../etc: x\na: [b]\nb: '{{ n }}'\nc: ''\na: 1\n", encoding="utf-8")
    Path("prompts/zh.yaml").write_text("- a\n", encoding="utf-8")
    assert [line.split("; ")[0] for line in said("prompts/en.yaml").splitlines() if line.startswith("prompts")] == [
        'prompts/en.yaml:1:1: IVR016 "../etc" is not a prompt\'s name',
        'prompts/en.yaml:2:4: IVR010 prompt "a" is one text',
        'prompts/en.yaml:3:1: IVR041 warning: prompt "b" has no text for zh',
        'prompts/en.yaml:3:5: IVR043 how to speak "n"?',
        'prompts/en.yaml:4:1: IVR041 warning: prompt "c" has no text for zh',
        "prompts/en.yaml:4:4: IVR046 the text is empty",
        'prompts/en.yaml:5:1: IVR008 "a" is here a second time',
    ]
    assert said("prompts/zh.yaml").startswith("prompts/zh.yaml:1:1: IVR010 a prompt file is a map of name to text")


def test_every_code_is_shown_and_every_shown_code_is_explained() -> None:
    shown = {c for p in GOLDEN.glob("*.txt") for c in re.findall(r": (IVR\d+) ", p.read_text("utf-8"))}
    assert shown | {"IVR001"} == set(CODES)
    used = {c for p in (ROOT / "ivr").rglob("*.py") for c in re.findall(r"\"(IVR\d+)\"", p.read_text("utf-8"))}
    assert used == set(CODES)


@pytest.mark.parametrize(("name", "text"), [("language.md", reference.language()), ("errors.md", reference.errors())])
def test_docs_are_the_tables(name: str, text: str) -> None:
    same(ROOT / "docs" / name, text)
