"""Machines: a campaign's way with answering machines, and its notice of recording, as nodes before its flow.

Law: pure; a Program in, a Program out. The flow itself is as it was: what stands before it has names that no step of a
file can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ivr.campaign.model import Campaign
from ivr.core.program import Detect, HangUp, Node, Piece, Program, Prompt, Say

DETECT, MACHINE, NOTICE = "@detect", "@machine", "@notice"
GREETING_MS: Final = 2500
PAUSE_MS: Final = 1000
#: A machine's greeting is listened to for so long before a message is left.
GREETING_END_MS: Final = 30_000
#: What is judged when the call is over: nobody pressed a key.
BY_KEY: Final = "key"


class UnknownPrompt(ValueError):
    """The campaign names a prompt that no catalogue has in all of the flow's languages."""


def prepared(program: Program, campaign: Campaign, texts: Mapping[str, Mapping[str, str]]) -> Program:
    """The program that the campaign calls with. ``texts``: name -> language -> text, of the prompts it names.

    Raises UnknownPrompt.
    """
    nodes: dict[str, Node] = dict(program.nodes)
    prompts: dict[str, Prompt] = dict(program.prompts)
    start = program.start
    if campaign.recording_notice:
        prompts |= _prompt(campaign.recording_notice, program, texts)
        nodes[NOTICE] = Say((campaign.recording_notice,), start, barge_in=False)
        start = NOTICE
    if campaign.machines.detect == "signal":
        left = campaign.machines.leave
        prompts |= _prompt(left, program, texts) if left else {}
        nodes[MACHINE] = HangUp((left,) if left else ())
        nodes[DETECT] = Detect(GREETING_MS, PAUSE_MS, GREETING_END_MS if left else 0, start, MACHINE)
        start = DETECT
    return replace(program, start=start, nodes=nodes, prompts=prompts)


def _prompt(name: str, program: Program, texts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    if name in program.prompts:
        return {}
    known = texts.get(name, {})
    silent = [language for language in program.languages if language not in known]
    if silent:
        raise UnknownPrompt(f"prompt {name} has no text for {silent[0]}; add it to prompts/{silent[0]}.yaml")
    return {name: Prompt(name, {language: (Piece(known[language]),) for language in program.languages})}
