"""One real FreeSWITCH, one worker and one exchange for all live tests, ended by their pids."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from live_exchange import Exchange
from live_plan import Plan, TimedSounds, header, plan
from live_switch import Context, FreeSwitch, NotThere, find_freeswitch, free_port
from live_worker import REPOSITORY, Worker, built_library, compiled, make_project

from ivr.core.program import Program
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.ops.config import DialplanSettings
from ivr.ops.dialplan import Line, render, template_folder

GUARD_S = 15
#: Kept: making them takes longer than all the rest of a start.
CERTIFICATES = REPOSITORY / "build" / "live" / "certificates"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Live tests run only when asked for by `-m live`: a real switch takes minutes."""
    asked = "live" in config.getoption("markexpr", "")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.live)
            if not asked:
                item.add_marker(pytest.mark.skip(reason="a real switch is asked for by: make live"))


def scripted_calls() -> list[tuple[str, ScriptedCall]]:
    """Every scripted call of the repository, with the file of its flow inside the tests' project."""
    found = []
    for folder, inside in (("flows", "flows"), ("surveys", "surveys"), ("tests/flows", "flows")):
        for file in sorted((REPOSITORY / folder).glob("*.calls.yaml")):
            flow = f"{inside}/{file.name.removesuffix('.calls.yaml')}.yaml"
            found += [(flow, call) for call in load_calls(file)]
    return found


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


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    try:
        binary = find_freeswitch()
    except NotThere as why:
        pytest.skip(str(why))
    folder = tmp_path_factory.mktemp("live")
    project = make_project(folder / "project")
    flows = list(dict.fromkeys(flow for flow, _ in scripted_calls()))
    programs = {flow: compiled(project, flow) for flow in flows}
    library = built_library(project, list(programs.values()))
    names = sorted({name for program in programs.values() for name in program.destinations})
    facts = sorted({name for _, call in scripted_calls() for name in Plan("", None, call, None).facts})  # type: ignore[arg-type]

    sip_port, port = free_port(), free_port()
    ports = {name: free_port() for name in ("false", "nobody")}
    real, false, nobody = (f"127.0.0.1:{p}" for p in (port, ports["false"], ports["nobody"]))
    hotline = line_of("flows/hotline.yaml")
    without_full = dialplan([real], hotline, "without_full")
    contexts = [
        *(dialplan([real], line_of(flow), line_of(flow)) for flow in flows),
        dialplan([false], hotline, "false_only", guard_s=2),
        dialplan([false, real], hotline, "false_then_real", guard_s=2),
        dialplan([nobody], hotline, "nobody"),
        dialplan([nobody, real], hotline, "nobody_then_real"),
        Context("without_full", without_full.xml.replace("async full", "async")),
    ]
    settings = {
        "flows": {"paths": {line_of(flow): flow for flow in flows}},
        "destinations": {name: f"sofia/line/far-{name}@127.0.0.1:{sip_port}" for name in names},
    }
    worker = Worker(project, "worker", port, settings).start()
    try:
        switch = FreeSwitch(
            binary,
            folder / "switch",
            contexts,
            names,
            dict(zip(facts, map(header, facts), strict=True)),
            sip_port,
            certificates=CERTIFICATES,
        )
        try:
            exchange = Exchange(switch)
            everything = Live(
                folder,
                switch,
                worker,
                exchange,
                TimedSounds(library),
                programs,
                ports,
                binary,
                contexts[flows.index("flows/hotline.yaml")],
            )
            for flow, call in scripted_calls():  # so that the ear knows every file
                everything.plan(flow, call)
            yield everything
            exchange.close()
        finally:
            switch.stop()
    finally:
        worker.stop()
