"""Options that several commands share.

Law: declares them and turns what was typed into values; does no work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ivr.cli.settings import settings
from ivr.store.engine import DEFAULT_URL, DatabaseUrlError, parse_url


def _checked(_context: click.Context, _option: click.Parameter, value: str | None) -> str:
    url = value or settings().database
    try:
        parse_url(url)
    except DatabaseUrlError as error:
        raise click.BadParameter(str(error)) from None
    return url


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--db URL`` as the argument ``db``: typed, else CALLWEAVE_DB, else callweave.yaml, else the default."""
    return click.option(
        "--db",
        envvar="CALLWEAVE_DB",
        metavar="URL",
        callback=_checked,
        help=f"Database; also CALLWEAVE_DB, or `database:` in callweave.yaml. Default: {DEFAULT_URL}",
    )(command)
