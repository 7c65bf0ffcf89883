"""`ivr dnc`: the numbers that are not called, and why.

Law: reads what was typed, prints what ``ivr.store.dnc`` says.
"""

from __future__ import annotations

import csv
import getpass
import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from ivr.cli.contacts import FILE, NEW_FILE, WAIT_MS, country_option, map_option, number_of, progress_bar
from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.results import _print
from ivr.cli.settings import Refused, shown, trouble
from ivr.contacts import importing, listing
from ivr.contacts.shapes import prefix_of
from ivr.ops.operator import login_name
from ivr.results.cells import safe_cell
from ivr.store import dnc as store
from ivr.store.campaigns import Who
from ivr.store.engine import make_engine
from ivr.store.schema import KEY_LENGTH
from ivr.store.staging import Busy

_CAMPAIGN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@click.group()
def command() -> None:
    """Numbers that are not called, by all campaigns or by one (docs/contacts.md)."""


def _scope(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not value:
        return store.EVERYWHERE
    if not _CAMPAIGN.fullmatch(value) or len(value) > KEY_LENGTH:
        raise click.BadParameter(f"{value!r} is no campaign's name")
    return value


campaign_option = click.option(
    "--campaign", "scope", default="", callback=_scope, metavar="NAME", help="Only for this one; default: for all."
)
by_option = click.option("--by", default="", metavar="WHO", help="Who does it, for the log. Default: your login name.")
prefix_option = click.option("--prefix", is_flag=True, help="All numbers that begin so: +86400.")


def _meant(text: str, prefix: bool, country: str) -> str:
    if not prefix:
        return number_of(text, country)
    found = prefix_of(text, country)
    if not found.number:
        raise Refused(f"{text!r} is no beginning of numbers: {found.reason}")
    return found.number


def _for(scope: str) -> str:
    return "all campaigns" if scope == store.EVERYWHERE else f"campaign {scope}"


def _who(by: str) -> Who:
    return Who(by or login_name(), datetime.now(UTC))


def _as_listed(entry: store.Entry) -> str:
    return store.shown(entry.number, entry.is_prefix)


@command.command()
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@campaign_option
@prefix_option
@click.option("--reason", default="asked", show_default=True, help="Why; opt_out: the person said so.")
@click.option("--source", default="", help="From where; default: who types this.")
@by_option
@country_option
@database_option
def add(
    numbers: tuple[str, ...], scope: str, prefix: bool, reason: str, source: str, by: str, country: str, db: str
) -> None:
    """Call these numbers no more, however they are written. Holds from the next call on."""
    batch = [
        store.Entry(scope, _meant(number, prefix, country), prefix, reason, source or getpass.getuser())
        for number in numbers
    ]
    with ready(db) as engine:
        counts = store.add(engine, batch, datetime.now(UTC), _who(by))
    click.echo(f"{counts.new} added, {counts.known} known already; for {_for(scope)}.")


@command.command()
@click.argument("number")
@campaign_option
@prefix_option
@click.option("--yes", is_flag=True, help="Do not ask, even when the person opted out.")
@by_option
@country_option
@database_option
def remove(number: str, scope: str, prefix: bool, yes: bool, by: str, country: str, db: str) -> None:
    """Take a number off the list. Exit status 1 when it was not on it."""
    plain = _meant(number, prefix, country)
    with ready(db) as engine:
        for entry in store.why(engine, plain):
            if entry.reason == store.OPT_OUT and entry.scope == scope and entry.number == plain and not yes:
                click.confirm("The person asked not to be called. Take the number off the list?", abort=True)
        gone = store.remove(engine, plain, scope, _who(by))
        left = store.why(engine, plain)
    if gone is None:
        click.echo(f"It is not on the list for {_for(scope)}.")
    else:
        click.echo(f"Removed: it was there because of {gone.reason} ({gone.source}).")
    for entry in left:
        click.echo(f"Still listed for {_for(entry.scope)}: {_as_listed(entry)}")
    if gone is None:
        raise SystemExit(1)


@command.command()
@click.argument("number")
@country_option
@click.option("--as", "as_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@database_option
def check(number: str, country: str, as_: str, db: str) -> None:
    """Say whether a number is called, and if not why, since when, and by whom not. Exit status 1 when it is not."""
    plain = number_of(number, country)
    with ready(db) as engine:
        found = store.why(engine, plain)
    if not found:
        click.echo(f"{plain} is on no list: campaigns may call it.")
        return
    rows = [(_for(e.scope), _as_listed(e), e.reason, e.source, f"{e.at:%Y-%m-%d %H:%M}" if e.at else "") for e in found]
    _print(("not called by", "listed as", "reason", "from", "since (UTC)"), rows, as_)
    raise SystemExit(1)


@command.command()
@click.option("--campaign", "scope", default=None, callback=lambda c, o, v: None if v is None else _scope(c, o, v))
@click.option("--as", "as_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@database_option
def log(scope: str | None, as_: str, db: str) -> None:
    """Who added, removed and imported what, and when; what people asked for in a call is not in it."""
    with ready(db) as engine:
        found = store.log(engine, scope)
    if as_ == "json":
        told = [
            {"campaign": of, "at": a.at.isoformat() if a.at else None, "by": a.by, "what": a.what, **a.told}
            for of, a in found
        ]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    rows = [(f"{a.at:%Y-%m-%d %H:%M}" if a.at else "", a.by, a.what, _for(of), _told(a.told)) for of, a in found]
    _print(("when (UTC)", "who", "what", "for", ""), rows, as_)


def _told(told: Mapping[str, Any]) -> str:
    parts = [", ".join(told.get("numbers", ())), told.get("file", "")]
    parts += [told[word] for word in ("reason", "source") if told.get(word)]
    parts += [f"{told[word]:,} {text}" for word, text in _COUNTED.items() if word in told]
    return "; ".join(part for part in parts if part)


_COUNTED = {"new": "added", "known": "known already", "rejected": "rows not taken"}


@command.command("import")
@click.argument("files", type=FILE, nargs=-1, required=True)
@campaign_option
@prefix_option
@map_option
@click.option("--reason", default="import", show_default=True)
@click.option("--encoding", default="", help="Of text files; default: found out.")
@click.option("--sheet", default="", help="Of a workbook; default: the first.")
@click.option("--no-header", is_flag=True, help="The first row is a number; it is in the first column, or --map says.")
@click.option("--report", type=NEW_FILE, help="Every row that was not taken, with the reason, as CSV.")
@by_option
@country_option
@database_option
def import_(
    files: tuple[Path, ...],
    scope: str,
    prefix: bool,
    typed: dict[str, str],
    reason: str,
    encoding: str,
    sheet: str,
    no_header: bool,
    report: Path | None,
    by: str,
    country: str,
    db: str,
) -> None:
    """Numbers from CSV or Excel: a column of numbers, or what `ivr dnc export` wrote."""
    if no_header and not typed:
        typed = {"number": "1"}
    wish = importing.Wish(scope, country, typed, encoding, sheet, not no_header)
    with ready(db):
        engine = make_engine(db, wait_ms=WAIT_MS)
    taken = 0
    try:
        with importing.RejectedFile(report) as rejected:
            for path in files:
                with progress_bar(path) as progress:
                    found, counts = listing.import_file(
                        engine, path, wish, reason, prefix, datetime.now(UTC), rejected, progress, _who(by)
                    )
                taken += found.taken
                click.echo(
                    f"{shown(path.resolve())}: {counts.new:,} added, {counts.known:,} known already, "
                    f"{found.rejected:,} rows not taken."
                )
                for words, rows in sorted(found.reasons.items(), key=lambda one: -one[1]):
                    click.echo(f"  {rows:>9,}  {words}")
    except (importing.FileError, Busy) as error:
        raise click.ClickException(str(error)) from None
    if not taken:
        raise SystemExit(1)


@command.command()
@click.option("--campaign", "scope", default=None, callback=lambda c, o, v: None if v is None else _scope(c, o, v))
@click.option("--output", type=NEW_FILE, help="Default: the terminal.")
@database_option
def export(scope: str | None, output: Path | None, db: str) -> None:
    """The list as CSV, which `ivr dnc import` reads again; of one campaign, or all of it."""
    with ready(db) as engine:
        try:
            if output:
                with output.open("w", encoding="utf-8-sig", newline="") as file:
                    _write(file, engine, scope)
            else:
                _write(sys.stdout, engine, scope)
        except OSError as error:
            if output is None:
                raise
            raise Refused(f"{output}: cannot be written ({trouble(error)}); choose another file") from error


def _write(file: Any, engine: Engine, scope: str | None) -> None:
    writer = csv.writer(file)
    writer.writerow(listing.HEAD)
    for e in store.entries(engine, () if scope is None else (scope,)):
        cells = (e.number, "prefix" if e.is_prefix else "number", e.scope, e.reason, e.source)
        writer.writerow([safe_cell(c) for c in cells] + [f"{e.at:%Y-%m-%dT%H:%M:%S}Z" if e.at else ""])
