"""`ivr prompts`: build, check and list what callers hear.

Law: finds the flows, asks ``ivr.media.build`` and prints.
"""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ivr.cli.settings import Refused, settings, shown
from ivr.core.program import Program
from ivr.lang.check import check_file
from ivr.media import build as media
from ivr.media.library import AudioLibrary, MissingAudio, duration_ms
from ivr.media.synth import SynthesisFailed
from ivr.ops.config import Config, Projects

_paths = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@click.group()
def command() -> None:
    """Build, check and list what callers hear.

    PATHS are flows or folders of flows; without any: the flows and surveys of callweave.yaml. A recording
    prompts/recordings/<lang>/<name>.wav is used instead of the synthesised voice.
    """


@command.command("build")
@_paths
@click.option("--prune", is_flag=True, help="Remove built files that no flow plays any more.")
def build_command(paths: tuple[Path, ...], prune: bool) -> None:
    """Make every sound that is not there yet."""
    if prune and paths:
        raise click.UsageError("--prune looks at all flows: leave PATHS out.")
    config = settings()
    library, wanted = _wanted(config, paths)
    from ivr.media.audio import BadAudio

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        task = bar.add_task("Prompts", total=None)
        try:
            made = media.build(library, wanted, lambda done, total: bar.update(task, completed=done, total=total))
        except (SynthesisFailed, BadAudio) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"{library.root}: {error}; is there room, and may you write?") from error
    removed = media.prune(library, wanted) if prune else []
    there = len(media.by_file(wanted)) - made
    also = f", {len(removed)} removed" if prune else ""
    click.echo(f"sound files: {made} built, {there} already there{also}: {shown(library.root)}")


@command.command("check")
@_paths
def check_command(paths: tuple[Path, ...]) -> None:
    """Say what is missing, damaged or recorded badly. Exit status 1 when a caller would miss something."""
    config = settings()
    library, wanted = _wanted(config, paths)
    found = media.check(library, wanted, config.project().catalogue.names())
    for finding in found:
        colour = "red" if finding.severity == "error" else "yellow"
        click.echo(f"{click.style(finding.severity, fg=colour)}: {finding.message}")
    errors = sum(f.severity == "error" for f in found)
    click.echo(
        f"{len(media.by_file(wanted))} sound files: {errors} missing or damaged, {len(found) - errors} warnings."
    )
    raise SystemExit(1 if errors else 0)


@command.command("list")
@_paths
@click.option("--words", is_flag=True, help="Also each word that values are spoken with.")
def list_command(paths: tuple[Path, ...], words: bool) -> None:
    """Each prompt in each language: recorded, synthesised or missing, and how long."""
    config = settings()
    _, wanted = _wanted(config, paths)
    languages = list(dict.fromkeys(e.clip.lang for e in wanted))
    rows: dict[tuple[str, str], dict[str, list[media.Entry]]] = {}
    for entry in wanted:
        row = entry.prompt, entry.clip.text if words and entry.prompt == media.WORDS else ""
        rows.setdefault(row, {}).setdefault(entry.clip.lang, []).append(entry)
    table = Table("prompt", *languages, box=None, pad_edge=False)
    for (prompt, word), by_language in rows.items():
        table.add_row(word or prompt, *(_cell(by_language.get(lang, [])) for lang in languages))
    # A pipe or a file gets whole lines; a terminal gets what fits.
    console = Console(highlight=False) if Console().is_terminal else Console(highlight=False, width=200)
    console.print(table)


def _cell(sounds: list[media.Entry]) -> str:
    """`recording 2.1 s`; `missing 2 of 12`; `-` for a language that has no text."""
    if not sounds:
        return "-"
    missing = sum(not e.built for e in sounds)
    if missing:
        return "[red]missing[/red]" + (f" {missing} of {len(sounds)}" if len(sounds) > 1 else "")
    sources = " + ".join(dict.fromkeys(e.source for e in sounds))
    return f"{sources} {sum(duration_ms(e.target) for e in sounds) / 1000:.1f} s"


def _wanted(config: Config, paths: tuple[Path, ...]) -> tuple[AudioLibrary, list[media.Entry]]:
    """The library and every sound that the flows play; refuses flows with mistakes."""
    library = config.prompts.library()
    try:
        return library, media.entries(library, _programs(config, paths))
    except MissingAudio as error:
        raise click.ClickException(str(error)) from error


def _programs(config: Config, paths: tuple[Path, ...]) -> list[Program]:
    folders = [p for p in (config.flows, config.surveys) if p.is_dir()]
    files = [
        file
        for path in paths or folders
        for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])
        if not file.name.endswith(".calls.yaml")
    ]
    if not files:
        raise Refused(f"there is no flow in {config.flows}; name a flow, or write one")
    programs = []
    projects = Projects()
    for file in files:
        checked = check_file(file, projects.of(file))
        if not checked.ok:
            raise click.ClickException(f"{file} has mistakes; see: ivr check {file}")
        if checked.program:
            programs.append(checked.program)
    return programs
