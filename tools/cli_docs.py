"""Write docs/cli.md from what each command says with --help.

    python tools/cli_docs.py docs/cli.md

A test holds the page equal to the commands; `make golden` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ivr.cli.main import main as ivr

HEAD = """# The `ivr` command

Made from the commands themselves by `make golden`; a test holds it equal. Exit status: 0 done, 1 the thing asked
about is not well (mistakes found, a call failed), 2 the question was wrong (usage, unreadable file).
Settings come from the nearest `callweave.yaml`, or the one that `CALLWEAVE_CONFIG` names;
`CALLWEAVE_DB` names the database.
"""


def sections(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    # Help is wrapped to the terminal; here always to the same width.
    width = {"terminal_width": 100, "max_content_width": 100}
    # As it is typed, with the settings of the groups above.
    context = click.Context(command, parent=parent, info_name=name, **{**width, **command.context_settings})
    help_text = command.get_help(context)
    yield f"\n## {context.command_path}\n\n```\n{help_text}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            if inner is not None:
                yield from sections(inner, child, context)


def page() -> str:
    return HEAD + "".join(sections(ivr, "ivr"))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
