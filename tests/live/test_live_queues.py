"""Queues and their agents on a real mod_callcenter: every scripted call of tests/flows/agents.calls.yaml.

Each call has a queue and an agent of its own: a SIP telephone (SIPp) that rings, answers and hangs up first, as the
script's `queues` and `far_ends` say. The caller's trace must be the simulator's.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from live_agents import Agent
from live_exchange import Exchange, Seen
from live_plan import Plan, TimedSounds, plan
from live_project import CERTIFICATES, QUEUES, dialplan, line_of
from live_switch import FreeSwitch, NotThere, find_freeswitch, free_port
from live_worker import REPOSITORY, Worker, built_library, compiled, make_project
from test_scripted_calls import check

from ivr.core.program import Program
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.hosts.simulated_queue import QueueEnd
from ivr.ops.queues import render

CALLS = load_calls(REPOSITORY / "tests/flows/agents.calls.yaml")
#: From the queue's entry until mod_callcenter has rung an agent; found: its dispatcher looks once a while.
OFFERED_MS = 700
BROKEN_OFF = 102  # Q.850: recovery on timer expiry
MUSIC = "tone_stream://%(400,600,300);loops=-1"


@dataclass
class Site:
    """As ``live_project.Live``, with a flow, a queue and an agent for each call."""

    folder: Path
    switch: FreeSwitch
    worker: Worker
    exchange: Exchange
    sounds: TimedSounds
    programs: dict[int, Program]
    waiting: Agent  # a caller who waits already
    paths: dict[str, str]
    first_port: int  # of a worker that is asked before ours, in the contexts whose names begin with "two-"

    def plan(self, call: ScriptedCall) -> Plan:
        return plan(line_of(flow_of(call)), self.programs[call.line], call, self.sounds)

    def config(self, *words: str) -> str:
        reply = self.switch.api("callcenter_config", " ".join(words)).strip()
        assert reply.startswith("+OK"), f"{words}: {reply}"
        return reply


def flow_of(call: ScriptedCall) -> str:
    return f"flows/agents_{call.line}.yaml"


def queue_of(call: ScriptedCall) -> str:
    return f"support{call.line}@live"


def agent_of(call: ScriptedCall, folder: Path) -> Agent:
    """The telephone of the agent, or of the desk, of one call."""
    if call.far_ends:
        far = call.far_ends["desk"]
        cause = BROKEN_OFF if far.cause else 0
        return Agent(folder, "desk", 300, far.after_ms, cause, far.outcome == "busy")
    end = call.queues["support"]
    cause = 0 if end.cause == "NORMAL_CLEARING" else BROKEN_OFF
    return Agent(folder, end.agent, max(100, end.after_ms - OFFERED_MS), end.talk_ms, cause)


def write_flow(folder: Path, call: ScriptedCall, agent: Agent) -> None:
    text = (REPOSITORY / "tests" / QUEUES).read_text(encoding="utf-8")
    full = "full: 1" if call.queues.get("support") and call.queues["support"].outcome == "full" else "full: 20"
    for old, new in (
        ("flow: agents\n", f"flow: agents_{call.line}\n"),
        ("user/1000", agent.contact),
        ("support@default", queue_of(call)),
        ("full: 20", full),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / flow_of(call)).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        binary = find_freeswitch()
    except NotThere as why:
        pytest.skip(str(why))
    if not shutil.which("sipp"):
        pytest.skip("no SIPp on PATH: on Debian, apt-get install sip-tester")
    folder = tmp_path_factory.mktemp("queues")
    project = make_project(folder / "project")
    agents = [agent_of(call, folder) for call in CALLS]
    waiting = Agent(folder, "waiting", 100, None)
    for call, agent in zip(CALLS, agents, strict=True):
        write_flow(project, call, agent)
    programs = {call.line: compiled(project, flow_of(call)) for call in CALLS}
    library = built_library(project, list(programs.values()))
    sip_port, port, first = free_port(), free_port(), free_port()
    lines = [line_of(flow_of(call)) for call in CALLS]
    contexts = [dialplan([f"127.0.0.1:{port}"], line, line) for line in lines]
    contexts += [dialplan([f"127.0.0.1:{first}", f"127.0.0.1:{port}"], line, f"two-{line}") for line in lines]
    paths = {line: flow_of(call) for line, call in zip(lines, CALLS, strict=True)}
    worker = Worker(project, "worker", port, {"flows": {"paths": paths}}).start()
    switch = None
    try:
        queues = {
            f"q{call.line}": {"queue": queue_of(call), "strategy": "longest-idle-agent", "music": MUSIC}
            for call in CALLS
            if not (call.queues and call.queues["support"].outcome == "failed")
        }
        switch = FreeSwitch(
            binary, folder / "switch", contexts, [], {}, sip_port, certificates=CERTIFICATES, queues=render(queues)
        )
        if switch.api("module_exists", "mod_callcenter").strip() != "true":
            pytest.skip("this FreeSWITCH has no mod_callcenter")
        site = Site(folder, switch, worker, Exchange(switch), TimedSounds(library), programs, waiting, paths, first)
        for call, agent in zip(CALLS, agents, strict=True):
            sign_in(site, call, agent)
            site.plan(call)  # so that the ear knows every file
        yield site
        site.exchange.close()
    finally:
        for agent in (*agents, waiting):
            agent.stop()
        if switch is not None:
            switch.stop()
        worker.stop()


def sign_in(site: Site, call: ScriptedCall, agent: Agent) -> None:
    """As the script says of the queue: somebody may be there, and somebody may wait already."""
    if not call.queues or call.queues["support"].outcome == "failed":
        return
    end = call.queues["support"]
    status = {"no_agent": "'Logged Out'", "waits": "'On Break'", "full": "'On Break'"}.get(end.outcome, "Available")
    # A call's own: an agent of several queues would have one telephone for all their callers.
    name = end.agent if end.agent != QueueEnd().agent else f"{end.agent}x{call.line}"
    site.config("agent add", name, "Callback")
    site.config("agent set contact", name, agent.contact)
    site.config("agent set status", name, status)
    site.config("tier add", queue_of(call), name, "1", "1")
    if end.outcome == "full":
        reply = site.switch.api("originate", f"{site.waiting.contact} &callcenter({queue_of(call)})")
        assert reply.startswith("+OK"), reply


Played = dict[int, Seen]


@pytest.fixture(scope="module")
def played(site: Site) -> Played:
    """All calls at once: each has its own agent."""

    async def run() -> Played:
        plans = [site.plan(call) for call in CALLS]
        uuids = [f"queue-{call.line}" for call in CALLS]
        seen = await asyncio.gather(
            *(site.exchange.play(each, uuid, site.sounds) for each, uuid in zip(plans, uuids, strict=True))
        )
        return {call.line: each for call, each in zip(CALLS, seen, strict=True)}

    return site.exchange.run(run(), 120)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name.replace(" ", "-"))
def test_every_way_out_of_a_queue(site: Site, played: Played, call: ScriptedCall) -> None:
    check(site, played[call.line])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "agent", "queue"),
    [
        pytest.param("questionnaire after the agent of a queue", "1005", "support", id="queue"),
        pytest.param("questionnaire after a transfer", "desk", None, id="transfer"),
    ],
)
def test_a_questionnaire_knows_the_agent_it_is_about(
    site: Site, played: Played, words: str, agent: str, queue: str | None
) -> None:
    """Of the same call, in SQL: who was talked to, in which queue, what was asked, and what of it is to be done."""
    call = named(words)
    assert played[call.line].problems == []
    uuid = f"queue-{call.line}"
    runs = site.worker.rows("select survey, status, agent, queue from survey_run where call_id = ?", uuid)
    assert runs == [("csat", "complete", agent, queue)]
    given = site.worker.rows("select question, value from answer where call_id = ? and survey = 'csat'", uuid)
    assert dict(given) == {name: str(value) for name, value in call.saves.items()}
    asked = "select d.survey from survey_run r join survey_definition d on d.hash = r.definition where r.call_id = ?"
    assert site.worker.rows(asked, uuid) == [("csat",)]


# -- the worker dies ------------------------------------------------------------------------------------------


def named(words: str) -> ScriptedCall:
    return next(call for call in CALLS if words in call.name)


@pytest.mark.parametrize(
    ("words", "after_s"),
    [
        pytest.param("survey is asked", 8.0, id="in-the-talk"),
        pytest.param("answered in the end", 12.0, id="in-the-queue"),
    ],
)
def test_another_worker_asks_what_is_to_be_asked_after_the_agent(
    site: Site, played: Played, words: str, after_s: float
) -> None:
    """mod_callcenter goes on without us. The agent hangs up, and the caller comes back to whoever is alive."""
    call = named(words)
    assert played[call.line].problems == []
    settings = {"flows": {"paths": site.paths}, "database": f"sqlite:///{site.worker.database}"}
    first = Worker(site.worker.folder, f"first-{call.line}", site.first_port, settings).start()
    uuid = f"orphan-{call.line}"
    try:
        plan = replace(site.plan(call), line=f"two-{line_of(flow_of(call))}")

        async def run() -> Seen:
            talk = asyncio.create_task(site.exchange.play(plan, uuid, site.sounds))
            await asyncio.sleep(after_s)
            assert first.process is not None
            first.process.kill()
            return await talk

        seen = site.exchange.run(run(), 60)
    finally:
        first.kill()
    assert seen.problems == []
    assert [line["event"] for line in first.log_lines(uuid)] == ["call_started"]
    events = [line["event"] for line in site.worker.log_lines(uuid)]
    assert events[:1] == ["call_taken_over"]
    assert "call_came_back" not in events
    assert site.worker.call_row(uuid)["ended_by"] == "flow"
    want = {(row["question"], row["keys"]) for row in plan.rows("answer")}
    assert set(site.worker.rows("select question, keys from answer where call_id = ?", uuid)) == want


def test_an_agent_who_transfers_the_caller_elsewhere_ends_the_call_in_our_books(site: Site, played: Played) -> None:
    """`uuid_transfer` in the middle of the talk: nothing of ours follows the caller, nor leads them back to us."""
    call = named("hangs up in the talk")
    assert played[call.line].problems == []
    uuid = "moved"

    async def run() -> Seen:
        talk = asyncio.create_task(site.exchange.play(site.plan(call), uuid, site.sounds))
        await asyncio.sleep(8.0)
        return await talk if talk.done() else await moved(talk)

    async def moved(talk: asyncio.Task[Seen]) -> Seen:
        loop = asyncio.get_running_loop()
        here = f"{uuid} 'set:x=y,sleep:2500,hangup:' inline"
        reply = await loop.run_in_executor(None, site.switch.api, "uuid_transfer", here)
        assert reply.startswith("+OK"), reply
        await asyncio.sleep(1.0)
        assert (await loop.run_in_executor(None, site.switch.api, "uuid_exists", uuid)).strip() == "true"
        left = await loop.run_in_executor(None, site.switch.api, "uuid_getvar", f"{uuid} transfer_after_bridge")
        assert left.strip() == "_undef_"
        return await talk

    site.exchange.run(run(), 60)
    row = site.worker.call_row(uuid)
    assert (row["ended_by"], row["end_node"]) == ("transferred", "agents")
    assert "call_taken_away" in [line["event"] for line in site.worker.log_lines(uuid)]
    assert "call_came_back" not in [line["event"] for line in site.worker.log_lines(uuid)]
