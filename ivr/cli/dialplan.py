"""`ivr dialplan`: settings in, FreeSWITCH XML out.

Law: flags over settings, then ``ivr.ops.dialplan``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ivr.cli.settings import Refused, settings, write
from ivr.ops.config import Config
from ivr.ops.dialplan import DialplanError, Line, lines_of, render, template_folder


@click.group()
def command() -> None:
    """Render the FreeSWITCH dialplan."""


@command.command("render")
@click.option(
    "--number",
    "numbers",
    multiple=True,
    metavar="NUMBER[=PATH]",
    help="A called number, or a prefix ending in *; its calls carry this socket path. Repeatable.",
)
@click.option(
    "--worker",
    "workers",
    multiple=True,
    metavar="HOST:PORT",
    help="Where a Callweave server listens, as FreeSWITCH reaches it. Repeatable, tried in this order.",
)
@click.option("--context", help="Dialplan context the calls arrive in.")
@click.option(
    "--guard",
    "guard_s",
    type=click.IntRange(2, 300),
    metavar="SECONDS",
    help="Rescue a caller whom no worker has taken within this time.",
)
@click.option("--operator", metavar="EXTENSION", help="Last resort: a person, instead of an apology and hang-up.")
@click.option("--apology", metavar="FILE", help="Sound that the last resort plays.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file, e.g. conf/dialplan/public/callweave.xml.",
)
def render_command(
    numbers: tuple[str, ...],
    workers: tuple[str, ...],
    context: str | None,
    guard_s: int | None,
    operator: str | None,
    apology: str | None,
    output: Path | None,
) -> None:
    """Print the dialplan that brings calls here: a guard before the socket, a second try, a last resort.

    Put it into FreeSWITCH's conf/dialplan/<context>/ and type `fs_cli -x reloadxml`.
    """
    config = settings()
    flags = {"context": context, "guard_s": guard_s, "operator": operator, "apology": apology}
    chosen = replace(config.dialplan, **{key: value for key, value in flags.items() if value is not None})  # type: ignore[arg-type]
    pairs = [number.partition("=") for number in numbers]
    lines = [Line(number, path) for number, _, path in pairs] or lines_of(config)
    try:
        text = render(
            lines,
            chosen,
            workers=workers or chosen.workers or (_own_address(config),),
            secret=config.secret,
            templates=template_folder(config.root),
        )
    except DialplanError as error:
        raise Refused(str(error)) from error
    write(text, output)


def _own_address(config: Config) -> str:
    if config.listen.host in ("0.0.0.0", "::"):
        raise DialplanError(f"`listen: {config.listen}` names no machine; give --worker host:port")
    return str(config.listen)
