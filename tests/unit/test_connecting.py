"""What a queue and a transfer lead to, as tables: the machine's ways, and the switch's words for them."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.core import machine, trace
from ivr.core.effects import End
from ivr.core.events import Digit, Event, HungUp, PlayDone, QueueDone, Started, TimerFired, TransferDone
from ivr.core.program import END, HangUp, Piece, Program, Prompt, Queue, Transfer
from ivr.core.state import CallState
from ivr.esl.event import PlainEvent
from ivr.hosts.completions import agent_of, queue_done

STEPS = ("next", "survey", "nobody", "crowd", "late", "no", "mail")
CUT = "RECOVERY_ON_TIMER_EXPIRE"


def program(node: Queue | Transfer, **more: Any) -> Program:
    prompts = {name: Prompt(name, {"en": (Piece(text=name),)}) for name in ("wait", "busy", *STEPS)}
    nodes: dict[str, Any] = {"q": node, **{name: HangUp((name,)) for name in STEPS}}
    return Program("t", "", ("en",), "q", nodes, prompts, **more)


def queue(**more: Any) -> Queue:
    said: dict[str, Any] = {
        "queue": "support",
        "prompts": (),
        "announce": (),
        "announce_ms": 0,
        "leave": {"#": "mail", "0": "next"},
        "wait_ms": 60_000,
        "next": "next",
        "after_agent": "survey",
        "no_agent": "nobody",
        "full": "crowd",
        "timed_out": "late",
        "failed": "no",
    }
    return Queue(**{**said, **more})


def waiting(flow: Program) -> CallState:
    state, effects = machine.step(flow, machine.start(flow, {}, "c"), Started(0))
    assert state.waiting == "queue", trace.lines(effects)
    return state


#: outcome, key, cause -> step, way
WAYS: dict[str, tuple[tuple[str, str, str], str, str]] = {
    "the agent hung up": (("answered", "", "NORMAL_CLEARING"), "survey", "answered"),
    "the agent hung up, and the switch names no cause": (("answered", "", ""), "survey", "answered"),
    "the talk broke off": (("answered", "", CUT), "next", "broken off"),
    "a key": (("left", "#", ""), "mail", "key #"),
    "another key": (("left", "0", ""), "next", "key 0"),
    "a key that is not on offer": (("left", "D", ""), "no", "failed"),
    "nobody signed in": (("no_agent", "", ""), "nobody", "no_agent"),
    "full": (("full", "", ""), "crowd", "full"),
    "waited too long": (("timed_out", "", ""), "late", "timed_out"),
    "failed": (("failed", "", ""), "no", "failed"),
    "a word of tomorrow's": (("strange", "", ""), "no", "failed"),
}


@pytest.mark.parametrize("case", WAYS.values(), ids=WAYS.keys())
def test_ways_out_of_a_queue(case: tuple[tuple[str, str, str], str, str]) -> None:
    (outcome, key, cause), step, way = case
    flow = program(queue())
    state, path = waiting(flow), []  # type: ignore[var-annotated]
    after, _ = machine.step(flow, state, QueueDone(state.wait, 9000, outcome, "1002", cause, 4000, key), path)
    assert after.node == step
    assert ("q", way) in path
    assert (way, step) in machine.ways(flow, "q")
    known = {name: after.variables.get(f"queue.{name}") for name in ("name", "outcome", "wait_ms", "key")}
    assert known == {"name": "support", "outcome": outcome, "wait_ms": 4000, "key": key}
    assert after.variables.get("agent.id") == ("1002" if outcome == "answered" else None)
    assert after.talked_ms == 9000, "neither the wait nor the talk is the flow's time"


DEFAULTS = {"no_agent": "no", "full": "no", "timed_out": "no", "after_agent": "next"}


@pytest.mark.parametrize("cause", ["NORMAL_CLEARING", CUT])
def test_without_a_way_of_its_own_a_broken_talk_is_one_that_is_over(cause: str) -> None:
    flow = program(queue(**DEFAULTS))
    state = waiting(flow)
    after, _ = machine.step(flow, state, QueueDone(state.wait, 9000, "answered", "1", cause))
    assert after.node == "next"
    assert "broken off" not in dict(machine.ways(flow, "q"))


#: What means nothing to a call that waits in a queue.
IGNORED = [Digit("#", 500), Digit("D", 500), TimerFired(1, 500), PlayDone(1, 500), QueueDone(99, 500), Started(500)]


@pytest.mark.parametrize("event", [*IGNORED, TransferDone(1, 500)], ids=repr)
def test_keys_and_strange_words_are_not_the_flows(event: Event) -> None:
    flow = program(queue())
    state = waiting(flow)
    assert machine.step(flow, state, event) == (state, [])


def test_a_caller_who_hangs_up_in_the_queue_hears_nothing_more() -> None:
    flow = program(queue())
    after, effects = machine.step(flow, waiting(flow), HungUp(3000))
    assert effects == [End("caller", "q", "NORMAL_CLEARING")]
    assert after.ended


def test_what_is_said_before_and_while_waiting() -> None:
    flow = program(queue(prompts=("wait",), announce=("busy",), announce_ms=30_000))
    state, effects = machine.step(flow, machine.start(flow, {}, "c"), Started(0))
    assert trace.lines(effects) == ["answer", "q: play[en] to the end wait"]
    _, effects = machine.step(flow, state, PlayDone(state.wait, 2000))
    assert trace.lines(effects) == ["q: queue support up to 60000 ms keys #0 announce busy"]


def test_another_worker_takes_a_queue_for_what_it_became() -> None:
    flow = program(queue())
    state = waiting(flow)
    after, _ = machine.resume(flow, state, 5000, QueueDone(state.wait, 5000, "answered", "1002"))
    assert (after.node, after.variables["agent.id"], after.talked_ms) == ("survey", "1002", 5000)
    again, effects = machine.resume(flow, state, 5000)
    assert (again.node, trace.lines(effects)) == ("q", ["q: queue support up to 60000 ms keys #0"])
    odd, effects = machine.resume(flow, state, 5000, TransferDone(state.wait, 5000))
    assert (odd.node, trace.lines(effects)) == ("q", ["q: queue support up to 60000 ms keys #0"])


@pytest.mark.parametrize(
    ("after_agent", "cause", "step", "ways"),
    [
        ("survey", "NORMAL_CLEARING", "survey", [("finished", "survey"), ("broken off", "next")]),
        ("survey", CUT, "next", [("finished", "survey"), ("broken off", "next")]),
        ("", CUT, "next", [("finished", "next")]),
        ("next", CUT, "next", [("finished", "next")]),
    ],
)
def test_after_a_transfer(after_agent: str, cause: str, step: str, ways: list[tuple[str, str]]) -> None:
    flow = program(Transfer("desk", (), 30_000, "next", "no", "no", "no", after_agent))
    state, _ = machine.step(flow, machine.start(flow, {}, "c"), Started(0))
    after, _ = machine.step(flow, state, TransferDone(state.wait, 9000, "finished", cause, "1000"))
    assert (after.node, after.variables["agent.id"]) == (step, "1000")
    assert machine.ways(flow, "q")[: len(ways)] == ways


def test_a_survey_after_the_last_step_of_a_queue() -> None:
    flow = program(queue(next=END, after_agent=END))
    state = waiting(flow)
    _, effects = machine.step(flow, state, QueueDone(state.wait, 9000, "answered"))
    assert trace.lines(effects) == ["q: end by flow NORMAL_CLEARING"]


# -- the switch's words -------------------------------------------------------------------------------------


def channel(**variables: str) -> PlainEvent:
    return PlainEvent("".join(f"\nvariable_{name}: {value}" for name, value in variables.items()).encode() + b"\n")


#: Variables of the channel (mod_callcenter.c, callcenter_function) -> outcome, agent, cause, wait_ms, key
WORDS: dict[str, tuple[dict[str, str], int | None, tuple[str, str, str, int, str]]] = {
    "answered": (
        {"cc_cause": "answered", "cc_agent": "1002", "last_bridge_hangup_cause": "NORMAL_CLEARING"},
        4321,
        ("answered", "1002", "NORMAL_CLEARING", 4321, ""),
    ),
    "answered, told to another worker": (
        {
            "cc_cause": "answered",
            "cc_agent": "1002",
            "last_bridge_hangup_cause": CUT,
            "cc_queue_joined_epoch": "1795639360",
            "cc_queue_answered_epoch": "1795639365",
        },
        None,
        ("answered", "1002", CUT, 5000, ""),
    ),
    "an agent who was gone before the bridge": ({"cc_cause": "answered"}, 100, ("failed", "", "", 100, "")),
    "a key": (
        {"cc_cause": "cancel", "cc_cancel_reason": "EXIT_WITH_KEY", "cc_exit_key": "9"},
        100,
        ("left", "", "", 100, "9"),
    ),
    "our key": (
        {"cc_cause": "cancel", "cc_cancel_reason": "EXIT_WITH_KEY", "cc_exit_key": "D"},
        100,
        ("timed_out", "", "", 100, ""),
    ),
    "the queue's own longest wait": (
        {"cc_cause": "cancel", "cc_cancel_reason": "TIMEOUT"},
        100,
        ("timed_out", "", "", 100, ""),
    ),
    "the last agent signed out": (
        {"cc_cause": "cancel", "cc_cancel_reason": "NO_AGENT_TIMEOUT"},
        100,
        ("no_agent", "", "", 100, ""),
    ),
    "broken out": ({"cc_cause": "cancel", "cc_cancel_reason": "BREAK_OUT"}, 100, ("failed", "", "", 100, "")),
    "no such queue": ({}, None, ("failed", "", "", 0, "")),
    "clocks that are none": (
        {"cc_cause": "answered", "cc_agent": "1", "cc_queue_joined_epoch": "x", "cc_queue_answered_epoch": "5"},
        None,
        ("answered", "1", "", 0, ""),
    ),
}


@pytest.mark.parametrize("case", WORDS.values(), ids=WORDS.keys())
def test_what_mod_callcenter_leaves_on_the_channel(
    case: tuple[dict[str, str], int | None, tuple[str, str, str, int, str]],
) -> None:
    variables, waited_ms, (outcome, agent, cause, wait_ms, key) = case
    done = queue_done(channel(**variables), 7, 9000, waited_ms)
    assert done == QueueDone(7, 9000, outcome, agent, cause, wait_ms, key)


@pytest.mark.parametrize(
    ("dial_string", "agent"),
    [
        ("user/1000", "1000"),
        ("sofia/gateway/main/95588", "95588"),
        ("sofia/internal/1000@10.0.0.1:5060", "1000"),
        ("sofia/internal/sip:1000@10.0.0.1;transport=tcp", "1000"),
        ("user/1000,user/1001", ""),
        ("user/1000|user/1001", ""),
        ("", ""),
    ],
)
def test_who_a_destination_is(dial_string: str, agent: str) -> None:
    assert agent_of(dial_string) == agent
