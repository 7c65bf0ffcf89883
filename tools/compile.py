"""Compiles the call path to machine code: ``tools/compile.py [--if-possible]`` (`make fast`).

mypyc makes native classes of the very files that run interpreted otherwise; which, says ``ivr.compiled``. The build is
put together aside and moved into its place as a whole. Exit status: 0 compiled (or it was already, or with
--if-possible it cannot be), 1 it cannot be or failed.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ivr import compiled  # noqa: E402

SETUP = """\
from setuptools import setup
from mypyc.build import mypycify
setup(name="callweave_compiled", packages=[], py_modules=[], ext_modules=mypycify(
    ["--config-file=mypyc.ini", *{files!r}], opt_level="3", debug_level="0"))
"""
#: Other libraries' missing types do not matter here: `make check` looks at them.
SETTINGS = "[mypy]\nstrict = True\nignore_missing_imports = True\n"


def missing() -> str:
    """What this machine lacks, in words; "" when it can compile."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if not shutil.which(compiler):
        return f"no C compiler ({compiler}): on Debian, apt-get install gcc"
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return "no Python.h: on Debian, apt-get install python3-dev"
    if not (importlib.util.find_spec("mypyc") and importlib.util.find_spec("setuptools")):
        return "no mypyc: make setup"
    return ""


def build(source: Path, target: Path) -> str:
    """Compiles ``source`` into ``target``. Gives "" or the end of what the compiler said."""
    with tempfile.TemporaryDirectory() as name:
        aside = Path(name)
        shutil.copytree(source / "ivr", aside / "ivr", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        files = [str(Path(*module.split(".")).with_suffix(".py")) for module in compiled.MODULES]
        (aside / "setup.py").write_text(SETUP.format(files=files), encoding="utf-8")
        (aside / "mypyc.ini").write_text(SETTINGS, encoding="utf-8")
        argv = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", "out", "--build-temp", "temp"]
        done = subprocess.run(argv, cwd=aside, capture_output=True, text=True, check=False)
        if done.returncode:
            return "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        new = target.with_name(target.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(aside / "out", new)
        # Of the copy: a source that was edited meanwhile is not what was compiled.
        (new / compiled.STAMP).write_text(compiled.fingerprint(aside), encoding="ascii")
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    return ""


def main() -> int:
    target = compiled.folder()
    stamp = target / compiled.STAMP
    if stamp.exists() and stamp.read_text(encoding="ascii") == compiled.fingerprint():
        print("The call path is compiled already.")
        return 0
    if why := missing():
        print(f"The call path stays interpreted: {why}.", file=sys.stderr)
        return 0 if "--if-possible" in sys.argv[1:] else 1
    print(f"Compiling the call path, {len(compiled.MODULES)} modules; this takes a minute", flush=True)
    began = time.monotonic()
    if said := build(ROOT, target):
        print(f"{said}\nThe call path stays interpreted: it did not compile.", file=sys.stderr)
        return 1
    print(f"Compiled in {time.monotonic() - began:.0f} s. Servers take it when they start; `ivr doctor` says so.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
