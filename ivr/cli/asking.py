"""Asking: the options by which runs of a survey are chosen, and the reader that they make.

Law: turns what was typed into a Selection and mistakes into words; counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from ivr.cli import results
from ivr.cli.options import database_option
from ivr.lang.expr import parse
from ivr.results.reading.book import ReadingError, open_book
from ivr.results.reading.reader import COUNTED, STATUSES, Reader, Selection
from ivr.results.reading.weighting import UNWEIGHTED, Weighting, read_targets, weighted
from ivr.results.stats.distributions import StatsError
from ivr.store.views import report_zone

_EVERYBODY = Selection()
#: Millions of answers are counted in one statement, for which a server may take six times as long.
WAIT_MS = 100_000


@dataclass(frozen=True)
class Asked:
    """What the options of a command say."""

    survey: str
    db: str
    launch: str = ""
    selection: Selection = _EVERYBODY
    zone: ZoneInfo | None = None  # None: the one of the database's views
    weights: Path | None = None


def words(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _condition(context: click.Context, _option: click.Parameter, value: str) -> Any:
    if not value:
        return None
    context.meta["callweave.where"] = value
    parsed = parse(value)
    if parsed.fault:
        hint = f"; {parsed.fault.hint}" if parsed.fault.hint else ""
        raise click.BadParameter(f"{parsed.fault.message}{hint}")
    return parsed.tree


def _statuses(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    found = words(context, option, value)
    for status in found:
        if status not in STATUSES:
            raise click.BadParameter(f"{status!r} is no status of a run; there are: {', '.join(STATUSES)}")
    return found


def zone_of(_context: click.Context, _option: click.Parameter, value: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(value) if value else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"{value!r} is no time zone; write UTC, Asia/Shanghai or Europe/Berlin") from None


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``@options`` hands the command one ``asked`` for all of these."""

    def wrapped(
        survey: str,
        db: str,
        launch: str,
        where: Any,
        since: datetime | None,
        until: datetime | None,
        status: tuple[str, ...],
        zone: ZoneInfo | None,
        weights: Path | None,
        **more: Any,
    ) -> Any:
        selection = Selection(since, until, status, where)
        return function(Asked(survey, db, launch, selection, zone, weights), **more)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    wrapped.__dict__.update(function.__dict__)  # click's own notes of options that stand nearer
    path = click.Path(exists=True, dir_okay=False, path_type=Path)
    time = "2026-11-22, 2026-11-22T14:30, 30m, 12h, 7d"
    for option in (
        click.option(
            "--weights", type=path, metavar="FILE", help="Targets for raking, in YAML (docs/figures/raking.md)."
        ),
        click.option(
            "--zone",
            callback=zone_of,
            default="",
            metavar="ZONE",
            help="Time zone of days and hours, as Asia/Shanghai. Default: `data: zone`, as in the views.",
        ),
        click.option(
            "--status",
            callback=_statuses,
            default=",".join(COUNTED),
            metavar="NAME,...",
            help="Only runs that ended so. Default: all that are over, nobody twice.",
        ),
        click.option("--until", callback=results._since, metavar="TIME", help="Runs that began before."),
        click.option("--since", callback=results._since, metavar="TIME", help=f"Runs that began then or later: {time}"),
        click.option(
            "--where",
            callback=_condition,
            default="",
            metavar="CONDITION",
            help="Only runs for which it holds: \"overall <= 2 and agent == 'ann'\".",
        ),
        click.option("--launch", default="", metavar="NAME", help="Only runs of this launch."),
        database_option,
        click.argument("survey"),
    ):
        wrapped = option(wrapped)
    return wrapped


@contextmanager
def asking(asked: Asked) -> Iterator[tuple[Reader, Weighting]]:
    with results.reading_store(asked.db, WAIT_MS) as connection:
        try:
            selection = replace(asked.selection, zone=asked.zone or report_zone(connection))
            reader = Reader(connection, open_book(connection, asked.survey, asked.launch), selection)
            targets = read_targets(asked.weights) if asked.weights else None
            yield reader, weighted(reader, targets) if targets else UNWEIGHTED
        except (ReadingError, StatsError) as error:
            raise click.ClickException(str(error)) from None
