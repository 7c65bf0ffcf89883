"""`ivr campaign report` and `export`: what a campaign came to, as figures and as rows.

Law: presentation only; figures are ``ivr.results.outbound``'s, files are ``ivr.results.export``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from ivr.campaign.outcomes import OUTCOMES
from ivr.cli import showing
from ivr.cli.campaign import told
from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.results import _print
from ivr.ops.campaigning import loaded
from ivr.results.export import files
from ivr.results.export.extras import MissingLibrary
from ivr.results.figures import bar
from ivr.results.outbound import report as reports
from ivr.results.outbound import rows
from ivr.results.outbound.attempts import GOING_ON, Tally
from ivr.results.outbound.report import Report
from ivr.results.queries import reading
from ivr.store import campaigns


@click.command()
@click.argument("name")
@database_option
@click.option("--format", "as_", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--per-minute", type=click.FloatRange(0), default=0.0, metavar="PRICE", help="Of a billed minute.")
def report(name: str, db: str, as_: str, per_minute: float) -> None:
    """Reach, completion, outcomes, cost, attempts to complete, the best hour, gateways, lists, AAPOR rates."""
    with told(), ready(db) as engine, reading(engine) as connection:
        row = campaigns.read(connection, name)
        found = reports.read(connection, name, loaded(connection, name).calling.zone)
    with told():
        _print_report(row, found, as_, per_minute)


def _print_report(row: campaigns.CampaignRow, found: Report, as_: str, per_minute: float) -> None:
    if as_ == "table":
        _table(row, found, per_minute)
    elif as_ == "csv":
        _print(["section", "name", "figure", "value", "low", "high", "n"], list(flat(found, per_minute)), "csv")
    else:
        click.echo(json.dumps(_json(row, found, per_minute), indent=2, ensure_ascii=False))


def flat(found: Report, per_minute: float) -> Iterator[tuple[Any, ...]]:
    """One row for each number: section, name, figure, value, low, high, n."""

    def plain(section: str, name: Any, figure: str, value: Any) -> tuple[Any, ...]:
        return section, name, figure, value, "", "", ""

    def scored(section: str, name: Any, figure: str, score: Any) -> tuple[Any, ...]:
        span = (score.interval.low, score.interval.high) if score.interval else (None, None)
        return section, name, figure, *map(showing.plain, (score.value, *span)), showing.plain(score.n)

    people = found.persons
    for figure in ("people", "called", "reached", "complete", "talking"):
        yield plain("people", "all", figure, getattr(people, figure))
    yield scored("people", "all", "reach", found.reach)
    yield scored("people", "all", "completion", found.completion)
    for rule, count in sorted(people.left_out.items()):
        yield plain("people", rule, "left_out", count)
    tallies: list[tuple[str, Any, Tally]] = [("attempts", "all", found.total)]
    tallies += [("gateway", name, tally) for name, tally in found.gateways.items()]
    tallies += [("list", name, tally) for name, tally in found.lists.items()]
    tallies += [("turn", name, tally) for name, tally in found.turns.items()]
    for section, name, tally in tallies:
        yield plain(section, name, "attempts", tally.attempts)
        for outcome in (*OUTCOMES, GOING_ON):
            yield plain(section, name, outcome, tally.outcomes.get(outcome, 0))
        yield plain(section, name, "complete", tally.complete)
        yield plain(section, name, "billed_s", tally.billed_ms / 1000)
    if per_minute:
        yield plain("cost", "all", "cost", round(found.cost(per_minute), 4))
    for hour in found.hours:
        yield scored("hour", hour.hour, "reach", hour.rate)
    if found.survey:
        for case, count in people.dispositions.items():
            yield plain("disposition", case.code, case.name.lower(), count)
        for rate, value in found.rates.items():
            yield plain("aapor", rate, "rate", showing.plain(value))


def _json(row: campaigns.CampaignRow, found: Report, per_minute: float) -> dict[str, Any]:
    made: dict[str, Any] = {"campaign": row.name, "title": row.title, "state": row.state, "version": row.version}
    for section, name, figure, value, low, high, n in flat(found, per_minute):
        into = made.setdefault(section, {}).setdefault(str(name), {})
        into[figure] = value if n == "" else {"value": value, "low": low, "high": high, "n": n}
    return made


# -- for people ------------------------------------------------------------------------------------------------------


def _table(row: campaigns.CampaignRow, found: Report, per_minute: float) -> None:
    people = found.persons
    click.echo(f"campaign {row.name}{f' ({row.title})' if row.title else ''}: {row.state}, version {row.version}")
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(people.states.items()))
    click.echo(f"{people.people:,} people: {states or 'none'}")
    if people.left_out:
        out = ", ".join(f"{rule} {count:,}" for rule, count in sorted(people.left_out.items()))
        click.echo(f"left out without a call: {out}")
    click.echo(
        f"called {people.called:,}; reached {people.reached:,} {_score(found.reach)}\n"
        f"complete {people.complete:,}, of those reached {_score(found.completion)}"
    )
    if not found.total.attempts:
        click.echo("no attempt yet")
        return
    click.echo()
    _print_outcomes(found.total)
    _print_cost(found, per_minute)
    _print_turns(found)
    _print_hours(found)
    _print_tallies("gateway", found.gateways)
    _print_tallies("list", found.lists)
    if found.survey:
        _print_rates(found)


def _score(score: Any) -> str:
    if score.value is None:
        return ""
    span = showing.interval(score.interval)
    return f"{showing.share(score.value)}{f' (95%: {span})' if span else ''}"


def _print_outcomes(total: Tally) -> None:
    lines: list[Any] = []
    for outcome in (*OUTCOMES, GOING_ON):
        count = total.outcomes.get(outcome, 0)
        if count:
            share = count / total.attempts
            lines.append((outcome, count, showing.share(share), bar(share)))
    lines.append(("all attempts", total.attempts, "", ""))
    _print(["outcome", "attempts", "share", ""], lines, "table")


def _print_cost(found: Report, per_minute: float) -> None:
    minutes = found.billed_s / 60
    each = f", {found.billed_s / found.persons.complete:,.0f} s a complete" if found.persons.complete else ""
    price = f", cost {found.cost(per_minute):,.2f}" if per_minute else ""
    click.echo(f"\nbilled {found.billed_s:,.0f} s ({minutes:,.1f} min){each}{price}")


def _print_turns(found: Report) -> None:
    click.echo()
    done = found.attempts_to_complete()
    total = sum(done.values())
    lines = []
    for turn, tally in found.turns.items():
        share = done.get(turn, 0) / total if total else 0.0
        lines.append((turn, tally.attempts, tally.reached, done.get(turn, 0), showing.share(share), bar(share)))
    _print(["call", "attempts", "reached", "complete", "of all", ""], lines, "table")


def _print_hours(found: Report) -> None:
    if not found.hours:
        return
    click.echo("\nreached by the hour where the person is:")
    lines = []
    for hour in found.hours:
        rate, span = showing.share(hour.rate.value), showing.interval(hour.rate.interval)
        lines.append((f"{hour.hour:02}:00", hour.dialled, hour.reached, rate, span, bar(float(hour.rate.value or 0))))
    _print(["hour", "called", "reached", "rate", "95%", ""], lines, "table")
    if found.best_hour is not None:
        click.echo(f"best hour to call: {found.best_hour.hour:02}:00 (highest lower end of its interval)")
    else:
        click.echo("best hour to call: nothing to compare, people were called in one hour of the day only")


def _print_tallies(what: str, tallies: Any) -> None:
    click.echo()
    lines = [
        (
            *(
                name or "(removed)",
                t.attempts,
                t.reached,
                showing.share(t.reached / t.dialled if t.dialled else None),
            ),
            *(t.complete, round(t.billed_ms / 1000)),
        )
        for name, t in tallies.items()
    ]
    _print([what, "attempts", "reached", "rate", "complete", "billed s"], lines, "table")


def _print_rates(found: Report) -> None:
    click.echo("\nAAPOR, by person (docs/campaign-life.md says what counts as what):")
    cases = [
        (case.code, case.name.lower().replace("_", " "), case.group, n)
        for case, n in found.persons.dispositions.items()
    ]
    _print(["code", "disposition", "group", "people"], cases, "table")
    if found.persons.talking:
        click.echo(f"{found.persons.talking} interviews go on, and are not counted yet")
    waiting = found.persons.states.get("waiting", 0)
    if waiting:
        click.echo(f"{waiting:,} people still wait: these are rates so far")
    e = "unknown" if found.e is None else f"{found.e:.3f}"
    parts = [f"{name} {showing.share(value) or '-'}" for name, value in found.rates.items()]
    for at in range(0, len(parts), 6):
        click.echo("  " + "   ".join(parts[at : at + 6]))
    click.echo(f"  e {e} (estimated from the cases that are known)")


# -- rows ------------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("name")
@database_option
@click.option(
    "--format", "as_", type=click.Choice(["csv", "jsonl", "xlsx", "parquet"]), default="csv", show_default=True
)
@click.option("--out", required=True, metavar="FILE", help="A file; - is standard output, for CSV and JSON Lines.")
@click.option(
    "--pseudonym-key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a key: numbers become pseudonyms. Without one they are masked.",
)
@click.option("--excel-bom", is_flag=True, help="CSV that Excel opens as UTF-8.")
def export(name: str, db: str, as_: str, out: str, key_file: Path | None, excel_bom: bool) -> None:
    """Every attempt of NAME, one row each. Numbers never leave as they are."""
    key = key_file.read_bytes().strip() if key_file else None
    if key is not None and len(key) < 16:
        raise click.BadParameter(f"{key_file} holds {len(key)} bytes; a key has 16 or more: openssl rand -hex 32")
    options = files.Options(as_, key=key, excel_bom=excel_bom)
    try:
        with (
            told(out if out != files.STDOUT else "standard output"),
            ready(db) as engine,
            reading(engine) as connection,
        ):
            campaigns.read(connection, name)
            count = _write(connection, name, out, options)
    except files.ExportError as error:
        raise click.UsageError(str(error)) from None
    except MissingLibrary as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count:,} attempts in {'standard output' if out == files.STDOUT else out}", err=True)


def _write(connection: Connection, name: str, out: str, options: files.Options) -> int:
    return files.write_table(rows.attempts_table(connection, name, options.key), out, options)
