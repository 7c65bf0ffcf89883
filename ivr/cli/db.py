"""`ivr db`: create, upgrade and describe the database, and its views.

Law: talks to people; the work is ``store.upgrade``'s and ``store.views``'.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from ivr.cli.options import database_option
from ivr.cli.settings import settings
from ivr.store import upgrade as store
from ivr.store import views
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
    """Create the tables and views, or bring them to this version. Harmless to repeat."""
    try:
        before, now = store.upgrade(db, zone=settings().data.zone or None)
    except (store.SchemaError, views.ViewError, views.ZoneError) as error:
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


@command.command("views")
@database_option
@click.option(
    "--zone", metavar="ZONE", help="Whose days they count in: Europe/Berlin. Default: `data: zone:`, else as it is."
)
@click.option("--survey", default="", metavar="NAME", help="Only the wide view of this survey.")
def make_views(db: str, zone: str | None, survey: str) -> None:
    """Make the views for analysts that are missing or out of date (docs/views.md). Harmless to repeat."""
    with ready(db) as engine:
        try:
            if survey:
                made = [views.refresh_survey(engine, survey)]
            else:
                made = views.refresh(engine, zone or settings().data.zone or None)
        except (views.ViewError, views.ZoneError) as error:
            raise click.ClickException(str(error)) from None
    for name in made:
        click.echo(name)
    if not made:
        click.echo("The views are as they should be.")


@contextmanager
def ready(url: str) -> Iterator[Engine]:
    """The database, when it is there and has this Callweave's schema; else what to type."""
    if store.is_empty_sqlite(url):
        raise click.ClickException(f"{shown_url(url)} is not there yet. Type: ivr db upgrade --db {shown_url(url)}")
    engine = make_engine(url)
    try:
        store.check_schema(engine)
        yield engine
    except store.SchemaError as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        raise away(url, error) from None
    finally:
        engine.dispose()


@command.command()
@database_option
def url(db: str) -> None:
    """Print which database the commands use, without its password."""
    click.echo(shown_url(db))
