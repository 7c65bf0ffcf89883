"""`ivr results figures, crosstab, trend, funnel, rates`: what a questionnaire's answers say.

Law: presentation only; what is counted is ``ivr.results.reading``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from ivr.cli import showing
from ivr.cli.asking import Asked, asking, options, words
from ivr.cli.results import Row, _format_option, _print
from ivr.results.figures import bar
from ivr.results.reading import analysis, progress
from ivr.results.reading.analysis import Grouped
from ivr.results.reading.names import label_of
from ivr.results.reading.questions import QuestionResult
from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import Weighting
from ivr.results.stats.aapor import RATES

_language = click.option("--language", default="", metavar="LANG", help="Labels of options in this language.")


def _tell_weights(weighting: Weighting) -> None:
    """How the weights came about, before any weighted figure."""
    report = weighting.report
    if report is None:
        return
    ended = "converged" if report.converged else "NOT CONVERGED"
    click.echo(
        f"Weighted by {', '.join(weighting.names)}: {ended} after {len(report.iterations)} rounds,"
        f" largest deviation {report.deviation:.2g};\n  weights {report.min_weight:.2f} to {report.max_weight:.2f}"
        f"{f', {report.trimmed:.0f} at a limit' if report.trimmed else ''}; design effect {report.design_effect:.2f},"
        f" {report.n:.0f} runs count as {report.effective_n:.0f}"
    )


@click.command()
@options
@click.option("--by", callback=words, default="", metavar="NAME,...", help="For each agent, queue, week, answer ...")
@click.option("--question", default="", metavar="NAME", help="Only this question.")
@_language
@_format_option
def figures(asked: Asked, by: tuple[str, ...], question: str, language: str, as_: str) -> None:
    """Every question of SURVEY: shares, means and scores with their 95% intervals.

    Names in --where and --by: every question, <question>.missing, agent, queue, flow, launch, language, status,
    version, day, week, month, hour.
    """
    with asking(asked) as (reader, weighting):
        only = [reader.book.question(question).id] if question else []
        found = analysis.figures(reader, weighting, by, language, True, only)
        if as_ == "table":
            _tell_weights(weighting)
            _print_figures(reader, found, language)
            return
    rows = list(_figure_rows(found))
    heads = [
        "question",
        "kind",
        *by,
        "figure",
        "value",
        "label",
        "count",
        "estimate",
        "low",
        "high",
        "n",
        "effective n",
    ]
    _print(heads, rows, as_)


def _figure_rows(found: Grouped) -> Iterator[Row]:
    """One row for each number: a table that programs can turn as they like."""
    for group, results in found.groups.items():
        where = ["" if value is None else value for value in group]
        for result in results:
            head = [result.question.id, result.question.measure or result.question.kind, *where]
            tail = [result.n, showing.plain(result.effective_n, 3)]
            for option in result.options:
                yield [*head, "share", *_option_cells(option), *tail]
                if option.mean_rank is not None:
                    rank = showing.plain(option.mean_rank)
                    yield [*head, "mean rank", option.value, option.label, "", rank, "", "", *tail]
            for figure in result.figures:
                span = [figure.interval.low, figure.interval.high] if figure.interval else ["", ""]
                estimate = [figure.value, *span]
                yield [*head, figure.name, "", "", "", *map(showing.plain, estimate), *tail]
            for name in ("refused", "dont_know", "not_answered"):
                yield [*head, name, "", "", showing.plain(getattr(result, name)), "", "", "", *tail]


def _option_cells(option: Any) -> list[Any]:
    span = [option.interval.low, option.interval.high] if option.interval else ["", ""]
    return [option.value, option.label, *map(showing.plain, [option.count, option.share, *span])]


def _print_figures(reader: Reader, found: Grouped, language: str) -> None:
    definition = reader.book.definition
    runs = sum(found.runs.values())
    click.echo(f"{definition.title or definition.survey}: {runs} runs, {len(definition.questions)} questions")
    shown = next(iter(found.groups.values()))
    for at, question in enumerate(result.question for result in shown):
        results = {group: groups[at] for group, groups in found.groups.items()}
        click.echo(f"\n{question.id}  {question.title(language)}")
        if found.by:
            _print_groups(reader, found, results)
        else:
            _print_one(results[()])


def _print_one(result: QuestionResult) -> None:
    rows: list[Row] = []
    for option in result.options:
        span = showing.interval(option.interval)
        row = [f"  {showing.option_name(option)}", showing.count(option.count), showing.share(option.share), span]
        rank = [] if result.question.kind != "ranking" else [showing.number(option.mean_rank)]
        rows.append([*row, *rank, bar(option.share or 0)])
    if rows:
        ranked = ["first", "mean rank"] if result.question.kind == "ranking" else ["share"]
        _print(["  answer", "count", ranked[0], "95%", *ranked[1:], ""], rows, "table")
    base = f"n {result.n}"
    if abs(result.effective_n - result.n) > 0.5:
        base += f", effective {result.effective_n:.0f}"
    parts = [base, *map(showing.told, result.figures)]
    missing = showing.missing(result)
    click.echo("  " + "; ".join([*parts, *([f"missing: {missing}"] if missing else [])]))


def _print_groups(reader: Reader, found: Grouped, results: dict[Any, QuestionResult]) -> None:
    """A line for each group: n, the figures that matter, the share of each option."""
    sample = next(iter(results.values()))
    names = [figure.name for figure in sample.figures[:2]]
    heads = [*(f"  {name}" if at == 0 else name for at, name in enumerate(found.by)), "n", *names]
    heads += [showing.option_name(option) for option in sample.options]
    rows: list[Row] = []
    for group, result in results.items():
        cells = [label_of(reader.names[name].question, value) for name, value in zip(found.by, group, strict=True)]
        known = {figure.name: showing.told(figure).removeprefix(f"{figure.name} ") for figure in result.figures}
        shares = [showing.share(option.share, 0) for option in result.options]
        rows.append([f"  {cells[0]}", *cells[1:], result.n, *(known.get(name, "") for name in names), *shares])
    _print(heads, rows, "table")


@click.command()
@options
@click.argument("row")
@click.argument("column")
@_language
@_format_option
def crosstab(asked: Asked, row: str, column: str, language: str, as_: str) -> None:
    """ROW by COLUMN: percentages of each column, chi-square, and letters of the columns that are smaller.

    ROW and COLUMN are questions, or agent, queue, flow, launch, language, status, version, day, week, month, hour.
    """
    with asking(asked) as (reader, weighting):
        table = analysis.cross(reader, row, column, weighting, language)
        if as_ == "table":
            _tell_weights(weighting)
    shares = table.column_shares()
    if as_ != "table":
        cells: list[Row] = [
            [name, other, *map(showing.plain, (table.counts[i][j], shares[i][j])), table.letters[i][j].replace(" ", "")]
            for i, name in enumerate(table.rows)
            for j, other in enumerate(table.columns)
        ]
        _print([row, column, "count", "share of column", "larger than"], cells, as_)
        return
    if not table.total:
        click.echo(f"No run has a value of both {row} and {column}.")
        return
    heads = [row, *(f"{name}\n({letter})" for name, letter in zip(table.columns, table.column_letters, strict=True))]
    rows: list[Row] = []
    for at, name in enumerate(table.rows):
        marked = [
            f"{showing.share(share)} {letters.replace(' ', '')}".strip()
            for share, letters in zip(shares[at], table.letters[at], strict=True)
        ]
        total = showing.share(table.row_totals[at] / table.total)
        rows.append([name, *marked, total])
    rows.append(["n", *map(showing.count, table.column_totals), showing.count(table.total)])
    _print([*heads, "all"], rows, "table")
    _tell_test(table)


def _tell_test(table: Any) -> None:
    test = table.chi_square
    if test:
        click.echo(
            f"\nchi-square {test.statistic:.2f}, df {test.df}, p {showing.p_value(test.p)},"
            f" Cramer's V {test.cramers_v:.3f}"
        )
    if table.fisher_p is not None:
        click.echo(f"Fisher's exact p {showing.p_value(table.fisher_p)}")
    if table.warning:
        click.echo(f"warning: {table.warning}")
    if table.several:
        click.echo("\nSeveral answers of one person: shares are of people (n), and there is no chi-square.")
    if table.overlapping:
        click.echo("Columns have people in common, so they are not tested against each other.")
        return
    click.echo("A letter: this share is larger than that column's by more than chance (5%, Holm).")
    if table.not_tested:
        click.echo(f"Too few answers for letters (under 30): {', '.join(table.not_tested)}")


@click.command()
@options
@click.argument("question")
@click.option("--by", type=click.Choice(["day", "week", "month"]), default="week", show_default=True)
@click.option("--value", default="", metavar="OPTION", help="The option whose share is shown; else the most frequent.")
@_language
@_format_option
def trend(asked: Asked, question: str, by: str, value: str, language: str, as_: str) -> None:
    """QUESTION over time, each period tested against the one before."""
    with asking(asked) as (reader, weighting):
        found = analysis.trend(reader, question, by, weighting, value, language)
        if as_ == "table":
            _tell_weights(weighting)
    points = found.points
    if as_ != "table":
        rows: list[Row] = []
        for point in points:
            figure = point.figure
            span = [figure.interval.low, figure.interval.high] if figure and figure.interval else ["", ""]
            numbers = [figure.value if figure else None, *span, point.change, point.p]
            rows.append([point.bucket.key, point.n, found.name, *map(showing.plain, numbers)])
        _print([by, "n", "figure", "value", "low", "high", "change", "p"], rows, as_)
        return
    if not points:
        click.echo(f"No run of {asked.survey} has an answer to {question} here.")
        return
    values = [p.figure.value if p.figure and isinstance(p.figure.value, int | float) else None for p in points]
    rows = [
        [
            point.bucket.key,
            point.n,
            showing.amount(point.figure.value, found.unit) if point.figure else "",
            showing.interval(point.figure.interval, found.unit) if point.figure else "",
            "" if point.change is None else _change(point.change, found.unit),
            showing.p_value(point.p),
            mark,
        ]
        for point, mark in zip(points, showing.spark(values), strict=True)
    ]
    click.echo(f"{question}: {found.name}  {''.join(showing.spark(values))}")
    _print([by, "n", found.name, "95%", "change", "p", ""], rows, "table")
    click.echo("change: against the period before, * p < 0.05, ** p < 0.01, *** p < 0.001")


def _change(change: float, unit: str) -> str:
    return f"{100 * change:+.1f} pp" if unit == "share" else f"{change:+.1f}" if unit == "score" else f"{change:+.2f}"


@click.command()
@options
@_format_option
def funnel(asked: Asked, as_: str) -> None:
    """How far callers come: reached, answered, refused, broke off; silence, wrong keys and time of each question."""
    with asking(asked) as (reader, _weighting):
        found = progress.funnel(reader)
    heads = ["question", "reached", "answered", "refused", "does not know", "no answer", "broke off here"]
    heads += ["silence", "wrong key", "median s"]
    most = max((step.reached for step in found.steps), default=0)
    rows: list[Row] = []
    for step in found.steps:
        counts = [step.reached, step.answered, step.refused, step.dont_know, step.no_answer, step.broke_off]
        if as_ == "table":
            shares = [showing.share(step.silence.value), showing.share(step.wrong_key.value)]
            rows.append(
                [step.question.id, *counts, *shares, showing.number(step.median_s, 0), bar(step.reached / (most or 1))]
            )
        else:
            numbers = [step.silence.value, step.wrong_key.value, step.median_s]
            rows.append([step.question.id, *counts, *map(showing.plain, numbers)])
    if as_ == "table":
        ends = ", ".join(f"{n} {status}" for status, n in sorted(found.statuses.items(), key=lambda item: -item[1]))
        click.echo(f"{found.runs} runs: {ends or 'none'}")
    _print([*heads, ""] if as_ == "table" else heads, rows, as_)


@click.command()
@options
@click.option("--e", type=click.FloatRange(0, 1), default=None, help="Eligible share of the unknown; else estimated.")
@click.option("--complete-above", type=click.FloatRange(0, 1), default=0.8, show_default=True)
@click.option("--partial-from", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@_format_option
def rates(asked: Asked, e: float | None, complete_above: float, partial_from: float, as_: str) -> None:
    """AAPOR's response, cooperation, refusal and contact rates. SURVEY may be a launch.

    A run that broke off counts as complete, partial or broken off by the share of the questions that applied to it and
    were answered: those it was asked, and those without a condition that it did not come to.
    """
    with asking(asked) as (reader, _weighting):
        found = progress.rates(reader, None, e, complete_above, partial_from)
    if as_ == "json":
        told = {
            "dispositions": {case.code: n for case, n in found.dispositions.items()},
            "groups": {name: getattr(found.counts, name) for name in found.counts.__dataclass_fields__},
            "e": found.e,
            "rates": found.rates,
            "open": found.open,
            "resumed": found.resumed,
        }
        click.echo(json.dumps(told, indent=2))
        return
    if as_ == "csv":
        _print(["rate", "value"], [[name, showing.plain(value)] for name, value in found.rates.items()], as_)
        return
    cases: list[Row] = [
        [case.code, case.name.lower().replace("_", " "), case.group, n] for case, n in found.dispositions.items()
    ]
    _print(["code", "disposition", "group", "runs"], cases, "table")
    if found.open or found.resumed:
        click.echo(f"not counted: {found.open} whose calls go on, {found.resumed} that a later call goes on with")
    e_told = "-" if found.e is None else f"{found.e:.3f}"
    click.echo(f"e (eligible share of the unknown): {e_told}{' as estimated' if e is None else ''}\n")
    names = list(RATES)
    families = [[n for n in names if n.startswith(head)] for head in ("RR", "COOP", "REF", "CON")]
    table: list[Row] = [
        [text for name in family for text in (name, showing.share(found.rates[name]) or "-")]
        + [""] * (12 - 2 * len(family))
        for family in families
    ]
    _print([""] * 12, table, "table")
    if not found.counts.unknown and not found.counts.NC:
        click.echo("Only calls that began the questionnaire are here: these are rates of those who were reached.")
