"""docs/views.md and the picture of the tables say what the code says; `make golden` writes them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ivr.store.schema import metadata
from ivr.store.views import static_views

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "img").mkdir()
    script = str(ROOT / "tools" / "schema_docs.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script, str(folder)], cwd=ROOT, check=True, timeout=60, env=environment)
    return folder


@pytest.mark.parametrize("name", ["views.md", "img/schema.svg"])
def test_pages_equal_the_code(made, name):
    text = (made / name).read_text(encoding="utf-8")
    page = ROOT / "docs" / name
    if os.environ.get("GOLDEN"):
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text, "type: make golden"


def test_the_picture_shows_every_table_and_column(made):
    drawn = ElementTree.parse(made / "img" / "schema.svg")
    words = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    for table in metadata.tables.values():
        assert {table.name, *table.columns.keys()} <= words


@pytest.mark.parametrize("postgres", [True, False])
def test_names_need_no_quotes_and_both_databases_have_the_same(postgres):
    """An analyst types them as they are."""
    views = static_views(postgres)
    assert [(v.name, [c.name for c in v.columns]) for v in views] == [
        (v.name, [c.name for c in v.columns]) for v in static_views(not postgres)
    ]
    database = sqlite3.connect(":memory:")
    for name in {c.name for v in views for c in v.columns} | {v.name for v in views}:
        assert name.isidentifier()
        assert name == name.lower()
        database.execute(f"SELECT 1 AS {name}")
