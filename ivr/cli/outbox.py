"""`ivr outbox`: what somebody is to be told, or to do, because of what was answered.

Law: presentation only; rows are made by the machine, and delivered by whoever takes them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.cli.db import ready_engine
from ivr.cli.options import database_option
from ivr.store import alerts


@click.group()
def command() -> None:
    """Alerts of questionnaires: callers to call back, people to notify."""


@command.command("list")
@database_option
@click.option("--all", "all_", is_flag=True, help="Also what is done.")
@click.option("--unmask", is_flag=True, help="Show whole numbers; a call back needs them.")
@click.option("--format", "as_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_command(db: str, all_: bool, unmask: bool, as_: str) -> None:
    """What is to be done, the oldest first."""
    found = alerts.read(ready_engine(db), done=all_, unmask=unmask)
    if as_ == "json":
        click.echo(json.dumps([_plain(one) for one in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("Nothing is to be done.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("#", "since", "do", "alert", "caller", "agent", "answers", "call"):
        table.add_column(head, overflow="fold")
    for number, one in enumerate(found, 1):
        answers = ", ".join(f"{name} {value}" for name, value in one.told.get("answers", {}).items())
        since = f"{one.at.astimezone():%m-%d %H:%M}" if one.at else ""
        do = f"{one.kind.replace('_', ' ')}{' (done)' if one.done_at else ''}"
        cells = (str(number), since, do, one.alert, one.caller, one.told.get("agent") or "", answers, one.call_id[:8])
        table.add_row(*(Text(cell) for cell in cells))
    Console(highlight=False).print(table)


def _plain(one: alerts.Alert) -> dict[str, Any]:
    return {
        "call_id": one.call_id,
        "survey": one.survey,
        "occurrence": one.occurrence,
        "alert": one.alert,
        "kind": one.kind,
        "caller": one.caller,
        "at": one.at.isoformat() if one.at else None,
        "done_at": one.done_at.isoformat() if one.done_at else None,
        **one.told,
    }


@command.command()
@click.argument("call")
@click.argument("alert")
@database_option
def done(call: str, alert: str, db: str) -> None:
    """ALERT of CALL is dealt with. CALL is its id, or the beginning of it."""
    try:
        closed = alerts.close(ready_engine(db), call, alert, datetime.now(UTC))
    except alerts.SeveralCalls as error:
        some = ", ".join(error.args[:5])
        raise click.ClickException(
            f"{len(error.args)} calls begin with {call!r}: {some}; give more of the id"
        ) from error
    if closed == 0:
        raise click.ClickException(f"no open alert {alert} of a call {call}; ivr outbox list shows them")
    click.echo(f"{alert} of {call}: done")
