"""`ivr campaign preview`: who would be called and when, who not and by which rule, how long it takes.

Law: presentation only; reads in chunks and prints as it reads, so that a million people cost no memory.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from ivr.campaign.forecast import Forecast
from ivr.campaign.model import Campaign
from ivr.campaign.windows import zone_info
from ivr.cli.campaign import doubt, told
from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.results import _print
from ivr.cli.settings import settings
from ivr.ops import campaigning, previewing
from ivr.ops.previewing import Line, Preview
from ivr.results.cells import safe_cell
from ivr.results.figures import bar
from ivr.results.queries import reading
from ivr.store.masking import mask

_COLUMNS = ("contact_id", "list", "number", "name", "verdict", "rule", "why", "earliest", "earliest_local", "zone")
#: Days that the chart of hours has a line for.
_MOST_DAYS = 14


@click.command()
@click.argument("campaign")
@database_option
@click.option(
    "--format",
    "as_",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="CSV and JSON have everybody on the lists; JSON has the counts and the forecast besides.",
)
@click.option("-n", "--limit", type=click.IntRange(0), default=10, show_default=True, help="People that a table shows.")
@click.option("--unmask", is_flag=True, help="Show numbers in full.")
def preview(campaign: str, db: str, as_: str, limit: int, unmask: bool) -> None:
    """Who would be called, from when on, who not and by which rule; how long it takes, and the worst hour.

    CAMPAIGN is a file, or the name of a campaign. Nothing is changed, and nobody is called.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with told(), ready(db) as engine:
        config = settings()
        path = Path(campaign)
        given = campaigning.read_file(config, path) if path.suffix in (".yaml", ".yml") else None
        with reading(engine) as connection:
            meant = given or campaigning.loaded(connection, campaign)
            doubt(connection, meant)
            found = previewing.begin(connection, meant, now)
            show = {"table": _table, "csv": _csv, "json": _json}[as_]
            show(connection, found, limit, unmask)


def _people(connection: Connection, found: Preview) -> Iterator[Line]:
    for chunk in previewing.lines(connection, found):
        yield from chunk


def _cells(line: Line, unmask: bool) -> tuple[Any, ...]:
    number = line.number if unmask else mask(line.number)
    zone = zone_info(line.zone)
    earliest = line.at.isoformat(timespec="minutes") if line.at else ""
    local = f"{line.at.astimezone(zone):%Y-%m-%d %H:%M}" if line.at and zone else ""
    verdict = "call" if line.called else "not called"
    return line.contact_id, line.list, number, line.name, verdict, line.rule, line.why, earliest, local, line.zone


def _csv(connection: Connection, found: Preview, _limit: int, unmask: bool) -> None:
    click.echo(",".join(_COLUMNS))
    for chunk in previewing.lines(connection, found):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(
            [safe_cell(cell) for cell in _cells(line, unmask)] for line in chunk
        )
        click.echo(out.getvalue(), nl=False)


def _json(connection: Connection, found: Preview, _limit: int, unmask: bool) -> None:
    """One document, written as it is read: the people first, then what they add up to."""
    click.echo('{"people": [', nl=False)
    before = "\n"
    for chunk in previewing.lines(connection, found):
        named = (dict(zip(_COLUMNS, _cells(line, unmask), strict=True)) for line in chunk)
        records = (json.dumps(one, ensure_ascii=False) for one in named)
        click.echo(before + ",\n".join(records), nl=False)
        before = ",\n"
    forecast = found.forecast()
    counts = {"people": found.people, "called": found.called, "rules": {rule: n for rule, n, _ in found.told()}}
    click.echo(f'\n], "counts": {json.dumps(counts)}, "forecast": {json.dumps(_told(found, forecast))}}}')


def _told(found: Preview, forecast: Forecast) -> dict[str, Any]:
    worst = forecast.worst
    return {
        "expected": {**vars(found.expected), "shares": dict(found.expected.shares)},
        "begins": forecast.begins.isoformat() if forecast.begins else None,
        "ends": forecast.ends.isoformat() if forecast.ends else None,
        "calls": round(forecast.calls),
        "answered": round(forecast.answered),
        "complete": round(forecast.complete),
        "left": round(forecast.left),
        "stops_at_target": forecast.enough,
        "most_calls_per_hour": round(forecast.per_hour),
        "worst_hour": {"begins": worst[0].isoformat(), "calls": round(worst[1])} if worst else None,
        "hours": [[begins.isoformat(), round(calls)] for begins, calls in forecast.hours],
    }


def _table(connection: Connection, found: Preview, limit: int, unmask: bool) -> None:
    first: list[Line] = []
    for line in _people(connection, found):
        if line.called and len(first) < limit:
            first.append(line)
    campaign = found.campaign
    title = f" ({campaign.title})" if campaign.title else ""
    click.echo(f"campaign {campaign.campaign}{title}: {found.called:,} of {found.people:,} people would be called\n")
    width = found.people or 1
    rows: list[Any] = [
        (rule, count, f"{count / width:.1%}", bar(count / width), text) for rule, count, text in found.told()
    ]
    rows.append(("all", found.people, "", "", ""))
    _print(["rule", "people", "share", "", "what it means"], rows, "table")
    _reasons(found)
    if first:
        click.echo(f"\nThe first {len(first)} of those who would be called:")
        shown = [(line, _cells(line, unmask)) for line in first]
        local = [(c[2], line.name, line.list, c[8], line.zone, line.why) for line, c in shown]
        _print(["number", "name", "list", "earliest, local time", "zone", ""], local, "table")
    _forecast(found, campaign)


def _reasons(found: Preview) -> None:
    """Why more exactly, where a rule has reasons of its own."""
    reasons = [(rule, why, count) for (rule, why), count in found.reasons.most_common(12) if rule not in ("filter",)]
    if reasons:
        click.echo()
        _print(["rule", "more exactly", "people"], reasons, "table")


def _forecast(found: Preview, campaign: Campaign) -> None:
    forecast = found.forecast()
    click.echo(f"\nExpected, by {found.expected.source}:")
    if not (forecast.begins and forecast.ends and forecast.worst):
        click.echo("nobody is called")
        return
    zone = campaign.calling.zone or "UTC"
    where = zone_info(zone) or UTC
    span = forecast.ends - forecast.begins
    begins, ends = (at.astimezone(where) for at in (forecast.begins, forecast.ends))
    click.echo(
        f"  {forecast.calls:,.0f} calls, {forecast.answered:,.0f} answered, {forecast.complete:,.0f} to the end; "
        f"from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} ({zone}), {_span(span)}"
    )
    if forecast.enough:
        click.echo(f"  it stops at its {campaign.completes:,} completes")
    if forecast.left >= 1:
        click.echo(f"  {forecast.left:,.0f} people have a turn left when it ends: give it more time, or more lines")
    at, calls = forecast.worst
    click.echo(
        f"  worst hour: {at:%Y-%m-%d %H}:00, {calls:,.0f} calls started (its pacing lets {forecast.per_hour:,.0f}), "
        f"about {forecast.lines:,.1f} lines at once\n"
    )
    _chart(forecast)


def _chart(forecast: Forecast) -> None:
    """Calls started in each hour of the busiest day, then each day."""
    days: dict[str, float] = defaultdict(float)
    for begins, calls in forecast.hours:
        days[f"{begins:%Y-%m-%d}"] += calls
    worst_at, most = forecast.worst or (datetime.now(UTC), 1.0)
    that = f"{worst_at:%Y-%m-%d}"
    click.echo(f"calls started per hour on {that}:")
    for begins, calls in forecast.hours:
        if f"{begins:%Y-%m-%d}" == that:
            click.echo(f"  {begins:%H}:00 {calls:>9,.0f} {bar(calls / most, 40)}")
    if len(days) > 1:
        click.echo("calls started per day:")
        busiest = max(days.values())
        for day, calls in list(days.items())[:_MOST_DAYS]:
            click.echo(f"  {day} {calls:>9,.0f} {bar(calls / busiest, 40)}")
        if len(days) > _MOST_DAYS:
            click.echo(f"  and {len(days) - _MOST_DAYS} more days")


def _span(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
