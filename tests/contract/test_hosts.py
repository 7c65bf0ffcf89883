"""The hosts are one: every scripted call does the same on the simulator and, byte for byte, on the FreeSWITCH host.

The FreeSWITCH host here is the one that serves live calls, talking to the scripted switch, which is held equal to a
real FreeSWITCH's recordings by tests/wire. `make live` runs the same calls through a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ivr.core.effects import End, Play
from ivr.core.program import Program
from ivr.core.state import CallState
from ivr.hosts.caller import HangsUp, Hears, Silence
from ivr.hosts.rehearsal import Rehearsal
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.hosts.scripted_switch import Faults
from ivr.hosts.tester import Outcome, run_call
from ivr.lang.check import check_file

ROOT = Path(__file__).parents[2]
FILES = sorted(p for folder in ("flows", "surveys", "tests/flows") for p in (ROOT / folder).glob("*.calls.yaml"))


@cache
def program_of(file: Path) -> Program:
    program = check_file(file.with_name(file.name.removesuffix(".calls.yaml") + ".yaml")).program
    assert program is not None
    return program


CALLS = [pytest.param(file, call, id=f"{file.stem}:{call.line}") for file in FILES for call in load_calls(file)]


def chunks(size: int) -> Callable[[bytes], list[bytes]]:
    return lambda data: [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize(("file", "call"), CALLS)
def test_the_simulator_does_as_the_script_says(file: Path, call: ScriptedCall) -> None:
    assert run_call(program_of(file), call).problems == []


@pytest.mark.parametrize(("file", "call"), CALLS)
@pytest.mark.parametrize("size", [1_000_000, 7], ids=["whole", "in bits"])
def test_the_freeswitch_host_does_the_same(file: Path, call: ScriptedCall, size: int) -> None:
    told: list[str] = []
    rehearsal = Rehearsal(
        program_of(file), call, pieces=chunks(size), log=lambda event, **fields: told.append(f"{event} {fields}")
    )
    outcome = rehearsal.run()
    assert outcome.problems == []
    assert outcome.trace == run_call(program_of(file), call).trace
    unknown = [line for line in told if line.startswith("queue_unknown")]  # a mistake of the installation's
    assert bool(unknown) == any(end.outcome == "failed" for end in call.queues.values())
    assert told == unknown


@pytest.mark.parametrize(("file", "call"), CALLS)
def test_a_call_goes_on_from_its_saved_state_at_every_wait(
    file: Path, call: ScriptedCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is written as JSON and read back before each event, as another process would."""
    from ivr.hosts import simulator

    step = simulator.machine.step

    def resumed(program: Program, state: CallState, event: object, path: object = None) -> object:
        again = Program.from_json(json.loads(json.dumps(program.to_json())))
        return step(again, CallState.from_json(json.loads(json.dumps(state.to_json()))), event, path)  # type: ignore[arg-type]

    straight = run_call(program_of(file), call).trace
    monkeypatch.setattr(simulator.machine, "step", resumed)
    assert run_call(program_of(file), call).trace == straight


@pytest.mark.parametrize(("file", "call"), CALLS)
def test_row_61_a_hang_up_at_every_point_of_every_call(file: Path, call: ScriptedCall) -> None:
    """The caller hangs up after the n-th thing of the script, for every n: what was answered before is kept."""
    program = program_of(file)
    for n in range(len(call.script)):
        if not isinstance(call.script[n], Hears):
            continue
        cut = ScriptedCall(
            "cut", call.file, call.line, call.facts, (*call.script[: n + 1], HangsUp()), call.far_ends, call.queues
        )
        simulated, live = run_call(program, cut), Rehearsal(program, cut).run()
        assert live.trace == simulated.trace
        assert answers(live) == answers(simulated)
        end = next(e for e in live.effects if isinstance(e, End))
        assert live.effects[-1] is end, "something happened after the end"
        assert end.by == "caller" or not any(isinstance(e, Play) for e in live.effects[live.effects.index(end) :])
        assert live.trace == simulated.trace[: len(live.trace)]


def answers(outcome: Outcome) -> list[str]:
    return [line for line in outcome.trace if line.startswith("save answer")]


def test_a_slow_switch_changes_nothing() -> None:
    for file in FILES:
        for call in load_calls(file):
            # A timer and a late word of the switch may cross where the caller stays silent.
            if not any(isinstance(a, Silence) for a in call.script):
                outcome = Rehearsal(program_of(file), call, faults=Faults(delay_ms=40)).run()
                assert outcome.trace == run_call(program_of(file), call).trace
