"""What the live tests share: the scripted calls, the dialplans they arrive by, and all that a test needs."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from live_exchange import Exchange
from live_plan import Plan, TimedSounds, plan
from live_switch import Context, FreeSwitch
from live_worker import REPOSITORY, Worker

from ivr.core.program import Program
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.ops.config import DialplanSettings
from ivr.ops.dialplan import Line, render, template_folder

GUARD_S = 15
#: Kept: making them takes longer than all the rest of a start.
CERTIFICATES = REPOSITORY / "build" / "live" / "certificates"


#: Its agents have telephones of their own: test_live_queues.py.
QUEUES = "flows/agents.yaml"


def scripted_calls() -> list[tuple[str, ScriptedCall]]:
    """Every scripted call of the repository, with the file of its flow inside the tests' project."""
    found = []
    for folder, inside in (("flows", "flows"), ("surveys", "surveys"), ("tests/flows", "flows")):
        for file in sorted((REPOSITORY / folder).glob("*.calls.yaml")):
            flow = f"{inside}/{file.name.removesuffix('.calls.yaml')}.yaml"
            found += [(flow, call) for call in load_calls(file) if flow != QUEUES and not _of_the_store(call)]
    return found


def _of_the_store(call: ScriptedCall) -> bool:
    """What was asked before, and full quotas, come from the database and from no channel (contract/test_past.py)."""
    return any(name.startswith(("resume.", "quota.", "asked.")) for name in call.facts)


def line_of(flow: str) -> str:
    """The dialplan context that takes calls for a flow; also its socket path."""
    return flow.removesuffix(".yaml").replace("/", "-")


@dataclass
class Live:
    """Everything that a live test needs."""

    folder: Path
    switch: FreeSwitch
    worker: Worker
    exchange: Exchange
    sounds: TimedSounds
    programs: dict[str, Program]
    ports: dict[str, int]  # of the tests' own false workers, by name
    binary: Path
    hotline: Context
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _run: str = field(default_factory=lambda: secrets.token_hex(3))

    def uuid(self, what: str) -> str:
        """A new Call-ID, which is the channel's uuid too."""
        return f"live-{self._run}-{next(self._numbers)}-{what}"

    def plan(self, flow: str, call: ScriptedCall) -> Plan:
        return plan(line_of(flow), self.programs[flow], call, self.sounds)


def dialplan(workers: list[str], path: str, context: str, guard_s: int = GUARD_S) -> Context:
    """The dialplan that `ivr dialplan render` gives, for every number."""
    settings = DialplanSettings(context=context, guard_s=guard_s, apology="tone_stream://%(100,100,480);loops=2")
    text = render([Line("*", path)], settings, workers=workers, secret="", templates=template_folder(REPOSITORY))
    return Context.of(context, text)
