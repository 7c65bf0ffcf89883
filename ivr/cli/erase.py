"""`ivr erase`: removes a person, and shows where was looked afterwards.

Law: asks, shows, and hands over to ``store.erase``. The number is printed by nobody but who typed it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ivr.cli.contacts import country_option
from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.settings import Refused, settings
from ivr.contacts.shapes import Normaliser
from ivr.store import erase
from ivr.store.engine import make_engine
from ivr.store.pseudonym import KeyFileError, load_key

FOLDER = click.Path(file_okay=False, path_type=Path)
#: Every row of every table is looked at, more than once.
_WAIT_MS = 600_000


@click.command()
@click.option("--caller", required=True, metavar="NUMBER", help="The caller's number, with or without + and spaces.")
@database_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--key-file", type=click.Path(dir_okay=False, path_type=Path), help="Default: `data: pseudonym_key`.")
@click.option("--recordings", type=FOLDER, help="Instead of `recordings`.")
@click.option("--spool", type=FOLDER, help="Instead of `spool`; spools in it, and beside it (spool-8084), count too.")
@click.option("--forget-dnc", is_flag=True, help="Off the do-not-call list too: campaigns may call the number again.")
@country_option
@click.option("--traces", type=FOLDER, help="Folder that `ivr serve --trace` writes to.")
def command(
    caller: str,
    db: str,
    yes: bool,
    key_file: Path | None,
    recordings: Path | None,
    spool: Path | None,
    traces: Path | None,
    forget_dnc: bool,
    country: str,
) -> None:
    """Remove a caller everywhere: calls, answers, contacts, attempts, recordings, spools; then prove it.

    Who is on the do-not-call list stays there, by number, unless --forget-dnc is given. A quota's count stays, as a
    row of nobody. What is stored of it is when, how many rows, and a keyed hash of the number. Exit status 1 when
    something is left, or a call of that caller goes on: then nothing was removed.
    """
    config = settings()
    places = erase.Places(recordings or config.recordings, spool or config.spool, traces)
    with ready(db):
        pass
    engine = make_engine(db, wait_ms=_WAIT_MS)
    now = datetime.now(UTC)
    try:
        key = load_key(key_file or config.data.pseudonym_key)
        person = erase.find(engine, caller, now, _other_ways(caller, country))
        if not yes:
            found = erase.look(engine, person, places)
            click.echo(f"{len(person.call_ids)} calls; something of this caller stands in:")
            for where, rows in found.items():
                if rows:
                    click.echo(f"  {where}: {rows}")
            click.confirm("Remove all of it? It cannot be undone", abort=True)
        done = erase.erase(engine, person, places, key, now, forget_dnc=forget_dnc)
    except erase.EraseError as error:
        raise click.ClickException(str(error)) from None
    except KeyFileError as error:
        raise Refused(str(error)) from None
    finally:
        engine.dispose()
    _show(done)


def _other_ways(caller: str, country: str) -> tuple[str, ...]:
    """A caller of the country may stand there without its code, and a contact never does."""
    found = Normaliser(country)(caller)
    if not found.number:
        return ()
    national = found.number.removeprefix(Normaliser(country).plus)
    return (found.number,) if national.startswith("+") or len(national) < 8 else (found.number, national)


def _show(done: erase.Erasure) -> None:
    table = Table(title=f"Erasure {done.id}: {done.calls} calls", title_justify="left")
    table.add_column("looked in", overflow="fold")
    for head in ("before", "after"):
        table.add_column(head, justify="right")
    for line in done.proof:
        table.add_row(line.where, str(line.before), f"{line.after} (kept)" if line.kept else str(line.after))
    Console().print(table)
    for note in done.notes:
        click.echo(note)
    if done.complete:
        but = ", but for the do-not-call list" if any(line.kept for line in done.proof) else ""
        click.echo(f"Nothing of this caller is left in what was looked through{but}.")
        return
    if any(line.after and line.authored for line in done.proof):
        click.echo(
            "An author wrote this number into a flow or a questionnaire: change it there, it is not removed here."
        )
    if any(line.after and not line.kept and line.where.startswith("bytes of ") for line in done.proof):
        click.echo("Bytes that are left can be another caller's: of a longer number that has this one in it.")
    click.echo("Something is left: see the table.")
    raise SystemExit(1)
