"""How well the pacing holds its target: `python -m benchmarks.pacing [DAYS]`.

Twenty made-up days for each target. Counted is every second in which the window is open, but the first five minutes
after each opening: answered calls have to begin first. The drain after a window closes is not counted, its target is 0.
The ten minutes in which the first gateway takes no call are counted.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from ivr.campaign.model import Calling, Campaign, Gateway, Window
from ivr.campaign.simulation import People, simulate

TARGETS = (20, 40, 60, 200)
ALL_DAYS = tuple(range(7))


def campaign(target: int) -> Campaign:
    """Two gateways, each with room for all; windows 9-12 and 14-20."""
    windows = (Window(ALL_DAYS, 9 * 60, 12 * 60), Window(ALL_DAYS, 14 * 60, 20 * 60))
    return Campaign(
        campaign="pacing",
        survey="aftercare",
        calling=Calling(windows, "Asia/Shanghai"),
        gateways=(Gateway("first", "sofia/gateway/first", weight=3), Gateway("second", "sofia/gateway/second")),
        per_second=max(3, round(target * 0.12)),
        at_once=round(target * 2.2),
        target=target,
    )


def run(days: int = 20, targets: tuple[int, ...] = TARGETS, say: Callable[[str], None] = print) -> list[dict[str, Any]]:
    """One row for each target; says them."""
    rows = []
    say("target  within 10 %  worst day  calls/s (may)  at once (may)     calls  seconds played/s")
    for target in targets:
        made, begun = campaign(target), time.perf_counter()
        played = [simulate(made, date(2026, 12, 1) + timedelta(n), People(), random.Random(n)) for n in range(days)]
        shares = [day.within() for day in played]
        row: dict[str, Any] = {
            "target": target,
            "within": sum(shares) / days,
            "worst_day": min(shares),
            "most_in_a_second": max(day.most_in_a_second() for day in played),
            "per_second": made.per_second,
            "most_at_once": max(day.most_at_once for day in played),
            "at_once": made.at_once,
            "calls": sum(len(day.begun_ms) for day in played),
            "played_per_second": sum(sum(day.open) for day in played) / (time.perf_counter() - begun),
        }
        rows.append(row)
        limits = f"{row['most_in_a_second']:6} ({row['per_second']:4})  {row['most_at_once']:7} ({row['at_once']:3})"
        say(
            f"{target:6}  {row['within']:11.2%}  {row['worst_day']:9.2%}  {limits}  {row['calls']:8}"
            f"  {row['played_per_second']:16.0f}"
        )
    return rows


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
