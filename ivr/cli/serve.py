"""`ivr serve`: become the server process of `esl_app.py`.

Law: replaces this process, because the server's monkey patch must come before every other import.
"""

from __future__ import annotations

import os
import sys

import click

PASSED_ON = ("config", "trace", "listen", "db", "spool")


@click.command("serve", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(exists=True, dir_okay=False), help="callweave.yaml.")
@click.option("--trace", type=click.Path(file_okay=False), help="Write what each call did to FOLDER/<call>.txt.")
@click.option("--listen", metavar="HOST:PORT", help="Instead of `listen` of callweave.yaml; port 0 takes a free one.")
@click.option("--db", metavar="URL", help="Instead of `database`.")
@click.option("--spool", type=click.Path(file_okay=False), help="Instead of `spool`: each worker needs its own.")
def command(**options: str | None) -> None:
    """Take calls from FreeSWITCH until TERM.

    HUP reads the flows again without dropping a call; TERM lets the calls on the line finish first.
    """
    arguments = [f"--{name}={options[name]}" for name in PASSED_ON if options[name]]
    environment = {**os.environ, "CALLWEAVE_STARTED_AS": "ivr serve"}  # what its messages call it
    os.execve(sys.executable, [sys.executable, "-m", "esl_app", *arguments], environment)
