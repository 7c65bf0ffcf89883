"""`ivr campaign watch`: a running campaign in the terminal, as it goes.

Law: presentation only; numbers are ``ivr.results.outbound.live``'s.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from ivr.campaign.outcomes import OUTCOMES
from ivr.cli.campaign import told
from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.results import _console
from ivr.results.figures import bar
from ivr.results.outbound import live
from ivr.results.outbound.attempts import GOING_ON
from ivr.results.outbound.live import Now
from ivr.results.queries import reading

_STATES = {"running": "green", "paused": "yellow", "draining": "yellow", "done": "blue"}
_BREAKERS = {"ok": "green", "failing": "yellow", "resting": "red"}
_OUTCOMES = {"answered": "green", "opted_out": "magenta", GOING_ON: "cyan", "failed": "red", "congestion": "red"}
_OVER = ("done", "archived")


@click.command()
@click.argument("name")
@database_option
@click.option("--every", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, help="Seconds between looks.")
@click.option("--once", is_flag=True, help="One look, then leave.")
def watch(name: str, db: str, every: float, once: bool) -> None:
    """NAME as it goes: rate, calls at once, outcomes, gateways, when it will be done. Ctrl-C leaves; nothing changes.

    Ends by itself when the campaign is done.
    """
    with told(), ready(db) as engine:
        now = _look(engine, name)
        if once:
            _console().print(screen(now))
            return
        try:
            with Live(screen(now), console=Console(), screen=True, auto_refresh=False) as shown:
                while now.row.state not in _OVER:
                    time.sleep(every)
                    try:
                        now = _look(engine, name)
                        shown.update(screen(now), refresh=True)
                    except OperationalError as error:
                        reason = " ".join(str(error.orig).split())
                        away = Text(f"the database does not answer: {reason}; trying again", "red")
                        shown.update(Group(screen(now), away), refresh=True)
        except KeyboardInterrupt:
            pass
        _console().print(screen(now))


def _look(engine: Engine, name: str) -> Now:
    with reading(engine) as connection:
        return live.read(connection, name, datetime.now(UTC))


def screen(now: Now) -> RenderableType:
    """What is shown of one look."""
    return Panel(
        Group(_people(now), Text(), _outcomes(now), Text(), _gateways(now)),
        title=_title(now),
        title_align="left",
        subtitle=f"{now.at.astimezone():%H:%M:%S}",
        subtitle_align="right",
    )


def _title(now: Now) -> Text:
    row = now.row
    title = f" · {row.title}" if row.title else ""
    state = (f"{row.state}", f"bold {_STATES.get(row.state, 'white')}")
    return Text.assemble((row.name, "bold"), f"{title} · ", state, f" · version {row.version}")


def _people(now: Now) -> RenderableType:
    people = sum(now.left.values())
    done = now.left["done"]
    share = done / people if people else 0.0
    grid = Table.grid(padding=(0, 3))
    for _ in range(4):
        grid.add_column()
    grid.add_row(
        f"waiting {now.left['waiting']:,} ({now.due:,} due)",
        f"leased {now.left['leased']:,}",
        f"done {done:,}",
        f"of {people:,}",
    )
    grid.add_row(
        f"{now.per_minute:,.1f} calls/min",
        f"{now.going_on:,} at once",
        f"{now.talking:,} talking",
        _eta(now),
    )
    return Group(Text(f"{bar(share, 50):<50} {share:.1%} done"), grid)


def _eta(now: Now) -> str:
    ends = now.ends
    if ends is None:
        return "" if now.row.state == "running" else now.row.state
    minutes = (ends - now.at).total_seconds() / 60
    left = f"{minutes:,.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"
    return f"done in about {left} of calling ({ends.astimezone():%m-%d %H:%M})"


def _outcomes(now: Now) -> RenderableType:
    total = sum(now.outcomes.values())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head, justify in (("attempts", "left"), (f"{total:,}", "right"), ("", "right"), ("", "left")):
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    for outcome in (*OUTCOMES, GOING_ON):
        count = now.outcomes.get(outcome, 0)
        if count:
            share = count / total
            words = outcome.replace("_", " ")
            table.add_row(words, f"{count:,}", f"{share:.1%}", Text(bar(share, 30), _OUTCOMES.get(outcome, "")))
    return table if total else Text("no attempt yet")


def _gateways(now: Now) -> RenderableType:
    if not now.gateways:
        return Text()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("gateway", "at once", "attempts", "reached", "failed on the way", "breaker"):
        table.add_column(head, justify="left" if head in ("gateway", "breaker") else "right")
    for one in now.gateways:
        reached = f"{one.reached:,} ({one.reached / one.attempts:.0%})" if one.attempts else "0"
        breaker = Text(one.breaker, _BREAKERS[one.breaker])
        table.add_row(one.gateway, f"{one.going_on:,}", f"{one.attempts:,}", reached, f"{one.failed:,}", breaker)
    return table
