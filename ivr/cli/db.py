"""`ivr db`: create, upgrade and describe the database.

Law: talks to people; the work is ``store.upgrade``'s.
"""

from __future__ import annotations

import click
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from ivr.cli.options import database_option
from ivr.store import upgrade as store
from ivr.store.engine import make_engine, shown_url


@click.group()
def command() -> None:
    """Create and upgrade the database."""


def away(url: str, error: OperationalError) -> click.ClickException:
    """What to say when nobody answers at the URL."""
    reason = " ".join(str(error.orig).split())
    return click.ClickException(f"no database at {shown_url(url)}: {reason}\nStart it, or name another: --db URL")


def ready_engine(db: str) -> Engine:
    """An engine for a database that has this Callweave's tables; a command stops here when it has not."""
    if store.is_empty_sqlite(db):
        raise click.ClickException(f"{shown_url(db)} is not there yet. Type: ivr db upgrade --db {shown_url(db)}")
    engine = make_engine(db)
    try:
        store.check_schema(engine)
    except store.SchemaError as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        raise away(db, error) from None
    return engine


@command.command()
@database_option
def upgrade(db: str) -> None:
    """Create the tables, or bring them to this version. Harmless to repeat."""
    try:
        before, now = store.upgrade(db)
    except store.SchemaError as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        raise away(db, error) from None
    if before == now:
        click.echo(f"{shown_url(db)} is at schema {now} already.")
    elif before is None:
        click.echo(f"{shown_url(db)}: tables created, schema {now}.")
    else:
        click.echo(f"{shown_url(db)}: upgraded from schema {before} to {now}.")


@command.command()
@database_option
def status(db: str) -> None:
    """Say whether the database is ready for this Callweave. Exit status 1 when it is not."""
    if store.is_empty_sqlite(db):
        raise click.ClickException(f"{shown_url(db)} is not there yet. Type: ivr db upgrade --db {shown_url(db)}")
    try:
        store.check_schema(make_engine(db))
    except store.SchemaError as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        raise away(db, error) from None
    click.echo(f"{shown_url(db)} is ready, schema {store.HEAD}.")


@command.command()
@database_option
def url(db: str) -> None:
    """Print which database the commands use, without its password."""
    click.echo(shown_url(db))
