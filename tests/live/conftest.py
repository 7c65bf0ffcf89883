"""One real FreeSWITCH, one worker and one exchange for all live tests, ended by their pids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_exchange import Exchange
from live_plan import Plan, TimedSounds, header
from live_project import CERTIFICATES, Live, dialplan, line_of, scripted_calls
from live_switch import Context, FreeSwitch, NotThere, find_freeswitch, free_port
from live_worker import Worker, built_library, compiled, make_project


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Live tests run only when asked for by `-m live`: a real switch takes minutes."""
    asked = "live" in config.getoption("markexpr", "")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.live)
            if not asked:
                item.add_marker(pytest.mark.skip(reason="a real switch is asked for by: make live"))


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
