"""`ivr simulate --record` and `ivr test`, as a newcomer meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.cli.graph import command as graph
from ivr.cli.simulate import command as simulate
from ivr.cli.test import command as run_calls

ROOT = Path(__file__).parents[2]
FLOW = str(ROOT / "surveys/csat.yaml")


def played(*arguments: str) -> Result:
    return CliRunner().invoke(simulate, [FLOW, "--keys", "5", *arguments])


def test_a_recorded_call_is_a_test_that_passes(tmp_path: Path) -> None:
    flow = tmp_path / "csat.yaml"
    flow.write_text(Path(FLOW).read_text(encoding="utf-8"), encoding="utf-8")
    calls = tmp_path / "csat.calls.yaml"
    for name in ("one", "two"):
        assert played("--record", str(calls), "--name", name).exit_code == 0
    result = CliRunner().invoke(run_calls, [str(calls)])
    assert result.exit_code == 0
    assert result.output.rstrip().endswith("2 passed, 0 failed")


REFUSED = {
    "the flow itself": ("csat.yaml", "flow: x\n", "one", "calls are kept in a file named <flow>.calls.yaml"),
    "a name that is taken": ("a.calls.yaml", "- call: one\n  script: [silence]\n", "one", "give another --name"),
    "a file that cannot be read": ("a.calls.yaml", "flow: x\n", "one", "mend it before a call is added"),
    "a folder that is not there": ("none/a.calls.yaml", None, "one", "there is no folder"),
}


@pytest.mark.parametrize(("file", "before", "name", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_there_is_never_spoilt(tmp_path: Path, file: str, before: str | None, name: str, message: str) -> None:
    """Found by a newcomer: --record appended to the flow, or a second call of the same name."""
    path = tmp_path / file
    if before is not None:
        path.write_text(before, encoding="utf-8")
    result = played("--record", str(path), "--name", name)
    assert result.exit_code == 2
    assert message in result.output
    assert not path.exists() if before is None else path.read_text(encoding="utf-8") == before


def test_a_keyword_that_no_call_has_is_a_mistake() -> None:
    result = CliRunner().invoke(run_calls, [str(ROOT / "surveys"), "-k", "zzz"])
    assert result.exit_code == 2
    assert 'no call has "zzz" in its name' in result.output


def test_a_picture_of_a_kind_that_is_not_drawn_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(graph, [FLOW, "-o", str(tmp_path / "x.png")])
    assert result.exit_code == 2
    assert not (tmp_path / "x.png").exists()
