"""A virtual environment made below DESTDIR names only the place where it will stand."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = "/opt/callweave/venv"


@pytest.mark.parametrize(
    ("typed", "staged"),
    [
        # DESTDIR as it is typed, below the test's folder; whether anything of it may be left
        ("{root}/stage", True),
        ("{root}/stage/", True),
        ("stage", True),
        ("{root}/link", True),
        ("", False),
    ],
)
def test_nothing_names_the_place_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, staged: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stage").mkdir()
    (tmp_path / "link").symlink_to("stage")
    folder = typed.format(root=tmp_path) + TARGET if staged else str(tmp_path / "here")
    target = TARGET if staged else folder
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": folder, "platbase": folder}))
    (site / "some.py").write_text("def f():\n    pass\n", encoding="utf-8")
    for name in {str(Path(folder).absolute()), str(Path(folder).resolve())}:
        (Path(folder) / "bin" / f"pip{len(name)}").write_text(f"#!{name}/bin/python\n", encoding="utf-8")
    python = f"{target}/bin/python"
    argv = [sys.executable, str(ROOT / "tools" / "link_venv.py"), folder, "--source", "/opt/app", "--python", python]
    subprocess.run(argv, check=True, timeout=60)

    files = [path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]
    naming = [path.name for path in files if str(tmp_path).encode() in path.read_bytes()]
    assert bool(naming) is not staged, naming
    settings = (Path(folder) / "pyvenv.cfg").read_text(encoding="utf-8")
    assert f" {target}\n" in settings
    for script in (Path(folder) / "bin").glob("pip*"):
        assert script.read_text(encoding="utf-8") == f"#!{target}/bin/python\n"
    assert (Path(folder) / "bin" / "ivr").read_text(encoding="utf-8").startswith(f"#!{python}\n")
    if staged:
        (compiled,) = site.glob("__pycache__/some.*.pyc")
        assert target.encode() + b"/lib/" in compiled.read_bytes()
    (record,) = site.glob("*.dist-info/RECORD")
    assert all((site / line.split(",")[0]).is_file() for line in record.read_text(encoding="utf-8").splitlines())
