"""The host's side of a queue, and how queues are said in callweave.yaml and rendered: tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ivr.cli.queues import command
from ivr.core.effects import Enqueue
from ivr.hosts.queueing import QueueStay
from ivr.lang.queues import STRATEGIES
from ivr.ops.config import ConfigError, load_config
from ivr.ops.queues import QueueError, merged, render

MEMBERS = "queue|uuid|state|score\n"
WAITS, TRIES, LEFT, TALKS = (f"q|m|{state}|1\n" for state in ("Waiting", "Trying", "Abandoned", "Answered"))
QUEUES = "name|strategy\nother@x|random\nq@x|random\n+OK\n"

#: `full` of the queue, the switch's replies -> what it comes to
ASKED: dict[str, tuple[int, list[str], str]] = {
    "somebody is there": (0, ["2\n", "1\n"], "go"),
    "everybody is logged out": (0, ["2\n", "2\n"], "no_agent"),
    "a queue without agents": (0, ["0\n", "0\n", QUEUES], "no_agent"),
    "no such queue": (0, ["0\n", "0\n", "name|strategy\nq@xy|random\n+OK\n"], "failed"),
    "no mod_callcenter": (0, ["-ERR callcenter_config Command not found!\n"], "failed"),
    "a word that is no number": (0, ["1\n", "\n"], "failed"),
    "room": (3, ["1\n", "0\n", "2\n"], "go"),
    "nobody there, and full": (3, ["1\n", "1\n", "9\n"], "no_agent"),
    "full": (2, ["1\n", "0\n", "2\n", MEMBERS + WAITS + TRIES + "+OK\n"], "full"),
    "full of those who have left": (2, ["1\n", "0\n", "3\n", MEMBERS + LEFT + TALKS + WAITS + "+OK\n"], "go"),
    "a table of another version": (2, ["1\n", "0\n", "3\n", "uuid\nm\n+OK\n"], "go"),
    "no table": (2, ["1\n", "0\n", "3\n", ""], "go"),
}


def stay(full: int = 0, **more: Any) -> QueueStay:
    wait = Enqueue(7, "support", 60_000, "#", **more)
    return QueueStay(wait, {"queue": "q@x", "full": full}, "call-1", "/sounds/busy.wav" if more else "")


@pytest.mark.parametrize("case", ASKED.values(), ids=ASKED.keys())
def test_what_is_asked_before(case: tuple[int, list[str], str]) -> None:
    full, replies, outcome = case
    one = stay(full)
    waiting = [arguments for _, arguments in one.questions()]
    said = ""
    for reply in replies:
        assert waiting.pop(0).startswith("queue ")
        said = one.answered(reply)
        if said == "ask":
            waiting += [arguments for _, arguments in one.questions()]
    assert said == outcome
    assert not waiting or outcome == "failed"


CHANNEL = {"Caller-Destination-Number": "+86755", "Caller-Dialplan": "XML", "Caller-Context": "public"}


@pytest.mark.parametrize(
    ("channel", "back"),
    [
        (CHANNEL, "+86755:XML:public"),
        ({**CHANNEL, "Caller-Destination-Number": "1;x=y"}, None),
        ({**CHANNEL, "Caller-Destination-Number": "a:b"}, None),
        ({**CHANNEL, "Caller-Context": ""}, None),
        ({}, None),
    ],
)
def test_the_way_back_is_only_what_cannot_be_misread(channel: Mapping[str, str], back: str | None) -> None:
    said = stay().variables(channel)
    assert said["cc_exit_keys"] == "#D"
    assert said.get("transfer_after_bridge") == back
    assert ("callweave_takeover" in said) is (back is not None)


def test_announcements_and_the_end_of_the_wait() -> None:
    one = stay(announce=(), announce_ms=25_000)
    assert one.due_ms is None
    one.begin(1000)
    start, stop = (("uuid_displace", f"call-1 {what} /sounds/busy.wav") for what in ("start", "stop"))
    assert (one.due_ms, one.silence()) == (26_000, [])
    assert one.fall_due(26_000) == [start]
    assert one.due_ms == 51_000
    assert one.fall_due(51_000) == [stop, start]
    assert one.due_ms == 61_000
    assert one.fall_due(61_000) == [("uuid_recv_dtmf", "call-1 D")]
    assert one.due_ms is None
    assert one.silence() == [stop]


# -- settings ---------------------------------------------------------------------------------------------------


def config(folder: Path, text: str) -> Any:
    (folder / "callweave.yaml").write_text(text, encoding="utf-8")
    return load_config(folder / "callweave.yaml", {})


def test_callweave_yaml_wins_key_by_key(tmp_path: Path) -> None:
    said = config(
        tmp_path,
        "queues:\n  support: {queue: vip@x, full: 5, strategy: random, wait: 10m, every: 30s}\n  sales: s@x\n",
    ).queues
    assert said == {
        "support": {"queue": "vip@x", "full": 5, "strategy": "random", "wait": 600_000, "every": 30_000},
        "sales": {"queue": "s@x"},
    }
    flow = {"support": {"queue": "support@default", "music": "moh"}}
    assert merged(flow, said) == {"support": {**said["support"], "music": "moh"}}


MISTAKES = {
    "strategy": (
        "{a: {strategy: longest-idle}}",
        'is no strategy of mod_callcenter: did you mean "longest-idle-agent"?',
    ),
    "name on the switch": ("{a: 'a b'}", "queues.a: \"a b\" is no queue's name; write the queue's name on the switch"),
    "expansion": ("{a: {queue: '${x}'}}", "is no queue's name"),
    "full": ("{a: {full: 0}}", '"0" does not fit; write a whole number from 1 to 9999'),
    "unknown key": ("{a: {straegy: random}}", 'queues.a.straegy: is no setting; did you mean "strategy"?'),
    "music": ("{a: {music: 'x ${y}'}}", "is no single file or stream"),
    "time": ("{a: {wait: 500ms}}", '"500ms" is no time of whole seconds; write 30s, 10m or 1h'),
    "name": ("{'a-b': x@y}", "queues.a-b: is no name"),
    "a list": ("[a]", "queues: is not a table of keys"),
}


@pytest.mark.parametrize("case", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(tmp_path: Path, case: tuple[str, str]) -> None:
    text, words = case
    with pytest.raises(ConfigError) as error:
        config(tmp_path, f"queues: {text}\n")
    assert words in str(error.value)


def test_rendered_as_mod_callcenter_reads_it() -> None:
    text = render(
        {
            "support": {
                "queue": "support@default",
                "full": 20,
                "strategy": "ring-all",
                "music": 'a"<&',
                "announce": "busy.wav",
                "every": 30_000,
                "wait": 600_000,
                "empty": 500,
            },
            "also": {"queue": "support@default"},
            "a": {"queue": "a@x"},
        }
    )
    queues = ElementTree.fromstring(f"<queues>{text}</queues>").findall("queue")
    assert [q.get("name") for q in queues] == ["a@x", "support@default"]
    assert {p.get("name"): p.get("value") for p in queues[1]} == {
        "strategy": "ring-all",
        "moh-sound": 'a"<&',
        "announce-sound": "busy.wav",
        "announce-frequency": "30",
        "max-wait-time": "600",
        "max-wait-time-with-no-agent": "1",
        "max-wait-time-with-no-agent-time-reached": "0",
    }


def test_two_flows_that_contradict_each_other() -> None:
    with pytest.raises(QueueError, match=r'queue q@x: "b\.two" says strategy random, another says ring-all'):
        render({"a.one": {"queue": "q@x", "strategy": "ring-all"}, "b.two": {"queue": "q@x", "strategy": "random"}})


FLOW = """flow: line
languages: [en]
queues: {support: {queue: support@default, strategy: STRATEGY}}
steps:
  a: {queue: support, failed: hang_up}
"""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "line.yaml").write_text(FLOW.replace("STRATEGY", strategy))
    (tmp_path / "callweave.yaml").write_text("flows: {default: line}\nqueues: {support: {music: local_stream://moh}}\n")
    result = CliRunner().invoke(command, ["render"])
    assert result.exit_code == 0, result.output
    assert f'<param name="strategy" value="{strategy}"/>' in result.output
    assert '<param name="moh-sound" value="local_stream://moh"/>' in result.output


def test_the_command_without_queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["render"])
    assert result.exit_code != 0
    assert "no flow names a queue" in result.output
