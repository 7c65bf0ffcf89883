"""docs/contacts.md: every command in it is typed, in its order, and ends as the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.main import main
from ivr.contacts.columns import find
from ivr.contacts.people import language_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "contacts.md").read_text("utf-8")
BLOCKS = re.findall(r"<!-- run ?(\d?) -->\n```\n(.*?)```", PAGE, re.DOTALL)


def test_commands(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_bytes("手机号,姓名,城市\n13700137000,王芳,上海\n".encode("gbk"))
    commands = [(int(status or 0), line) for status, lines in BLOCKS for line in lines.splitlines()]
    assert len(commands) == 5
    for status, line in commands:
        done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--db", database])
        assert done.exit_code == status, (line, done.output)


def test_headers_that_the_page_names_are_known() -> None:
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    told = {name: heads.split(", ") for name, heads in rows if name not in ("column", "any")}
    assert set(told) == {"number", "name", "language", "zone", "consent"}
    for name, heads in told.items():
        for head in heads:
            assert find([head, "phone"] if name != "number" else [head], {}).own[name] == 0, head


@pytest.mark.parametrize(("word", "code"), [("zh", "zh"), ("zh_CN", "zh-CN"), ("中文", "zh"), ("English", "en")])
def test_languages_that_the_page_names(word: str, code: str) -> None:
    assert word in PAGE
    assert language_of(word) == code
