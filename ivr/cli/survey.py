"""`ivr survey`: questionnaires from spreadsheets, codebooks, and the bank of questions.

Law: reads what was typed, prints what ``ivr.authoring`` and ``ivr.lang`` say; decides nothing about questions.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from ivr.cli.results import _console, _visible
from ivr.cli.settings import Refused, settings, shown, trouble, write
from ivr.lang.check import check_file
from ivr.lang.expr import usable_name
from ivr.lang.parts import LANGUAGE
from ivr.results.cells import safe_cell

if TYPE_CHECKING:
    from ivr.authoring.bankbook import Question
    from ivr.authoring.report import Report
    from ivr.survey.definition import Definition

_COLOURS = {"error": "red", "lost": "yellow", "changed": "cyan", "note": "dim"}


@click.group()
def command() -> None:
    """Questionnaires from spreadsheets, codebooks, and the bank of questions."""


def _name(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value and not usable_name(value):
        raise click.BadParameter(f"{value!r} is no name: letters, digits and _, a letter first")
    return value


def _languages(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    for code in found:
        if not LANGUAGE.fullmatch(code):
            raise click.BadParameter(f"{code!r} is no language; write en or en,zh")
    return found


@command.command("import")
@click.argument("form", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", callback=_name, help="The questionnaire's name; default: the form's form_id.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: surveys/NAME.yaml.")
@click.option("--languages", default="", callback=_languages, metavar="en,zh", help="Only these, in this order.")
@click.option(
    "--text",
    type=click.Choice(["voice", "drop"]),
    default="voice",
    show_default=True,
    help="Free text: recorded, or left out.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="The report, as CSV.")
def import_(
    form: Path,
    name: str,
    out: Path | None,
    languages: tuple[str, ...],
    text: str,
    force: bool,
    report_file: Path | None,
) -> None:
    """An XLSForm workbook (.xlsx, .xls, .ods) to a questionnaire.

    Every broken row is named, and nothing is written as long as there is one. Otherwise the report says what a phone
    cannot ask, and what is asked otherwise than the form says. Exit status 1 when nothing is written.
    """
    from ivr.authoring.xlsform import import_form, store

    imported = import_form(form, name=name, languages=languages, text=text)
    config = settings()
    target = out or config.surveys / f"{imported.name or 'form'}.yaml"
    if imported.written is not None and target.exists() and not force:
        raise Refused(f"{shown(target)} is there already; --force writes over it, --out writes another file")
    try:
        done = store(imported, target, config.project())
    except OSError as error:
        raise Refused(f"{shown(target)}: cannot be written ({trouble(error)}); choose another file") from error
    _print_report(imported.report)
    if report_file is not None:
        write(_report_csv(imported.report), report_file)
    report = imported.report
    if done:
        click.echo(
            f"{shown(target)}: {report.taken} questions of {report.rows} rows; {report.count('lost')} lost, "
            f"{report.count('changed')} changed."
        )
        return
    click.echo(f"Nothing is written: {report.count('error')} to mend in {form.name}.")
    raise SystemExit(1)


def _print_report(report: Report) -> None:
    from rich.table import Table

    from ivr.authoring.report import KINDS

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("where", "", "question", "what"):
        table.add_column(head, overflow="fold", no_wrap=head == "where")
    for line in sorted(report.lines, key=lambda line: list(KINDS).index(line.kind)):
        kind = Text(line.kind, style=_COLOURS[line.kind])
        table.add_row(Text(_visible(line.place)), kind, Text(_visible(line.name)), Text(_visible(line.message)))
    if report.lines:
        _console().print(table)
        click.echo()


def _report_csv(report: Report) -> str:
    return _csv([["where", "kind", "question", "what"]], [[r.place, r.kind, r.name, r.message] for r in report.lines])


def _csv(heads: list[list[str]], rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([safe_cell(cell) for cell in row] for row in [*heads, *rows])
    return out.getvalue()


@command.command("codebook")
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "html", "ddi"]),
    default="csv",
    show_default=True,
    help="How to write.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: the terminal.")
@click.option("--language", default="", metavar="en", help="Of a page: the language that comes first.")
def codebook_(name: str, form: str, out: Path | None, language: str) -> None:
    """Every variable of a questionnaire, its values, their labels, and when it is asked.

    NAME is a questionnaire in surveys/, or a file. `ddi` is DDI-Codebook 2.5.
    """
    from ivr.authoring import codebook, ddi

    definition = _definition(name)
    if language and language not in definition.languages:
        raise Refused(f"{definition.survey} does not speak {language}; it has {', '.join(definition.languages)}")
    if form == "csv":
        write(codebook.csv_text(definition, safe_cell), out)
    else:
        write(codebook.html(definition, language) if form == "html" else ddi.ddi(definition), out)
    if out is not None:
        click.echo(f"{shown(out)}: {len(definition.questions)} variables.")


def _definition(name: str) -> Definition:
    from ivr.survey.definition import Definition

    config = settings()
    path = Path(name)
    if not path.suffix:
        if not usable_name(name):
            raise Refused(f"{name!r} is no questionnaire's name")
        path = config.surveys / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(config.project().survey_names()) or "none"
        raise Refused(f"there is no questionnaire {shown(path)}; there are: {known}")
    checked = check_file(path, config.project())
    if not checked.ok or checked.program is None:
        raise click.ClickException(f"{shown(path)} has mistakes; see: ivr check {shown(path)}")
    survey = next(iter(checked.program.surveys.values()), None)
    if survey is None:
        raise Refused(f"{shown(path)} is no questionnaire")
    return Definition.from_json(survey.definition)


@command.command("bank")
@click.argument("words", nargs=-1)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def bank_(words: tuple[str, ...], form: str) -> None:
    """Questions of surveys/bank in which all the WORDS stand.

    They are looked for in names, titles, tags and texts of every language. The name of one question shows it whole.
    """
    from ivr.authoring import bankbook
    from ivr.survey.bank import read_bank

    project = settings().project()
    bank = read_bank(project.load(path) for path in project.bank_files())
    if bank.problems.errors:
        click.echo(f"The bank has mistakes; see: ivr check {shown(project.bank)}", err=True)
    every = bankbook.questions(bank)
    whole = next((question for question in every if words == (question.name,)), None)
    found = [whole] if whole else bankbook.search(every, words)
    if form == "json":
        click.echo(json.dumps([question.to_json() for question in found], indent=2, ensure_ascii=False))
    elif whole:
        _print_question(whole)
    elif found:
        _print_bank(found)
    else:
        where = shown(project.bank)
        click.echo(f"No question has these words; {len(every)} stand in {where}." if every else f"{where} is empty.")
    raise SystemExit(0 if found else 1)


def _print_bank(found: list[Question]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("name", "title", "kind", "range", "languages", "versions", "source"):
        table.add_column(head, overflow="fold", no_wrap=head == "name")
    for question in found:
        newest = question.versions[-1]
        numbers = ", ".join(str(version.version) for version in question.versions)
        cells = (question.name, question.title, newest.kind, newest.range, ", ".join(question.languages), numbers)
        table.add_row(*(Text(_visible(cell)) for cell in (*cells, question.source)))
    _console().print(table)


def _print_question(question: Question) -> None:
    from rich.table import Table

    lines = [f"{question.name}: {question.title}", f"  source     {question.source or '-'}"]
    lines += [f"  tags       {', '.join(question.tags) or '-'}", f"  use        use: {question.name}"]
    click.echo(_visible_lines(lines))
    for wording in question.versions:
        limits = f", {wording.range}" if wording.range else ""
        told = [f"\nversion {wording.version} ({question.name}@{wording.version}): {wording.kind}{limits}"]
        told += [f"  {language}  {text}" for language, text in wording.text.items()]
        told += [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in wording.settings.items()]
        click.echo(_visible_lines(told))
        if wording.values:
            table = Table(box=None, header_style="bold", pad_edge=False)
            for head in ("  key", "value", *question.languages):
                table.add_column(head, overflow="fold")
            for key, value, texts in wording.values:
                cells = (f"  {key}", value, *(texts.get(language, "") for language in question.languages))
                table.add_row(*(Text(_visible(cell)) for cell in cells))
            _console().print(table)


def _visible_lines(lines: list[str]) -> str:
    return "\n".join("\n" * line.startswith("\n") + _visible(line.lstrip("\n")) for line in lines)
