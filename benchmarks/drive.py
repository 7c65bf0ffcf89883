"""The switch's side of a run, in a process of its own: ``python -m benchmarks.drive '{"port": …}'`` prints JSON.

Law: knows the scripted switch and the clock; never which server it talks to.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks import scenario
from ivr.hosts.switch_client import CallResult, run_calls


@dataclass(frozen=True)
class Drive:
    port: int
    calls: int
    concurrency: int
    every_s: float
    prompt_ms: int
    stay_s: float = 0.0  # > 0: callers stay in the first question so long, and hang up
    core: int = 1


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def drive(plan: Drive) -> dict[str, object]:
    if plan.core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {plan.core})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))
    script = scenario.stays_in_a_question(plan.stay_s) if plan.stay_s else ()
    switches = (scenario.switch(plan.prompt_ms, script) for _ in range(plan.calls))
    gc.freeze()
    began, cpu = time.monotonic(), time.process_time()
    results: list[CallResult] = run_calls(
        "127.0.0.1", plan.port, switches, concurrency=plan.concurrency, every_s=plan.every_s, limit_s=240, measure=True
    )
    wall_s = time.monotonic() - began
    latencies = [ms for result in results for ms in result.latencies_ms]
    lags = [ms for result in results for ms in result.lags_ms]
    problems = [problem for result in results for problem in result.problems]
    return {
        "plan": asdict(plan),
        "calls": len(results),
        "good_calls": sum(not result.problems for result in results),
        "problems": problems[:5],
        "wall_s": wall_s,
        "switch_busy": (time.process_time() - cpu) / wall_s,
        "samples": len(latencies),
        "p50_ms": percentile(latencies, 0.50),
        "p99_ms": percentile(latencies, 0.99),
        "max_ms": max(latencies, default=0.0),
        "lag_p50_ms": percentile(lags, 0.50),
        "lag_p99_ms": percentile(lags, 0.99),
    }


if __name__ == "__main__":
    print(json.dumps(drive(Drive(**json.loads(sys.argv[1])))))
