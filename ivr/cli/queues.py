"""`ivr queues`: the flows' queues in, mod_callcenter's `<queue>` entries out.

Law: thin; what is said of a queue is the flow's and callweave.yaml's, how it looks is ``ivr.ops.queues``'s.
"""

from __future__ import annotations

from pathlib import Path

import click

from ivr.cli.settings import Refused, settings, write
from ivr.lang.check import check_file
from ivr.ops.queues import QueueError, Settings, merged, render


@click.group()
def command() -> None:
    """Render the queues for mod_callcenter."""


@command.command("render")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write this file, e.g. conf/autoload_configs/callweave_queues.xml.",
)
def render_command(output: Path | None) -> None:
    """Print a `<queue>` for each queue that a flow of callweave.yaml names, for callcenter.conf.xml.

    Put it between <queues> and </queues>, or include it there; then type `fs_cli -x reloadxml` and, for each queue,
    `fs_cli -x "callcenter_config queue load support@default"`. Agents and tiers are the call centre's own business.
    """
    config = settings()
    found: dict[str, Settings] = {}
    for flow in config.routing.flows():
        result = check_file(config.flow_file(flow), config.project())
        if result.program is None:
            raise Refused(f"{config.flow_file(flow)} has mistakes; see: ivr check {config.flow_file(flow)}")
        found |= {f"{flow}.{name}": said for name, said in merged(result.program.queues, config.queues).items()}
    if not found:
        raise Refused("no flow names a queue; see `queues` in docs/language.md")
    try:
        text = render(found)
    except QueueError as error:
        raise Refused(str(error)) from error
    write(text, output)
