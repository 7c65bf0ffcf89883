"""The tester: plays scripted calls and says what did not happen as written, and which ways nobody went.

Law: judges a call only by what can be seen of it (sounds, saves, steps, the end), so that the same judgement holds
for a call on the simulator, on the scripted switch and on a real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ivr.core import machine, trace
from ivr.core.effects import Effect, End, Failed, Save
from ivr.core.program import END, Program
from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.script import ScriptedCall
from ivr.hosts.simulator import SimulatedCall, run

#: One way out of a step: (step, what makes the caller take it).
Way = tuple[str, str]


@dataclass(slots=True)
class Outcome:
    """What became of one scripted call."""

    call: ScriptedCall
    problems: list[str]
    heard: list[str]
    trace: list[str]
    effects: list[Effect]
    steps: list[str] = field(default_factory=list)
    ways: set[Way] = field(default_factory=set)
    duration_ms: int = 0

    @property
    def passed(self) -> bool:
        return not self.problems


def run_call(program: Program, call: ScriptedCall) -> Outcome:
    """Play one scripted call on the simulator."""
    caller = ScriptedCaller(call.script)
    line = SimulatedCall(program, call.facts, call_id=f"call-{call.line}", far_ends=call.far_ends, queues=call.queues)
    run(line, caller)
    return outcome(call, caller, line.effects, line.path, line.state.variables, line.now_ms)


def outcome(
    call: ScriptedCall,
    caller: ScriptedCaller,
    effects: list[Effect],
    path: Sequence[Way],
    variables: Mapping[str, Any],
    duration_ms: int,
) -> Outcome:
    """The judgement on a call that any host has carried out."""
    steps = [step for step, way in path if not way]
    problems = [*caller.problems, *judge(call, effects, steps, variables)]
    if not any(isinstance(e, End) for e in effects):
        problems.append("the call never ended")
    ways = {(step, way) for step, way in path if way}
    return Outcome(call, problems, caller.heard, trace.lines(effects), effects, steps, ways, duration_ms)


def judge(
    call: ScriptedCall, effects: Sequence[Effect], steps: Sequence[str], variables: Mapping[str, Any]
) -> list[str]:
    """What a call did otherwise than its script says."""
    problems = []
    end = next((e for e in effects if isinstance(e, End)), None)
    if end and call.ends:
        shown = {"at": end.node, "by": end.by, "cause": end.cause}
        problems += [f"ends {key} {shown[key]}, not {want}" for key, want in call.ends.items() if shown[key] != want]
    answers = {e.row["question"]: e.row["value"] for e in effects if isinstance(e, Save) and e.table == "answer"}
    for question, value in call.saves.items():
        if question not in answers:
            problems.append(f'no answer to "{question}" was saved')
        elif answers[question] != value:
            problems.append(f'the answer to "{question}" is {answers[question]!r}, not {value!r}')
    for name, value in call.variables.items():
        if variables.get(name) != value:
            problems.append(f"{name} is {variables.get(name)!r}, not {value!r}")
    remaining = iter(steps)
    for step in call.passes:
        if step not in remaining:
            problems.append(f'the call does not pass "{step}" where the script says so (it went {" → ".join(steps)})')
            break
    if call.ends.get("by") != "error":
        problems += [f"{e.name} at {e.node}: {e.detail}" for e in effects if isinstance(e, Failed)]
    return problems


@dataclass(slots=True)
class Coverage:
    """Which steps and ways of a Program some call went."""

    program: Program
    steps: set[str] = field(default_factory=set)
    ways: set[Way] = field(default_factory=set)

    def add(self, outcomes: Iterable[Outcome]) -> Coverage:
        for outcome in outcomes:
            self.steps.update(outcome.steps)
            self.ways |= outcome.ways
        return self

    @property
    def all_steps(self) -> list[str]:
        return [s for s in self.program.nodes if s != END]

    @property
    def all_ways(self) -> list[Way]:
        found = [(s, label) for s in self.all_steps for label, _ in machine.ways(self.program, s)]
        return list(dict.fromkeys(found))

    @property
    def missed_steps(self) -> list[str]:
        return [s for s in self.all_steps if s not in self.steps]

    @property
    def missed_ways(self) -> list[Way]:
        return [w for w in self.all_ways if w not in self.ways]
