"""`ivr serve`: become the server process of `esl_app.py`.

Law: replaces this process, because the server's monkey patch must come before every other import.
"""

from __future__ import annotations

import os
import sys

import click


@click.command("serve", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "file", type=click.Path(exists=True, dir_okay=False), help="callweave.yaml.")
@click.option(
    "--trace", "folder", type=click.Path(file_okay=False), help="Write what each call did to FOLDER/<call>.txt."
)
def command(file: str | None, folder: str | None) -> None:
    """Take calls from FreeSWITCH until TERM.

    HUP reads the flows again without dropping a call; TERM lets the calls on the line finish first.
    """
    arguments = [*(["--config", file] if file else []), *(["--trace", folder] if folder else [])]
    os.execv(sys.executable, [sys.executable, "-m", "esl_app", *arguments])
