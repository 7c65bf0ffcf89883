"""`ivr campaign simulate`: a day of a campaign on made-up people, with its chart.

Law: thin. The day is ``campaign.simulation``'s; here it is asked for and drawn.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.campaign.model import Campaign
from ivr.campaign.reader import read_campaign
from ivr.campaign.simulation import WARM_UP_S, Day, People, first_open_day, simulate
from ivr.cli.settings import Refused
from ivr.ops.config import Projects

_BARS = " ▁▂▃▄▅▆▇█"
#: How much of the target the highest bar is.
_TOP = 1.2
_SHOWN = ("answered", "short", "machine", "no_answer", "busy", "rejected", "invalid", "congestion")


@click.command("simulate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--day", "on", type=click.DateTime(["%Y-%m-%d"]), help="Which day. Default: the first that is open.")
@click.option("--seed", default=1, show_default=True, help="The same seed plays the same day.")
@click.option("--target", type=click.IntRange(1), help="Answered calls at a time, instead of the file's.")
def command(file: Path, on: datetime | None, seed: int, target: int | None) -> None:
    """Play a day of a campaign in seconds, on people who are made up.

    Shows answered calls at the same time beside what is aimed at, and what became of the calls of each hour. How people
    answer is invented: this tells what the pacing does, not how a campaign will go.
    """
    project = Projects().of(file)
    found = read_campaign(project.load(file), project)
    if found.campaign is None:
        raise Refused(f"{file} has mistakes; see: ivr check {file}")
    campaign = found.campaign
    if target is not None:
        if target > campaign.at_once:
            raise Refused(f"{target} answered calls do not fit into at_once: {campaign.at_once} of {file}")
        campaign = Campaign(**{**campaign.__dict__, "target": target})
    day = on.date() if on else first_open_day(campaign, datetime.now(UTC))
    if day is None:
        raise Refused(f"{file}: no window opens any more; see `starts`, `ends` and `calling`")
    played = simulate(campaign, day, People(), random.Random(seed))
    if not any(played.open):
        raise Refused(f"{file}: no window opens on {day}")
    show(campaign, day, played, Console())


def show(campaign: Campaign, day: date, played: Day, console: Console) -> None:
    what = "answered calls at the same time, minute by minute"
    console.print(f"{campaign.campaign}, {day}: {what}; ▇ is the target of {played.target}", soft_wrap=True)
    for hour in range(24):
        if any(played.open[hour * 3_600 : hour * 3_600 + 3_600]):
            console.print(Text(f"{hour:02}:00 ").append_text(_line(played, hour)))
    console.print(_table(played))
    console.print(_summary(campaign, played), soft_wrap=True)


def _line(played: Day, hour: int) -> Text:
    """Sixty bars. Grey: not counted; yellow: more than a tenth from the target."""
    line = Text()
    for minute in range(hour * 60, hour * 60 + 60):
        seconds = slice(minute * 60, minute * 60 + 60)
        mean = sum(played.talking[seconds]) / 60
        height = min(len(_BARS) - 1, round(mean / (played.target * _TOP) * (len(_BARS) - 1) + 0.16))
        near = abs(mean - played.target) <= 0.1 * played.target
        style = "dim" if not all(played.counted[seconds]) else "green" if near else "yellow"
        line.append(_BARS[height], style)
    return line


def _table(played: Day) -> Table:
    table = Table(
        "hour", "calls", "answered", "%", "machine", "silent", "busy", "refused", "invalid", "no way", box=box.SIMPLE
    )
    table.add_column("at once", justify="right")
    table.add_column("±10 %", justify="right")
    for column in table.columns[1:]:
        column.justify = "right"
    for hour in range(24):
        outcomes = played.outcomes[hour]
        if outcomes:
            table.add_row(f"{hour:02}:00", *_row(outcomes), *_held(played, hour))
    return table


def _row(outcomes: Counter[str]) -> list[str]:
    answered = outcomes["answered"] + outcomes["short"]
    others = [outcomes[name] for name in _SHOWN if name not in ("answered", "short")]
    return [str(outcomes.total()), str(answered), f"{answered / outcomes.total():.0%}", *map(str, others)]


def _held(played: Day, hour: int) -> tuple[str, str]:
    seconds = range(hour * 3_600, hour * 3_600 + 3_600)
    counted = [played.talking[s] for s in seconds if played.counted[s]]
    if not counted:
        return "-", "-"
    near = sum(abs(n - played.target) <= 0.1 * played.target for n in counted) / len(counted)
    return f"{sum(counted) / len(counted):.1f}", f"{near:.1%}"


def _summary(campaign: Campaign, played: Day) -> str:
    first, last = (f"{s // 3600:02}:{s % 3600 // 60:02}" for s in played.outage)
    return (
        f"within 10 % of {played.target}: {played.within():.1%} of {sum(played.counted)} seconds (not counted: the "
        f"first {WARM_UP_S // 60} minutes after each opening, and what is closed)\n"
        f"calls that began in any second: {played.most_in_a_second()} at most, {campaign.per_second:g} may; "
        f"calls at once: {played.most_at_once} at most, {campaign.at_once} may\n"
        f"the gateway {campaign.gateways[0].gateway} took no call from {first} to {last}"
    )


if __name__ == "__main__":
    command()
