"""`ivr results`: calls as lines, one call as a transcript, answers as figures; as a table, CSV or JSON.

Law: presentation only; what is counted is ``ivr.results``'.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ivr.cli.db import away
from ivr.cli.options import database_option
from ivr.cli.settings import settings
from ivr.results import figures, queries
from ivr.results.cells import safe_cell
from ivr.results.queries import Scope
from ivr.store.engine import make_engine, shown_url
from ivr.store.pseudonym import KeyFileError, load_key, make_key
from ivr.store.upgrade import SchemaError, check_schema, is_empty_sqlite

Row = Sequence[Any]
#: Values shown of one question: an order number has as many as there are callers. CSV and JSON have all.
MOST_VALUES = 12


#: Commands that stand in modules of their own, imported when they run.
MORE = {
    "figures": "ivr.cli.analysis",
    "crosstab": "ivr.cli.analysis",
    "trend": "ivr.cli.analysis",
    "funnel": "ivr.cli.analysis",
    "rates": "ivr.cli.analysis",
    "example": "ivr.cli.example",
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *MORE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MORE:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(MORE[cmd_name]), cmd_name)
        return found


@click.group(cls=_Group)
def command() -> None:
    """Calls, answers and figures."""


@contextmanager
def reading_store(db: str, wait_ms: int = 5_000) -> Iterator[Connection]:
    """One snapshot of a database that is there and has this Callweave's schema; says so where it is not."""
    if is_empty_sqlite(db):
        raise click.ClickException(f"{shown_url(db)} is not there yet. Type: ivr db upgrade --db {shown_url(db)}")
    engine = make_engine(db, wait_ms=wait_ms)
    try:
        check_schema(engine)
        with queries.reading(engine) as connection:
            yield connection
    except SchemaError as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        raise away(db, error) from None


def _format_option(function: Callable[..., Any]) -> Callable[..., Any]:
    choice = click.Choice(["table", "csv", "json"])
    return click.option("--format", "as_", type=choice, default="table", show_default=True)(function)


def _since(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if not value:
        return None
    span = re.fullmatch(r"(\d{1,6})([mhd])", value)
    if span:
        unit = {"m": "minutes", "h": "hours", "d": "days"}[span[2]]
        return datetime.now(UTC) - timedelta(**{unit: int(span[1])})
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time; write 2026-11-22, 2026-11-22T14:30, 30m, 12h or 7d") from None
    return time.astimezone(UTC)  # without a zone it is this machine's


def since_option(text: str) -> Callable[..., Any]:
    return click.option("--since", callback=_since, metavar="TIME", help=text)


def _scope_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        since_option("2026-11-22, 2026-11-22T14:30, 30m, 12h, 7d"),
        click.option("--flow", default="", metavar="NAME", help="Only calls of this flow."),
        click.option("--survey", default="", metavar="NAME", help="Only this survey."),
    ):
        function = option(function)
    return function


_utc = click.option("--utc", is_flag=True, help="Times of the table in UTC, not in this machine's zone.")
_unmask = click.option("--unmask", is_flag=True, help="Show callers' numbers in full.")


@command.command("list")
@database_option
@_scope_options
@_format_option
@_utc
@_unmask
@click.option("-n", "--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
def list_(
    db: str, survey: str, flow: str, since: datetime | None, as_: str, utc: bool, unmask: bool, limit: int
) -> None:
    """Recent calls, the newest first.

    CSV and JSON have more than the table, and their times in UTC.
    """
    scope = Scope(flow, survey, since)
    with reading_store(db) as connection:
        calls = queries.recent_calls(connection, scope, limit=limit, unmask=unmask)
    if not calls and as_ == "table":
        click.echo(_nothing(db, "calls", scope))
        return
    if as_ == "table":
        _print_calls(calls, utc)
        return
    heads = ["call", "flow", "caller", "started", "seconds", "language", "ended by", "at step", "answers"]
    rows: list[Row] = [
        (
            line.call_id,
            line.flow,
            line.caller,
            _iso(line.started_at),
            _seconds(line.started_at, line.ended_at),
            line.language,
            _ended(line),
            line.end_node,
            line.answers,
            "; ".join(run.survey for run in line.runs),
            "; ".join(run.status for run in line.runs),
        )
        for line in calls
    ]
    _print([*heads, "survey", "survey status"], rows, as_)


def _print_calls(calls: Sequence[queries.CallLine], utc: bool) -> None:
    """What fits 80 columns: the rest is in `show`, and in the other formats."""
    zone = _zone([line.started_at for line in calls], utc)
    heads = ["call", "flow", "from", f"started\n({zone})", "s", "ended", "at step", "survey", "#"]
    rows: list[Row] = [
        (
            line.call_id[:8],
            line.flow,
            line.caller[-4:],
            _local(line.started_at, utc, "%m-%d %H:%M"),
            _seconds(line.started_at, line.ended_at),
            _ended(line),
            _step_lines(line.end_node),
            tuple(run.status for run in line.runs),
            line.answers,
        )
        for line in calls
    ]
    _print(heads, rows, "table")


def _step_lines(step: str) -> tuple[str, ...]:
    """A question of a survey is <step>.<question>: a long one stands below its step."""
    head, dot, rest = step.partition(".")
    return (head + dot, rest) if dot and len(step) > 13 else (step,)


def _ended(line: queries.CallLine) -> str:
    return line.ended_by or ("" if line.status == "ended" else "(live)")


@command.command()
@click.argument("call")
@database_option
@_format_option
@_utc
@_unmask
def show(call: str, db: str, as_: str, utc: bool, unmask: bool) -> None:
    """One call as a transcript. CALL is its id, or the beginning of it."""
    with reading_store(db) as connection:
        lines = queries.one_call(connection, call, unmask=unmask)
        if len(lines) > 1:
            several = "\n".join(f"  {line.call_id}" for line in lines)
            raise click.ClickException(f"{call!r} begins several calls:\n{several}")
        if not lines:
            raise click.ClickException(f"no call {call!r} in {shown_url(db)}; ivr results list shows the recent ones")
        line = lines[0]
        moments = queries.moments(connection, line)
    heads = ["time", "step", "what", "keys", "answer"]
    if as_ == "table":
        duration = _seconds(line.started_at, line.ended_at)
        click.echo(
            f"Call {line.call_id}\n  {_local(line.started_at, utc, '%Y-%m-%d, ')}flow {line.flow or '-'}, "
            f"caller {line.caller or '-'}, language {line.language or '-'}, "
            f"{f'{duration} s' if duration != '' else 'still going on'}"
        )
        heads[0] = f"time ({_zone([moment.at for moment in moments], utc)})"
        _print(heads, [(_local(moment.at, utc, "%H:%M:%S"), *_moment(moment)) for moment in moments], as_)
    else:
        _print(heads, [(_iso(moment.at), *_moment(moment)) for moment in moments], as_)


_SAID = {"digits": "pressed", "noinput": "silence", "nomatch": "wrong key", "hangup": "hung up"}
_TIMER = {"first": " (no key in time)", "between": " (no further key in time)"}


def _moment(moment: queries.Moment) -> Row:
    step = moment.question + (f" ({moment.occurrence})" if moment.occurrence > 1 else "")
    what = moment.what
    if what == "attempt":
        what = _SAID.get(moment.outcome, moment.outcome) + _TIMER.get(moment.timer, "")
    elif what == "survey":
        what = f"survey {moment.outcome}"
    elif what == "began":
        what = "call began"
    elif what == "ended":
        by = {
            "flow": "by the flow",
            "caller": "by the caller",
            "error": "by an error",
            "switch-lost": "switch lost",
            "transferred": "transferred away",
        }
        what = f"call ended {by.get(moment.outcome, moment.outcome)}"
    elif what == "changed":
        what = "answer, changed later"
    return (step, what, moment.keys, moment.value)


@command.command()
@database_option
@_scope_options
@_format_option
@click.option("--launch", default="", metavar="NAME", help="Only runs of this launch.")
def summary(db: str, survey: str, flow: str, since: datetime | None, as_: str, launch: str) -> None:
    """Survey completion, answers with their shares; silence, wrong keys and hang-ups apart."""
    scope = Scope(flow, survey, since, launch)
    with reading_store(db) as connection:
        questions = figures.question_figures(
            queries.answer_counts(connection, scope), queries.outcome_counts(connection, scope)
        )
        surveys = figures.survey_figures(queries.run_counts(connection, scope))
    if as_ == "json":
        click.echo(
            json.dumps({"surveys": _plain(surveys), "questions": _plain(questions)}, indent=2, ensure_ascii=False)
        )
    elif as_ == "csv":
        heads = ["survey", "question", "value", "count", "share", "answers", "mean", "silence", "wrong", "hangup"]
        _print(heads, [row for question in questions for row in _csv_rows(question)], as_)
    elif not questions and not surveys:
        click.echo(_nothing(db, "answers", scope))
    else:
        _print_surveys(surveys)
        _print_questions(questions)


def _csv_rows(question: figures.QuestionFigures) -> list[Row]:
    mean = "" if question.mean is None else round(question.mean, 4)
    rest = (question.answers, mean, question.silence, question.wrong, question.hangup)
    values: list[Row] = [(value.value, value.count, round(value.share, 4)) for value in question.values] or [
        ("", 0, "")
    ]
    return [(question.survey, question.question, *value, *rest) for value in values]


def _print_surveys(surveys: list[figures.SurveyFigures]) -> None:
    if not surveys:
        return
    heads = ["survey", "begun", "complete", "partial", "going on", "completion"]
    # Most questionnaires end in these two ways only.
    more = [how for how in ("screened_out", "quota_full", "refused") if any(getattr(s, how) for s in surveys)]
    rows: list[Row] = [
        (s.survey, s.begun, s.complete, s.partial, s.open, _percent(s.completion), *(getattr(s, how) for how in more))
        for s in surveys
    ]
    _print([*heads, *(how.replace("_", " ") for how in more)], rows, "table")


def _name(question: figures.QuestionFigures) -> str:
    return f"{question.survey} / {question.question}" if question.survey else question.question


def _print_questions(questions: list[figures.QuestionFigures]) -> None:
    """What was answered, with bars; then what each question was like to answer."""
    if not questions:
        return
    rows: list[Row] = []
    for question in questions:
        name = _name(question)
        for value in question.values[:MOST_VALUES]:
            rows.append((name, value.value, value.count, _percent(value.share), figures.bar(value.share)))
            name = ""
        if rest := question.values[MOST_VALUES:]:
            share = sum(value.share for value in rest)
            more = f"({len(rest)} more values)"
            rows.append(("", more, sum(value.count for value in rest), _percent(share), figures.bar(share)))
    if rows:
        click.echo()
        _print(["question", "answer", "count", "share", ""], rows, "table")
    click.echo()
    heads = ["question", "answers", "mean", "silence", "wrong key", "hang-up"]
    told: list[Row] = []
    for question in questions:
        mean = "" if question.mean is None else f"{question.mean:.2f}"
        told.append((_name(question), question.answers, mean, question.silence, question.wrong, question.hangup))
    _print(heads, told, "table")


def _plain(records: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            name: _plain(value) if isinstance(value, tuple) else value
            for name, value in ((field, getattr(record, field)) for field in record.__dataclass_fields__)
        }
        for record in records
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _seconds(start: datetime | None, end: datetime | None) -> int | str:
    return round((end - start).total_seconds()) if start and end else ""


def _iso(time: datetime | None) -> str:
    """For programs: in UTC."""
    return time.isoformat(timespec="milliseconds") if time else ""


def _local(time: datetime | None, utc: bool, form: str) -> str:
    """For people: in this machine's zone, unless they asked for UTC."""
    return time.astimezone(UTC if utc else None).strftime(form) if time else ""


def _zone(times: Sequence[datetime | None], utc: bool) -> str:
    """The zone that `_local` shows these times in; with summer time there may be two.

    By its offset: CST is China's and Chicago's.
    """
    offsets = (time.astimezone(UTC if utc else None).strftime("%z") for time in sorted(t for t in times if t))
    names = (f"UTC{o[0]}{int(o[1:3])}{':' + o[3:5] if o[3:5] != '00' else ''}" for o in offsets)
    return " / ".join(dict.fromkeys("UTC" if name in ("UTC+0", "UTC-0") else name for name in names)) or "no time"


def _nothing(db: str, what: str, scope: Scope) -> str:
    if scope != Scope():
        return f"No {what} fit; ask again without --flow, --survey, --launch or --since."
    return f"No {what} in {shown_url(db)} yet. They come with the first call: ivr serve"


def _visible(text: str) -> str:
    """Nothing a caller or a header brought may move the terminal's cursor."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _console() -> Console:
    """As wide as the terminal, or as COLUMNS says; a pipe or a file gets long lines."""
    told = Console().is_terminal or os.environ.get("COLUMNS")
    return Console(highlight=False, width=None if told else 160)


def _print(heads: Sequence[str], rows: Sequence[Row], as_: str) -> None:
    if as_ == "json":
        names = [head.replace(" ", "_") for head in heads]
        records = [dict(zip(names, row, strict=True)) for row in rows]
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    if as_ == "csv":
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows([safe_cell(cell) for cell in row] for row in rows)
        click.echo(out.getvalue(), nl=False)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, head in enumerate(heads):
        numeric = any(isinstance(row[i], int) for row in rows)
        table.add_column(head, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        cells = (cell if isinstance(cell, tuple) else (cell,) for cell in row)  # a tuple: one line each
        table.add_row(*(Text("\n".join(_visible(str(line)) for line in lines)) for lines in cells))
    _console().print(table)


@command.command("pseudonym-key")
@click.option("--key-file", type=click.Path(dir_okay=False, path_type=Path), help="Default: `data: pseudonym_key`.")
def pseudonym_key(key_file: Path | None) -> None:
    """Make the key that callers' pseudonyms in exports are made with. One that is there stays.

    Keep it away from the exports, and out of their backups: who has both can find out numbers by trying them.
    """
    path = key_file or settings().data.pseudonym_key
    try:
        made = make_key(path)
        load_key(path)
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{path}: {'made' if made else 'is there already, and stays'}.")
