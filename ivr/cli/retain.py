"""`ivr retain`: removes what is older than it may be kept.

Law: shows and hands over to ``store.retain``.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.settings import settings
from ivr.store import retain
from ivr.store.engine import make_engine

#: Finding what is old looks at every run.
_WAIT_MS = 600_000


@click.command()
@database_option
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--recordings", type=click.Path(file_okay=False, path_type=Path), help="Instead of `recordings`.")
def command(db: str, dry_run: bool, recordings: Path | None) -> None:
    """Remove answers, key presses and recordings that are older than `keep` of their questionnaire allows.

    What says nothing itself, and calls outside of surveys, follow `data: keep` of callweave.yaml; without it they are
    kept. Survey runs stay with their status and times, so that counts stay right; callers' numbers go.
    """
    config = settings()
    with ready(db):
        pass
    engine = make_engine(db, wait_ms=_WAIT_MS)
    try:
        made = retain.rules(engine, datetime.now(UTC), config.data.keep_days)
        if not made:
            click.echo("Nothing has an end: no questionnaire has `keep`, and callweave.yaml has no `data: keep`.")
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as progress:
            task = progress.add_task("runs and calls", total=retain.due(engine, made))
            done = retain.retain(
                engine,
                made,
                recordings or config.recordings,
                dry_run=dry_run,
                step=lambda n: progress.advance(task, n),
            )
    finally:
        engine.dispose()
    words = "would be removed" if dry_run else "removed"
    rows = ", ".join(f"{count} of {table}" for table, count in sorted(done.rows.items()) if count) or "none"
    click.echo(f"Of {done.runs} survey runs and {done.calls} calls {words}:")
    click.echo(f"rows: {rows}; recordings: {done.recordings}.")
