"""Who may import what (docs/architecture): read from the source with ast, nothing is imported.

Each row: a part, the parts of Callweave it may use, the libraries it may use ("*": any). Inside functions counts too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ALL = ("core", "esl", "lang", "survey", "campaign", "authoring", "media", "store", "results")
ALL += ("contacts", "ops", "hosts", "cli")
#: part -> (parts of Callweave, libraries besides the standard one)
ALLOWED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "core": ((), ()),
    "esl": ((), ()),
    # `ivr check` begins in lang.check, whatever the file: it hands questionnaires and campaigns to those who know them.
    "lang": (("core", "survey", "campaign"), ("yaml",)),
    "survey": (("core", "lang"), ("yaml",)),
    "campaign": (("core", "lang", "survey"), ("yaml", "phonenumbers", "holidays")),
    "authoring": (("core", "lang", "survey"), ("*",)),
    "media": (("core", "lang"), ("*",)),
    "store": (("core",), ("*",)),
    "results": (("core", "store", "survey", "campaign"), ("*",)),
    "contacts": (("core", "lang", "campaign", "authoring", "store", "results"), ("*",)),
    "ops": (("core", "esl", "lang", "survey", "campaign", "media", "store", "results"), ("*",)),
    "hosts": (ALL[:-1], ("*",)),
    "cli": (ALL, ("*",)),
}
#: Never in these parts: a clock, chance, the network or a log would make a replay different from the call.
IMPURE = ("time", "random", "secrets", "socket", "ssl", "select", "asyncio", "threading", "subprocess", "logging")
PURE = ("core", "esl", "lang", "survey", "campaign")
#: The rest of the repository that may import hosts.
ROOTS_OF_COMPOSITION = ("esl_app.py", "benchmarks", "tests")


def sources(*folders: str) -> list[Path]:
    skipped = {".venv", "build", "dist"}
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if not skipped & set(path.relative_to(ROOT).parts)]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of every import in the file; ``from ivr import ops`` counts as ``ivr.ops``."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: -node.level]) if node.level else ""
            module = ".".join(x for x in (base, node.module or "") if x)
            if module == "ivr":
                yield from ((node.lineno, f"ivr.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            yield node.lineno, str(getattr(node.args[0], "value", ""))


def _called(node: ast.Call) -> str:
    f = node.func
    return f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""


def breaches(path: Path) -> list[str]:
    part = path.relative_to(ROOT / "ivr").parts[0]
    if part not in ALLOWED:
        return []
    ours, libraries = ALLOWED[part]
    found = []
    for line, module in imports(path):
        top, _, rest = module.partition(".")
        if top == "ivr":
            bad = rest and rest.split(".")[0] not in (*ours, part) and rest.split(".")[0] in ALLOWED
        elif top == "gevent":
            bad = part != "hosts"
        elif top in sys.stdlib_module_names:
            bad = part in PURE and top in IMPURE
        else:
            bad = "*" not in libraries and top not in libraries
        if bad:
            found.append(f"{path.relative_to(ROOT)}:{line}: ivr.{part} may not import {module}")
    return found


def test_every_part_of_the_package_has_a_row():
    parts = {p.name for p in (ROOT / "ivr").iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert parts <= set(ALLOWED), "add a row for the new part"


@pytest.mark.parametrize("part", ALLOWED)
def test_imports(part):
    assert not [line for path in sources(f"ivr/{part}") for line in breaches(path)]


def test_only_the_roots_of_composition_import_hosts_from_outside():
    tops = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")}
    outside = tops - {"ivr", "build", "dist", *ROOTS_OF_COMPOSITION}
    files = sources(*outside) + [p for p in ROOT.glob("*.py") if p.name not in ROOTS_OF_COMPOSITION]
    found = [
        (str(p), m) for p in files for _, m in imports(p) if m.startswith("ivr.hosts") or m.split(".")[0] == "gevent"
    ]
    assert not found


def test_monkey_patching_is_the_first_line_of_esl_app_and_nowhere_else():
    """Bodies of child programs that a test writes as text are not seen here, and need not be."""
    patching = []
    for path in [*sources("ivr", "tests", "benchmarks"), *ROOT.glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node).startswith("patch_"):
                patching.append((path.name, node.lineno, tree))
    own = [p for p in patching if p[0] == "esl_app.py"]
    assert [p[:2] for p in patching if p[0] != "esl_app.py" and not p[0].startswith("greenswitch")] == []
    for _, line, tree in own:
        statements = [s for s in tree.body if not isinstance(s, ast.Expr) or isinstance(s.value, ast.Call)]
        assert line <= statements[1].lineno, "gevent is imported and patches before anything else"


WRONG = [
    ("core", "import yaml", True),
    ("core", "import time", True),
    ("core", "import json", False),
    ("esl", "def f():\n    from ivr.core import events", True),
    ("lang", "import yaml", False),
    ("lang", "import jinja2", True),
    ("store", "import gevent", True),
    ("results", "from ivr import hosts", True),
    ("ops", "import importlib\nimportlib.import_module('ivr.hosts.server')", True),
    ("cli", "from ivr.hosts import server", False),
    ("lang", "from ..hosts import server", True),
]


@pytest.mark.parametrize(("part", "text", "wrong"), WRONG)
def test_the_reader_itself(tmp_path, monkeypatch, part, text, wrong):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "ivr" / part / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert bool(breaches(path)) is wrong
