"""`ivr test`: run the scripted calls beside the flows and say which steps and ways nobody went.

Law: thin. Finding files and printing is here; playing and judging is ``hosts.tester``'s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from ivr.cli.settings import shown
from ivr.core.program import Program
from ivr.hosts.script import SUFFIX, ScriptedCall, ScriptError, load_calls
from ivr.hosts.tester import Coverage, Outcome, run_call
from ivr.lang.check import check_file
from ivr.ops.config import Projects


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("-k", "keyword", default="", help="Only calls whose name contains this.")
@click.option("-v", "--verbose", is_flag=True, help="Show what each call heard and did.")
@click.option("--min-coverage", type=click.IntRange(0, 100), default=0, help="Fail below this percentage of ways.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def command(paths: tuple[Path, ...], keyword: str, verbose: bool, min_coverage: int, style: str) -> None:
    """Run scripted calls (`*.calls.yaml` beside the flows) and report coverage.

    PATHS are flows, call files or folders; without any: the flows and surveys of callweave.yaml.
    """
    console = Console(highlight=False)
    projects = Projects()
    own = (projects.here.flows, projects.here.surveys)
    found = _call_files(paths or tuple(shown(folder) for folder in own if folder.is_dir()))
    if not found:
        raise click.UsageError(f"no scripted calls here: a flow's calls stand beside it in <flow>{SUFFIX}")
    report: list[dict[str, Any]] = []
    outcomes: list[Outcome] = []
    covered: list[Coverage] = []
    for file in found:
        program, calls = _load(file, projects)
        ran = [run_call(program, call) for call in calls if keyword in call.name]
        outcomes += ran
        covered.append(Coverage(program).add(ran))
        report.append({"file": str(file), "calls": [_plain(o) for o in ran], "coverage": _cover(covered[-1])})
        if style == "text":
            console.print(f"[bold]{file}[/bold]")
            for outcome in ran:
                _show(console, outcome, verbose)
    if not outcomes:
        raise click.UsageError(f'no call has "{keyword}" in its name' if keyword else "these files hold no calls")
    failed = [o for o in outcomes if not o.passed]
    ways, all_ways = sum(len(c.ways) for c in covered), sum(len(c.all_ways) for c in covered)
    share = 100 * ways // all_ways if all_ways else 100
    if style == "json":
        click.echo(json.dumps({"files": report, "failed": len(failed), "ways_percent": share}, ensure_ascii=False))
    else:
        if not keyword:
            _show_coverage(console, covered)
        good = len(outcomes) - len(failed)
        console.print(f"{good} passed, {len(failed)} failed", style="green" if not failed else "red")
    if failed or (share < min_coverage and not keyword):
        if share < min_coverage:
            click.echo(f"{share} % of the ways were gone, {min_coverage} % are asked for", err=True)
        raise SystemExit(1)


def _call_files(paths: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.rglob(f"*{SUFFIX}"))
        elif path.name.endswith(SUFFIX):
            found.append(path)
        elif (beside := path.with_name(path.stem + SUFFIX)).is_file():
            found.append(beside)
        else:
            raise click.UsageError(f"{path} has no scripted calls; write some in {beside}")
    return list(dict.fromkeys(found))


def _load(file: Path, projects: Projects) -> tuple[Program, list[ScriptedCall]]:
    """The flow that a file of calls is for, and the calls. Exits with 2 when either cannot be read."""
    flow = file.with_name(file.name.removesuffix(SUFFIX) + ".yaml")
    if not flow.is_file():
        raise click.UsageError(f"{file}: there is no {flow} that these calls could be for")
    result = check_file(flow, projects.of(flow))
    if result.program is None:
        raise click.UsageError(f"{flow} has mistakes; see: ivr check {flow}")
    try:
        return result.program, load_calls(file)
    except ScriptError as exc:
        raise click.UsageError(str(exc)) from exc


def _show(console: Console, outcome: Outcome, verbose: bool) -> None:
    mark = "[green]✓[/green]" if outcome.passed else "[red]✗[/red]"
    console.print(f"  {mark} {outcome.call.name} [dim]{outcome.duration_ms / 1000:.1f} s on the line[/dim]")
    for problem in outcome.problems:
        console.print(f"    [red]{outcome.call.file}:{outcome.call.line}:[/red] {problem}", soft_wrap=True)
    if verbose or not outcome.passed:
        for line in outcome.trace:
            console.print(f"      {line}", style="dim", markup=False, soft_wrap=True)


def _show_coverage(console: Console, covered: list[Coverage]) -> None:
    table = Table("flow", "steps", "ways", "", "never gone", title="coverage", title_justify="left")
    for one in covered:
        missed = [f"{step}: {way}" for step, way in one.missed_ways]
        shown = ", ".join(missed[:4]) + (f" and {len(missed) - 4} more" if len(missed) > 4 else "")
        table.add_row(
            one.program.flow,
            f"{len(one.all_steps) - len(one.missed_steps)}/{len(one.all_steps)}",
            f"{len(one.ways)}/{len(one.all_ways)}",
            ProgressBar(total=max(1, len(one.all_ways)), completed=len(one.ways), width=12),
            shown,
        )
    console.print(table)


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {"call": outcome.call.name, "line": outcome.call.line, "problems": outcome.problems, "trace": outcome.trace}


def _cover(one: Coverage) -> dict[str, Any]:
    return {
        "steps": [len(one.all_steps) - len(one.missed_steps), len(one.all_steps)],
        "ways": [len(one.ways), len(one.all_ways)],
        "missed_steps": one.missed_steps,
        "missed_ways": [list(w) for w in one.missed_ways],
    }
