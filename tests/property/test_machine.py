"""Callers drawn at random over every example flow: the machine's contract holds whatever they do.

Never raises; always ends; a step ends in exactly one wait or End; the state survives JSON at every wait; the same
events give the same effects; nothing is played after a hang-up; the state given is left alone.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import machine
from ivr.core.effects import CollectSecret, Dial, Effect, End, Enqueue, Listen, Play, RecordMessage, Save
from ivr.core.events import (
    Digit,
    Event,
    HungUp,
    PlayDone,
    QueueDone,
    RecordDone,
    SecretDone,
    Started,
    TimerFired,
    TransferDone,
)
from ivr.core.program import Collect, Program
from ivr.core.state import CallState
from ivr.lang.check import check_file

ROOT = Path(__file__).parents[2]
FLOWS = sorted(
    p
    for p in [*ROOT.glob("flows/*.yaml"), *ROOT.glob("surveys/*.yaml"), *ROOT.glob("tests/flows/*.yaml")]
    if not p.name.endswith(".calls.yaml")
)
WAITS = (Play, Listen, CollectSecret, RecordMessage, Dial, Enqueue)


def load(path: Path) -> Program:
    program = check_file(path).program
    assert program is not None
    return program


#: What a world can do next: (kind, detail, milliseconds later). Answers to the open wait are far likelier than noise.
MOVES = st.one_of(
    st.tuples(st.just("answer"), st.integers(0, 7), st.integers(0, 9000)),
    st.tuples(st.just("answer"), st.integers(0, 7), st.integers(0, 9000)),
    st.tuples(st.just("key"), st.sampled_from("0123456789*#123452"), st.integers(0, 3000)),
    st.tuples(st.just("key"), st.sampled_from("0123456789*#"), st.integers(0, 50)),
    st.tuples(st.just("stale"), st.integers(0, 5), st.integers(0, 1000)),
    st.tuples(st.just("odd key"), st.sampled_from(["w", "F", "", "12", "é"]), st.integers(0, 10)),
    st.tuples(st.just("hang up"), st.just(0), st.integers(0, 1000)),
)


def answer(wait: Effect | None, choice: int, at_ms: int) -> Event:
    """One of the answers that the world can give to the open wait."""
    match wait:
        case Play(number):
            return PlayDone(number, at_ms, "done" if choice < 6 else ("missing", "broken")[choice - 6])
        case Listen(number):
            return TimerFired(number, at_ms)
        case CollectSecret(number):
            outcome = ("digits", "noinput", "nomatch", "missing")[choice % 4]
            return SecretDone(number, at_ms, "1234"[: choice % 5] if outcome != "noinput" else "", outcome)
        case RecordMessage(number):
            return RecordDone(number, at_ms, ("done", "empty", "failed")[choice % 3], "m.wav", 2000)
        case Dial(number):
            cause = "" if choice < 6 else "RECOVERY_ON_TIMER_EXPIRE"
            return TransferDone(number, at_ms, ("finished", "busy", "no_answer", "failed")[choice % 4], cause)
        case Enqueue(number, _, _, keys):
            outcome = ("answered", "answered", "no_agent", "full", "timed_out", "failed", "left", "left")[choice]
            key = (keys or "#")[0] if choice == 6 else "D" if choice == 7 else ""
            cause = "RECOVERY_ON_TIMER_EXPIRE" if choice == 1 else ""
            return QueueDone(number, at_ms, outcome, "1001", cause, 4000 + choice, key)
    return Digit("1", at_ms)


def noise(choice: int, wait: int, at_ms: int) -> Event:
    """An answer to a wait that is not the open one."""
    other = wait + (1 if choice % 2 else -1)
    return (
        PlayDone(other, at_ms),
        TimerFired(other, at_ms),
        SecretDone(other, at_ms, "1"),
        RecordDone(other, at_ms),
        TransferDone(other, at_ms),
        QueueDone(other, at_ms),
    )[choice]


def through_json(state: CallState) -> CallState:
    return CallState.from_json(json.loads(json.dumps(state.to_json())))


def checked_step(program: Program, state: CallState, event: Event) -> tuple[CallState, list[Effect]]:
    before = copy.deepcopy(state)
    after, effects = machine.step(program, state, event)
    assert state == before, "the state given was changed"
    again_state, again = machine.step(program, through_json(state), event)
    assert (again_state, again) == (after, effects), "a replay from JSON differs"
    assert through_json(after) == after
    final = [e for e in effects if isinstance(e, (*WAITS, End))]
    assert len(final) <= 1
    if final:
        assert effects[-1] is final[0]
    if isinstance(event, HungUp):
        assert all(isinstance(e, Save | End) for e in effects)
    return after, effects


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.stem)
@settings(max_examples=60, deadline=None)
@given(moves=st.lists(MOVES, max_size=60))
def test_whatever_a_caller_does(path: Path, moves: list[tuple[str, object, int]]) -> None:
    program = PROGRAMS[path]
    state = machine.start(program, {"caller.number": "+8613800138000"}, "c1")
    state, effects = checked_step(program, state, Started(0))
    wait = effects[-1]
    now = 0
    for kind, detail, later in moves:
        now += later
        event: Event
        if kind == "hang up":
            event = HungUp(now)
        elif kind in ("key", "odd key"):
            event = Digit(str(detail), now)
        elif kind == "stale":
            event = noise(int(str(detail)), state.wait, now)
        else:
            event = answer(wait, int(str(detail)), now)
        was, (state, effects) = state, checked_step(program, state, event)
        if kind in ("stale", "odd key") or was.ended:
            assert effects == []
        if effects:
            wait = effects[-1]
    # Left alone, with nothing but prompts ending and timers running out, every call comes to its end.
    for _ in range(3000):
        if state.ended:
            break
        now += 20_000
        state, effects = machine.step(program, state, answer(wait, 0, now))
        if effects:
            wait = effects[-1]
    assert state.ended, f"still at {state.node}"
    assert machine.step(program, state, HungUp(now)) == (state, [])


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.stem)
@settings(max_examples=40, deadline=None)
@given(moves=st.lists(MOVES, max_size=30), after=st.integers(0, 30))
def test_a_call_outlives_its_host(path: Path, moves: list[tuple[str, object, int]], after: int) -> None:
    """At any wait another process takes the saved state: the same step waits again, and the call still ends."""
    program = PROGRAMS[path]
    state = machine.start(program, {}, "c1")
    state, effects = machine.step(program, state, Started(0))
    wait, now = effects[-1], 0
    for number, (kind, detail, later) in enumerate(moves):
        now += later
        if number == after and not state.ended:
            node, answers = state.node, state.visits
            state, effects = machine.resume(program, through_json(state), now)
            assert isinstance(effects[-1], (*WAITS, End))
            assert not any(isinstance(e, Save) and e.table == "answer" for e in effects)
            if isinstance(program.nodes[node], Collect):
                assert (state.node, state.visits) == (node, answers)
            wait = effects[-1]
        event = Digit(str(detail), now) if kind == "key" else answer(wait, int(detail) if kind == "answer" else 0, now)  # type: ignore[call-overload]
        state, effects = machine.step(program, state, event)
        if effects:
            wait = effects[-1]
    for _ in range(3000):
        if state.ended:
            break
        now += 20_000
        state, effects = machine.step(program, state, answer(wait, 0, now))
        wait = effects[-1] if effects else wait
    assert state.ended


PROGRAMS = {path: load(path) for path in FLOWS}


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.stem)
def test_a_program_survives_json(path: Path) -> None:
    program = PROGRAMS[path]
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert again == program
    assert again.hash == program.hash
