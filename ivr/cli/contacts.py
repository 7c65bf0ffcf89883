"""`ivr contacts`: lists of people, from spreadsheets and back.

Law: reads what was typed, prints what ``ivr.contacts`` and ``ivr.store.contacts`` say.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ivr.cli.db import ready
from ivr.cli.options import database_option
from ivr.cli.results import _console, _print, _visible
from ivr.cli.settings import Refused, shown, trouble
from ivr.contacts import importing
from ivr.contacts.columns import MapError, parse_map
from ivr.contacts.people import facts_of
from ivr.contacts.shapes import Normaliser
from ivr.results.cells import safe_cell
from ivr.store import contacts as store
from ivr.store.engine import make_engine
from ivr.store.masking import mask
from ivr.store.staging import Busy

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
#: A million rows into indexes, on a machine that has other work.
WAIT_MS = 600_000


@click.group()
def command() -> None:
    """Lists of people to call, from spreadsheets and back (docs/contacts.md)."""


def _country(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        Normaliser(value.upper())
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value.upper()


country_option = click.option(
    "--country",
    default="CN",
    show_default=True,
    envvar="CALLWEAVE_COUNTRY",
    callback=_country,
    help="Of numbers without a country's code; also CALLWEAVE_COUNTRY.",
)


def _map(_context: click.Context, _option: click.Parameter, value: str) -> dict[str, str]:
    try:
        return parse_map(value) if value else {}
    except MapError as error:
        raise click.BadParameter(str(error)) from None


map_option = click.option(
    "--map",
    "typed",
    default="",
    callback=_map,
    metavar="number=HEADER,...",
    help="Which column is which: number, name, language, zone, consent, or the name of a fact. Default: guessed.",
)


def number_of(text: str, country: str) -> str:
    """E.164, or a usage error that says why it is none."""
    found = Normaliser(country)(text)
    if not found.number:
        raise Refused(f"{text!r} cannot be called: {found.reason}")
    return found.number


@contextmanager
def progress_bar(path: Path) -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(path.name, total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)


@command.command("import")
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--list", "list_name", required=True, metavar="NAME", help="The list; made when there is none.")
@map_option
@country_option
@click.option("--encoding", default="", help="Of text files; default: found out.")
@click.option("--sheet", default="", help="Of a workbook; default: the first.")
@click.option("--no-header", is_flag=True, help="The first row is a person; --map says positions: number=1,name=2.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, and store nothing.")
@click.option("--report", type=NEW_FILE, help="Every row that was not taken, with the reason, as CSV.")
@click.option("--replace", is_flag=True, help="Of the list, remove whoever is not in the file. One file only.")
@database_option
def import_(
    files: tuple[Path, ...],
    list_name: str,
    typed: dict[str, str],
    country: str,
    encoding: str,
    sheet: str,
    no_header: bool,
    dry_run: bool,
    report: Path | None,
    replace: bool,
    db: str,
) -> None:
    """CSV (any encoding, any delimiter) or Excel (.xlsx, .xls, .ods) into a list.

    A row that cannot be taken never stops the rest: it is told with its number and the reason. Each file comes in as a
    whole or not at all. The same file again changes nothing. Exit status 1 when nobody could be taken.
    """
    if replace and len(files) > 1:
        raise Refused("--replace takes one file: the list becomes what that file says")
    wish = importing.Wish(list_name, country, typed, encoding, sheet, not no_header, replace)
    taken = 0
    try:
        with importing.RejectedFile(report) as rejected:
            engine = None
            if not dry_run:
                with ready(db):
                    engine = make_engine(db, wait_ms=WAIT_MS)
            for path in files:
                with progress_bar(path) as progress:
                    found = importing.import_file(engine, path, wish, datetime.now(UTC), rejected, progress)
                _show(found, wish)
                taken += found.taken
    except (importing.FileError, store.ListError, Busy) as error:
        raise click.ClickException(str(error)) from None
    if report:
        click.echo(f"Rows that were not taken: {shown(report.resolve())}")
    if not taken:
        raise SystemExit(1)


def _show(found: importing.Report, wish: importing.Wish) -> None:
    console = _console()
    console.print(Text(_visible(f"{shown(found.path.resolve())}: {found.told}")))
    table = Table("column of the file", "called here", title="Guessed" if found.columns.guessed else None)
    for head, name in found.columns.told():
        table.add_row(Text(_visible(head)), name or "(left out: no header)")
    console.print(table)
    counts = found.counts
    if counts is None:
        click.echo(f"{found.taken:,} people would be taken into list {wish.list_name!r}; this was a dry run.")
    else:
        removed = f", {counts.removed:,} removed" if wish.replace else ""
        click.echo(f"{counts.new:,} new, {counts.updated:,} updated, {counts.unchanged:,} as they were{removed}.")
    if found.rejected:
        click.echo(f"{found.rejected:,} rows were not taken:")
        for reason, rows in sorted(found.reasons.items(), key=lambda one: -one[1]):
            click.echo(_visible(f"  {rows:>9,}  {reason}"))
        for row in found.examples[:3]:
            click.echo(_visible(f"  row {row.row}: {row.column or 'the whole row'}: {row.reason}"))


@command.command("list")
@click.option("--as", "as_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@database_option
def list_(as_: str, db: str) -> None:
    """The lists there are."""
    with ready(db) as engine:
        rows = [
            (
                f.name,
                f.people,
                f.with_consent,
                f.without_zone,
                f"{f.last_import:%Y-%m-%d %H:%M}" if f.last_import else "",
            )
            for f in store.lists(engine)
        ]
    _print(("list", "people", "with consent", "zone not known", "last changed (UTC)"), rows, as_)


@command.command()
@click.argument("what", metavar="LIST|NUMBER")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option("--full-numbers", is_flag=True, help="Of a list: numbers with all their digits.")
@country_option
@click.option("--as", "as_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@database_option
def show(what: str, limit: int, full_numbers: bool, country: str, as_: str, db: str) -> None:
    """The first people of a list, or everything about one number."""
    found = Normaliser(country)(what)
    with ready(db) as engine:
        people = store.of_number(engine, found.number) if found.number else list(store.of_list(engine, what, limit))
    if not people:
        raise click.ClickException(f"there is no list, and no contact, {what!r}; ivr contacts list shows the lists")
    full = full_numbers or bool(found.number)
    rows = [
        (
            *(p["list"], p["number"] if full else mask(p["number"])),
            *(p["name"], p["language"], p["zone"], p["consent"]),
            _facts(facts_of(p["facts"]), as_),
        )
        for p in people
    ]
    _print(("list", "number", "name", "language", "zone", "consent", "facts"), rows, as_)


@command.command()
@click.argument("list_name", metavar="LIST")
@click.option("--number", default="", help="Only this one.")
@country_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_option
def remove(list_name: str, number: str, country: str, yes: bool, db: str) -> None:
    """Remove a list, or a number from it. Who waits in a campaign because of it is not called any more.

    Attempts that were made stay. To remove a person everywhere: ivr erase. To call nobody of that number: ivr dnc add.
    """
    plain = number_of(number, country) if number else ""
    with ready(db):
        engine = make_engine(db, wait_ms=WAIT_MS)
    if not yes:
        click.confirm(f"Remove {number or 'everybody'} from list {list_name!r}?", abort=True)
    gone, waiting = store.remove(engine, list_name, plain)
    if not gone:
        raise click.ClickException(f"list {list_name!r} has no such contact; ivr contacts list shows the lists")
    click.echo(f"{gone:,} contacts removed, {waiting:,} of them waited in campaigns.")


@command.command()
@click.argument("list_name", metavar="LIST")
@click.option("--output", type=NEW_FILE, help="Default: the terminal.")
@database_option
def export(list_name: str, output: Path | None, db: str) -> None:
    """A list as CSV, which `ivr contacts import` reads again. No cell is a formula to a spreadsheet."""
    with ready(db) as engine:
        names = store.fact_names(engine, list_name)
        people = store.of_list(engine, list_name)
        try:
            if output:
                with output.open("w", encoding="utf-8-sig", newline="") as file:
                    count = _write_people(file, names, people)
            else:
                count = _write_people(sys.stdout, names, people)
        except OSError as error:
            if output is None:
                raise
            raise Refused(f"{output}: cannot be written ({trouble(error)}); choose another file") from error
    if not count:
        raise click.ClickException(f"there is no list {list_name!r}; ivr contacts list shows the lists")


def _facts(facts: dict[str, Any], as_: str) -> Any:
    return facts if as_ == "json" else ", ".join(f"{name}={value}" for name, value in facts.items())


def _write_people(file: Any, names: list[str], people: Iterator[dict[str, Any]]) -> int:
    own = ("number", "name", "language", "zone", "consent")
    writer, count = csv.writer(file), 0
    writer.writerow([*own, *names])
    for person in people:
        facts = facts_of(person["facts"])
        cells = [person[name] for name in own] + [_cell(facts.get(name, "")) for name in names]
        writer.writerow([safe_cell(cell) for cell in cells])
        count += 1
    return count


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
