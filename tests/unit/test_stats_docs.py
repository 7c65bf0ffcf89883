"""docs/figures: every example is run, every page has its parts and is in the index, every name that it gives exists."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

from ivr.cli.main import COMMANDS
from ivr.cli.results import MORE, command

PAGES = Path(__file__).resolve().parents[2] / "docs" / "figures"
FIGURES = sorted(path.name for path in PAGES.glob("*.md") if path.name != "README.md")
PARTS = ["## Formula", "## Example", "## Source", "## In Callweave"]


def read(page: str) -> str:
    return (PAGES / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", FIGURES)
def test_examples_are_true(page: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", read(page), re.DOTALL | re.MULTILINE)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert result.attempted > 1
    assert not result.failed, "".join(said)


@pytest.mark.parametrize("page", FIGURES)
def test_parts_come_in_order(page: str) -> None:
    text = read(page)
    assert text.startswith("# ")
    assert re.findall(r"^## .*$", text, re.MULTILINE) == PARTS


def test_the_index_has_every_page_once() -> None:
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", read("README.md"))) == FIGURES


@pytest.mark.parametrize("page", FIGURES)
def test_links_lead_somewhere(page: str) -> None:
    assert all((PAGES / link).exists() for link in re.findall(r"\]\(([^)]+)\)", read(page)))


@pytest.mark.parametrize("page", FIGURES)
def test_commands_and_functions_exist(page: str) -> None:
    place = read(page).split("## In Callweave")[1]
    for name in re.findall(r"`ivr results (\w+)", place):
        assert name in {*command.commands, *MORE}, name
    assert set(re.findall(r"`ivr (\w+)", place)) <= set(COMMANDS)
    functions = re.findall(r"`(ivr\.results\.stats\.\w+)\.(\w+)", place)
    assert functions
    for module, function in functions:
        assert hasattr(import_module(module), function), f"{module}.{function}"
