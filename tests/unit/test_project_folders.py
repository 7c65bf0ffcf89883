"""Wherever callweave.yaml says that flows, questionnaires and prompts stand, every command finds the same ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.main import main
from ivr.hosts.registry import Registry
from ivr.hosts.sounds import VirtualSounds
from ivr.lang.check import check_file
from ivr.ops.config import Projects, load_config
from ivr.ops.doctor import OK, examine

FLOW = """\
flow: x
languages: [en]
steps:
  a: {say: hello, next: ask}
  ask: {survey: csat, next: bye}
  bye: {say: {en: Bye.}, hang_up: true}
"""
SURVEY = """\
survey: csat
languages: [en]
questions:
  - {id: overall, scale: {en: How was it?}, range: 1..5}
"""
CALLS = "- call: one\n  script: [{hears: hello}, {hears: How was it}, {press: 4}]\n  saves: {overall: 4}\n"

#: The settings; where flows, questionnaires and prompts stand, from the settings' folder.
LAYOUTS = {
    "the project's own": ("flows: {default: x}", "flows", "surveys", "prompts"),
    "other names": (
        "{flows: {default: x, folder: calls}, surveys: {folder: forms/en}, prompts: {folder: words}}",
        *("calls", "forms/en", "words"),
    ),
    "beside the project": (
        "{flows: {default: x, folder: ../shared/flows}, surveys: {folder: ../forms}, prompts: {folder: ../words}}",
        *("../shared/flows", "../forms", "../words"),
    ),
    "only the flows, absolute": ("flows: {default: x, folder: @/far/flows}", "../far/flows", "surveys", "prompts"),
    "through a link": ("flows: {default: x, folder: @/link}", "../far/flows", "surveys", "prompts"),
    "in another project": ("flows: {default: x, folder: ../other/flows}", "../other/flows", "surveys", "prompts"),
    "settings with a mistake elsewhere": (
        "{flows: {default: x}, prompts: {folder: words}, freeswitch: {password: $SWITCH_PASSWORD}}",
        *("flows", "surveys", "words"),
    ),
}


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> tuple[str, str, str, str]:
    found: tuple[str, str, str, str] = request.param
    return found


@pytest.fixture(params=["callweave.yaml", "settings.yaml"])
def file(
    request: pytest.FixtureRequest,
    layout: tuple[str, str, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The flow's file. Beside it stand prompts and a questionnaire that nobody asked for."""
    settings, flows, surveys, prompts = layout
    root = tmp_path / "home"
    texts = {
        f"home/{request.param}": settings.replace("@", str(tmp_path)) + "\n",
        "other/callweave.yaml": "",
        "other/prompts/en.yaml": "other: Other.\n",
        "far/prompts/en.yaml": "other: Other.\n",
        "far/surveys/csat.yaml": "survey: csat\n",
        "shared/prompts/en.yaml": "other: Other.\n",
        f"home/{flows}/x.yaml": FLOW,
        f"home/{flows}/x.calls.yaml": CALLS,
        f"home/{surveys}/csat.yaml": SURVEY,
        f"home/{prompts}/en.yaml": "hello: Hello.\n",
    }
    root.mkdir()
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "link").symlink_to("far/flows")
    monkeypatch.chdir(root)
    monkeypatch.delenv("CALLWEAVE_CONFIG", raising=False)
    if request.param != "callweave.yaml":
        monkeypatch.setenv("CALLWEAVE_CONFIG", str(root / request.param))
    return (root / flows / "x.yaml").resolve()


def ivr(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.output


def test_every_command_finds_the_same(file: Path) -> None:
    assert ivr("check") == (0, "4 files: no mistakes.\n")
    assert ivr("check", str(file)) == (0, "1 file: no mistakes.\n")
    for words in (("test",), ("test", str(file))):
        status, said = ivr(*words)
        assert (status, said.rstrip().endswith("1 passed, 0 failed")) == (0, True), said
    status, said = ivr("simulate", str(file), "--keys", "4")
    assert (status, "hello: Hello." in said, "overall = 4" in said) == (0, True, True), said
    status, said = ivr("graph", str(file))
    assert (status, "How was it?" in said) == (0, True), said


def test_so_do_those_that_need_all_settings_and_the_server(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH_PASSWORD", "of-the-switch")
    status, said = ivr("prompts", "list")
    assert (status, [line.split()[0] for line in said.splitlines()[:2]]) == (0, ["prompt", "hello"]), said
    assert ivr("prompts", "list", str(file))[0] == 0
    config = load_config()
    assert [f.what for f in examine(config) if f.name == "flows" and f.state == OK] == ["2 files, no mistake"]
    loaded = Registry(config, lambda program: VirtualSounds()).load()["x"]
    checked = check_file(file, Projects().of(file)).program
    assert checked
    assert loaded.hash == checked.hash


def test_messages_name_the_configured_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "callweave.yaml").write_text("surveys: {folder: forms}\nprompts: {folder: words}\n")
    for folder in ("flows", "forms", "words"):
        (tmp_path / folder).mkdir()
    flow = FLOW.replace("hello", "nobody_knows").replace("csat", "another")
    (tmp_path / "flows" / "x.yaml").write_text(flow, encoding="utf-8")
    status, said = ivr("check", "--format", "json")
    hints = {problem["code"]: problem["hint"] for problem in json.loads(said)}
    assert status == 1
    assert (hints["IVR012"], hints["IVR070"]) == ("add it to words/en.yaml", "add forms/another.yaml")


def test_another_project_within_a_folder_of_ours_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows" / "theirs").mkdir(parents=True)
    (tmp_path / "callweave.yaml").write_text("")
    (tmp_path / "flows" / "theirs" / "callweave.yaml").write_text("prompts: {folder: words}\n")
    projects = Projects({})
    assert projects.of(Path("flows/x.yaml")).prompts == tmp_path / "prompts"
    assert projects.of(Path("flows/theirs/x.yaml")).prompts == tmp_path / "flows" / "theirs" / "words"
    assert projects.of(Path("flows/theirs/x.yaml")) is projects.of(Path("flows/theirs/y.yaml"))


def test_without_any_settings_the_nearest_folder_of_prompts_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a/flows", "a/prompts", "b/flows"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "b")
    projects = Projects({})
    assert projects.of(Path("flows/x.yaml")).root == tmp_path / "b"
    assert projects.of(Path("../a/flows/x.yaml")).root == tmp_path / "a"
