"""`ivr launch`: freeze a questionnaire, see how far it is, close it.

Law: presentation only; what is frozen is ``ivr.ops.launching``'s.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ivr.cli.db import ready_engine
from ivr.cli.options import database_option
from ivr.cli.settings import settings
from ivr.media.library import MissingAudio
from ivr.ops import launching
from ivr.store import launches


@click.group()
def command() -> None:
    """Freeze questionnaires for the field, and follow them.

    A launch is a flow or questionnaire with its sounds and quotas under one content hash. Calls reach it where
    callweave.yaml names it, `flows: {numbers: {95588: "launch:spring"}}`; editing the files changes nothing for it.
    """


@command.command("open")
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@database_option
def open_command(name: str, path: Path, db: str) -> None:
    """Freeze the flow or questionnaire in PATH as the launch NAME."""
    config = settings()
    try:
        made = launching.open_launch(config, ready_engine(db), name, path, datetime.now(UTC))
    except (launching.LaunchError, MissingAudio) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"the sounds could not be frozen: {error}") from error
    click.echo(f"launch {made.name}: {made.survey}, {made.sounds} sound files, content {made.content_hash[:12]}")
    click.echo(f'to take calls with it: flows: {{numbers: {{"...": "launch:{made.name}"}}}} in callweave.yaml')


@command.command("list")
@database_option
@click.option("--format", "as_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_command(db: str, as_: str) -> None:
    """Every launch, the newest first."""
    found = launches.read(ready_engine(db))
    if as_ == "json":
        rows = [
            {
                "launch": one.name,
                "survey": one.survey,
                "content_hash": one.content_hash,
                "sounds": one.sounds,
                "created_at": one.created_at.isoformat(),
                "closed_at": one.closed_at.isoformat() if one.closed_at else None,
            }
            for one in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    if not found:
        click.echo("No launch yet. To make one: ivr launch open NAME surveys/NAME.yaml")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("launch", "survey", "opened", "closed", "content"):
        table.add_column(head)
    for one in found:
        closed = f"{one.closed_at:%Y-%m-%d %H:%M}" if one.closed_at else "open"
        table.add_row(one.name, one.survey, f"{one.created_at:%Y-%m-%d %H:%M}", closed, one.content_hash[:12])
    Console(highlight=False).print(table)


@command.command()
@click.argument("name")
@database_option
def show(name: str, db: str) -> None:
    """How far a launch is: interviews by outcome, quotas with bars; and whether it is still what was frozen."""
    engine = ready_engine(db)
    try:
        launched = launching.load_launch(settings(), engine, name)
    except launching.LaunchError as error:
        raise click.ClickException(str(error)) from error
    one = launched.launch
    runs, quotas = launches.progress(engine, name)
    state = f"closed {one.closed_at:%Y-%m-%d %H:%M}" if one.closed_at else "open"
    click.echo(f"launch {one.name}: {one.survey}, {state}; as frozen, content {one.content_hash}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("interviews")
    table.add_column("", justify="right")
    for status, count in sorted(runs.items(), key=lambda pair: -pair[1]):
        table.add_row(status, str(count))
    console = Console(highlight=False)
    console.print(table if runs else "no interview yet")
    targets = [q for plan in launched.program.surveys.values() for q in plan.definition["quotas"]]
    if targets:
        bars = Table(box=None, header_style="bold", pad_edge=False)
        for head in ("quota", "", "completes", "of"):
            bars.add_column(head, justify="left" if head in ("quota", "") else "right")
        for quota in targets:
            done = quotas.get(quota["quota"], 0)
            full = min(20, round(20 * done / quota["completes"]))
            bars.add_row(quota["quota"], "█" * full + "·" * (20 - full), str(done), str(quota["completes"]))
        console.print(bars)


@command.command()
@click.argument("name")
@database_option
def close(name: str, db: str) -> None:
    """Take no more calls with a launch, from the next reload of each server on."""
    if not launches.close(ready_engine(db), name, datetime.now(UTC)):
        raise click.ClickException(f"there is no open launch {name}; ivr launch list shows them")
    click.echo(f"launch {name} is closed; servers learn of it by `systemctl reload` (HUP)")
