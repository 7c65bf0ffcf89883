"""A campaign's way with machines stands before its flow; what it heard of a call is told in the call's last event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ivr.campaign import machines
from ivr.campaign.machines import prepared
from ivr.campaign.model import Calling, Campaign, Machines
from ivr.core.program import Detect, HangUp, Program, Say
from ivr.hosts.caller import Hears, Press, ScriptedCaller, Speak
from ivr.hosts.simulator import SimulatedCall, run
from ivr.lang.check import check_file

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def flow() -> Program:
    program = check_file(ROOT / "surveys" / "csat.yaml").program
    assert program is not None
    return program


def campaign(**more: Any) -> Campaign:
    return Campaign("c", Calling(open=()), (), 1.0, 1, **more)


def test_without_machines_the_flow_is_as_it_was(flow: Program) -> None:
    assert prepared(flow, campaign(), {}) == flow
    assert prepared(flow, campaign(machines=Machines("key")), {}) == flow


def test_a_message_is_left_after_the_greeting(flow: Program) -> None:
    texts = {"please_call": {"en": "Please call us back.", "zh": "请回电。"}}
    made = prepared(flow, campaign(machines=Machines("signal", "please_call")), texts)
    assert made.nodes[made.start] == Detect(2500, 1000, 30_000, flow.start, "@machine")
    assert made.nodes["@machine"] == HangUp(("please_call",))
    assert Program.from_json(made.to_json()) == made
    line = SimulatedCall(made, {"language": "en"})
    caller = ScriptedCaller([Speak(9000), Hears("Please call us back")])
    run(line, caller)
    assert caller.problems == []
    assert "mark outcome machine" in line.trace
    person = SimulatedCall(made, {"language": "en"})
    caller = ScriptedCaller([Speak(900), Hears("How satisfied")])
    run(person, caller)
    assert caller.problems == []
    assert "mark outcome machine" not in person.trace


def test_fault_100_recording_is_announced_before_anything_else(flow: Program) -> None:
    texts = {"recorded": {"en": "This call is recorded.", "zh": "本次通话将被录音。"}}
    made = prepared(flow, campaign(recording_notice="recorded"), texts)
    assert made.nodes[made.start] == Say(("recorded",), flow.start, barge_in=False)


def test_a_prompt_in_every_language_or_none(flow: Program) -> None:
    with pytest.raises(machines.UnknownPrompt, match="prompt recorded has no text for zh"):
        prepared(flow, campaign(recording_notice="recorded"), {"recorded": {"en": "This call is recorded."}})


def test_who_presses_a_key_is_no_machine(flow: Program) -> None:
    """Told once in a call of a campaign, at the first key that means something; never in another call."""
    for facts, told in (({"campaign.name": "c", "language": "en"}, 1), ({"language": "en"}, 0)):
        line = SimulatedCall(flow, facts)
        run(line, ScriptedCaller([Hears("How satisfied"), Press("1"), Hears("What went wrong"), Press("2")]))
        assert line.trace.count("mark keyed true") == told
