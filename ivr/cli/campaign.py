"""`ivr campaign`: from a file to people who were called: make it, look at it, start, pause, edit, stop.

Law: presentation only; what a move does is ``ivr.ops.campaigning``'s.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, Engine

from ivr.campaign import life
from ivr.campaign.model import Campaign
from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.settings import settings, trouble
from ivr.media.library import MissingAudio
from ivr.ops import campaigning, launching
from ivr.ops.operator import login_name
from ivr.results.queries import reading
from ivr.store import campaigns, sample
from ivr.store.campaigns import CampaignError, Who

#: Commands that stand in modules of their own, imported when they run.
MORE = {
    "preview": ("ivr.cli.campaign_preview", "preview"),
    "simulate": ("ivr.cli.campaign_simulate", "command"),
    "watch": ("ivr.cli.campaign_watch", "watch"),
    "report": ("ivr.cli.campaign_report", "report"),
    "export": ("ivr.cli.campaign_report", "export"),
}
_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_by = click.option("--by", default="", metavar="WHO", help="Who does it, for the audit. Default: your login name.")


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *MORE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MORE:
            return super().get_command(ctx, cmd_name)
        module, name = MORE[cmd_name]
        found: click.Command = getattr(import_module(module), name)
        return found


@click.group(cls=_Group)
def command() -> None:
    """Campaigns: call the people of a list, by a file of campaigns/ (docs/campaign-life.md).

    draft, checked, scheduled, running, paused, draining, done, archived: every move and every edit is in the audit.
    """


@contextmanager
def told(writing: str = "standard output") -> Iterator[None]:
    """What can go wrong with a campaign, as a message and exit status 1. ``writing``: the file that is written."""
    try:
        yield
    except (CampaignError, life.IllegalMove, launching.LaunchError, MissingAudio) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read has seen enough
            raise
        raise click.ClickException(f"{error.filename or writing} cannot be written: {trouble(error)}") from error


@contextmanager
def _freezing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"the sounds could not be frozen: {where}{trouble(error)}") from error


def _who(by: str) -> Who:
    return Who(by or login_name(), datetime.now(UTC))


def doubt(connection: Connection, campaign: Campaign) -> None:
    """What is probably not meant goes to standard error, beside whatever the command says."""
    for words in campaigning.doubts(connection, campaign):
        click.echo(words, err=True)


def _doubt(engine: Engine, name: str) -> None:
    with reading(engine) as connection:
        doubt(connection, campaigning.loaded(connection, name))


@command.command()
@_file
@database_option
@_by
def create(file: Path, db: str, by: str) -> None:
    """A draft of the campaign in FILE."""
    with told(), ready(db) as engine:
        made = campaigning.create(settings(), engine, file, _who(by))
        _doubt(engine, made.name)
    click.echo(f"campaign {made.name}: draft. Next:")
    click.echo(f"  ivr campaign preview {made.name}\n  ivr campaign start {made.name}")


@command.command()
@click.argument("name")
@database_option
@_by
def check(name: str, db: str, by: str) -> None:
    """Everything that would keep NAME from being started; a campaign without any is checked."""
    with told(), ready(db) as engine:
        campaigning.check(settings(), engine, name, _who(by))
        _doubt(engine, name)
    click.echo(f"campaign {name}: no mistakes; checked")


@command.command()
@click.argument("name")
@database_option
@_by
def schedule(name: str, db: str, by: str) -> None:
    """NAME is started on its first day, by whoever types `ivr campaign start --due` then."""
    with told(), ready(db) as engine:
        campaigning.schedule(settings(), engine, name, _who(by))
    click.echo(f"campaign {name}: scheduled; `ivr campaign start --due` starts it when its first day has begun")


@command.command()
@click.argument("name", default="")
@click.option("--due", is_flag=True, help="Every scheduled campaign whose first day has begun: for a timer.")
@database_option
@_by
def start(name: str, due: bool, db: str, by: str) -> None:
    """Freeze the flow and the file as version 1, bring the people in, and let diallers call them."""
    if bool(name) == due:
        raise click.UsageError("name a campaign, or write --due")
    with told(), ready(db) as engine:
        names = campaigning.due(engine, datetime.now(UTC)) if due else [name]
        for each in names:
            with _freezing(), _people(engine, each) as on_people:
                done = campaigning.start(settings(), engine, each, _who(by), on_people)
            _started(done)
            _doubt(engine, each)
        if not names:
            click.echo("no campaign is due")


@command.command()
@_file
@database_option
@_by
def edit(file: Path, db: str, by: str) -> None:
    """FILE instead of what the campaign said so far: of a running one, as its next version.

    New people are brought in, those who are not meant any more and wait are left out; who was called is not touched.
    """
    with told(), ready(db) as engine:
        config = settings()
        name = campaigning.read_file(config, file).campaign
        with _freezing(), _people(engine, name) as on_people:
            done = campaigning.edit(config, engine, file, _who(by), on_people)
        _doubt(engine, name)
    if done is None:
        click.echo(f"campaign {name}: draft, as {file} says")
    else:
        _started(done)


def _started(done: campaigning.Started) -> None:
    row = done.row
    click.echo(
        f"campaign {row.name}: {row.state}, version {row.version}, launch {done.launch};\n"
        f"  {done.waiting:,} waiting ({done.added:,} new) of {done.people:,} on its lists"
    )
    if done.rules:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(done.rules.items(), key=lambda p: -p[1]))
        click.echo(f"not called: {rules} (ivr campaign preview {row.name} says more)")


@contextmanager
def _people(engine: Any, name: str) -> Iterator[Callable[[int], None]]:
    """A bar for a million people; nothing where nobody looks."""
    console = Console(stderr=True)
    total = None
    if console.is_terminal:
        with reading(engine) as connection:
            total = sample.count(connection, campaigning.loaded(connection, name).lists)
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda n: progress.advance(task, n)


def _mover(what: str, text: str) -> click.Command:
    @click.argument("name")
    @database_option
    @_by
    def run(name: str, db: str, by: str) -> None:
        with told(), ready(db) as engine:
            row = campaigning.move(engine, name, what, _who(by))
        click.echo(f"campaign {name}: {row.state}")

    run.__doc__ = text
    return command.command(what)(run)


_mover("pause", "Call nobody new, from this second on; calls that are going on end as they end.")
_mover("resume", "Go on calling.")
_mover("stop", "Call nobody new, ever; done when the last call has ended.")
_mover("archive", "Take NAME out of the lists. Its attempts and answers stay.")


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Archived ones too.")
@click.option("--format", "as_", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@database_option
def list_(all_: bool, as_: str, db: str) -> None:
    """Every campaign with its state, and how many people wait, are being called, are done."""
    from ivr.cli.results import _print

    with ready(db) as engine, reading(engine) as connection:
        found = [(row, campaigns.left(connection, row.name)) for row in campaigns.every(connection, archived=all_)]
    if not found and as_ == "table":
        click.echo("No campaign yet. To make one: ivr campaign create campaigns/NAME.yaml")
        return
    heads = ["campaign", "title", "state", "version", "priority", "waiting", "leased", "done", "started"]
    rows = [
        *(
            (row.name, row.title, row.state, row.version, row.priority, *left.values(), _when(row.started_at, as_))
            for row, left in found
        )
    ]
    _print(heads, rows, as_)


def _when(at: datetime | None, as_: str) -> str:
    if at is None:
        return ""
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if as_ == "table" else at.isoformat(timespec="milliseconds")


@command.command()
@click.argument("name")
@database_option
def status(name: str, db: str) -> None:
    """One campaign: its state, its version, its people, the last things that were done to it."""
    with told(), ready(db) as engine, reading(engine) as connection:
        row = campaigns.read(connection, name)
        version = campaigns.version(connection, name)
        left = campaigns.left(connection, name)
        last = campaigns.audit(connection, name)[-5:]
    frozen = f"version {row.version}, launch {version.launch}" if row.version else "not started: no version is frozen"
    click.echo(f"campaign {row.name}{f' ({row.title})' if row.title else ''}: {row.state}; {frozen}")
    click.echo(f"people: {', '.join(f'{count:,} {state}' for state, count in left.items())}")
    _print_audit(last)


@command.command()
@click.argument("name")
@click.option("--format", "as_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@database_option
def audit(name: str, as_: str, db: str) -> None:
    """Everything that was done to NAME: who, when, what, and what an edit changed."""
    with told(), ready(db) as engine, reading(engine) as connection:
        campaigns.read(connection, name)
        found = campaigns.audit(connection, name)
    if as_ == "table":
        _print_audit(found)
        return
    rows = [
        {"number": a.number, "at": a.at.isoformat() if a.at else None, "by": a.by, "what": a.what, **a.told}
        for a in found
    ]
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False))


def _print_audit(found: list[campaigns.Audit]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("#", "when", "who", "what", ""):
        table.add_column(head, overflow="fold")
    for one in found:
        at = f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}" if one.at else ""
        table.add_row(*(Text(cell) for cell in (str(one.number), at, one.by, one.what, _told(one.told))))
    Console(highlight=False).print(table)


def _told(what: Any) -> str:
    parts = [f"{what['from']} → {what['to']}"] if what.get("from") and what["from"] != what.get("to") else []
    if what.get("why"):
        parts.append(what["why"])
    if what.get("version"):
        parts.append(f"version {what['version']}, {what.get('added', 0):,} people new")
    for key, (before, after) in (what.get("changed") or {}).items():
        parts.append(f"{key}: {json.dumps(before, ensure_ascii=False)} → {json.dumps(after, ensure_ascii=False)}")
    return "; ".join(parts)
