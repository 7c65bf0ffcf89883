"""A real server and its callers who wait for agents: they come back on a connection of their own, or to another worker.

The telephone side is the scripted switch over TCP, which plays mod_callcenter's part; `make live` has a real one.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from servertools import Site, Worker, until

from ivr.hosts.caller import Action, HangsUp, Hears, Pause, Press, ScriptedCaller
from ivr.hosts.scripted_switch import ScriptedQueue, ScriptedSwitch
from ivr.hosts.switch_client import CallResult, place_call

FLOW = """flow: quick
languages: [en]
queues: {support: {queue: support@default, full: 3}}
start: pin
digits: {first: 1500ms, give_up: bye}
steps:
  pin:
    ask: {en: "Your code, please."}
    into: pin
    secret: true
    digits: {length: 2}
    next: agents
  agents:
    queue: support
    leave: {"#": bye}
    wait: 30s
    after_agent: survey
    failed: bye
  survey:
    ask: {en: "Question 1, please."}
    into: q1
    digits: {length: 1}
    next: bye
  bye:
    say: {en: "Goodbye."}
    hang_up: true
"""
UUID = "11111111-2222-3333-4444-555555555555"
#: After a secret entry no place is written, so a call that another worker is to take over has none.
OPEN = FLOW.replace("    secret: true\n", "")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def worker(site: Site) -> Iterator[Worker]:
    site.write(FLOW)
    one = Worker(site)
    yield one
    if one.process.poll() is None:
        one.end(signal.SIGKILL)


def call(site: Site, caller: ScriptedCaller, queue: ScriptedQueue, **variables: str) -> ScriptedSwitch:
    return ScriptedSwitch(
        caller,
        uuid=UUID,
        sounds=site.sounds.get,
        queues={"support@default": queue},
        variables=variables,
        guard_ms=15_000,
    )


def caller(*more: Action) -> ScriptedCaller:
    return ScriptedCaller([Hears("Your code"), Press("12"), *more])


SOON = ScriptedQueue(agent="1002", after_ms=100, talk_ms=300)
SURVEY = (Hears("Question 1"), Press("5"), Hears("Goodbye"))


def test_the_caller_comes_back_from_the_talk_to_the_same_worker(site: Site, worker: Worker) -> None:
    """After a secret entry too, of which nothing is written: the worker itself knows where the call was."""
    result = place_call("127.0.0.1", worker.port, call(site, caller(*SURVEY), SOON))
    assert result.problems == []
    assert result.fate == "ended"
    assert [line["call"] for line in worker.events("call_came_back")] == [UUID]
    assert worker.events("call_taken_over", "switch_lost", "call_crashed", "command_refused") == []
    assert worker.end() == 0
    assert site.rows("SELECT ended_by, end_node, status FROM call") == [("flow", "bye", "ended")]
    assert site.rows("SELECT question, value FROM answer WHERE value IS NOT NULL") == [("survey", "5")]


def test_many_come_back_and_none_counts_twice(site: Site, worker: Worker) -> None:
    """Each leaves a connection behind that is silent until it hangs up: they are no calls on the line."""
    worker.end()
    site.config.write_text(site.config.read_text() + "max_calls: 3\n")
    again = Worker(site, "again")
    results: list[CallResult] = []

    def one(number: int) -> None:
        switch = call(site, caller(*SURVEY), SOON)
        switch.channel.uuid = f"{UUID[:-2]}{number:02}"
        results.append(place_call("127.0.0.1", again.port, switch))

    for _ in range(2):
        gevent.joinall([gevent.spawn(one, number) for number in range(1, 4)], timeout=60)
    assert [r.problems for r in results] == [[]] * 6
    assert again.events("call_shed") == []
    assert again.end() == 0


def test_a_caller_who_hangs_up_in_the_talk_is_heard_of(site: Site, worker: Worker) -> None:
    long = ScriptedQueue(after_ms=100, talk_ms=60_000)
    result = place_call("127.0.0.1", worker.port, call(site, caller(Pause(700), HangsUp()), long))
    assert result.problems == []
    assert worker.end() == 0
    assert site.rows("SELECT ended_by, end_node FROM call") == [("caller", "agents")]


def test_a_server_that_is_stopped_waits_for_who_is_with_an_agent(site: Site, worker: Worker) -> None:
    """Its door stays open for them, and for nobody else."""
    switch = call(site, caller(*SURVEY), ScriptedQueue(after_ms=100, talk_ms=1500))
    talk = gevent.spawn(place_call, "127.0.0.1", worker.port, switch)
    until(lambda: switch.fate == "with an agent", "the caller talks")
    port = worker.port
    worker.send(signal.SIGTERM)
    until(lambda: worker.events("draining"), "it drains")
    new = place_call("127.0.0.1", port, site.call("another", [Pause(5000)]))
    assert new.heard == [], "the dialplan's next action takes a new caller on"
    assert [line["detail"] for line in worker.events("no_flow")] == ["the server is being stopped"]
    assert talk.get(timeout=60).problems == []
    until(lambda: worker.process.poll() is not None, "it ends")
    assert worker.process.wait() == 0
    assert site.rows("SELECT call_id, ended_by, end_node FROM call") == [(UUID, "flow", "bye")]


def killed(site: Site, one: Worker, queue: ScriptedQueue, fate: str) -> None:
    """The worker dies while its caller is ``fate``."""
    switch = call(site, caller(Pause(60_000)), queue)
    talk = gevent.spawn(place_call, "127.0.0.1", one.port, switch)
    until(lambda: switch.fate == fate and switch.channel.get("cc_queue"), f"the caller is {fate}")
    until(lambda: "queue" in str(site.rows("SELECT json FROM call_state")), "the place is stored")
    one.end(signal.SIGKILL)
    talk.kill()


TALKED = {"cc_cause": "answered", "cc_agent": "1002", "last_bridge_hangup_cause": "NORMAL_CLEARING"}
WAITED = {"cc_cause": "cancel", "cc_cancel_reason": "EXIT_WITH_KEY", "cc_exit_key": "#"}


@pytest.mark.parametrize(
    ("queue", "fate", "variables", "then"),
    [
        pytest.param(SOON, "with an agent", TALKED, SURVEY, id="in the talk"),
        pytest.param(
            ScriptedQueue("waits"), "in control", WAITED, (Hears("Goodbye"),), id="in the queue, left by a key"
        ),
        pytest.param(ScriptedQueue("waits"), "in control", TALKED, SURVEY, id="in the queue, answered"),
        pytest.param(ScriptedQueue("waits"), "in control", {}, SURVEY, id="in the queue, which it then enters again"),
    ],
)
def test_a_worker_dies(
    site: Site, queue: ScriptedQueue, fate: str, variables: dict[str, str], then: tuple[Action, ...]
) -> None:
    """mod_callcenter goes on without us; what it made of the caller is on the channel when another worker gets it."""
    site.write(OPEN)
    one, two = Worker(site), Worker(site, "two")
    try:
        queue = ScriptedQueue(after_ms=100, talk_ms=60_000) if fate == "with an agent" else queue
        killed(site, one, queue, fate)
        again = ScriptedCaller(list(then))
        known = {"callweave_takeover": "true", **variables}
        result = place_call("127.0.0.1", two.port, call(site, again, SOON, **known))
        assert result.problems == []
        assert again.heard[0].split(" ")[0] in ("Question", "Goodbye."), "nobody is asked for the code again"
        assert [line["call"] for line in two.events("call_taken_over")] == [UUID]
        assert two.end() == 0
        assert site.rows("SELECT ended_by, end_node FROM call") == [("flow", "bye")]
    finally:
        for worker in (one, two):
            if worker.process.poll() is None:
                worker.end(signal.SIGKILL)
