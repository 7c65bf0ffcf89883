"""The runs: each server in turn, fresh, at each level of concurrency; what it cost and how long it took to answer.

Law: starts processes and reads what they say; no figure is judged here.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import project, scenario
from benchmarks.drive import Drive
from benchmarks.process import ROOT, ServerProcess, free_port

NAMES = ("callweave", "greenswitch", "bare sockets")
MODULES = {"greenswitch": "benchmarks.servers.greenswitch_app", "bare sockets": "benchmarks.servers.bare"}


@dataclass(frozen=True)
class Level:
    """``every_s`` spreads the calls evenly over the length of one, so that the load is steady."""

    concurrent: int
    calls: int
    every_s: float
    prompt_ms: int
    rounds: int = 1


FULL = (
    Level(1, 6, 0.0, 500),
    Level(100, 300, scenario.CALL_S / 100, scenario.PROMPT_MS, rounds=3),
    Level(1000, 3000, scenario.CALL_S / 1000, scenario.PROMPT_MS, rounds=3),
)
QUICK = (Level(1, 2, 0.0, 200), Level(100, 120, 6.0 / 100, 400))


@dataclass(frozen=True)
class Result:
    server: str
    concurrent: int
    calls: int
    good_calls: int
    problems: list[str]
    cpu_ms_per_call: float
    busy: float  # of one core, while it ran
    p50_ms: float
    p99_ms: float
    samples: int
    switch_busy: float
    lag_p99_ms: float
    kb_per_call: float | None
    stored: int | None


def _start(server: str, folder: Path) -> ServerProcess:
    if server in MODULES:
        return ServerProcess(["-m", MODULES[server], "{port}"], log=folder / "server.log")
    port = free_port()
    settings = project.write(folder, str(port))
    argv = [str(ROOT / "esl_app.py"), "--config", str(settings)]
    return ServerProcess(argv, cwd=folder, log=folder / "server.log", port=port)


def _drive(plan: Drive) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.drive", json.dumps(asdict(plan))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the switch failed:\n{done.stderr}")
    found: dict[str, object] = json.loads(done.stdout)
    return found


def load(server: str, level: Level) -> Result:
    """Steady load: CPU and latency."""
    with tempfile.TemporaryDirectory() as name, _start(server, Path(name)) as process:
        _drive(Drive(process.port, 5, 5, 0.0, 50))  # warm
        time.sleep(1.0)
        cpu_s, began = process.cpu_s(), time.monotonic()
        driven = _drive(Drive(process.port, level.calls, level.concurrent, level.every_s, level.prompt_ms))
        wall_s = time.monotonic() - began
        time.sleep(1.5)  # what is still to be stored costs too
        cpu_s = process.cpu_s() - cpu_s
        stored = None
        if server == "callweave":
            with sqlite3.connect(Path(name) / "calls.db") as database:
                stored = database.execute("select count(*) from answer").fetchone()[0] - 5 * len(scenario.ANSWERS)
        return Result(
            server=server,
            concurrent=level.concurrent,
            calls=level.calls,
            good_calls=int(str(driven["good_calls"])),
            problems=list(driven["problems"]),  # type: ignore[call-overload]
            cpu_ms_per_call=cpu_s * 1000 / level.calls,
            busy=cpu_s / wall_s,
            kb_per_call=None,
            stored=stored,
            **{key: driven[key] for key in ("p50_ms", "p99_ms", "samples", "switch_busy", "lag_p99_ms")},  # type: ignore[arg-type]
        )


def typical(results: list[Result]) -> Result:
    """Of several rounds the median of each figure, and every call counted: a machine has good and bad minutes."""
    first = results[0]
    middle = {
        name: statistics.median(getattr(r, name) for r in results)
        for name in ("cpu_ms_per_call", "busy", "p50_ms", "p99_ms", "switch_busy", "lag_p99_ms")
    }
    return replace(
        first,
        calls=sum(r.calls for r in results),
        good_calls=sum(r.good_calls for r in results),
        problems=[problem for r in results for problem in r.problems],
        samples=sum(r.samples for r in results),
        stored=None if first.stored is None else sum(r.stored or 0 for r in results),
        **middle,
    )


def memory(server: str, calls: int) -> float:
    """Kilobytes a call costs while it waits for a key in the first question, ``calls`` of them at once."""
    ramp_s = calls / 100
    stay_s = ramp_s + 4
    with tempfile.TemporaryDirectory() as name, _start(server, Path(name)) as process:
        _drive(Drive(process.port, 20, 20, 0.0, 50))
        time.sleep(1.0)
        before = process.rss_kb()
        plan = Drive(process.port, calls, calls, 0.01, 300, stay_s=stay_s)
        driver = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.drive", json.dumps(asdict(plan))],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(ramp_s + 3.5)
        grown = process.rss_kb() - before
        driver.wait()
        return grown / calls


def all_levels(levels: tuple[Level, ...], say: Callable[[str], None]) -> list[Result]:
    """Each level in rounds, the servers in turn: what the machine does meanwhile meets them all."""
    results = []
    for level in levels:
        rounds: dict[str, list[Result]] = {server: [] for server in NAMES}
        for number in range(1, level.rounds + 1):
            for server in NAMES:
                say(f"{level.concurrent} at once, round {number} of {level.rounds}: {server}, {level.calls} calls")
                rounds[server].append(load(server, level))
        for server in NAMES:
            result = typical(rounds[server])
            if level.concurrent > 1:
                say(f"{level.concurrent} at once: {server}, memory")
                result = replace(result, kb_per_call=memory(server, level.concurrent))
            results.append(result)
    return results
