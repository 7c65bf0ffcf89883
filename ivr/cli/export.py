"""`ivr export`: the answers of a survey or a launch, as a file for other programs.

Law: presentation only; what is written, and how, is ``ivr.results.export``'s.
"""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from ivr.cli.options import database_option
from ivr.cli.results import reading_store, since_option
from ivr.cli.settings import trouble
from ivr.results.export import files, source
from ivr.results.export.extras import MissingLibrary
from ivr.results.export.sav import TooManyRuns
from ivr.results.export.selection import STATUSES, NothingToExport, Selection, named


def _statuses(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    words = tuple(filter(None, (word.strip() for word in value.split(","))))
    for word in words:
        if word not in STATUSES:
            raise click.BadParameter(f"{word!r} is no end of a run; there are {', '.join(STATUSES)}")
    return words


def _key(_context: click.Context, _option: click.Parameter, value: str | None) -> bytes | None:
    if value is None:
        return None
    key = Path(value).read_bytes().strip()
    if len(key) < 16:
        raise click.BadParameter(
            f"{value} holds {len(key)} bytes; a key has 16 or more. Make one: openssl rand -hex 32"
        )
    return key


@click.command()
@click.argument("name", metavar="[SURVEY|LAUNCH]", default="")
@database_option
@click.option("--format", "as_", type=click.Choice(files.FORMATS), default="csv", show_default=True)
@click.option(
    "--layout", type=click.Choice(files.LAYOUTS), help="One row an answer, or one a run. SPSS is wide, others long."
)
@click.option(
    "--out", required=True, metavar="FILE", help="A file, or a folder or .zip for floip; - is standard output."
)
@click.option(
    "--language", default="", metavar="CODE", help="Of titles and labels. Default: the questionnaire's first."
)
@click.option(
    "--status", default="", callback=_statuses, metavar="LIST", help="complete,partial: only runs that ended so."
)
@since_option("Only runs that began since then: 2026-11-22, 2026-11-22T14:30, 30m, 12h, 7d")
@click.option(
    "--pseudonym-key",
    "key",
    type=click.Path(exists=True, dir_okay=False),
    callback=_key,
    help="File with a key: callers become pseudonyms. Without one, their numbers are masked.",
)
@click.option("--excel-bom", is_flag=True, help="CSV that Excel opens as UTF-8.")
def command(
    name: str,
    db: str,
    as_: str,
    layout: str | None,
    out: str,
    language: str,
    status: tuple[str, ...],
    since: datetime | None,
    key: bytes | None,
    excel_bom: bool,
) -> None:
    """Answers as CSV, JSON Lines, Excel, Parquet, SPSS or a Flow Results package.

    Of a survey, of a launch, or, long, of all. A run that another call went on with is left out: that call's run has
    its answers again. Numbers of callers never leave as they are.
    """
    layout = layout or ("wide" if as_ == "sav" else "long")
    options = files.Options(as_, layout, language, key, excel_bom)
    # What is loaded by now stays: the collector need not look at it again and again while millions of rows go by.
    gc.freeze()
    try:
        with reading_store(db) as connection:
            meant = named(connection, name) if name else Selection()
            meant = replace(meant, statuses=status, since=since)
            total = (source.answer_count if layout == "long" else source.run_count)(connection, meant)
            with _progress() as progress:
                task = progress.add_task(name or "answers", total=total)
                count = files.export(connection, meant, out, options, lambda n: progress.advance(task, n))
    except (NothingToExport, files.ExportError) as error:
        raise click.UsageError(str(error)) from None
    except (TooManyRuns, MissingLibrary) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {out}: {trouble(error)}") from None
    what = "answers" if layout == "long" else "runs"
    click.echo(f"{count:,} {what} in {'standard output' if out == files.STDOUT else out}", err=True)


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
