"""`ivr report`: one page of a survey's figures, for people.

Law: thin; what it shows is ``ivr.results.report``'s. The page is written whole or not at all.
"""

from __future__ import annotations

import os
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from ivr.cli.asking import Asked, asking, options
from ivr.cli.settings import trouble
from ivr.results.report.content import gather, with_title
from ivr.results.report.render import Imprint, render


@click.command()
@options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("report.html"), show_default=True)
@click.option("--language", default="", metavar="LANG", help="Questions and labels in this language.")
@click.option("--title", default="", help="Heading of the page; else the questionnaire's own.")
@click.pass_context
def command(context: click.Context, asked: Asked, out: Path, language: str, title: str) -> None:
    """One HTML page that needs no network: figures, charts, groups, trends, progress, rates, methods.

    SURVEY may be a launch.
    """
    with asking(asked) as (reader, weighting):
        languages = reader.book.definition.languages
        if language and language not in languages:
            raise click.ClickException(f"{asked.survey} is not in {language!r}; it is in {', '.join(languages)}")
        content = with_title(gather(reader, weighting, language or languages[0], _where(context)), title)
        now = datetime.now(reader.selection.zone)
    imprint = Imprint(now, _version(), language or languages[0])
    page = render(content, imprint).encode("utf-8", "replace")
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(page)
        os.replace(part, out)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {trouble(error)}") from None
    click.echo(f"{out}: {content.runs} runs, {len(content.questions)} questions, {len(page) // 1000} kB")


def _where(context: click.Context) -> str:
    """The condition as it was typed: the tree has lost its words."""
    typed: Any = context.meta.get("callweave.where", "")
    return str(typed)


def _version() -> str:
    try:
        return version("callweave")
    except PackageNotFoundError:
        return "of this folder"
