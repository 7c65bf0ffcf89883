"""The call path compiled does what it does interpreted: the same tests, once more, with native classes.

Where there is no compiler the rest is skipped with a clear line; the choice between the two builds is tested anyway.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ivr import compiled

ROOT = Path(__file__).resolve().parents[2]
INTERPRETED = {**os.environ, compiled.SWITCH: "0"}
COMPILED = {name: value for name, value in os.environ.items() if name != compiled.SWITCH}
#: These two ask about the source itself, and for an error where native code turns True into 1.
NOT_ASKED = (
    "tests/wire/test_esl_commands.py::test_linger_always_has_a_number[True]",
    "tests/wire/test_esl_commands.py::test_rows_12_13_14_27_commands_that_do_not_exist_here",
)
TESTS = (
    "tests/wire",
    "tests/property/test_machine.py",
    "tests/property/test_host.py",
    "tests/contract/test_hosts.py",
    "tests/contract/test_host_faults.py",
    "tests/contract/test_server.py",
    "tests/contract/test_wire.py",
    "tests/contract/test_store_rows.py",
)


@pytest.fixture(scope="module")
def built() -> None:
    done = subprocess.run([sys.executable, "tools/compile.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and "did not compile" not in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("built")
def test_the_same_tests_pass_with_the_call_path_compiled() -> None:
    asked = [*TESTS, *(f"--deselect={name}" for name in NOT_ASKED)]
    done = subprocess.run(
        [sys.executable, "tests/contract/compiled_run.py", "-q", "-p", "no:cacheprovider", *asked],
        cwd=ROOT,
        env=COMPILED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    print(done.stdout.splitlines()[-1])


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(("environment", "machine"), [(COMPILED, ".so"), (INTERPRETED, ".py")], ids=["compiled", "0"])
def test_a_server_takes_the_build_unless_it_is_told_not_to(environment: dict[str, str], machine: str) -> None:
    code = "import sys, esl_app, ivr.core.machine as m; sys.stdout.write(m.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(machine)


def source(tmp_path: Path) -> Path:
    """A copy of what is compiled, with a build that fits it."""
    for name in compiled.MODULES:
        file = Path(*name.split(".")).with_suffix(".py")
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    compiled.folder(tmp_path).mkdir(parents=True)
    (compiled.folder(tmp_path) / compiled.STAMP).write_text(compiled.fingerprint(tmp_path))
    return tmp_path


def test_a_build_of_other_sources_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(compiled.SWITCH, raising=False)
    here = source(tmp_path)
    assert compiled.available(here) == ""
    with (here / "ivr/core/machine.py").open("a") as file:
        file.write("# edited\n")
    assert "other sources" in compiled.available(here)
    (compiled.folder(here) / compiled.STAMP).unlink()
    assert "make fast" in compiled.available(here)
    monkeypatch.setenv(compiled.SWITCH, "0")
    assert compiled.SWITCH in compiled.available(here)


def test_too_late_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process the call path has long been imported: nothing is mixed."""
    import ivr.core.machine  # noqa: F401

    monkeypatch.delenv(compiled.SWITCH, raising=False)
    before = list(sys.path)
    assert "imported before" in compiled.use(source(tmp_path))
    assert sys.path == before
