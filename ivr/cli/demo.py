"""`make demo`: the whole of Callweave in a minute, with nothing but Python.

Law: shows the real thing. The server is `esl_app.py` as it is deployed, in a process of its own, on a TCP port; only
the telephone network is played, by a scripted switch that speaks FreeSWITCH's bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ivr.cli import demo_campaign
from ivr.cli import prompts as prompts_command
from ivr.cli import results as results_command
from ivr.cli.wrap import hang
from ivr.core.program import Program
from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.rehearsal import TONE_MS, destination
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.hosts.scripted_switch import ScriptedSwitch, Sound
from ivr.hosts.simulator import FarEnd
from ivr.hosts.sounds import BuiltSounds
from ivr.hosts.switch_client import CallResult, run_calls
from ivr.lang.check import check_file
from ivr.lang.project import Project
from ivr.ops.config import Config, load_config

#: Prompts are played so many times faster than they last; silences and keys take their time.
SPEED = 12.0
#: The calls shown, by flow: what each is for is in its name. None of them waits through more than one silence.
CALLS: dict[str, tuple[int, ...]] = {"hotline": (0, 1, 2, 3, 4, 6, 7, 8, 10, 12), "survey_line": (0, 1, 3, 6)}
SHOWN = ("hotline", 0), ("hotline", 1), ("hotline", 4)
LIMIT_S = 40.0


@dataclass
class Shown:
    flow: str
    index: int
    call: ScriptedCall
    caller: ScriptedCaller


def main() -> None:
    console = Console(highlight=False)
    os.environ["COLUMNS"] = str(console.width)  # what the commands below print is as wide
    root = Path(__file__).parents[2]
    os.chdir(root)
    config = load_config(root / "callweave.yaml")
    folder = root / "build" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    database = f"sqlite:///{(folder / 'demo.db').relative_to(root)}"

    console.rule("[bold]1  the flows are checked")
    programs = _checked(console, root)
    console.rule("[bold]2  what callers will hear is made")
    prompts_command.command.main(["build"], standalone_mode=False)
    console.rule("[bold]3  the server takes calls")
    server, port = _serve(root, folder, database)
    hang(console, "", f"esl_app.py is process {server.pid}, on 127.0.0.1 port {port}; answers go to {database}")
    try:
        shown = list(_callers(root, config, programs, port, console))
    finally:
        server.terminate()
        status = server.wait(30)
    console.rule("[bold]4  what some of them heard and pressed")
    for one in shown:
        if (one.flow, one.index) in SHOWN:
            _transcript(console, one)
    console.rule("[bold]5  what is in the database")
    results_command.command.main(["list", "--db", database], standalone_mode=False)
    results_command.command.main(["summary", "--db", database], standalone_mode=False)
    console.rule("[bold]6  two campaigns call four hundred people")
    unhappy = [p for one in shown for p in one.caller.problems] + demo_campaign.show(console, root, folder)
    console.print(
        "\n[bold]Next[/bold]  ivr simulate flows/hotline.yaml   [dim]call it yourself[/dim]"
        "\n      ivr test flows                     [dim]the same calls as tests, with coverage[/dim]"
        f"\n      ivr results show CALL --db {database}"
        f"\n      ivr campaign status aftercare_survey --db sqlite:///{folder.relative_to(root)}/campaign/campaign.db"
    )
    for problem in unhappy:
        hang(console, "[red]✗[/red] ", problem, "red")
    sys.exit(1 if unhappy or status else 0)


def _checked(console: Console, root: Path) -> dict[str, Program]:
    programs = {}
    project = Project(root)
    for name in CALLS:
        path = root / "flows" / f"{name}.yaml"
        result = check_file(path, project)
        for problem in result.problems:
            hang(console, "[red]✗[/red] ", f"{problem.file}:{problem.line}: {problem.message}", "red")
        if result.program is None:
            sys.exit(1)
        programs[name] = result.program
        steps, texts = len(result.program.nodes) - 1, len(result.program.prompts)
        languages = " and ".join(result.program.languages)
        console.print(f"  [green]✓[/green] flows/{name}.yaml  {steps} steps, {texts} prompts, in {languages}")
    return programs


def _serve(root: Path, folder: Path, database: str) -> tuple[subprocess.Popen[str], int]:
    """Start the server as it is deployed; gives it and its port once it says that it serves."""
    argv = [sys.executable, str(root / "esl_app.py"), f"--config={root / 'callweave.yaml'}", "--listen=127.0.0.1:0"]
    argv += [f"--db={database}", f"--spool={folder / 'spool'}", f"--trace={folder / 'traces'}"]
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(argv, stderr=log, text=True)
    until = time.monotonic() + 20
    while time.monotonic() < until and server.poll() is None:
        for line in (folder / "server.log").read_text(encoding="utf-8").splitlines():
            if '"serving"' in line:
                return server, int(json.loads(line)["address"].rpartition(":")[2])
        time.sleep(0.02)
    server.kill()
    sys.exit(f"the server did not start:\n{(folder / 'server.log').read_text(encoding='utf-8')}")


def _callers(root: Path, config: Config, programs: dict[str, Program], port: int, console: Console) -> Iterator[Shown]:
    """Place every call; gives them back with what their callers heard."""
    library = config.prompts.library()
    sounds = BuiltSounds(library, config.switch_path)
    callers: list[Shown] = []
    switches: list[ScriptedSwitch] = []

    def heard(path: str) -> Sound | None:
        found = Sound(TONE_MS, "") if path.startswith("tone_stream://") else sounds.find(path)
        return Sound(found.duration_ms, found.said) if found else None

    for flow, program in programs.items():
        sounds.learn(program)
        calls = load_calls(root / "flows" / f"{flow}.calls.yaml")
        for index in CALLS[flow]:
            call = calls[index]
            caller = ScriptedCaller(call.script)
            callers.append(Shown(flow, index, call, caller))
            switches.append(
                ScriptedSwitch(
                    caller,
                    uuid=_uuid(flow, index),
                    sounds=heard,
                    caller_number=str(call.facts.get("caller.number", "1001")),
                    called_number=str(call.facts.get("called.number", "8001")),
                    variables=_variables(program, call),
                    destinations={
                        dial: destination(call.far_ends.get(name, FarEnd()))
                        for name, dial in program.destinations.items()
                    },
                    guard_ms=15_000,
                    speed=SPEED,
                    path=flow,
                )
            )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{len(switches)} scripted callers on the line", total=len(switches))

        def done(result: CallResult) -> None:
            bar.advance(task)

        results = run_calls("127.0.0.1", port, switches, concurrency=50, limit_s=LIMIT_S, on_result=done)
    by_uuid = {r.uuid: r for r in results}
    table = Table(box=None, pad_edge=False)
    for heading in ("", "call", "prompts", "keys", "seconds"):
        justify: JustifyMethod = "right" if heading in ("prompts", "seconds") else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for one in callers:
        result = by_uuid[_uuid(one.flow, one.index)]
        one.caller.problems[:] = [f"{one.call.name}: {p}" for p in result.problems]
        pressed = " ".join(what for _, verb, what in one.caller.log if verb == "presses")
        mark = "[green]✓[/green]" if not result.problems else "[red]✗[/red]"
        table.add_row(mark, one.call.name, str(len(one.caller.heard)), pressed, f"{result.duration_s:.1f}")
    console.print(table)
    yield from callers


def _variables(program: Program, call: ScriptedCall) -> dict[str, str]:
    """The facts of a call as the channel variables that a dialplan would set."""
    return {f"callweave_fact_{k}": str(v).lower() for k, v in call.facts.items() if k in program.facts}


def _uuid(flow: str, index: int) -> str:
    return f"{flow[0]}{index + 1:02}-demo-{flow}"


def _transcript(console: Console, one: Shown) -> None:
    console.print()
    hang(console, "", f"{one.call.name} ({one.call.facts.get('caller.number', '')})", "bold")
    for now_ms, verb, what in one.caller.log:
        mark = {"hears": "[cyan]♪[/cyan]", "presses": "[bold]⌨[/bold]", "speaks": "●"}.get(verb, "✆")
        hang(console, f"  [dim]{now_ms / 1000:5.1f} s[/dim]  {mark} ", what or verb)


if __name__ == "__main__":
    main()
