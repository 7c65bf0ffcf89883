"""Every scripted call of the repository through a real FreeSWITCH: the simulator's trace, and its rows in SQL."""

from __future__ import annotations

import asyncio
import difflib
import shutil
from collections.abc import Coroutine

import live_sipp
import pytest
from live_exchange import Seen
from live_plan import Plan
from live_project import Live, scripted_calls

TOGETHER = 48
CALLS = scripted_calls()
NAMES = [f"{flow.partition('/')[2].removesuffix('.yaml')}:{call.line}" for flow, call in CALLS]


Played = dict[tuple[str, str], Seen]


@pytest.fixture(scope="session")
def played(live: Live) -> Played:
    """All calls both ways, many at a time."""
    folder = live.folder / "sipp"
    folder.mkdir()

    def by_rtp(plan: Plan, uuid: str) -> Coroutine[None, None, Seen]:
        return live.exchange.play(plan, uuid, live.sounds)

    def by_info(plan: Plan, uuid: str) -> Coroutine[None, None, Seen]:
        return live_sipp.play(plan, uuid, live.switch.sip_port, folder)

    ways = {"rtp": by_rtp, **({"info": by_info} if shutil.which("sipp") else {})}

    async def run() -> Played:
        room = asyncio.Semaphore(TOGETHER)

        async def one(way: str, name: str, plan: Plan) -> Seen:
            async with room:
                return await ways[way](plan, live.uuid(f"{way}-{name.replace(':', '-')}"))

        plans = [(way, name, live.plan(*call)) for name, call in zip(NAMES, CALLS, strict=True) for way in ways]
        seen = await asyncio.gather(*(one(*each) for each in plans))
        return {(way, name): each for (way, name, _), each in zip(plans, seen, strict=True)}

    return live.exchange.run(run(), 280)


@pytest.mark.parametrize("name", NAMES)
def test_keys_by_rtp(live: Live, played: Played, name: str) -> None:
    check(live, played["rtp", name])


@pytest.mark.parametrize("name", NAMES)
def test_keys_by_info_from_sipp(live: Live, played: Played, name: str) -> None:
    if ("info", name) not in played:
        pytest.skip("no SIPp on PATH: on Debian, apt-get install sip-tester")
    check(live, played["info", name])


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
