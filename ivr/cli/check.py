"""`ivr check`: every mistake of flows, questionnaires and prompts, with its place and what to write instead.

Law: finds files and prints; what is a mistake is decided in ``ivr.lang``.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from ivr.cli.settings import shown
from ivr.lang.check import check_file
from ivr.lang.codes import CODES, explain
from ivr.lang.problem import Problem, meant
from ivr.ops.config import Projects


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@click.option("--explain", "code", metavar="CODE", help="Say what a code means, and what to do.")
@click.option("--schema", is_flag=True, help="Print a JSON Schema of the language, for editors.")
def command(paths: tuple[Path, ...], form: str, code: str | None, schema: bool) -> None:
    """Find every mistake in flows, questionnaires, campaigns and prompts.

    PATHS are files or directories; without any: the flows, surveys and prompts of callweave.yaml, and campaigns/. Exit
    status 1 when there are errors.
    """
    if schema:
        from ivr.lang.schema import schema as make_schema

        click.echo(json.dumps(make_schema(), indent=2, ensure_ascii=False))
        return
    if code is not None:
        text = explain(code)
        if not text:
            raise click.UsageError(f"no code {code}. {meant(code, CODES)}".strip())
        click.echo(text, nl=False)
        return
    projects = Projects()
    here = projects.here
    files = find(paths, (*here.folders(), here.root / "campaigns"))
    problems: dict[Problem, None] = {}
    for path in files:
        problems.update(dict.fromkeys(check_file(path, projects.of(path)).problems))
    found = sorted(problems, key=lambda p: (p.file, p.line, p.column, p.code))
    errors = sum(p.severity == "error" for p in found)
    if form == "json":
        click.echo(json.dumps([p.to_json() for p in found], indent=2, ensure_ascii=False))
    else:
        for problem in found:
            show(problem)
        click.echo(summary(len(files), errors, len(found) - errors))
    raise SystemExit(1 if errors else 0)


def find(paths: tuple[Path, ...], folders: tuple[Path, ...]) -> list[Path]:
    """The files to check, by default of ``folders``. A directory is every YAML file below it but callweave.yaml."""
    if not paths:
        paths = tuple(shown(folder) for folder in folders if folder.is_dir())
        if not paths:
            none = ", ".join(str(shown(folder)) for folder in folders)
            raise click.UsageError(f"there is none of {none}; name a file or a directory.")
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
            hidden = [p for p in below if any(part.startswith(".") for part in p.relative_to(path).parts)]
            files.update(dict.fromkeys(p for p in below if p not in hidden and p.name != "callweave.yaml"))
        elif path.exists():
            files[path] = None
        else:
            raise click.UsageError(f"there is no file or directory {path}.")
    if not files:
        raise click.UsageError(f"there is no YAML file in {', '.join(map(str, paths))}.")
    return list(files)


def show(problem: Problem) -> None:
    """One problem: its line, the source line, the caret. Click drops the colours when this is no terminal."""
    place = click.style(f"{problem.file}:{problem.line}:{problem.column}:", bold=True)
    code = click.style(problem.code, fg="red" if problem.severity == "error" else "yellow")
    warning = "warning: " if problem.severity == "warning" else ""
    hint = "; " + click.style(problem.hint, fg="green") if problem.hint else ""
    click.echo(f"{place} {code} {warning}{problem.message}{hint}")
    excerpt = problem.excerpt()
    if excerpt:
        line, caret = excerpt.split("\n")
        click.echo(f"{line}\n{click.style(caret, fg='red')}")


def summary(files: int, errors: int, warnings: int) -> str:
    def count(n: int, word: str) -> str:
        return f"{n} {word}{'' if n == 1 else 's'}"

    if not errors and not warnings:
        return f"{count(files, 'file')}: no mistakes."
    return f"{count(files, 'file')}: {count(errors, 'error')}, {count(warnings, 'warning')}."
