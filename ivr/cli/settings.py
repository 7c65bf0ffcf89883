"""What commands share: the settings, or every mistake in them and exit status 2.

Law: words for the terminal only.
"""

from __future__ import annotations

import errno
from pathlib import Path

import click

from ivr.ops.config import Config, ConfigError, load_config


class Refused(click.ClickException):
    """The question was wrong: exit status 2."""

    exit_code = 2


def settings(path: Path | None = None) -> Config:
    """This installation's settings; a command stops here when they cannot be used."""
    try:
        return load_config(path)
    except ConfigError as error:
        raise Refused(f"the settings cannot be used:\n{error}") from error


def shown(path: Path) -> Path:
    """From the working directory when it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def trouble(error: OSError) -> str:
    """Why a file could not be written or read, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return error.strerror or str(error)


def write(text: str, output: Path | None) -> None:
    """``text`` to a file, or to the terminal."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{output}: cannot be written ({trouble(error)}); choose another file") from error
