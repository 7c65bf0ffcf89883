"""Every scripted call of the repository through a real FreeSWITCH: the trace is the simulator's, the rows are in SQL."""

from __future__ import annotations

import asyncio
import difflib
import shutil
from collections.abc import Awaitable, Callable

import live_sipp
import pytest
from conftest import Live, scripted_calls
from live_exchange import Seen
from live_plan import Plan

from ivr.hosts.script import ScriptedCall

TOGETHER = 24
CALLS = scripted_calls()
NAMES = [f"{flow.partition('/')[2].removesuffix('.yaml')}:{call.line}" for flow, call in CALLS]


def together(live: Live, kind: str, play: Callable[[Plan, str], Awaitable[Seen]]) -> dict[str, Seen]:
    """All calls, many at a time."""

    async def run() -> dict[str, Seen]:
        room = asyncio.Semaphore(TOGETHER)

        async def one(name: str, plan: Plan) -> Seen:
            async with room:
                return await play(plan, live.uuid(f"{kind}-{name.replace(':', '-')}"))

        plans = [live.plan(flow, call) for flow, call in CALLS]
        return dict(zip(NAMES, await asyncio.gather(*map(one, NAMES, plans)), strict=True))

    return live.exchange.run(run(), 280)


@pytest.fixture(scope="session")
def by_rtp(live: Live) -> dict[str, Seen]:
    return together(live, "rtp", lambda plan, uuid: live.exchange.play(plan, uuid, live.sounds))


@pytest.fixture(scope="session")
def by_info(live: Live) -> dict[str, Seen]:
    if not shutil.which("sipp"):
        pytest.skip("no SIPp on PATH: on Debian, apt-get install sip-tester")
    folder = live.folder / "sipp"
    folder.mkdir()
    return together(live, "info", lambda plan, uuid: live_sipp.play(plan, uuid, live.switch.sip_port, folder))


@pytest.mark.parametrize(("flow", "call"), CALLS, ids=NAMES)
def test_keys_by_rtp(live: Live, by_rtp: dict[str, Seen], flow: str, call: ScriptedCall) -> None:
    check(live, by_rtp[NAMES[CALLS.index((flow, call))]])


@pytest.mark.parametrize(("flow", "call"), CALLS, ids=NAMES)
def test_keys_by_info_from_sipp(live: Live, by_info: dict[str, Seen], flow: str, call: ScriptedCall) -> None:
    check(live, by_info[NAMES[CALLS.index((flow, call))]])


def check(live: Live, seen: Seen) -> None:
    """The server's trace and rows are the simulator's."""
    plan = seen.plan
    assert plan.expected.problems == [], "the script fails on the simulator already"
    trace = [line.replace(seen.uuid, "<call>") for line in live.worker.trace(seen.uuid)]
    expected = [line.replace(f"call-{plan.call.line}", "<call>") for line in plan.expected.trace]
    differences = list(difflib.unified_diff(expected, trace, "simulator", "FreeSWITCH", lineterm="", n=2))
    if differences:
        log = [str(entry) for entry in live.worker.log_lines(seen.uuid)]
        pytest.fail("\n".join(["the traces differ", *differences, *seen.problems, *log]), pytrace=False)
    assert seen.problems == []
    row = live.worker.call_row(seen.uuid)
    expected_end = plan.expected.trace[-1].split(" ")
    assert row, f"no call {seen.uuid} in the database"
    assert (row["ended_by"], row["cause"]) == (expected_end[-2], expected_end[-1])
    for table, columns in (
        ("attempt", ("question", "occurrence", "attempt", "outcome", "keys", "key_count", "timer")),
        ("answer", ("question", "occurrence", "survey", "keys")),
    ):
        sql = f"select {', '.join(columns)} from {table} where call_id = ?"
        want = {tuple(row[c] for c in columns) for row in plan.rows(table)}
        assert set(live.worker.rows(sql, seen.uuid)) == want, table


def test_zz_calibration(live, by_rtp):
    for name, seen in by_rtp.items():
        plan = [(a.key, ms) for ms, a in seen.plan.acts if hasattr(a, "key")]
        print(name, [(k, p, round(r - p)) for (k, p), (_, r) in zip(plan, seen.keys_ms)])
