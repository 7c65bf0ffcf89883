"""`ivr results example`: a database with made-up callers of a questionnaire, to try figures and reports on.

Law: thin; the calls are ``hosts.crowd``'s. Writes to a database that holds made-up calls or none, and to no other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from ivr.cli.db import away
from ivr.cli.options import database_option
from ivr.core.program import Program
from ivr.hosts import crowd
from ivr.lang.check import check_file
from ivr.ops.config import Projects
from ivr.store import schema
from ivr.store.engine import make_engine, shown_url
from ivr.store.rows import Prepared, prepare
from ivr.store.upgrade import SchemaError, upgrade
from ivr.store.write import Database

#: Calls that go into one transaction.
GROUP = 250


@click.command()
@database_option
@click.option(
    "--questionnaire",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("surveys/service.yaml"),
    show_default=True,
)
@click.option("--calls", type=click.IntRange(1, 1_000_000), default=3_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same calls.")
@click.option("--first-day", type=click.DateTime(["%Y-%m-%d"]), default="2026-03-02", show_default=True)
def example(db: str, questionnaire: Path, calls: int, seed: int, first_day: datetime) -> None:
    """Fill a database with made-up calls: thirteen weeks, four agents, two queues.

    Simulated callers really answer the questionnaire, so that silence, wrong keys and break-offs are those of a call.
    """
    result = check_file(questionnaire, Projects().of(questionnaire))
    if result.program is None:
        raise click.UsageError(f"{questionnaire} has mistakes; see: ivr check {questionnaire}")
    if not result.program.surveys:
        raise click.UsageError(f"{questionnaire} is no questionnaire; one of surveys/ is meant")
    try:
        upgrade(db)
        count = _fill(make_engine(db), db, result.program, calls, seed, first_day)
    except SchemaError as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        raise away(db, error) from None
    survey = next(iter(result.program.surveys))
    click.echo(f"{count} made-up calls in {shown_url(db)}. Type: ivr results figures {survey} --db {shown_url(db)}")


def _fill(engine: Engine, db: str, program: Program, calls: int, seed: int, first_day: datetime) -> int:
    with engine.connect() as connection:
        real = select(schema.call.c.call_id).where(schema.call.c.call_id.not_like(f"{crowd.MARK}%")).limit(1)
        if connection.scalar(real):
            raise click.UsageError(f"{shown_url(db)} has real calls; give an empty database, as sqlite:///example.db")
    database = Database(engine)
    database.write(_plans(program, first_day.replace(tzinfo=UTC)))
    group: list[Prepared] = []
    count = 0
    for rows in crowd.calls(program, calls, seed, first_day.date()):
        group += rows
        count += 1
        if count % GROUP == 0:
            database.write(group)
            group = []
    database.write(group)
    return count


def _plans(program: Program, seen: datetime) -> list[Prepared]:
    rows = [
        prepare("program", {"hash": program.hash, "flow": program.flow, "json": program.to_json(), "first_seen": seen})
    ]
    for survey, plan in program.surveys.items():
        row = {"hash": plan.hash, "survey": survey, "json": dict(plan.definition), "first_seen": seen}
        row |= {name: plan.definition[name] for name in ("version", "title")}
        rows.append(prepare("survey_definition", row))
    return rows
