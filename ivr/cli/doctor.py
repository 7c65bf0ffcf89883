"""`ivr doctor`: what is missing, and what to type.

Law: prints what ``ivr.ops.doctor`` finds.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from ivr.ops.config import Config, ConfigError, load_config
from ivr.ops.doctor import BAD, OK, WARN, Finding, examine

MARKS = {OK: ("✓", "green"), WARN: ("!", "yellow"), BAD: ("✗", "red")}


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@click.option("--strict", is_flag=True, help="This machine is to take calls: FreeSWITCH must be there.")
@click.option("--remote-control", is_flag=True, help="The control socket may be reached from other machines.")
@click.option("--config", "path", type=click.Path(path_type=Path), help="Settings to use; also CALLWEAVE_CONFIG.")
def command(form: str, strict: bool, remote_control: bool, path: Path | None) -> None:
    """Say what is missing on this machine, what that means, and what to type.

    Exit status 1 when something is missing (✗); a warning (!) is no failure.
    """
    config: Config | ConfigError
    try:
        config = load_config(path)
    except ConfigError as error:
        config = error
    findings = []
    for finding in examine(config, strict=strict, remote_control=remote_control):
        findings.append(finding)
        if form == "text":
            _print(finding)
    if form == "json":
        click.echo(json.dumps([finding.to_json() for finding in findings], indent=2, ensure_ascii=False))
    elif not any(finding.state == BAD for finding in findings):
        click.echo("Ready.")
    raise SystemExit(1 if any(finding.state == BAD for finding in findings) else 0)


def _print(finding: Finding) -> None:
    mark, colour = MARKS[finding.state]
    click.echo(f"{click.style(mark, fg=colour)} {finding.name:<11} {finding.what}")
    if finding.todo:
        click.echo(f"{'':<14}→ {finding.todo}")
