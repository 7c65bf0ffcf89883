"""The `ivr` command: names its commands and imports one only when it runs, so that `ivr --help` stays quick.

Law: no work here. Exit status: 0 done, 1 the thing asked about is not well (mistakes found, a call failed), 2 the
question was wrong (usage, unreadable file).
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

#: command -> (module that holds `command`, what `ivr --help` says)
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("ivr.cli.check", "Find every mistake in flows and questionnaires."),
    "simulate": ("ivr.cli.simulate", "Call a flow from this terminal."),
    "test": ("ivr.cli.test", "Run the scripted calls beside the flows, with coverage."),
    "serve": ("ivr.cli.serve", "Take calls from FreeSWITCH."),
    "dial": ("ivr.cli.dial", "Call the people of the running campaigns."),
    "prompts": ("ivr.cli.prompts", "Build, check and list what callers hear."),
    "dialplan": ("ivr.cli.dialplan", "Render the FreeSWITCH dialplan."),
    "queues": ("ivr.cli.queues", "Render the queues for mod_callcenter."),
    "results": ("ivr.cli.results", "Calls, answers and figures."),
    "survey": ("ivr.cli.survey", "Questionnaires from spreadsheets, codebooks, the bank of questions."),
    "launch": ("ivr.cli.launch", "Freeze a questionnaire for the field, and follow it."),
    "campaign": ("ivr.cli.campaign", "Call the people of a list: make, start, watch and report campaigns."),
    "outbox": ("ivr.cli.outbox", "Who is to be called back, or told, because of what was answered."),
    "contacts": ("ivr.cli.contacts", "Lists of people to call, from spreadsheets and back."),
    "dnc": ("ivr.cli.dnc", "Numbers that are not called, and why."),
    "erase": ("ivr.cli.erase", "Remove a caller everywhere, and prove it."),
    "retain": ("ivr.cli.retain", "Remove what is older than it may be kept."),
    "export": ("ivr.cli.export", "Answers as CSV, Excel, Parquet, SPSS and more."),
    "report": ("ivr.cli.report", "One page of a survey's figures and charts."),
    "db": ("ivr.cli.db", "Create and upgrade the database."),
    "doctor": ("ivr.cli.doctor", "Say what is missing on this machine, and what to type."),
    "graph": ("ivr.cli.graph", "Draw a flow."),
}


class LazyGroup(click.Group):
    """A group whose commands are modules, imported on first use."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename:
                raise
            click.echo("Error: standard output cannot be written: the disk is full", err=True)
            out = sys.stdout
            if out is sys.__stdout__ and out is not None:
                # What is still in its buffer would be tried, and complained of, again.
                os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            sys.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callweave", prog_name="ivr")
def main() -> None:
    """Callweave: call flows and phone surveys as YAML, on FreeSWITCH."""
