"""Make a virtual environment know this source tree: an editable install without building anything.

Law: standard library only, runs before anything is installed. Reads setup.cfg; writes a .pth file, the metadata that
``importlib.metadata`` and pip read, and the console scripts. ``pip install -e .`` does the same by fetching a build
backend that no lock file pins. With ``--python`` the environment is for another place (make deploy DESTDIR=...): then
its own paths become those of that place, in pyvenv.cfg, in every script and in compiled files.

    python tools/link_venv.py VENV [--source FOLDER] [--python PATH]
"""

from __future__ import annotations

import argparse
import compileall
import configparser
import os
import shutil
import sysconfig
from pathlib import Path

SCRIPT = """#!{python}
import sys

from {module} import {function}

sys.exit({function}())
"""


def link(venv: Path, source: Path, python: str, setup_cfg: Path) -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(setup_cfg, encoding="utf-8")
    name, version = setup["metadata"]["name"], setup["metadata"]["version"]
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)}))
    info = site / f"{name}-{version}.dist-info"
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    for stale in site.glob(f"__editable__.{name}-*.pth"):  # an earlier `pip install -e .` of another tree
        stale.unlink()
    info.mkdir(parents=True)
    scripts = setup["options.entry_points"]["console_scripts"].strip()
    files = {
        site / f"{name}.pth": f"{source}\n",
        info / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        info / "INSTALLER": "callweave-make\n",
        info / "entry_points.txt": f"[console_scripts]\n{scripts}\n",
    }
    for line in scripts.splitlines():
        command, _, target = (part.strip() for part in line.partition("="))
        module, _, function = target.partition(":")
        files[venv / "bin" / command] = SCRIPT.format(python=python, module=module, function=function)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        if path.parent.name == "bin":
            path.chmod(0o755)
    record = "".join(f"{os.path.relpath(path, site)},,\n" for path in [*files, info / "RECORD"])
    (info / "RECORD").write_text(record, encoding="utf-8")


def relocate(venv: Path, target: Path) -> None:
    """Every path of ``venv`` that it holds of itself becomes one of ``target``, where it will stand."""
    # As it was typed, made absolute, and with links followed: venv and pip have written one of these.
    names = {str(venv), os.path.abspath(venv), os.path.realpath(venv)} - {str(target)}
    for path in [venv / "pyvenv.cfg", *sorted((venv / "bin").iterdir())]:
        if path.is_symlink() or not path.is_file():
            continue
        before = path.read_bytes()
        after = before
        for name in sorted(names, key=len, reverse=True):
            after = after.replace(os.fsencode(name), os.fsencode(target))
        if after != before and b"\0" not in before:
            path.write_bytes(after)
    # What tracebacks name.
    compileall.compile_dir(venv / "lib", ddir=str(target / "lib"), force=True, quiet=2, workers=0)


def main() -> None:
    here = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description="Link a source tree into a virtual environment.")
    parser.add_argument("venv", type=Path)
    parser.add_argument("--source", type=Path, default=here, help="where the tree will stand when it runs")
    parser.add_argument("--python", help="the interpreter's path when it runs (default: VENV/bin/python)")
    args = parser.parse_args()
    venv = args.venv.absolute()
    link(venv, args.source, args.python or str(venv / "bin" / "python"), here / "setup.cfg")
    if args.python and (target := Path(args.python).parents[1]) != venv:
        relocate(venv, target)


if __name__ == "__main__":
    main()
